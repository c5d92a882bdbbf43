// server-core/raftpb/types.ts: the records that raft keeps, sends and stores, as plain immutable objects.
// Modelled: every message of raftpb (raft.proto of etcd's raft library v3.6.0), field by field. Terms and indexes are
// exact integers; node ids are MemberId, with NO_MEMBER for zero. Absent bytes are `undefined`, which is not the same as
// empty bytes: the first leaves no field on the wire, the second a field of length zero, as in the Go structs.
// Promise: nobody changes one of these after handing it out; simulated members share them by reference.
import type {Id64, MemberId} from '../../base/ids.ts';
import {NO_MEMBER, toId64, toMemberId} from '../../base/ids.ts';

/** raftpb.EntryType, by its Go name. The place in the list is the number on the wire. */
export const ENTRY_TYPES = ['EntryNormal', 'EntryConfChange', 'EntryConfChangeV2'] as const;
export type EntryType = (typeof ENTRY_TYPES)[number];

/** One place of the log. `term` and `index` are 0 while it is only a proposal. */
export interface Entry {
  readonly type: EntryType;
  readonly term: number;
  readonly index: number;
  readonly data: Uint8Array | undefined;
}

/** What must survive a restart besides the log. */
export interface HardState {
  readonly term: number;
  /** Whom this member voted for in `term`; NO_MEMBER for nobody. */
  readonly vote: MemberId;
  readonly commit: number;
}

/** A configuration as stored in snapshots. Every list is sorted where raft itself made it. */
export interface ConfState {
  readonly voters: readonly MemberId[];
  readonly learners: readonly MemberId[];
  /** Voters of the configuration being left; empty unless joint. */
  readonly votersOutgoing: readonly MemberId[];
  /** Voters of the outgoing configuration that become learners when the joint one is left. */
  readonly learnersNext: readonly MemberId[];
  readonly autoLeave: boolean;
}

export interface SnapshotMetadata {
  readonly confState: ConfState;
  readonly index: number;
  readonly term: number;
}

export interface Snapshot {
  readonly data: Uint8Array | undefined;
  readonly metadata: SnapshotMetadata;
}

/** raftpb.ConfChangeType, by its Go name. The place in the list is the number on the wire. */
export const CONF_CHANGE_TYPES = [
  'ConfChangeAddNode',
  'ConfChangeRemoveNode',
  'ConfChangeUpdateNode',
  'ConfChangeAddLearnerNode',
] as const;
export type ConfChangeType = (typeof CONF_CHANGE_TYPES)[number];

/** raftpb.ConfChangeTransition, by its Go name. The place in the list is the number on the wire. */
export const CONF_CHANGE_TRANSITIONS = [
  'ConfChangeTransitionAuto',
  'ConfChangeTransitionJointImplicit',
  'ConfChangeTransitionJointExplicit',
] as const;
export type ConfChangeTransition = (typeof CONF_CHANGE_TRANSITIONS)[number];

/** The first form of a membership change: one operation. `id` is the request's id, which only etcd uses. */
export interface ConfChange {
  readonly id: Id64;
  readonly type: ConfChangeType;
  readonly nodeId: MemberId;
  readonly context: Uint8Array | undefined;
}

export interface ConfChangeSingle {
  readonly type: ConfChangeType;
  readonly nodeId: MemberId;
}

/** The second form: any number of operations, through joint consensus where that is needed or asked for. */
export interface ConfChangeV2 {
  readonly transition: ConfChangeTransition;
  readonly changes: readonly ConfChangeSingle[];
  readonly context: Uint8Array | undefined;
}

/** raftpb.MessageType, by its Go name. The place in the list is the number on the wire. */
export const MESSAGE_TYPES = [
  'MsgHup',
  'MsgBeat',
  'MsgProp',
  'MsgApp',
  'MsgAppResp',
  'MsgVote',
  'MsgVoteResp',
  'MsgSnap',
  'MsgHeartbeat',
  'MsgHeartbeatResp',
  'MsgUnreachable',
  'MsgSnapStatus',
  'MsgCheckQuorum',
  'MsgTransferLeader',
  'MsgTimeoutNow',
  'MsgReadIndex',
  'MsgReadIndexResp',
  'MsgPreVote',
  'MsgPreVoteResp',
  'MsgStorageAppend',
  'MsgStorageAppendResp',
  'MsgStorageApply',
  'MsgStorageApplyResp',
  'MsgForgetLeader',
] as const;
export type MessageType = (typeof MESSAGE_TYPES)[number];

