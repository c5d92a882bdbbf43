// server-core/auth/behaviours.ts: in what releases differ about auth, each difference with its name, source and releases.
// The main code reads as 3.6/3.7; every older way is asked for here.
import type {GoSort} from '../mvcc/go-sort.ts';
import {isSince} from '../release/release.ts';

/** Calls whose permission is checked before they reach raft or the store. */
export type GuardedCall =
  | 'compact'
  | 'lease-grant'
  | 'lease-revoke'
  | 'lease-time-to-live'
  | 'member-list'
  | 'member-change'
  | 'alarm-get'
  | 'alarm-change'
  | 'status'
  | 'move-leader'
  | 'defragment'
  | 'hash'
  | 'hash-kv'
  | 'snapshot'
  | 'downgrade';

/** open: anybody. named: anybody with a valid token. admin: role root. admin-plain: the same, errors unmapped (2 Unknown). */
export type Guard = 'open' | 'named' | 'admin' | 'admin-plain';

export interface AuthBehaviours {
  /**
   * eager: every user's merged permissions are made anew with each change (3.4.20, 3.5.5; issue 13883). lazy: made when a user is
   * first checked, dropped by changes that were applied here, so a snapshot leaves stale ones behind.
   */
  readonly permissionCache: 'eager' | 'lazy';
  /** The eager cache is filled when a member starts: not in 3.4.20 (issue 14355). */
  readonly fillsCacheAtStart: boolean;
  /** The eager cache is filled when a snapshot replaces the backend: from 3.4.22, 3.5.6 (issue 14571). */
  readonly fillsCacheOnRecover: boolean;
  /** A snapshot that brings enabled auth starts the token provider: from 3.4.19, 3.5.5 (issue 13172). */
  readonly startsTokensOnRecover: boolean;
  /** Who makes a password's hash: the member that got the call (from 3.5.0), or each member as it applies. */
  readonly passwordHashedBy: 'api' | 'apply';
  /** A password of more than 72 bytes is refused: golang.org/x/crypto of 2023, so from 3.4.28, 3.5.10. */
  readonly refusesLongPasswords: boolean;
  /** Users without a password exist: UserAddOptions, from 3.4.0. */
  readonly hasNoPasswordUsers: boolean;
  /** Empty names of roles are refused: from 3.4.0. */
  readonly refusesEmptyRole: boolean;
  /** Empty keys, inverted ranges and a missing permission are refused: 3.4.25, 3.5.8 (issue 15294). Before, a missing one panics. */
  readonly checksPermissionRange: boolean;
  /** A missing permission is refused although ranges are not checked: 3.5.0 to 3.5.7. */
  readonly refusesMissingPermission: boolean;
  /** RoleGet of role root tells all keys, whatever is stored: from 3.6.0. */
  readonly rootRoleShowsAllKeys: boolean;
  /** Clients read `revision of auth store is old`: from 3.4.19, 3.5.2. Before, 2 Unknown with the store's text. */
  readonly mapsOldRevision: boolean;
  /** While auth is off, tokens are not looked at: from 3.4.28, 3.5.10. Before, an unknown token is refused even then. */
  readonly ignoresTokensWhenOff: boolean;
  /** Authenticate is proposed in nobody's name: from 3.4.28, 3.5.0. Before, a bad old token spoils getting a new one. */
  readonly authenticatesAnonymously: boolean;
  /** `Bearer ` before a token is passed over: from 3.5.32, 3.6.13. */
  readonly stripsBearer: boolean;
  /**
   * The index a simple token carries: of the entry that made it, or, from 3.5.3, of the one before, because the consistent index
   * moves only once the entry locks the backend. A member that has applied up to there, but not the entry, refuses the token.
   */
  readonly tokenIndex: 'entry' | 'entry-before';
  /** The index in a simple token is read as unsigned: from 3.5.0. */
  readonly tokenIndexUnsigned: boolean;
  /** AuthStatus exists: from 3.5.0. */
  readonly hasAuthStatus: boolean;
  /** User lists come from the whole bucket, not from [\0, \xff): from 3.4.20, 3.5.5. */
  readonly listsEveryUser: boolean;
  /** Checks of passwords and permissions read through the backend's read buffer: from 3.5.0 (issue 17158 up to 3.5.11). */
  readonly checksReadBuffer: boolean;
  /** sort.Sort's algorithm orders permissions of one key; Go 1.19 brought pattern-defeating quicksort. Builds of 3.3 are older. */
  readonly sort: GoSort;
  /** Auth writes store the consistent index with them: 3.3.21 and 3.4.8 up to the hooks of 3.5.0 (issue 11651). */
  readonly savesConsistentIndex: boolean;
  /** Permission is checked inside nested transactions: from 3.4.42, 3.5.28, 3.6.9 (CVE-2026-33343). */
  readonly checksNestedTxn: boolean;
  /** Puts in a txn are checked for prev_kv and lease as plain puts are: from 3.4.44, 3.5.30, 3.6.11 (CVE-2026-44283). */
  readonly checksTxnPutFully: boolean;
  /** LeaseTimeToLive with keys needs permission to read the keys: from 3.4.26, 3.5.9 (CVE-2023-32082). */
  readonly checksLeaseKeysOnTimeToLive: boolean;
  /** An admin passes that check whatever the revision: from 3.4.42, 3.5.28, 3.6.9. */
  readonly adminPassesLeaseKeys: boolean;
  /** An admin passes the check of a lease's keys at apply, whatever the revision: from 3.4.27, 3.5.10. */
  readonly adminPassesLeasePuts: boolean;
  /** LeaseKeepAlive and LeaseLeases need permission on the keys: from 3.4.42, 3.5.28, 3.6.9 (CVE-2026-33413). */
  readonly guardsLeaseCalls: boolean;
  /** `\0` as the end of a watch is still there when its permission is checked: from 3.5.33, 3.6.14, 3.7.1 (GHSA-xg4h). */
  readonly checksWatchBeforeNormalising: boolean;
  /** A refused watch says why: from 3.4.22, 3.5.6. Before, always `permission denied`. */
  readonly watchRefusalHasReason: boolean;
  /**
   * The major version of the JWT library (v4 from 3.4.40, 3.5.6; v5 and with it EdDSA from 3.6.0); they differ in how claims are
   * held against the clock. rsa-only: before 3.4.0, RSA with both keys, tokens that never end.
   */
  readonly jwt: 'rsa-only' | 'v3' | 'v4' | 'v5';
  /**
   * The auth store counts its changes, and a request that was authorized before the last one is refused: 3.1.0 on. Before, whoever has no
   * permission is told just that, callers without a token too.
   */
  readonly countsRevisions: boolean;
  /** Where a password is checked: where the call comes in (3.1.0 on), or as the entry is applied, with the password in the log. */
  readonly passwordCheckedBy: 'api' | 'apply';
  /** Getting a token while auth is off: refused at once (3.2.0 on), refused as the entry is applied (3.1), or possible (3.0). */
  readonly tokensWhileOff: 'refused' | 'refused-at-apply' | 'given';
  /** Empty names of users are refused: 3.1.0 on. */
  readonly refusesEmptyUser: boolean;
  /** While auth is on, user root, role root and the grant of one to the other cannot be removed: 3.2.0 on. */
  readonly protectsRoot: boolean;
  /** A role that is deleted is taken from its users: 3.2.0 on. Before, they keep its name. */
  readonly deletedRolesLeaveUsers: boolean;
  /** Changes of a user's roles or password take the tokens and cached permissions of that user away: 3.1.0 on. */
  readonly forgetsChangedUsers: boolean;
  /** Users may look at themselves and at the roles they have: 3.3.0 on. */
  readonly usersSeeThemselves: boolean;
  /** Who may not write all keys of a lease may neither revoke it nor put a key under it: 3.3.0 on. */
  readonly checksLeasePuts: boolean;
  /** An admin's call without any user is told that there is no user name: 3.3.23, 3.4.10. Before, that there is no such user. */
  readonly namesEmptyAdmin: boolean;
  /** A member that starts again still knows that auth is on: 3.1.1 on. Before, it lets everybody in until somebody turns auth on again. */
  readonly rememberedAtStart: boolean;
  /** Simple tokens end: with time, with auth, and when their user changes: 3.1.0 on. */
  readonly tokensEnd: boolean;
  readonly guards: Readonly<Record<GuardedCall, Guard>>;
}

