// Flags and histories of a plan: what is refused in one line, and what flags do to members in the course of a plan.
import {expect, test} from 'vitest';
import {InputError} from '../base/input-error.ts';
import type {RunRecord} from '../history/run-record.ts';
import type {Step} from './life/steps.ts';
import type {Plan} from './plan.ts';
import {parsePlan} from './plan.ts';
import {runPlan} from './run.ts';
import {planOf} from './run-scenario.ts';

/** A calm plan of three members. */
function planWith(release: string, flags: Record<string, string>, steps: readonly Step[] = []): Plan {
  const plan = planOf('healthy', {seed: 1, overrides: [{path: 'cluster.memberCount', value: 3}]});
  return parsePlan(
    {...plan, cluster: {...plan.cluster, snapshotCount: 10_000, release, flags}, safetyUs: 3_000_000, steps},
    'p.json',
  );
}

const run = (plan: Plan): RunRecord => runPlan(plan, {seed: 5}).record;

/** Stops a member and starts it as another release; `ends`: what it says as it ends. */
const replaced = (member: string, release: string, ends?: string): Step[] => [
  {kind: 'stop', member},
  {kind: 'replace-binary', member, release},
  {kind: 'start', member, ...(ends === undefined ? {} : {ends: [{member, text: ends}]})},
];

test.each<[string, Record<string, string>, string]>([
  [
    '3.7.0',
    {'experimental-corrupt-check-time': '1s'},
    'etcd 3.7.0 does not start: flag provided but not defined: -exp',
  ],
  ['3.6.0', {'feature-gates': 'No=true'}, 'for flag -feature-gates: unrecognized feature gate: No'],
  ['3.6.0', {logger: 'zap'}, '--logger: the simulation has nothing that it would change'],
  ['3.6.0', {'3.4:pre-vote': 'true'}, 'no member runs 3.4; they run 3.6.0'],
  ['3.6.0', {'max-leaners': '2'}, '--max-leaners: etcd has no such flag'],
])('founders of %s with %o', (release, flags, message) => {
  expect(() => planWith(release, flags)).toThrow(InputError);
  expect(() => planWith(release, flags)).toThrow(message);
  expect(() => planWith(release, flags)).toThrow('p.json: plan: at cluster.flags: ');
});

test('a release that comes later is looked through for what is not simulated, and may refuse the rest', () => {
  const steps = replaced('m1', '3.7.0', 'flag provided but not defined: -experimental-max');
  expect(() => planWith('3.6.0', {'3.7:log-level': 'debug'}, steps)).toThrow('--log-level: the simulation has nothing');
  expect(planWith('3.6.0', {'experimental-corrupt-check-time': '1s'}, steps).cluster.flags).toEqual({
    'experimental-corrupt-check-time': '1s',
  });
});

test.each([
  ['nonsense', 'there are fresh, promoted-learner'],
  ['came-from:3.4.23', 'came-from:3.4.23, but the founders run 3.6.0'],
])('a history named %s', (history, message) => {
  const plan = planOf('healthy', {seed: 1});
  expect(() => parsePlan({...plan, history}, 'p.json')).toThrow(InputError);
  expect(() => parsePlan({...plan, history}, 'p.json')).toThrow(message);
  expect(parsePlan({...plan, history: 'came-from:3.6.0'}, 'p.json').history).toBe('came-from:3.6.0');
});

test('3.7 ends over an --experimental flag in the middle of an upgrade; with the new name it does not', () => {
  const flag = 'experimental-compact-hash-check-enabled';
  const ends = replaced('m2', '3.7.0', `flag provided but not defined: -${flag}`);
  const record = run(planWith('3.6.0', {[flag]: 'true'}, [{kind: 'wait-healthy'}, ...ends]));
  expect(record.findings).toEqual([]);
  const stopped = record.timeline.flatMap((event) => (event.kind === 'stop' ? [event.message ?? ''] : []));
  expect(stopped.at(-1)).toContain(`flag provided but not defined: -${flag}`);

  const flags = {[`3.6:${flag}`]: 'true', '3.7:feature-gates': 'CompactHashCheck=true'};
  const fine = run(
    planWith('3.6.0', flags, [{kind: 'wait-healthy'}, ...replaced('m2', '3.7.0'), {kind: 'wait-healthy'}]),
  );
  expect(fine.findings).toEqual([]);
});

test('--next-cluster-version-compatible takes a member of 3.4 into a cluster of 3.5, which it cannot join without', () => {
  const before: Step[] = [{kind: 'wait-healthy'}];
  const flags = {'3.4:next-cluster-version-compatible': 'true'};
  const down = ['m1', 'm2', 'm3'].flatMap((name): Step[] => [...replaced(name, '3.4.31'), {kind: 'wait-healthy'}]);
  expect(run(planWith('3.5.16', flags, [...before, ...down])).findings).toEqual([]);
  const [first] = run(planWith('3.5.16', {}, [...before, ...down])).findings;
  expect(first).toMatchObject({check: 'panic'});
});

test('--max-learners lets a second learner in', () => {
  const add = ['m4', 'm5'].flatMap((member): Step[] => [
    {kind: 'add', member, learner: true, release: '3.6.0'},
    {kind: 'start', member},
  ]);
  const steps: Step[] = [{kind: 'wait-healthy'}, ...add, {kind: 'wait-healthy'}];
  expect(run(planWith('3.6.0', {'max-learners': '2'}, steps)).findings).toEqual([]);
  expect(run(planWith('3.6.0', {}, steps)).findings[0]?.message).toContain('too many learner');
});

const foundBy = (bootstrap: 'static' | 'discovery', release: string, scenario = 'healthy'): Plan => {
  const plan = planOf(scenario, {seed: 1, overrides: [{path: 'cluster.memberCount', value: 3}]});
  return parsePlan({...plan, cluster: {...plan.cluster, release, bootstrap}}, 'p.json');
};

test.each(['3.6.0', '3.7.0'])('founders of %s find each other by discovery, and are the same cluster', (release) => {
  const [found, told] = [run(foundBy('discovery', release)), run(foundBy('static', release))];
  expect(found.findings).toEqual([]);
  const listOf = ({cluster}: RunRecord) => cluster?.snapshots.at(-1)?.raft?.voters;
  expect(listOf(found)).toHaveLength(3);
  expect(listOf(found)).toEqual(listOf(told));
  expect(found.statistics.marks).toHaveProperty(['bootstrap: found the cluster by discovery'], 3);
  expect(run(foundBy('discovery', release)).digest).toBe(found.digest);
});

test('who was found by discovery does not ask again when it dies', () => {
  const record = run(foundBy('discovery', '3.6.0', 'crash-restart'));
  expect(record.findings).toEqual([]);
  expect(record.timeline.filter(({kind}) => kind === 'start').length).toBeGreaterThan(3);
  expect(record.statistics.marks).toHaveProperty(['bootstrap: found the cluster by discovery'], 3);
});

test('discovery is refused where founders do not know it, and where faults come too early', () => {
  expect(() => foundBy('discovery', '3.5.16')).toThrow('etcd 3.5.16 has no v3 discovery; 3.6 brought it');
  const plan = foundBy('discovery', '3.6.0');
  const kill = {kind: 'kill', atUs: 10, durationUs: 10, target: {who: 'all'}};
  expect(() => parsePlan({...plan, faults: [kill]}, 'p.json')).toThrow('no fault begins before 1000000 us');
});
