// server-core/raft/follower.ts: what a follower does with each message, and how entries, heartbeats and snapshots of a leader
// are taken (candidates take them too, once they have become followers). etcd: stepFollower, handle*.
import {formatId, NO_MEMBER} from '../../base/ids.ts';
import type {Message, MessageDraft} from '../raftpb/types.ts';
import {draftMessage, EMPTY_SNAPSHOT} from '../raftpb/types.ts';
import {restoreSnapshot} from './configuration.ts';
import {hup} from './election.ts';
import type {FollowerRole, RaftNode} from './node.ts';
import {send} from './node.ts';
import type {StepRefusal} from './types.ts';
import {LOG_DEBUG, LOG_ERROR, LOG_INFO} from './types.ts';

/** Takes a message of our term (or a local one) as a follower. */
export function stepFollower(node: RaftNode, role: FollowerRole, message: Message): StepRefusal | undefined {
  switch (message.type) {
    case 'MsgApp':
      hearLeader(node, role, message);
      handleAppend(node, message);
      return undefined;
    case 'MsgHeartbeat':
      hearLeader(node, role, message);
      handleHeartbeat(node, message);
      return undefined;
    case 'MsgSnap':
      hearLeader(node, role, message);
      handleSnapshot(node, message);
      return undefined;
    case 'MsgProp':
      return forwardProposal(node, role, message);
    case 'MsgReadIndex':
      forwardToLeader(node, role, message, 'index reading msg');
      return undefined;
    case 'MsgTransferLeader':
      forwardToLeader(node, role, message, 'leader transfer msg');
      return undefined;
    case 'MsgReadIndexResp':
      handleReadIndexResponse(node, message);
      return undefined;
    case 'MsgForgetLeader':
      forgetLeader(node, role);
      return undefined;
    case 'MsgTimeoutNow':
      if (node.logger.level <= LOG_INFO) {
        const what = `received MsgTimeoutNow from ${formatId(message.from)} and starts an election to get leadership.`;
        node.logger.write(LOG_INFO, `${formatId(node.id)} [term ${node.term}] ${what}`);
      }
      // No PreVote even where it is switched on: the leader asked for it, so nobody is being disturbed.
      hup(node, 'transfer');
      return undefined;
    default:
      return undefined;
  }
}

function hearLeader(node: RaftNode, role: FollowerRole, message: Message): void {
  node.electionElapsed = 0;
  role.leader = message.from;
}

function forwardProposal(node: RaftNode, role: FollowerRole, message: Message): StepRefusal | undefined {
  const {logger} = node;
  if (role.leader === NO_MEMBER) {
    if (logger.level <= LOG_INFO) {
      logger.write(LOG_INFO, `${formatId(node.id)} no leader at term ${node.term}; dropping proposal`);
    }
    return 'proposal-dropped';
  }
  if (node.config.disableProposalForwarding) {
    if (logger.level <= LOG_INFO) {
      const whom = `not forwarding to leader ${formatId(role.leader)}`;
      logger.write(LOG_INFO, `${formatId(node.id)} ${whom} at term ${node.term}; dropping proposal`);
    }
    return 'proposal-dropped';
  }
  sendOn(node, role, message);
  return undefined;
}

function forwardToLeader(node: RaftNode, role: FollowerRole, message: Message, what: string): void {
  if (role.leader !== NO_MEMBER) return sendOn(node, role, message);
  if (node.logger.level <= LOG_INFO) {
    node.logger.write(LOG_INFO, `${formatId(node.id)} no leader at term ${node.term}; dropping ${what}`);
  }
}

/** The same message to the leader, in the name of whom it came from: a copy, since the original may have other readers. */
function sendOn(node: RaftNode, role: FollowerRole, message: Message): void {
  const copy: MessageDraft = {...message};
  copy.to = role.leader;
  send(node, copy);
}

function handleReadIndexResponse(node: RaftNode, message: Message): void {
  const [entry] = message.entries;
  if (message.entries.length !== 1 || entry === undefined) {
    if (node.logger.level <= LOG_ERROR) {
      const what = `from ${formatId(message.from)}, entries count: ${message.entries.length}`;
      node.logger.write(LOG_ERROR, `${formatId(node.id)} invalid format of MsgReadIndexResp ${what}`);
    }
    return;
  }
  node.readStates.push({index: message.index, requestContext: entry.data});
}

/** The user knows that the leader is gone: votes may be granted again. Not where reads trust the lease. */
function forgetLeader(node: RaftNode, role: FollowerRole): void {
  const {logger} = node;
  if (node.config.readOnlyOption === 'lease-based') {
    if (logger.level <= LOG_ERROR) logger.write(LOG_ERROR, 'ignoring MsgForgetLeader due to ReadOnlyLeaseBased');
    return;
  }
  if (role.leader === NO_MEMBER) return;
  if (logger.level <= LOG_INFO) {
    const whom = `forgetting leader ${formatId(role.leader)}`;
    logger.write(LOG_INFO, `${formatId(node.id)} ${whom} at term ${node.term}`);
  }
  role.leader = NO_MEMBER;
}

/** Takes a leader's entries, or tells it where our logs may part. */
export function handleAppend(node: RaftNode, message: Message): void {
  const {log} = node;
  const response = draftMessage('MsgAppResp', message.from);
  if (message.index < log.committed) {
    response.index = log.committed;
    return send(node, response);
  }
  const lastNew = log.maybeAppend(message.index, message.logTerm, message.entries, message.commit);
  if (lastNew !== undefined) {
    response.index = lastNew;
    return send(node, response);
  }
  if (node.logger.level <= LOG_DEBUG) {
    const ours = `[logterm: ${log.termOrZero(message.index)}, index: ${message.index}]`;
    const their = `[logterm: ${message.logTerm}, index: ${message.index}] from ${formatId(message.from)}`;
    node.logger.write(LOG_DEBUG, `${formatId(node.id)} ${ours} rejected MsgApp ${their}`);
  }
  // The hint lets the leader skip our whole uncommitted tail of later terms in one step.
  const hint = log.findConflictByTerm(Math.min(message.index, log.lastIndex()), message.logTerm);
  response.index = message.index;
  response.reject = true;
  response.rejectHint = hint.index;
  response.logTerm = hint.term;
  send(node, response);
}

export function handleHeartbeat(node: RaftNode, message: Message): void {
  node.log.commitTo(message.commit);
  const response = draftMessage('MsgHeartbeatResp', message.from);
  response.context = message.context;
  send(node, response);
}

export function handleSnapshot(node: RaftNode, message: Message): void {
  const snapshot = message.snapshot ?? EMPTY_SNAPSHOT;
  const restored = restoreSnapshot(node, snapshot);
  const {log, logger} = node;
  if (logger.level <= LOG_INFO) {
    const {index, term} = snapshot.metadata;
    const what = `${restored ? 'restored' : 'ignored'} snapshot [index: ${index}, term: ${term}]`;
    logger.write(LOG_INFO, `${formatId(node.id)} [commit: ${log.committed}] ${what}`);
  }
  const response = draftMessage('MsgAppResp', message.from);
  response.index = restored ? log.lastIndex() : log.committed;
  send(node, response);
}
