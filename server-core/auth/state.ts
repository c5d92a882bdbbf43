// server-core/auth/state.ts: what the auth store's parts share. Changes of users and roles (users.ts, roles.ts) work on it.
import {InvariantError} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import type {ResponseHeader} from '../etcdserverpb/types.ts';
import type {AuthBehaviours} from './behaviours.ts';
import type {PermissionCache, Touched} from './permission-cache.ts';
import type {AuthEnv, AuthStoreHost} from './ports.ts';
import type {AuthRecords} from './records.ts';
import type {TokenProvider} from './tokens.ts';

export const ROOT_USER: ByteString = 'root';
export const ROOT_ROLE: ByteString = 'root';

export interface AuthState {
  readonly env: AuthEnv;
  readonly host: AuthStoreHost;
  readonly behaviours: AuthBehaviours;
  readonly records: AuthRecords;
  readonly cache: PermissionCache;
  readonly tokens: TokenProvider;
  /** bcrypt's log2 of rounds. */
  readonly bcryptCost: number;
  enabled: boolean;
  /** Grows with every change; requests carry the one their proposer had. Invariant: the stored one, once a change was made. */
  revision: number;
}

/** A response that is a header; the server fills in the rest of it. */
export interface HeaderOnly {
  readonly header: ResponseHeader;
}

/** Where the Go code dereferences nil or hands bbolt what it refuses: the process dies while it applies the entry. */
export function panic(message: string): never {
  throw new InvariantError(`etcd panics here: ${message}`);
}

/** The next auth revision, stored. etcd: commitRevision, before 3.5 with saveConsistentIndex. */
export function commitRevision(state: AuthState): void {
  if (!state.behaviours.countsRevisions) return;
  state.revision++;
  state.records.setRevision(state.revision);
  if (state.behaviours.savesConsistentIndex) state.host.saveConsistentIndex(state.records.openBatch);
}

/** What every change ends with. */
export function finishChange(state: AuthState, touched: Touched): void {
  commitRevision(state);
  state.cache.changed(touched);
}
