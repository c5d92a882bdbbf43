// server-core/auth/jwt-keys.ts: signing methods and the key files for them: PEM with PKCS #1, PKCS #8, SEC 1, SPKI or a certificate.
// etcd: auth/options.go (hmacKey, rsaKey, ecKey, edKey) over golang-jwt's Parse…FromPEM. What is broken or does not fit gives the
// text with which the member does not start.
import {ed25519} from '@noble/curves/ed25519.js';
import {p256, p384, p521} from '@noble/curves/nist.js';
import type {ByteString} from '../../base/byte-string.ts';
import {equalBytes} from '../../base/byte-string.ts';
import type {DerValue} from './der.ts';
import {
  DER_BIT_STRING,
  DER_INTEGER,
  DER_OCTET_STRING,
  DER_SEQUENCE,
  oidOf,
  readDer,
  readInteger,
  readPem,
  readSequence,
} from './der.ts';
import type {RsaPrivateKey, RsaPublicKey} from './rsa.ts';

const SIGN_METHODS = [
  'HS256',
  'HS384',
  'HS512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;
export type SignMethod = (typeof SIGN_METHODS)[number];

/** jwt.GetSigningMethod knows it. (`none` it knows as well, but no key fits it.) */
export function isSignMethod(text: string): text is SignMethod {
  return (SIGN_METHODS as readonly string[]).includes(text);
}

export const CURVES = {'P-256': p256, 'P-384': p384, 'P-521': p521} as const;
export type CurveName = keyof typeof CURVES;

/** Keys of one kind; without the private one tokens can only be verified. */
export type JwtKeys =
  | {readonly kind: 'hmac'; readonly secret: Uint8Array}
  | {readonly kind: 'rsa'; readonly publicKey: RsaPublicKey; readonly privateKey: RsaPrivateKey | undefined}
  | {
      readonly kind: 'ec';
      readonly curve: CurveName;
      readonly publicKey: Uint8Array;
      readonly privateKey: Uint8Array | undefined;
    }
  | {readonly kind: 'ed25519'; readonly publicKey: Uint8Array; readonly privateKey: Uint8Array | undefined};

export interface KeyFiles {
  readonly publicKey: Uint8Array | undefined;
  readonly privateKey: Uint8Array | undefined;
}

type Refused = {readonly kind: 'refused'; readonly message: string};
const refused = (message: string): Refused => ({kind: 'refused', message});
const MISSING_KEY = refused('auth: missing key data');
const MISMATCH = refused("auth: public and private keys don't match");
const NOT_PEM = refused('invalid key: Key must be a PEM encoded PKCS1 or PKCS8 key');

/** The keys for a method out of the files. An HMAC secret is the whole private file. */
export function keysOf(method: SignMethod, files: KeyFiles): JwtKeys | Refused {
  if (method.startsWith('HS')) {
    if (files.privateKey === undefined || files.privateKey.length === 0) return MISSING_KEY;
    return {kind: 'hmac', secret: files.privateKey};
  }
  if (files.publicKey === undefined && files.privateKey === undefined) return MISSING_KEY;
  if (method.startsWith('ES')) return ecKeysOf(files);
  return method === 'EdDSA' ? edKeysOf(files) : rsaKeysOf(files);
}

/** RSA keys out of the files. */
export function rsaKeysOf(files: KeyFiles): JwtKeys | Refused {
  const privateKey = files.privateKey === undefined ? undefined : readRsaPrivateKey(files.privateKey);
  const given = files.publicKey === undefined ? undefined : readRsaPublicKey(files.publicKey);
  if (isUnread(files.privateKey, privateKey) || isUnread(files.publicKey, given)) return NOT_PEM;
  const publicKey = given ?? privateKey;
  if (publicKey === undefined) return MISSING_KEY;
  const isOther = privateKey !== undefined && privateKey.modulus !== publicKey.modulus;
  return isOther ? MISMATCH : {kind: 'rsa', publicKey, privateKey};
}

function ecKeysOf(files: KeyFiles): JwtKeys | Refused {
  const ours = files.privateKey === undefined ? undefined : readEcPrivateKey(files.privateKey);
  const given = files.publicKey === undefined ? undefined : readEcPublicKey(files.publicKey);
  if (isUnread(files.privateKey, ours) || isUnread(files.publicKey, given)) return NOT_PEM;
  if (ours === undefined) return given === undefined ? MISSING_KEY : {...given, kind: 'ec', privateKey: undefined};
  const publicKey = CURVES[ours.curve].getPublicKey(ours.privateKey, false);
  if (given !== undefined && (given.curve !== ours.curve || !equalBytes(given.publicKey, publicKey))) return MISMATCH;
  return {kind: 'ec', curve: ours.curve, publicKey, privateKey: ours.privateKey};
}

function edKeysOf(files: KeyFiles): JwtKeys | Refused {
  const privateKey = files.privateKey === undefined ? undefined : readEdPrivateKey(files.privateKey);
  const given = files.publicKey === undefined ? undefined : readEdPublicKey(files.publicKey);
  if (isUnread(files.privateKey, privateKey) || isUnread(files.publicKey, given)) return NOT_PEM;
  if (privateKey === undefined)
    return given === undefined ? MISSING_KEY : {kind: 'ed25519', publicKey: given, privateKey};
  const publicKey = ed25519.getPublicKey(privateKey);
  if (given !== undefined && !equalBytes(given, publicKey)) return MISMATCH;
  return {kind: 'ed25519', publicKey, privateKey};
}

const isUnread = (file: Uint8Array | undefined, key: unknown): boolean => file !== undefined && key === undefined;

const OID_RSA: ByteString = '\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01';
const OID_EC: ByteString = '\x2a\x86\x48\xce\x3d\x02\x01';
const OID_ED25519: ByteString = '\x2b\x65\x70';
const CURVE_OIDS: Readonly<Record<ByteString, CurveName>> = {
  '\x2a\x86\x48\xce\x3d\x03\x01\x07': 'P-256',
  '\x2b\x81\x04\x00\x22': 'P-384',
  '\x2b\x81\x04\x00\x23': 'P-521',
};

/** A key with the algorithm it is for: SubjectPublicKeyInfo or PKCS #8. */
interface TypedKey {
  readonly algorithm: ByteString;
  readonly curve: CurveName | undefined;
  readonly key: Uint8Array;
}

function typedKeyOf(algorithm: DerValue | undefined, key: Uint8Array | undefined): TypedKey | undefined {
  if (algorithm?.tag !== DER_SEQUENCE || key === undefined) return undefined;
  const [name, parameters] = readDer(algorithm.content) ?? [];
  const oid = oidOf(name);
  return oid === undefined ? undefined : {algorithm: oid, curve: CURVE_OIDS[oidOf(parameters) ?? ''], key};
}

/** SEQUENCE {version, algorithm, OCTET STRING key}: RFC 5208. */
function readPkcs8(der: Uint8Array): TypedKey | undefined {
  const [version, algorithm, key] = readSequence(der) ?? [];
  if (version?.tag !== DER_INTEGER || key?.tag !== DER_OCTET_STRING) return undefined;
  return typedKeyOf(algorithm, key.content);
}

/** SEQUENCE {algorithm, BIT STRING key}: RFC 5280, alone or inside a certificate. */
function readPublicKeyInfo(der: Uint8Array): TypedKey | undefined {
  const parts = readSequence(der);
  const [first, second] = parts ?? [];
  if (second?.tag === DER_BIT_STRING) return typedKeyOf(first, second.content.subarray(1));
  const fields = first?.tag === DER_SEQUENCE ? readDer(first.content) : undefined;
  // TBSCertificate: version (tagged, may be absent), serial, signature, issuer, validity, subject, key.
  const info = fields?.[fields[0]?.tag === DER_INTEGER ? 5 : 6];
  if (info?.tag !== DER_SEQUENCE) return undefined;
  const [algorithm, key] = readDer(info.content) ?? [];
  return key?.tag === DER_BIT_STRING ? typedKeyOf(algorithm, key.content.subarray(1)) : undefined;
}

function readRsaPublicKey(file: Uint8Array): RsaPublicKey | undefined {
  const der = readPem(file);
  if (der === undefined) return undefined;
  const typed = readPublicKeyInfo(der);
  if (typed !== undefined && typed.algorithm !== OID_RSA) return undefined;
  const [modulus, exponent] = (readSequence(typed?.key ?? der) ?? []).map(readInteger);
  return modulus === undefined || exponent === undefined ? undefined : {modulus, exponent};
}

function readRsaPrivateKey(file: Uint8Array): RsaPrivateKey | undefined {
  const der = readPem(file);
  if (der === undefined) return undefined;
  const typed = readPkcs8(der);
  if (typed !== undefined && typed.algorithm !== OID_RSA) return undefined;
  // RSAPrivateKey: version, modulus, public exponent, private exponent, primes.
  const [, modulus, exponent, privateExponent] = (readSequence(typed?.key ?? der) ?? []).map(readInteger);
  if (modulus === undefined || exponent === undefined || privateExponent === undefined) return undefined;
  return {modulus, exponent, privateExponent};
}

function readEcPublicKey(file: Uint8Array): {readonly curve: CurveName; readonly publicKey: Uint8Array} | undefined {
  const der = readPem(file);
  const typed = der === undefined ? undefined : readPublicKeyInfo(der);
  if (typed?.algorithm !== OID_EC || typed.curve === undefined) return undefined;
  if (!CURVES[typed.curve].utils.isValidPublicKey(typed.key)) return undefined;
  return {curve: typed.curve, publicKey: typed.key};
}

function readEcPrivateKey(file: Uint8Array): {readonly curve: CurveName; readonly privateKey: Uint8Array} | undefined {
  const der = readPem(file);
  if (der === undefined) return undefined;
  const typed = readPkcs8(der);
  if (typed !== undefined && typed.algorithm !== OID_EC) return undefined;
  // ECPrivateKey: version, key, [0] curve, [1] public key; the curve may stand outside.
  const fields = readSequence(typed?.key ?? der) ?? [];
  const key = fields[1];
  const inner = fields.find(({tag}) => tag === 0xa0);
  const named = inner === undefined ? undefined : CURVE_OIDS[oidOf(readDer(inner.content)?.[0]) ?? ''];
  const curve = typed?.curve ?? named;
  if (curve === undefined || key?.tag !== DER_OCTET_STRING) return undefined;
  const privateKey = key.content.slice();
  return CURVES[curve].utils.isValidSecretKey(privateKey) ? {curve, privateKey} : undefined;
}

function readEdPublicKey(file: Uint8Array): Uint8Array | undefined {
  const der = readPem(file);
  const typed = der === undefined ? undefined : readPublicKeyInfo(der);
  return typed?.algorithm === OID_ED25519 && typed.key.length === 32 ? typed.key : undefined;
}

function readEdPrivateKey(file: Uint8Array): Uint8Array | undefined {
  const der = readPem(file);
  const typed = der === undefined ? undefined : readPkcs8(der);
  if (typed?.algorithm !== OID_ED25519) return undefined;
  const [seed] = readDer(typed.key) ?? [];
  return seed?.tag === DER_OCTET_STRING && seed.content.length === 32 ? seed.content.slice() : undefined;
}
