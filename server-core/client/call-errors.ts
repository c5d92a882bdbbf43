// server-core/client/call-errors.ts: how clientv3 reads an error: what is worth another try, what ends a loop, what the user is told.
// etcd: client/v3 client.go (isHaltErr, isUnavailableErr, ContextError), retry.go, api/v3rpc/rpctypes.
import type {CallFailure} from '../api/payloads.ts';
import type {ClientBehaviours} from './behaviours.ts';

export const LEARNER_REFUSAL = 'etcdserver: rpc not supported for learner';
export const NO_LEADER = 'etcdserver: no leader';
export const INVALID_AUTH_TOKEN = 'etcdserver: invalid auth token';
export const AUTH_OLD_REVISION = 'etcdserver: revision of auth store is old';
export const USER_EMPTY = 'etcdserver: user name is empty';
export const AUTH_NOT_ENABLED = 'etcdserver: authentication is not enabled';

export const DEADLINE_EXCEEDED: CallFailure = Object.freeze({
  code: 'DeadlineExceeded',
  message: 'context deadline exceeded',
});
export const CANCELED: CallFailure = Object.freeze({code: 'Canceled', message: 'context canceled'});
export const CLIENT_CLOSING: CallFailure = Object.freeze({
  code: 'Canceled',
  message: 'grpc: the client connection is closing',
});
/** What gRPC makes of a connection that ends under a call. */
export const CONNECTION_BROKEN: CallFailure = Object.freeze({
  code: 'Unavailable',
  message: 'error reading from server: connection reset',
});
/** A stream that its server ends well is the end of the file, which has no gRPC code. */
export const END_OF_STREAM: CallFailure = Object.freeze({code: 'Unknown', message: 'EOF'});

/** Errors that moved from Unavailable to FailedPrecondition in 3.6 (#12985). */
const MOVED_IN_3_6: ReadonlySet<string> = new Set([
  'etcdserver: not capable',
  LEARNER_REFUSAL,
  'etcdserver: cluster version not found during downgrade',
]);

/**
 * The error as the user gets it. A message that clientv3 knows comes with the code of the client's own table, whatever code the
 * server sent. rpctypes.Error.
 */
export function asToldToUser(failure: CallFailure, behaviours: ClientBehaviours): CallFailure {
  if (!MOVED_IN_3_6.has(failure.message)) return failure;
  const code = behaviours.holdsIncapableAsFailedPrecondition ? 'FailedPrecondition' : 'Unavailable';
  return code === failure.code ? failure : {code, message: failure.message};
}

/** Connecting again cannot help. etcd: isHaltErr, the context's end aside. */
export const isHalting = ({code}: CallFailure): boolean => code !== 'Unavailable' && code !== 'Internal';

/** etcd: isUnavailableErr. */
export const isUnavailable = ({code}: CallFailure): boolean => code === 'Unavailable';

/** A deadline or a cancellation, the call's own or one that the server reports. etcd: isContextError. */
export const isContextError = ({code}: CallFailure): boolean => code === 'DeadlineExceeded' || code === 'Canceled';
