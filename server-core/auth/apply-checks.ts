// server-core/auth/apply-checks.ts: may the proposer of an entry have it applied? etcd: apply/apply_auth.go (authApplierV3),
// txn.CheckTxnAuth. Every member decides anew as it applies, by the name and revision in the entry's header; a member that knows
// other permissions than its peers therefore applies other things (issues 13883, 14571).
import type {ByteString} from '../../base/byte-string.ts';
import type {LeaseId} from '../../base/ids.ts';
import type {RaftRequestBody, RequestHeader} from '../etcdserverpb/raft-request.ts';
import type {DeleteRangeRequest, PutRequest, RequestOp, TxnRequest} from '../etcdserverpb/types.ts';
import type {AuthError, AuthInfo, LeaseKeys} from './ports.ts';
import type {AuthStore} from './store.ts';
import {NOBODY} from './store.ts';

/** Requests that only role root may make. etcd: needAdminPermission. */
const ADMIN_ONLY: ReadonlySet<RaftRequestBody['kind']> = new Set<RaftRequestBody['kind']>([
  'auth-enable',
  'auth-disable',
  'auth-status',
  'auth-user-add',
  'auth-user-delete',
  'auth-user-change-password',
  'auth-user-grant-role',
  'auth-user-revoke-role',
  'auth-role-add',
  'auth-role-grant-permission',
  'auth-role-revoke-permission',
  'auth-role-delete',
  'auth-user-list',
  'auth-role-list',
]);

/**
 * Why an entry must not be applied; undefined when it may. An entry without a header (from before 3.0.13) is nobody's.
 * With auth off it costs one look.
 */
export function checkApply(
  store: AuthStore,
  header: RequestHeader | undefined,
  body: RaftRequestBody,
  leases: LeaseKeys,
): AuthError | undefined {
  if (!store.enabled) return undefined;
  const info = header === undefined ? NOBODY : {username: header.username, revision: header.authRevision};
  switch (body.kind) {
    case 'put':
      return checkPut(store, info, body.request, leases);
    case 'range':
      return store.isRangePermitted(info, body.request.key, body.request.rangeEnd);
    case 'delete-range':
      return checkDeleteRange(store, info, body.request);
    case 'txn':
      return checkTxn(store, info, body.request, leases);
    case 'lease-revoke':
      return checkLeasePuts(store, info, body.request.id, leases);
    case 'auth-user-get':
      return checkGetUser(store, info, body.request.name);
    case 'auth-role-get':
      return checkGetRole(store, info, body.request.role);
    default:
      return ADMIN_ONLY.has(body.kind) ? store.isAdminPermitted(info) : undefined;
  }
}

/**
 * May the whole transaction be carried out, whichever branch is taken? Also asked for transactions that only read, where the call
 * comes in. What nested ones hold was not looked at before the fix of CVE-2026-33343, and of puts only the key before that of
 * CVE-2026-44283.
 */
export function checkTxn(
  store: AuthStore,
  info: AuthInfo,
  {compare, success, failure}: TxnRequest,
  leases: LeaseKeys,
): AuthError | undefined {
  for (const {key, rangeEnd} of compare) {
    const refused = store.isRangePermitted(info, key, rangeEnd);
    if (refused !== undefined) return refused;
  }
  return checkOps(store, info, success, leases) ?? checkOps(store, info, failure, leases);
}

function checkOps(
  store: AuthStore,
  info: AuthInfo,
  ops: readonly RequestOp[],
  leases: LeaseKeys,
): AuthError | undefined {
  for (const op of ops) {
    const refused = checkOp(store, info, op, leases);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function checkOp(store: AuthStore, info: AuthInfo, op: RequestOp, leases: LeaseKeys): AuthError | undefined {
  const {checksNestedTxn, checksTxnPutFully} = store.behaviours;
  switch (op.kind) {
    case 'range':
      return store.isRangePermitted(info, op.request.key, op.request.rangeEnd);
    case 'put':
      if (!checksTxnPutFully) return store.isPutPermitted(info, op.request.key);
      return checkPut(store, info, op.request, leases);
    case 'delete-range': {
      // The other way round than outside a transaction; both errors are the same, so nobody sees it.
      const {key, rangeEnd, prevKv} = op.request;
      const unreadable = prevKv ? store.isRangePermitted(info, key, rangeEnd) : undefined;
      return unreadable ?? store.isDeleteRangePermitted(info, key, rangeEnd);
    }
    case 'txn':
      return checksNestedTxn ? checkTxn(store, info, op.request, leases) : undefined;
    case 'none':
      return undefined;
  }
}

/** Write the key, write all keys of the lease it joins (who may not revoke a lease may not use it), read the old value. */
function checkPut(store: AuthStore, info: AuthInfo, request: PutRequest, leases: LeaseKeys): AuthError | undefined {
  const refused = store.isPutPermitted(info, request.key) ?? checkLeasePuts(store, info, request.lease, leases);
  if (refused !== undefined || !request.prevKv) return refused;
  return store.isRangePermitted(info, request.key, '');
}

function checkDeleteRange(store: AuthStore, info: AuthInfo, request: DeleteRangeRequest): AuthError | undefined {
  const {key, rangeEnd, prevKv} = request;
  const refused = store.isDeleteRangePermitted(info, key, rangeEnd);
  return refused === undefined && prevKv ? store.isRangePermitted(info, key, rangeEnd) : refused;
}

function checkLeasePuts(store: AuthStore, info: AuthInfo, lease: LeaseId, leases: LeaseKeys): AuthError | undefined {
  if (!store.behaviours.checksLeasePuts) return undefined;
  const keys = leases.keysOf(lease);
  if (keys === undefined) return undefined;
  if (store.behaviours.adminPassesLeasePuts && store.isAdminPermitted(info) === undefined) return undefined;
  for (const key of keys) {
    const refused = store.isPutPermitted(info, key);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

/** Users may look at themselves. */
function checkGetUser(store: AuthStore, info: AuthInfo, name: ByteString): AuthError | undefined {
  const refused = store.isAdminPermitted(info);
  const isOwn = store.behaviours.usersSeeThemselves && name === info.username;
  return refused !== undefined && isOwn ? undefined : refused;
}

/** Users may look at the roles they have. */
function checkGetRole(store: AuthStore, info: AuthInfo, role: ByteString): AuthError | undefined {
  const refused = store.isAdminPermitted(info);
  const {usersSeeThemselves} = store.behaviours;
  return refused !== undefined && usersSeeThemselves && store.hasRole(info.username, role) ? undefined : refused;
}
