// server-core/server/behaviours.ts: what the server's own loops and calls do differently from release to release.
import {isAffected} from '../errata/registry.ts';
import {isSince} from '../release/release.ts';

export interface ServerBehaviours {
  /**
   * When a member that is the only voter takes an entry for committed: when its log is on disk, or when it has appended it in
   * memory, so that it is applied and answered before it is stored: erratum 14370.
   */
  readonly soleVoterCommits: 'when-stored' | 'when-appended';
  /**
   * When a leader takes another change of the configuration: when raft counts the one before as applied, or, up to 3.3, as soon as
   * it was carried out (raft.pendingConf instead of pendingConfIndex).
   */
  readonly nextConfChange: 'when-applied' | 'when-carried-out';
  /**
   * A read that waits for its index asks again after 500 ms, and when a term has its first commit: since 3.4.20, 3.5.0 (#12780).
   * Under the same id the answers to one attempt count for the next: erratum 20418.
   */
  readonly readIndexRetry: 'fresh-id' | 'same-id' | 'none';
  /** An index that comes together with a change of the leader is refused (issue 21375): 3.4.42, 3.5.28, 3.6.9; before, it may win. */
  readonly readIndexChecksLeader: boolean;
  /** What a deadline that passed while raft took no proposal comes out as: 3.3 `request timed out`, 3.4 Unknown, then its own code. */
  readonly undroppedProposal: 'timeout' | 'unknown' | 'deadline-exceeded';
  /**
   * A transaction loses its ranges on members that owe nobody an answer, so that one whose range fails is carried out there and
   * refused here: erratum 18667.
   */
  readonly stripsRangesOfForeignTxns: boolean;
  /** Quota: requests that write nothing pass, however full the store is (13435): 3.4 on; nested puts were never counted (22140). */
  readonly quotaPassesReads: boolean;
  /** While an alarm is raised permissions are not checked at apply, until a restart: Alarm() wrapped the bare applier up to 3.5. */
  readonly alarmsBypassAuth: boolean;
  /** Maintenance.Alarm hands on what the applier said: no header, errors without their code. Up to 3.4. */
  readonly alarmAnswersAreRaw: boolean;
  /** Status tells the applied index, the size in use, whether the member is a learner, and errors: 3.4 on. */
  readonly statusIsDetailed: boolean;
  /** Status tells storage version, quota and downgrade; HashKV its revision; Snapshot its version: 3.6 on. */
  readonly statusTellsStorage: boolean;
  /** The quota that Status tells is the one in force, not the flag's value: 3.6.6 on. */
  readonly statusTellsQuotaInForce: boolean;
  /** Messages are printed by protobuf-go instead of gogo: 3.7.0 on. Seen in Status.errors. */
  readonly printsLikeProtobufGo: boolean;
  /** MoveLeader checks that the target is a member: 3.4 on; before, it waited for a transfer that never came. */
  readonly moveLeaderChecksTarget: boolean;
  /** Not capable, learner and unknown-version refusals are FailedPrecondition (12985): 3.6 on; Unavailable before. */
  readonly refusalsAreFailedPrecondition: boolean;
  /** Learners exist: 3.4 on. */
  readonly hasLearners: boolean;
  /** --pre-vote is on unless told otherwise: 3.5 on. */
  readonly preVoteByDefault: boolean;
  /** --snapshot-count: 10 000 in 3.0, 3.1 and from 3.6; 100 000 between. */
  readonly snapshotCountDefault: number;
  /** Snapshots in memory every 100 entries beside those on disk: 3.6 on. */
  readonly snapshotsInMemory: boolean;
  /** Messages that name another member are refused (17814): 3.4.32, 3.5.14. */
  readonly refusesForeignMessages: boolean;
  /** Compaction: revisions removed in one batch, and the pause between two in microseconds. */
  readonly compactionBatch: number;
  readonly compactionPauseUs: number;
  /**
   * How a linearizable read is made sure of. read-index: 3.2 on. read-index-from-3.1: the same, once the cluster's version is 3.1; before,
   * and in 3.0 always (consensus), the read goes through the log like a write. etcd 3.1: legacyRange, legacyTxn.
   */
  readonly reads: 'read-index' | 'read-index-from-3.1' | 'consensus';
  /** The member can tell others an index to read at: raft knows MsgReadIndex since 3.1. 3.0 says nothing to such a question. */
  readonly answersReadIndex: boolean;
  /** A read that waits for its index is refused once the leader changes: 3.3.14 on. Before, it waits for its deadline. */
  readonly readsEndWithLeader: boolean;
  /** No v3 call is served before the cluster has a version of 3.x: up to 3.1. 3.2 opens the API as the process starts. */
  readonly gatesApi: boolean;
  /** Proposals are refused while 5000 committed entries wait to be applied: 3.1 on. */
  readonly refusesBacklog: boolean;
  /** A v3 request may take five seconds and twice the election timeout: 3.1 on. Before, five seconds. */
  readonly addsElectionsToTimeout: boolean;
  /** A request that was overtaken by a change of the auth store is made again, with what its token stands for by then: 3.1 to 3.3.18, 3.4.3. */
  readonly repeatsOnOldRevision: boolean;
  /** A leader that stops hands leadership on: 3.1 on. */
  readonly handsLeadershipOn: boolean;
  /** --strict-reconfig-check is on unless told otherwise: 3.1 on. */
  readonly strictReconfigByDefault: boolean;
  /** The alarm CORRUPT and the checks that raise it are there: 3.3 on. */
  readonly knowsCorruption: boolean;
  /** The leader proposes a SYNC of the v2 store twice a second, whether any key expires or not: 3.0 (commit 2f96a68). */
  readonly syncsAlways: boolean;
  /** A new leader lets leases expire as soon as raft says that it leads, not with its first applied entry: 3.0 (commit 0f0c048). */
  readonly promotesLessorAtOnce: boolean;
}

