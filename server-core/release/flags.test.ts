// The table of flags against what is known of single releases, and against the tables of gates and renamed flags.
import {expect, test} from 'vitest';
import {EXPERIMENTAL, featureGatesOf, RENAMED_FLAGS} from './feature-gates.ts';
import {flagNamed, flagsOf, hasFlag} from './flags.ts';
import {RELEASED} from './released.ts';

const has = (release: string, name: string): boolean => {
  const flag = flagNamed(name);
  return flag !== undefined && hasFlag(release, flag);
};

// Counted in the source of each release; real 3.3.25, 3.4.23 and 3.5.16 were asked for every name there is and took these.
test.each([
  ['3.0.17', 60],
  ['3.3.25', 81],
  ['3.4.23', 99],
  ['3.5.16', 125],
  ['3.6.0', 151],
  ['3.7.0', 126],
])('%s has %i flags', (release, count) => {
  expect(flagsOf(release)).toHaveLength(count);
});

test.each([
  ['next-cluster-version-compatible', ['3.4.31', '3.4.45'], ['3.4.30', '3.5.0', '3.7.0']],
  ['experimental-compact-hash-check-enabled', ['3.5.5', '3.6.14'], ['3.4.45', '3.5.4', '3.7.0']],
  ['experimental-enable-lease-checkpoint-persist', ['3.4.20', '3.5.2', '3.6.0'], ['3.4.19', '3.5.1', '3.7.0']],
  ['auth-token-ttl', ['3.3.23', '3.4.10', '3.5.0'], ['3.2.32', '3.3.22', '3.4.9']],
  ['enable-v2', ['3.2.0', '3.5.33'], ['3.1.20', '3.6.0']],
  ['debug', ['3.0.0', '3.4.45'], ['3.5.0']],
  ['v2-deprecation', ['3.5.0', '3.7.0'], ['3.4.45']],
  ['discovery', ['3.0.0', '3.6.14'], ['3.7.0']],
])('--%s is there in %o and not in %o', (name, there, away) => {
  expect(there.map((release) => has(release, name))).toEqual(there.map(() => true));
  expect(away.map((release) => has(release, name))).toEqual(away.map(() => false));
});

test('3.6 takes a renamed flag under both names, 3.7 under the short one only, and no --experimental at all', () => {
  for (const name of RENAMED_FLAGS) {
    expect([name, has('3.6.0', name), has('3.6.0', EXPERIMENTAL + name)]).toEqual([name, true, true]);
    expect([name, has('3.5.33', name), has('3.7.0', EXPERIMENTAL + name)]).toEqual([name, false, false]);
  }
  expect(flagsOf('3.7.1').filter((name) => name.startsWith(EXPERIMENTAL))).toEqual([]);
  const oldFlags = featureGatesOf('3.7.0').flatMap(({oldFlag}) => oldFlag ?? []);
  expect(oldFlags.map((name) => [has('3.6.14', name), has('3.7.0', name)])).toEqual(oldFlags.map(() => [true, false]));
});

test('every release that is played knows how to be given a name, a place and a cluster', () => {
  const releases = RELEASED.map(({release}) => release).filter((release) => /^3\.[0-7]\./.test(release));
  expect(releases.length).toBeGreaterThan(190);
  for (const release of releases) {
    const needed = ['name', 'data-dir', 'initial-cluster', 'force-new-cluster', 'quota-backend-bytes'];
    expect([release, ...needed.filter((name) => !has(release, name))]).toEqual([release]);
  }
});
