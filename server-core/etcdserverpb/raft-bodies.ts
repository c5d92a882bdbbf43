// server-core/etcdserverpb/raft-bodies.ts: the requests of InternalRaftRequest that are coded by tables, with their field numbers.
// Source: api/etcdserverpb/raft_internal.proto at v3.6.0. Field 2 (a v2 request inside the envelope) was never written by a release.
import type {WireReader} from '../../base/wire.ts';
import {
  authDisableRequest,
  authEnableRequest,
  authRoleAddRequest,
  authRoleDeleteRequest,
  authRoleGetRequest,
  authRoleGrantPermissionRequest,
  authRoleListRequest,
  authRoleRevokePermissionRequest,
  authStatusRequest,
  authUserAddRequest,
  authUserChangePasswordRequest,
  authUserDeleteRequest,
  authUserGetRequest,
  authUserGrantRoleRequest,
  authUserListRequest,
  authUserRevokeRoleRequest,
  internalAuthenticateRequest,
} from './auth-messages.ts';
import {leaseCheckpointRequest, leaseGrantRequest, leaseRevokeRequest} from './lease-messages.ts';
import {
  alarmRequest,
  clusterVersionSetRequest,
  downgradeInfoSetRequest,
  downgradeVersionTestRequest,
} from './maintenance-messages.ts';
import type {Message, MessageOf} from './message.ts';

export const TABLE_BODIES = {
  'lease-grant': {field: 8, codec: leaseGrantRequest},
  'lease-revoke': {field: 9, codec: leaseRevokeRequest},
  alarm: {field: 10, codec: alarmRequest},
  'lease-checkpoint': {field: 11, codec: leaseCheckpointRequest},
  'auth-enable': {field: 1000, codec: authEnableRequest},
  'auth-disable': {field: 1011, codec: authDisableRequest},
  authenticate: {field: 1012, codec: internalAuthenticateRequest},
  'auth-status': {field: 1013, codec: authStatusRequest},
  'auth-user-add': {field: 1100, codec: authUserAddRequest},
  'auth-user-delete': {field: 1101, codec: authUserDeleteRequest},
  'auth-user-get': {field: 1102, codec: authUserGetRequest},
  'auth-user-change-password': {field: 1103, codec: authUserChangePasswordRequest},
  'auth-user-grant-role': {field: 1104, codec: authUserGrantRoleRequest},
  'auth-user-revoke-role': {field: 1105, codec: authUserRevokeRoleRequest},
  'auth-user-list': {field: 1106, codec: authUserListRequest},
  'auth-role-list': {field: 1107, codec: authRoleListRequest},
  'auth-role-add': {field: 1200, codec: authRoleAddRequest},
  'auth-role-delete': {field: 1201, codec: authRoleDeleteRequest},
  'auth-role-get': {field: 1202, codec: authRoleGetRequest},
  'auth-role-grant-permission': {field: 1203, codec: authRoleGrantPermissionRequest},
  'auth-role-revoke-permission': {field: 1204, codec: authRoleRevokePermissionRequest},
  'cluster-version-set': {field: 1300, codec: clusterVersionSetRequest},
  'downgrade-info-set': {field: 1302, codec: downgradeInfoSetRequest},
  'downgrade-version-test': {field: 9900, codec: downgradeVersionTestRequest},
} as const;

type Tables = typeof TABLE_BODIES;

/** One of the requests above. */
export type TableBody = {
  [K in keyof Tables]: {readonly kind: K; readonly request: MessageOf<Tables[K]['codec']>};
}[keyof Tables];

/** The reader of each field's request. */
export const BODY_BY_FIELD: ReadonlyMap<number, (reader: WireReader) => TableBody> = new Map(
  Object.entries(TABLE_BODIES).map(([kind, {field, codec}]) => [
    field,
    (reader: WireReader) => ({kind, request: (codec as Message<unknown>).read(reader)}) as TableBody,
  ]),
);
