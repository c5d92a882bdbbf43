// server-core/auth/apply.ts: an applied entry of the Auth service onto the store, and its answer. etcd: etcdserver/apply
// (applierV3backend Auth*, User*, Role*). Whether the proposer may is apply-checks.ts's to say, before this.
import {unreachable} from '../../base/assert.ts';
import type {
  AuthenticateResponse,
  AuthRoleGetResponse,
  AuthRoleListResponse,
  AuthStatusResponse,
  AuthUserGetResponse,
  AuthUserListResponse,
  Permission,
} from '../etcdserverpb/auth-messages.ts';
import {revisionHeader} from '../etcdserverpb/types.ts';
import {ERR_ROLE_NOT_FOUND, ERR_USER_NOT_FOUND} from './errors.ts';
import {OPEN_END} from './permissions.ts';
import type {Answer, AuthBody, AuthError} from './ports.ts';
import {addRole, deleteRole, grantPermission, revokePermission} from './roles.ts';
import type {HeaderOnly} from './state.ts';
import {ROOT_ROLE} from './state.ts';
import type {AuthStore} from './store.ts';
import {addUser, changePassword, deleteUser, grantRole, revokeRole} from './users.ts';

/** The entry that is being applied. */
export interface AppliedEntry {
  /** Its raft index, which a simple token carries, or the one before it. */
  readonly index: number;
  /** The store's revision, for headers; the server fills in the rest of them. */
  readonly kvRevision: number;
}

const ALL_KEYS: readonly Permission[] = [{type: 'readwrite', key: '', rangeEnd: OPEN_END}];

/** Carries out one of the Auth service's requests. Throws where etcd's process would die. */
export function applyAuth(store: AuthStore, body: AuthBody, entry: AppliedEntry): Answer<object> {
  const {state} = store;
  switch (body.kind) {
    case 'auth-enable':
      return changed(store.enable(), entry);
    case 'auth-disable':
      store.disable();
      return changed(undefined, entry);
    case 'auth-status':
      return status(store, entry);
    case 'authenticate':
      return authenticate(store, body, entry);
    case 'auth-user-add':
      return changed(addUser(state, body.request), entry);
    case 'auth-user-delete':
      return changed(deleteUser(state, body.request), entry);
    case 'auth-user-get':
      return getUser(store, body, entry);
    case 'auth-user-change-password':
      return changed(changePassword(state, body.request), entry);
    case 'auth-user-grant-role':
      return changed(grantRole(state, body.request), entry);
    case 'auth-user-revoke-role':
      return changed(revokeRole(state, body.request), entry);
    case 'auth-user-list':
      return listUsers(store, entry);
    case 'auth-role-list':
      return listRoles(store, entry);
    case 'auth-role-add':
      return changed(addRole(state, body.request), entry);
    case 'auth-role-delete':
      return changed(deleteRole(state, body.request), entry);
    case 'auth-role-get':
      return getRole(store, body, entry);
    case 'auth-role-grant-permission':
      return changed(grantPermission(state, body.request), entry);
    case 'auth-role-revoke-permission':
      return changed(revokePermission(state, body.request), entry);
    default:
      return unreachable(body);
  }
}

type BodyOf<Kind extends AuthBody['kind']> = Extract<AuthBody, {readonly kind: Kind}>;

function changed(refused: AuthError | undefined, {kvRevision}: AppliedEntry): Answer<HeaderOnly> {
  return refused ?? {kind: 'ok', response: {header: revisionHeader(kvRevision)}};
}

function status(store: AuthStore, {kvRevision}: AppliedEntry): Answer<AuthStatusResponse> {
  const {enabled, revision} = store;
  return {kind: 'ok', response: {header: revisionHeader(kvRevision), enabled, authRevision: revision}};
}

function authenticate(
  store: AuthStore,
  {request}: BodyOf<'authenticate'>,
  {index, kvRevision}: AppliedEntry,
): Answer<AuthenticateResponse> {
  const tokenIndex = store.behaviours.tokenIndex === 'entry' ? index : index - 1;
  const outcome = store.authenticate(request.name, {index: tokenIndex, prefix: request.simpleToken}, request.password);
  if (outcome.kind === 'error') return outcome;
  return {kind: 'ok', response: {header: revisionHeader(kvRevision), token: outcome.token}};
}

function getUser(
  {state}: AuthStore,
  {request}: BodyOf<'auth-user-get'>,
  {kvRevision}: AppliedEntry,
): Answer<AuthUserGetResponse> {
  const user = state.records.userOf(request.name);
  if (user === undefined) return ERR_USER_NOT_FOUND;
  return {kind: 'ok', response: {header: revisionHeader(kvRevision), roles: user.roles}};
}

function listUsers({state}: AuthStore, {kvRevision}: AppliedEntry): Answer<AuthUserListResponse> {
  const users = state.records.allUsers().map(({name}) => name);
  return {kind: 'ok', response: {header: revisionHeader(kvRevision), users}};
}

function getRole(
  {state, behaviours}: AuthStore,
  {request}: BodyOf<'auth-role-get'>,
  {kvRevision}: AppliedEntry,
): Answer<AuthRoleGetResponse> {
  const role = state.records.roleOf(request.role);
  if (role === undefined) return ERR_ROLE_NOT_FOUND;
  const showsAll = behaviours.rootRoleShowsAllKeys && role.name === ROOT_ROLE;
  const perm = showsAll ? ALL_KEYS : role.keyPermission;
  return {kind: 'ok', response: {header: revisionHeader(kvRevision), perm}};
}

function listRoles({state}: AuthStore, {kvRevision}: AppliedEntry): Answer<AuthRoleListResponse> {
  const roles = state.records.allRoles().map(({name}) => name);
  return {kind: 'ok', response: {header: revisionHeader(kvRevision), roles}};
}
