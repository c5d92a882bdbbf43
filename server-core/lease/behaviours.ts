// server-core/lease/behaviours.ts: in what the releases' leases differ, by name.
// Source: lease/lessor.go, leasehttp/http.go and etcdserver (server.go, v3_server.go) of 3.3.25, 3.4.23, 3.4.31, 3.4.45, 3.5.16,
// 3.5.33, 3.6.0, 3.6.14 and 3.7.1; the catalogue of errata names the first releases.
import {isSince} from '../release/release.ts';

/** One release's way with leases. */
export interface LeaseBehaviours {
  /**
   * A restart finds leases with negative ids, too. Without it (issue 12535, before 3.4.20 and 3.5.3) the scan of the bucket goes
   * from id 0 to just below the highest positive id.
   */
  readonly recoversNegativeIds: boolean;
  /**
   * The leader lets its apply loop catch up before it answers a renewal or a time-to-live (issue 13932; 3.4.20, 3.5.3). Without it
   * a renewal asks the lessor first, whoever leads.
   */
  readonly waitsForApply: boolean;
  /**
   * How a member makes sure that it leads before it revokes, checkpoints or renews (issue 15247): not at all; by a read-index
   * round (3.4.31, 3.5.13); by one unless its own raft tick is younger than three ticks (3.4.34, 3.5.16, 3.6.0).
   */
  readonly leadershipCheck: 'none' | 'quorum' | 'quorum-unless-ticked';
  /** Remaining times can be recorded through raft at all (3.4.0). */
  readonly hasCheckpoints: boolean;
  /** A new leader records remaining times of the leases it finds (issue 13508; 3.4.20, 3.5.2). */
  readonly promotionSchedulesCheckpoints: boolean;
  /** A recorded remaining time is stored, where a flag or the cluster version says so, and read again (issue 13508; 3.4.20, 3.5.2). */
  readonly storesCheckpoints: boolean;
  /** The checkpoint loop drops a full batch it has sent (PR 14087; 3.4.19, 3.5.5) instead of sending it again once demoted. */
  readonly dropsSentCheckpoints: boolean;
  /**
   * After the wait for the cleared checkpoint a renewal looks the lease up again (issue 20547; 3.4.38, 3.5.23, 3.6.5). 3.3 never
   * waits there.
   */
  readonly renewalLooksTwice: boolean;
  /** A time-to-live read while the member is demoted is refused (PR 17506; 3.4.32, 3.5.14) instead of answered with 292 years. */
  readonly refusesDemotedTtl: boolean;
  /** The clock of the queue of expiries: the wall clock in 3.4 (issue 12291), and in 3.0, which has no queue but looks at every lease. */
  readonly queueClock: 'monotonic' | 'wall';
  /** When a lease that was reported expired is reported again: after the retry interval (3.4.0), or on each look (3.3). */
  readonly expiredRetry: 'interval' | 'each-look';
  /** The 500 ms between two looks at the queue: a ticker's (3.6.0), or a pause behind the work. */
  readonly lookPacing: 'ticker' | 'pause';
  /** A time-to-live with keys needs read permission on them (CVE-2023-32082; 3.4.26, 3.5.9). */
  readonly checksTtlKeys: boolean;
  /** With auth on, all lease calls need a user, and renewals and listings permissions (CVE-2026-33413; 3.4.42, 3.5.28, 3.6.9). */
  readonly requiresUser: boolean;
  /** A renewal of a lease the leader knows need not wait for apply (PR 20589; 3.7.0, on by default, feature FastLeaseKeepAlive). */
  readonly hasFastKeepAlive: boolean;
  /** A member that asks the leader pauses 50 ms between two rounds of a renewal (3.5.0). */
  readonly pausesBetweenForwards: boolean;
  /** The clock of a lease's deadline: the wall clock in 3.0, whose Go has no other; monotonic from 3.1 on. */
  readonly deadlineClock: 'monotonic' | 'wall';
  /** A time-to-live of a lease that does not exist is answered with -1: 3.2.0 on; refused before. */
  readonly tellsMissingTtl: boolean;
  /** A TTL may be too large for a clock, and is refused: 3.2.17, 3.3.2. */
  readonly refusesHugeTtl: boolean;
  /** Many leases that end at once are not all revoked at once, and a new leader spreads their ends: 3.2.2 on. */
  readonly limitsRevocations: boolean;
  /** What a revocation that failed is answered with: its reason, or, in 3.0, always that there is no such lease. */
  readonly revokeRefusal: 'reason' | 'not-found';
  /** Whoever asks, leases are revoked in root's name, so that 3.3 goes along with it (issue 11689): 3.2.31 and 3.2.32 only. */
  readonly revokesAsRoot: boolean;
  /** Bytes a peer's lease request may have (3.5.33, 3.6.14, 3.7.1); undefined: any. */
  readonly peerRequestSizeMax: number | undefined;
}

const PEER_REQUEST_SIZE_MAX = 64 * 1024;

function leadershipCheckOf(release: string): LeaseBehaviours['leadershipCheck'] {
  if (isSince(release, '3.4.34', '3.5.16', '3.6.0')) return 'quorum-unless-ticked';
  return isSince(release, '3.4.31', '3.5.13', '3.6.0') ? 'quorum' : 'none';
}

/** The behaviours of a release such as `3.5.16`. */
export function leaseBehavioursOf(release: string): LeaseBehaviours {
  const isWallClockQueue = !isSince(release, '3.1.0') || (isSince(release, '3.4.0') && !isSince(release, '3.5.0'));
  return Object.freeze({
    recoversNegativeIds: isSince(release, '3.4.20', '3.5.3', '3.6.0'),
    waitsForApply: isSince(release, '3.4.20', '3.5.3', '3.6.0'),
    leadershipCheck: leadershipCheckOf(release),
    hasCheckpoints: isSince(release, '3.4.0'),
    promotionSchedulesCheckpoints: isSince(release, '3.4.20', '3.5.2', '3.6.0'),
    storesCheckpoints: isSince(release, '3.4.20', '3.5.2', '3.6.0'),
    dropsSentCheckpoints: isSince(release, '3.4.19', '3.5.5', '3.6.0'),
    renewalLooksTwice: isSince(release, '3.4.38', '3.5.23', '3.6.5', '3.7.0'),
    refusesDemotedTtl: isSince(release, '3.4.32', '3.5.14', '3.6.0'),
    queueClock: isWallClockQueue ? 'wall' : 'monotonic',
    expiredRetry: isSince(release, '3.4.0') ? 'interval' : 'each-look',
    lookPacing: isSince(release, '3.6.0') ? 'ticker' : 'pause',
    checksTtlKeys: isSince(release, '3.4.26', '3.5.9', '3.6.0'),
    requiresUser: isSince(release, '3.4.42', '3.5.28', '3.6.9', '3.7.0'),
    hasFastKeepAlive: isSince(release, '3.7.0'),
    pausesBetweenForwards: isSince(release, '3.5.0'),
    deadlineClock: isSince(release, '3.1.0') ? 'monotonic' : 'wall',
    tellsMissingTtl: isSince(release, '3.2.0'),
    refusesHugeTtl: isSince(release, '3.2.17', '3.3.2'),
    limitsRevocations: isSince(release, '3.2.2'),
    revokeRefusal: isSince(release, '3.1.0') ? 'reason' : 'not-found',
    revokesAsRoot: isSince(release, '3.2.31') && !isSince(release, '3.3.0'),
    peerRequestSizeMax: isSince(release, '3.5.33', '3.6.14', '3.7.1') ? PEER_REQUEST_SIZE_MAX : undefined,
  });
}
