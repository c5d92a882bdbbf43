// server-core/raft/types.ts: what raft and its user agree on: configuration, storage, Ready, status.
// Raft is a pure state machine: no clock, disk or network; ticks, messages and proposals go in, Ready comes out. What it
// needs of the world comes in through Config: a storage to read from, whole numbers drawn at random, a log to write to.
import type {MemberId} from '../../base/ids.ts';
import type {ConfState, Entry, HardState, Message, Snapshot} from '../raftpb/types.ts';

/** No limit for a size in bytes or a count (math.MaxUint64 in Go). */
export const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/** Why a storage has no answer. storage.go: ErrCompacted, ErrUnavailable. */
export type LogRefusal = 'compacted' | 'unavailable';

/** The stable part of the log, read by raft and written by its user. raft.Storage. */
export interface Storage {
  /** What was stored when the member last stopped. Asked once, when raft starts. */
  initialState(): {readonly hardState: HardState; readonly confState: ConfState};
  /**
   * Entries lo to hi-1, cut after `sizeMax` bytes (entrySize) but never before the first one. The array must not change
   * after it was returned. 'compacted' if lo is gone, 'unavailable' if nothing is there.
   */
  entries(lo: number, hi: number, sizeMax: number): readonly Entry[] | LogRefusal;
  /** The term of an entry from firstIndex-1 (known although the entry is gone) to lastIndex. */
  term(index: number): number | LogRefusal;
  lastIndex(): number;
  /** The first index that entries() may still have; above it lies what the latest snapshot does not cover. */
  firstIndex(): number;
  /** The latest snapshot; 'snapshot-unavailable' when it is still being made and raft should ask again later. */
  snapshot(): Snapshot | 'snapshot-unavailable';
}

/** Log levels, least first. A logger whose level is above a line's level never sees the line, nor is its text made. */
export const LOG_DEBUG = 0;
export const LOG_INFO = 1;
export const LOG_WARNING = 2;
export const LOG_ERROR = 3;
export const LOG_FATAL = 4;
export const LOG_PANIC = 5;
export const LOG_NONE = 6;

/** Where raft's lines go. Raft tests `level` before it makes a text, so a quiet logger costs one comparison. */
export interface RaftLogger {
  /** Lines below this level are not wanted; may change between calls. */
  readonly level: number;
  write(level: number, text: string): void;
}

/** The logger of those who do not care. */
export const SILENT_LOGGER: RaftLogger = Object.freeze({level: LOG_NONE, write: () => {}});

/** raft.ReadOnlyOption: reads confirmed by a quorum, or by trusting the leader's lease (needs checkQuorum, and clocks). */
export type ReadOnlyOption = 'safe' | 'lease-based';

/** Deliberate defects, to prove that checkers find them. Undefined in normal life. */
export interface RaftDefects {
  /** The leader commits what it alone has appended. */
  readonly commitWithoutQuorum?: boolean;
  /** Grants a vote although it already voted for another candidate in this term. */
  readonly voteTwice?: boolean;
  /** The leader answers ReadIndex without asking a quorum whether it still leads. */
  readonly staleReadIndex?: boolean;
}

