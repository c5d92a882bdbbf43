// base/wire.ts: the protobuf wire format, read and written by hand for the records that are made on every step.
// Why not generated code: raft entries and requests are encoded on every write of every member; see
// docs/decisions/0002-hand-written-wire.md for what was measured. Unknown fields are the caller's to keep: skip() returns them.
// Promise: a reader never leaves its bounds; broken input throws WireError with the offset, never a hang or a wrong value.
import {assert} from './assert.ts';
import type {ByteString} from './byte-string.ts';
import {fromBytes} from './byte-string.ts';
import type {Id64} from './ids.ts';
import {idFromWords, idToWords} from './ids.ts';

/** The bytes are not a protobuf message of the kind expected. `offset` counts from the start of the buffer. */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(`${message} at byte ${offset}`);
    this.offset = offset;
  }
}

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_FIXED32 = 5;

/** The tag of a field. */
export const wireTag = (field: number, wireType: number): number => (field << 3) | wireType;

/** How many bytes a whole number (0 to 2^53 - 1) takes as a varint. */
export function varintSize(value: number): number {
  let size = 1;
  let rest = value;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80);
    size++;
  }
  return size;
}

/** How many bytes a 64-bit id takes as a varint. */
export function varintIdSize(id: Id64): number {
  const {high, low} = idToWords(id);
  if (high === 0) return varintSize(low);
  return Math.ceil((64 - Math.clz32(high)) / 7);
}

/** A growing buffer that fields are appended to. */
export class WireWriter {
  private buffer: Uint8Array;
  private at = 0;

  constructor(sizeHint = 64) {
    this.buffer = new Uint8Array(sizeHint);
  }

  /** Bytes written so far. */
  get size(): number {
    return this.at;
  }

  private reserve(count: number): void {
    if (this.at + count <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.at + count));
    grown.set(this.buffer.subarray(0, this.at));
    this.buffer = grown;
  }

  /** A bare varint of a whole number from 0 to 2^53 - 1. */
  varint(value: number): void {
    assert(value >= 0 && Number.isSafeInteger(value), 'varint takes an exact whole number', value);
    this.reserve(10);
    let rest = value;
    while (rest >= 0x80) {
      this.buffer[this.at++] = (rest & 0x7f) | 0x80;
      rest = rest > 0x7fffffff ? Math.floor(rest / 0x80) : rest >>> 7;
    }
    this.buffer[this.at++] = rest;
  }

  /** A bare varint of a 64-bit id. */
  varintId(id: Id64): void {
    let {high, low} = idToWords(id);
    this.reserve(10);
    while (high !== 0 || low >= 0x80) {
      this.buffer[this.at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.buffer[this.at++] = low;
  }

  /** Field of a whole number, written even when zero (proto2 as gogo writes it; proto3 callers test for zero first). */
  uint(field: number, value: number): void {
    this.varint(wireTag(field, WIRE_VARINT));
    this.varint(value);
  }

  /** Field of an exact signed integer as int64: a negative one takes ten bytes. */
  int(field: number, value: number): void {
    if (value >= 0) return this.uint(field, value);
    assert(Number.isSafeInteger(value), 'int takes an exact integer', value);
    this.varint(wireTag(field, WIRE_VARINT));
    const magnitude = -value;
    const lowMagnitude = magnitude % 0x1_0000_0000;
    const highMagnitude = Math.floor(magnitude / 0x1_0000_0000);
    const low = (~lowMagnitude + 1) >>> 0;
    const high = (~highMagnitude + (low === 0 ? 1 : 0)) >>> 0;
    this.varintId(idFromWords(high, low));
  }

  /** Field of a 64-bit id, written even when zero. */
  id(field: number, id: Id64): void {
    this.varint(wireTag(field, WIRE_VARINT));
    this.varintId(id);
  }

  /** Field of a boolean, written even when false. */
  bool(field: number, value: boolean): void {
    this.uint(field, value ? 1 : 0);
  }

  /** Field of bytes or of an encoded message, written even when empty. */
  bytes(field: number, bytes: Uint8Array): void {
    this.varint(wireTag(field, WIRE_BYTES));
    this.varint(bytes.length);
    this.raw(bytes);
  }

  /** Field of a byte string, written even when empty. */
  text(field: number, text: ByteString): void {
    this.varint(wireTag(field, WIRE_BYTES));
    this.varint(text.length);
    this.reserve(text.length);
    for (let i = 0; i < text.length; i++) this.buffer[this.at++] = text.charCodeAt(i);
  }

  /** Bytes as they are, for fields kept from a newer release. */
  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.buffer.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.buffer.slice(0, this.at);
  }
}

