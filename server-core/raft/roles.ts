// server-core/raft/roles.ts: how a member leaves one role and takes another. etcd: raft.reset, raft.become*.
// become*: what the new role must not inherit is dropped here and nowhere else.
import type {MemberId} from '../../base/ids.ts';
import {formatId, NO_MEMBER} from '../../base/ids.ts';
import {raftPanic} from './logging.ts';
import type {LeaderRole, RaftNode} from './node.ts';
import {UnconfirmedReads} from './read-index.ts';
import {LOG_INFO} from './types.ts';

/** A new start in this term: timers, vote of another term, everything known about the others. */
function reset(node: RaftNode, term: number): void {
  if (node.term !== term) {
    node.term = term;
    node.vote = NO_MEMBER;
  }
  node.electionElapsed = 0;
  node.heartbeatElapsed = 0;
  const {electionTicks, random} = node.config;
  node.randomizedElectionTicks = electionTicks + random(electionTicks);
  const last = node.log.lastIndex();
  for (const progress of node.tracker.members) progress.restart(progress.id === node.id ? last : 0, last + 1);
}

/** `leader` is NO_MEMBER when nobody is known to lead the term. */
export function becomeFollower(node: RaftNode, term: number, leader: MemberId): void {
  reset(node, term);
  node.role = {kind: 'follower', leader};
  note(node, 'follower');
}

/** Raises the term and votes for itself. */
export function becomeCandidate(node: RaftNode): void {
  if (node.role.kind === 'leader') raftPanic(node.logger, 'invalid transition [leader -> candidate]');
  reset(node, node.term + 1);
  node.vote = node.id;
  node.role = {kind: 'candidate', votes: new Map<MemberId, boolean>()};
  note(node, 'candidate');
}

/** Changes neither term nor vote nor timers: a PreVote must leave no trace if it fails. Thesis 9.6. */
export function becomePreCandidate(node: RaftNode): void {
  if (node.role.kind === 'leader') raftPanic(node.logger, 'invalid transition [leader -> pre-candidate]');
  node.role = {kind: 'pre-candidate', votes: new Map<MemberId, boolean>()};
  note(node, 'pre-candidate');
}

/**
 * Takes the role; the caller appends the first entry of the term (thesis 3.6.2). No membership change may be proposed until
 * all that is in the log now is applied, because one of an earlier leader may be among it.
 */
export function enterLeaderRole(node: RaftNode): LeaderRole {
  if (node.role.kind === 'follower') raftPanic(node.logger, 'invalid transition [follower -> leader]');
  reset(node, node.term);
  const self = node.tracker.progress.get(node.id);
  if (self !== undefined) {
    self.becomeReplicate();
    self.recentActive = true;
  }
  const role: LeaderRole = {
    kind: 'leader',
    transferee: NO_MEMBER,
    pendingConfIndex: node.log.lastIndex(),
    uncommittedSize: 0,
    reads: new UnconfirmedReads(),
  };
  node.role = role;
  return role;
}

function note(node: RaftNode, role: string): void {
  if (node.logger.level > LOG_INFO) return;
  node.logger.write(LOG_INFO, `${formatId(node.id)} became ${role} at term ${node.term}`);
}