/** raft.Config. Sizes are bytes, times are ticks. Unset fields take the defaults named here. */
export interface Config {
  /** This member; not zero, not a storage thread. */
  readonly id: MemberId;
  /** Ticks without a leader after which a follower campaigns (drawn from this to twice this, minus one). */
  readonly electionTicks: number;
  /** Ticks between a leader's heartbeats; below electionTicks. */
  readonly heartbeatTicks: number;
  readonly storage: Storage;
  /** The last applied index when restarting; entries up to it are not handed out again. Default 0: from the snapshot on. */
  readonly applied?: number;
  /** Storage through messages to the append and apply threads instead of Ready and advance. Default false. */
  readonly asyncStorageWrites?: boolean;
  /** Bytes of entries in one MsgApp; 0 for one entry at a time. */
  readonly maxSizePerMsg: number;
  /** Bytes of committed entries handed out and not yet applied. Default (also 0): maxSizePerMsg. */
  readonly maxCommittedSizePerReady?: number;
  /** Bytes of payload a leader holds uncommitted before it refuses proposals. Default (also 0): no limit. */
  readonly maxUncommittedEntriesSize?: number;
  /** MsgApp under way to one follower. */
  readonly maxInflightMsgs: number;
  /** Bytes of payload under way to one follower. Default (also 0): no limit. At least maxSizePerMsg. */
  readonly maxInflightBytes?: number;
  /** The leader steps down when it hears no quorum for an election timeout, and members honour its lease. */
  readonly checkQuorum?: boolean;
  /** Ask before raising the term. Thesis 9.6. */
  readonly preVote?: boolean;
  /** Default 'safe'. */
  readonly readOnlyOption?: ReadOnlyOption;
  /** Followers drop proposals instead of sending them to the leader. */
  readonly disableProposalForwarding?: boolean;
  /** Propose membership changes without looking whether they fit the current configuration. */
  readonly disableConfChangeValidation?: boolean;
  /** A leader that was removed or demoted becomes a follower at once. */
  readonly stepDownOnRemoval?: boolean;
  /** A whole number from 0 to countMax - 1; the only randomness in raft, drawn at every reset for the election timeout. */
  readonly random: (countMax: number) => number;
  /** Default: silent. */
  readonly logger?: RaftLogger;
  readonly defects?: RaftDefects;
}

/** raft.StateType. */
export type RoleKind = 'follower' | 'pre-candidate' | 'candidate' | 'leader';

/** What changes often and need not be stored. */
export interface SoftState {
  readonly leader: MemberId;
  readonly role: RoleKind;
}

/** The answer to a ReadIndex request: reads see everything once the state machine has applied `index`. */
export interface ReadState {
  readonly index: number;
  readonly requestContext: Uint8Array | undefined;
}

/**
 * What must happen next. In this order: store snapshot, hard state and entries (with fsync if mustSync), send the messages,
 * apply the committed entries, call advance(). A leader may send before it stores (thesis 10.2.1); a follower or candidate
 * must not, because its messages are votes and acknowledgements, which promise that something is stored.
 * With asyncStorageWrites there is no advance(): messages to LOCAL_APPEND_THREAD and LOCAL_APPLY_THREAD carry the storage
 * work, and their `responses` are delivered when it is done; entries, hardState, snapshot and committedEntries then repeat
 * what these carry. Nothing in a Ready may be changed by its reader, and raft does not change it either.
 */
export interface Ready {
  readonly softState: SoftState | undefined;
  /** Undefined when unchanged. */
  readonly hardState: HardState | undefined;
  readonly readStates: readonly ReadState[];
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
  readonly committedEntries: readonly Entry[];
  readonly messages: readonly Message[];
  /** Is durable storage needed before sending? */
  readonly mustSync: boolean;
}

/** Why step() did not take a message. */
export type StepRefusal = 'proposal-dropped' | 'local-message' | 'peer-not-found';

/** The Go errors' texts. */
export const STEP_REFUSAL_TEXTS: Readonly<Record<StepRefusal, string>> = {
  'proposal-dropped': 'raft proposal dropped',
  'local-message': 'raft: cannot step raft local message',
  'peer-not-found': 'raft: cannot step as peer not found',
};

/** A member of a new cluster. raft.Peer. */
export interface Peer {
  readonly id: MemberId;
  readonly context?: Uint8Array;
}

/** raft.BasicStatus, flattened. */
export interface BasicStatus {
  readonly id: MemberId;
  readonly term: number;
  readonly vote: MemberId;
  readonly commit: number;
  readonly leader: MemberId;
  readonly role: RoleKind;
  readonly applied: number;
  /** The target of a leadership transfer under way; NO_MEMBER if none. */
  readonly leadTransferee: MemberId;
}
