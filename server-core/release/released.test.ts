// The table against the project's list of releases, and what users are told who name something else.
import {existsSync, readFileSync} from 'node:fs';
import {expect, test} from 'vitest';
import {InputError} from '../../base/input-error.ts';
import {featureGatesOf, parseFeatureGates} from './feature-gates.ts';
import {FlagRefusal} from './flag-refusal.ts';
import {checkRelease, isPlayable, isReleased, nearestReleased, newestOf, RELEASED, releasesOf} from './released.ts';

const ORACLE = new URL('../../../shared/data/releases/etcd-releases.json', import.meta.url);

interface OracleRelease {
  readonly version: string;
  readonly date: string;
}

const message = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return 'no error';
};

/** The list lies beside the project, not in it. */
const isListThere = existsSync(ORACLE);

test.skipIf(!isListThere)('every release is in the table with its day, and no other', () => {
  const listed = JSON.parse(readFileSync(ORACLE, 'utf8')) as OracleRelease[];
  expect(new Map(RELEASED.map(({release, day}) => [release, day]))).toEqual(
    new Map(listed.map(({version, date}) => [version, date])),
  );
});

test('the table has 245 releases, up to 3.7.1', () => {
  expect(RELEASED).toHaveLength(245);
  expect(RELEASED.at(-1)?.release).toBe('3.7.1');
});

test('3.0 to 3.7 are played, what is older is only known', () => {
  expect([isPlayable('3.0.0'), isPlayable('3.7.1'), isPlayable('2.3.8'), isPlayable('3.5.99')]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect([isReleased('0.4.9'), isReleased('2.3.8'), isReleased('3.8.0')]).toEqual([true, true, false]);
  expect(newestOf('3.5')).toBe('3.5.33');
  expect(releasesOf('9.9')).toEqual([]);
});

test.each([
  ['3.5', '3.5.33'],
  ['v3.5.16', '3.5.16'],
  ['3.5.99', '3.5.33'],
  ['3.5.16-rc.1', '3.5.16'],
  ['3.8.0', '3.7.1'],
  ['2.3.8', '3.0.0'],
  ['0.4.6', '3.0.0'],
  ['latest', '3.7.1'],
])('the nearest to %s is %s', (text, nearest) => {
  expect(nearestReleased(text)).toBe(nearest);
});

test('a release that cannot be played is refused with the nearest one', () => {
  expect(checkRelease('3.5.16', '--release')).toBe('3.5.16');
  expect(checkRelease('v3.5.16', '--release')).toBe('3.5.16');
  expect(message(() => checkRelease('3.5.99', '--release'))).toBe(
    "--release: there is no etcd release '3.5.99'; the nearest is 3.5.33",
  );
  expect(message(() => checkRelease('2.3.8', 'plan.json'))).toBe(
    'plan.json: etcd 2.3.8 is a release, but its minor is not played; 3.0 to 3.7 are, the nearest is 3.0.0',
  );
});

test('gates of a release, and how they are set', () => {
  expect(featureGatesOf('3.5.33')).toEqual([]);
  expect(featureGatesOf('3.6.0').map(({name}) => name)).not.toContain('PriorityRequest');
  expect(featureGatesOf('3.7.1')).toHaveLength(9);
  const settings = parseFeatureGates('3.7.0', 'AllAlpha=true,PriorityRequest=false,FastLeaseKeepAlive=F');
  expect(settings.get('CompactHashCheck')).toBe(true);
  expect(settings.get('PriorityRequest')).toBe(false);
  expect(settings.get('FastLeaseKeepAlive')).toBe(false);
  expect(settings.get('TxnModeWriteWithSharedBuffer')).toBe(true);
});

test.each([
  [
    '3.6.0',
    'Nothing=true',
    {},
    'invalid value "Nothing=true" for flag -feature-gates: unrecognized feature gate: Nothing',
  ],
  [
    '3.6.0',
    'PriorityRequest=true',
    {},
    'invalid value "PriorityRequest=true" for flag -feature-gates: unrecognized feature gate: PriorityRequest',
  ],
  [
    '3.6.0',
    'CompactHashCheck',
    {},
    'invalid value "CompactHashCheck" for flag -feature-gates: missing bool value for CompactHashCheck',
  ],
  [
    '3.6.0',
    'CompactHashCheck=yes',
    {},
    'invalid value "CompactHashCheck=yes" for flag -feature-gates: invalid value of CompactHashCheck=yes, err: strconv.ParseBool: parsing "yes": invalid syntax',
  ],
  [
    '3.6.0',
    'LeaseCheckpointPersist=true',
    {},
    'enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint',
  ],
  [
    '3.6.0',
    'CompactHashCheck=true',
    {'experimental-compact-hash-check-enabled': false},
    'cannot specify both flags: --experimental-compact-hash-check-enabled=false and --feature-gates=CompactHashCheck=true at the same time, please just use --feature-gates=CompactHashCheck=true',
  ],
  [
    '3.7.0',
    '',
    {'experimental-initial-corrupt-check': true},
    'flag provided but not defined: -experimental-initial-corrupt-check',
  ],
  ['3.5.16', 'CompactHashCheck=true', {}, 'flag provided but not defined: -feature-gates'],
  [
    '3.5.16',
    '',
    {'experimental-enable-lease-checkpoint-persist': true},
    'setting experimental-enable-lease-checkpoint-persist requires experimental-enable-lease-checkpoint',
  ],
])('%s with --feature-gates=%s and %o is refused', (release, text, oldFlags, expected) => {
  expect(() => parseFeatureGates(release, text, new Map(Object.entries(oldFlags)))).toThrow(new FlagRefusal(expected));
});

test('an old flag sets its gate where both are known, and stands alone before', () => {
  const flags = new Map([['experimental-initial-corrupt-check', true]]);
  expect(parseFeatureGates('3.6.0', '', flags).get('InitialCorruptCheck')).toBe(true);
  expect(parseFeatureGates('3.5.16', '', flags).get('InitialCorruptCheck')).toBe(true);
});
