// server-core/raft/leader-reads.ts: how a leader answers ReadIndex. Thesis 6.4; etcd: sendMsgReadIndexResponse.
// An index is only good if it was read from a commit of the leader's own term, and if the leader still led at that time: told
// by a quorum answering a heartbeat (safe), or by trusting its lease (lease-based).
import {NO_MEMBER} from '../../base/ids.ts';
import type {Message} from '../raftpb/types.ts';
import {draftMessage} from '../raftpb/types.ts';
import type {LeaderRole, RaftNode} from './node.ts';
import {send} from './node.ts';
import {requestContextOf} from './read-index.ts';
import {broadcastHeartbeat} from './replication.ts';
import {LOG_ERROR} from './types.ts';

/** Takes a read request of our own or of a follower. */
export function requestReadIndex(node: RaftNode, role: LeaderRole, request: Message): void {
  if (node.tracker.isSingleton()) return answerRead(node, request, node.log.committed);
  if (!hasCommittedInTerm(node)) {
    node.pendingReads.push(request);
    return;
  }
  confirmRead(node, role, request);
}

/** The requests that waited for the first commit of the term go on now. */
export function releasePendingReads(node: RaftNode, role: LeaderRole): void {
  if (node.pendingReads.length === 0) return;
  if (!hasCommittedInTerm(node)) {
    if (node.logger.level <= LOG_ERROR) {
      const text = 'pending MsgReadIndex should be released only after first commit in current term';
      node.logger.write(LOG_ERROR, text);
    }
    return;
  }
  const requests = node.pendingReads;
  node.pendingReads = [];
  for (const request of requests) confirmRead(node, role, request);
}

/** Before that, entries of earlier leaders may be committed without our knowing. */
function hasCommittedInTerm(node: RaftNode): boolean {
  return node.log.termOrZero(node.log.committed) === node.term;
}

function confirmRead(node: RaftNode, role: LeaderRole, request: Message): void {
  const trusted = node.config.readOnlyOption === 'lease-based' || node.config.defects.staleReadIndex === true;
  if (trusted) return answerRead(node, request, node.log.committed);
  const context = requestContextOf(request);
  role.reads.add(node.log.committed, request);
  role.reads.acknowledge(node.id, context);
  broadcastHeartbeat(node, context);
}

/** Tells who asked: ourselves through Ready, a follower by a message. */
export function answerRead(node: RaftNode, request: Message, index: number): void {
  if (request.from === NO_MEMBER || request.from === node.id) {
    node.readStates.push({index, requestContext: requestContextOf(request)});
    return;
  }
  const response = draftMessage('MsgReadIndexResp', request.from);
  response.index = index;
  response.entries = request.entries;
  send(node, response);
}
