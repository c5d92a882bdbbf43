// scenarios/raft-watch.ts: lets the checkers look at every raft step of every member, from inside.
// Translates what a server shows (server-core's types) into the plain numbers that checkers/ takes; the two share no types.
import type {StateAgreement} from '../checkers/kv/state-agreement.ts';
import type {RaftInvariants, RaftLogReader, RaftMemberWatch} from '../checkers/raft-invariants.ts';
import type {MemberRole} from '../history/timeline.ts';
import type {RawNode} from '../server-core/raft/raw-node.ts';
import type {Entry, Message} from '../server-core/raftpb/types.ts';
import {ENTRY_TYPES} from '../server-core/raftpb/types.ts';
import {schemaBehaviours} from '../server-core/schema/behaviours.ts';
import type {ServerObserver} from '../server-core/server/observer.ts';
import type {AppliedLog} from './applied-log.ts';
import type {Recorder} from './recorder.ts';

export interface RaftWatchOptions {
  readonly member: string;
  readonly invariants: RaftInvariants;
  readonly agreement: StateAgreement;
  readonly log: AppliedLog;
  readonly recorder: Recorder;
  /** Shared by all members of a run. */
  readonly hashes: EntryHashes;
  readonly nowUs: () => number;
  /**
   * Up to 3.4 the store is ahead of its index by what changed no key (compactions, leases), so what is gone through again after a
   * restart is not compared: release of the binary that wrote the files; default: it is compared.
   */
  readonly release?: string;
  /** Told of every entry that the member has applied. */
  readonly applied?: (index: number) => void;
}

/** The observer of one incarnation. */
export function raftWatch({
  member,
  invariants,
  agreement,
  log,
  recorder,
  hashes,
  nowUs,
  release,
  applied,
}: RaftWatchOptions): ServerObserver {
  const isReplayExact = release === undefined || schemaBehaviours(release).storesIndex === 'before-commits';
  let replayedTo = 0;
  let watch: RaftMemberWatch | undefined;
  let role: MemberRole | undefined;
  let term = 0;
  const observe = (raft: RawNode, appliedIndex: number, changedFrom: number) => {
    const nowRole: MemberRole = raft.isLearner ? 'learner' : raft.role;
    watch?.observe(
      raft.term,
      nowRole,
      raft.vote,
      raft.committed,
      appliedIndex,
      raft.firstIndex,
      raft.lastIndex,
      changedFrom,
    );
    if (nowRole === role && raft.term === term) return;
    role = nowRole;
    term = raft.term;
    recorder.event({kind: 'role', atUs: nowUs(), member, role: nowRole, term: raft.term});
  };
  return {
    restored: (raft, appliedIndex) => {
      watch = invariants.start(member, logReader(raft, hashes));
      if (!isReplayExact) replayedTo = raft.lastIndex;
      observe(raft, appliedIndex, raft.firstIndex);
    },
    stepped: observe,
    sent: (messages) => {
      for (const message of messages) if (watch !== undefined) tellSent(watch, message);
    },
    applied: (entry, stateDigest) => {
      log.add(entry);
      applied?.(entry.index);
      if (entry.index > replayedTo) agreement.observe(member, entry.index, stateDigest());
    },
    installed: (snapshotIndex, stateDigest) => agreement.observe(member, snapshotIndex, stateDigest()),
    noted: (text) => recorder.event({kind: 'note', atUs: nowUs(), member, text}),
  };
}

/** What a message lets others see: a vote, a term, entries acknowledged as stored. */
function tellSent(watch: RaftMemberWatch, message: Message): void {
  switch (message.type) {
    case 'MsgVote':
      watch.voteSent(message.term, message.from);
      break;
    case 'MsgVoteResp':
      if (!message.reject) watch.voteSent(message.term, message.to);
      break;
    case 'MsgAppResp':
      if (!message.reject) watch.appendAckSent(message.index);
      break;
    case 'MsgPreVote':
    case 'MsgPreVoteResp':
      return; // carries a term that was not taken
    default:
      break;
  }
  if (message.term > 0) watch.termSent(message.term);
}

function logReader(raft: RawNode, hashes: EntryHashes): RaftLogReader {
  return {
    termAt: (index) => raft.termAt(index),
    contentHashAt: (index) => hashes.of(raft.entryAt(index)),
  };
}

/** Hashes of entries. Members share the bytes of an entry, so each is hashed about once a run. */
export class EntryHashes {
  private readonly byData = new WeakMap<Uint8Array, number>();

  /** A 32-bit hash of kind and data. */
  of(entry: Entry | undefined): number {
    if (entry === undefined) return 0;
    const kind = ENTRY_TYPES.indexOf(entry.type);
    const {data} = entry;
    if (data === undefined || data.length === 0) return kind;
    let hash = this.byData.get(data);
    if (hash === undefined) {
      hash = 0x811c9dc5 | 0;
      for (let i = 0; i < data.length; i++) hash = Math.imul(hash ^ (data[i] as number), 0x01000193);
      this.byData.set(data, hash);
    }
    return hash ^ kind;
  }
}
