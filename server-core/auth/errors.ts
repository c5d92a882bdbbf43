// server-core/auth/errors.ts: what the auth store refuses, in the words of the store and in those that clients get.
// etcd: auth/store.go (the texts with "auth:"), api/v3rpc/rpctypes/error.go (code and text for clients), v3rpc/util.go (which
// becomes which; what is not in its table goes out as Unknown with the store's text).
import type {AuthError, AuthGrpcCode} from './ports.ts';

function mapped(code: AuthGrpcCode, clientText: string, storeText: string): AuthError {
  return Object.freeze({
    kind: 'error',
    code,
    message: `etcdserver: ${clientText}`,
    effect: 'none',
    plainText: `auth: ${storeText}`,
  });
}

/** An error that no table maps: the store's own text, code Unknown. */
export function unmapped(plainText: string): AuthError {
  return Object.freeze({kind: 'error', code: 'Unknown', message: plainText, effect: 'none', plainText});
}

export const ERR_ROOT_USER_NOT_EXIST = mapped(
  'FailedPrecondition',
  'root user does not exist',
  'root user does not exist',
);
export const ERR_ROOT_ROLE_NOT_EXIST = mapped(
  'FailedPrecondition',
  'root user does not have root role',
  'root user does not have root role',
);
export const ERR_USER_ALREADY_EXIST = mapped('FailedPrecondition', 'user name already exists', 'user already exists');
export const ERR_USER_EMPTY = mapped('InvalidArgument', 'user name is empty', 'user name is empty');
export const ERR_USER_NOT_FOUND = mapped('FailedPrecondition', 'user name not found', 'user not found');
export const ERR_ROLE_ALREADY_EXIST = mapped('FailedPrecondition', 'role name already exists', 'role already exists');
export const ERR_ROLE_NOT_FOUND = mapped('FailedPrecondition', 'role name not found', 'role not found');
export const ERR_ROLE_EMPTY = mapped('InvalidArgument', 'role name is empty', 'role name is empty');
export const ERR_PERMISSION_NOT_GIVEN = mapped('InvalidArgument', 'permission not given', 'permission not given');
export const ERR_AUTH_FAILED = mapped(
  'InvalidArgument',
  'authentication failed, invalid user ID or password',
  'authentication failed, invalid user ID or password',
);
export const ERR_PERMISSION_DENIED = mapped('PermissionDenied', 'permission denied', 'permission denied');
export const ERR_ROLE_NOT_GRANTED = mapped(
  'FailedPrecondition',
  'role is not granted to the user',
  'role is not granted to the user',
);
export const ERR_PERMISSION_NOT_GRANTED = mapped(
  'FailedPrecondition',
  'permission is not granted to the role',
  'permission is not granted to the role',
);
export const ERR_AUTH_NOT_ENABLED = mapped(
  'FailedPrecondition',
  'authentication is not enabled',
  'authentication is not enabled',
);
export const ERR_INVALID_AUTH_TOKEN = mapped('Unauthenticated', 'invalid auth token', 'invalid auth token');
export const ERR_INVALID_AUTH_MGMT = mapped('InvalidArgument', 'invalid auth management', 'invalid auth management');
export const ERR_AUTH_OLD_REVISION = mapped(
  'InvalidArgument',
  'revision of auth store is old',
  'revision in header is old',
);
/** The same before v3rpc knew it (3.4.19, 3.5.2). */
export const ERR_AUTH_OLD_REVISION_UNMAPPED = unmapped('auth: revision in header is old');
/** No release maps this one. */
export const ERR_NO_PASSWORD_USER = unmapped('auth: authentication failed, password was given for no password user');
export const ERR_AUTH_STATUS_UNKNOWN: AuthError = Object.freeze({
  kind: 'error',
  code: 'Unimplemented',
  message: 'unknown method AuthStatus for service etcdserverpb.Auth',
  effect: 'none',
  plainText: 'unknown method AuthStatus for service etcdserverpb.Auth',
});

/** The error as a call answers it that does not map errors: the maintenance calls of releases before 3.6. */
export function asPlain(error: AuthError): AuthError {
  return unmapped(error.plainText);
}
