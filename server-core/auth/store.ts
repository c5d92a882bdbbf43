// server-core/auth/store.ts: users, roles, permissions, tokens: who may do what. etcd: auth/store.go.
// Changes arrive as applied entries (apply.ts) and are the same on every member; permissions are decided here, both where calls
// come in (call-checks.ts) and again where entries are applied (apply-checks.ts).
// Not modelled: users named by the common name of a TLS certificate (AuthInfoFromTLS): there is no TLS in this world.
// Promise: with auth off every decision costs one look at a boolean.
import type {ByteString} from '../../base/byte-string.ts';
import type {StoredUser} from '../etcdserverpb/auth-messages.ts';
import type {AuthBehaviours} from './behaviours.ts';
import {
  ERR_AUTH_FAILED,
  ERR_AUTH_NOT_ENABLED,
  ERR_AUTH_OLD_REVISION,
  ERR_AUTH_OLD_REVISION_UNMAPPED,
  ERR_INVALID_AUTH_TOKEN,
  ERR_NO_PASSWORD_USER,
  ERR_PERMISSION_DENIED,
  ERR_ROOT_ROLE_NOT_EXIST,
  ERR_ROOT_USER_NOT_EXIST,
  ERR_USER_EMPTY,
  ERR_USER_NOT_FOUND,
} from './errors.ts';
import {isPasswordOf, usableCost} from './passwords.ts';
import {PermissionCache} from './permission-cache.ts';
import type {Access} from './permissions.ts';
import {isPermitted} from './permissions.ts';
import type {AuthEnv, AuthError, AuthInfo, AuthStoreHost} from './ports.ts';
import type {AuthStorage} from './records.ts';
import {AuthRecords, includesSorted} from './records.ts';
import type {AuthState} from './state.ts';
import {commitRevision, ROOT_ROLE, ROOT_USER} from './state.ts';
import type {TokenOutcome, TokenProvider, TokenSeed} from './tokens.ts';

export interface AuthStoreOptions {
  readonly env: AuthEnv;
  readonly host: AuthStoreHost;
  readonly behaviours: AuthBehaviours;
  readonly storage: AuthStorage;
  readonly tokens: TokenProvider;
  /** --bcrypt-cost, 4 to 31; anything else is 10. */
  readonly bcryptCost?: number;
}

/** What a caller with no token is. */
export const NOBODY: AuthInfo = Object.freeze({username: '', revision: 0});
const BEARER = 'Bearer ';

export class AuthStore {
  readonly behaviours: AuthBehaviours;
  /** For this folder: users.ts, roles.ts and apply.ts work on it. */
  readonly state: AuthState;

  /** Makes the buckets, reads flag and revision. A first start stores revision 1. etcd: NewAuthStore. */
  constructor({env, host, behaviours, storage, tokens, bcryptCost}: AuthStoreOptions) {
    this.behaviours = behaviours;
    const records = new AuthRecords(storage, behaviours);
    records.createBuckets();
    this.state = {
      env,
      host,
      behaviours,
      records,
      cache: new PermissionCache(behaviours.permissionCache, records),
      tokens,
      bcryptCost: usableCost(bcryptCost),
      enabled: records.enabled && behaviours.rememberedAtStart,
      revision: records.revision,
    };
    if (this.state.enabled) tokens.enable();
    if (this.state.revision === 0 && behaviours.countsRevisions) this.storeFirstRevision();
    if (behaviours.fillsCacheAtStart) this.state.cache.fill();
    host.forceCommit();
  }

  /** Is auth on? */
  get enabled(): boolean {
    return this.state.enabled;
  }

  /** Grows with every change of users, roles and permissions, and when auth goes off. */
  get revision(): number {
    return this.state.revision;
  }

  /** bcrypt's log2 of rounds, for those who hash outside. */
  get bcryptCost(): number {
    return this.state.bcryptCost;
  }

