// The rolling upgrade of etcd's guide from 3.1 to 3.2 (Documentation/upgrades/upgrade_3_2.md): in its order the health and the versions
// are looked at, a member is stopped, gets the other binary and is started, until all have it; and members log what the guide shows.
import {describe, expect, test} from 'vitest';
import type {RunRecord} from '../../history/run-record.ts';
import {parsePlan} from '../plan.ts';
import {runPlan} from '../run.ts';
import {planOf, runScenario} from '../run-scenario.ts';
import type {Step} from './steps.ts';

const MEMBERS = ['m1', 'm2', 'm3'];
const [OLD, NEW] = ['3.1.20', '3.2.32'];
const MEMBER_ID = '[0-9a-f]{1,16}';

/** Health of every endpoint, /version of every member and, once all are new, of the cluster: that is what wait-healthy asks. */
const GUIDE: readonly Step[] = [
  {kind: 'wait-healthy'},
  ...MEMBERS.flatMap((member): Step[] => [
    {kind: 'stop', member},
    ...(member === 'm1' ? [{kind: 'snapshot-save', member: 'm2'} as const] : []),
    {kind: 'replace-binary', member, release: NEW},
    {kind: 'start', member},
    {kind: 'wait-healthy'},
    // The old leader looks at versions every four seconds.
    {kind: 'wait', us: 5_000_000},
  ]),
];

function upgraded(seed: number): RunRecord {
  const plan = planOf('healthy', {seed, overrides: [{path: 'cluster.memberCount', value: 3}]});
  const cluster = {...plan.cluster, release: OLD};
  return runPlan(parsePlan({...plan, cluster, safetyUs: 3_000_000, steps: GUIDE}, 'guide'), {seed}).record;
}

type Note = Extract<RunRecord['timeline'][number], {kind: 'note'}>;
const notesOf = ({timeline}: RunRecord, text: RegExp): Note[] =>
  timeline.filter((event): event is Note => event.kind === 'note' && text.test(event.text));

describe.each([1, 2, 3])('seed %i', (seed) => {
  const record = upgraded(seed);
  const {timeline} = record;
  const timeOf = (kind: 'start' | 'stop', member: string) =>
    timeline.filter((event) => event.kind === kind && event.member === member).map(({atUs}) => atUs);

  test('every step is carried out, and nothing is found', () => {
    expect(record.findings).toEqual([]);
    expect(record.releases).toEqual([OLD, NEW]);
    expect(record.statistics.operationOkCount).toBeGreaterThan(50);
  });

  test('members come down and up one after the other', () => {
    const order = MEMBERS.flatMap((member) => [timeOf('stop', member)[0], timeOf('start', member)[1]]);
    expect(order).toEqual([...order].sort((a, b) => (a ?? 0) - (b ?? 0)));
    expect(order).not.toContain(undefined);
  });

  test('a leader that is stopped has handed leadership on: another leads before the election timeout is over', () => {
    const stopUs = new Map(MEMBERS.map((member) => [member, timeOf('stop', member)[0] ?? 0]));
    const leaders = timeline.filter((event) => event.kind === 'role' && event.role === 'leader');
    const led = MEMBERS.filter((member) => {
      const before = leaders.filter(({atUs}) => atUs < (stopUs.get(member) ?? 0) - 2_000_000).at(-1);
      return before !== undefined && 'member' in before && before.member === member;
    });
    expect(led.length).toBeGreaterThan(0);
    for (const member of led) {
      const endUs = stopUs.get(member) ?? 0;
      expect(leaders.some(({atUs}) => atUs > endUs - 500_000 && atUs < endUs + 500_000)).toBe(true);
    }
  });

  test('each new process publishes itself', () => {
    for (const member of MEMBERS) {
      const published = notesOf(
        record,
        new RegExp(`^published {Name:${member} ClientURLs:\\[http://.*\\]} to cluster `),
      );
      expect(published.filter((note) => note.member === member)).toHaveLength(2);
      expect(published.at(-1)?.atUs).toBeGreaterThan(timeOf('start', member)[1] ?? Number.POSITIVE_INFINITY);
    }
  });

  test('as long as an old member leads it says that others are newer, and not after that', () => {
    const behind = notesOf(record, /^the local etcd version 3\.1\.20 is not up-to-date$/);
    const higher = notesOf(record, new RegExp(`^member ${MEMBER_ID} has a higher version 3\\.2\\.32$`));
    expect(higher.length).toBe(behind.length);
    const [firstUs, lastUs] = [timeOf('start', 'm1')[1] ?? 0, timeOf('stop', 'm3')[0] ?? 0];
    for (const {atUs} of [...behind, ...higher]) expect(atUs > firstUs && atUs < lastUs).toBe(true);
  });

  test('the cluster reports 3.2 behind the last member, on every member', () => {
    const lastUs = timeOf('start', 'm3')[1] ?? Number.POSITIVE_INFINITY;
    for (const member of MEMBERS) {
      const lines = notesOf(record, /cluster version|capabilities/).filter((note) => note.member === member);
      expect(lines.slice(-2).map(({text}) => text)).toEqual([
        'updated the cluster version from 3.1 to 3.2',
        'enabled capabilities for version 3.2',
      ]);
      expect(lines.at(-2)?.atUs).toBeGreaterThan(lastUs);
    }
  });
});

test('some old leader had something to say', () => {
  const texts = [1, 2, 3].flatMap((seed) => notesOf(upgraded(seed), /not up-to-date/));
  expect(texts.length).toBeGreaterThan(0);
});

test.each([
  ['3.1.20,3.2.32', 4],
  ['3.0.17,3.1.20,3.2.32,3.3.27', 5],
  ['3.1.0,3.1.20,3.2.0,3.2.32', 6],
])('rolling-upgrade --path %s', (path, seed) => {
  const record = runScenario('rolling-upgrade', {seed, overrides: [{path: 'path', value: path}]});
  expect(record.findings).toEqual([]);
  expect(record.releases).toEqual(path.split(','));
});

test('a minor between 3.0 and 3.3 may be skipped: nothing stops it', () => {
  for (const path of ['3.0.17,3.2.32', '3.1.20,3.3.27']) {
    const record = runScenario('skip-minor', {seed: 1, overrides: [{path: 'path', value: path}]});
    expect(record.findings, path).toEqual([]);
  }
});

test('3.0 cannot open what 3.3 has written: the file has no freelist; 3.2.10 can, and is told that it is too old', () => {
  const backTo = (release: string, refused: string): RunRecord => {
    const plan = planOf('healthy', {seed: 1, overrides: [{path: 'cluster.memberCount', value: 3}]});
    const steps: Step[] = [
      {kind: 'wait-healthy'},
      {kind: 'stop', member: 'm1'},
      {kind: 'replace-binary', member: 'm1', release},
      {kind: 'start', member: 'm1', refused},
      {kind: 'replace-binary', member: 'm1', release: '3.3.27'},
      {kind: 'start', member: 'm1'},
      {kind: 'wait-healthy'},
    ];
    const cluster = {...plan.cluster, release: '3.3.27'};
    return runPlan(parsePlan({...plan, cluster, safetyUs: 3_000_000, steps}, 'back'), {seed: 1}).record;
  };
  expect(backTo('3.0.17', 'index out of range').findings).toEqual([]);
  expect(backTo('3.2.9', 'index out of range').findings).toEqual([]);
  const text = 'cluster cannot be downgraded (current version: 3.2.10 is lower than determined cluster version: 3.3).';
  expect(backTo('3.2.10', text).findings).toEqual([]);
});