/** One message between members, or between a member and its own storage threads. All fields are always there. */
export interface Message {
  readonly type: MessageType;
  readonly to: MemberId;
  readonly from: MemberId;
  readonly term: number;
  /** Term of the entry at `index`. */
  readonly logTerm: number;
  readonly index: number;
  readonly entries: readonly Entry[];
  readonly commit: number;
  readonly vote: MemberId;
  readonly snapshot: Snapshot | undefined;
  readonly reject: boolean;
  readonly rejectHint: number;
  readonly context: Uint8Array | undefined;
  /** What the storage threads send on when the work of this message is done. */
  readonly responses: readonly Message[];
}

/** A message while its maker still fills it in. */
export type MessageDraft = {-readonly [Field in keyof Message]: Message[Field]};

/** No entries; shared, so that the common empty list costs nothing. */
export const NO_ENTRIES: readonly Entry[] = Object.freeze([]);
/** No messages; shared. */
export const NO_MESSAGES: readonly Message[] = Object.freeze([]);
const NO_IDS: readonly MemberId[] = Object.freeze([]);

/** raft.LocalAppendThread: the member's own thread that stores log and hard state (all ones). */
export const LOCAL_APPEND_THREAD: MemberId = toMemberId('ffffffffffffffff');
/** raft.LocalApplyThread: the member's own thread that applies committed entries (all ones but the last bit). */
export const LOCAL_APPLY_THREAD: MemberId = toMemberId('fffffffffffffffe');

export const EMPTY_HARD_STATE: HardState = Object.freeze({term: 0, vote: NO_MEMBER, commit: 0});
export const EMPTY_CONF_STATE: ConfState = Object.freeze({
  voters: NO_IDS,
  learners: NO_IDS,
  votersOutgoing: NO_IDS,
  learnersNext: NO_IDS,
  autoLeave: false,
});
export const EMPTY_SNAPSHOT: Snapshot = Object.freeze({
  data: undefined,
  metadata: Object.freeze({confState: EMPTY_CONF_STATE, index: 0, term: 0}),
});
export const NO_REQUEST: Id64 = toId64(0);

/** A fresh message with every other field at its zero value. One place makes them all, so that they share one shape. */
export function draftMessage(type: MessageType, to: MemberId): MessageDraft {
  return {
    type,
    to,
    from: NO_MEMBER,
    term: 0,
    logTerm: 0,
    index: 0,
    entries: NO_ENTRIES,
    commit: 0,
    vote: NO_MEMBER,
    snapshot: undefined,
    reject: false,
    rejectHint: 0,
    context: undefined,
    responses: NO_MESSAGES,
  };
}

/** A message from some of its fields, the rest zero. For tests and tools; hot paths use draftMessage. */
export function makeMessage(fields: Partial<Message> & {readonly type: MessageType}): Message {
  return Object.assign(draftMessage(fields.type, NO_MEMBER), fields);
}

/** An entry from some of its fields, the rest zero. */
export function makeEntry(fields: Partial<Entry>): Entry {
  return {
    type: fields.type ?? 'EntryNormal',
    term: fields.term ?? 0,
    index: fields.index ?? 0,
    data: fields.data,
  };
}

/** A configuration state from some of its lists, the rest empty. */
export function makeConfState(fields: Partial<ConfState>): ConfState {
  return {...EMPTY_CONF_STATE, ...fields};
}

/** raft.isHardStateEqual. */
export function equalHardStates(a: HardState, b: HardState): boolean {
  return a.term === b.term && a.vote === b.vote && a.commit === b.commit;
}

/** raft.IsEmptyHardState: nothing was ever stored. */
export function isEmptyHardState(state: HardState): boolean {
  return state.term === 0 && state.vote === NO_MEMBER && state.commit === 0;
}

/** raft.IsEmptySnap: index 0 means that there is no snapshot. */
export function isEmptySnapshot(snapshot: Snapshot): boolean {
  return snapshot.metadata.index === 0;
}
