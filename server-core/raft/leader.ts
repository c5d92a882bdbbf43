// server-core/raft/leader.ts: what a leader does with each message: proposals, reads, its own clock's messages, transfers.
// The answers of followers are in leader-answers.ts. etcd: stepLeader.
import {formatId, NO_MEMBER} from '../../base/ids.ts';
import {asConfChangeV2, confChangeOfEntry} from '../raftpb/conf-change.ts';
import type {Entry, Message} from '../raftpb/types.ts';
import {draftMessage, makeEntry} from '../raftpb/types.ts';
import {describeConfChange} from './describe.ts';
import {
  handleAppendResponse,
  handleHeartbeatResponse,
  handleSnapshotStatus,
  handleUnreachable,
} from './leader-answers.ts';
import {requestReadIndex} from './leader-reads.ts';
import {raftPanic} from './logging.ts';
import type {LeaderRole, RaftNode} from './node.ts';
import {send} from './node.ts';
import type {Progress} from './progress.ts';
import {appendProposals, broadcastAppend, broadcastHeartbeat, maybeSendAppend} from './replication.ts';
import {becomeFollower} from './roles.ts';
import {describeConfig} from './tracker.ts';
import type {StepRefusal} from './types.ts';
import {LOG_DEBUG, LOG_INFO, LOG_WARNING} from './types.ts';

/** Takes a message of our term (or a local one) as the leader. */
export function stepLeader(node: RaftNode, role: LeaderRole, message: Message): StepRefusal | undefined {
  switch (message.type) {
    case 'MsgProp':
      return handleProposal(node, role, message);
    case 'MsgBeat':
      broadcastHeartbeat(node, role.reads.latestContext());
      return undefined;
    case 'MsgCheckQuorum':
      checkQuorum(node);
      return undefined;
    case 'MsgReadIndex':
      requestReadIndex(node, role, message);
      return undefined;
    case 'MsgForgetLeader':
      return undefined;
    default:
      break;
  }
  const progress = node.tracker.progress.get(message.from);
  if (progress === undefined) {
    if (node.logger.level <= LOG_DEBUG) {
      const line = `${formatId(node.id)} no progress available for ${formatId(message.from)}`;
      node.logger.write(LOG_DEBUG, line);
    }
    return undefined;
  }
  switch (message.type) {
    case 'MsgAppResp':
      handleAppendResponse(node, role, progress, message);
      break;
    case 'MsgHeartbeatResp':
      handleHeartbeatResponse(node, role, progress, message);
      break;
    case 'MsgSnapStatus':
      handleSnapshotStatus(node, progress, message);
      break;
    case 'MsgUnreachable':
      handleUnreachable(node, progress);
      break;
    case 'MsgTransferLeader':
      handleTransfer(node, role, progress);
      break;
    default:
      break;
  }
  return undefined;
}

/** A leader that heard no quorum since the last time steps down: another one may lead already. Thesis 6.2. */
function checkQuorum(node: RaftNode): void {
  if (!node.tracker.quorumActive()) {
    if (node.logger.level <= LOG_WARNING) {
      const line = `${formatId(node.id)} stepped down to follower since quorum is not active`;
      node.logger.write(LOG_WARNING, line);
    }
    becomeFollower(node, node.term, NO_MEMBER);
  }
  for (const progress of node.tracker.members) if (progress.id !== node.id) progress.recentActive = false;
}

function handleProposal(node: RaftNode, role: LeaderRole, message: Message): StepRefusal | undefined {
  const {logger} = node;
  if (message.entries.length === 0) raftPanic(logger, `${formatId(node.id)} stepped empty MsgProp`);
  // We have been removed and still lead until the change reaches a quorum; nothing new goes in.
  if (!node.tracker.progress.has(node.id)) return 'proposal-dropped';
  if (role.transferee !== NO_MEMBER) {
    if (logger.level <= LOG_DEBUG) {
      const what = `transfer leadership to ${formatId(role.transferee)} is in progress; dropping proposal`;
      logger.write(LOG_DEBUG, `${formatId(node.id)} [term ${node.term}] ${what}`);
    }
    return 'proposal-dropped';
  }
  const proposals = admitConfChanges(node, role, message.entries);
  if (!appendProposals(node, role, proposals)) return 'proposal-dropped';
  broadcastAppend(node);
  return undefined;
}

