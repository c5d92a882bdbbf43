// server-core/auth/der.ts: as much of DER (X.690) and PEM (RFC 7468) as key files need. Broken input gives undefined, never a throw.
import type {ByteString} from '../../base/byte-string.ts';
import {fromBytes} from '../../base/byte-string.ts';
import {fromPemBase64} from './passwords.ts';

export const DER_INTEGER = 0x02;
export const DER_BIT_STRING = 0x03;
export const DER_OCTET_STRING = 0x04;
export const DER_OID = 0x06;
export const DER_SEQUENCE = 0x30;

/** One value: its tag and its content. */
export interface DerValue {
  readonly tag: number;
  readonly content: Uint8Array;
}

const PEM = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/;

/** The first PEM block's bytes; undefined when there is none. */
export function readPem(file: Uint8Array): Uint8Array | undefined {
  const match = PEM.exec(fromBytes(file));
  return match === null ? undefined : fromPemBase64(match[2] ?? '');
}

/** The values that lie one behind the other in bytes; undefined when the bytes are not just that. */
export function readDer(bytes: Uint8Array): DerValue[] | undefined {
  const values: DerValue[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0;
    let length = bytes[at + 1];
    let start = at + 2;
    if (length === undefined || (tag & 0x1f) === 0x1f) return undefined;
    if (length >= 0x80) {
      const sizeOfLength = length & 0x7f;
      if (sizeOfLength === 0 || sizeOfLength > 4) return undefined;
      length = 0;
      for (let i = 0; i < sizeOfLength; i++) length = length * 256 + (bytes[start++] ?? 0);
    }
    if (start + length > bytes.length) return undefined;
    values.push({tag, content: bytes.subarray(start, start + length)});
    at = start + length;
  }
  return values;
}

/** What is in a sequence that is all of the bytes. */
export function readSequence(bytes: Uint8Array): DerValue[] | undefined {
  const [only, ...rest] = readDer(bytes) ?? [];
  return only?.tag === DER_SEQUENCE && rest.length === 0 ? readDer(only.content) : undefined;
}

/** An integer that is not negative; undefined for anything else. */
export function readInteger(value: DerValue | undefined): bigint | undefined {
  if (value?.tag !== DER_INTEGER || value.content.length === 0 || (value.content[0] ?? 0) >= 0x80) return undefined;
  return bigintOf(value.content);
}

/** Big endian bytes as a number. */
export function bigintOf(bytes: Uint8Array): bigint {
  let number = 0n;
  for (const byte of bytes) number = (number << 8n) | BigInt(byte);
  return number;
}

/** A number as so many big endian bytes. */
export function bytesOfBigint(number: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let rest = number;
  for (let i = size - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** An object identifier's content, to be compared with such literals. */
export function oidOf(value: DerValue | undefined): ByteString | undefined {
  return value?.tag === DER_OID ? fromBytes(value.content) : undefined;
}