  /** A snapshot has replaced the backend. What older releases forget here is issues 13172, 13883 and 14571. etcd: Recover. */
  recover(storage: AuthStorage): void {
    const {state, behaviours} = this;
    state.records.replace(storage);
    state.enabled = state.records.enabled;
    state.revision = state.records.revision;
    if (behaviours.fillsCacheOnRecover) state.cache.fill();
    if (state.enabled && behaviours.startsTokensOnRecover) state.tokens.enable();
  }

  /** AuthEnable. Does nothing when it is on. The revision stays what it is. */
  enable(): AuthError | undefined {
    const {state} = this;
    if (state.enabled) return undefined;
    state.host.forceCommit();
    const root = state.records.userOf(ROOT_USER);
    if (root === undefined) return ERR_ROOT_USER_NOT_EXIST;
    if (!hasRootRole(root)) return ERR_ROOT_ROLE_NOT_EXIST;
    state.records.setEnabled(true);
    state.enabled = true;
    state.tokens.enable();
    state.cache.changed('everybody');
    state.revision = state.records.revision;
    return undefined;
  }

  /** AuthDisable. Every simple token is gone. */
  disable(): void {
    const {state} = this;
    if (!state.enabled) return;
    state.records.setEnabled(false);
    commitRevision(state);
    state.host.forceCommit();
    state.enabled = false;
    state.tokens.disable();
  }

  /** Checks a password where the call came in; gives the revision at which it was right. etcd: CheckPassword. */
  checkPassword(
    username: ByteString,
    password: ByteString,
  ): {readonly kind: 'ok'; readonly revision: number} | AuthError {
    const {enabled, records} = this.state;
    if (!enabled && this.behaviours.tokensWhileOff === 'refused') return ERR_AUTH_NOT_ENABLED;
    const user = records.userAsChecked(username);
    if (user === undefined) return ERR_AUTH_FAILED;
    if (this.isWithoutPassword(user)) return ERR_NO_PASSWORD_USER;
    const {revision} = records;
    return isPasswordOf(user.password, password) ? {kind: 'ok', revision} : ERR_AUTH_FAILED;
  }

  /** Makes the token as the entry is applied; the password was checked before, or, in 3.0, came with it. etcd: Authenticate. */
  authenticate(username: ByteString, seed: TokenSeed, password: ByteString): TokenOutcome {
    const {enabled, records, tokens, revision, behaviours} = this.state;
    if (!enabled && behaviours.tokensWhileOff !== 'given') return ERR_AUTH_NOT_ENABLED;
    const user = records.userOf(username);
    if (user === undefined || this.isWithoutPassword(user)) return ERR_AUTH_FAILED;
    if (behaviours.passwordCheckedBy === 'apply' && !isPasswordOf(user.password, password)) return ERR_AUTH_FAILED;
    return tokens.assign(username, revision, seed);
  }

  /** The random part of the next token; '' where tokens have none. etcd: GenTokenPrefix. */
  drawTokenPrefix(): string {
    return this.state.tokens.drawPrefix();
  }

  /**
   * Whom a token belongs to; undefined without one, and mostly while auth is off. When awaitedIndex() names an index, that must
   * be applied first. etcd: AuthInfoFromCtx.
   */
  authInfoFromToken(token: string | undefined): AuthInfo | AuthError | undefined {
    if (token === undefined || this.ignoresTokens) return undefined;
    return this.state.tokens.infoOf(this.bareToken(token), this.state.revision) ?? ERR_INVALID_AUTH_TOKEN;
  }

  /** The index that must be applied here before a token can be judged; undefined when it can be at once. */
  awaitedIndex(token: string | undefined): number | undefined {
    if (token === undefined || this.ignoresTokens) return undefined;
    return this.state.tokens.awaitedIndex(this.bareToken(token));
  }

