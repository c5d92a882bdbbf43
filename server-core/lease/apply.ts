// server-core/lease/apply.ts: what the log's lease entries do, on every member alike. etcd: etcdserver/apply/apply.go.
// Not here: NOSPACE refusals of grants and the auth check of revokes, which the applier's own layers do before.
import type {
  LeaseCheckpointRequest,
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseRevokeRequest,
  LeaseRevokeResponse,
} from '../etcdserverpb/lease-messages.ts';
import type {ResponseHeader} from '../etcdserverpb/types.ts';
import {revisionHeader} from '../etcdserverpb/types.ts';
import type {Answer} from './errors.ts';
import {ok} from './errors.ts';
import type {Lessor} from './lessor.ts';

/** What an entry is applied to. The store is asked for its revision behind the change. */
export interface LeaseApplyTarget {
  readonly lessor: Lessor;
  readonly store: {readonly currentRevision: number};
}

/** A response that is its header and nothing more. */
export interface LeaseCheckpointResponse {
  readonly header: ResponseHeader | undefined;
}

export function applyGrant(target: LeaseApplyTarget, request: LeaseGrantRequest): Answer<LeaseGrantResponse> {
  const granted = target.lessor.grant(request.id, request.ttl);
  if (granted.kind === 'error') return granted;
  const {id, ttl} = granted.response;
  return ok({header: revisionHeader(target.store.currentRevision), id, ttl, error: ''});
}

export function applyRevoke(target: LeaseApplyTarget, request: LeaseRevokeRequest): Answer<LeaseRevokeResponse> {
  const refused = target.lessor.revoke(request.id);
  return refused ?? ok({header: revisionHeader(target.store.currentRevision)});
}

/** Unknown leases are passed over, so there is nothing to refuse. */
export function applyCheckpoint(
  target: LeaseApplyTarget,
  request: LeaseCheckpointRequest,
): Answer<LeaseCheckpointResponse> {
  for (const {id, remainingTtl} of request.checkpoints) target.lessor.checkpoint(id, remainingTtl);
  return ok({header: revisionHeader(target.store.currentRevision)});
}
