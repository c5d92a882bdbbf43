// A plan of `etcdsim run --plan` as real clusters go through it: where kills come, which addresses there are, and what is refused.
import {expect, test} from 'vitest';
import {InputError} from '../../base/input-error.ts';
import type {Step} from '../../scenarios/life/steps.ts';
import type {Fault, Plan} from '../../scenarios/plan.ts';
import {planOf} from '../../scenarios/run-scenario.ts';
import {planLife} from './life-plan.ts';
import {describeUpgradeStep} from './upgrade-plan.ts';

const WAITS: readonly Step[] = [1_000, 2_000, 3_000, 4_000].map((us) => ({kind: 'wait', us}));
const lifeOf = (changes: Partial<Plan>): Plan => ({
  ...planOf('grow-with-learners', {seed: 1, overrides: [{path: 'cluster.memberCount', value: 3}]}),
  faults: [],
  steps: [...WAITS],
  safetyUs: 8_000_000,
  ...changes,
});
const kill = (atUs: number, target: Fault['target']): Fault => ({kind: 'kill', atUs, durationUs: 500_000, target});

test('a kill comes behind as many steps as its time is of the time for faults', () => {
  const faults = [
    kill(8_000_000, {who: 'all'}),
    kill(4_100_000, {who: 'leader'}),
    kill(4_000_000, {who: 'members', count: 2}),
    kill(0, {who: 'followers', count: 1}),
  ];
  expect(planLife(lifeOf({faults}), 1).steps.map(describeUpgradeStep)).toEqual([
    'kill 1 followers for 500 ms',
    'wait 1 ms',
    'wait 2 ms',
    'kill 2 members for 500 ms',
    'kill leader for 500 ms',
    'wait 3 ms',
    'wait 4 ms',
    'kill all for 500 ms',
  ]);
});

test('members up to the highest name that joins have an address', () => {
  const add: Step = {kind: 'add', member: 'm6', release: '3.5.16', learner: false};
  const {founders, joiners, snapshotCount} = planLife(lifeOf({steps: [add]}), 1);
  expect(founders).toEqual(['m1', 'm2', 'm3']);
  expect(joiners).toEqual(['m4', 'm5', 'm6']);
  expect(snapshotCount).toBe(lifeOf({}).cluster.snapshotCount);
  expect(planLife(lifeOf({}), 1).joiners).toEqual([]);
});

test.each<[Partial<Plan>, string]>([
  [
    {faults: [{kind: 'slow-disk', atUs: 0, durationUs: 1, target: {who: 'leader'}, factor: 9}]},
    'real clusters know no slow-disk',
  ],
  [
    {faults: [kill(0, {who: 'all'}), {kind: 'power-off', atUs: 0, durationUs: 1, target: {who: 'all'}}]},
    'know no power-off',
  ],
  [
    {steps: [{kind: 'start', member: 'm1', ends: [{member: 'm2', text: 'x'}], endsCountMin: 0}]},
    'step 0 (start): real clusters know no endsCountMin',
  ],
  [{cluster: {...lifeOf({}).cluster, bootstrap: 'discovery'}}, 'real clusters know no bootstrap by discovery'],
])('what real clusters cannot be put through is refused: %j', (changes, words) => {
  const attempt = (): unknown => planLife(lifeOf(changes), 1);
  expect(attempt).toThrow(InputError);
  expect(attempt).toThrow(words);
});
