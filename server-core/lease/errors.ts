// server-core/lease/errors.ts: what leases refuse, in the words clients get, and answers of the shape the server has.
// etcd: lease/lessor.go and etcdserver/errors, through v3rpc/util.go (togRPCError). The layers do not let this folder import the
// server: Answer and AnswerError have the server's own shape, so that either side takes the other's.

/** A gRPC error. `code` is a gRPC code's name. */
export interface AnswerError<Code extends string = AnswerErrorCode> {
  readonly kind: 'error';
  readonly code: Code;
  readonly message: string;
  /** none: refused before anything could take effect. unknown: it may still take place. */
  readonly effect: 'none' | 'unknown';
}

/** gRPC codes by name. */
export type AnswerErrorCode =
  | 'Canceled'
  | 'Unknown'
  | 'InvalidArgument'
  | 'DeadlineExceeded'
  | 'NotFound'
  | 'AlreadyExists'
  | 'PermissionDenied'
  | 'ResourceExhausted'
  | 'FailedPrecondition'
  | 'Aborted'
  | 'OutOfRange'
  | 'Unimplemented'
  | 'Internal'
  | 'Unavailable'
  | 'DataLoss'
  | 'Unauthenticated';

/** A response or an error, as gRPC would carry it. */
export type Answer<Response> = {readonly kind: 'ok'; readonly response: Response} | AnswerError;

const error = (code: AnswerErrorCode, message: string, effect: 'none' | 'unknown'): AnswerError =>
  Object.freeze({kind: 'error', code, message, effect});

export const ERR_LEASE_NOT_FOUND = error('NotFound', 'etcdserver: requested lease not found', 'none');
export const ERR_LEASE_EXISTS = error('FailedPrecondition', 'etcdserver: lease already exists', 'none');
export const ERR_LEASE_TTL_TOO_LARGE = error('OutOfRange', 'etcdserver: too large lease TTL', 'none');
/** lease.ErrNotPrimary has no gRPC error of its own and comes out as Unknown. */
export const ERR_NOT_PRIMARY = error('Unknown', 'not a primary lessor', 'none');
export const ERR_LEADER_CHANGED = error('Unavailable', 'etcdserver: leader changed', 'none');
/** The leader may have renewed although its answer never came. */
export const ERR_TIMEOUT = error('Unavailable', 'etcdserver: request timed out', 'unknown');
export const ERR_AUTH_OLD_REVISION = error('InvalidArgument', 'etcdserver: revision of auth store is old', 'none');

/** A response as an answer. */
export function ok<Response>(response: Response): {readonly kind: 'ok'; readonly response: Response} {
  return {kind: 'ok', response};
}
