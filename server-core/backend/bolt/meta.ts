// server-core/backend/bolt/meta.ts: the two meta pages: which tree, freelist and transaction is the current one.
// A commit becomes real with one write of one meta page; the other still names the transaction before it. A meta that was
// torn shows by its checksum. bbolt: internal/common/meta.go, db.go meta(), getPageSize.
import {PAGE_HEADER_SIZE, PAGE_META, readU64, viewOf, writePageHeader, writeU64} from './format.ts';

const MAGIC = 0xed0cdaed;
const VERSION = 2;
const CHECKED_SIZE = 56; // what lies before the checksum
export const META_SIZE = PAGE_HEADER_SIZE + CHECKED_SIZE + 8;

/** What a meta page says. */
export interface Meta {
  readonly pageSize: number;
  readonly flags: number;
  /** Root page of the tree of buckets. */
  readonly rootPage: number;
  /** The root bucket's sequence, kept as it was read. */
  readonly rootSequence: Sequence;
  /** First page of the freelist; undefined when it was not written (NoFreelistSync). */
  readonly freelistPage: number | undefined;
  /** The first page number never given out: the high-water mark. */
  readonly pageCount: number;
  readonly txid: number;
}

/** A bucket's 64-bit counter. etcd does not use it; it is kept. */
export interface Sequence {
  readonly low: number;
  readonly high: number;
}

export const SEQUENCE_ZERO: Sequence = {low: 0, high: 0};

/** The meta in a page that starts at `at`, or the reason why it is none. */
export function decodeMeta(page: Uint8Array, at: number): Meta | string {
  if (page.length - at < META_SIZE) return 'cut short';
  const view = viewOf(page);
  const base = at + PAGE_HEADER_SIZE;
  if (view.getUint32(base, true) !== MAGIC) return 'not a bbolt file (magic differs)';
  if (view.getUint32(base + 4, true) !== VERSION)
    return `format version ${view.getUint32(base + 4, true)}, not ${VERSION}`;
  const sum = fnv64a(page, base, CHECKED_SIZE);
  if (view.getUint32(base + 56, true) !== sum.low || view.getUint32(base + 60, true) !== sum.high)
    return 'checksum differs';
  const pageSize = view.getUint32(base + 8, true);
  if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0) return `page size ${pageSize}`;
  const rootPage = readU64(view, base + 16);
  const pageCount = readU64(view, base + 40);
  const txid = readU64(view, base + 48);
  if (rootPage === undefined || pageCount === undefined || txid === undefined) return 'a page number above 2^53';
  const unsynced = view.getUint32(base + 32, true) === 0xffffffff && view.getUint32(base + 36, true) === 0xffffffff;
  const freelistPage = readU64(view, base + 32);
  if (freelistPage === undefined && !unsynced) return 'a page number above 2^53';
  const rootSequence = {low: view.getUint32(base + 24, true), high: view.getUint32(base + 28, true)};
  return {pageSize, flags: view.getUint32(base + 12, true), rootPage, rootSequence, freelistPage, pageCount, txid};
}

/** Writes the meta with that page number into a zeroed page that starts at `at`. */
export function encodeMeta(meta: Meta, pageId: number, page: Uint8Array, at: number): void {
  const view = viewOf(page);
  writePageHeader(view, at, {id: pageId, flags: PAGE_META, count: 0, overflow: 0});
  const base = at + PAGE_HEADER_SIZE;
  view.setUint32(base, MAGIC, true);
  view.setUint32(base + 4, VERSION, true);
  view.setUint32(base + 8, meta.pageSize, true);
  view.setUint32(base + 12, meta.flags, true);
  writeU64(view, base + 16, meta.rootPage);
  view.setUint32(base + 24, meta.rootSequence.low, true);
  view.setUint32(base + 28, meta.rootSequence.high, true);
  if (meta.freelistPage !== undefined) writeU64(view, base + 32, meta.freelistPage);
  else {
    view.setUint32(base + 32, 0xffffffff, true);
    view.setUint32(base + 36, 0xffffffff, true);
  }
  writeU64(view, base + 40, meta.pageCount);
  writeU64(view, base + 48, meta.txid);
  const sum = fnv64a(page, base, CHECKED_SIZE);
  view.setUint32(base + 56, sum.low, true);
  view.setUint32(base + 60, sum.high, true);
}

/** FNV-1a, 64 bits, in four 16-bit limbs: the prime is 2^40 + 0x1b3. Go: hash/fnv New64a. */
export function fnv64a(bytes: Uint8Array, from: number, size: number): Sequence {
  let a = 0x2325; // lowest 16 bits of the offset basis cbf29ce484222325
  let b = 0x8422;
  let c = 0x9ce4;
  let d = 0xcbf2;
  for (let i = from; i < from + size; i++) {
    a ^= bytes[i] as number;
    // times 0x1b3, plus the number shifted left by 40 bits
    const a2 = a * 0x1b3;
    const b2 = b * 0x1b3 + (a2 >>> 16);
    const c2 = c * 0x1b3 + (b2 >>> 16) + ((a << 8) & 0xffff);
    const d2 = d * 0x1b3 + (c2 >>> 16) + (a >>> 8) + ((b << 8) & 0xffff);
    a = a2 & 0xffff;
    b = b2 & 0xffff;
    c = c2 & 0xffff;
    d = d2 & 0xffff;
  }
  return {low: ((b << 16) | a) >>> 0, high: ((d << 16) | c) >>> 0};
}
