// server-core/server/cluster-errors.ts: refusals of membership changes and downgrade calls as gRPC carries them.
// etcd: rpctypes/error.go, v3rpc/util.go. "Not enough started members" leaves as Unknown: the table there names the client's form of
// the error, which has no code (seen on 3.3.25, 3.4.23, 3.5.16).
import type {ClusterErrorCode} from '../membership/conf-change-check.ts';
import type {ReconfigRefusal} from '../membership/reconfig-check.ts';
import type {ServerError} from './errors.ts';
import {refusal} from './errors.ts';

export const ERR_MEMBER_BAD_URLS = refusal('InvalidArgument', 'etcdserver: given member URLs are invalid');
export const ERR_MEMBER_NOT_FOUND = refusal('NotFound', 'etcdserver: member not found');
export const ERR_MEMBER_NOT_LEARNER = refusal('FailedPrecondition', 'etcdserver: can only promote a learner member');
export const ERR_LEARNER_NOT_READY = refusal(
  'FailedPrecondition',
  'etcdserver: can only promote a learner member which is in sync with leader',
);

/** What a conf change that was refused when it was applied is to its client. */
export const CLUSTER_SERVER_ERRORS: Readonly<Record<ClusterErrorCode, ServerError>> = {
  'id-removed': ERR_MEMBER_NOT_FOUND,
  'id-not-found': ERR_MEMBER_NOT_FOUND,
  'id-exists': refusal('FailedPrecondition', 'etcdserver: member ID already exist'),
  'peer-url-exists': refusal('FailedPrecondition', 'etcdserver: Peer URLs already exists'),
  'member-not-learner': ERR_MEMBER_NOT_LEARNER,
  'too-many-learners': refusal('FailedPrecondition', 'etcdserver: too many learner members in cluster'),
};

export const RECONFIG_ERRORS: Readonly<Record<ReconfigRefusal, ServerError>> = {
  'not-enough-started': refusal('Unknown', 'etcdserver: re-configuration failed due to not enough started members'),
  unhealthy: refusal('Unavailable', 'etcdserver: unhealthy cluster'),
};

export const ERR_WRONG_DOWNGRADE_FORMAT = refusal(
  'InvalidArgument',
  'etcdserver: wrong downgrade target version format',
);
export const ERR_INVALID_DOWNGRADE_TARGET = refusal('InvalidArgument', 'etcdserver: invalid downgrade target version');
export const ERR_DOWNGRADE_IN_PROCESS = refusal(
  'FailedPrecondition',
  'etcdserver: cluster has a downgrade job in progress',
);
export const ERR_NO_INFLIGHT_DOWNGRADE = refusal('FailedPrecondition', 'etcdserver: no inflight downgrade job');

/** The cluster version is not known yet; the code differs by release. */
export function clusterVersionUnavailable(code: 'Unavailable' | 'FailedPrecondition'): ServerError {
  return refusal(code, 'etcdserver: cluster version not found during downgrade');
}
