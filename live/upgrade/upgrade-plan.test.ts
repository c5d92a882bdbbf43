// What a plan holds: the order of a seed, the refusals at the end, snapshots where a newer release needs them, and what is no upgrade.
import {describe, expect, test} from 'vitest';
import {InputError} from '../../base/input-error.ts';
import {
  describeUpgradeStep,
  planDowngrade,
  planUpgrade,
  type UpgradePlan,
  type UpgradePlanOptions,
} from './upgrade-plan.ts';

const plan = (given: Partial<UpgradePlanOptions>): UpgradePlan =>
  planUpgrade({path: ['3.4.23', '3.5.16'], memberCount: 3, seed: 1, how: 'stop', ...given});
const texts = (given: Partial<UpgradePlanOptions>): string[] => plan(given).steps.map(describeUpgradeStep);

test('every member is taken once for each release, and the older binary is tried on newer data and as a new member', () => {
  expect(texts({memberCount: 1})).toEqual([
    'stop m1',
    'replace-binary m1 by 3.5.16',
    'start m1',
    'wait-healthy',
    'stop m1',
    'replace-binary m1 by 3.4.23',
    'start m1',
    'replace-binary m1 by 3.5.16',
    'start m1',
    'wait-healthy',
    'add m2 (3.4.23, learner)',
    'start m2',
    'remove m2',
    'wait-healthy',
  ]);
});

test('a seed gives one order, and other seeds give others', () => {
  expect(plan({seed: 7})).toEqual(plan({seed: 7}));
  const orders = Array.from({length: 20}, (_, seed) => texts({seed}).slice(0, 12).join());
  expect(new Set(orders).size).toBe(6);
});

test('--kill takes members down with SIGKILL for their new binary', () => {
  const steps = texts({how: 'kill', memberCount: 5});
  expect(steps.filter((text) => text.startsWith('kill'))).toHaveLength(5);
});

test('each release that was left behind has its own member that tries to join, and its own words when it is refused', () => {
  const {joiners, steps} = plan({path: ['3.3.25', '3.4.23', '3.5.16', '3.6.0', '3.7.0']});
  expect(joiners).toEqual(['m4', 'm5', 'm6', 'm7']);
  const refusals = steps.flatMap((step) => (step.kind === 'start' && step.refused ? [step.refused] : []));
  expect(refusals).toEqual([
    'cluster cannot be downgraded',
    'cluster cannot be downgraded',
    'invalid downgrade',
    'is not supported',
    ...Array.from({length: 4}, () => 'incompatible with current running cluster'),
  ]);
});

test('a patch of the same minor is nothing that could be refused', () => {
  expect(texts({path: ['3.5.16', '3.5.17'], memberCount: 1})).toHaveLength(4);
});

describe('snapshots are forced where the log holds what a later release ends on', () => {
  test.each<[string, number]>([
    ['3.3.25,3.4.23,3.5.16', 0],
    ['3.5.16,3.6.0', 0],
    ['3.6.0,3.7.0', 0],
    ['3.4.23,3.5.16,3.6.0', 2],
    ['3.5.16,3.6.0,3.7.0', 3],
  ])('%s', (path, count) => {
    const {steps, snapshotCount} = plan({path: path.split(',')});
    expect(steps.filter(({kind}) => kind === 'write')).toHaveLength(count);
    expect(snapshotCount !== undefined).toBe(count > 0);
  });
});

describe('what is no upgrade is refused in one line', () => {
  test.each([
    ['3.5.16', 'at least 2 releases'],
    ['3.5.16,3.4.23', '3.5.16 -> 3.4.23 is no upgrade'],
    ['3.3.25,3.5.16', '3.3.25 -> 3.5.16 skips a minor'],
    ['3.5.16,3.5.15', '3.5.16 -> 3.5.15 is no upgrade'],
    ['3.5.16,3.6.999', '3.6.999'],
    ['nonsense,3.5.16', 'nonsense'],
  ])('%s', (path, words) => {
    const act = (): UpgradePlan => plan({path: path.split(',')});
    expect(act).toThrow(InputError);
    expect(act).toThrow(words);
    expect(act).toThrow('--etcd');
    expect(act).not.toThrow('--path');
    expect(act).not.toThrow('\n');
  });
});

test('a downgrade begins with a job, and with what a job cannot have as its target', () => {
  const {steps} = planDowngrade({path: ['3.6.0', '3.5.16'], memberCount: 1, seed: 1, how: 'stop'});
  expect(steps.map(describeUpgradeStep)).toEqual([
    'downgrade validate 3.3',
    'downgrade validate 3.5',
    'downgrade enable 3.5',
    'downgrade enable 3.5',
    'wait-downgrade-ready',
    'stop m1',
    'replace-binary m1 by 3.5.16',
    'start m1',
    'wait-healthy',
  ]);
  expect(steps.map((step) => 'refused' in step && step.refused !== undefined)).toEqual([
    ...[true, false, false, true],
    ...Array.from({length: 5}, () => false),
  ]);
});

test.each([
  ['3.5.16,3.4.23', 'a cluster can be downgraded from 3.6 on'],
  ['3.5.16,3.6.0', 'is not one minor down'],
  ['3.6.0', 'at least 2 releases'],
])('%s is no downgrade', (path, words) => {
  const act = (): UpgradePlan => planDowngrade({path: path.split(','), memberCount: 3, seed: 1, how: 'stop'});
  expect(act).toThrow(InputError);
  expect(act).toThrow(words);
});
