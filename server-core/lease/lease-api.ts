// server-core/lease/lease-api.ts: the Lease service behind the wire. etcd: v3_server.go (Lease…), v3rpc/lease.go.
// Grants and revokes go through raft. Renewals do not: only the leader's lessor can renew, and a member that does not lead asks it
// over the peer port, as it does for times to live. Listings come from the member's own memory.
import type {LeaseId} from '../../base/ids.ts';
import type {Fiber} from '../../env/fiber.ts';
import {select, sleepUs} from '../../env/fiber.ts';
import type {
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseRevokeRequest,
  LeaseRevokeResponse,
  LeaseTimeToLiveRequest,
  LeaseTimeToLiveResponse,
} from '../etcdserverpb/lease-messages.ts';
import {leaseTimeToLiveResponse} from '../etcdserverpb/lease-messages.ts';
import type {ServerStream} from '../etcdserverpb/server-stream.ts';
import {NO_LEASE} from '../etcdserverpb/types.ts';
import {checkListing, checkRenewal, checkTimeToLive, requireUser} from './auth-checks.ts';
import type {Answer, AnswerError} from './errors.ts';
import {
  ERR_AUTH_OLD_REVISION,
  ERR_LEADER_CHANGED,
  ERR_LEASE_NOT_FOUND,
  ERR_NOT_PRIMARY,
  ERR_TIMEOUT,
  ok,
} from './errors.ts';
import {describeLease, renewAtLeader, timeToLiveAtLeader} from './peer-lease.ts';
import type {LeaseHost} from './ports.ts';
import {ensureLeadership} from './ports.ts';

/** Between two rounds of asking the leader, in releases that pause. */
const FORWARD_PAUSE_US = 50_000;
/** What a round costs at least in those that do not: an HTTP request that fails at once is not free either. */
const FORWARD_ROUND_US_MIN = 1_000;

export class LeaseApi<Caller> {
  private readonly host: LeaseHost<Caller>;

  constructor(host: LeaseHost<Caller>) {
    this.host = host;
  }

  /** Lease.LeaseGrant; id 0 lets the server choose. */
  *grant(request: LeaseGrantRequest, caller: Caller): Fiber<Answer<LeaseGrantResponse>> {
    const {host} = this;
    let {id} = request;
    while (id === NO_LEASE) id = host.drawId();
    return requireUser(host, caller) ?? (yield* host.propose({kind: 'lease-grant', request: {...request, id}}, caller));
  }

  /** Lease.LeaseRevoke. */
  *revoke(request: LeaseRevokeRequest, caller: Caller): Fiber<Answer<LeaseRevokeResponse>> {
    const {host} = this;
    const refused = requireUser(host, caller);
    if (refused !== undefined) return refused;
    const proposer = host.behaviours.revokesAsRoot && host.auth.isEnabled() ? host.asRoot() : caller;
    const answer: Answer<LeaseRevokeResponse> = yield* host.propose({kind: 'lease-revoke', request}, proposer);
    return answer.kind === 'error' && host.behaviours.revokeRefusal === 'not-found' ? ERR_LEASE_NOT_FOUND : answer;
  }

  /** Lease.LeaseTimeToLive; TTL -1 for a lease that does not exist. */
  *timeToLive(request: LeaseTimeToLiveRequest, caller: Caller): Fiber<Answer<LeaseTimeToLiveResponse>> {
    const {host} = this;
    const authRevision = host.auth.revision();
    const refused = requireUser(host, caller) ?? checkTimeToLive(host, request, caller);
    if (refused !== undefined) return refused;
    const answer = yield* this.askTimeToLive(request);
    if (answer.kind === 'error') {
      if (answer !== ERR_LEASE_NOT_FOUND || !host.behaviours.tellsMissingTtl) return answer;
      return ok(leaseTimeToLiveResponse.make({header: host.header(), id: request.id, ttl: -1}));
    }
    const checked = host.behaviours.checksTtlKeys && request.keys && host.auth.isEnabled();
    if (checked && host.auth.revision() !== authRevision) return ERR_AUTH_OLD_REVISION;
    return ok({...answer.response, header: host.header()});
  }

  private *askTimeToLive(request: LeaseTimeToLiveRequest): Fiber<Answer<LeaseTimeToLiveResponse>> {
    const {host} = this;
    if (host.isLeader()) return yield* this.ownTimeToLive(request);
    return yield* this.forward(0, (timeoutUs) => timeToLiveAtLeader(host, request, timeoutUs));
  }

