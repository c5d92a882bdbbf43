// server-core/membership/lower-check.ts: a server whose minor release lies below the cluster's version must not take part: it ends.
// Asked at start of what was stored, and whenever a cluster version is applied, in replay too. etcd: mustDetectDowngrade.
import {compareReleases, parseRelease, releaseOf} from '../release/release.ts';
import type {DowngradeInfo} from './backend-members.ts';
import type {MembershipBehaviours} from './behaviours.ts';
import {ServerEnded} from './process-end.ts';

/** `3.5.16` -> `3.5.0`: the version of a cluster whose oldest server that is. */
export function clusterVersionOf(release: string): string {
  const {major, minor} = releaseOf(release);
  return `${major}.${minor}.0`;
}

/** `3.4.32` -> `3.5.0`. */
export function nextMinorOf(release: string): string {
  const {major, minor} = releaseOf(release);
  return `${major}.${minor + 1}.0`;
}

/** `3.5.0` -> `3.5`: as the logs name it. etcd: version.Cluster. */
export function clusterVersionText(version: string): string {
  const {major, minor} = releaseOf(version);
  return `${major}.${minor}`;
}

/** Negative, zero or positive as the version is lower, equal or higher. */
export function compareVersions(a: string, b: string): number {
  return compareReleases(releaseOf(a), releaseOf(b));
}

/** A version that came through raft or from disk; etcd panics at anything else (semver.Must). */
export function mustVersion(text: string): string {
  if (parseRelease(text) === undefined) throw new ServerEnded(`${text} is not in dotted-tri format`);
  return text;
}

/**
 * Throws ServerEnded with the release's text when this release may not run in a cluster of that version. `admitsNextMinor`: one that
 * lies a single minor above is all right (--next-cluster-version-compatible).
 */
export function checkNotLower(
  release: string,
  behaviours: MembershipBehaviours,
  version: string | undefined,
  downgrade: DowngradeInfo,
  admitsNextMinor = false,
): void {
  const local = clusterVersionOf(release);
  if (behaviours.downgradeJob === 'waives-check' && downgrade.enabled && downgrade.targetVersion !== '') {
    if (compareVersions(local, mustVersion(downgrade.targetVersion)) === 0) return;
    throw new ServerEnded('invalid downgrade; server version is not allowed to join when downgrade is enabled', {
      'current-server-version': release,
      'target-cluster-version': downgrade.targetVersion,
    });
  }
  if (version === undefined || compareVersions(local, version) >= 0) return;
  if (admitsNextMinor && clusterVersionOf(version) === nextMinorOf(release)) return;
  const cluster = clusterVersionText(version);
  throw new ServerEnded(lowerText(behaviours, release, cluster), {
    'current-server-version': behaviours.downgradeJob === 'logged' ? local : release,
    'determined-cluster-version': cluster,
  });
}

function lowerText({lowerThanClusterText}: MembershipBehaviours, release: string, cluster: string): string {
  const both = `(current version: ${release} is lower than determined cluster version: ${cluster}).`;
  switch (lowerThanClusterText) {
    case 'cannot-be-downgraded':
      return `cluster cannot be downgraded ${both}`;
    case 'invalid-downgrade-with-versions':
      return `invalid downgrade; ${both}`;
    case 'invalid-downgrade':
      return 'invalid downgrade; server version is lower than determined cluster version';
  }
}
