// server-core/etcdserverpb/auth-messages.ts: the Auth service's messages and the records of users and roles.
// Source: rpc.proto, raft_internal.proto, api/authpb/auth.proto at v3.6.0. Names and passwords are UTF-8 bytes.
import {headerOnly, responseHeader} from './header-message.ts';
import type {MessageOf} from './message.ts';
import {bool, int, list, message, nested, oneOf, text, texts} from './message.ts';

/** authpb.Permission: on one key, or from `key` to before `rangeEnd`. */
export const permission = message({
  type: oneOf(1, ['read', 'write', 'readwrite']),
  key: text(2),
  rangeEnd: text(3),
});
export const userAddOptions = message({noPassword: bool(1)});
/** authpb.User, authpb.Role: the records in buckets `authUsers` and `authRoles`. */
export const storedUser = message({
  name: text(1),
  password: text(2),
  roles: texts(3),
  options: nested(4, userAddOptions),
});
export const storedRole = message({name: text(1), keyPermission: list(2, permission)});

export const authEnableRequest = message({});
export const authDisableRequest = message({});
export const authStatusRequest = message({});
export const authenticateRequest = message({name: text(1), password: text(2)});
/** What goes through raft for an authentication: raft_internal.proto. */
export const internalAuthenticateRequest = message({name: text(1), password: text(2), simpleToken: text(3)});
export const authUserAddRequest = message({
  name: text(1),
  password: text(2),
  options: nested(3, userAddOptions),
  hashedPassword: text(4),
});
export const authUserGetRequest = message({name: text(1)});
export const authUserDeleteRequest = message({name: text(1)});
export const authUserChangePasswordRequest = message({name: text(1), password: text(2), hashedPassword: text(3)});
export const authUserGrantRoleRequest = message({user: text(1), role: text(2)});
export const authUserRevokeRoleRequest = message({name: text(1), role: text(2)});
export const authUserListRequest = message({});
export const authRoleListRequest = message({});
export const authRoleAddRequest = message({name: text(1)});
export const authRoleGetRequest = message({role: text(1)});
export const authRoleDeleteRequest = message({role: text(1)});
export const authRoleGrantPermissionRequest = message({name: text(1), perm: nested(2, permission)});
export const authRoleRevokePermissionRequest = message({role: text(1), key: text(2), rangeEnd: text(3)});

/** Responses that are a header and nothing more: enable, disable, all changes of users and roles. */
export const authHeaderResponse = headerOnly;
export const authStatusResponse = message({header: nested(1, responseHeader), enabled: bool(2), authRevision: int(3)});
export const authenticateResponse = message({header: nested(1, responseHeader), token: text(2)});
export const authUserGetResponse = message({header: nested(1, responseHeader), roles: texts(2)});
export const authUserListResponse = message({header: nested(1, responseHeader), users: texts(2)});
export const authRoleGetResponse = message({header: nested(1, responseHeader), perm: list(2, permission)});
export const authRoleListResponse = message({header: nested(1, responseHeader), roles: texts(2)});

export type Permission = MessageOf<typeof permission>;
export type StoredUser = MessageOf<typeof storedUser>;
export type StoredRole = MessageOf<typeof storedRole>;
export type AuthenticateRequest = MessageOf<typeof authenticateRequest>;
export type InternalAuthenticateRequest = MessageOf<typeof internalAuthenticateRequest>;
export type AuthUserAddRequest = MessageOf<typeof authUserAddRequest>;
export type AuthUserGetRequest = MessageOf<typeof authUserGetRequest>;
export type AuthUserDeleteRequest = MessageOf<typeof authUserDeleteRequest>;
export type AuthUserChangePasswordRequest = MessageOf<typeof authUserChangePasswordRequest>;
export type AuthUserGrantRoleRequest = MessageOf<typeof authUserGrantRoleRequest>;
export type AuthUserRevokeRoleRequest = MessageOf<typeof authUserRevokeRoleRequest>;
export type AuthRoleAddRequest = MessageOf<typeof authRoleAddRequest>;
export type AuthRoleGetRequest = MessageOf<typeof authRoleGetRequest>;
export type AuthRoleDeleteRequest = MessageOf<typeof authRoleDeleteRequest>;
export type AuthRoleGrantPermissionRequest = MessageOf<typeof authRoleGrantPermissionRequest>;
export type AuthRoleRevokePermissionRequest = MessageOf<typeof authRoleRevokePermissionRequest>;
export type HeaderResponse = MessageOf<typeof headerOnly>;
export type AuthStatusResponse = MessageOf<typeof authStatusResponse>;
export type AuthenticateResponse = MessageOf<typeof authenticateResponse>;
export type AuthUserGetResponse = MessageOf<typeof authUserGetResponse>;
export type AuthUserListResponse = MessageOf<typeof authUserListResponse>;
export type AuthRoleGetResponse = MessageOf<typeof authRoleGetResponse>;
export type AuthRoleListResponse = MessageOf<typeof authRoleListResponse>;