  private *ownTimeToLive(request: LeaseTimeToLiveRequest): Fiber<Answer<LeaseTimeToLiveResponse>> {
    const {env, lessor, behaviours} = this.host;
    const late = behaviours.waitsForApply ? yield* this.host.waitAppliedIndex() : undefined;
    if (late !== undefined) return late;
    if (env.failpoints.armed) yield* env.failpoints.hit('beforeLookupWhenLeaseTimeToLive');
    const lease = lessor.lookup(request.id);
    if (lease === undefined) return ERR_LEASE_NOT_FOUND;
    if (lease.isDemoted) env.trace.mark('lease: time to live asked of a lease without an end');
    if (behaviours.refusesDemotedTtl && lease.isDemoted) return ERR_LEADER_CHANGED;
    return ok(describeLease(lease, request, env.clock.monotonicUs()));
  }

  /** Lease.LeaseLeases, from this member's memory. */
  *leases(caller: Caller): Fiber<Answer<LeaseLeasesResponse>> {
    const {host} = this;
    const leases = host.lessor.list();
    const refused = checkListing(host, leases, caller);
    return refused ?? ok({header: host.header(), leases: leases.map(({id}) => ({id}))});
  }

  /** Renews a lease and answers its TTL. etcd: LeaseRenew. */
  *renew(id: LeaseId, caller: Caller): Fiber<Answer<number>> {
    const {host} = this;
    const own = yield* this.renewHere(id, caller);
    if (own !== undefined) return own;
    const pauseUs = host.behaviours.pausesBetweenForwards ? FORWARD_PAUSE_US : 0;
    return yield* this.forward(pauseUs, function* (timeoutUs) {
      return checkRenewal(host, id, caller) ?? (yield* renewAtLeader(host, id, timeoutUs));
    });
  }

  /** Undefined: this member's lessor is not the one to ask. */
  private *renewHere(id: LeaseId, caller: Caller): Fiber<Answer<number> | undefined> {
    const {host} = this;
    const {lessor, behaviours} = host;
    if (behaviours.waitsForApply) {
      if (!host.isLeader()) return undefined;
      if (!(yield* ensureLeadership(host))) return ERR_NOT_PRIMARY;
      const isFast = behaviours.hasFastKeepAlive && host.fastKeepAlive && lessor.exists(id);
      const late = isFast ? undefined : yield* host.waitAppliedIndex();
      if (late !== undefined) return late;
      const refused = checkRenewal(host, id, caller);
      if (refused !== undefined) return refused;
    }
    const renewed = yield* lessor.renew(id);
    return renewed === ERR_NOT_PRIMARY ? undefined : renewed;
  }

  /** Asks the leader, whoever it is by then, until it answers or the request's time is over. */
  private *forward<Response>(
    pauseUs: number,
    ask: (timeoutUs: number) => Fiber<Answer<Response> | undefined>,
  ): Fiber<Answer<Response>> {
    const {host} = this;
    const {clock} = host.env;
    const untilUs = clock.monotonicUs() + host.requestTimeoutUs;
    while (clock.monotonicUs() < untilUs) {
      const leaderless = yield* host.waitLeader(untilUs);
      if (leaderless !== undefined) return leaderless;
      const askedUs = clock.monotonicUs();
      const answer = yield* ask(Math.max(0, untilUs - askedUs));
      if (answer !== undefined) return answer;
      const restUs = FORWARD_ROUND_US_MIN - (clock.monotonicUs() - askedUs);
      yield* sleepUs(clock, Math.max(pauseUs, restUs));
    }
    return ERR_TIMEOUT;
  }
}

/**
 * One keep-alive call: renewals one after the other, in the order of the requests; TTL 0 for a lease that does not exist. Returns
 * how the call ends: undefined for well, or because it is over anyway. etcd: v3rpc LeaseServer.leaseKeepAlive.
 */
export function* serveKeepAlive<Caller>(
  host: LeaseHost<Caller>,
  stream: ServerStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse>,
  caller: Caller,
): Fiber<AnswerError | undefined> {
  const api = new LeaseApi(host);
  for (;;) {
    const request = yield* nextRequest(host, stream);
    if (request === undefined) return undefined;
    // The header first: its revision must not be later than the renewal, or a revoke in between would seem to come before it.
    const header = host.header();
    const renewed = yield* api.renew(request.id, caller);
    if (renewed.kind === 'error' && renewed !== ERR_LEASE_NOT_FOUND) return renewed;
    const ttl = renewed.kind === 'ok' ? renewed.response : 0;
    if (!(yield* stream.send({header, id: request.id, ttl}))) return undefined;
  }
}

/** The next request; undefined once the client has closed its side or the call is over. */
function* nextRequest<Caller>(
  host: LeaseHost<Caller>,
  stream: ServerStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse>,
): Fiber<LeaseKeepAliveRequest | undefined> {
  const event = yield* select(host.env, {request: stream.receive, ended: stream.ended});
  return event.kind === 'request' ? event.value : undefined;
}
