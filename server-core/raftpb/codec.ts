// server-core/raftpb/codec.ts: entries, hard states, snapshots and messages on the wire.
// Promise: byte for byte what the generated Go code of raftpb v3.6.0 writes: scalar fields always, in field order, absent
// bytes and snapshots not at all. The sizes are those of the Go Size methods; raft's limits are counted in them.
// Not kept: unknown fields, which the Go code drops as well.
import type {MemberId} from '../../base/ids.ts';
import {NO_MEMBER} from '../../base/ids.ts';
import {varintIdSize, varintSize, WIRE_BYTES, WIRE_VARINT, WireReader, WireWriter, wireTag} from '../../base/wire.ts';
import {confStateSize, enumName, readConfState, skipUnknown, writeConfState} from './conf-change-codec.ts';
import type {ConfState, Entry, EntryType, HardState, Message, Snapshot, SnapshotMetadata} from './types.ts';
import {draftMessage, EMPTY_CONF_STATE, EMPTY_SNAPSHOT, ENTRY_TYPES, MESSAGE_TYPES} from './types.ts';

const varintTag = (field: number): number => wireTag(field, WIRE_VARINT);
const bytesTag = (field: number): number => wireTag(field, WIRE_BYTES);

/** varintSize with a quick way for the numbers of a normal day. */
function uintSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : varintSize(value);
}

const bytesSize = (bytes: Uint8Array): number => 1 + uintSize(bytes.length) + bytes.length;

/** raftpb.Entry.Size, in bytes: what raft's size limits count. */
export function entrySize(entry: Entry): number {
  const size = 4 + uintSize(entry.term) + uintSize(entry.index);
  return entry.data === undefined ? size : size + bytesSize(entry.data);
}

function writeEntry(writer: WireWriter, entry: Entry): void {
  writer.uint(1, ENTRY_TYPES.indexOf(entry.type));
  writer.uint(2, entry.term);
  writer.uint(3, entry.index);
  if (entry.data !== undefined) writer.bytes(4, entry.data);
}

/** raftpb.Entry.Marshal. */
export function encodeEntry(entry: Entry): Uint8Array {
  const writer = new WireWriter(entrySize(entry) + 16);
  writeEntry(writer, entry);
  return writer.finish();
}

function readEntry(reader: WireReader): Entry {
  let type: EntryType = 'EntryNormal';
  let term = 0;
  let index = 0;
  let data: Uint8Array | undefined;
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === varintTag(1)) type = enumName(ENTRY_TYPES, reader, 'entry type');
    else if (tag === varintTag(2)) term = reader.varint();
    else if (tag === varintTag(3)) index = reader.varint();
    else if (tag === bytesTag(4)) data = reader.bytes().slice();
    else skipUnknown(reader, tag, 4);
  }
  return {type, term, index, data};
}

/** raftpb.Entry.Unmarshal; the data is copied. Throws WireError. */
export function decodeEntry(bytes: Uint8Array): Entry {
  return readEntry(new WireReader(bytes));
}

/** raftpb.HardState.Marshal. */
export function encodeHardState(state: HardState): Uint8Array {
  const writer = new WireWriter(40);
  writer.uint(1, state.term);
  writer.id(2, state.vote);
  writer.uint(3, state.commit);
  return writer.finish();
}

/** raftpb.HardState.Unmarshal. Throws WireError. */
export function decodeHardState(bytes: Uint8Array): HardState {
  const reader = new WireReader(bytes);
  let term = 0;
  let vote = NO_MEMBER;
  let commit = 0;
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === varintTag(1)) term = reader.varint();
    else if (tag === varintTag(2)) vote = reader.varintId() as MemberId;
    else if (tag === varintTag(3)) commit = reader.varint();
    else skipUnknown(reader, tag, 3);
  }
  return {term, vote, commit};
}

/** raftpb.SnapshotMetadata.Size. */
export function snapshotMetadataSize(metadata: SnapshotMetadata): number {
  const inner = confStateSize(metadata.confState);
  return 3 + uintSize(inner) + inner + uintSize(metadata.index) + uintSize(metadata.term);
}

function writeSnapshotMetadata(writer: WireWriter, metadata: SnapshotMetadata): void {
  writer.varint(bytesTag(1));
  writer.varint(confStateSize(metadata.confState));
  writeConfState(writer, metadata.confState);
  writer.uint(2, metadata.index);
  writer.uint(3, metadata.term);
}

/** raftpb.SnapshotMetadata.Marshal. */
export function encodeSnapshotMetadata(metadata: SnapshotMetadata): Uint8Array {
  const writer = new WireWriter(snapshotMetadataSize(metadata) + 16);
  writeSnapshotMetadata(writer, metadata);
  return writer.finish();
}

function readSnapshotMetadata(reader: WireReader): SnapshotMetadata {
  let confState: ConfState = EMPTY_CONF_STATE;
  let index = 0;
  let term = 0;
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === bytesTag(1)) confState = readConfState(reader.message());
    else if (tag === varintTag(2)) index = reader.varint();
    else if (tag === varintTag(3)) term = reader.varint();
    else skipUnknown(reader, tag, 3);
  }
  return {confState, index, term};
}

/** raftpb.SnapshotMetadata.Unmarshal. Throws WireError. */
export function decodeSnapshotMetadata(bytes: Uint8Array): SnapshotMetadata {
  return readSnapshotMetadata(new WireReader(bytes));
}

