// reports/pack.ts: bytes made small and put into text, and back: an LZ77 of our own, then base64.
// Why not zlib: its output differs between Node versions and machines, and a page must not. The unpacking half runs in the page.
// Format: runs of (token, literals, distance). The token holds two 4-bit lengths: literals, and match length - MATCH_SIZE_MIN;
// 15 goes on in bytes until one below 255. The distance is two bytes, low first; the last run has no match.
// Promise: unpack(pack(bytes)) equals bytes; the work is linear in the input.
import {assert} from '../base/assert.ts';

const MATCH_SIZE_MIN = 4;
const DISTANCE_MAX = 0xffff;
const HASH_BITS = 16;
/** Earlier places with the same four bytes that are tried. */
const TRIES_MAX = 24;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Bytes as packed base64 text. */
export function pack(bytes: Uint8Array): string {
  return toBase64(compress(bytes));
}

/** What pack() was given; `size` is its length. */
export function unpack(text: string, size: number): Uint8Array {
  return decompress(fromBase64(text), size);
}

/** Bytes that grow. */
export class ByteWriter {
  private buffer = new Uint8Array(1024);
  private used = 0;

  byte(value: number): void {
    if (this.used === this.buffer.length) this.grow(1);
    this.buffer[this.used++] = value;
  }

  /** A whole number from 0 to 2^53 - 1, seven bits a byte, low first. */
  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest % 0x80) + 0x80);
      rest = Math.floor(rest / 0x80);
    }
    this.byte(rest);
  }

  append(bytes: Uint8Array): void {
    if (this.used + bytes.length > this.buffer.length) this.grow(bytes.length);
    this.buffer.set(bytes, this.used);
    this.used += bytes.length;
  }

  take(): Uint8Array {
    return this.buffer.subarray(0, this.used);
  }

  private grow(more: number): void {
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.used + more));
    larger.set(this.buffer);
    this.buffer = larger;
  }
}

function compress(bytes: Uint8Array): Uint8Array {
  const out = new ByteWriter();
  const newest = new Int32Array(1 << HASH_BITS).fill(-1);
  const older = new Int32Array(bytes.length);
  const last = bytes.length - MATCH_SIZE_MIN;
  let literalsFrom = 0;
  let at = 0;
  const file = (place: number) => {
    const hash = hashAt(bytes, place);
    older[place] = newest[hash] as number;
    newest[hash] = place;
  };
  while (at <= last) {
    let size = 0;
    let distance = 0;
    let candidate = newest[hashAt(bytes, at)] as number;
    for (let tries = 0; tries < TRIES_MAX && candidate >= 0 && at - candidate <= DISTANCE_MAX; tries++) {
      const length = matchSize(bytes, candidate, at);
      if (length > size) {
        size = length;
        distance = at - candidate;
      }
      candidate = older[candidate] as number;
    }
    if (size < MATCH_SIZE_MIN) {
      file(at++);
      continue;
    }
    writeRun(out, bytes.subarray(literalsFrom, at), size);
    out.byte(distance & 0xff);
    out.byte(distance >> 8);
    const end = at + size;
    while (at < end) {
      if (at <= last) file(at);
      at++;
    }
    literalsFrom = at;
  }
  writeRun(out, bytes.subarray(literalsFrom), MATCH_SIZE_MIN);
  return out.take();
}

function hashAt(bytes: Uint8Array, at: number): number {
  const word =
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24);
  return Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
}

function matchSize(bytes: Uint8Array, earlier: number, at: number): number {
  let size = 0;
  while (at + size < bytes.length && bytes[earlier + size] === bytes[at + size]) size++;
  return size;
}

function writeRun(out: ByteWriter, literals: Uint8Array, size: number): void {
  const match = size - MATCH_SIZE_MIN;
  out.byte((Math.min(literals.length, 15) << 4) | Math.min(match, 15));
  writeLength(out, literals.length);
  out.append(literals);
  writeLength(out, match);
}

function writeLength(out: ByteWriter, length: number): void {
  if (length < 15) return;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) out.byte(255);
  out.byte(rest);
}

function decompress(packed: Uint8Array, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let from = 0;
  let to = 0;
  const length = (start: number): number => {
    if (start < 15) return start;
    let sum = start;
    for (;;) {
      const more = packed[from++] as number;
      sum += more;
      if (more < 255) return sum;
    }
  };
  while (from < packed.length) {
    const token = packed[from++] as number;
    const literals = length(token >> 4);
    assert(from + literals <= packed.length, 'packed bytes end within a run', {from, literals});
    bytes.set(packed.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    const match = length(token & 15) + MATCH_SIZE_MIN;
    if (from >= packed.length) break;
    const earlier = to - ((packed[from] as number) | ((packed[from + 1] as number) << 8));
    from += 2;
    for (let i = 0; i < match; i++) bytes[to + i] = bytes[earlier + i] as number;
    to += match;
  }
  assert(to === size, 'unpacked bytes have another size than promised', {to, size});
  return bytes;
}

function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let from = 0; from < bytes.length; from += 3) {
    const a = bytes[from] as number;
    const b = bytes[from + 1] ?? 0;
    const c = bytes[from + 2] ?? 0;
    parts.push(
      ALPHABET.charAt(a >> 2) +
        ALPHABET.charAt(((a & 3) << 4) | (b >> 4)) +
        (from + 1 < bytes.length ? ALPHABET.charAt(((b & 15) << 2) | (c >> 6)) : '') +
        (from + 2 < bytes.length ? ALPHABET.charAt(c & 63) : ''),
    );
  }
  return parts.join('');
}

function fromBase64(text: string): Uint8Array {
  const values = new Uint8Array(128);
  for (let i = 0; i < ALPHABET.length; i++) values[ALPHABET.charCodeAt(i)] = i;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let to = 0;
  for (let from = 0; from < text.length; from += 4) {
    const at = (offset: number) => values[text.charCodeAt(from + offset) & 127] ?? 0;
    const left = text.length - from;
    const word = (at(0) << 18) | (at(1) << 12) | ((left > 2 ? at(2) : 0) << 6) | (left > 3 ? at(3) : 0);
    bytes[to++] = word >> 16;
    if (left > 2) bytes[to++] = (word >> 8) & 0xff;
    if (left > 3) bytes[to++] = word & 0xff;
  }
  return bytes;
}
