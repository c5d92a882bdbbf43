// server-core/wal/record.ts: one record of a WAL as bytes. etcd: walpb/record.proto, wal/encoder.go, wal/decoder.go.
// A frame is an 8-byte little-endian length, whose top byte tells the padding, the record, and zeros up to a multiple of 8 bytes, so
// that a length never lies across two sectors.

import {varintSize, WIRE_BYTES, WIRE_VARINT, WireError, WireReader, WireWriter, wireTag} from '../../base/wire.ts';
import {decodeConfState, encodeConfState, skipUnknown} from '../raftpb/conf-change-codec.ts';
import type {ConfState} from '../raftpb/types.ts';

/** Kinds of records, as on the disk. */
export const METADATA_RECORD = 1;
export const ENTRY_RECORD = 2;
export const STATE_RECORD = 3;
export const CRC_RECORD = 4;
export const SNAPSHOT_RECORD = 5;

export const FRAME_HEAD_SIZE = 8;
export const SECTOR_SIZE = 512;

export interface WalRecord {
  readonly type: number;
  readonly crc: number;
  /** A view into the file's bytes. */
  readonly data: Uint8Array;
}

/** walpb.Snapshot: a snapshot that was saved, and from 3.5 on its configuration. */
export interface WalSnapshot {
  readonly index: number;
  readonly term: number;
  readonly confState?: ConfState | undefined;
}

export const NO_SNAPSHOT: WalSnapshot = Object.freeze({index: 0, term: 0});

/** Bytes of a record without frame. A crc record has no data field; the others have one, even when empty. */
export function recordSize(type: number, crc: number, dataSize: number): number {
  const head = 1 + varintSize(type) + 1 + varintSize(crc);
  return type === CRC_RECORD ? head : head + 1 + varintSize(dataSize) + dataSize;
}

/** Padding behind a record. */
export const paddingOf = (size: number): number => (8 - (size % 8)) % 8;

/** Writes the frame head for a record of that size. */
export function writeFrameHead(into: Uint8Array, at: number, size: number): void {
  into[at] = size & 0xff;
  into[at + 1] = (size >>> 8) & 0xff;
  into[at + 2] = (size >>> 16) & 0xff;
  into[at + 3] = (size >>> 24) & 0xff;
  into[at + 4] = 0;
  into[at + 5] = 0;
  into[at + 6] = 0;
  const padding = paddingOf(size);
  into[at + 7] = padding === 0 ? 0 : 0x80 | padding;
}

/** Writes a varint of 32 bits; returns the place behind it. */
function writeVarint(into: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value >>> 0;
  while (rest >= 0x80) {
    into[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  into[at++] = rest;
  return at;
}

/** Writes the record (no frame); returns the place behind it. */
export function writeRecord(into: Uint8Array, start: number, type: number, crc: number, data: Uint8Array): number {
  let at = start;
  into[at++] = wireTag(1, WIRE_VARINT);
  at = writeVarint(into, at, type);
  into[at++] = wireTag(2, WIRE_VARINT);
  at = writeVarint(into, at, crc);
  if (type === CRC_RECORD) return at;
  into[at++] = wireTag(3, WIRE_BYTES);
  at = writeVarint(into, at, data.length);
  into.set(data, at);
  return at + data.length;
}

/** Reads a record out of its bytes; throws WireError. As in the Go code, known fields have one wire type and a checksum 32 bits. */
export function readRecord(bytes: Uint8Array): WalRecord {
  const reader = new WireReader(bytes);
  let type = 0;
  let crc = 0;
  let data: Uint8Array = bytes.subarray(0, 0);
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === wireTag(1, WIRE_VARINT)) type = reader.varint();
    else if (tag === wireTag(2, WIRE_VARINT)) crc = reader.varint() % 0x1_0000_0000;
    else if (tag === wireTag(3, WIRE_BYTES)) data = reader.bytes();
    else skipUnknown(reader, tag, 3);
  }
  return {type, crc, data};
}

export function encodeWalSnapshot({index, term, confState}: WalSnapshot): Uint8Array {
  const writer = new WireWriter(32);
  writer.uint(1, index);
  writer.uint(2, term);
  if (confState !== undefined) writer.bytes(3, encodeConfState(confState));
  return writer.finish();
}

/** Throws WireError, also for what is a record of another kind: index and term are always written. */
export function decodeWalSnapshot(bytes: Uint8Array): WalSnapshot {
  const reader = new WireReader(bytes);
  let index: number | undefined;
  let term: number | undefined;
  let confState: ConfState | undefined;
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === wireTag(1, WIRE_VARINT)) index = reader.varint();
    else if (tag === wireTag(2, WIRE_VARINT)) term = reader.varint();
    else if (tag === wireTag(3, WIRE_BYTES)) confState = decodeConfState(reader.bytes());
    else skipUnknown(reader, tag, 3);
  }
  if (index === undefined || term === undefined) throw new WireError('a snapshot without index or term', reader.at);
  return {index, term, confState};
}
