// server-core/raft/ready.ts: what a member has to do next, bundled; and the messages to its own storage threads.
// etcd: rawnode.go, readyWithoutAccept, acceptReady, newStorage*Msg.
import type {Entry, HardState, Message, Snapshot} from '../raftpb/types.ts';
import {draftMessage, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, NO_MESSAGES} from '../raftpb/types.ts';
import {entriesSize} from './entries.ts';
import type {RaftNode} from './node.ts';
import {leaderOf} from './node.ts';
import type {ReadState, Ready, SoftState} from './types.ts';

/** What the last Ready said, to tell what is new. */
export interface HandedOut {
  softState: SoftState;
  hardState: HardState;
}

const NO_READ_STATES: readonly ReadState[] = Object.freeze([]);

/** Is there anything to do? Cheap; asked after every step. */
export function hasReady(node: RaftNode, handedOut: HandedOut): boolean {
  const {log} = node;
  const {softState, hardState} = handedOut;
  return (
    node.messages.length > 0 ||
    node.messagesAfterAppend.length > 0 ||
    log.unstable.hasNextEntries() ||
    log.hasNextCommittedEntries(!node.config.asyncStorageWrites) ||
    hardState.commit !== log.committed ||
    hardState.term !== node.term ||
    hardState.vote !== node.vote ||
    softState.role !== node.role.kind ||
    softState.leader !== leaderOf(node) ||
    log.unstable.nextSnapshot() !== undefined ||
    node.readStates.length > 0
  );
}

/**
 * Takes everything there is to do and marks it as handed out. In synchronous mode `stepsOnAdvance` receives what the member
 * must hear when all of it is done; in asynchronous mode that is in the responses of the storage messages.
 */
export function takeReady(node: RaftNode, handedOut: HandedOut, stepsOnAdvance: Message[]): Ready {
  const {log} = node;
  const asyncStorage = node.config.asyncStorageWrites;
  const previous = handedOut.hardState;
  const entries = log.unstable.nextEntries();
  const committedEntries = log.nextCommittedEntries(!asyncStorage);
  const snapshot = log.unstable.nextSnapshot();
  const softState = takeSoftState(node, handedOut);
  const hardState = takeHardState(node, handedOut);
  const mustSync = entries.length > 0 || previous.vote !== node.vote || previous.term !== node.term;
  const appendResponse = answerOfAppendThread(node, snapshot);
  const applyResponse = committedEntries.length > 0 ? answerOfApplyThread(node, committedEntries) : undefined;
  const afterAppend = node.messagesAfterAppend;
  const messages = node.messages;

  if (asyncStorage) {
    if (entries.length > 0 || hardState !== undefined || snapshot !== undefined || afterAppend.length > 0) {
      messages.push(requestToAppendThread(node, {entries, hardState, snapshot, afterAppend, appendResponse}));
    }
    if (applyResponse !== undefined) messages.push(requestToApplyThread(node, committedEntries, applyResponse));
  } else {
    // Sent after the entries are stored, by the contract of Ready; our own answers are heard on advance.
    for (let i = 0; i < afterAppend.length; i++) {
      const message = afterAppend[i] as Message;
      (message.to === node.id ? stepsOnAdvance : messages).push(message);
    }
    if (appendResponse !== undefined) stepsOnAdvance.push(appendResponse);
    if (applyResponse !== undefined) stepsOnAdvance.push(applyResponse);
  }

  const readStates = node.readStates;
  const ready: Ready = {
    softState,
    hardState,
    readStates: readStates.length === 0 ? NO_READ_STATES : readStates,
    entries,
    snapshot,
    committedEntries,
    messages: messages.length === 0 ? NO_MESSAGES : messages,
    mustSync,
  };
  if (messages.length > 0) node.messages = [];
  if (afterAppend.length > 0) node.messagesAfterAppend = [];
  if (readStates.length > 0) node.readStates = [];
  log.unstable.acceptInProgress();
  const lastApplying = committedEntries.at(-1);
  if (lastApplying !== undefined) log.acceptApplying(lastApplying.index, entriesSize(committedEntries), !asyncStorage);
  return ready;
}

function takeSoftState(node: RaftNode, handedOut: HandedOut): SoftState | undefined {
  const leader = leaderOf(node);
  const {softState} = handedOut;
  if (softState.role === node.role.kind && softState.leader === leader) return undefined;
  handedOut.softState = {leader, role: node.role.kind};
  return handedOut.softState;
}

function takeHardState(node: RaftNode, handedOut: HandedOut): HardState | undefined {
  const {term, vote} = node;
  const commit = node.log.committed;
  const {hardState} = handedOut;
  if (hardState.term === term && hardState.vote === vote && hardState.commit === commit) return undefined;
  handedOut.hardState = {term, vote, commit};
  return handedOut.hardState;
}

interface AppendWork {
  readonly entries: readonly Entry[];
  readonly hardState: HardState | undefined;
  readonly snapshot: Snapshot | undefined;
  readonly afterAppend: readonly Message[];
  readonly appendResponse: Message | undefined;
}

/** The storage work of one Ready, with the answers that may go out once it is durable. */
function requestToAppendThread(node: RaftNode, work: AppendWork): Message {
  const message = draftMessage('MsgStorageAppend', LOCAL_APPEND_THREAD);
  message.from = node.id;
  message.entries = work.entries;
  message.snapshot = work.snapshot;
  if (work.hardState !== undefined) {
    // All three or none: the thread reads them back as the hard state to store.
    message.term = work.hardState.term;
    message.vote = work.hardState.vote;
    message.commit = work.hardState.commit;
  }
  // Our own acknowledgement goes last, so that a leader counts its new entries while they are still at hand here.
  const {afterAppend, appendResponse} = work;
  if (appendResponse !== undefined) message.responses = [...afterAppend, appendResponse];
  // An empty list stays with the node, which goes on filling it: it must not be given away.
  else if (afterAppend.length > 0) message.responses = afterAppend;
  return message;
}

/**
 * What the append thread says when everything up to our present last entry is stored; none if all is stored already.
 * It names the log's last entry even when that was handed out earlier, and our term: an answer of an earlier term is
 * ignored, because entries may since have been replaced here and, later, replaced back (the ABA problem described at
 * newStorageAppendRespMsg); the first answer of the new term then settles what the ignored one would have.
 */
function answerOfAppendThread(node: RaftNode, snapshot: Snapshot | undefined): Message | undefined {
  const {log} = node;
  if (log.unstable.count === 0 && snapshot === undefined) return undefined;
  const message = draftMessage('MsgStorageAppendResp', node.id);
  message.from = LOCAL_APPEND_THREAD;
  message.term = node.term;
  message.snapshot = snapshot;
  if (log.unstable.count > 0) {
    message.index = log.lastIndex();
    message.logTerm = log.lastTerm();
  }
  return message;
}

function requestToApplyThread(node: RaftNode, entries: readonly Entry[], response: Message): Message {
  const message = draftMessage('MsgStorageApply', LOCAL_APPLY_THREAD);
  message.from = node.id;
  message.entries = entries;
  message.responses = [response];
  return message;
}

/** Without a term: what is committed is applied under any. */
function answerOfApplyThread(node: RaftNode, entries: readonly Entry[]): Message {
  const message = draftMessage('MsgStorageApplyResp', node.id);
  message.from = LOCAL_APPLY_THREAD;
  message.entries = entries;
  return message;
}
