// server-core/server/errors.ts: what a server answers when it does not do what was asked. etcd: server/etcdserver/errors and
// api/v3rpc/rpctypes/error.go, util.go (togRPCError).

/** gRPC codes that etcd uses, by name. */
export type GrpcCode =
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

/** An answer that the protocol allows: models predict it, clients may retry on it. */
export interface ServerError {
  readonly kind: 'error';
  readonly code: GrpcCode;
  readonly message: string;
  /** none: the request was refused before anything could take effect. unknown: it may still take place. */
  readonly effect: 'none' | 'unknown';
}

const error = (code: GrpcCode, message: string, effect: 'none' | 'unknown'): ServerError =>
  Object.freeze({kind: 'error', code, message, effect});

export const ERR_TIMEOUT = error('Unavailable', 'etcdserver: request timed out', 'unknown');
export const ERR_TIMEOUT_LEADER_FAIL = error(
  'Unavailable',
  'etcdserver: request timed out, possibly due to previous leader failure',
  'unknown',
);
export const ERR_TIMEOUT_CONNECTION_LOST = error(
  'Unavailable',
  'etcdserver: request timed out, possibly due to connection lost',
  'unknown',
);
export const ERR_LEADER_CHANGED = error('Unavailable', 'etcdserver: leader changed', 'unknown');
export const ERR_STOPPED = error('Unavailable', 'etcdserver: server stopped', 'unknown');
export const ERR_TOO_MANY_REQUESTS = error('ResourceExhausted', 'etcdserver: too many requests', 'none');
export const ERR_REQUEST_TOO_LARGE = error('InvalidArgument', 'etcdserver: request is too large', 'none');
export const ERR_TIMEOUT_WAIT_APPLIED = error(
  'Unavailable',
  'etcdserver: request timed out, waiting for the applied index took too long',
  'none',
);
/** Proves nothing: a member whose quota is used up applies the request and then answers so (quotaApplierV3). */
export const ERR_NO_SPACE = error('ResourceExhausted', 'etcdserver: mvcc: database space exceeded', 'unknown');
export const ERR_CORRUPT = error('DataLoss', 'etcdserver: corrupt cluster', 'none');
export const ERR_NO_LEADER = error('Unavailable', 'etcdserver: no leader', 'none');
export const ERR_NOT_LEADER = error('FailedPrecondition', 'etcdserver: not leader', 'none');
/** raft.ErrProposalDropped has no code of its own and comes out as Unknown. */
export const ERR_PROPOSAL_DROPPED = error('Unknown', 'raft proposal dropped', 'none');

/** A refusal that a validation or the store words itself. */
export function refusal(code: GrpcCode, message: string): ServerError {
  return {kind: 'error', code, message, effect: 'none'};
}
