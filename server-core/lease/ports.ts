// server-core/lease/ports.ts: what the lease part asks of the server around it. etcd: EtcdServer, as v3_server.go's lease calls,
// revokeExpiredLeases and the checkpointer use it.
// `Caller` is who asks, as the host knows it (a token, a user); this part only hands it on.
import type {ByteString} from '../../base/byte-string.ts';
import type {LeaseId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {LeaseCheckpointRequest, LeaseGrantRequest, LeaseRevokeRequest} from '../etcdserverpb/lease-messages.ts';
import type {ResponseHeader} from '../etcdserverpb/types.ts';
import type {LeaseBehaviours} from './behaviours.ts';
import type {Answer, AnswerError} from './errors.ts';
import type {Lessor} from './lessor.ts';

/** What leases bring into the log; assignable to RaftRequestBody. */
export type LeaseProposal =
  | {readonly kind: 'lease-grant'; readonly request: LeaseGrantRequest}
  | {readonly kind: 'lease-revoke'; readonly request: LeaseRevokeRequest}
  | {readonly kind: 'lease-checkpoint'; readonly request: LeaseCheckpointRequest};

/** Peer paths of the leader. etcd: leasehttp.LeasePrefix, LeaseInternalPrefix. */
export type LeasePath = '/leases' | '/leases/internal';
export const LEASE_PATH: LeasePath = '/leases';
export const LEASE_INTERNAL_PATH: LeasePath = '/leases/internal';

/** An HTTP answer of a peer. */
export interface PeerAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

/** What one caller may do; each question answers undefined for yes. etcd: AuthStore's Is…Permitted with an AuthInfo. */
export interface CallerPermissions {
  readonly kind: 'permissions';
  admin(): AnswerError | undefined;
  /** Reading this one key. */
  range(key: ByteString): AnswerError | undefined;
  put(key: ByteString): AnswerError | undefined;
}

/** The auth store as the lease calls need it. */
export interface LeaseAuth<Caller> {
  isEnabled(): boolean;
  /** auth revision: changes with every change of users and roles. */
  revision(): number;
  /** Only while enabled: who the caller is. An error for a bad token or none. etcd: AuthInfoFromCtx, ErrUserEmpty. */
  permissionsOf(caller: Caller): CallerPermissions | AnswerError;
}

export interface LeaseHost<Caller> {
  readonly env: Env;
  readonly lessor: Lessor;
  readonly behaviours: LeaseBehaviours;
  readonly auth: LeaseAuth<Caller>;
  /** etcd: ReqTimeout, 5 s and two election timeouts. */
  readonly requestTimeoutUs: number;
  /** Feature FastLeaseKeepAlive; where the release has none it means nothing. */
  readonly fastKeepAlive: boolean;
  /**
   * Brings a request into the log and waits for the response of its apply, whose header the host completes; undefined: without
   * credentials. etcd: raftRequestOnce.
   */
  propose<Response>(body: LeaseProposal, caller: Caller | undefined): Fiber<Answer<Response>>;
  /** Who the server itself is. etcd: AuthStore.WithRoot. */
  asRoot(): Caller;
  /** As this member knows it. */
  isLeader(): boolean;
  /** Until a leader with a peer URL is known, looking again each election timeout; an error at that monotonic time. etcd: waitLeader. */
  waitLeader(untilUs: number): Fiber<AnswerError | undefined>;
  /** Until this member has applied what is committed now, at most a second. etcd: waitAppliedIndex. */
  waitAppliedIndex(): Fiber<AnswerError | undefined>;
  /** A read-index round within the request timeout, and this member leads behind it. etcd: ensureLeadership. */
  confirmLeadership(): Fiber<boolean>;
  /** The raft tick is younger than three ticks. etcd: isActive. */
  hasTicked(): boolean;
  /** POSTs to the peer URLs of the leader, one after the other until one is answered; undefined: none was. */
  askLeader(path: LeasePath, body: Uint8Array, timeoutUs: number): Fiber<PeerAnswer | undefined>;
  /** The header of an answer given now. */
  header(): ResponseHeader;
  /** A fresh positive id. etcd: the request id generator without its top bit. */
  drawId(): LeaseId;
}

/** Does this member lead, as surely as its release wants to know? Issue 15247. */
export function* ensureLeadership<Caller>(host: LeaseHost<Caller>): Fiber<boolean> {
  const {leadershipCheck} = host.behaviours;
  if (leadershipCheck === 'none') return true;
  if (leadershipCheck === 'quorum-unless-ticked' && host.hasTicked()) return true;
  return yield* host.confirmLeadership();
}