const CVE_33413 = ['3.4.42', '3.5.28', '3.6.9'] as const;

function guardsOf(release: string): Readonly<Record<GuardedCall, Guard>> {
  const isFixed = isSince(release, ...CVE_33413);
  // The fix shut out plain users from lists; the release after it let them in again.
  const isRelaxed = isSince(release, '3.4.43', '3.5.29', '3.6.10');
  const listGuard = isRelaxed ? 'named' : isFixed ? 'admin' : 'open';
  const maintenance = isSince(release, '3.6.0') ? 'admin' : 'admin-plain';
  const guardsMaintenance = isSince(release, '3.1.1');
  const lateMaintenance = isSince(release, '3.4.42', '3.5.28', '3.6.0') ? 'admin' : 'open';
  return Object.freeze({
    compact: isFixed ? 'admin' : 'open',
    'lease-grant': isFixed ? 'named' : 'open',
    'lease-revoke': isFixed ? 'named' : 'open',
    'lease-time-to-live': isFixed ? 'named' : 'open',
    'member-list': listGuard,
    'member-change': isSince(release, '3.1.0') ? 'admin' : 'open',
    'alarm-get': listGuard,
    'alarm-change': isFixed ? 'admin' : 'open',
    status: isSince(release, '3.5.32', '3.6.12') ? 'named' : lateMaintenance,
    'move-leader': lateMaintenance,
    defragment: guardsMaintenance ? maintenance : 'open',
    hash: guardsMaintenance ? maintenance : 'open',
    'hash-kv': maintenance,
    snapshot: guardsMaintenance ? maintenance : 'open',
    downgrade: isSince(release, '3.5.28', '3.6.0') ? 'admin' : 'open',
  });
}

