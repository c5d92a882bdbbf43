// server-core/raft/node.ts: the state of one member, and the way out for its messages.
// What only a role has (a leader's transfer target, a candidate's votes) lies in the role and ends with it. Everything that
// changes this state is in the files that import this one: roles, replication, configuration, election, follower, candidate,
// leader, step. etcd: type raft, raft.send.
import type {MemberId} from '../../base/ids.ts';
import {formatId, NO_MEMBER} from '../../base/ids.ts';
import type {HardState, Message, MessageDraft} from '../raftpb/types.ts';
import type {CompleteConfig} from './config.ts';
import type {RaftLog} from './log.ts';
import {raftPanic} from './logging.ts';
import type {UnconfirmedReads} from './read-index.ts';
import type {Tracker} from './tracker.ts';
import type {RaftLogger, ReadState, RoleKind} from './types.ts';

export interface FollowerRole {
  readonly kind: 'follower';
  /** NO_MEMBER when no leader of this term is known. */
  leader: MemberId;
}

export interface CandidateRole {
  readonly kind: 'pre-candidate' | 'candidate';
  /** The first answer of each member. */
  readonly votes: Map<MemberId, boolean>;
}

export interface LeaderRole {
  readonly kind: 'leader';
  /** Whom leadership is being transferred to; proposals are refused meanwhile. NO_MEMBER if nobody. */
  transferee: MemberId;
  /** No membership change may be proposed until this index is applied: one may be at or below it. */
  pendingConfIndex: number;
  /** Bytes of payload appended and not yet applied here; an estimate from below. */
  uncommittedSize: number;
  readonly reads: UnconfirmedReads;
}

export type Role = FollowerRole | CandidateRole | LeaderRole;

export interface RaftNode {
  readonly id: MemberId;
  readonly config: CompleteConfig;
  readonly logger: RaftLogger;
  readonly log: RaftLog;
  /** Replaced as a whole when a snapshot is restored. */
  tracker: Tracker;
  /** Never falls. Invariant: at least the term of every entry in the log. */
  term: number;
  /** Whom we voted for in `term`. Invariant: once set it stays until the term changes. */
  vote: MemberId;
  role: Role;
  /** Are we a learner of the configuration in force? */
  isLearner: boolean;
  /** Ticks since the last sign of the leader (or, for a leader, since the last check of its quorum). */
  electionElapsed: number;
  /** A leader's ticks since its last heartbeat. */
  heartbeatElapsed: number;
  /** From electionTicks to twice that, minus one; drawn at every reset. */
  randomizedElectionTicks: number;
  /** To other members, to be sent at once. */
  messages: Message[];
  /** To be sent, or taken by ourselves, when everything unstable by now is stored: answers that promise something. */
  messagesAfterAppend: Message[];
  readStates: ReadState[];
  /** ReadIndex requests that came before the first commit of a leader's term. Outlives a role, as in etcd. */
  pendingReads: Message[];
}

/** raft.lead: the leader of the present term as far as known. */
export function leaderOf(node: RaftNode): MemberId {
  switch (node.role.kind) {
    case 'follower':
      return node.role.leader;
    case 'leader':
      return node.id;
    default:
      return NO_MEMBER;
  }
}

export function hardStateOf(node: RaftNode): HardState {
  return {term: node.term, vote: node.vote, commit: node.log.committed};
}

const ROLE_NAMES: Readonly<Record<RoleKind, string>> = {
  follower: 'StateFollower',
  'pre-candidate': 'StatePreCandidate',
  candidate: 'StateCandidate',
  leader: 'StateLeader',
};

/** As Go prints raft.StateType. */
export function roleName(kind: RoleKind): string {
  return ROLE_NAMES[kind];
}

/**
 * Puts a message on its way with our id and term. Votes and their answers bring the term they are about; proposals and
 * read requests carry none, so that a leader of another term takes them too.
 */
export function send(node: RaftNode, message: MessageDraft): void {
  if (message.from === NO_MEMBER) message.from = node.id;
  switch (message.type) {
    case 'MsgVote':
    case 'MsgPreVote':
      mustHaveTerm(node, message);
      break;
    case 'MsgVoteResp':
    case 'MsgPreVoteResp':
      // A vote must be stored before anybody counts it, and so must the term of a refusal.
      mustHaveTerm(node, message);
      node.messagesAfterAppend.push(message);
      return;
    case 'MsgAppResp':
      // An acknowledged entry must be stored; our own acknowledgement as leader is no exception (thesis 10.2.1).
      setTerm(node, message);
      node.messagesAfterAppend.push(message);
      return;
    case 'MsgProp':
    case 'MsgReadIndex':
      mustHaveNoTerm(node, message);
      break;
    default:
      setTerm(node, message);
  }
  if (message.to === node.id) {
    raftPanic(node.logger, `message should not be self-addressed when sending ${message.type}`);
  }
  node.messages.push(message);
}

function setTerm(node: RaftNode, message: MessageDraft): void {
  mustHaveNoTerm(node, message);
  message.term = node.term;
}

function mustHaveTerm(node: RaftNode, message: MessageDraft): void {
  if (message.term === 0) raftPanic(node.logger, `term should be set when sending ${message.type}`);
}

function mustHaveNoTerm(node: RaftNode, message: MessageDraft): void {
  if (message.term === 0) return;
  raftPanic(node.logger, `term should not be set when sending ${message.type} (was ${message.term})`);
}

/** Our log's end as raft's lines show it. */
export function describeLastEntry(node: RaftNode): string {
  return `[logterm: ${node.log.lastTerm()}, index: ${node.log.lastIndex()}]`;
}

/** Log's end and vote, as the lines about votes show them. */
export function describeVoter(node: RaftNode): string {
  return `[logterm: ${node.log.lastTerm()}, index: ${node.log.lastIndex()}, vote: ${formatId(node.vote)}]`;
}
