// server-core/release/release.ts: release numbers, and the question every behaviour asks of one: is it on this side of a change?
// A change lands on several branches at once (3.4.x, 3.5.y and 3.6.0), so a switch point is a list of first releases, one a branch.
import {assert, must} from '../../base/assert.ts';

/** A release as numbers. */
export interface Release {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

const RELEASE = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/** Reads `3.5.16`; undefined for anything else. */
export function parseRelease(text: string): Release | undefined {
  const match = RELEASE.exec(text);
  if (match === null) return undefined;
  return {major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3])};
}

/** Reads a release that was checked before; anything else is an error in our own code. */
export function releaseOf(text: string): Release {
  return must(parseRelease(text), `not a release: ${text}`);
}

/** `3.5.16` -> `3.5`. */
export function minorOf(text: string): string {
  const {major, minor} = releaseOf(text);
  return `${major}.${minor}`;
}

/** Negative, zero or positive as `a` is older than, equal to or newer than `b`. */
export function compareReleases(a: Release, b: Release): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

/**
 * Does the release have a change that first came with the named releases, one for each branch that got it? Branches newer than
 * the newest named one have it; branches that are not named, but lie below the newest, never got it.
 * isSince('3.5.16', '3.6.0', '3.5.14', '3.4.32') is true; isSince('3.3.25', '3.4.20') is false.
 */
export function isSince(release: string, ...firsts: readonly string[]): boolean {
  assert(firsts.length > 0, 'a change has a first release');
  const {major, minor, patch} = releaseOf(release);
  let isBeyondAll = true;
  for (const text of firsts) {
    const first = releaseOf(text);
    if (first.major === major && first.minor === minor) return patch >= first.patch;
    if (first.major > major || (first.major === major && first.minor > minor)) isBeyondAll = false;
  }
  return isBeyondAll;
}