/** raftpb.Snapshot.Size. */
export function snapshotSize(snapshot: Snapshot): number {
  const inner = snapshotMetadataSize(snapshot.metadata);
  const size = 1 + uintSize(inner) + inner;
  return snapshot.data === undefined ? size : size + bytesSize(snapshot.data);
}

function writeSnapshot(writer: WireWriter, snapshot: Snapshot): void {
  if (snapshot.data !== undefined) writer.bytes(1, snapshot.data);
  writer.varint(bytesTag(2));
  writer.varint(snapshotMetadataSize(snapshot.metadata));
  writeSnapshotMetadata(writer, snapshot.metadata);
}

/** raftpb.Snapshot.Marshal. */
export function encodeSnapshot(snapshot: Snapshot): Uint8Array {
  const writer = new WireWriter(snapshotSize(snapshot) + 16);
  writeSnapshot(writer, snapshot);
  return writer.finish();
}

function readSnapshot(reader: WireReader): Snapshot {
  let data: Uint8Array | undefined;
  let metadata = EMPTY_SNAPSHOT.metadata;
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === bytesTag(1)) data = reader.bytes().slice();
    else if (tag === bytesTag(2)) metadata = readSnapshotMetadata(reader.message());
    else skipUnknown(reader, tag, 2);
  }
  return {data, metadata};
}

/** raftpb.Snapshot.Unmarshal; the data is copied. Throws WireError. */
export function decodeSnapshot(bytes: Uint8Array): Snapshot {
  return readSnapshot(new WireReader(bytes));
}

function embeddedSize(inner: number): number {
  return 1 + uintSize(inner) + inner;
}

/** raftpb.Message.Size: what rafthttp counts and what a link's bandwidth is charged for. */
export function messageSize(message: Message): number {
  let size = 12; // ten tags, the type and the reject flag
  size += varintIdSize(message.to) + varintIdSize(message.from) + varintIdSize(message.vote);
  size += uintSize(message.term) + uintSize(message.logTerm) + uintSize(message.index);
  size += uintSize(message.commit) + uintSize(message.rejectHint);
  for (let i = 0; i < message.entries.length; i++) size += embeddedSize(entrySize(message.entries[i] as Entry));
  if (message.snapshot !== undefined) size += embeddedSize(snapshotSize(message.snapshot));
  if (message.context !== undefined) size += bytesSize(message.context);
  for (const response of message.responses) size += embeddedSize(messageSize(response));
  return size;
}

function writeMessage(writer: WireWriter, message: Message): void {
  writer.uint(1, MESSAGE_TYPES.indexOf(message.type));
  writer.id(2, message.to);
  writer.id(3, message.from);
  writer.uint(4, message.term);
  writer.uint(5, message.logTerm);
  writer.uint(6, message.index);
  for (const entry of message.entries) {
    writer.varint(bytesTag(7));
    writer.varint(entrySize(entry));
    writeEntry(writer, entry);
  }
  writer.uint(8, message.commit);
  if (message.snapshot !== undefined) {
    writer.varint(bytesTag(9));
    writer.varint(snapshotSize(message.snapshot));
    writeSnapshot(writer, message.snapshot);
  }
  writer.bool(10, message.reject);
  writer.uint(11, message.rejectHint);
  if (message.context !== undefined) writer.bytes(12, message.context);
  writer.id(13, message.vote);
  for (const response of message.responses) {
    writer.varint(bytesTag(14));
    writer.varint(messageSize(response));
    writeMessage(writer, response);
  }
}

/** raftpb.Message.Marshal. */
export function encodeMessage(message: Message): Uint8Array {
  const writer = new WireWriter(messageSize(message) + 16);
  writeMessage(writer, message);
  return writer.finish();
}

function readMessage(reader: WireReader): Message {
  const message = draftMessage('MsgHup', NO_MEMBER);
  const entries: Entry[] = [];
  const responses: Message[] = [];
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === varintTag(1)) message.type = enumName(MESSAGE_TYPES, reader, 'message type');
    else if (tag === varintTag(2)) message.to = reader.varintId() as MemberId;
    else if (tag === varintTag(3)) message.from = reader.varintId() as MemberId;
    else if (tag === varintTag(4)) message.term = reader.varint();
    else if (tag === varintTag(5)) message.logTerm = reader.varint();
    else if (tag === varintTag(6)) message.index = reader.varint();
    else if (tag === bytesTag(7)) entries.push(readEntry(reader.message()));
    else if (tag === varintTag(8)) message.commit = reader.varint();
    else if (tag === bytesTag(9)) message.snapshot = readSnapshot(reader.message());
    else if (tag === varintTag(10)) message.reject = reader.bool();
    else if (tag === varintTag(11)) message.rejectHint = reader.varint();
    else if (tag === bytesTag(12)) message.context = reader.bytes().slice();
    else if (tag === varintTag(13)) message.vote = reader.varintId() as MemberId;
    else if (tag === bytesTag(14)) responses.push(readMessage(reader.message()));
    else skipUnknown(reader, tag, 14);
  }
  if (entries.length > 0) message.entries = entries;
  if (responses.length > 0) message.responses = responses;
  return message;
}

/** raftpb.Message.Unmarshal; all bytes are copied. Throws WireError. */
export function decodeMessage(bytes: Uint8Array): Message {
  return readMessage(new WireReader(bytes));
}
