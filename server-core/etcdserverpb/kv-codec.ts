// server-core/etcdserverpb/kv-codec.ts: stored pairs and the plain KV requests on the wire.
// Promise: byte for byte what the generated Go code of etcd v3.6.0 writes (proto3: zero values not at all, fields in order of
// their numbers). Each message has size*, write* (fields only) and read* for embedding, and encode*, decode* for standing alone.
// Reading passes over unknown fields and does not keep them.
import type {ByteString} from '../../base/byte-string.ts';
import {WireReader, WireWriter} from '../../base/wire.ts';
import {
  boolSize,
  bytesTag,
  enumNumber,
  intSize,
  leaseSize,
  readEnum,
  readInt,
  readLease,
  skipUnknown,
  textSize,
  varintTag,
  writeBool,
  writeInt,
  writeLease,
  writeText,
} from './fields.ts';
import type {
  CompactionRequest,
  DeleteRangeRequest,
  KeyValue,
  PutRequest,
  RangeRequest,
  SortOrder,
  SortTarget,
} from './types.ts';
import {NO_LEASE} from './types.ts';

const SORT_ORDERS = ['none', 'ascend', 'descend'] as const;
const SORT_TARGETS = ['key', 'version', 'create', 'mod', 'value'] as const;

/** KeyValue.Size, in bytes. */
export function sizeKeyValue(kv: KeyValue): number {
  return (
    textSize(1, kv.key) +
    intSize(2, kv.createRevision) +
    intSize(3, kv.modRevision) +
    intSize(4, kv.version) +
    textSize(5, kv.value) +
    leaseSize(6, kv.lease)
  );
}

export function writeKeyValue(writer: WireWriter, kv: KeyValue): void {
  writeText(writer, 1, kv.key);
  writeInt(writer, 2, kv.createRevision);
  writeInt(writer, 3, kv.modRevision);
  writeInt(writer, 4, kv.version);
  writeText(writer, 5, kv.value);
  writeLease(writer, 6, kv.lease);
}

/** KeyValue.Marshal: the value in the bucket 'key'. */
export function encodeKeyValue(kv: KeyValue): Uint8Array {
  const writer = new WireWriter(kv.key.length + kv.value.length + 48);
  writeKeyValue(writer, kv);
  return writer.finish();
}

export function readKeyValue(reader: WireReader): KeyValue {
  let key: ByteString = '';
  let createRevision = 0;
  let modRevision = 0;
  let version = 0;
  let value: ByteString = '';
  let lease = NO_LEASE;
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === bytesTag(1)) key = reader.text();
    else if (tag === varintTag(2)) createRevision = readInt(reader);
    else if (tag === varintTag(3)) modRevision = readInt(reader);
    else if (tag === varintTag(4)) version = readInt(reader);
    else if (tag === bytesTag(5)) value = reader.text();
    else if (tag === varintTag(6)) lease = readLease(reader);
    else skipUnknown(reader, tag, tag >>> 3 <= 6);
  }
  return {key, createRevision, modRevision, version, value, lease};
}

/** KeyValue.Unmarshal. Throws WireError. */
export function decodeKeyValue(bytes: Uint8Array): KeyValue {
  return readKeyValue(new WireReader(bytes));
}

/** PutRequest.Size, in bytes. */
export function sizePutRequest(request: PutRequest): number {
  return (
    textSize(1, request.key) +
    textSize(2, request.value) +
    leaseSize(3, request.lease) +
    boolSize(4, request.prevKv) +
    boolSize(5, request.ignoreValue) +
    boolSize(6, request.ignoreLease)
  );
}

export function writePutRequest(writer: WireWriter, request: PutRequest): void {
  writeText(writer, 1, request.key);
  writeText(writer, 2, request.value);
  writeLease(writer, 3, request.lease);
  writeBool(writer, 4, request.prevKv);
  writeBool(writer, 5, request.ignoreValue);
  writeBool(writer, 6, request.ignoreLease);
}

export function readPutRequest(reader: WireReader): PutRequest {
  let key: ByteString = '';
  let value: ByteString = '';
  let lease = NO_LEASE;
  let prevKv = false;
  let ignoreValue = false;
  let ignoreLease = false;
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === bytesTag(1)) key = reader.text();
    else if (tag === bytesTag(2)) value = reader.text();
    else if (tag === varintTag(3)) lease = readLease(reader);
    else if (tag === varintTag(4)) prevKv = reader.bool();
    else if (tag === varintTag(5)) ignoreValue = reader.bool();
    else if (tag === varintTag(6)) ignoreLease = reader.bool();
    else skipUnknown(reader, tag, tag >>> 3 <= 6);
  }
  return {key, value, lease, prevKv, ignoreValue, ignoreLease};
}