/** Walks the fields of one message. */
export class WireReader {
  readonly buffer: Uint8Array;
  readonly end: number;
  at: number;

  constructor(buffer: Uint8Array, at = 0, end: number = buffer.length) {
    this.buffer = buffer;
    this.at = at;
    this.end = end;
  }

  /** Is there another field? */
  more(): boolean {
    return this.at < this.end;
  }

  /** A field's tag: number << 3 | wire type. */
  tag(): number {
    const start = this.at;
    const tag = this.varint();
    if (tag >>> 3 === 0 || tag > 0xffffffff) throw new WireError('field number zero or too large', start);
    return tag;
  }

  /** A varint that must fit 53 bits. */
  varint(): number {
    const {buffer, end} = this;
    let value = 0;
    let scale = 1;
    const start = this.at;
    for (let i = 0; i < 10; i++) {
      if (this.at >= end) throw new WireError('varint runs past the end', start);
      const byte = buffer[this.at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw new WireError('number does not fit 53 bits', start);
        return value;
      }
      scale *= 0x80;
    }
    throw new WireError('varint longer than ten bytes', start);
  }

  /** A 64-bit id. */
  varintId(): Id64 {
    const {buffer, end} = this;
    const start = this.at;
    let low = 0;
    let high = 0;
    for (let i = 0; i < 10; i++) {
      if (this.at >= end) throw new WireError('varint runs past the end', start);
      const byte = buffer[this.at++] as number;
      const bits = byte & 0x7f;
      const shift = i * 7;
      if (shift < 32) low = (low | (bits << shift)) >>> 0;
      if (shift >= 32) high = (high | (bits << (shift - 32))) >>> 0;
      else if (shift > 25) high = (high | (bits >>> (32 - shift))) >>> 0;
      if (byte < 0x80) return idFromWords(high, low);
    }
    throw new WireError('varint longer than ten bytes', start);
  }

  /** An int64 that must be an exact integer. */
  int(): number {
    const start = this.at;
    const {high, low} = idToWords(this.varintId());
    const signedHigh = high | 0;
    const value = signedHigh * 0x1_0000_0000 + low;
    if (!Number.isSafeInteger(value)) throw new WireError('number does not fit 53 bits', start);
    return value;
  }

  bool(): boolean {
    return this.varint() !== 0;
  }

  /** The bounds of a length-delimited field; the reader moves behind it. */
  private lengthDelimited(): number {
    const start = this.at;
    const length = this.varint();
    if (length > this.end - this.at) throw new WireError('field runs past the end', start);
    const from = this.at;
    this.at += length;
    return from;
  }

  /** A view of the bytes of a field; copy before keeping it longer than the buffer. */
  bytes(): Uint8Array {
    const from = this.lengthDelimited();
    return this.buffer.subarray(from, this.at);
  }

  /** The bytes of a field as a byte string. */
  text(): ByteString {
    const from = this.lengthDelimited();
    const {buffer, at} = this;
    if (at - from > 64) return fromBytes(buffer.subarray(from, at));
    let text = '';
    for (let i = from; i < at; i++) text += String.fromCharCode(buffer[i] as number);
    return text;
  }

  /** A reader over an embedded message. */
  message(): WireReader {
    const from = this.lengthDelimited();
    return new WireReader(this.buffer, from, this.at);
  }

  /** Skips a field whose tag was just read; returns its bytes, without the tag. */
  skip(tag: number): Uint8Array {
    const start = this.at;
    switch (tag & 7) {
      case WIRE_VARINT:
        this.varintId();
        break;
      case WIRE_FIXED64:
        this.at += 8;
        break;
      case WIRE_BYTES:
        this.lengthDelimited();
        break;
      case WIRE_FIXED32:
        this.at += 4;
        break;
      default:
        throw new WireError(`wire type ${tag & 7} is not used by etcd`, start);
    }
    if (this.at > this.end) throw new WireError('field runs past the end', start);
    return this.buffer.subarray(start, this.at);
  }
}
