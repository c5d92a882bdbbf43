// server-core/auth/passwords.ts: bcrypt hashes as Go writes them, and Go's base64 around them. golang.org/x/crypto/bcrypt.
// The salt is drawn from the given stream, so equal seeds give equal records. Passwords are taken as UTF-8 text; bytes that are
// not UTF-8 hash as the replacement character, which no client sends (protobuf strings are UTF-8).
// Promise: a hash is the real thing: a real etcd accepts it, and one of its hashes is accepted here.
import bcrypt from 'bcryptjs';
import type {ByteString} from '../../base/byte-string.ts';
import {fromBytes, toBytes} from '../../base/byte-string.ts';
import type {Random} from '../../base/random.ts';

const COST_MIN = 4;
const COST_MAX = 31;
const COST_DEFAULT = 10;
const SALT_SIZE = 16;
const PASSWORD_SIZE_MAX = 72;

/** --bcrypt-cost; out of 4..31 counts as 10, as NewAuthStore says in its log. */
export function usableCost(cost: number | undefined): number {
  return cost === undefined || cost < COST_MIN || cost > COST_MAX ? COST_DEFAULT : cost;
}

/** Longer than bcrypt looks at; newer releases refuse it (bcrypt.ErrPasswordTooLong). Size in bytes. */
export function isTooLong(password: ByteString): boolean {
  return password.length > PASSWORD_SIZE_MAX;
}

/** `$2a$<cost>$<salt><hash>`, 60 bytes. Go: GenerateFromPassword. */
export function hashPassword(password: ByteString, cost: number, random: Random): ByteString {
  const salt: number[] = [];
  for (let i = 0; i < SALT_SIZE; i++) salt.push(random.below(256));
  const head = `$2a$${String(cost).padStart(2, '0')}$`;
  return bcrypt.hashSync(textOf(password), head + bcrypt.encodeBase64(salt, SALT_SIZE));
}

/** Go: CompareHashAndPassword; anything that is not a hash is no password's hash. */
export function isPasswordOf(hash: ByteString, password: ByteString): boolean {
  if (!HASH.test(hash)) return false;
  return bcrypt.compareSync(textOf(password), hash);
}

const HASH = /^\$2[aby]?\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/;

function textOf(password: ByteString): string {
  for (let i = 0; i < password.length; i++) {
    if (password.charCodeAt(i) > 0x7f) return new TextDecoder('utf-8', {ignoreBOM: true}).decode(toBytes(password));
  }
  return password;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const URL_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function encode(bytes: Uint8Array, alphabet: string): string {
  let text = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const word = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const countUsed = Math.min(bytes.length - i, 3) + 1;
    for (let k = 0; k < countUsed; k++) text += alphabet[(word >>> (18 - 6 * k)) & 63];
  }
  return text;
}

/** The digits' bytes; undefined for a digit that is none or a length that cannot be. Trailing bits are dropped, as Go does. */
function decode(digits: string, alphabet: string): Uint8Array | undefined {
  if (digits.length % 4 === 1) return undefined;
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let word = 0;
  let bits = 0;
  let at = 0;
  for (const digit of digits) {
    const value = alphabet.indexOf(digit);
    if (value < 0) return undefined;
    word = ((word << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (word >>> bits) & 0xff;
    }
  }
  return bytes;
}

/** base64.StdEncoding.EncodeToString. */
export function base64Of(text: ByteString): string {
  const digits = encode(toBytes(text), ALPHABET);
  return digits + '='.repeat((4 - (digits.length % 4)) % 4);
}

/** base64.StdEncoding.DecodeString: line ends are passed over, padding is a must; undefined for anything broken. */
export function fromBase64(text: string): ByteString | undefined {
  const joined = text.replace(/[\r\n]/g, '');
  if (joined.length % 4 !== 0) return undefined;
  const digits = joined.replace(/={1,2}$/, '');
  const bytes = decode(digits, ALPHABET);
  return bytes === undefined ? undefined : fromBytes(bytes);
}

/** base64.RawURLEncoding, of JWTs. */
export function base64UrlOf(bytes: Uint8Array): string {
  return encode(bytes, URL_ALPHABET);
}

/** base64.RawURLEncoding; undefined for anything broken. */
export function fromBase64Url(text: string): Uint8Array | undefined {
  return decode(text, URL_ALPHABET);
}

/** Standard base64 with or without padding and line ends, for PEM. */
export function fromPemBase64(text: string): Uint8Array | undefined {
  return decode(text.replace(/[\r\n\t ]/g, '').replace(/=+$/, ''), ALPHABET);
}
