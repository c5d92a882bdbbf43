// server-core/auth/simple-token.ts: tokens that members remember: 16 letters, a dot, the index of the entry that made it (or one less).
// etcd: auth/simple_token.go. All members that apply the entry know the token; it lives in memory only.
// A token ends when it was not used for its TTL. The real keeper looks once a second; here the same ticks are computed when a token
// is used, so no fiber runs: a token is gone when a tick after its end has passed.
import {assert} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import type {AuthEnv, AuthInfo} from './ports.ts';
import type {TokenOutcome, TokenProvider, TokenSeed} from './tokens.ts';

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const PREFIX_LENGTH = 16;
const TTL_DEFAULT_US = 300_000_000;
const TICK_US = 1_000_000;
/** Ended tokens are swept out when so many have been made since the last time. */
const SWEEP_AFTER = 256;
const INDEX_UNSIGNED = /^\d{1,20}$/;
const INDEX_SIGNED = /^[+-]?\d{1,20}$/;
const UINT64_END = 18_446_744_073_709_551_615n;
const INT64_END = 9_223_372_036_854_775_807n;

export interface SimpleTokenOptions {
  /** --auth-token-ttl in microseconds; 0 or less: 300 s. */
  readonly ttlUs: number;
  /** How the index is read: strconv.ParseUint from 3.5.0, Atoi before. */
  readonly indexUnsigned: boolean;
  /** Nothing ends a token but the process: 3.0. */
  readonly lastsForEver?: boolean;
}

interface Holder {
  readonly username: ByteString;
  /** Monotonic. */
  endUs: number;
}

export class SimpleTokens implements TokenProvider {
  readonly kind = 'simple';
  private readonly env: AuthEnv;
  private readonly options: SimpleTokenOptions;
  private readonly holders = new Map<string, Holder>();
  /** When the keeper started, monotonic; undefined while auth is off, and then nothing is remembered. */
  private startedUs: number | undefined;
  private madeSinceSweep = 0;

  constructor(env: AuthEnv, options: SimpleTokenOptions) {
    this.env = env;
    this.options = {...options, ttlUs: options.ttlUs > 0 ? options.ttlUs : TTL_DEFAULT_US};
    if (options.lastsForEver === true) this.enable();
  }

  enable(): void {
    this.startedUs ??= this.env.clock.monotonicUs();
  }

  disable(): void {
    if (this.options.lastsForEver === true) return;
    this.startedUs = undefined;
    this.holders.clear();
  }

  invalidateUser(username: ByteString): void {
    if (this.startedUs === undefined) return;
    for (const [token, holder] of this.holders) if (holder.username === username) this.holders.delete(token);
  }

  drawPrefix(): string {
    let prefix = '';
    for (let i = 0; i < PREFIX_LENGTH; i++) prefix += LETTERS[this.env.random.below(LETTERS.length)];
    return prefix;
  }

  /** While the provider is off the token is made but not remembered, so it is refused later: issue 13172 comes from this. */
  assign(username: ByteString, _revision: number, {prefix, index}: TokenSeed): TokenOutcome {
    const token = `${prefix}.${index}`;
    if (this.startedUs !== undefined) {
      this.sweep();
      // etcd panics as well: the index makes every token its own.
      assert(!this.holders.has(token), 'a simple token was given out before', {token});
      this.holders.set(token, {username, endUs: this.env.clock.monotonicUs() + this.options.ttlUs});
    }
    return {kind: 'ok', token};
  }

  infoOf(token: string, revision: number): AuthInfo | undefined {
    if (this.awaitedIndex(token) === undefined) return undefined;
    const holder = this.holders.get(token);
    if (holder === undefined) return undefined;
    const nowUs = this.env.clock.monotonicUs();
    if (this.isGone(holder, nowUs)) {
      this.holders.delete(token);
      return undefined;
    }
    holder.endUs = nowUs + this.options.ttlUs;
    return {username: holder.username, revision};
  }

  awaitedIndex(token: string): number | undefined {
    const parts = token.split('.');
    const digits = parts[1];
    if (parts.length !== 2 || digits === undefined) return undefined;
    if (!(this.options.indexUnsigned ? INDEX_UNSIGNED : INDEX_SIGNED).test(digits)) return undefined;
    const index = BigInt(digits.replace('+', ''));
    if (this.options.indexUnsigned) return index > UINT64_END ? undefined : safeIndex(index);
    if (index > INT64_END || index < -INT64_END - 1n) return undefined;
    return index < 0n ? Number.MAX_SAFE_INTEGER : safeIndex(index);
  }

  /** Has a tick of the keeper come after the token's end? */
  private isGone(holder: Holder, nowUs: number): boolean {
    if (this.options.lastsForEver === true) return false;
    const startedUs = this.startedUs ?? nowUs;
    const lastTickUs = startedUs + Math.floor((nowUs - startedUs) / TICK_US) * TICK_US;
    return lastTickUs > holder.endUs;
  }

  private sweep(): void {
    if (++this.madeSinceSweep < SWEEP_AFTER) return;
    this.madeSinceSweep = 0;
    const nowUs = this.env.clock.monotonicUs();
    for (const [token, holder] of this.holders) if (this.isGone(holder, nowUs)) this.holders.delete(token);
  }
}

/** An index beyond 2^53 is one that is never reached, as good as any other such. */
function safeIndex(index: bigint): number {
  return index > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(index);
}
