// server-core/release/released.ts: the releases there are, which of them are played, and what to say to one that is not there.
// The table is the project's own list of tags; minors 3.0 to 3.7 are played, 0.x and 2.x are known by name only so far.
import {must} from '../../base/assert.ts';
import {InputError} from '../../base/input-error.ts';
import {compareReleases, parseRelease, releaseOf} from './release.ts';
import {RELEASED_DAYS} from './released-table.ts';

/** One release. */
export interface Released {
  /** As in `3.5.16`. */
  readonly release: string;
  /** As in `3.5`. */
  readonly minor: string;
  /** The day of its tag, `YYYY-MM-DD`. */
  readonly day: string;
}

/** Every release, oldest minor first. */
export const RELEASED: readonly Released[] = Object.freeze(
  Object.entries(RELEASED_DAYS).flatMap(([minor, days]) =>
    days.split(' ').map((day, patch) => Object.freeze({release: `${minor}.${patch}`, minor, day})),
  ),
);

const BY_RELEASE: ReadonlyMap<string, Released> = new Map(RELEASED.map((released) => [released.release, released]));

/** The minors that can be played, oldest first. */
export const PLAYABLE_MINORS: readonly string[] = Object.freeze([
  '3.0',
  '3.1',
  '3.2',
  '3.3',
  '3.4',
  '3.5',
  '3.6',
  '3.7',
]);

const PLAYABLE: readonly Released[] = RELEASED.filter(({minor}) => PLAYABLE_MINORS.includes(minor));

/** Is there a release of that name, played or not? */
export function isReleased(release: string): boolean {
  return BY_RELEASE.has(release);
}

/** Is it a release whose minor is played? */
export function isPlayable(release: string): boolean {
  const released = BY_RELEASE.get(release);
  return released !== undefined && PLAYABLE_MINORS.includes(released.minor);
}

/** The releases of a minor, oldest first; none for a minor that there is not. */
export function releasesOf(minor: string): readonly string[] {
  return RELEASED.filter((released) => released.minor === minor).map(({release}) => release);
}

/** The newest release of a minor. */
export function newestOf(minor: string): string {
  return must(releasesOf(minor).at(-1), `no release of minor ${minor}`);
}

/**
 * The playable release that somebody who wrote this may have meant: of the same minor the nearest patch (a minor alone means its
 * newest), else the nearest end of the nearest minor. For what is no number at all, the newest release.
 */
export function nearestReleased(text: string): string {
  const newest = must(PLAYABLE.at(-1), 'no release is played').release;
  const wanted = parseLoosely(text);
  if (wanted === undefined) return newest;
  const [major, minor, patch] = wanted;
  const wantedNumbers = {major, minor, patch: Math.min(patch, 999)};
  const siblings = releasesOf(`${major}.${minor}`).filter(isPlayable);
  const last = siblings.at(-1);
  if (last !== undefined) return siblings.find((release) => releaseOf(release).patch >= patch) ?? last;
  const above = PLAYABLE.find(({release}) => compareReleases(releaseOf(release), wantedNumbers) > 0);
  return above?.release ?? newest;
}

/** `v3.5`, `3.5.x`, `3.5.16-rc.1`: as many numbers as there are at its beginning; a missing patch is beyond all. */
function parseLoosely(text: string): readonly [number, number, number] | undefined {
  const match = /^\s*v?(\d{1,3})(?:\.(\d{1,3}))?(?:\.(\d{1,3}))?/.exec(text);
  if (match === null) return undefined;
  const [, major, minor, patch] = match;
  return [Number(major), Number(minor ?? 999), Number(patch ?? 999)];
}

/** Why this release cannot be played, with the nearest one that can; undefined: it can. */
export function releaseProblem(release: string): string | undefined {
  if (isPlayable(release)) return undefined;
  const nearest = nearestReleased(release);
  if (parseRelease(release) === undefined || !isReleased(release))
    return `there is no etcd release '${release}'; the nearest is ${nearest}`;
  const [first, last] = [PLAYABLE_MINORS[0], PLAYABLE_MINORS.at(-1)];
  return `etcd ${release} is a release, but its minor is not played; ${first} to ${last} are, the nearest is ${nearest}`;
}

/**
 * The release that a user named, checked: a known one whose minor is played. A leading `v` is passed over. `place` begins the
 * message of the InputError, which names the nearest release that there is.
 */
export function checkRelease(text: string, place: string): string {
  const release = text.startsWith('v') ? text.slice(1) : text;
  const problem = releaseProblem(release);
  if (problem === undefined) return release;
  throw new InputError(`${place}: ${problem}`);
}
