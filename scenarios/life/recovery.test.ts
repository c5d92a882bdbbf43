// A cluster that comes back from a snapshot: under a higher revision, and under an older release than the snapshot's.
import {describe, expect, test} from 'vitest';
import type {RunRecord} from '../../history/run-record.ts';
import {parsePlan} from '../plan.ts';
import {runPlan} from '../run.ts';
import {planOf} from '../run-scenario.ts';
import {saveSteps} from './histories.ts';
import type {Step} from './steps.ts';

const RESTORED = ['m4', 'm5', 'm6'];
const restore = (release: string, more: object = {}): Step =>
  ({kind: 'snapshot-restore', members: RESTORED, release, ...more}) as Step;
const GO_ON: Step[] = [{kind: 'wait-healthy'}, {kind: 'traffic', flow: 'resume'}, {kind: 'wait', us: 500_000}];

function run(release: string, behind: readonly Step[]): RunRecord {
  const plan = planOf('healthy', {seed: 1, overrides: [{path: 'cluster.memberCount', value: 3}]});
  const steps = [...saveSteps(['m1']), ...behind];
  const read = parsePlan({...plan, cluster: {...plan.cluster, release}, safetyUs: 1_000_000, steps}, 'test');
  return runPlan(read, {seed: 5}).record;
}

const revisionsOf = ({operations}: RunRecord): number[] =>
  operations.flatMap(({outcome}) => (outcome.kind === 'ok' ? [outcome.response.revision] : []));

describe('a revision that is raised', () => {
  const spend: Step = {kind: 'spend-revisions', count: 20};

  test('is not told twice, although the snapshot is older than the last writes', () => {
    const record = run('3.5.33', [spend, restore('3.5.33', {bumpRevision: 20, markCompacted: true}), ...GO_ON]);
    expect(record.findings).toEqual([]);
    expect(record.cluster?.snapshots.some(({hash}) => (hash?.compactRevision ?? 0) > 20)).toBe(true);
  });

  test('without the raise the revisions come again, and that is found', () => {
    const {findings} = run('3.5.33', [spend, restore('3.5.33'), ...GO_ON]);
    expect(findings.map(({check}) => check)).toContain('linearizability');
  });

  test('a tool that has no such flags refuses, and nothing has happened', () => {
    const raised = {bumpRevision: 20, markCompacted: true};
    const refused = restore('3.4.23', {...raised, refused: 'unknown flag: --bump-revision'});
    const record = run('3.4.23', [refused, {kind: 'traffic', flow: 'resume'}, {kind: 'wait-healthy'}]);
    expect(record.findings).toEqual([]);
    expect(Math.max(...revisionsOf(record))).toBeGreaterThan(2);
    expect(run('3.4.23', [restore('3.4.23', raised)]).findings).toMatchObject([
      {check: 'cluster-life', message: expect.stringContaining('unknown flag: --bump-revision')},
    ]);
    expect(run('3.5.33', [restore('3.5.33', {refused: 'unknown flag'})]).findings).toMatchObject([
      {check: 'cluster-life', message: expect.stringContaining("was not refused with 'unknown flag'")},
    ]);
    expect(run('3.5.33', [restore('3.5.33', {bumpRevision: 20})]).findings).toMatchObject([
      {message: expect.stringContaining('--mark-compacted required')},
    ]);
  });
});
