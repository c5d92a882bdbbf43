// server-core/client/retry-policy.ts: which calls clientv3 makes again after which errors, and how long it waits in between.
// etcd: client/v3 retry.go, retry_interceptor.go (isSafeRetry), options.go, client.go (roundRobinQuorumBackoff).
import type {Random} from '../../base/random.ts';
import type {CallFailure, Method} from '../api/payloads.ts';
import type {ClientBehaviours} from './behaviours.ts';
import {asToldToUser, isContextError, LEARNER_REFUSAL} from './call-errors.ts';

/** defaultUnaryMaxRetries: tries of one call, the first one included. */
export const TRIES_MAX = 100;
/** defaultBackoffWaitBetween, ± defaultBackoffJitterFraction of it. */
const WAIT_US = 25_000;
const WAIT_JITTER_US = 2_500;

/** Calls that retry.go marks as repeatable. Grants and revokes are among them although they change something. */
const REPEATABLE: ReadonlySet<Method> = new Set<Method>([
  '/etcdserverpb.KV/Range',
  '/etcdserverpb.Lease/LeaseTimeToLive',
  '/etcdserverpb.Lease/LeaseLeases',
  '/etcdserverpb.Lease/LeaseGrant',
  '/etcdserverpb.Lease/LeaseRevoke',
  '/etcdserverpb.Cluster/MemberList',
  '/etcdserverpb.Maintenance/Alarm',
  '/etcdserverpb.Maintenance/Status',
  '/etcdserverpb.Maintenance/Hash',
  '/etcdserverpb.Maintenance/HashKV',
  '/etcdserverpb.Maintenance/MoveLeader',
  '/etcdserverpb.Auth/UserList',
  '/etcdserverpb.Auth/UserGet',
  '/etcdserverpb.Auth/RoleGet',
  '/etcdserverpb.Auth/RoleList',
]);

/** Does clientv3 make this call again when the server is unavailable? */
export const isRepeatableMethod = (method: Method): boolean => REPEATABLE.has(method);

/** What the old balancer said when nothing had been sent. The only errors after which a write is made again. */
const NOTHING_SENT: ReadonlySet<string> = new Set([
  'there is no address available',
  'there is no connection available',
]);

export interface RetryQuestion {
  readonly failure: CallFailure;
  readonly isRepeatable: boolean;
  readonly endpointCount: number;
}

/** May the call be made again after this answer? The context's own end is the caller's to see. etcd: isSafeRetry. */
export function isSafeRetry(
  {failure, isRepeatable, endpointCount}: RetryQuestion,
  behaviours: ClientBehaviours,
): boolean {
  if (isContextError(failure)) return false;
  if (endpointCount > 1 && isKnownLearnerRefusal(failure, behaviours)) return true;
  if (failure.code !== 'Unavailable') return false;
  // The code on the wire and the one in the client's own table must both say so.
  if (isRepeatable) return asToldToUser(failure, behaviours).code === 'Unavailable';
  return NOTHING_SENT.has(failure.message);
}

function isKnownLearnerRefusal(failure: CallFailure, {learnerFailOver}: ClientBehaviours): boolean {
  if (failure.message !== LEARNER_REFUSAL) return false;
  if (learnerFailOver === 'unavailable') return failure.code === 'Unavailable';
  return learnerFailOver === 'failed-precondition' && failure.code === 'FailedPrecondition';
}

/**
 * Microseconds to wait before the attempt (counted from 0): nothing while a quorum of endpoints has not been asked since the last
 * wait. etcd: roundRobinQuorumBackoff.
 */
export function backoffUs(random: Random, attempt: number, endpointCount: number): number {
  const quorum = Math.floor(endpointCount / 2) + 1;
  if (attempt === 0 || attempt % quorum !== 0) return 0;
  return WAIT_US - WAIT_JITTER_US + random.below(2 * WAIT_JITTER_US + 1);
}
