// server-core/errata/erratum.ts: what is written down about one known bug of etcd, and the question whether a release has it.
// The main code reads as the mended one; a part's behaviours.ts asks isAffected() at the seam that the bug changes.
import {assert} from '../../base/assert.ts';
import {compareReleases, releaseOf} from '../release/release.ts';

/** Releases from the first that has the bug up to, but without, the one that has not; both may lie in different minors. */
export interface AffectedRange {
  readonly from: string;
  readonly before: string;
}

export interface Erratum {
  /** The number, with a word where one issue tells of two bugs. */
  readonly id: string;
  /** One line for a list. */
  readonly title: string;
  /** What etcd does wrong, in a sentence. */
  readonly what: string;
  /** Oldest first, one for each stretch of releases; a minor that was mended on its own begins a new one. */
  readonly ranges: readonly AffectedRange[];
  /** The behaviour that differs, as `part: field`. */
  readonly seam: string;
  /** How it happens, what users see, how it was mended; paragraphs. */
  readonly story: readonly string[];
  /** Issues, pull requests and functions of etcd. */
  readonly sources: readonly string[];
}

/** Checks and freezes: ranges rise, do not overlap, and none is empty. */
export function erratum<Id extends string>(facts: Erratum & {readonly id: Id}): Erratum & {readonly id: Id} {
  let last = releaseOf('0.0.0');
  for (const {from, before} of facts.ranges) {
    assert(compareReleases(last, releaseOf(from)) <= 0, 'ranges of an erratum rise', {id: facts.id, from});
    assert(compareReleases(releaseOf(from), releaseOf(before)) < 0, 'a range of an erratum is empty', {
      id: facts.id,
      from,
    });
    last = releaseOf(before);
  }
  return Object.freeze(facts);
}

/** Does a release lie in one of the ranges? */
export function isIn(ranges: readonly AffectedRange[], release: string): boolean {
  const wanted = releaseOf(release);
  return ranges.some(
    ({from, before}) => compareReleases(releaseOf(from), wanted) <= 0 && compareReleases(wanted, releaseOf(before)) < 0,
  );
}
