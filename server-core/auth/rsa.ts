// server-core/auth/rsa.ts: RSA signatures (RFC 8017) as JWTs of RS* and PS* need them, on native bigint. Not hardened against
// timing: the keys here are those of simulated servers.
import {equalBytes} from '../../base/byte-string.ts';
import type {Random} from '../../base/random.ts';
import {bigintOf, bytesOfBigint} from './der.ts';

export interface RsaPublicKey {
  readonly modulus: bigint;
  readonly exponent: bigint;
}

export interface RsaPrivateKey extends RsaPublicKey {
  readonly privateExponent: bigint;
}

/** A hash function with what PKCS #1 puts in front of its value. */
export interface RsaHash {
  readonly size: number;
  /** DigestInfo up to the value. */
  readonly prefix: Uint8Array;
  digest(message: Uint8Array): Uint8Array;
}

/** Bytes of the modulus, which is what a signature takes. */
export function modulusSize({modulus}: RsaPublicKey): number {
  return Math.ceil(modulus.toString(16).length / 2);
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** RSASSA-PKCS1-v1_5; undefined when the key is too short for the hash. */
export function signPkcs1(key: RsaPrivateKey, hash: RsaHash, message: Uint8Array): Uint8Array | undefined {
  const padded = padPkcs1(modulusSize(key), hash, message);
  if (padded === undefined) return undefined;
  return bytesOfBigint(power(bigintOf(padded), key.privateExponent, key.modulus), padded.length);
}

export function verifyPkcs1(key: RsaPublicKey, hash: RsaHash, message: Uint8Array, signature: Uint8Array): boolean {
  const opened = open(key, signature);
  const padded = padPkcs1(modulusSize(key), hash, message);
  return opened !== undefined && padded !== undefined && equalBytes(opened, padded);
}

/** 00 01 ff … ff 00 DigestInfo. */
function padPkcs1(size: number, hash: RsaHash, message: Uint8Array): Uint8Array | undefined {
  const tailSize = hash.prefix.length + hash.size;
  if (size < tailSize + 11) return undefined;
  const padded = new Uint8Array(size).fill(0xff);
  padded[0] = 0;
  padded[1] = 1;
  padded[size - tailSize - 1] = 0;
  padded.set(hash.prefix, size - tailSize);
  padded.set(hash.digest(message), size - hash.size);
  return padded;
}

/** RSASSA-PSS with a salt as long as the hash; undefined when the key is too short. */
export function signPss(
  key: RsaPrivateKey,
  hash: RsaHash,
  message: Uint8Array,
  random: Random,
): Uint8Array | undefined {
  const bitsOver = (modulusBits(key) - 1) % 8;
  const size = Math.ceil((modulusBits(key) - 1) / 8);
  if (size < 2 * hash.size + 2) return undefined;
  const salt = new Uint8Array(hash.size);
  for (let i = 0; i < salt.length; i++) salt[i] = random.below(256);
  const check = pssCheck(hash, message, salt);
  const block = new Uint8Array(size - hash.size - 1);
  block[block.length - salt.length - 1] = 1;
  block.set(salt, block.length - salt.length);
  maskWith(hash, check, block);
  if (bitsOver !== 0) block[0] = (block[0] ?? 0) & ((1 << bitsOver) - 1);
  const encoded = new Uint8Array(size);
  encoded.set(block);
  encoded.set(check, block.length);
  encoded[size - 1] = 0xbc;
  return bytesOfBigint(power(bigintOf(encoded), key.privateExponent, key.modulus), modulusSize(key));
}

/** RSASSA-PSS with a salt of any length, as Go's PSSSaltLengthAuto. */
export function verifyPss(key: RsaPublicKey, hash: RsaHash, message: Uint8Array, signature: Uint8Array): boolean {
  const opened = open(key, signature);
  if (opened === undefined) return false;
  const bitsOver = (modulusBits(key) - 1) % 8;
  const size = Math.ceil((modulusBits(key) - 1) / 8);
  const encoded = opened.subarray(opened.length - size);
  const blockSize = size - hash.size - 1;
  if (blockSize < 1 || encoded[size - 1] !== 0xbc) return false;
  const block = encoded.slice(0, blockSize);
  const check = encoded.subarray(blockSize, size - 1);
  if (bitsOver !== 0 && (block[0] ?? 0) >>> bitsOver !== 0) return false;
  maskWith(hash, check, block);
  if (bitsOver !== 0) block[0] = (block[0] ?? 0) & ((1 << bitsOver) - 1);
  const mark = block.findIndex((byte) => byte !== 0);
  if (mark < 0 || block[mark] !== 1) return false;
  return equalBytes(pssCheck(hash, message, block.subarray(mark + 1)), check);
}

/** Hash of eight zeros, the message's hash and the salt. */
function pssCheck(hash: RsaHash, message: Uint8Array, salt: Uint8Array): Uint8Array {
  const whole = new Uint8Array(8 + hash.size + salt.length);
  whole.set(hash.digest(message), 8);
  whole.set(salt, 8 + hash.size);
  return hash.digest(whole);
}

/** MGF1: xors a block with the hashes of seed and counter. */
function maskWith(hash: RsaHash, seed: Uint8Array, block: Uint8Array): void {
  const input = new Uint8Array(seed.length + 4);
  input.set(seed);
  for (let counter = 0; counter * hash.size < block.length; counter++) {
    input.set(bytesOfBigint(BigInt(counter), 4), seed.length);
    const mask = hash.digest(input);
    for (let i = 0; i < mask.length && counter * hash.size + i < block.length; i++) {
      const at = counter * hash.size + i;
      block[at] = (block[at] ?? 0) ^ (mask[i] ?? 0);
    }
  }
}

function open(key: RsaPublicKey, signature: Uint8Array): Uint8Array | undefined {
  const size = modulusSize(key);
  const number = bigintOf(signature);
  if (signature.length !== size || number >= key.modulus) return undefined;
  return bytesOfBigint(power(number, key.exponent, key.modulus), size);
}

function modulusBits({modulus}: RsaPublicKey): number {
  return modulus.toString(2).length;
}
