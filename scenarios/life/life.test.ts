// A cluster's life as steps: what plans may say, what an operator finds, and what a rolling upgrade looks like from outside.
import {describe, expect, test} from 'vitest';
import {InputError} from '../../base/input-error.ts';
import type {RunRecord} from '../../history/run-record.ts';
import type {Plan} from '../plan.ts';
import {parsePlan} from '../plan.ts';
import {runPlan} from '../run.ts';
import {planOf, runScenario} from '../run-scenario.ts';
import type {Step} from './steps.ts';

const lifeOf = (scenario: string, path: string, more: Record<string, unknown> = {}) => ({
  scenario,
  overrides: Object.entries({path, ...more}).map(([name, value]) => ({path: name, value})),
});

/** A calm plan of three members with these steps. */
function planWith(release: string, steps: readonly Step[]): Plan {
  const plan = planOf('healthy', {seed: 1, overrides: [{path: 'cluster.memberCount', value: 3}]});
  return parsePlan({...plan, cluster: {...plan.cluster, release}, safetyUs: 3_000_000, steps}, 'test');
}

const run = (release: string, steps: readonly Step[]): RunRecord => runPlan(planWith(release, steps), {seed: 5}).record;
const notesOf = ({timeline}: RunRecord): string[] =>
  timeline.flatMap((event) => (event.kind === 'note' ? [`${event.member} ${event.text}`] : []));

describe('what cannot be', () => {
  test.each([
    ['rolling-upgrade', '3.4.23,3.6.0', '3.4.23 -> 3.6.0 skips a minor; scenario skip-minor does that'],
    ['rolling-upgrade', '3.5.16,3.4.23', 'is no upgrade; scenario rolling-downgrade goes down'],
    ['rolling-upgrade', '3.5.16', 'at least 2 releases'],
    ['rolling-upgrade', '3.5.16,3.6.99', "there is no etcd release '3.6.99'; the nearest is 3.6.14"],
    ['rolling-upgrade', '2.3.8,3.0.0', 'its minor is not played'],
    ['rolling-downgrade', '3.5.33,3.4.45', 'a cluster can be downgraded from 3.6 on'],
    ['skip-minor', '3.4.23,3.5.16', 'two releases with a minor between them'],
    ['grow-with-learners', '3.3.25', 'it has no learners'],
    ['healthy', '3.4.23,3.5.16', '--path: healthy has no path of releases'],
  ])('%s --path %s is refused in one line', (scenario, path, message) => {
    const {overrides} = lifeOf(scenario, path);
    expect(() => planOf(scenario, {seed: 1, overrides})).toThrow(InputError);
    expect(() => planOf(scenario, {seed: 1, overrides})).toThrow(message);
  });

  test.each([
    ['nonsense', 'there are fresh, promoted-learner'],
    ['came-from:3.6.0', 'which is not newer'],
  ])('--history %s', (history, message) => {
    const {overrides} = lifeOf('rolling-upgrade', '3.4.23,3.5.16', {history});
    expect(() => planOf('rolling-upgrade', {seed: 1, overrides})).toThrow(message);
  });

  test.each<[Step[], string]>([
    [[{kind: 'stop', member: 'm7'}], 'step 0 (stop): there is no member m7; there are m1, m2, m3'],
    [[{kind: 'start', member: 'm1'}], 'm1 runs already'],
    [[{kind: 'replace-binary', member: 'm1', release: '3.6.0'}], 'm1 runs; stop it first'],
    [
      [
        {kind: 'remove', member: 'm1'},
        {kind: 'restart', member: 'm1'},
      ],
      'm1 is no longer part of the cluster',
    ],
    [[{kind: 'add', member: 'm2', release: '3.5.16', learner: false}], 'm2 was part of the cluster already'],
    [
      [{kind: 'snapshot-restore', members: ['m4'], release: '3.5.16'}],
      'step 0 (snapshot-restore): no step before it saves a snapshot',
    ],
    [
      [
        {kind: 'defragment', member: 'leader'},
        {kind: 'start', member: 'm2'},
      ],
      'step 1 (start): m2 runs already',
    ],
    [
      [
        {kind: 'restart', member: 'follower'},
        {kind: 'start', member: 'same'},
      ],
      'm1 runs already',
    ],
    [[{kind: 'start', member: 'same'}], 'no step before it is about a member'],
    [
      [{kind: 'wait-healthy'}, {kind: 'start', member: 'm1', ends: [{member: 'm9', text: 'x'}]}],
      'there is no member m9',
    ],
  ])('steps that cannot be meant: %j', (steps, message) => {
    expect(() => planWith('3.5.16', steps)).toThrow(message);
  });

  test('what may be meant is left alone: a leader that was stopped may be any of them', () => {
    const steps: Step[] = [
      {kind: 'stop', member: 'leader'},
      {kind: 'start', member: 'same'},
      {kind: 'stop', member: 'leader'},
      {kind: 'start', member: 'm2'},
    ];
    expect(planWith('3.5.16', steps).steps).toEqual(steps);
  });

  test('a plan from before there were steps is read, and has none', () => {
    const {steps, history, ...old} = planOf('healthy', {seed: 3});
    expect(parsePlan(old, 'old.json')).toEqual({...old, steps: [], history: 'fresh'});
    expect([steps, history]).toEqual([[], 'fresh']);
  });
});

