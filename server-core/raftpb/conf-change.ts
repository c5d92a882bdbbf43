// server-core/raftpb/conf-change.ts: the two forms of a membership change seen as one.
// Promise: which protocol a change uses (simple, joint with automatic leave, joint until told) follows from its content alone.
import type {MemberId} from '../../base/ids.ts';
import {decodeConfChange, decodeConfChangeV2, encodeConfChange, encodeConfChangeV2} from './conf-change-codec.ts';
import {formatDecimalId, parseDecimalId} from './decimal-id.ts';
import type {ConfChange, ConfChangeSingle, ConfChangeType, ConfChangeV2, Entry, EntryType} from './types.ts';
import {NO_REQUEST} from './types.ts';

/** Either form of a membership change. */
export type AnyConfChange = ConfChange | ConfChangeV2;

/** Tells the forms apart: only the second has a list of changes. */
export function isConfChangeV2(change: AnyConfChange): change is ConfChangeV2 {
  return 'changes' in change;
}

/** ConfChange.AsV2: the same operation in the second form. */
export function asConfChangeV2(change: AnyConfChange): ConfChangeV2 {
  if (isConfChangeV2(change)) return change;
  return {
    transition: 'ConfChangeTransitionAuto',
    changes: [{type: change.type, nodeId: change.nodeId}],
    context: change.context,
  };
}

/** A change of the first form with one operation. */
export function makeConfChange(type: ConfChangeType, nodeId: MemberId, context?: Uint8Array): ConfChange {
  return {id: NO_REQUEST, type, nodeId, context};
}

/** A change of the second form. */
export function makeConfChangeV2(
  changes: readonly ConfChangeSingle[],
  fields: Partial<Pick<ConfChangeV2, 'transition' | 'context'>> = {},
): ConfChangeV2 {
  return {transition: fields.transition ?? 'ConfChangeTransitionAuto', changes, context: fields.context};
}

/**
 * How the change is carried out. ConfChangeV2.EnterJoint and LeaveJoint: an empty change leaves a joint configuration;
 * more than one operation, or a transition asked for, enters one; everything else is a simple change.
 */
export function confChangeProtocol(change: ConfChangeV2): 'leave-joint' | 'joint-auto-leave' | 'joint' | 'simple' {
  if (change.transition === 'ConfChangeTransitionAuto') {
    if (change.changes.length === 0) return 'leave-joint';
    return change.changes.length > 1 ? 'joint-auto-leave' : 'simple';
  }
  return change.transition === 'ConfChangeTransitionJointImplicit' ? 'joint-auto-leave' : 'joint';
}

/**
 * The proposal that carries a change. raftpb.MarshalConfChange: no change at all stands for an empty one of the second
 * form without data, whose size of zero no limit can refuse.
 */
export function confChangeProposal(change: AnyConfChange | undefined): Entry {
  let type: EntryType = 'EntryConfChangeV2';
  let data: Uint8Array | undefined;
  if (change !== undefined) {
    if (isConfChangeV2(change)) data = encodeConfChangeV2(change);
    else {
      type = 'EntryConfChange';
      data = encodeConfChange(change);
    }
  }
  return {type, term: 0, index: 0, data};
}

const NO_DATA = new Uint8Array(0);

/** The change in an entry; undefined for a normal entry. Throws WireError if the data is no such message. */
export function confChangeOfEntry(entry: Entry): AnyConfChange | undefined {
  switch (entry.type) {
    case 'EntryConfChange':
      return decodeConfChange(entry.data ?? NO_DATA);
    case 'EntryConfChangeV2':
      return decodeConfChangeV2(entry.data ?? NO_DATA);
    default:
      return undefined;
  }
}

const LETTER_TYPES: Readonly<Record<string, ConfChangeType>> = {
  v: 'ConfChangeAddNode',
  l: 'ConfChangeAddLearnerNode',
  r: 'ConfChangeRemoveNode',
  u: 'ConfChangeUpdateNode',
};
const TYPE_LETTERS: Readonly<Record<ConfChangeType, string>> = {
  ConfChangeAddNode: 'v',
  ConfChangeAddLearnerNode: 'l',
  ConfChangeRemoveNode: 'r',
  ConfChangeUpdateNode: 'u',
};

/** raftpb.ConfChangesFromString: 'v1 l2 r3 u4' (voter, learner, remove, update), or a string telling what is wrong. */
export function parseConfChanges(text: string): ConfChangeSingle[] | string {
  const changes: ConfChangeSingle[] = [];
  const trimmed = text.trim();
  if (trimmed === '') return changes;
  for (const token of trimmed.split(' ')) {
    if (token.length < 2) return `unknown token ${token}`;
    const type = LETTER_TYPES[token.charAt(0)];
    if (type === undefined) return `unknown input: ${token}`;
    const nodeId = parseDecimalId(token.slice(1));
    if (nodeId === undefined) return `strconv.ParseUint: parsing "${token.slice(1)}": invalid syntax`;
    changes.push({type, nodeId});
  }
  return changes;
}

/** raftpb.ConfChangesToString: the inverse of parseConfChanges. */
export function formatConfChanges(changes: readonly ConfChangeSingle[]): string {
  return changes.map(({type, nodeId}) => TYPE_LETTERS[type] + formatDecimalId(nodeId)).join(' ');
}
