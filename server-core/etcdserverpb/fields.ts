// server-core/etcdserverpb/fields.ts: proto3 fields for the codecs here: a zero value takes no bytes and is not written.
// Each field has a size and a write function; they must agree, because a message's size is written in front of it.
import type {ByteString} from '../../base/byte-string.ts';
import type {LeaseId} from '../../base/ids.ts';
import type {WireReader, WireWriter} from '../../base/wire.ts';
import {varintIdSize, varintSize, WIRE_BYTES, WIRE_VARINT, WireError, wireTag} from '../../base/wire.ts';
import {NO_LEASE} from './types.ts';

/** The tag of a number, a boolean or an enum. */
export const varintTag = (field: number): number => wireTag(field, WIRE_VARINT);
/** The tag of bytes or of a message. */
export const bytesTag = (field: number): number => wireTag(field, WIRE_BYTES);

/** An int64 below zero always takes ten bytes. */
const NEGATIVE_SIZE = 10;

const tagSize = (field: number): number => varintSize(field * 8);

export function textSize(field: number, text: ByteString): number {
  return text.length === 0 ? 0 : tagSize(field) + varintSize(text.length) + text.length;
}

export function writeText(writer: WireWriter, field: number, text: ByteString): void {
  if (text.length !== 0) writer.text(field, text);
}

export function intSize(field: number, value: number): number {
  if (value === 0) return 0;
  return tagSize(field) + (value < 0 ? NEGATIVE_SIZE : varintSize(value));
}

export function writeInt(writer: WireWriter, field: number, value: number): void {
  if (value !== 0) writer.int(field, value);
}

export function boolSize(field: number, value: boolean): number {
  return value ? tagSize(field) + 1 : 0;
}

export function writeBool(writer: WireWriter, field: number, value: boolean): void {
  if (value) writer.bool(field, true);
}

export function leaseSize(field: number, lease: LeaseId): number {
  return lease === NO_LEASE ? 0 : tagSize(field) + varintIdSize(lease);
}

export function writeLease(writer: WireWriter, field: number, lease: LeaseId): void {
  if (lease !== NO_LEASE) writer.id(field, lease);
}

/** The size of an embedded message with its tag and length; written even when empty. */
export function messageSize(field: number, bodySize: number): number {
  return tagSize(field) + varintSize(bodySize) + bodySize;
}

/** What goes in front of an embedded message of that size. */
export function writeMessageHead(writer: WireWriter, field: number, bodySize: number): void {
  writer.varint(bytesTag(field));
  writer.varint(bodySize);
}

/** An int64: quick where it is not negative. Throws WireError when it does not fit 53 bits. */
export function readInt(reader: WireReader): number {
  const {buffer, at, end} = reader;
  const first = buffer[at] as number;
  if (at < end && first < 0x80) {
    reader.at = at + 1;
    return first;
  }
  // Only ten-byte varints can be negative.
  for (let i = 1; i < NEGATIVE_SIZE - 1; i++) {
    if (at + i >= end || (buffer[at + i] as number) < 0x80) return reader.varint();
  }
  return reader.int();
}

export function readLease(reader: WireReader): LeaseId {
  return reader.varintId() as LeaseId;
}

/** Reads an enum: its name, or the bare number where this release knows none. */
export function readEnum<Name extends string>(reader: WireReader, names: readonly Name[]): Name | number {
  const number = readInt(reader);
  return names[number] ?? number;
}

/** The number of an enum value. */
export function enumNumber<Name extends string>(names: readonly Name[], value: Name | number): number {
  return typeof value === 'number' ? value : names.indexOf(value);
}

/** Passes over a field this release does not know; a known field in a foreign wire type is damage, as in Go. */
export function skipUnknown(reader: WireReader, tag: number, isKnown: boolean): void {
  if (isKnown) throw new WireError(`wrong wire type ${tag & 7} for field ${tag >>> 3}`, reader.at);
  reader.skip(tag);
}
