// server-core/membership/reconfig-check.ts: may the cluster be changed without losing its quorum? --strict-reconfig-check, on by default.
// etcd: mayAddMember, mayRemoveMember, mayPromoteMember; RaftCluster.IsReadyToAddVotingMember and its like. Pure.
// `isConnected` tells of peers that were connected for the health interval of five seconds; the local member counts as such.
import type {MemberId} from '../../base/ids.ts';
import {isSince} from '../release/release.ts';
import type {Member} from './member.ts';
import {isStarted} from './member.ts';

export interface ReconfigBehaviours {
  /** Who must be connected when a member is added: everybody, or from 3.5.30 and 3.6.11 a quorum of the grown cluster (#21640). */
  readonly addNeeds: 'all-connected' | 'quorum-connected';
  /** Members must also be connected, not only started: 3.1 on. */
  readonly asksForHealth: boolean;
  /** A change is answered with the members that are there behind it: 3.2 on. */
  readonly tellsMembers: boolean;
  /** Learners do not count and are added and removed without these questions: 3.4. */
  readonly knowsLearners: boolean;
  /** 3.5 waits until the leader has applied what is committed before it judges a learner, and knows an id that is none (#13508, #15096). */
  readonly promotionWaitsForApply: boolean;
}

export function reconfigBehaviours(release: string): ReconfigBehaviours {
  return Object.freeze({
    addNeeds: isSince(release, '3.5.30', '3.6.11', '3.7.0') ? 'quorum-connected' : 'all-connected',
    asksForHealth: isSince(release, '3.1.0'),
    tellsMembers: isSince(release, '3.2.0'),
    knowsLearners: isSince(release, '3.4.0'),
    promotionWaitsForApply: isSince(release, '3.5.0'),
  });
}

export type ReconfigRefusal = 'not-enough-started' | 'unhealthy';

export interface ReconfigView {
  readonly members: readonly Member[];
  readonly isConnected: (id: MemberId) => boolean;
}

const quorumOf = (count: number): number => Math.floor(count / 2) + 1;

const votersOf = ({members}: ReconfigView): readonly Member[] => members.filter(({isLearner}) => !isLearner);

const connectedCount = (voters: readonly Member[], {isConnected}: ReconfigView): number =>
  voters.filter(({id}) => isConnected(id)).length;

/** mayAddMember. */
export function additionRefusal(
  behaviours: ReconfigBehaviours,
  view: ReconfigView,
  isLearner: boolean,
): ReconfigRefusal | undefined {
  const voters = votersOf(view);
  const started = voters.filter(isStarted).length;
  // One started member that is alone may always have a second: that is how a lost cluster is built up again.
  const isAlone = started === 1 && voters.length === 1;
  const asksForStarted = !isLearner || !behaviours.knowsLearners;
  if (asksForStarted && !isAlone && started < quorumOf(voters.length + 1)) return 'not-enough-started';
  if (!behaviours.asksForHealth) return undefined;
  const connected = connectedCount(voters, view);
  if (behaviours.addNeeds === 'all-connected') return connected === voters.length ? undefined : 'unhealthy';
  return voters.length === 1 || connected >= quorumOf(voters.length + 1) ? undefined : 'unhealthy';
}

/** mayRemoveMember. A peer that is down is not part of the active quorum, so it may go. */
export function removalRefusal(
  {asksForHealth}: ReconfigBehaviours,
  view: ReconfigView & {readonly localId: MemberId; readonly isActive: (id: MemberId) => boolean},
  id: MemberId,
): ReconfigRefusal | undefined {
  if (view.members.some((member) => member.id === id && member.isLearner)) return undefined;
  const voters = votersOf(view);
  const others = voters.filter((member) => member.id !== id);
  if (others.filter(isStarted).length < quorumOf(others.length)) return 'not-enough-started';
  if (!asksForHealth || (id !== view.localId && !view.isActive(id))) return undefined;
  const remaining = connectedCount(voters, view) - 1;
  return remaining < 1 + Math.floor((voters.length - 1) / 2) ? 'unhealthy' : undefined;
}

/** IsReadyToPromoteMember: the learner counts as a started voter already. */
export function promotionRefusal(view: ReconfigView): ReconfigRefusal | undefined {
  const voters = votersOf(view);
  return voters.filter(isStarted).length + 1 < quorumOf(voters.length + 1) ? 'not-enough-started' : undefined;
}

/** raft.progress: a learner may be promoted when it has nine tenths of what the leader has. readyPercent. */
export function isLearnerReady(learnerMatch: number, leaderMatch: number): boolean {
  return learnerMatch * 10 >= leaderMatch * 9;
}
