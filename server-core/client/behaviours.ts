// server-core/client/behaviours.ts: what clientv3 does differently from release to release. The client's release is its own: an
// old client may talk to new servers. First releases were looked up in every tag of the branches, up to 3.7.1.
import {isSince} from '../release/release.ts';

/** Which form of the learner's refusal the client knows and takes to another endpoint. */
export type LearnerFailOver = 'never' | 'unavailable' | 'failed-precondition';

export interface ClientBehaviours {
  /**
   * A learner's refusal is taken to the next endpoint when there are several, for writes too, but only in the form that the
   * client's own release knows: Unavailable up to 3.5, FailedPrecondition from 3.6 (errata UM-42). 3.4.32, 3.5.14 on.
   */
  readonly learnerFailOver: LearnerFailOver;
  /** The client's own table holds "not capable" and its like as FailedPrecondition (#12985): 3.6.0 on. */
  readonly holdsIncapableAsFailedPrecondition: boolean;
  /** "revision of auth store is old" is answered with a new token or a mere retry, and so is an empty user: 3.4.19, 3.5.2. */
  readonly refreshesOnOldAuthRevision: boolean;
  /** The old token is thrown away before a new one is asked for: 3.4.19 to 3.5. Others send the old one until then. */
  readonly dropsTokenBeforeRefresh: boolean;
  /** Opening a stream asks for a new token first (#11954): 3.3.27, 3.4.14, 3.5.0 on. */
  readonly streamsFetchToken: boolean;
  /**
   * Asking for a token goes on after a failure, once per endpoint, and "authentication is not enabled" counts as a failure; a
   * client that was made while auth was off never sends a token: up to 3.4.
   */
  readonly asksTokenPerEndpoint: boolean;
  /** "authentication is not enabled" makes the client forget the token it has: 3.5.10 on. */
  readonly forgetsTokenWhenAuthIsOff: boolean;
  /** A watch that its user gives up is cancelled on the server at once (#11850): 3.4.10 on. Before: when its next event comes. */
  readonly cancelsWatchAtOnce: boolean;
  /** A broken watch stream is reopened after a pause that grows from 1 to 100 ms: 3.4.22, 3.5.6 on. Before: at once. */
  readonly pausesBeforeWatchResume: boolean;
  /**
   * A progress notification at revision R lets a resumed watch begin at R + 1 (#15237): 3.4.24, 3.5.8 on. Before it begins at R
   * and gets the events of R again.
   */
  readonly resumesBehindProgress: boolean;
  /** A watch refused for its token is asked for again on a new stream with a new token: 3.4.22 to 3.4.24 and 3.5.6 only. */
  readonly repeatsWatchOnBadToken: boolean;
  /** Endpoints from the member list leave out learners and members without a name: 3.4.20, 3.5.3 on. */
  readonly syncLeavesOutLearners: boolean;
  /** The member list is asked for as a linearizable read: 3.5.0 on. */
  readonly listsMembersLinearizably: boolean;
  /** A mutex that waited looks whether its own key is still there (#11456): 3.5.0 on. */
  readonly mutexConfirmsItsKey: boolean;
  /** Unlocking a mutex that is not held is an error of its own: 3.6.0 on. Before: a key of one zero byte is deleted. */
  readonly mutexRefusesDoubleUnlock: boolean;
}

function learnerFailOver(release: string): LearnerFailOver {
  if (isSince(release, '3.6.0')) return 'failed-precondition';
  return isSince(release, '3.4.32', '3.5.14', '3.6.0') ? 'unavailable' : 'never';
}

/** The behaviours of a client release. */
export function clientBehaviours(release: string): ClientBehaviours {
  return Object.freeze({
    learnerFailOver: learnerFailOver(release),
    holdsIncapableAsFailedPrecondition: isSince(release, '3.6.0'),
    refreshesOnOldAuthRevision: isSince(release, '3.4.19', '3.5.2'),
    dropsTokenBeforeRefresh: isSince(release, '3.4.19', '3.5.0') && !isSince(release, '3.6.0'),
    streamsFetchToken: isSince(release, '3.3.27', '3.4.14', '3.5.0'),
    asksTokenPerEndpoint: !isSince(release, '3.5.0'),
    forgetsTokenWhenAuthIsOff: isSince(release, '3.5.10'),
    cancelsWatchAtOnce: isSince(release, '3.4.10'),
    pausesBeforeWatchResume: isSince(release, '3.4.22', '3.5.6'),
    resumesBehindProgress: isSince(release, '3.4.24', '3.5.8'),
    repeatsWatchOnBadToken: isSince(release, '3.4.22', '3.5.6') && !isSince(release, '3.4.25', '3.5.7'),
    syncLeavesOutLearners: isSince(release, '3.4.20', '3.5.3'),
    listsMembersLinearizably: isSince(release, '3.5.0'),
    mutexConfirmsItsKey: isSince(release, '3.5.0'),
    mutexRefusesDoubleUnlock: isSince(release, '3.6.0'),
  });
}