  /** A token of root's for what the server does by itself: revoking expired leases. Undefined while auth is off. etcd: WithRoot. */
  rootToken(): string | undefined {
    if (!this.state.enabled) return undefined;
    const {tokens, revision} = this.state;
    const outcome = tokens.assign(ROOT_USER, revision, {index: 0, prefix: tokens.drawPrefix()});
    return outcome.kind === 'ok' ? outcome.token : undefined;
  }

  /** May it be put? */
  isPutPermitted(info: AuthInfo, key: ByteString): AuthError | undefined {
    return this.checkKeys(info, 'write', key, '');
  }

  /** May the whole range be read? */
  isRangePermitted(info: AuthInfo, key: ByteString, rangeEnd: ByteString): AuthError | undefined {
    return this.checkKeys(info, 'read', key, rangeEnd);
  }

  /** May the whole range be deleted? */
  isDeleteRangePermitted(info: AuthInfo, key: ByteString, rangeEnd: ByteString): AuthError | undefined {
    return this.checkKeys(info, 'write', key, rangeEnd);
  }

  /** Has the user role root? The revision does not matter. */
  isAdminPermitted(info: AuthInfo | undefined): AuthError | undefined {
    if (!this.state.enabled) return undefined;
    const {namesEmptyAdmin, countsRevisions} = this.behaviours;
    if (!countsRevisions) return this.isRoot(info?.username ?? '') ? undefined : ERR_PERMISSION_DENIED;
    if (info === undefined || (info.username === '' && namesEmptyAdmin)) return ERR_USER_EMPTY;
    const user = this.state.records.userAsChecked(info.username);
    if (user === undefined) return ERR_USER_NOT_FOUND;
    return hasRootRole(user) ? undefined : ERR_PERMISSION_DENIED;
  }

  /** etcd: HasRole. */
  hasRole(username: ByteString, role: ByteString): boolean {
    return this.state.records.userOf(username)?.roles.includes(role) === true;
  }

  /** The refusal of a request that was authorized at a revision which is no longer the present one, as this release words it. */
  get errOldRevision(): AuthError {
    return this.behaviours.mapsOldRevision ? ERR_AUTH_OLD_REVISION : ERR_AUTH_OLD_REVISION_UNMAPPED;
  }

  private isRoot(username: ByteString): boolean {
    const user = this.state.records.userOf(username);
    return user !== undefined && hasRootRole(user);
  }

  private get ignoresTokens(): boolean {
    return !this.state.enabled && this.behaviours.ignoresTokensWhenOff;
  }

  private bareToken(token: string): string {
    return this.behaviours.stripsBearer && token.startsWith(BEARER) ? token.slice(BEARER.length) : token;
  }

  private isWithoutPassword(user: StoredUser): boolean {
    return this.behaviours.hasNoPasswordUsers && user.options?.noPassword === true;
  }

  /** etcd: isOpPermitted. The order of the tests decides which error is seen. */
  private checkKeys(info: AuthInfo, access: Access, key: ByteString, rangeEnd: ByteString): AuthError | undefined {
    const {state} = this;
    if (!state.enabled) return undefined;
    if (state.behaviours.countsRevisions) {
      if (info.revision === 0) return ERR_USER_EMPTY;
      if (info.revision < state.revision) return this.errOldRevision;
    }
    const user = state.records.userAsChecked(info.username);
    if (user === undefined) return ERR_PERMISSION_DENIED;
    if (hasRootRole(user)) return undefined;
    const permissions = state.cache.permissionsOf(info.username);
    if (permissions !== undefined && isPermitted(permissions, access, key, rangeEnd)) return undefined;
    return ERR_PERMISSION_DENIED;
  }

  /** Not through the host: when a member starts there is no consistent index to save with it. */
  private storeFirstRevision(): void {
    this.state.revision = 1;
    this.state.records.setRevision(1);
  }
}

function hasRootRole(user: StoredUser): boolean {
  return includesSorted(user.roles, ROOT_ROLE);
}
