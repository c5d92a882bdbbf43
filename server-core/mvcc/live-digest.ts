// server-core/mvcc/live-digest.ts: a digest of what the store shows now, kept up to date by each change.
// It is a sum over the pairs of the live state, modulo 2^64 in two halves, so the order of changes does not matter and one
// change costs one pair. Not for security. Promise: only 32-bit integer arithmetic, equal in every engine.
import {Digest} from '../../base/digest.ts';
import type {KeyValue} from '../etcdserverpb/types.ts';
import {NO_LEASE} from '../etcdserverpb/types.ts';

export class LiveDigest {
  /** How many pairs the live state has. */
  count = 0;
  private sumA = 0;
  private sumB = 0;
  // The two halves of the pair being mixed.
  private a = 0;
  private b = 0;

  /** The pair has come to the live state. */
  add(kv: KeyValue): void {
    this.mixPair(kv);
    this.count++;
    this.sumA = (this.sumA + avalanche(this.a)) | 0;
    this.sumB = (this.sumB + avalanche(this.b)) | 0;
  }

  /** The pair has left the live state. */
  subtract(kv: KeyValue): void {
    this.mixPair(kv);
    this.count--;
    this.sumA = (this.sumA - avalanche(this.a)) | 0;
    this.sumB = (this.sumB - avalanche(this.b)) | 0;
  }

  /** The digest together with the revisions, 16 hex digits. */
  hex(currentRevision: number, compactRevision: number): string {
    const digest = new Digest();
    digest.u32(this.sumA);
    digest.u32(this.sumB);
    digest.integer(currentRevision);
    digest.integer(compactRevision);
    return digest.hex();
  }

  private mixPair(kv: KeyValue): void {
    this.a = 0x811c9dc5 | 0;
    this.b = 0x2f9be6cc | 0;
    this.mixText(kv.key);
    this.mixNumber(kv.createRevision);
    this.mixNumber(kv.modRevision);
    this.mixNumber(kv.version);
    this.mixText(kv.value);
    if (kv.lease !== NO_LEASE) this.mixText(kv.lease);
  }

  private mixNumber(value: number): void {
    this.mixWord(value | 0);
    this.mixWord(Math.floor(value / 0x1_0000_0000) | 0);
  }

  private mixText(text: string): void {
    const {length} = text;
    const whole = length & ~3;
    this.mixWord(length);
    let at = 0;
    for (; at < whole; at += 4) {
      this.mixWord(
        text.charCodeAt(at) |
          (text.charCodeAt(at + 1) << 8) |
          (text.charCodeAt(at + 2) << 16) |
          (text.charCodeAt(at + 3) << 24),
      );
    }
    let rest = 0;
    for (; at < length; at++) rest = (rest << 8) | text.charCodeAt(at);
    if (whole !== length) this.mixWord(rest);
  }

  private mixWord(word: number): void {
    // Both steps are one-to-one in the state for a given word, so no difference is lost on the way.
    let a = Math.imul(this.a ^ word, 0x01000193);
    a ^= a >>> 15;
    this.a = a;
    const b = Math.imul(((this.b << 13) | (this.b >>> 19)) + word, 0x5bd1e995);
    this.b = b ^ (b >>> 17);
  }
}

function avalanche(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b | 0);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35 | 0);
  return h ^ (h >>> 16);
}
