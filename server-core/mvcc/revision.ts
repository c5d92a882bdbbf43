// server-core/mvcc/revision.ts: revisions as keys of the bucket 'key'. etcd: server/storage/mvcc/revision.go.
// A revision is (main, sub): main counts the transactions that changed something, sub the changes inside one. As bytes: main
// in 8 bytes, big-endian, '_', sub in 8 bytes; a deletion carries a 't' behind. Byte order is therefore revision order.
import {assert} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import {toBytes} from '../../base/byte-string.ts';

/** Length of a revision without the mark. */
export const REVISION_SIZE = 17;
const TOMBSTONE_MARK = 't';
const UNDERSCORE = 0x5f;
const WORD = 0x1_0000_0000;

/** The bucket key of a put. etcd: RevToBytes. */
export function revisionKey(main: number, sub: number): ByteString {
  const mainHigh = Math.floor(main / WORD);
  const subHigh = Math.floor(sub / WORD);
  return String.fromCharCode(
    mainHigh >>> 24,
    (mainHigh >>> 16) & 0xff,
    (mainHigh >>> 8) & 0xff,
    mainHigh & 0xff,
    (main >>> 24) & 0xff,
    (main >>> 16) & 0xff,
    (main >>> 8) & 0xff,
    main & 0xff,
    UNDERSCORE,
    subHigh >>> 24,
    (subHigh >>> 16) & 0xff,
    (subHigh >>> 8) & 0xff,
    subHigh & 0xff,
    (sub >>> 24) & 0xff,
    (sub >>> 16) & 0xff,
    (sub >>> 8) & 0xff,
    sub & 0xff,
  );
}

/** The bucket key of a deletion. */
export function tombstoneKey(main: number, sub: number): ByteString {
  return revisionKey(main, sub) + TOMBSTONE_MARK;
}

/** Is this the bucket key of a deletion? */
export function isTombstoneKey(key: ByteString): boolean {
  return key.length === REVISION_SIZE + 1 && key[REVISION_SIZE] === TOMBSTONE_MARK;
}

function numberAt(key: ByteString, at: number): number {
  let value = 0;
  for (let i = at; i < at + 8; i++) value = value * 256 + key.charCodeAt(i);
  assert(Number.isSafeInteger(value), 'a revision in the bucket does not fit 53 bits', {at});
  return value;
}

/** The main revision of a bucket key; whatever is not one was put there by a bug. etcd: BytesToBucketKey. */
export function mainOf(key: ByteString): number {
  assert(key.length === REVISION_SIZE || key.length === REVISION_SIZE + 1, 'invalid revision length', key.length);
  assert(key.charCodeAt(8) === UNDERSCORE, 'invalid separator in a revision', key);
  return numberAt(key, 0);
}

/** The sub revision of a bucket key. */
export function subOf(key: ByteString): number {
  return numberAt(key, 9);
}

/** The first bucket key behind every revision up to and including this main one. */
export function endOfMain(main: number): ByteString {
  return revisionKey(main + 1, 0).slice(0, 8);
}

/** A main revision as the bucket 'meta' holds it. etcd: UnsafeSetScheduledCompact. */
export function encodeMainRevision(main: number): Uint8Array {
  return toBytes(revisionKey(main, 0));
}

/** Revisions to be kept, by main and sub. */
export class RevisionSet {
  // Nearly every transaction leaves one change to keep, so a number will mostly do.
  private readonly subs = new Map<number, number | Set<number>>();

  add(main: number, sub: number): void {
    const held = this.subs.get(main);
    if (held === undefined) this.subs.set(main, sub);
    else if (typeof held !== 'number') held.add(sub);
    else if (held !== sub) this.subs.set(main, new Set([held, sub]));
  }

  delete(main: number, sub: number): void {
    const held = this.subs.get(main);
    if (held === sub) this.subs.delete(main);
    else if (typeof held === 'object') {
      held.delete(sub);
      if (held.size === 0) this.subs.delete(main);
    }
  }

  has(main: number, sub: number): boolean {
    const held = this.subs.get(main);
    return typeof held === 'object' ? held.has(sub) : held === sub;
  }

  isEmpty(): boolean {
    return this.subs.size === 0;
  }
}
