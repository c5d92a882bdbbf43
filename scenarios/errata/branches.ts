// scenarios/errata/branches.ts: on which releases a known bug is looked for to verify its ranges: in each minor the last release that
// has it and the first after that which has not.
import {must} from '../../base/assert.ts';
import type {ErratumId} from '../../server-core/errata/registry.ts';
import {ERRATA, isAffected} from '../../server-core/errata/registry.ts';
import {compareReleases, releaseOf} from '../../server-core/release/release.ts';
import {PLAYABLE_MINORS, releasesOf} from '../../server-core/release/released.ts';
import {SEARCHES} from './searches.ts';

/** One minor of a bug. One of the two is there: a minor may never have been mended, or never have had the bug. */
export interface Branch {
  readonly minor: string;
  /** The last release with the bug. */
  readonly affected: string | undefined;
  /** The first release without it behind that; in a minor that never had it, the first of all. */
  readonly fixed: string | undefined;
}

/** The minors in which the search of a bug can be played, oldest first. */
export function minorsOf(id: ErratumId): readonly string[] {
  const {firstMinor, lastMinor} = SEARCHES[id];
  const from = firstMinor === undefined ? 0 : PLAYABLE_MINORS.indexOf(firstMinor);
  return PLAYABLE_MINORS.slice(from, lastMinor === undefined ? undefined : PLAYABLE_MINORS.indexOf(lastMinor) + 1);
}

/** The branches of a bug from the first minor that has it on; later ones that never had it are there to show that. */
export function branchesOf(id: ErratumId): Branch[] {
  const found: Branch[] = [];
  for (const minor of minorsOf(id)) {
    const releases = releasesOf(minor);
    const last = releases.findLastIndex((release) => isAffected(id, release));
    if (last < 0 && found.length === 0) continue;
    found.push({minor, affected: releases[last], fixed: releases[last + 1]});
  }
  return found;
}

/** The newest release that has the bug and can be searched. */
export function newestAffected(id: ErratumId): string {
  const affected = branchesOf(id).flatMap(({affected}) => affected ?? []);
  return must(
    affected.sort((a, b) => compareReleases(releaseOf(a), releaseOf(b))).at(-1),
    `no release to search ${id} in`,
  );
}

/** Every id, in the order of lists. */
export const ERRATUM_IDS: readonly ErratumId[] = Object.freeze(ERRATA.map(({id}) => id));
