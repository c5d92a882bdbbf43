// server-core/raftpb/conf-change-codec.ts: membership changes and configuration states on the wire.
// Promise: byte for byte what the generated Go code of raftpb v3.6.0 writes: scalar fields always, in field order, absent
// bytes not at all, lists of ids unpacked. Reading takes packed lists too and passes over unknown fields.
import type {MemberId} from '../../base/ids.ts';
import {NO_MEMBER} from '../../base/ids.ts';
import {varintIdSize, WIRE_BYTES, WIRE_VARINT, WireError, WireReader, WireWriter, wireTag} from '../../base/wire.ts';
import type {
  ConfChange,
  ConfChangeSingle,
  ConfChangeTransition,
  ConfChangeType,
  ConfChangeV2,
  ConfState,
} from './types.ts';
import {CONF_CHANGE_TRANSITIONS, CONF_CHANGE_TYPES, NO_REQUEST} from './types.ts';

/** The name with that number, or WireError: this release does not know the number. */
export function enumName<Name extends string>(names: readonly Name[], reader: WireReader, what: string): Name {
  const start = reader.at;
  const name = names[reader.varint()];
  if (name === undefined) throw new WireError(`unknown ${what}`, start);
  return name;
}

/** Passes over a field this release does not know; a known field in a foreign wire type is damage, as in Go. */
export function skipUnknown(reader: WireReader, tag: number, fieldMax: number): void {
  if (tag >>> 3 <= fieldMax) throw new WireError(`wrong wire type ${tag & 7} for field ${tag >>> 3}`, reader.at);
  reader.skip(tag);
}

const varintTag = (field: number): number => wireTag(field, WIRE_VARINT);
const bytesTag = (field: number): number => wireTag(field, WIRE_BYTES);

/** raftpb.ConfState.Size. */
export function confStateSize(state: ConfState): number {
  let size = 2;
  for (const ids of [state.voters, state.learners, state.votersOutgoing, state.learnersNext]) {
    for (const id of ids) size += 1 + varintIdSize(id);
  }
  return size;
}

/** Appends the fields of a configuration state, without a length in front. */
export function writeConfState(writer: WireWriter, state: ConfState): void {
  for (const id of state.voters) writer.id(1, id);
  for (const id of state.learners) writer.id(2, id);
  for (const id of state.votersOutgoing) writer.id(3, id);
  for (const id of state.learnersNext) writer.id(4, id);
  writer.bool(5, state.autoLeave);
}

/** raftpb.ConfState.Marshal. */
export function encodeConfState(state: ConfState): Uint8Array {
  const writer = new WireWriter(confStateSize(state));
  writeConfState(writer, state);
  return writer.finish();
}

/** Reads the fields of a configuration state up to the reader's end. */
export function readConfState(reader: WireReader): ConfState {
  const lists: [MemberId[], MemberId[], MemberId[], MemberId[]] = [[], [], [], []];
  let autoLeave = false;
  while (reader.more()) {
    const tag = reader.tag();
    const list = lists[(tag >>> 3) - 1];
    if (list !== undefined && (tag & 7) === WIRE_VARINT) list.push(reader.varintId() as MemberId);
    else if (list !== undefined && (tag & 7) === WIRE_BYTES) {
      const packed = reader.message();
      while (packed.more()) list.push(packed.varintId() as MemberId);
    } else if (tag === varintTag(5)) autoLeave = reader.bool();
    else skipUnknown(reader, tag, 5);
  }
  return {voters: lists[0], learners: lists[1], votersOutgoing: lists[2], learnersNext: lists[3], autoLeave};
}

/** raftpb.ConfState.Unmarshal. Throws WireError. */
export function decodeConfState(bytes: Uint8Array): ConfState {
  return readConfState(new WireReader(bytes));
}

/** raftpb.ConfChange.Marshal. */
export function encodeConfChange(change: ConfChange): Uint8Array {
  const writer = new WireWriter();
  writer.id(1, change.id);
  writer.uint(2, CONF_CHANGE_TYPES.indexOf(change.type));
  writer.id(3, change.nodeId);
  if (change.context !== undefined) writer.bytes(4, change.context);
  return writer.finish();
}

/** raftpb.ConfChange.Unmarshal. Throws WireError. */
export function decodeConfChange(bytes: Uint8Array): ConfChange {
  const reader = new WireReader(bytes);
  let id = NO_REQUEST;
  let type: ConfChangeType = 'ConfChangeAddNode';
  let nodeId = NO_MEMBER;
  let context: Uint8Array | undefined;
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === varintTag(1)) id = reader.varintId();
    else if (tag === varintTag(2)) type = enumName(CONF_CHANGE_TYPES, reader, 'conf change type');
    else if (tag === varintTag(3)) nodeId = reader.varintId() as MemberId;
    else if (tag === bytesTag(4)) context = reader.bytes().slice();
    else skipUnknown(reader, tag, 4);
  }
  return {id, type, nodeId, context};
}

/** raftpb.ConfChangeSingle.Marshal. */
export function encodeConfChangeSingle(change: ConfChangeSingle): Uint8Array {
  const writer = new WireWriter(16);
  writer.uint(1, CONF_CHANGE_TYPES.indexOf(change.type));
  writer.id(2, change.nodeId);
  return writer.finish();
}

function readConfChangeSingle(reader: WireReader): ConfChangeSingle {
  let type: ConfChangeType = 'ConfChangeAddNode';
  let nodeId = NO_MEMBER;
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === varintTag(1)) type = enumName(CONF_CHANGE_TYPES, reader, 'conf change type');
    else if (tag === varintTag(2)) nodeId = reader.varintId() as MemberId;
    else skipUnknown(reader, tag, 2);
  }
  return {type, nodeId};
}

/** raftpb.ConfChangeSingle.Unmarshal. Throws WireError. */
export function decodeConfChangeSingle(bytes: Uint8Array): ConfChangeSingle {
  return readConfChangeSingle(new WireReader(bytes));
}

/** raftpb.ConfChangeV2.Marshal. */
export function encodeConfChangeV2(change: ConfChangeV2): Uint8Array {
  const writer = new WireWriter();
  writer.uint(1, CONF_CHANGE_TRANSITIONS.indexOf(change.transition));
  for (const single of change.changes) writer.bytes(2, encodeConfChangeSingle(single));
  if (change.context !== undefined) writer.bytes(3, change.context);
  return writer.finish();
}

/** raftpb.ConfChangeV2.Unmarshal. Throws WireError. */
export function decodeConfChangeV2(bytes: Uint8Array): ConfChangeV2 {
  const reader = new WireReader(bytes);
  let transition: ConfChangeTransition = 'ConfChangeTransitionAuto';
  const changes: ConfChangeSingle[] = [];
  let context: Uint8Array | undefined;
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === varintTag(1)) transition = enumName(CONF_CHANGE_TRANSITIONS, reader, 'conf change transition');
    else if (tag === bytesTag(2)) changes.push(readConfChangeSingle(reader.message()));
    else if (tag === bytesTag(3)) context = reader.bytes().slice();
    else skipUnknown(reader, tag, 3);
  }
  return {transition, changes, context};
}
