// A cluster that comes back from a snapshot: under a higher revision, and under an older release than the snapshot's.
import {describe, expect, test} from 'vitest';
import type {RunRecord} from '../../history/run-record.ts';
import {parsePlan} from '../plan.ts';
import {runPlan} from '../run.ts';
import {planOf, runScenario} from '../run-scenario.ts';
import {saveSteps} from './histories.ts';
import type {Step} from './steps.ts';

const RESTORED = ['m4', 'm5', 'm6'];
const restore = (release: string, more: object = {}): Step =>
  ({kind: 'snapshot-restore', members: RESTORED, release, ...more}) as Step;
const GO_ON: Step[] = [{kind: 'wait-healthy'}, {kind: 'traffic', flow: 'resume'}, {kind: 'wait', us: 500_000}];

function run(release: string, behind: readonly Step[]): RunRecord {
  const plan = planOf('healthy', {seed: 1, overrides: [{path: 'cluster.memberCount', value: 3}]});
  const steps = [...saveSteps(['m1']), ...behind];
  const cluster = {...plan.cluster, release, walSegmentBytes: 32 * 1024, backendBatchLimit: 10_000};
  const traffic = {...plan.traffic, clientCount: 2, operationsPerSecond: 50};
  const read = parsePlan({...plan, cluster, traffic, safetyUs: 1_000_000, steps}, 'test');
  return runPlan(read, {seed: 5}).record;
}

const revisionsOf = ({operations}: RunRecord): number[] =>
  operations.flatMap(({outcome}) => (outcome.kind === 'ok' ? [outcome.response.revision] : []));

describe('a snapshot under an older release', () => {
  const lost = (text: string) => RESTORED.map((member) => ({member, text}));

  test.each([
    ['3.7.0', '3.6.14', 'version "3.7.0" is not supported'],
    ['3.6.14', '3.4.45', 'unsupported storage version: 3.6.0'],
  ])('%s under %s: all end with %s, and the newer one takes it', (from, to, text) => {
    const again: Step = {kind: 'snapshot-restore', members: ['m7', 'm8', 'm9'], release: from};
    const record = run(from, [restore(to, {ends: lost(text)}), again, ...GO_ON]);
    expect(record.findings).toEqual([]);
    expect(record.statistics.marks['member ended as its release does']).toBe(3);
    const [first, ...others] = run(from, [restore(to)]).findings;
    expect(first).toMatchObject({check: 'panic', message: expect.stringContaining(text)});
    expect(others[0]?.message).toContain('before the cluster listed any member: ');
  });

  test('ends that do not come are missed', () => {
    expect(run('3.5.33', [restore('3.4.45', {ends: lost('unsupported')})]).findings).toMatchObject([
      {check: 'cluster-life', message: expect.stringContaining("did not end with 'unsupported'")},
    ]);
  });

  test('one that would keep a wrong mark is refused, and more than two releases', () => {
    const path = (value: string) => () => planOf('disaster-recovery', {seed: 1, overrides: [{path: 'path', value}]});
    expect(path('3.6.0,3.5.16')).toThrow('3.5.16 begins with a store that says it is of 3.6.0');
    expect(path('3.5.16,3.6.0,3.7.0')).toThrow('one release, or two');
    expect(path('3.7.0,3.6.14')().steps).toContainEqual(
      expect.objectContaining({kind: 'snapshot-restore', ends: expect.any(Array)}),
    );
  });
});

describe('older binaries where newer ones have been', () => {
  test('3.4 on files of 3.5 is left out: it would leave members without client URLs in the backend', () => {
    const overrides = [{path: 'path', value: '3.4.23,3.5.26'}];
    const plan = planOf('upgrade-then-rollback', {seed: 71, overrides});
    expect(JSON.stringify(plan.steps)).not.toContain('refused');
    expect(runPlan(plan, {seed: 71}).record.findings).toEqual([]);
  });

  test.each([
    ['mixed-forever', '3.3.27,3.4.45', 'ConfChange type should be', 1],
    ['upgrade-then-rollback', '3.0.17,3.1.20', 'is lower than determined cluster version', 1],
    ['upgrade-then-rollback', '3.3.27,3.4.45', 'is lower than determined cluster version', 1],
    ['upgrade-then-rollback', '3.5.33,3.6.14', 'is lower than determined cluster version', 1],
    ['upgrade-then-rollback', '3.6.14,3.7.1', 'version "3.7.0" is not supported', 1],
  ])('%s --path %s ends a member with %s', (scenario, path, text, count) => {
    const overrides = Object.entries({path, 'cluster.memberCount': 3, history: 'fresh', faults: []});
    const plans = Array.from({length: 8}, (_, seed) => ({
      seed,
      overrides: overrides.map(([name, value]) => ({path: name, value})),
    }));
    const drawn = plans.find((options) => /"(ends|refused)"/.test(JSON.stringify(planOf(scenario, options).steps)));
    const record = runScenario(scenario, drawn ?? (plans[0] as (typeof plans)[0]));
    expect(record.findings).toEqual([]);
    const ends = record.timeline.filter((event) => event.kind === 'stop' && (event.message ?? '').includes(text));
    expect(ends).toHaveLength(count);
  });
});

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
