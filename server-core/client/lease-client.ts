// server-core/client/lease-client.ts: leases of a client: calls, and one stream that keeps any number of them alive.
// etcd: client/v3 lease.go. The stream always requires a leader. It is opened again 500 ms after it breaks, for ever: no error of
// a server ends the loop, only the client's end does. A lease that gets no answer within its TTL is given up.
import type {LeaseId} from '../../base/ids.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select} from '../../env/fiber.ts';
import {Promised} from '../../env/sync.ts';
import type {CallFailure, Method} from '../api/payloads.ts';
import type {
  LeaseGrantResponse,
  LeaseKeepAliveResponse,
  LeaseLeasesResponse,
  LeaseRevokeResponse,
  LeaseTimeToLiveResponse,
} from '../etcdserverpb/lease-messages.ts';
import {
  leaseGrantRequest,
  leaseKeepAliveRequest,
  leaseLeasesRequest,
  leaseRevokeRequest,
  leaseTimeToLiveRequest,
} from '../etcdserverpb/lease-messages.ts';
import {CallContext} from './call-context.ts';
import {asToldToUser, CONNECTION_BROKEN, END_OF_STREAM, isHalting, NO_LEADER} from './call-errors.ts';
import type {CallOptions, Client, Failure, Success} from './client.ts';
import {ClientStream} from './client-stream.ts';
import {effectOf} from './effects.ts';
import type {KeepAliveHandle} from './lease-keeper.ts';
import {KeepAliveListener, LeaseKeeper} from './lease-keeper.ts';

/** retryConnWait: between two streams, and between two looks at what is due. */
const RETRY_US = 500_000;
const SECOND_US = 1_000_000;
/** defaultTTL: how long the first answer may take when there is no dial timeout. */
const DEFAULT_FIRST_TIMEOUT_US = 5_000_000;
const KEEP_ALIVE: Method = '/etcdserverpb.Lease/LeaseKeepAlive';
const LEASE_NOT_FOUND: CallFailure = Object.freeze({
  code: 'NotFound',
  message: 'etcdserver: requested lease not found',
});

export class LeaseClient {
  private readonly client: Client;
  private readonly keepers = new Map<LeaseId, LeaseKeeper>();
  private readonly stopping = new Promised<void>();
  private isRunning = false;

  constructor(client: Client) {
    this.client = client;
  }

  /** A new lease of so many seconds; without an id the server draws one. */
  *grant(
    ttl: number,
    options: CallOptions & {readonly id?: LeaseId} = {},
  ): Fiber<Success<LeaseGrantResponse> | Failure> {
    const {id, ...callOptions} = options;
    const request = leaseGrantRequest.make(id === undefined ? {ttl} : {ttl, id});
    return yield* this.client.ask<LeaseGrantResponse>('/etcdserverpb.Lease/LeaseGrant', request, callOptions);
  }

  *revoke(id: LeaseId, options: CallOptions = {}): Fiber<Success<LeaseRevokeResponse> | Failure> {
    const request = leaseRevokeRequest.make({id});
    return yield* this.client.ask<LeaseRevokeResponse>('/etcdserverpb.Lease/LeaseRevoke', request, options);
  }

  *timeToLive(id: LeaseId, keys = false, options: CallOptions = {}): Fiber<Success<LeaseTimeToLiveResponse> | Failure> {
    const request = leaseTimeToLiveRequest.make({id, keys});
    return yield* this.client.ask<LeaseTimeToLiveResponse>('/etcdserverpb.Lease/LeaseTimeToLive', request, options);
  }

  *leases(options: CallOptions = {}): Fiber<Success<LeaseLeasesResponse> | Failure> {
    const request = leaseLeasesRequest.make();
    return yield* this.client.ask<LeaseLeasesResponse>('/etcdserverpb.Lease/LeaseLeases', request, options);
  }

  /** Keeps a lease alive until it ends, is given up, or gets no answer for its whole TTL. */
  keepAlive(id: LeaseId, requiresLeader = false): KeepAliveHandle {
    const listener = new KeepAliveListener(requiresLeader);
    const {receive} = listener;
    if (this.stopping.ready()) {
      listener.end('closed');
      return {receive, cancel: () => undefined};
    }
    const keeper = this.keepers.get(id) ?? new LeaseKeeper(id, this.nowUs, this.firstTimeoutUs);
    this.keepers.set(id, keeper);
    keeper.add(listener);
    this.run();
    const cancel = () => {
      listener.end('cancelled');
      if (keeper.remove(listener) && this.keepers.get(id) === keeper) this.keepers.delete(id);
    };
    return {receive, cancel};
  }

  /** Renews a lease once; tries again at once, without a pause, while the error is one that may pass. */
  *keepAliveOnce(id: LeaseId, options: CallOptions = {}): Fiber<Success<LeaseKeepAliveResponse> | Failure> {
    const {requiresLeader = false} = options;
    const context = this.client.contextOf(options);
    for (;;) {
      const result = yield* this.renew(id, requiresLeader, context);
      if (!('code' in result)) {
        if (result.response.ttl > 0) return result;
        return {kind: 'error', ...LEASE_NOT_FOUND, effect: 'none'};
      }
      if (!isHalting(result) && !context.ready()) continue;
      const told = asToldToUser(result, this.client.behaviours);
      // A failed try before this one may have renewed the lease; nothing but time depends on it.
      return {kind: 'error', ...told, effect: context.ready() ? 'unknown' : effectOf(told.code, told.message)};
    }
  }

