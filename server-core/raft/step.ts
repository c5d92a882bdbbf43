// server-core/raft/step.ts: the one way in for messages, and for the ticks of the clock.
// Terms are settled here, for all roles alike; what is left goes to the role. etcd: raft.Step, tickElection, tickHeartbeat.
import {formatId, NO_MEMBER} from '../../base/ids.ts';
import {confChangeProposal} from '../raftpb/conf-change.ts';
import type {Message, Snapshot} from '../raftpb/types.ts';
import {draftMessage} from '../raftpb/types.ts';
import {stepCandidate} from './candidate.ts';
import {admitHigherTermVote, handleVoteRequest, hup, isPromotable, refuseStalePreVote} from './election.ts';
import {entriesSize, payloadsSize} from './entries.ts';
import {stepFollower} from './follower.ts';
import {stepLeader} from './leader.ts';
import type {LeaderRole, RaftNode} from './node.ts';
import {send} from './node.ts';
import {becomeFollower} from './roles.ts';
import {describeConfig} from './tracker.ts';
import type {StepRefusal} from './types.ts';
import {LOG_DEBUG, LOG_INFO} from './types.ts';

/** Takes one message, of a peer or of our own. What must happen next leaves through Ready. */
export function stepNode(node: RaftNode, message: Message): StepRefusal | undefined {
  // Term 0 is a local message, or one that any term may carry (proposals, read requests).
  if (message.term > node.term) {
    if (!admitHigherTerm(node, message)) return undefined;
  } else if (message.term < node.term && message.term !== 0) {
    answerLowerTerm(node, message);
    return undefined;
  }
  switch (message.type) {
    case 'MsgHup':
      hup(node, node.config.preVote ? 'pre-election' : 'election');
      return undefined;
    case 'MsgVote':
    case 'MsgPreVote':
      handleVoteRequest(node, message);
      return undefined;
    case 'MsgStorageAppendResp':
      if (message.index !== 0) node.log.unstable.stableTo(message.index, message.logTerm);
      if (message.snapshot !== undefined) snapshotApplied(node, message.snapshot);
      return undefined;
    case 'MsgStorageApplyResp':
      entriesApplied(node, message);
      return undefined;
    default:
      return stepRole(node, message);
  }
}

function stepRole(node: RaftNode, message: Message): StepRefusal | undefined {
  const {role} = node;
  switch (role.kind) {
    case 'follower':
      return stepFollower(node, role, message);
    case 'leader':
      return stepLeader(node, role, message);
    default:
      return stepCandidate(node, role, message);
  }
}

/** Takes over a higher term, unless the message is a vote we need not hear. A PreVote and its grant change no term. */
function admitHigherTerm(node: RaftNode, message: Message): boolean {
  const {type} = message;
  if ((type === 'MsgVote' || type === 'MsgPreVote') && !admitHigherTermVote(node, message)) return false;
  if (type === 'MsgPreVote' || (type === 'MsgPreVoteResp' && !message.reject)) return true;
  if (node.logger.level <= LOG_INFO) {
    const whom = `from ${formatId(message.from)} [term: ${message.term}]`;
    const line = `received a ${type} message with higher term ${whom}`;
    node.logger.write(LOG_INFO, `${formatId(node.id)} [term: ${node.term}] ${line}`);
  }
  const fromLeader = type === 'MsgApp' || type === 'MsgHeartbeat' || type === 'MsgSnap';
  becomeFollower(node, message.term, fromLeader ? message.from : NO_MEMBER);
  return true;
}

/** A message of a term that is over is ignored, but for three that need an answer or report finished storage work. */
function answerLowerTerm(node: RaftNode, message: Message): void {
  const {type} = message;
  const {checkQuorum, preVote} = node.config;
  if ((checkQuorum || preVote) && (type === 'MsgHeartbeat' || type === 'MsgApp')) {
    // With leases or PreVote our higher term may never reach that leader by a campaign; this answer makes it step down, so
    // that we are not cut off for good.
    send(node, draftMessage('MsgAppResp', message.from));
  } else if (type === 'MsgPreVote') {
    refuseStalePreVote(node, message);
  } else if (type === 'MsgStorageAppendResp') {
    // Entries stored in an earlier term may be on their way to being replaced in storage: keep ours (the ABA problem that
    // newStorageAppendRespMsg tells of). A snapshot, by contrast, was applied whatever the term.
    if (message.index !== 0) noteLowerTerm(node, `ignored entry appends from a ${type} message`, message);
    if (message.snapshot !== undefined) snapshotApplied(node, message.snapshot);
  } else {
    noteLowerTerm(node, `ignored a ${type} message`, message);
  }
}

