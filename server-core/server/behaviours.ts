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
  /** Maintenance.Downgrade is there: 3.5 on. */
  readonly hasDowngrade: boolean;
  /** Not capable, learner and unknown-version refusals are FailedPrecondition (12985): 3.6 on; Unavailable before. */
  readonly refusalsAreFailedPrecondition: boolean;
  /** KV.RangeStream is there: 3.7.0 on. */
  readonly hasRangeStream: boolean;
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
}

function readIndexRetryOf(release: string): ServerBehaviours['readIndexRetry'] {
  if (isAffected('20418', release)) return 'same-id';
  return isSince(release, '3.4.20', '3.5.0') ? 'fresh-id' : 'none';
}

/** The behaviours of a release. */
export function serverBehaviours(release: string): ServerBehaviours {
  const has34 = isSince(release, '3.4.0');
  const has35 = isSince(release, '3.5.0');
  const has36 = isSince(release, '3.6.0');
  return Object.freeze({
    soleVoterCommits: isAffected('14370', release) ? 'when-appended' : 'when-stored',
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
    hasDowngrade: has35,
    refusalsAreFailedPrecondition: has36,
    hasRangeStream: isSince(release, '3.7.0'),
    hasLearners: has34,
    preVoteByDefault: has35,
    snapshotCountDefault: has36 || !isSince(release, '3.2.0') ? 10_000 : 100_000,
    snapshotsInMemory: has36,
    refusesForeignMessages: isSince(release, '3.4.32', '3.5.14', '3.6.0'),
    compactionBatch: has34 ? 1_000 : 10_000,
    compactionPauseUs: has34 ? 10_000 : 100_000,
  });
}