/** RangeRequest.Size, in bytes. */
export function sizeRangeRequest(request: RangeRequest): number {
  return (
    textSize(1, request.key) +
    textSize(2, request.rangeEnd) +
    intSize(3, request.limit) +
    intSize(4, request.revision) +
    intSize(5, enumNumber(SORT_ORDERS, request.sortOrder)) +
    intSize(6, enumNumber(SORT_TARGETS, request.sortTarget)) +
    boolSize(7, request.serializable) +
    boolSize(8, request.keysOnly) +
    boolSize(9, request.countOnly) +
    intSize(10, request.minModRevision) +
    intSize(11, request.maxModRevision) +
    intSize(12, request.minCreateRevision) +
    intSize(13, request.maxCreateRevision)
  );
}

export function writeRangeRequest(writer: WireWriter, request: RangeRequest): void {
  writeText(writer, 1, request.key);
  writeText(writer, 2, request.rangeEnd);
  writeInt(writer, 3, request.limit);
  writeInt(writer, 4, request.revision);
  writeInt(writer, 5, enumNumber(SORT_ORDERS, request.sortOrder));
  writeInt(writer, 6, enumNumber(SORT_TARGETS, request.sortTarget));
  writeBool(writer, 7, request.serializable);
  writeBool(writer, 8, request.keysOnly);
  writeBool(writer, 9, request.countOnly);
  writeInt(writer, 10, request.minModRevision);
  writeInt(writer, 11, request.maxModRevision);
  writeInt(writer, 12, request.minCreateRevision);
  writeInt(writer, 13, request.maxCreateRevision);
}

export function readRangeRequest(reader: WireReader): RangeRequest {
  let [key, rangeEnd]: [ByteString, ByteString] = ['', ''];
  let [limit, revision] = [0, 0];
  let sortOrder: SortOrder = 'none';
  let sortTarget: SortTarget = 'key';
  let [serializable, keysOnly, countOnly] = [false, false, false];
  let [minModRevision, maxModRevision, minCreateRevision, maxCreateRevision] = [0, 0, 0, 0];
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === bytesTag(1)) key = reader.text();
    else if (tag === bytesTag(2)) rangeEnd = reader.text();
    else if (tag === varintTag(3)) limit = readInt(reader);
    else if (tag === varintTag(4)) revision = readInt(reader);
    else if (tag === varintTag(5)) sortOrder = readEnum(reader, SORT_ORDERS);
    else if (tag === varintTag(6)) sortTarget = readEnum(reader, SORT_TARGETS);
    else if (tag === varintTag(7)) serializable = reader.bool();
    else if (tag === varintTag(8)) keysOnly = reader.bool();
    else if (tag === varintTag(9)) countOnly = reader.bool();
    else if (tag === varintTag(10)) minModRevision = readInt(reader);
    else if (tag === varintTag(11)) maxModRevision = readInt(reader);
    else if (tag === varintTag(12)) minCreateRevision = readInt(reader);
    else if (tag === varintTag(13)) maxCreateRevision = readInt(reader);
    else skipUnknown(reader, tag, tag >>> 3 <= 13);
  }
  return {
    key,
    rangeEnd,
    limit,
    revision,
    sortOrder,
    sortTarget,
    serializable,
    keysOnly,
    countOnly,
    minModRevision,
    maxModRevision,
    minCreateRevision,
    maxCreateRevision,
  };
}

/** DeleteRangeRequest.Size, in bytes. */
export function sizeDeleteRangeRequest(request: DeleteRangeRequest): number {
  return textSize(1, request.key) + textSize(2, request.rangeEnd) + boolSize(3, request.prevKv);
}

export function writeDeleteRangeRequest(writer: WireWriter, request: DeleteRangeRequest): void {
  writeText(writer, 1, request.key);
  writeText(writer, 2, request.rangeEnd);
  writeBool(writer, 3, request.prevKv);
}

export function readDeleteRangeRequest(reader: WireReader): DeleteRangeRequest {
  let key: ByteString = '';
  let rangeEnd: ByteString = '';
  let prevKv = false;
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === bytesTag(1)) key = reader.text();
    else if (tag === bytesTag(2)) rangeEnd = reader.text();
    else if (tag === varintTag(3)) prevKv = reader.bool();
    else skipUnknown(reader, tag, tag >>> 3 <= 3);
  }
  return {key, rangeEnd, prevKv};
}

/** CompactionRequest.Size, in bytes. */
export function sizeCompactionRequest(request: CompactionRequest): number {
  return intSize(1, request.revision) + boolSize(2, request.physical);
}

export function writeCompactionRequest(writer: WireWriter, request: CompactionRequest): void {
  writeInt(writer, 1, request.revision);
  writeBool(writer, 2, request.physical);
}

export function readCompactionRequest(reader: WireReader): CompactionRequest {
  let revision = 0;
  let physical = false;
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === varintTag(1)) revision = readInt(reader);
    else if (tag === varintTag(2)) physical = reader.bool();
    else skipUnknown(reader, tag, tag >>> 3 <= 2);
  }
  return {revision, physical};
}
