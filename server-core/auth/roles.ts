// server-core/auth/roles.ts: changes of roles, as an applied entry makes them. etcd: auth/store.go Role*.
// Each returns a refusal, before which nothing was changed, or undefined when it is done.
import type {
  AuthRoleAddRequest,
  AuthRoleDeleteRequest,
  AuthRoleGrantPermissionRequest,
  AuthRoleRevokePermissionRequest,
  Permission,
} from '../etcdserverpb/auth-messages.ts';
import {sortLikeGo} from '../mvcc/go-sort.ts';
import {
  ERR_INVALID_AUTH_MGMT,
  ERR_PERMISSION_NOT_GIVEN,
  ERR_PERMISSION_NOT_GRANTED,
  ERR_ROLE_ALREADY_EXIST,
  ERR_ROLE_EMPTY,
  ERR_ROLE_NOT_FOUND,
} from './errors.ts';
import {isValidPermissionRange} from './permissions.ts';
import type {AuthError} from './ports.ts';
import type {AuthState} from './state.ts';
import {commitRevision, finishChange, panic, ROOT_ROLE} from './state.ts';
import {isProtected, withoutRole} from './users.ts';

/** RoleAdd. Nobody has the role yet, so no cache is touched. */
export function addRole(state: AuthState, {name}: AuthRoleAddRequest): AuthError | undefined {
  if (name === '' && state.behaviours.refusesEmptyRole) return ERR_ROLE_EMPTY;
  if (name === '') panic('role with an empty name: bbolt requires a key');
  if (state.records.roleOf(name) !== undefined) return ERR_ROLE_ALREADY_EXIST;
  state.records.putRole({name, keyPermission: []});
  commitRevision(state);
  return undefined;
}

/** RoleDelete: takes it from all who have it. */
export function deleteRole(state: AuthState, {role}: AuthRoleDeleteRequest): AuthError | undefined {
  if (isProtected(state) && role === ROOT_ROLE) return ERR_INVALID_AUTH_MGMT;
  if (state.records.roleOf(role) === undefined) return ERR_ROLE_NOT_FOUND;
  state.records.deleteRole(role);
  if (!state.behaviours.deletedRolesLeaveUsers) {
    finishChange(state, 'nobody');
    return undefined;
  }
  const touched: string[] = [];
  for (const user of state.records.allUsers()) {
    const rest = withoutRole(state, user, role);
    if (rest === undefined) continue;
    state.records.putUser(rest);
    touched.push(user.name);
  }
  finishChange(state, touched);
  return undefined;
}

/** RoleGrantPermission: a range that is there already gets another type, any other joins in the order of keys. */
export function grantPermission(state: AuthState, request: AuthRoleGrantPermissionRequest): AuthError | undefined {
  const {perm} = request;
  const {checksPermissionRange, refusesMissingPermission, sort} = state.behaviours;
  if (perm === undefined && refusesMissingPermission) return ERR_PERMISSION_NOT_GIVEN;
  if (checksPermissionRange && !isValidPermissionRange(perm?.key ?? '', perm?.rangeEnd ?? '')) {
    return ERR_INVALID_AUTH_MGMT;
  }
  const role = state.records.roleOf(request.name);
  if (role === undefined) return ERR_ROLE_NOT_FOUND;
  const granted = perm ?? missingPermission(role.keyPermission);
  const permissions = [...role.keyPermission];
  const place = searchPermissions(permissions, granted);
  const at = permissions[place];
  if (at !== undefined && at.key === granted.key && at.rangeEnd === granted.rangeEnd) permissions[place] = granted;
  else {
    permissions.push(granted);
    sortLikeGo(permissions, isKeyLess, sort);
  }
  state.records.putRole({name: role.name, keyPermission: permissions});
  finishChange(state, 'everybody');
  return undefined;
}

/** RoleRevokePermission: by key and end, whatever the type. */
export function revokePermission(state: AuthState, request: AuthRoleRevokePermissionRequest): AuthError | undefined {
  const role = state.records.roleOf(request.role);
  if (role === undefined) return ERR_ROLE_NOT_FOUND;
  const rest = role.keyPermission.filter(({key, rangeEnd}) => key !== request.key || rangeEnd !== request.rangeEnd);
  if (rest.length === role.keyPermission.length) return ERR_PERMISSION_NOT_GRANTED;
  state.records.putRole({name: role.name, keyPermission: rest});
  finishChange(state, 'everybody');
  return undefined;
}

function missingPermission(present: readonly Permission[]): never {
  return panic(`a grant without a permission, role has ${present.length}`);
}

const isKeyLess = (a: Permission, b: Permission): boolean => a.key < b.key;

/** The first place whose key is not before the granted one; a second range of the same key is not found by it, as in etcd. */
function searchPermissions(permissions: readonly Permission[], granted: Permission): number {
  let low = 0;
  let high = permissions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((permissions[middle]?.key ?? '') >= granted.key) high = middle;
    else low = middle + 1;
  }
  return low;
}
