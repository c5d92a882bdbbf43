import {describe, expect, test} from 'vitest';
import {compareReleases, isSince, minorOf, parseRelease, releaseOf} from './release.ts';

describe('isSince', () => {
  const has = (release: string) => isSince(release, '3.4.22', '3.5.6', '3.6.0');

  test('within a branch that got the change, the patch decides', () => {
    expect([has('3.4.21'), has('3.4.22'), has('3.5.5'), has('3.5.6')]).toEqual([false, true, false, true]);
  });

  test('a branch below all that got it never has it, one above all has it', () => {
    expect([has('3.3.27'), has('3.0.0'), has('3.6.0'), has('3.7.1'), has('4.0.0')]).toEqual([
      false,
      false,
      true,
      true,
      true,
    ]);
  });

  test('a branch between two that got it, but not named, does not have it', () => {
    expect(isSince('3.5.99', '3.4.0', '3.6.0')).toBe(false);
  });
});

test('releases are read whole or not at all', () => {
  expect(parseRelease('3.5')).toBeUndefined();
  expect(parseRelease('v3.5.1')).toBeUndefined();
  expect(parseRelease('3.5.1-rc.0')).toBeUndefined();
  expect(releaseOf('3.5.16')).toEqual({major: 3, minor: 5, patch: 16});
  expect(minorOf('3.5.16')).toBe('3.5');
  expect(compareReleases(releaseOf('3.5.16'), releaseOf('3.5.9'))).toBeGreaterThan(0);
});
