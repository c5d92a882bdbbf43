// server-core/auth/token-options.ts: `--auth-token`, read as etcd reads it: `simple`, `jwt,sign-method=…,pub-key=…,priv-key=…,ttl=…`,
// or nothing. etcd: auth/store.go (decomposeOpts, NewTokenProvider), options.go, jwt.go. Key files come as bytes in the
// configuration, by the names that the option uses.
import type {AuthBehaviours} from './behaviours.ts';
import {parseGoDuration} from './go-duration.ts';
import {JwtTokens} from './jwt.ts';
import type {JwtKeys} from './jwt-keys.ts';
import {isSignMethod, keysOf, rsaKeysOf} from './jwt-keys.ts';
import type {AuthEnv} from './ports.ts';
import {SimpleTokens} from './simple-token.ts';
import type {TokenProvider} from './tokens.ts';
import {NO_TOKENS} from './tokens.ts';

/** What of a member's configuration is about tokens. */
export interface TokenConfig {
  /** --auth-token; the default is `simple`. */
  readonly authToken: string;
  /** --auth-token-ttl in microseconds, of simple tokens; 0: 300 s. */
  readonly authTokenTtlUs: number;
  /** The files that the option may name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** The provider, or the error with which the member does not start. */
export type TokenProviderOutcome =
  | {readonly kind: 'ok'; readonly provider: TokenProvider}
  | {readonly kind: 'refused'; readonly message: string};

const refused = (message: string): TokenProviderOutcome => ({kind: 'refused', message});
const INVALID_OPTIONS = 'auth: invalid auth options';
/** DefaultTTL of JWTs. */
const JWT_TTL_DEFAULT_US = 300_000_000;
const RSA_ONLY_OPTIONS: ReadonlySet<string> = new Set(['sign-method', 'pub-key', 'priv-key']);

/** The token provider that a configuration asks for. etcd: NewTokenProvider. */
export function makeTokenProvider(env: AuthEnv, config: TokenConfig, behaviours: AuthBehaviours): TokenProviderOutcome {
  const [type, ...pairs] = config.authToken.split(',');
  const options = new Map<string, string>();
  for (const pair of pairs) {
    const [name, value, ...rest] = pair.split('=');
    if (name === undefined || value === undefined || rest.length > 0 || options.has(name))
      return refused(INVALID_OPTIONS);
    options.set(name, value);
  }
  switch (type) {
    case 'simple': {
      const {tokenIndexUnsigned: indexUnsigned, tokensEnd} = behaviours;
      const options = {ttlUs: config.authTokenTtlUs, indexUnsigned, lastsForEver: !tokensEnd};
      return {kind: 'ok', provider: new SimpleTokens(env, options)};
    }
    case 'jwt':
      return behaviours.jwt === 'rsa-only'
        ? makeRsaOnlyJwt(env, options, config.files)
        : makeJwt(env, options, config.files, behaviours.jwt);
    case '':
      return {kind: 'ok', provider: NO_TOKENS};
    default:
      return refused(INVALID_OPTIONS);
  }
}

/** From 3.4.0. Options nobody knows are passed over with a warning. */
function makeJwt(
  env: AuthEnv,
  options: ReadonlyMap<string, string>,
  files: TokenConfig['files'],
  library: 'v3' | 'v4' | 'v5',
): TokenProviderOutcome {
  const ttl = options.get('ttl') ?? '';
  const ttlUs = ttl === '' ? JWT_TTL_DEFAULT_US : parseGoDuration(ttl);
  const publicKey = fileOf(options.get('pub-key'), files);
  const privateKey = fileOf(options.get('priv-key'), files);
  const method = options.get('sign-method') ?? '';
  if (ttlUs === undefined || publicKey === 'missing' || privateKey === 'missing') return refused(INVALID_OPTIONS);
  if (!isSignMethod(method)) return refused(INVALID_OPTIONS);
  if (method === 'EdDSA' && library !== 'v5') return refused('unsupported signing method: *jwt.SigningMethodEd25519');
  const keys = keysOf(method, {publicKey, privateKey});
  return keys.kind === 'refused' ? keys : provider(env, {method, keys, ttlUs, library});
}

/** Before 3.4.0: two RSA keys, no TTL, and no option nobody knows. */
function makeRsaOnlyJwt(
  env: AuthEnv,
  options: ReadonlyMap<string, string>,
  files: TokenConfig['files'],
): TokenProviderOutcome {
  for (const name of options.keys()) if (!RSA_ONLY_OPTIONS.has(name)) return refused(INVALID_OPTIONS);
  const method = options.get('sign-method') ?? '';
  if (method === '') return refused(INVALID_OPTIONS);
  const [publicPath, privatePath] = [options.get('pub-key') ?? '', options.get('priv-key') ?? ''];
  const publicKey = files.get(publicPath);
  if (publicKey === undefined) return refused(`open ${publicPath}: no such file or directory`);
  const privateKey = files.get(privatePath);
  if (privateKey === undefined) return refused(`open ${privatePath}: no such file or directory`);
  const keys = rsaKeysOf({publicKey, privateKey});
  if (keys.kind === 'refused') return keys;
  return provider(env, {method, keys, ttlUs: undefined, library: 'v3'});
}

function provider(
  env: AuthEnv,
  options: {
    readonly method: string;
    readonly keys: JwtKeys;
    readonly ttlUs: number | undefined;
    readonly library: 'v3' | 'v4' | 'v5';
  },
): TokenProviderOutcome {
  return {kind: 'ok', provider: new JwtTokens(env, options)};
}

function fileOf(path: string | undefined, files: TokenConfig['files']): Uint8Array | undefined | 'missing' {
  if (path === undefined || path === '') return undefined;
  return files.get(path) ?? 'missing';
}
