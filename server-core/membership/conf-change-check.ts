// server-core/membership/conf-change-check.ts: is a membership change still valid when its entry is applied?
// etcd: RaftCluster.ValidateConfigurationChange. Every member must come to the same verdict; a change that is refused reaches
// raft as one that changes nothing.
import {InvariantError} from '../../base/assert.ts';
import type {MemberId} from '../../base/ids.ts';
import type {ConfChange} from '../raftpb/types.ts';
import type {MembershipBehaviours} from './behaviours.ts';
import type {Member} from './member.ts';
import {decodeConfChangeContext, decodeMember, jsonText} from './member.ts';
import {ServerEnded} from './process-end.ts';
import type {MembersAndRemoved} from './v2-members.ts';

/** membership/errors.go: the texts without the service's prefix. */
export const CLUSTER_ERRORS = {
  'id-removed': 'membership: ID removed',
  'id-exists': 'membership: ID exists',
  'id-not-found': 'membership: ID not found',
  'peer-url-exists': 'membership: peerURL exists',
  'member-not-learner': 'membership: can only promote a learner member',
  'too-many-learners': 'membership: too many learner members in cluster',
} as const;

export type ClusterErrorCode = keyof typeof CLUSTER_ERRORS;

/** Why the change is refused; undefined when it is carried out. */
export function confChangeError(
  change: ConfChange,
  known: MembersAndRemoved,
  options: {readonly behaviours: MembershipBehaviours; readonly learnersMax: number},
): ClusterErrorCode | undefined {
  const {members, removed} = known;
  const id = change.nodeId;
  if (removed.has(id)) return 'id-removed';
  switch (change.type) {
    case 'ConfChangeAddLearnerNode':
      if (!options.behaviours.knowsLearners) {
        throw new ServerEnded('ConfChange type should be either AddNode, RemoveNode or UpdateNode');
      }
      return additionError(change, members, options.learnersMax);
    case 'ConfChangeAddNode':
      return additionError(change, members, options.learnersMax);
    case 'ConfChangeRemoveNode':
      return members.has(id) ? undefined : 'id-not-found';
    case 'ConfChangeUpdateNode': {
      if (!members.has(id)) return 'id-not-found';
      const others = [...members.values()].filter((member) => member.id !== id);
      return urlTaken(decodeMember(contextOf(change)), others) ? 'peer-url-exists' : undefined;
    }
  }
}

function additionError(
  change: ConfChange,
  members: ReadonlyMap<MemberId, Member>,
  learnersMax: number,
): ClusterErrorCode | undefined {
  const {member, isPromote} = decodeConfChangeContext(contextOf(change));
  const existing = members.get(change.nodeId);
  if (isPromote) {
    if (existing === undefined) return 'id-not-found';
    return existing.isLearner ? undefined : 'member-not-learner';
  }
  if (existing !== undefined) return 'id-exists';
  const all = [...members.values()];
  if (urlTaken(member, all)) return 'peer-url-exists';
  const learners = all.filter(({isLearner}) => isLearner).length;
  return member.isLearner && learners + 1 > learnersMax ? 'too-many-learners' : undefined;
}

const urlTaken = ({peerUrls}: Member, others: readonly Member[]): boolean =>
  others.some((other) => other.peerUrls.some((url) => peerUrls.includes(url)));

export function contextOf(change: ConfChange): string {
  if (change.context === undefined) throw new InvariantError('a conf change without its member', {id: change.nodeId});
  return jsonText(change.context);
}
