// server-core/auth/users.ts: changes of users, as an applied entry makes them. etcd: auth/store.go User*.
// Each returns a refusal, before which nothing was changed, or undefined when it is done.
import type {ByteString} from '../../base/byte-string.ts';
import type {
  AuthUserAddRequest,
  AuthUserChangePasswordRequest,
  AuthUserDeleteRequest,
  AuthUserGrantRoleRequest,
  AuthUserRevokeRoleRequest,
  StoredUser,
} from '../etcdserverpb/auth-messages.ts';
import {userAddOptions} from '../etcdserverpb/auth-messages.ts';
import {
  ERR_INVALID_AUTH_MGMT,
  ERR_NO_PASSWORD_USER,
  ERR_ROLE_NOT_FOUND,
  ERR_ROLE_NOT_GRANTED,
  ERR_USER_ALREADY_EXIST,
  ERR_USER_EMPTY,
  ERR_USER_NOT_FOUND,
  unmapped,
} from './errors.ts';
import {fromBase64, hashPassword, isTooLong} from './passwords.ts';
import type {AuthError} from './ports.ts';
import {includesSorted, searchNames} from './records.ts';
import type {AuthState} from './state.ts';
import {finishChange, panic, ROOT_ROLE, ROOT_USER} from './state.ts';

/** bcrypt.ErrPasswordTooLong, which no table maps. */
export const ERR_PASSWORD_TOO_LONG = unmapped('bcrypt: password length exceeds 72 bytes');

type Hashed = {readonly kind: 'ok'; readonly hash: ByteString} | AuthError;

/** UserAdd. */
export function addUser(state: AuthState, request: AuthUserAddRequest): AuthError | undefined {
  const {name} = request;
  if (name === '' && state.behaviours.refusesEmptyUser) return ERR_USER_EMPTY;
  if (name === '') panic('user with an empty name: bbolt requires a key');
  const {hasNoPasswordUsers, passwordHashedBy} = state.behaviours;
  const noPassword = hasNoPasswordUsers && request.options?.noPassword === true;
  // Before 3.5 the hash is made before anything else is looked at, and so may refuse first.
  const early = passwordHashedBy === 'apply' && !noPassword ? hashHere(state, request.password) : NO_HASH;
  if (early.kind === 'error') return early;
  if (state.records.userOf(name) !== undefined) return ERR_USER_ALREADY_EXIST;
  const hashed = passwordHashedBy === 'api' && !noPassword ? selectPassword(state, request) : early;
  if (hashed.kind === 'error') return hashed;
  state.records.putUser({
    name,
    password: hashed.hash,
    roles: [],
    options: hasNoPasswordUsers ? (request.options ?? userAddOptions.make()) : undefined,
  });
  finishChange(state, 'nobody');
  return undefined;
}

/** UserDelete. */
export function deleteUser(state: AuthState, {name}: AuthUserDeleteRequest): AuthError | undefined {
  if (isProtected(state) && name === ROOT_USER) return ERR_INVALID_AUTH_MGMT;
  if (state.records.userOf(name) === undefined) return ERR_USER_NOT_FOUND;
  state.records.deleteUser(name);
  finishUserChange(state, name);
  return undefined;
}

/** UserChangePassword. */
export function changePassword(state: AuthState, request: AuthUserChangePasswordRequest): AuthError | undefined {
  const {name} = request;
  const hashesHere = state.behaviours.passwordHashedBy === 'apply';
  const early = hashesHere ? hashHere(state, request.password) : NO_HASH;
  if (early.kind === 'error') return early;
  const user = state.records.userOf(name);
  if (user === undefined) return ERR_USER_NOT_FOUND;
  const keepsNone = hashesHere || user.options?.noPassword === true;
  const hashed = keepsNone ? early : selectPassword(state, request);
  if (hashed.kind === 'error') return hashed;
  state.records.putUser({name, password: hashed.hash, roles: user.roles, options: optionsOf(state, user)});
  finishUserChange(state, name);
  return undefined;
}

/** UserGrantRole. Role root needs no record. Granting again changes nothing, not even the revision. */
export function grantRole(state: AuthState, request: AuthUserGrantRoleRequest): AuthError | undefined {
  const user = state.records.userOf(request.user);
  if (user === undefined) return ERR_USER_NOT_FOUND;
  if (request.role !== ROOT_ROLE && state.records.roleOf(request.role) === undefined) return ERR_ROLE_NOT_FOUND;
  if (includesSorted(user.roles, request.role)) return undefined;
  const place = searchNames(user.roles, request.role);
  const roles = [...user.roles.slice(0, place), request.role, ...user.roles.slice(place)];
  state.records.putUser({...user, roles});
  finishChange(state, [request.user]);
  return undefined;
}

/** UserRevokeRole. */
export function revokeRole(state: AuthState, request: AuthUserRevokeRoleRequest): AuthError | undefined {
  if (isProtected(state) && request.name === ROOT_USER && request.role === ROOT_ROLE) return ERR_INVALID_AUTH_MGMT;
  const user = state.records.userOf(request.name);
  if (user === undefined) return ERR_USER_NOT_FOUND;
  const rest = withoutRole(state, user, request.role);
  if (rest === undefined) return ERR_ROLE_NOT_GRANTED;
  state.records.putUser(rest);
  finishChange(state, [request.name]);
  return undefined;
}

/** May root not be touched? */
export function isProtected({enabled, behaviours}: AuthState): boolean {
  return enabled && behaviours.protectsRoot;
}

/** A user is gone or has another password: so are tokens and cached permissions, from 3.1 on. */
function finishUserChange(state: AuthState, name: ByteString): void {
  const {forgetsChangedUsers} = state.behaviours;
  finishChange(state, forgetsChangedUsers ? [name] : 'nobody');
  if (forgetsChangedUsers) state.tokens.invalidateUser(name);
}

/** The user without that role; undefined when it does not have it. */
export function withoutRole(state: AuthState, user: StoredUser, role: ByteString): StoredUser | undefined {
  const roles = user.roles.filter((name) => name !== role);
  if (roles.length === user.roles.length) return undefined;
  return {name: user.name, password: user.password, roles, options: optionsOf(state, user)};
}

/** 3.3 knows no options and writes none back. */
function optionsOf(state: AuthState, user: StoredUser): StoredUser['options'] {
  return state.behaviours.hasNoPasswordUsers ? user.options : undefined;
}

const NO_HASH: Hashed = Object.freeze({kind: 'ok', hash: ''});

function hashHere(state: AuthState, password: ByteString): Hashed {
  if (state.behaviours.refusesLongPasswords && isTooLong(password)) return ERR_PASSWORD_TOO_LONG;
  return {kind: 'ok', hash: hashPassword(password, state.bcryptCost, state.env.random)};
}

/** The hash that came with the entry; one made here only for entries of releases before 3.5. etcd: selectPassword. */
function selectPassword(
  state: AuthState,
  request: {readonly password: ByteString; readonly hashedPassword: ByteString},
): Hashed {
  if (request.password !== '' && request.hashedPassword === '') {
    // The store words any failure to hash like this.
    const hashed = hashHere(state, request.password);
    return hashed.kind === 'error' ? ERR_NO_PASSWORD_USER : hashed;
  }
  const hash = fromBase64(request.hashedPassword);
  return hash === undefined ? ERR_NO_PASSWORD_USER : {kind: 'ok', hash};
}