function jwtOf(release: string): AuthBehaviours['jwt'] {
  if (isSince(release, '3.6.0')) return 'v5';
  if (isSince(release, '3.4.40', '3.5.6')) return 'v4';
  return isSince(release, '3.4.0') ? 'v3' : 'rsa-only';
}

/** The behaviours of a release such as `3.3.25`. */
export function authBehavioursOf(release: string): AuthBehaviours {
  const since = (...firsts: readonly string[]) => isSince(release, ...firsts);
  return Object.freeze({
    permissionCache: since('3.4.20', '3.5.5') ? 'eager' : 'lazy',
    fillsCacheAtStart: since('3.4.21', '3.5.5'),
    fillsCacheOnRecover: since('3.4.22', '3.5.6'),
    startsTokensOnRecover: since('3.4.19', '3.5.5'),
    passwordHashedBy: since('3.5.0') ? 'api' : 'apply',
    refusesLongPasswords: since('3.4.28', '3.5.10'),
    hasNoPasswordUsers: since('3.4.0'),
    refusesEmptyRole: since('3.4.0'),
    checksPermissionRange: since('3.4.25', '3.5.8'),
    refusesMissingPermission: since('3.4.25', '3.5.0'),
    rootRoleShowsAllKeys: since('3.6.0'),
    mapsOldRevision: since('3.4.19', '3.5.2'),
    ignoresTokensWhenOff: since('3.4.28', '3.5.10'),
    authenticatesAnonymously: since('3.4.28', '3.5.0'),
    stripsBearer: since('3.5.32', '3.6.13'),
    tokenIndex: since('3.5.3') ? 'entry-before' : 'entry',
    tokenIndexUnsigned: since('3.5.0'),
    hasAuthStatus: since('3.5.0'),
    listsEveryUser: since('3.4.20', '3.5.5'),
    checksReadBuffer: since('3.5.0'),
    sort: since('3.5.0') ? 'pdq' : since('3.4.0') ? 'pdq-1.19' : 'quicksort',
    savesConsistentIndex: since('3.3.21', '3.4.8') && !since('3.5.0'),
    checksNestedTxn: since(...CVE_33413),
    checksTxnPutFully: since('3.4.44', '3.5.30', '3.6.11'),
    checksLeaseKeysOnTimeToLive: since('3.4.26', '3.5.9'),
    adminPassesLeaseKeys: since(...CVE_33413),
    adminPassesLeasePuts: since('3.4.27', '3.5.10'),
    guardsLeaseCalls: since(...CVE_33413),
    checksWatchBeforeNormalising: since('3.5.33', '3.6.14', '3.7.1'),
    watchRefusalHasReason: since('3.4.22', '3.5.6'),
    jwt: jwtOf(release),
    countsRevisions: since('3.1.0'),
    passwordCheckedBy: since('3.1.0') ? 'api' : 'apply',
    tokensWhileOff: since('3.2.0') ? 'refused' : since('3.1.0') ? 'refused-at-apply' : 'given',
    refusesEmptyUser: since('3.1.0'),
    protectsRoot: since('3.2.0'),
    deletedRolesLeaveUsers: since('3.2.0'),
    forgetsChangedUsers: since('3.1.0'),
    usersSeeThemselves: since('3.3.0'),
    checksLeasePuts: since('3.3.0'),
    namesEmptyAdmin: since('3.3.23', '3.4.10'),
    rememberedAtStart: since('3.1.1'),
    tokensEnd: since('3.1.0'),
    guards: guardsOf(release),
  });
}
