// server-core/raft/replication.ts: what a leader sends to whom, and when an entry counts as committed.
// etcd: raft.maybeSendAppend, maybeSendSnapshot, bcast*, appendEntry, maybeCommit.
import {InvariantError} from '../../base/assert.ts';
import {formatId} from '../../base/ids.ts';
import type {Entry} from '../raftpb/types.ts';
import {draftMessage, isEmptySnapshot, NO_ENTRIES} from '../raftpb/types.ts';
import {payloadsSize} from './entries.ts';
import type {LeaderRole, RaftNode} from './node.ts';
import {send} from './node.ts';
import type {Progress} from './progress.ts';
import {describeProgress} from './progress.ts';
import {LOG_DEBUG, LOG_WARNING} from './types.ts';

/**
 * Sends the member what comes next for it: entries, or a snapshot where they are gone. `evenIfEmpty` sends an append
 * without entries too, to carry the commit index or to probe. Says whether anything went out.
 */
export function maybeSendAppend(node: RaftNode, to: Progress, evenIfEmpty: boolean): boolean {
  if (to.isPaused()) return false;
  const prevIndex = to.next - 1;
  const prevTerm = node.log.term(prevIndex);
  if (typeof prevTerm === 'string') return maybeSendSnapshot(node, to);
  // With a full window an append without entries still goes out, so that the commit index and lost messages get through.
  const mayCarry = to.state !== 'replicate' || !to.inflights.full();
  const entries = mayCarry ? node.log.entriesFrom(to.next, node.config.maxSizePerMsg) : NO_ENTRIES;
  const none = typeof entries === 'string' || entries.length === 0;
  if (none && !evenIfEmpty) return false;
  if (typeof entries === 'string') return maybeSendSnapshot(node, to);
  const message = draftMessage('MsgApp', to.id);
  message.index = prevIndex;
  message.logTerm = prevTerm;
  message.entries = entries;
  message.commit = node.log.committed;
  send(node, message);
  to.noteSentEntries(entries.length, payloadsSize(entries));
  to.noteSentCommit(node.log.committed);
  return true;
}

function maybeSendSnapshot(node: RaftNode, to: Progress): boolean {
  const {logger, log} = node;
  if (!to.recentActive) {
    if (logger.level <= LOG_DEBUG) {
      logger.write(LOG_DEBUG, `ignore sending snapshot to ${formatId(to.id)} since it is not recently active`);
    }
    return false;
  }
  const snapshot = log.snapshot();
  if (snapshot === 'snapshot-unavailable') {
    if (logger.level <= LOG_DEBUG) {
      const [self, other] = [formatId(node.id), formatId(to.id)];
      const why = 'because snapshot is temporarily unavailable';
      logger.write(LOG_DEBUG, `${self} failed to send snapshot to ${other} ${why}`);
    }
    return false;
  }
  if (isEmptySnapshot(snapshot)) throw new InvariantError('need non-empty snapshot');
  const {index, term} = snapshot.metadata;
  if (logger.level <= LOG_DEBUG) {
    const range = `[firstindex: ${log.firstIndex()}, commit: ${log.committed}]`;
    const what = `snapshot[index: ${index}, term: ${term}]`;
    const line = `${formatId(node.id)} ${range} sent ${what} to ${formatId(to.id)} [${describeProgress(to)}]`;
    logger.write(LOG_DEBUG, line);
  }
  to.becomeSnapshot(index);
  if (logger.level <= LOG_DEBUG) {
    const whom = `${formatId(to.id)} [${describeProgress(to)}]`;
    logger.write(LOG_DEBUG, `${formatId(node.id)} paused sending replication messages to ${whom}`);
  }
  const message = draftMessage('MsgSnap', to.id);
  message.snapshot = snapshot;
  send(node, message);
  return true;
}

/** Sends everybody what comes next for them. */
export function broadcastAppend(node: RaftNode): void {
  const {members} = node.tracker;
  for (let i = 0; i < members.length; i++) {
    const progress = members[i] as Progress;
    if (progress.id !== node.id) maybeSendAppend(node, progress, true);
  }
}

/**
 * Heartbeats to everybody, with the context of the reads that wait. The commit index is capped at what the member is known
 * to have: a heartbeat says nothing about the log in between.
 */
export function broadcastHeartbeat(node: RaftNode, context: Uint8Array | undefined): void {
  for (const progress of node.tracker.members) {
    if (progress.id === node.id) continue;
    const commit = Math.min(progress.match, node.log.committed);
    const message = draftMessage('MsgHeartbeat', progress.id);
    message.commit = commit;
    message.context = context;
    send(node, message);
    progress.noteSentCommit(commit);
  }
}

/**
 * Appends proposals to the leader's own log under its term. False if they would hold more payload uncommitted than allowed;
 * the first ones and those without payload (the leader's first entry, leaving a joint configuration) always pass.
 */
export function appendProposals(node: RaftNode, role: LeaderRole, proposals: readonly Entry[]): boolean {
  const size = payloadsSize(proposals);
  const {maxUncommittedEntriesSize} = node.config;
  if (role.uncommittedSize > 0 && size > 0 && role.uncommittedSize + size > maxUncommittedEntriesSize) {
    if (node.logger.level <= LOG_WARNING) {
      const why = 'appending new entries to log would exceed uncommitted entry size limit; dropping proposal';
      node.logger.write(LOG_WARNING, `${formatId(node.id)} ${why}`);
    }
    return false;
  }
  role.uncommittedSize += size;
  const last = node.log.lastIndex();
  const entries: Entry[] = [];
  for (let i = 0; i < proposals.length; i++) {
    const {type, data} = proposals[i] as Entry;
    entries.push({type, term: node.term, index: last + 1 + i, data});
  }
  const acknowledged = draftMessage('MsgAppResp', node.id);
  acknowledged.index = node.log.append(entries);
  send(node, acknowledged);
  return true;
}

/** Commits what a quorum has of the leader's own term. Says whether that was anything new. */
export function maybeCommit(node: RaftNode): boolean {
  return node.log.maybeCommit(committableIndex(node), node.term);
}

function committableIndex(node: RaftNode): number {
  if (node.config.defects.commitWithoutQuorum === true) return node.tracker.ackedIndex(node.id) ?? 0;
  return node.tracker.committed();
}
