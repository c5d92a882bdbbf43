// server-core/auth/call-checks.ts: may a caller do it? Asked where calls come in, for what does not go through raft or must not
// even get there. etcd: v3_server.go (doSerialize, checkLease*, requireAuthInfo), v3rpc (AuthAdmin, authMaintenanceServer,
// isWatchPermitted), server.go checkMembershipOperationPermission.
// A check that lies before a wait is worth nothing behind it: staleRead() and the revisions below are asked again afterwards.
import type {ByteString} from '../../base/byte-string.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {RangeRequest, TxnRequest} from '../etcdserverpb/types.ts';
import {checkTxn} from './apply-checks.ts';
import type {GuardedCall} from './behaviours.ts';
import {asPlain, ERR_INVALID_AUTH_TOKEN, ERR_PERMISSION_DENIED, ERR_USER_EMPTY} from './errors.ts';
import {OPEN_END} from './permissions.ts';
import type {AuthError, AuthInfo, LeaseKeys, TokenHost} from './ports.ts';
import type {AuthStore} from './store.ts';
import {NOBODY} from './store.ts';

/** Whom the call's token belongs to, waiting for the entry that made it. Undefined: nobody; and mostly so while auth is off. */
export function* callerOf(
  store: AuthStore,
  host: TokenHost,
  token: string | undefined,
): Fiber<AuthInfo | AuthError | undefined> {
  if (token === undefined) return undefined;
  const index = store.awaitedIndex(token);
  if (index !== undefined) yield* host.untilApplied(index);
  return store.authInfoFromToken(token);
}

/** Tells a refusal from a caller. */
export function isAuthError(outcome: AuthInfo | AuthError | undefined): outcome is AuthError {
  return outcome !== undefined && 'kind' in outcome;
}

/** Why this release does not let the caller make such a call; undefined when it does, always while auth is off. */
export function* guardCall(
  store: AuthStore,
  host: TokenHost,
  call: GuardedCall,
  token: string | undefined,
): Fiber<AuthError | undefined> {
  const guard = store.behaviours.guards[call];
  if (guard === 'open' || (!store.enabled && (token === undefined || guard === 'named'))) return undefined;
  const caller = yield* callerOf(store, host, token);
  const refused = isAuthError(caller) ? caller : guard === 'named' ? named(caller) : store.isAdminPermitted(caller);
  return refused !== undefined && guard === 'admin-plain' ? asPlain(refused) : refused;
}

function named(caller: AuthInfo | undefined): AuthError | undefined {
  return caller === undefined ? ERR_USER_EMPTY : undefined;
}

/** A read that needs no raft, or a transaction of such. The second half of doSerialize is staleRead(). */
export type ReadBody =
  | {readonly kind: 'range'; readonly request: RangeRequest}
  | {readonly kind: 'txn'; readonly request: TxnRequest};

/** May the caller read this? Undefined when it may. */
export function checkRead(
  store: AuthStore,
  caller: AuthInfo | undefined,
  body: ReadBody,
  leases: LeaseKeys,
): AuthError | undefined {
  if (!store.enabled) return undefined;
  const info = caller ?? NOBODY;
  if (body.kind === 'txn') return checkTxn(store, info, body.request, leases);
  return store.isRangePermitted(info, body.request.key, body.request.rangeEnd);
}

/** After the read: permissions have changed since the caller was looked up, so the answer is held back. */
export function staleRead(store: AuthStore, caller: AuthInfo | undefined): AuthError | undefined {
  if (caller === undefined || caller.revision === 0) return undefined;
  return caller.revision === store.revision ? undefined : store.errOldRevision;
}

/**
 * The cancel_reason of a watch that may not be; undefined when it may. `caller` is what callerOf() gave, an error too. Key and end
 * as the client sent them; an empty key was made `\0` before.
 */