/** The proposals, with each membership change that may not be made now replaced by an empty entry. */
function admitConfChanges(node: RaftNode, role: LeaderRole, proposals: readonly Entry[]): readonly Entry[] {
  let admitted: Entry[] | undefined;
  for (let i = 0; i < proposals.length; i++) {
    const proposal = proposals[i] as Entry;
    if (proposal.type === 'EntryNormal') continue;
    if (admitConfChange(node, role, proposal)) {
      role.pendingConfIndex = node.log.lastIndex() + i + 1;
      continue;
    }
    admitted ??= proposals.slice();
    admitted[i] = makeEntry({});
  }
  return admitted ?? proposals;
}

/**
 * May this change be proposed? One at a time, counted by what is applied; a joint configuration is left before another change
 * is made. The check is a best effort: configurations take effect when applied, and the leader may lag behind its own log.
 */
function admitConfChange(node: RaftNode, role: LeaderRole, proposal: Entry): boolean {
  const change = confChangeOfEntry(proposal);
  if (change === undefined || node.config.disableConfChangeValidation) return true;
  const joint = node.tracker.config.votersOutgoing.length > 0;
  const leaving = asConfChangeV2(change).changes.length === 0;
  let why: string | undefined;
  if (role.pendingConfIndex > node.log.applied) {
    why = `possible unapplied conf change at index ${role.pendingConfIndex} (applied to ${node.log.applied})`;
  } else if (joint && !leaving) why = 'must transition out of joint config first';
  else if (!joint && leaving) why = 'not in joint state; refusing empty conf change';
  if (why === undefined) return true;
  if (node.logger.level <= LOG_INFO) {
    const where = `at config ${describeConfig(node.tracker.config)}`;
    const line = `ignoring conf change ${describeConfChange(change)} ${where}: ${why}`;
    node.logger.write(LOG_INFO, `${formatId(node.id)} ${line}`);
  }
  return false;
}

/** Hands leadership to a voter as soon as its log is as long as ours; at most one election timeout is spent on it. Thesis 3.10. */
function handleTransfer(node: RaftNode, role: LeaderRole, target: Progress): void {
  const {logger, id} = node;
  const self = formatId(id);
  const to = formatId(target.id);
  if (target.isLearner) {
    if (logger.level <= LOG_DEBUG) logger.write(LOG_DEBUG, `${self} is learner. Ignored transferring leadership`);
    return;
  }
  const previous = role.transferee;
  if (previous !== NO_MEMBER) {
    if (previous === target.id) {
      if (logger.level <= LOG_INFO) {
        const what = `transfer leadership to ${to} is in progress, ignores request to same node ${to}`;
        logger.write(LOG_INFO, `${self} [term ${node.term}] ${what}`);
      }
      return;
    }
    role.transferee = NO_MEMBER;
    if (logger.level <= LOG_INFO) {
      const what = `abort previous transferring leadership to ${formatId(previous)}`;
      logger.write(LOG_INFO, `${self} [term ${node.term}] ${what}`);
    }
  }
  if (target.id === id) {
    if (logger.level <= LOG_DEBUG) {
      logger.write(LOG_DEBUG, `${self} is already leader. Ignored transferring leadership to self`);
    }
    return;
  }
  if (logger.level <= LOG_INFO) {
    logger.write(LOG_INFO, `${self} [term ${node.term}] starts to transfer leadership to ${to}`);
  }
  node.electionElapsed = 0;
  role.transferee = target.id;
  if (target.match !== node.log.lastIndex()) {
    maybeSendAppend(node, target, true);
    return;
  }
  send(node, draftMessage('MsgTimeoutNow', target.id));
  if (logger.level <= LOG_INFO) {
    const what = `sends MsgTimeoutNow to ${to} immediately as ${to} already has up-to-date log`;
    logger.write(LOG_INFO, `${self} ${what}`);
  }
}
