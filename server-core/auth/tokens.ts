// server-core/auth/tokens.ts: what a token provider is, and the one for `--auth-token ""`. etcd: auth/store.go TokenProvider, nop.go.
import type {ByteString} from '../../base/byte-string.ts';
import {ERR_AUTH_FAILED} from './errors.ts';
import type {AuthError, AuthInfo} from './ports.ts';

/** A token, or why none was made. */
export type TokenOutcome = {readonly kind: 'ok'; readonly token: string} | AuthError;

/** What apply knows when a token is made: the index it is to carry and the letters drawn by the member that proposed it. */
export interface TokenSeed {
  readonly index: number;
  readonly prefix: string;
}

export interface TokenProvider {
  readonly kind: 'simple' | 'jwt' | 'none';
  /** Auth goes on, off. */
  enable(): void;
  disable(): void;
  /** The user is gone or has another password. */
  invalidateUser(username: ByteString): void;
  /** The random part of a token, drawn before the proposal so that all members make the same one. */
  drawPrefix(): string;
  /** Makes the token and remembers it where that is the way. */
  assign(username: ByteString, revision: number, seed: TokenSeed): TokenOutcome;
  /** Who holds the token; undefined for one that is not good. `revision` is the present auth revision. */
  infoOf(token: string, revision: number): AuthInfo | undefined;
  /**
   * The index that must be applied here before infoOf() is asked, because the token may have been made by an entry that this
   * member has not applied yet; undefined when the token can be judged at once.
   */
  awaitedIndex(token: string): number | undefined;
}

/** No tokens at all. */
export const NO_TOKENS: TokenProvider = Object.freeze({
  kind: 'none',
  enable: () => undefined,
  disable: () => undefined,
  invalidateUser: () => undefined,
  drawPrefix: () => '',
  assign: () => ERR_AUTH_FAILED,
  infoOf: () => undefined,
  awaitedIndex: () => undefined,
});