export function watchRefusal(
  store: AuthStore,
  caller: AuthInfo | AuthError | undefined,
  key: ByteString,
  rangeEnd: ByteString,
): string | undefined {
  const {checksWatchBeforeNormalising, watchRefusalHasReason} = store.behaviours;
  // GHSA-xg4h: an open end has become an empty one by now, which the check takes for a watch on one key.
  const checkedEnd = rangeEnd === OPEN_END && !checksWatchBeforeNormalising ? '' : rangeEnd;
  const refused = isAuthError(caller) ? caller : store.isRangePermitted(caller ?? NOBODY, key, checkedEnd);
  if (refused === undefined) return undefined;
  const tells = watchRefusalHasReason && isToldToWatchers(store, refused);
  return statusText(tells ? refused : ERR_PERMISSION_DENIED);
}

function isToldToWatchers(store: AuthStore, refused: AuthError): boolean {
  return refused === ERR_INVALID_AUTH_TOKEN || refused === ERR_USER_EMPTY || refused === store.errOldRevision;
}

/** Go: status.Error(...).Error(). */
function statusText({code, message}: AuthError): string {
  return `rpc error: code = ${code} desc = ${message}`;
}

/** The keys of a lease: any order. Undefined: no such lease here. */
type Keys = Iterable<ByteString> | undefined;

/**
 * LeaseTimeToLive with keys: may the caller read them? When it may, remember `store.revision` from before, and ask
 * staleLeaseAnswer() when the answer is there. etcd: checkLeaseTimeToLive, from 3.4.26 and 3.5.9 (CVE-2023-32082).
 */
export function checkLeaseTimeToLive(
  store: AuthStore,
  caller: AuthInfo | undefined,
  keys: Keys,
): AuthError | undefined {
  const {checksLeaseKeysOnTimeToLive, adminPassesLeaseKeys} = store.behaviours;
  if (!store.enabled || !checksLeaseKeysOnTimeToLive) return undefined;
  return checkLeaseKeys(store, caller, keys, {access: 'read', adminPasses: adminPassesLeaseKeys});
}

/** A lease's keys were checked at `revision`; does that still hold now that they are about to be told? */
export function staleLeaseAnswer(store: AuthStore, revision: number): AuthError | undefined {
  if (!store.enabled || !store.behaviours.checksLeaseKeysOnTimeToLive) return undefined;
  return revision === store.revision ? undefined : store.errOldRevision;
}

/** LeaseKeepAlive: may the caller write the lease's keys? etcd: checkLeaseRenew (CVE-2026-33413). */
export function checkLeaseRenew(store: AuthStore, caller: AuthInfo | undefined, keys: Keys): AuthError | undefined {
  if (!store.enabled || !store.behaviours.guardsLeaseCalls) return undefined;
  return checkLeaseKeys(store, caller, keys, {access: 'write', adminPasses: true});
}

/** LeaseLeases: may the caller read every key under any of the leases? etcd: checkLeaseLeases (CVE-2026-33413). */
export function checkLeaseLeases(
  store: AuthStore,
  caller: AuthInfo | undefined,
  keysOfLeases: Iterable<Iterable<ByteString>>,
): AuthError | undefined {
  if (!store.enabled || !store.behaviours.guardsLeaseCalls) return undefined;
  if (caller === undefined) return ERR_USER_EMPTY;
  if (store.isAdminPermitted(caller) === undefined) return undefined;
  for (const keys of keysOfLeases) {
    const refused = checkLeaseKeys(store, caller, keys, {access: 'read', adminPasses: false});
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function checkLeaseKeys(
  store: AuthStore,
  caller: AuthInfo | undefined,
  keys: Keys,
  {access, adminPasses}: {readonly access: 'read' | 'write'; readonly adminPasses: boolean},
): AuthError | undefined {
  if (caller === undefined) return ERR_USER_EMPTY;
  if (adminPasses && store.isAdminPermitted(caller) === undefined) return undefined;
  for (const key of keys ?? []) {
    const refused = access === 'read' ? store.isRangePermitted(caller, key, '') : store.isPutPermitted(caller, key);
    if (refused !== undefined) return refused;
  }
  return undefined;
}
