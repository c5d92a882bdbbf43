// server-core/lease/auth-checks.ts: who may do what with leases, where the server looks before it asks anybody.
// etcd: v3_server.go (requireAuthInfo, checkLeaseTimeToLive, checkLeaseRenew, checkLeaseLeases). Revokes and attaching puts are
// looked at again when they are applied, by the auth applier. With auth off everything is allowed.
import type {LeaseId} from '../../base/ids.ts';
import type {LeaseTimeToLiveRequest} from '../etcdserverpb/lease-messages.ts';
import type {AnswerError} from './errors.ts';
import type {Lease} from './lease.ts';
import type {CallerPermissions, LeaseHost} from './ports.ts';

/** Grant, revoke and time-to-live need a user. CVE-2026-33413. */
export function requireUser<Caller>(host: LeaseHost<Caller>, caller: Caller): AnswerError | undefined {
  if (!host.behaviours.requiresUser || !host.auth.isEnabled()) return undefined;
  const permissions = host.auth.permissionsOf(caller);
  return permissions.kind === 'error' ? permissions : undefined;
}

/** A time-to-live with keys shows their names: each must be readable. CVE-2023-32082. */
export function checkTimeToLive<Caller>(
  host: LeaseHost<Caller>,
  request: LeaseTimeToLiveRequest,
  caller: Caller,
): AnswerError | undefined {
  if (!host.behaviours.checksTtlKeys || !request.keys) return undefined;
  return checkKeys(host, [host.lessor.lookup(request.id)], caller, 'range');
}

/** A renewal keeps keys alive: each must be writable. CVE-2026-33413. */
export function checkRenewal<Caller>(host: LeaseHost<Caller>, id: LeaseId, caller: Caller): AnswerError | undefined {
  if (!host.behaviours.requiresUser) return undefined;
  return checkKeys(host, [host.lessor.lookup(id)], caller, 'put');
}

/** A listing needs every key of every lease to be readable, though it shows none. CVE-2026-33413. */
export function checkListing<Caller>(
  host: LeaseHost<Caller>,
  leases: readonly Lease[],
  caller: Caller,
): AnswerError | undefined {
  return host.behaviours.requiresUser ? checkKeys(host, leases, caller, 'range') : undefined;
}

function checkKeys<Caller>(
  {auth}: LeaseHost<Caller>,
  leases: readonly (Lease | undefined)[],
  caller: Caller,
  right: 'range' | 'put',
): AnswerError | undefined {
  if (!auth.isEnabled()) return undefined;
  const permissions = auth.permissionsOf(caller);
  if (permissions.kind === 'error') return permissions;
  if (permissions.admin() === undefined) return undefined;
  for (const lease of leases) {
    const refused = lease === undefined ? undefined : firstRefusal(permissions, lease, right);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

function firstRefusal(permissions: CallerPermissions, lease: Lease, right: 'range' | 'put'): AnswerError | undefined {
  for (const key of lease.keys()) {
    const refused = permissions[right](key);
    if (refused !== undefined) return refused;
  }
  return undefined;
}
