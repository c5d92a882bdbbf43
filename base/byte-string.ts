// base/byte-string.ts: keys and values as immutable text with one character a byte (U+0000 to U+00FF).
// Why text: engines keep it in one byte a character, compare it by code unit (which is byte order), hash it once and let
// it be a Map key; a Uint8Array can do none of these. The one place where keys are ordered.
import {assert} from './assert.ts';

/** Text in which every character stands for one byte. Not branded: a plain ASCII literal is one. */
export type ByteString = string;

const CHUNK_SIZE = 4096;

/** Bytes to text, one character a byte. */
export function fromBytes(bytes: Uint8Array): ByteString {
  const length = bytes.length;
  if (length <= CHUNK_SIZE) return String.fromCharCode.apply(null, bytes as unknown as number[]);
  const parts: string[] = [];
  for (let at = 0; at < length; at += CHUNK_SIZE) {
    parts.push(String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK_SIZE) as unknown as number[]));
  }
  return parts.join('');
}

/** Text to bytes; a character above U+00FF is a bug of ours. */
export function toBytes(text: ByteString): Uint8Array {
  const bytes = new Uint8Array(text.length);
  writeBytes(text, bytes, 0);
  return bytes;
}

/** Writes text into a buffer at a place; returns the place behind it. */
export function writeBytes(text: ByteString, into: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    assert(code <= 0xff, 'byte string holds a character above U+00FF', {code, i});
    into[at + i] = code;
  }
  return at + text.length;
}

/** UTF-16 text (a user's key) to a byte string holding its UTF-8 form. */
export function fromUtf8Text(text: string): ByteString {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return fromBytes(new TextEncoder().encode(text));
  }
  return text;
}

/** A byte string as people read it: UTF-8 where it is, otherwise each stray byte as \xNN. */
export function describeBytes(bytes: ByteString): string {
  if (/^[\x20-\x7e]*$/.test(bytes)) return bytes;
  try {
    const text = new TextDecoder('utf-8', {fatal: true}).decode(toBytes(bytes));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    if (!/[\x00-\x1f\x7f]/.test(text)) return text;
  } catch {
    // not UTF-8: fall through to the escaped form
  }
  return Array.from(bytes, (char) => {
    const code = char.charCodeAt(0);
    return code >= 0x20 && code <= 0x7e ? char : `\\x${code.toString(16).padStart(2, '0')}`;
  }).join('');
}

/** Total order of keys: by bytes, as etcd's bytes.Compare. */
export function compareByteStrings(a: ByteString, b: ByteString): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The end of the range that holds every key with this prefix; "\0" (no end) for 0xff… or the empty prefix. clientv3: GetPrefixRangeEnd. */
export function prefixEnd(prefix: ByteString): ByteString {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const code = prefix.charCodeAt(i);
    if (code < 0xff) return prefix.slice(0, i) + String.fromCharCode(code + 1);
  }
  return '\0';
}

const HEX = Array.from({length: 256}, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Lower-case hex of bytes. */
export function hexOf(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += HEX[bytes[i] as number];
  return text;
}

/** Equal length and content. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** One buffer out of many. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += part.length;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
