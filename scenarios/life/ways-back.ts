// scenarios/life/ways-back.ts: what comes of an older binary where a newer one has been: on a member's files after an upgrade (errata UM-23),
// and on what a snapshot of a newer release is restored to (UM-24). version-rules.md 2.5, 6.2, 6.3.
// Not foretold: an older binary that is more than one minor behind on a member's files.
import {InputError} from '../../base/input-error.ts';
import {isSince, releaseOf} from '../../server-core/release/release.ts';
import {checkReleases} from './paths.ts';

/** What a member of the older minor says on files of the next minor, once the cluster's version has risen. */
export const refusalOfNewerFiles = (older: string): string =>
  releaseOf(older).minor >= 6 ? UNSUPPORTED : 'is lower than determined cluster version';

/**
 * Does the newer binary find its files as it left them, once the older one has ended on them? 3.4 saves the members that it reads in the
 * log into the backend, whatever lies there (AddMember, mustSaveMemberToBackend), and a batch of that may be written before it ends: 3.5,
 * which does not go through them again, is left with members that have no client URLs. 3.4 itself does, and 3.5 looks at its index first.
 */
export const survivesOlder = (older: string, newer: string): boolean =>
  releaseOf(older).minor !== 4 || releaseOf(newer).minor !== 5;

const UNSUPPORTED = 'is not supported';
const UNSUPPORTED_BY_34 = 'unsupported storage version';

/**
 * How a snapshot fares under a release that is older. `works`: the tool makes a new cluster of it, whose version begins anew.
 * `marked`: so it does, but the storage version of the newer release stays in the store. `ends`: members end with that text.
 */
export type OlderRestore = {readonly kind: 'works' | 'marked'} | {readonly kind: 'ends'; readonly text: string};

/** What comes of restoring a snapshot of one release under another. */
export function restoreUnder(from: string, to: string): OlderRestore {
  const [own, saved] = [releaseOf(to).minor, releaseOf(from).minor];
  // A store tells its version from 3.6 on.
  if (own >= saved || saved < 6) return {kind: 'works'};
  if (own >= 6) return {kind: 'ends', text: UNSUPPORTED};
  if (own === 4 && isSince(to, '3.4.31')) return {kind: 'ends', text: UNSUPPORTED_BY_34};
  return {kind: 'marked'};
}

/** One release, or two: of the snapshot, and of those who begin with it. Refuses what leaves a wrong mark behind. */
export function checkRecoveryPath(scenario: string, path: readonly string[]): void {
  checkReleases(path, 1);
  const where = `${scenario} --path ${path.join(',')}`;
  if (path.length > 2)
    throw new InputError(`${where}: one release, or two: the snapshot's, and that of the new cluster`);
  const [from = '', to = from] = path;
  if (restoreUnder(from, to).kind !== 'marked') return;
  throw new InputError(
    `${where}: ${to} begins with a store that says it is of ${from}, and keeps that wrong mark (UM-24); etcdutl migrate it first`,
  );
}
