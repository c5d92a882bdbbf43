// server-core/version/decide.ts: which version the cluster should speak, from what its members say of themselves. Pure.
// etcd: cluster_util.go decideClusterVersion, isCompatibleWithVers; version/monitor.go, version/downgrade.go. A member that gave no
// answer, or an unreadable one, is undefined.
import type {DowngradeInfo} from '../membership/backend-members.ts';
import {clusterVersionOf, compareVersions, nextMinorOf} from '../membership/lower-check.ts';
import {parseRelease, releaseOf} from '../release/release.ts';
import type {VersionBehaviours} from './behaviours.ts';
import {versionBehaviours} from './behaviours.ts';

/** version.MinClusterVersion of every release from 3.1 on. */
export const MIN_CLUSTER_VERSION = '3.0.0';
/** What a member says before it has applied a cluster version. */
export const NOT_DECIDED = 'not_decided';

/** The body of /version. */
export interface MemberVersions {
  readonly server: string;
  readonly cluster: string;
}

/** The lowest server version, cut to its minor; undefined as soon as one member's is unknown. */
export function minimalServerVersion(members: readonly (MemberVersions | undefined)[]): string | undefined {
  let lowest: string | undefined;
  for (const member of members) {
    if (member === undefined || parseRelease(member.server) === undefined) return undefined;
    const version = clusterVersionOf(member.server);
    if (lowest === undefined || compareVersions(version, lowest) < 0) lowest = version;
  }
  return lowest;
}

/** One minor below: where a downgrade may lead. allowedDowngradeVersion. */
export function oneMinorBelow(version: string): string {
  const {major, minor} = releaseOf(version);
  return `${major}.${minor - 1}.0`;
}

export type Decision =
  | {readonly kind: 'propose'; readonly version: string}
  | {readonly kind: 'leave'}
  | {readonly kind: 'error'; readonly message: string};

const LEAVE: Decision = {kind: 'leave'};

/** What the leader proposes. `current` is undefined before the first decision. */
export function decideClusterVersion(
  behaviours: VersionBehaviours,
  {
    current,
    minimal,
    job,
  }: {readonly current: string | undefined; readonly minimal: string | undefined; readonly job: DowngradeInfo},
): Decision {
  if (current === undefined) return {kind: 'propose', version: minimal ?? behaviours.minClusterVersion};
  if (minimal === undefined) return LEAVE;
  if (behaviours.decision === 'job-then-raise' && job.enabled) return decideForJob(current, minimal, job.targetVersion);
  const isHigher = compareVersions(minimal, current) > 0;
  const isSameMajor = releaseOf(minimal).major === releaseOf(current).major;
  switch (behaviours.decision) {
    case 'raise':
      return isHigher ? {kind: 'propose', version: minimal} : LEAVE;
    case 'raise-or-one-down':
      if (minimal === oneMinorBelow(current)) return {kind: 'propose', version: minimal};
      return isHigher && isSameMajor ? {kind: 'propose', version: minimal} : LEAVE;
    case 'job-then-raise':
      return isHigher && isSameMajor ? {kind: 'propose', version: minimal} : LEAVE;
  }
}

function decideForJob(current: string, minimal: string, target: string): Decision {
  if (compareVersions(target, current) === 0) return LEAVE;
  const isAllowed = target === oneMinorBelow(current) && target === oneMinorBelow(minimal);
  return isAllowed ? {kind: 'propose', version: target} : {kind: 'error', message: 'invalid downgrade target'};
}

/** Is the job done: does every member run its target? */
export function isJobDone(
  behaviours: VersionBehaviours,
  target: string,
  members: readonly (MemberVersions | undefined)[],
): boolean {
  return members.every((member) => {
    const text = behaviours.endsJobBy === 'server-version' ? member?.server : member?.cluster;
    return (
      text !== undefined && parseRelease(text) !== undefined && clusterVersionOf(text) === clusterVersionOf(target)
    );
  });
}

/**
 * May a newcomer of that release join a cluster whose other members say this? At least one must speak a version in its range,
 * and none one beyond.
 */
export function isCompatible(
  release: string,
  isDowngrading: boolean,
  others: readonly (MemberVersions | undefined)[],
  admitsNextMinor = false,
): boolean {
  const next = nextMinorOf(release);
  const newest = admitsNextMinor ? next : clusterVersionOf(release);
  const [lowest, highest] = isDowngrading ? [next, next] : [versionBehaviours(release).minClusterVersion, newest];
  let isAnyKnown = false;
  for (const other of others) {
    if (other === undefined || parseRelease(other.cluster) === undefined) continue;
    if (compareVersions(other.cluster, lowest) < 0 || compareVersions(other.cluster, highest) > 0) return false;
    isAnyKnown = true;
  }
  return isAnyKnown;
}

/** `3.5`, `3.5.2` -> `3.5.0`; undefined for anything else. etcd: convertToClusterVersion. */
export function targetVersionOf(text: string): string | undefined {
  const full = parseRelease(text) === undefined ? `${text}.0` : text;
  return parseRelease(full) === undefined ? undefined : clusterVersionOf(full);
}
