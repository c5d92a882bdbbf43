// server-core/auth/jwt.ts: tokens that carry who holds them, signed. etcd: auth/jwt.go over golang-jwt.
// Nothing is remembered: a token is good until its `exp` on the wall clock of whoever looks, or until the auth revision has moved on,
// which permission checks see by the `revision` in it. Invalidating users or turning auth off and on does nothing to them.
import type {ByteString} from '../../base/byte-string.ts';
import {fromUtf8Text, toBytes} from '../../base/byte-string.ts';
import {unmapped} from './errors.ts';
import type {JwtKeys} from './jwt-keys.ts';
import {isSignMethod} from './jwt-keys.ts';
import {signJwt, verifyJwt} from './jwt-signing.ts';
import {base64UrlOf, fromBase64Url} from './passwords.ts';
import type {AuthEnv, AuthInfo} from './ports.ts';
import {panic} from './state.ts';
import type {TokenOutcome, TokenProvider} from './tokens.ts';

export interface JwtOptions {
  /** The option's text; before 3.4.0 it may be one that no library knows. */
  readonly method: string;
  readonly keys: JwtKeys;
  /** Undefined: tokens never end, and any RSA method is taken: before 3.4.0. */
  readonly ttlUs: number | undefined;
  /** golang-jwt's major version: how claims are held against the clock. */
  readonly library: 'v3' | 'v4' | 'v5';
}

const ERR_VERIFY_ONLY = unmapped('auth: token signing attempted with verify-only key');
const SECOND_US = 1_000_000;

export class JwtTokens implements TokenProvider {
  readonly kind = 'jwt';
  private readonly env: AuthEnv;
  private readonly options: JwtOptions;

  constructor(env: AuthEnv, options: JwtOptions) {
    this.env = env;
    this.options = options;
  }

  enable(): void {}

  disable(): void {}

  invalidateUser(): void {}

  drawPrefix(): string {
    return '';
  }

  awaitedIndex(): undefined {
    return undefined;
  }

  /** Signed by each member as it applies, by its own clock: the members' tokens need not be equal; the proposer's is answered. */
  assign(username: ByteString, revision: number): TokenOutcome {
    const {method, keys, ttlUs} = this.options;
    if (keys.kind !== 'hmac' && keys.privateKey === undefined) return ERR_VERIFY_ONLY;
    if (!isSignMethod(method)) return panic(`a JWT by an unknown method, ${method}`);
    const exp = ttlUs === undefined ? undefined : Math.floor((this.env.clock.wallUs() + ttlUs) / SECOND_US);
    const head = segmentOf({alg: method, typ: 'JWT'});
    const claims = segmentOf({...(exp === undefined ? {} : {exp}), revision, username: textOf(username)});
    const signature = signJwt(method, keys, toBytes(`${head}.${claims}`), this.env.random);
    if (typeof signature === 'string') return unmapped(signature);
    return {kind: 'ok', token: `${head}.${claims}.${base64UrlOf(signature)}`};
  }

  infoOf(token: string): AuthInfo | undefined {
    const claims = this.verifiedClaims(token);
    if (claims === undefined || !this.isTimely(claims)) return undefined;
    const {username, revision} = claims;
    if (typeof username === 'string' && typeof revision === 'number') {
      return {username: fromUtf8Text(username), revision: Math.trunc(revision)};
    }
    // Up to v3 the Go code asserts the types; such a token needs the cluster's own key.
    return this.options.library === 'v3' ? panic('a signed JWT without username and revision') : undefined;
  }

  private verifiedClaims(token: string): Readonly<Record<string, unknown>> | undefined {
    const {method, keys, ttlUs} = this.options;
    const [head, claims, signature, ...rest] = token.split('.');
    if (head === undefined || claims === undefined || signature === undefined || rest.length > 0) return undefined;
    const alg = objectOf(head)?.['alg'];
    if (typeof alg !== 'string' || !isSignMethod(alg)) return undefined;
    if (ttlUs !== undefined && alg !== method) return undefined;
    const parsed = objectOf(claims);
    const signatureBytes = fromBase64Url(signature);
    if (parsed === undefined || signatureBytes === undefined) return undefined;
    return verifyJwt(alg, keys, toBytes(`${head}.${claims}`), signatureBytes) ? parsed : undefined;
  }

  /** exp, nbf, iat. v3 counts whole seconds and lets a token live through its last one; v5 does not look at iat. */
  private isTimely({exp, nbf, iat}: Readonly<Record<string, unknown>>): boolean {
    const {library} = this.options;
    const nowUs = this.env.clock.wallUs();
    const nowSeconds = library === 'v3' ? Math.floor(nowUs / SECOND_US) : nowUs / SECOND_US;
    const holds = (claim: unknown, check: (seconds: number) => boolean): boolean => {
      if (claim === undefined || claim === 0) return true;
      if (typeof claim !== 'number') return library === 'v3';
      return check(library === 'v3' ? Math.trunc(claim) : claim);
    };
    return (
      holds(exp, (seconds) => (library === 'v3' ? nowSeconds <= seconds : nowSeconds < seconds)) &&
      holds(nbf, (seconds) => nowSeconds >= seconds) &&
      (library === 'v5' || holds(iat, (seconds) => nowSeconds >= seconds))
    );
  }
}

/** A byte string's characters as text. */
function textOf(bytes: ByteString): string {
  return new TextDecoder('utf-8', {ignoreBOM: true}).decode(toBytes(bytes));
}

/** JSON as encoding/json writes it, in base64. */
function segmentOf(value: Readonly<Record<string, unknown>>): string {
  const json = JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return base64UrlOf(new TextEncoder().encode(json));
}

function objectOf(segment: string): Readonly<Record<string, unknown>> | undefined {
  const bytes = fromBase64Url(segment);
  if (bytes === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return value as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}
