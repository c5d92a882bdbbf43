// server-core/version/behaviours.ts: how a release finds the cluster's version, and what its downgrade job does.
import {isSince} from '../release/release.ts';

export interface VersionBehaviours {
  /**
   * raise: to the lowest server version above it. raise-or-one-down: 3.5 also goes one minor down as soon as a member is older, without
   * any job (#11689). job-then-raise: 3.6 lowers it for a downgrade job only (#13405).
   */
  readonly decision: 'raise' | 'raise-or-one-down' | 'job-then-raise';
  /** The leader ends a job once all members have its target: 3.5 compares their cluster version, 3.6 their server version (#14270). */
  readonly endsJobBy: 'never' | 'cluster-version' | 'server-version';
  /** Every member brings its store to the cluster's version: 3.6. */
  readonly followsWithStorage: boolean;
  /** The version is told with the store's: 3.6. */
  readonly tellsStorageVersion: boolean;
  /** A plain answer over HTTP says whether a job runs: 3.5. */
  readonly answersDowngradeEnabled: boolean;
  /** 3.5 reads linearizably before it looks for a cluster version, names versions with their patch, and tells why a cancel failed. */
  readonly downgradeCalls: 'none' | 'as-3.5' | 'as-3.6';
  /** No cluster version during a downgrade call: Unavailable in 3.5, FailedPrecondition from 3.6 (#12985). */
  readonly versionUnavailableCode: 'Unavailable' | 'FailedPrecondition';
  /** The lowest cluster version that the release goes along with, and what a leader proposes while it cannot ask everybody: 2.3.0 in 3.0. */
  readonly minClusterVersion: '2.3.0' | '3.0.0';
  /** A newcomer asks whether a downgrade runs, and then accepts the next minor only: 3.5. */
  readonly joinerAsksForDowngrade: boolean;
}

export function versionBehaviours(release: string): VersionBehaviours {
  const is35 = isSince(release, '3.5.0');
  const is36 = isSince(release, '3.6.0');
  return Object.freeze({
    decision: is36 ? 'job-then-raise' : is35 ? 'raise-or-one-down' : 'raise',
    endsJobBy: is36 ? 'server-version' : is35 ? 'cluster-version' : 'never',
    followsWithStorage: is36,
    tellsStorageVersion: is36,
    answersDowngradeEnabled: is35,
    downgradeCalls: is36 ? 'as-3.6' : is35 ? 'as-3.5' : 'none',
    versionUnavailableCode: is36 ? 'FailedPrecondition' : 'Unavailable',
    minClusterVersion: isSince(release, '3.1.0') ? '3.0.0' : '2.3.0',
    joinerAsksForDowngrade: is35,
  });
}