  /** Gives all leases up; they are not revoked. */
  close(): void {
    this.stopping.resolve();
    this.endAll();
  }

  private get nowUs(): number {
    return this.client.env.clock.monotonicUs();
  }

  private get firstTimeoutUs(): number {
    const {dialTimeoutUs} = this.client.options;
    return dialTimeoutUs === undefined ? DEFAULT_FIRST_TIMEOUT_US : dialTimeoutUs + SECOND_US;
  }

  private *renew(
    id: LeaseId,
    requiresLeader: boolean,
    context: CallContext,
  ): Fiber<Success<LeaseKeepAliveResponse> | CallFailure> {
    const stream = yield* this.client.openStream(KEEP_ALIVE, requiresLeader, context);
    if (!(stream instanceof ClientStream)) return stream;
    stream.send(leaseKeepAliveRequest.make({id}));
    const next = yield* select(this.client.env, {event: stream.receive, ended: context});
    stream.halfClose();
    stream.cancel();
    if (next.kind === 'ended') return context.failure;
    const event = next.value;
    if (event.kind === 'broken') return CONNECTION_BROKEN;
    if (event.kind === 'end') return event.failure ?? END_OF_STREAM;
    return {kind: 'ok', response: event.message as LeaseKeepAliveResponse, endpoint: stream.address};
  }

  private run(): void {
    if (this.isRunning) return;
    this.isRunning = true;
    this.client.env.spawn('lease keep-alive', this.keepAliveLoop());
    this.client.env.spawn('lease deadlines', this.deadlineLoop());
  }

  /** etcd: recvKeepAliveLoop. */
  private *keepAliveLoop(): Fiber<void> {
    const {client} = this;
    const context = new CallContext(client.env.clock, {cancelled: this.stopping});
    while (!this.isStopped) {
      const stream = yield* client.openStream(KEEP_ALIVE, true, context);
      if (stream instanceof ClientStream) {
        const sender = client.env.spawn('lease renewals', this.sendLoop(stream));
        yield* this.receiveAll(stream);
        sender.cancel();
        stream.cancel();
        client.env.trace.mark('client: lease stream ended');
      }
      yield* select(client.env, {stopping: this.stopping, closed: client.closed, waited: this.after(RETRY_US)});
    }
    this.endAll();
  }

  private get isStopped(): boolean {
    return this.stopping.ready() || this.client.closed.ready();
  }

  private after(us: number) {
    return after(this.client.env.clock, us);
  }

  /** Takes answers until the stream ends. */
  private *receiveAll(stream: ClientStream): Fiber<void> {
    for (;;) {
      const next = yield* select(this.client.env, {event: stream.receive, stopping: this.stopping});
      if (next.kind === 'stopping' || next.value.kind === 'broken') return;
      const event = next.value;
      if (event.kind === 'end') {
        if (event.failure?.message === NO_LEADER) for (const keeper of this.keepers.values()) keeper.leaderLost();
        return;
      }
      this.take(event.message as LeaseKeepAliveResponse);
    }
  }

  private take(response: LeaseKeepAliveResponse): void {
    const keeper = this.keepers.get(response.id);
    if (keeper === undefined) return;
    if (response.ttl <= 0) {
      this.keepers.delete(response.id);
      keeper.end('expired');
    } else if (keeper.renewed(response, this.nowUs) > 0) {
      this.client.env.trace.mark('client: keep-alive answer dropped');
    }
  }

  /** Sends what is due, twice a second, as long as the stream lives. etcd: sendKeepAliveLoop. */
  private *sendLoop(stream: ClientStream): Fiber<void> {
    const {env} = this.client;
    for (;;) {
      const nowUs = this.nowUs;
      const due = [...this.keepers.values()].filter((keeper) => keeper.isDue(nowUs));
      due.sort((a, b) => (a.id < b.id ? -1 : 1)); // ids differ; in Go the order is that of a map
      for (const {id} of due) if (!stream.send(leaseKeepAliveRequest.make({id}))) return;
      const woken = yield* select(env, {waited: this.after(RETRY_US), stopping: this.stopping});
      if (woken.kind === 'stopping') return;
    }
  }

  /** Once a second gives up leases whose time is over. etcd: deadlineLoop. */
  private *deadlineLoop(): Fiber<void> {
    const {client} = this;
    for (;;) {
      yield* select(client.env, {waited: this.after(SECOND_US), stopping: this.stopping, closed: client.closed});
      if (this.isStopped) return;
      const nowUs = this.nowUs;
      for (const keeper of [...this.keepers.values()]) {
        if (!keeper.isSilent(nowUs)) continue;
        this.keepers.delete(keeper.id);
        keeper.end('silent');
      }
    }
  }

  private endAll(): void {
    for (const keeper of this.keepers.values()) keeper.end('closed');
    this.keepers.clear();
    this.stopping.resolve();
  }
}
