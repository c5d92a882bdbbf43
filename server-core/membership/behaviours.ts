// server-core/membership/behaviours.ts: what differs between releases in where membership is kept and how it is changed.
import {isAffected} from '../errata/registry.ts';
import {isSince} from '../release/release.ts';

export interface MembershipBehaviours {
  /** The v2 store holds a copy of the membership. Gone in 3.7 (#12913). */
  readonly keepsV2Store: boolean;
  /** Up to 3.4 the v2 store lets an update renew a directory's time to live. */
  readonly v2UpdatesDirectories: boolean;
  /** What a start believes: `RaftCluster.Recover`. The v2 store up to 3.4 and from 3.5.1 (#13348) to 3.5; the backend in 3.5.0 and from 3.6. */
  readonly recoversFrom: 'v2store' | 'backend';
  /**
   * What a conf change is held against: `ValidateConfigurationChange`. Up to 3.5 the v2 store; 3.6 the backend for an entry that
   * is new to it, the v2 store in replay; 3.7 the backend for a new entry, and replayed ones are not looked at.
   */
  readonly validatesAgainst: 'v2store' | 'backend-when-new' | 'backend-only';
  /** Up to 3.4 replay writes the backend's copy again although it holds the entry already: there was no ShouldApplyV3 (#13048). */
  readonly replayWritesBackend: boolean;
  /** From 3.6 the list in memory follows only entries that are new to the backend, as it was read from there. */
  readonly memoryFollowsReplay: boolean;
  /** A member that the backend has is never overwritten, so attributes and promotions do not get there: erratum 19557. */
  readonly backendKeepsFirstRecord: boolean;
  /** 3.5 passes over members that one of the two stores has already, or has not (#13348); the others panic. */
  readonly toleratesOneStoreAhead: boolean;
  /** From 3.5.26 members that only the backend has are removed behind every conf change, own publishing and snapshot (#20967). */
  readonly removesZombies: boolean;
  /** When a learner that the v2 store knows as a voter is put right in the backend: 3.5.24 behind a received snapshot, 3.6 at start (#19557). */
  readonly syncsPromotion: 'never' | 'behind-snapshot' | 'at-start';
  /** Up to 3.5.30 and 3.6.11 an update of peer URLs makes a learner a voter in the member list (#21694). */
  readonly updateKeepsLearner: boolean;
  /** Learners exist: 3.4. Before, a conf change of that type is a panic. */
  readonly knowsLearners: boolean;
  /** 3.6 does not begin with, or join, members of which too many are learners. */
  readonly checksLearnersAtStart: boolean;
  /** A downgrade job can be stored and waives the check of 3.5; in 3.6 it is only logged. */
  readonly downgradeJob: 'unknown' | 'waives-check' | 'logged';
  /** How publishing and the cluster's version are proposed: v2 requests up to 3.5, for the sake of 3.4 peers (#12988). */
  readonly proposesClusterRequests: 'v2' | 'raft';
  /** What becomes of a v2 request in the log: 3.6 applies attributes and version only, 3.7 cannot decode it (#12913). */
  readonly v2Entries: 'applied' | 'cluster-only' | 'unreadable';
  /** Requests 1300 to 1302 are understood; an older release panics at them. Whether their proposer gets an answer: 3.6. */
  readonly raftClusterRequests: 'unknown' | 'applied' | 'answered';
  /** A lower cluster version makes every member write a snapshot, so that the log's tail holds nothing new: 3.6 (#19263). */
  readonly snapshotsWhenLowered: boolean;
  /** A membership change is answered when raft has been told of it, or the next one might be refused (#15528). */
  readonly answersAfterAdvance: boolean;
  /** How the default logger words changes of the version: capnslog up to 3.4, whose lines the upgrade guides show; zap from 3.5. */
  readonly logger: 'capnslog' | 'zap';
  /**
   * What a server that is older than its cluster says when it ends, with its default logger: up to 3.4 that is not zap, whose line
   * reads as that of 3.5. Seen on 3.3.25 and 3.4.23.
   */
  readonly lowerThanClusterText: 'cannot-be-downgraded' | 'invalid-downgrade' | 'invalid-downgrade-with-versions';
}

export function membershipBehaviours(release: string): MembershipBehaviours {
  const is35 = isSince(release, '3.5.0');
  const is36 = isSince(release, '3.6.0');
  const is37 = isSince(release, '3.7.0');
  const only35 = is35 && !is36;
  return Object.freeze({
    keepsV2Store: !is37,
    v2UpdatesDirectories: !is35,
    recoversFrom: is36 || (is35 && !isSince(release, '3.5.1')) ? 'backend' : 'v2store',
    validatesAgainst: is37 ? 'backend-only' : is36 ? 'backend-when-new' : 'v2store',
    replayWritesBackend: !is35,
    memoryFollowsReplay: !is36,
    backendKeepsFirstRecord: isAffected('19557', release),
    toleratesOneStoreAhead: only35 && isSince(release, '3.5.1'),
    removesZombies: only35 && isSince(release, '3.5.26'),
    syncsPromotion: is36 ? (is37 ? 'never' : 'at-start') : isSince(release, '3.5.24') ? 'behind-snapshot' : 'never',
    updateKeepsLearner: isSince(release, '3.5.31', '3.6.12', '3.7.0'),
    knowsLearners: isSince(release, '3.4.0'),
    checksLearnersAtStart: is36,
    downgradeJob: is36 ? 'logged' : is35 ? 'waives-check' : 'unknown',
    proposesClusterRequests: is36 ? 'raft' : 'v2',
    v2Entries: is37 ? 'unreadable' : is36 ? 'cluster-only' : 'applied',
    raftClusterRequests: is36 ? 'answered' : is35 ? 'applied' : 'unknown',
    snapshotsWhenLowered: is36,
    answersAfterAdvance: is36,
    logger: is35 ? 'zap' : 'capnslog',
    lowerThanClusterText: !isSince(release, '3.4.32')
      ? 'cannot-be-downgraded'
      : !is35 && isSince(release, '3.4.32')
        ? 'invalid-downgrade-with-versions'
        : 'invalid-downgrade',
  });
}