describe('what the operator finds', () => {
  test('a refusal that does not come', () => {
    const [finding] = run('3.5.16', [
      {kind: 'wait-healthy'},
      {kind: 'downgrade', action: 'validate', to: '3.4', refused: 'etcdserver: invalid downgrade target version'},
    ]).findings;
    expect(finding).toMatchObject({check: 'cluster-life', message: expect.stringContaining('was not refused with')});
  });

  test('a member that is down is missed', () => {
    const {findings} = run('3.5.16', [
      {kind: 'wait-healthy'},
      {kind: 'kill', member: 'm2'},
      {kind: 'kill', member: 'm3'},
      {kind: 'wait-healthy'},
    ]);
    expect(findings[0]?.message).toMatch(/^step 3 \(wait-healthy\): after 20 s: m1 answers \/health with 503/);
  });

  test('an older binary on newer data ends with the words of its release, and only where that is expected', () => {
    const swap = (start: Step): Step[] => [
      {kind: 'wait-healthy'},
      {kind: 'stop', member: 'm2'},
      {kind: 'replace-binary', member: 'm2', release: '3.5.16'},
      start,
    ];
    const text = 'invalid downgrade; server version is lower than determined cluster version';
    const back: Step[] = [
      {kind: 'replace-binary', member: 'm2', release: '3.6.0'},
      {kind: 'start', member: 'm2'},
      {kind: 'wait-healthy'},
    ];
    expect(run('3.6.0', [...swap({kind: 'start', member: 'm2', refused: text}), ...back]).findings).toEqual([]);
    expect(run('3.6.0', swap({kind: 'start', member: 'm2'})).findings).toMatchObject([
      {check: 'panic', message: expect.stringContaining(text)},
    ]);
  });
});

describe('lives', () => {
  test('a lone member that is stopped in the middle of writes forgets nothing that it committed', () => {
    // 3.3 commits a lone voter's entry before it is stored, so what raft's loop began it has to finish.
    const plan = planOf('healthy', {seed: 1, overrides: [{path: 'cluster.memberCount', value: 1}]});
    const traffic = {...plan.traffic, clientCount: 20, operationsPerSecond: 2000};
    const restarts = Array.from({length: 25}, (): Step[] => [
      {kind: 'stop', member: 'm1'},
      {kind: 'start', member: 'm1'},
      {kind: 'wait-healthy'},
    ]);
    const lone = parsePlan(
      {...plan, cluster: {...plan.cluster, release: '3.3.25'}, traffic, steps: restarts.flat()},
      'lone',
    );
    const {record} = runPlan(lone, {seed: 7});
    expect(record.findings).toEqual([]);
    expect(record.timeline.filter(({kind}) => kind === 'start')).toHaveLength(26);
  });

  test('three minors: every member is swapped twice, and the version rises behind the last one each time', () => {
    const {scenario, overrides} = lifeOf('rolling-upgrade', '3.4.23,3.5.16,3.6.0', {
      history: 'fresh',
      'cluster.memberCount': 3,
    });
    const [first, second] = [runScenario(scenario, {seed: 1, overrides}), runScenario(scenario, {seed: 1, overrides})];
    expect(first.findings).toEqual([]);
    expect(second.digest).toBe(first.digest);
    expect(first.releases).toEqual(['3.4.23', '3.5.16', '3.6.0']);
    for (const member of ['m1', 'm2', 'm3']) {
      const starts = first.timeline.filter((event) => event.kind === 'start' && event.member === member);
      expect(starts.map((event) => 'release' in event && event.release)).toEqual(['3.4.23', '3.5.16', '3.6.0']);
      expect(notesOf(first)).toContain(`${member} updated cluster version from 3.5.0 to 3.6.0`);
    }
    const raised = first.timeline.find((event) => event.kind === 'note' && event.text.endsWith('from 3.4.0 to 3.5.0'));
    const lastSwap = first.timeline.filter((event) => event.kind === 'start' && event.release === '3.5.16').at(-1);
    expect(raised?.atUs).toBeGreaterThan(lastSwap?.atUs ?? Number.POSITIVE_INFINITY);
  });

  test.each(['promoted-learner', 'replaced-member', 'restored', 'forced-new', 'came-from:3.4.45'])(
    'a cluster with the history %s is upgraded like any other',
    (history) => {
      const {scenario, overrides} = lifeOf('rolling-upgrade', '3.5.33,3.6.14', {history, 'cluster.memberCount': 3});
      const record = runScenario(scenario, {seed: 2, overrides});
      expect(record.findings).toEqual([]);
      expect(record.plan['history']).toBe(history);
      expect(record.statistics.operationOkCount).toBeGreaterThan(50);
    },
  );

  test.each([
    ['3.3.27,3.5.33', 0],
    ['3.4.23,3.6.14', 1],
    ['3.4.45,3.6.14', 2],
    ['3.5.33,3.7.1', 1],
  ])('skipping from %s ends %i processes as their releases do', (path, count) => {
    const {scenario, overrides} = lifeOf('skip-minor', path, {'cluster.memberCount': 3});
    const {findings, statistics} = runScenario(scenario, {seed: 1, overrides});
    expect(findings).toEqual([]);
    expect(statistics.marks['member ended as its release does'] ?? 0).toBe(count);
  });
});