function noteLowerTerm(node: RaftNode, what: string, message: Message): void {
  if (node.logger.level > LOG_INFO) return;
  const from = message.type === 'MsgStorageAppendResp' ? '' : ` from ${formatId(message.from)}`;
  const line = `${what} with lower term${from} [term: ${message.term}]`;
  node.logger.write(LOG_INFO, `${formatId(node.id)} [term: ${node.term}] ${line}`);
}

function entriesApplied(node: RaftNode, message: Message): void {
  const last = message.entries.at(-1);
  if (last === undefined) return;
  appliedTo(node, last.index, entriesSize(message.entries));
  if (node.role.kind === 'leader') releaseUncommitted(node.role, payloadsSize(message.entries));
}

/** An estimate from below: entries of earlier leaders were never counted in. */
function releaseUncommitted(role: LeaderRole, size: number): void {
  role.uncommittedSize = Math.max(0, role.uncommittedSize - size);
}

function snapshotApplied(node: RaftNode, snapshot: Snapshot): void {
  node.log.unstable.stableSnapshotTo(snapshot.metadata.index);
  appliedTo(node, snapshot.metadata.index, 0);
}

/** Raises the applied index; a leader leaves a joint configuration by itself once the change that entered it is applied. */
export function appliedTo(node: RaftNode, index: number, size: number): void {
  const {log, role, tracker} = node;
  const applied = Math.max(index, log.applied);
  log.appliedTo(applied, size);
  if (!tracker.config.autoLeave || role.kind !== 'leader' || applied < role.pendingConfIndex) return;
  const proposal = draftMessage('MsgProp', NO_MEMBER);
  proposal.entries = [confChangeProposal(undefined)];
  // Refused during a leadership transfer, for one; then it is tried again with the next applied entry.
  const refusal = stepNode(node, proposal);
  const config = node.logger.level <= LOG_INFO ? describeConfig(tracker.config) : '';
  if (refusal === undefined) {
    if (node.logger.level <= LOG_INFO) {
      const line = `initiating automatic transition out of joint configuration ${config}`;
      node.logger.write(LOG_INFO, line);
    }
  } else if (node.logger.level <= LOG_DEBUG) {
    const line = `not initiating automatic transition out of joint configuration ${config}: raft proposal dropped`;
    node.logger.write(LOG_DEBUG, line);
  }
}

/** One tick of the clock. */
export function tickNode(node: RaftNode): void {
  if (node.role.kind === 'leader') tickLeader(node, node.role);
  else tickElection(node);
}

function tickElection(node: RaftNode): void {
  node.electionElapsed++;
  if (node.electionElapsed < node.randomizedElectionTicks || !isPromotable(node)) return;
  node.electionElapsed = 0;
  stepLocal(node, 'MsgHup');
}

function tickLeader(node: RaftNode, role: LeaderRole): void {
  node.heartbeatElapsed++;
  node.electionElapsed++;
  const {electionTicks, heartbeatTicks, checkQuorum} = node.config;
  if (node.electionElapsed >= electionTicks) {
    node.electionElapsed = 0;
    if (checkQuorum) stepLocal(node, 'MsgCheckQuorum');
    // A transfer that took an election timeout has failed: take proposals again.
    if (node.role === role) role.transferee = NO_MEMBER;
  }
  if (node.role !== role || node.heartbeatElapsed < heartbeatTicks) return;
  node.heartbeatElapsed = 0;
  stepLocal(node, 'MsgBeat');
}

function stepLocal(node: RaftNode, type: 'MsgHup' | 'MsgCheckQuorum' | 'MsgBeat'): void {
  const message = draftMessage(type, NO_MEMBER);
  message.from = node.id;
  stepNode(node, message);
}
