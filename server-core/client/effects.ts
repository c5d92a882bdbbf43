// server-core/client/effects.ts: what an error tells about a write: did it certainly not take place, or may it have?
// The checkers rely on `none`, so each way to it has a proof in the servers' source (v3.3.25 to v3.6.0), and everything else is
// `unknown`. The ways to `none`:
// - Refused before a proposal: validation (api/v3rpc key.go), interceptors (no leader, not capable, learner), the token,
//   request size and apply backlog in processInternalRaftRequestOnce, which all stand before raft's Propose.
// - raft dropped the proposal: node.stepWait gives ErrProposalDropped for what the member's own raft did not append or forward.
// - Applying refused it. Appliers check permission, lease, revision and ignore flags before they write (apply.go, txn.go: a
//   failure behind the first write of a transaction panics), and every member refuses alike.
// Not a proof: "database space exceeded". Without an alarm quotaApplierV3 applies the request and then answers with that error.
// Not a proof: an error of the lock and election services; their calls are several writes and any one may have failed.
import type {CallFailure, Method} from '../api/payloads.ts';

export type Effect = 'none' | 'unknown';

/** Codes that only validations, lookups and permission checks give, whatever the message. */
const REFUSAL_CODES: ReadonlySet<string> = new Set<CallFailure['code']>([
  'InvalidArgument',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'Unauthenticated',
  'FailedPrecondition',
  'OutOfRange',
  'Unimplemented',
]);

/** Refusals whose code is also that of failures with an open outcome. */
const REFUSALS: ReadonlySet<string> = new Set([
  'Unavailable etcdserver: no leader', // interceptor.go: before the handler; waitLeader: before a lease is renewed
  'Unavailable etcdserver: not capable', // interceptor.go
  'Unavailable etcdserver: rpc not supported for learner', // interceptor.go
  'Unavailable etcdserver: unhealthy cluster', // server.go mayAddMember, mayRemoveMember: before the proposal
  'ResourceExhausted etcdserver: too many requests', // processInternalRaftRequestOnce: before the proposal
  'DataLoss etcdserver: corrupt cluster', // applierV3Corrupt: instead of applying
  'Unknown raft proposal dropped',
]);

/** gRPC's own refusals of a message by its size, before the handler sees it; numbers follow. */
const SIZE_REFUSALS: readonly string[] = [
  'grpc: received message larger than max',
  'grpc: trying to send message larger than max',
  'trying to send message larger than max',
];

/** A call that is several writes on the server's side. */
const isComposite = (method: Method | undefined): boolean =>
  method !== undefined && (method.startsWith('/v3lockpb.') || method.startsWith('/v3electionpb.'));

/** The effect that a write may have had when a server answered this to it. */
export function effectOf(code: string, message: string, method?: Method): Effect {
  if (isComposite(method)) return code === 'Unimplemented' ? 'none' : 'unknown';
  if (REFUSAL_CODES.has(code) || REFUSALS.has(`${code} ${message}`)) return 'none';
  if (code !== 'ResourceExhausted') return 'unknown';
  return SIZE_REFUSALS.some((start) => message.startsWith(start)) ? 'none' : 'unknown';
}