function readIndexRetryOf(release: string): ServerBehaviours['readIndexRetry'] {
  if (isAffected('20418', release)) return 'same-id';
  return isSince(release, '3.4.20', '3.5.0') ? 'fresh-id' : 'none';
}

/** The behaviours of a release. */
export function serverBehaviours(release: string): ServerBehaviours {
  const has31 = isSince(release, '3.1.0');
  const has34 = isSince(release, '3.4.0');
  const has35 = isSince(release, '3.5.0');
  const has36 = isSince(release, '3.6.0');
  return Object.freeze({
    soleVoterCommits: isAffected('14370', release) ? 'when-appended' : 'when-stored',
    nextConfChange: has34 ? 'when-applied' : 'when-carried-out',
    readIndexRetry: readIndexRetryOf(release),
    readIndexChecksLeader: isSince(release, '3.4.42', '3.5.28', '3.6.9'),
    undroppedProposal: has35 ? 'deadline-exceeded' : has34 ? 'unknown' : 'timeout',
    stripsRangesOfForeignTxns: isAffected('18667', release),
    quotaPassesReads: has34,
    alarmsBypassAuth: !has36,
    alarmAnswersAreRaw: !has35,
    statusIsDetailed: has34,
    statusTellsStorage: has36,
    statusTellsQuotaInForce: isSince(release, '3.6.6'),
    printsLikeProtobufGo: isSince(release, '3.7.0'),
    moveLeaderChecksTarget: has34,
    refusalsAreFailedPrecondition: has36,
    hasLearners: has34,
    preVoteByDefault: has35,
    snapshotCountDefault: has36 || !isSince(release, '3.2.0') ? 10_000 : 100_000,
    snapshotsInMemory: has36,
    refusesForeignMessages: isSince(release, '3.4.32', '3.5.14', '3.6.0'),
    compactionBatch: has34 ? 1_000 : 10_000,
    compactionPauseUs: has34 ? 10_000 : 100_000,
    reads: isSince(release, '3.2.0') ? 'read-index' : has31 ? 'read-index-from-3.1' : 'consensus',
    answersReadIndex: has31,
    readsEndWithLeader: isSince(release, '3.3.14', '3.4.0'),
    gatesApi: !isSince(release, '3.2.0'),
    refusesBacklog: has31,
    addsElectionsToTimeout: has31,
    repeatsOnOldRevision: has31 && !isSince(release, '3.3.19', '3.4.4'),
    handsLeadershipOn: has31,
    strictReconfigByDefault: has31,
    knowsCorruption: isSince(release, '3.3.0'),
    syncsAlways: !has31,
    promotesLessorAtOnce: !has31,
  });
}
