// base/digest.ts: a running 64-bit digest over numbers and text; not for security.
// Promise: depends only on what was fed, in order; only 32-bit integer arithmetic, so that every engine agrees.

/** Feeds on numbers and text; hex() tells the digest so far as 16 hex digits. */
export class Digest {
  private a = 0x9e3779b9 | 0;
  private b = 0x85ebca6b | 0;

  /** Mixes in a 32-bit number. */
  u32(value: number): void {
    const v = Math.imul(value | 0, 0xcc9e2d51 | 0);
    const a = Math.imul(this.a ^ ((v << 15) | (v >>> 17)), 0x1b873593) + this.b;
    this.b = Math.imul(this.b ^ value ^ (a >>> 13), 0xc2b2ae35 | 0) + ((a << 7) | (a >>> 25));
    this.a = a | 0;
    this.b |= 0;
  }

  /** Mixes in an exact integer of at most 53 bits. */
  integer(value: number): void {
    this.u32(value | 0);
    this.u32(Math.floor(value / 0x1_0000_0000) | 0);
  }

  /** Mixes in text by code unit, and its length. */
  text(text: string): void {
    this.u32(text.length);
    let word = 0;
    for (let i = 0; i < text.length; i++) {
      word = (word << 8) ^ text.charCodeAt(i);
      if ((i & 3) === 3) {
        this.u32(word);
        word = 0;
      }
    }
    if ((text.length & 3) !== 0) this.u32(word);
  }

  /** Mixes in bytes, and how many. */
  bytes(bytes: Uint8Array): void {
    this.u32(bytes.length);
    for (let i = 0; i < bytes.length; i++) this.u32(bytes[i] as number);
  }

  /** The digest so far, 16 hex digits; feeding may go on. */
  hex(): string {
    const high = avalanche(this.a ^ 0x5bd1e995);
    const low = avalanche(this.b ^ high);
    return (high >>> 0).toString(16).padStart(8, '0') + (low >>> 0).toString(16).padStart(8, '0');
  }
}

function avalanche(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b | 0);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35 | 0);
  return h ^ (h >>> 16);
}

/** The digest of one text. */
export function digestText(text: string): string {
  const digest = new Digest();
  digest.text(text);
  return digest.hex();
}

/** A 32-bit hash of text (FNV-1a over code units), for hash tables. */
export function hashText(text: string, seed = 0x811c9dc5): number {
  let h = seed | 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h | 0;
}
