// server-core/raft/leader-answers.ts: what a leader learns from its followers' answers. etcd: the second half of stepLeader.
import {formatId} from '../../base/ids.ts';
import type {Message} from '../raftpb/types.ts';
import {draftMessage} from '../raftpb/types.ts';
import {answerRead, releasePendingReads} from './leader-reads.ts';
import type {LeaderRole, RaftNode} from './node.ts';
import {send} from './node.ts';
import type {Progress} from './progress.ts';
import {describeProgress} from './progress.ts';
import {broadcastAppend, maybeCommit, maybeSendAppend} from './replication.ts';
import {LOG_DEBUG, LOG_INFO} from './types.ts';

/** A follower, or ourselves, has stored entries up to an index; or a follower lacks the entry before those it got. */
export function handleAppendResponse(node: RaftNode, role: LeaderRole, progress: Progress, message: Message): void {
  progress.recentActive = true;
  if (message.reject) return handleRejection(node, progress, message);
  const advanced = progress.maybeUpdate(message.index);
  // A probe may also be answered with what was known before (the follower had it all): that ends the probing, too.
  if (!advanced && !(progress.match === message.index && progress.state === 'probe')) return;
  resumeReplication(node, progress, message.index);
  const isSelf = progress.id === node.id;
  if (maybeCommit(node)) {
    releasePendingReads(node, role);
    broadcastAppend(node);
  } else if (!isSelf && progress.canBumpCommit(node.log.committed)) {
    maybeSendAppend(node, progress, true);
  }
  if (isSelf) return;
  // The window may have opened by more than one message. Ends: each append moves next forward or pauses the progress.
  while (maybeSendAppend(node, progress, false));
  if (progress.id === role.transferee && progress.match === node.log.lastIndex()) {
    if (node.logger.level <= LOG_INFO) {
      const line = `sent MsgTimeoutNow to ${formatId(progress.id)} after received MsgAppResp`;
      node.logger.write(LOG_INFO, `${formatId(node.id)} ${line}`);
    }
    send(node, draftMessage('MsgTimeoutNow', progress.id));
  }
}

function resumeReplication(node: RaftNode, progress: Progress, index: number): void {
  switch (progress.state) {
    case 'probe':
      progress.becomeReplicate();
      return;
    case 'replicate':
      progress.inflights.freeUpTo(index);
      return;
    case 'snapshot':
      // Whichever snapshot it took: what counts is that our log goes on from where it is.
      if (progress.match + 1 < node.log.firstIndex()) return;
      note(
        node,
        progress,
        (self, other) => `${self} recovered from needing snapshot, resumed sending replication messages to ${other}`,
      );
      progress.becomeProbe();
      progress.becomeReplicate();
  }
}

/**
 * The follower lacks the entry at message.index and names, in rejectHint and logTerm, the last place of its log that may match
 * ours. We look for the last place of our own log that may match theirs, so that whole terms are skipped on both sides.
 */
function handleRejection(node: RaftNode, progress: Progress, message: Message): void {
  const {logger} = node;
  if (logger.level <= LOG_DEBUG) {
    const hint = `(rejected, hint: (index ${message.rejectHint}, term ${message.logTerm}))`;
    const line = `received MsgAppResp${hint} from ${formatId(message.from)} for index ${message.index}`;
    logger.write(LOG_DEBUG, `${formatId(node.id)} ${line}`);
  }
  let probe = message.rejectHint;
  if (message.logTerm > 0) probe = node.log.findConflictByTerm(message.rejectHint, message.logTerm).index;
  if (!progress.maybeDecreaseTo(message.index, probe)) return;
  note(node, progress, (self, other) => `${self} decreased progress of ${other} to`);
  if (progress.state === 'replicate') progress.becomeProbe();
  maybeSendAppend(node, progress, true);
}

/** A sign of life, which also lets a paused flow go on; and maybe the confirmation of reads. */
export function handleHeartbeatResponse(node: RaftNode, role: LeaderRole, progress: Progress, message: Message): void {
  progress.recentActive = true;
  progress.appendsPaused = false;
  // Also when nothing new is there: a message may have been lost, and only an append finds out.
  if (progress.match < node.log.lastIndex() || progress.state === 'probe') maybeSendAppend(node, progress, true);
  const {context} = message;
  if (node.config.readOnlyOption !== 'safe' || context === undefined || context.length === 0) return;
  const acks = role.reads.acknowledge(message.from, context);
  if (acks === undefined || node.tracker.voteResult(acks) !== 'won') return;
  for (const read of role.reads.takeConfirmed(context)) answerRead(node, read.request, read.index);
}

/** The user tells how sending a snapshot went. Then probe, but not before the follower has had time to take it in. */
export function handleSnapshotStatus(node: RaftNode, progress: Progress, message: Message): void {
  if (progress.state !== 'snapshot') return;
  if (message.reject) progress.pendingSnapshot = 0;
  progress.becomeProbe();
  const outcome = message.reject ? 'failed' : 'succeeded';
  note(
    node,
    progress,
    (self, other) => `${self} snapshot ${outcome}, resumed sending replication messages to ${other}`,
  );
  progress.appendsPaused = true;
}

/** The user could not send: what is under way may be lost. */
export function handleUnreachable(node: RaftNode, progress: Progress): void {
  if (progress.state === 'replicate') progress.becomeProbe();
  note(node, progress, (self, other) => `${self} failed to send message to ${other} because it is unreachable`);
}

/** A debug line about a follower, with its progress behind it; only on rare ways. */
function note(node: RaftNode, progress: Progress, line: (self: string, other: string) => string): void {
  if (node.logger.level > LOG_DEBUG) return;
  const text = line(formatId(node.id), formatId(progress.id));
  node.logger.write(LOG_DEBUG, `${text} [${describeProgress(progress)}]`);
}
