// server-core/auth/jwt-signing.ts: JSON Web Signatures (RFC 7515, 7518, 8037) by method and key, synchronously.
// ECDSA is deterministic here (RFC 6979) where Go draws; either verifies the other's.
import {ed25519} from '@noble/curves/ed25519.js';
import {hmac} from '@noble/hashes/hmac.js';
import {sha256, sha384, sha512} from '@noble/hashes/sha2.js';
import {equalBytes} from '../../base/byte-string.ts';
import type {Random} from '../../base/random.ts';
import type {CurveName, JwtKeys, SignMethod} from './jwt-keys.ts';
import {CURVES} from './jwt-keys.ts';
import type {RsaHash} from './rsa.ts';
import {signPkcs1, signPss, verifyPkcs1, verifyPss} from './rsa.ts';

type Bits = '256' | '384' | '512';

const HASHES = {'256': sha256, '384': sha384, '512': sha512} as const;
const ES_CURVES: Readonly<Record<Bits, CurveName>> = {'256': 'P-256', '384': 'P-384', '512': 'P-521'};
/** The last byte of each hash's object identifier, in its DigestInfo (RFC 8017, 9.2). */
const DIGEST_OID_ENDS: Readonly<Record<Bits, number>> = {'256': 1, '384': 2, '512': 3};

function rsaHashOf(bits: Bits): RsaHash {
  const size = Number(bits) / 8;
  const oid = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, DIGEST_OID_ENDS[bits]];
  const prefix = Uint8Array.from([0x30, 0x11 + size, 0x30, 0x0d, ...oid, 0x05, 0x00, 0x04, size]);
  return {size, prefix, digest: HASHES[bits]};
}

const bitsOf = (method: SignMethod): Bits => method.slice(2) as Bits;

/** The signature, or golang-jwt's words for a key that does not fit the method. */
export function signJwt(method: SignMethod, keys: JwtKeys, message: Uint8Array, random: Random): Uint8Array | string {
  switch (keys.kind) {
    case 'hmac':
      return method.startsWith('HS') ? hmac(HASHES[bitsOf(method)], keys.secret, message) : WRONG_TYPE;
    case 'rsa': {
      if (keys.privateKey === undefined || !isRsaMethod(method)) return WRONG_TYPE;
      const hash = rsaHashOf(bitsOf(method));
      const signature = method.startsWith('PS')
        ? signPss(keys.privateKey, hash, message, random)
        : signPkcs1(keys.privateKey, hash, message);
      return signature ?? 'crypto/rsa: message too long for RSA key size';
    }
    case 'ec': {
      if (keys.privateKey === undefined || !method.startsWith('ES')) return WRONG_TYPE;
      if (ES_CURVES[bitsOf(method)] !== keys.curve) return 'key is invalid';
      return CURVES[keys.curve].sign(HASHES[bitsOf(method)](message), keys.privateKey, {prehash: false, lowS: false});
    }
    case 'ed25519':
      return keys.privateKey === undefined || method !== 'EdDSA' ? WRONG_TYPE : ed25519.sign(message, keys.privateKey);
  }
}

const WRONG_TYPE = 'key is of invalid type';
const isRsaMethod = (method: SignMethod): boolean => method.startsWith('RS') || method.startsWith('PS');

/** Is it the signature of the message? False for a key that does not fit the method. */
export function verifyJwt(method: SignMethod, keys: JwtKeys, message: Uint8Array, signature: Uint8Array): boolean {
  switch (keys.kind) {
    case 'hmac':
      return method.startsWith('HS') && equalBytes(hmac(HASHES[bitsOf(method)], keys.secret, message), signature);
    case 'rsa': {
      if (!isRsaMethod(method)) return false;
      const verify = method.startsWith('PS') ? verifyPss : verifyPkcs1;
      return verify(keys.publicKey, rsaHashOf(bitsOf(method)), message, signature);
    }
    case 'ec': {
      if (!method.startsWith('ES') || ES_CURVES[bitsOf(method)] !== keys.curve) return false;
      const curve = CURVES[keys.curve];
      if (signature.length !== curve.lengths.signature) return false;
      const digest = HASHES[bitsOf(method)](message);
      return curve.verify(signature, digest, keys.publicKey, {prehash: false, lowS: false});
    }
    case 'ed25519':
      return method === 'EdDSA' && signature.length === 64 && ed25519.verify(signature, message, keys.publicKey);
  }
}
