// server-core/backend/bolt/format.ts: the numbers of bbolt's file format (bbolt: internal/common/page.go, meta.go, bucket.go).
// A file is pages of one size. Page 0 and 1 are metas, written in turn; every other page belongs to a B+tree node, to the
// freelist, or is free. A node or freelist larger than a page goes on in the pages behind it ("overflow").
// Everything is little-endian. 64-bit numbers are read as exact numbers up to 2^53; only sequences and checksums use all bits.
import {assert} from '../../../base/assert.ts';
import type {ByteString} from '../../../base/byte-string.ts';

export const PAGE_SIZE_DEFAULT = 4096;
export const PAGE_HEADER_SIZE = 16;
export const LEAF_ELEMENT_SIZE = 16;
export const BRANCH_ELEMENT_SIZE = 16;
export const BUCKET_HEADER_SIZE = 16;

export const PAGE_BRANCH = 0x01;
export const PAGE_LEAF = 0x02;
export const PAGE_META = 0x04;
export const PAGE_FREELIST = 0x10;

/** Flag of a leaf element whose value is a bucket. */
export const ELEMENT_BUCKET = 0x01;

/** A node is never split so that a page gets fewer keys than this. */
export const MIN_KEYS_PER_PAGE = 2;
/** bbolt: MaxKeySize. */
export const KEY_SIZE_MAX = 32768;
/** A page's count of this means: the first entry of the freelist is the count. */
export const FREELIST_COUNT_ESCAPE = 0xffff;

/** The first 16 bytes of every page, and of the page inside an inline bucket. */
export interface PageHeader {
  readonly id: number;
  readonly flags: number;
  readonly count: number;
  /** Pages that follow and belong to this one. */
  readonly overflow: number;
}

const WORD = 0x1_0000_0000;

/** An unsigned 64-bit number; undefined when it is above 2^53 - 1 (never a page number of a real file). */
export function readU64(view: DataView, at: number): number | undefined {
  const high = view.getUint32(at + 4, true);
  return high > 0x1fffff ? undefined : high * WORD + view.getUint32(at, true);
}

export function writeU64(view: DataView, at: number, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, 'a 64-bit field takes an exact whole number', value);
  view.setUint32(at, value, true); // takes the low 32 bits
  view.setUint32(at + 4, value < WORD ? 0 : Math.floor(value / WORD), true);
}

/** The header at a place; the id is -1 when it is not a page number at all. */
export function readPageHeader(view: DataView, at: number): PageHeader {
  return {
    id: readU64(view, at) ?? -1,
    flags: view.getUint16(at + 8, true),
    count: view.getUint16(at + 10, true),
    overflow: view.getUint32(at + 12, true),
  };
}

export function writePageHeader(view: DataView, at: number, header: PageHeader): void {
  writeU64(view, at, header.id);
  view.setUint16(at + 8, header.flags, true);
  view.setUint16(at + 10, header.count, true);
  view.setUint32(at + 12, header.overflow, true);
}

/** The bytes of a key into a buffer; keys are checked where they enter the tree. */
export function writeKey(key: ByteString, into: Uint8Array, at: number): void {
  for (let i = 0; i < key.length; i++) into[at + i] = key.charCodeAt(i);
}

/** A view for numbers over the bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
