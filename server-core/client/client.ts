// server-core/client/client.ts: an etcd client: what clientv3 does around a call. Users: scenarios/traffic.ts and everything that
// plays a client; watches, leases and recipes are watcher.ts, lease-client.ts and concurrency.ts, made from a Client.
// Sources: client/v3 client.go, retry_interceptor.go, options.go (3.3.25, 3.4.23, 3.5.16, 3.6.0). `release` picks the client's own
// release; it need not be the servers'.
// - Calls go round the ready servers (balancer.ts). While none is ready a call waits, until its deadline (WaitForReady); nothing
//   has been sent then, so the effect is `none`.
// - A read, a grant and some others are made again on Unavailable, at once on the next server and after each quorum of servers with
//   25 ms ± 10 % between, 100 tries at most; a write is not, because it may have taken place (retry-policy.ts).
// - A cancellation or timeout that the *server* reports makes any call, a write too, be made again while its own time lasts.
// - A token that has become invalid is replaced and the call made again (credentials.ts).
// The `effect` of an error covers every try: `none` is promised only if each one certainly did nothing (effects.ts).
import {assert} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber, Waitable} from '../../env/fiber.ts';
import {after, select, sleepUs} from '../../env/fiber.ts';
import {Promised} from '../../env/sync.ts';
import type {CallFailure, CallMetadata, Method} from '../api/payloads.ts';
import type {AuthenticateRequest, AuthenticateResponse} from '../etcdserverpb/auth-messages.ts';
import type {MembersResponse} from '../etcdserverpb/cluster-messages.ts';
import {memberListRequest} from '../etcdserverpb/cluster-messages.ts';
import {Balancer} from './balancer.ts';
import type {ClientBehaviours} from './behaviours.ts';
import {clientBehaviours} from './behaviours.ts';
import type {ContextOptions} from './call-context.ts';
import {CallContext} from './call-context.ts';
import {asToldToUser, CLIENT_CLOSING, CONNECTION_BROKEN, isContextError} from './call-errors.ts';
import type {ClientStream} from './client-stream.ts';
import type {User} from './credentials.ts';
import {Credentials} from './credentials.ts';
import type {Effect} from './effects.ts';
import {effectOf} from './effects.ts';
import type {Endpoint, KeepAliveOptions} from './endpoint.ts';
import {backoffUs, isRepeatableMethod, isSafeRetry, TRIES_MAX} from './retry-policy.ts';

/** How often a full send buffer is looked at again. */
const FULL_BUFFER_RETRY_US = 5_000;
/** autoSync: the time of one round. */
const SYNC_TIMEOUT_US = 5_000_000;
/** Bytes that a small request counts for. */
const SMALL_REQUEST_SIZE = 50;
const DEFAULT_RELEASE = '3.6.0';

export interface ClientOptions {
  /** 'host:port' of servers. */
  readonly endpoints: readonly string[];
  /** The deadline that the application gives each call that brings none of its own. */
  readonly requestTimeoutUs: number;
  /** The client's own release. */
  readonly release?: string;
  /** Bounds the first authentication, and the wait for a lease's first keep-alive. Absent: unbounded, as DialTimeout 0. */
  readonly dialTimeoutUs?: number;
  readonly keepAlive?: KeepAliveOptions;
  readonly user?: User;
  /** Replaces the endpoints by those of the member list that often. */
  readonly autoSyncIntervalUs?: number;
}

/** One call as the application makes it. */
export interface Call {
  readonly method: Method;
  readonly request: object;
  readonly sizeBytes: number;
  /** Repeatable: it changes nothing, or changing twice is harmless. Absent: as clientv3 has it for the method. */
  readonly isRepeatable?: boolean;
  /** Absent: the client's own; 'none': no deadline. */
  readonly timeoutUs?: number | 'none';
  /** Ready once the application gives the call up. */
  readonly cancelled?: Waitable<unknown>;
  /** WithRequireLeader. */
  readonly requiresLeader?: boolean;
  /** Only this one of the client's endpoints, as Maintenance calls name one. They have a connection of their own in clientv3. */
  readonly endpoint?: string;
  /** Instead of `timeoutUs` and `cancelled`: the call is part of something that has its own end. */
  readonly within?: CallContext;
}

/** What a call needs beside its request. */
export type CallOptions = Pick<Call, 'timeoutUs' | 'cancelled' | 'requiresLeader' | 'endpoint' | 'within'>;

/** `effect`: what the call may have changed. */
export interface Failure {
  readonly kind: 'error';
  readonly code: CallFailure['code'];
  readonly message: string;
  readonly effect: Effect;
}

/** A response. `endpoint` is the server that gave it. */
export interface Success<T extends object> {
  readonly kind: 'ok';
  readonly response: T;
  readonly endpoint: string;
}

/** What the application gets. */
export type CallResult = Success<object> | Failure;

export class Client {
  readonly env: Env;
  readonly options: ClientOptions;
  readonly behaviours: ClientBehaviours;
  private readonly balancer: Balancer;
  private readonly credentials: Credentials;
  private readonly closing = new Promised<void>();

  constructor(env: Env, options: ClientOptions) {
    assert(options.endpoints.length > 0, 'a client needs an endpoint');
    this.env = env;
    this.options = options;
    this.behaviours = clientBehaviours(options.release ?? DEFAULT_RELEASE);
    this.balancer = new Balancer(env, options.keepAlive);
    this.balancer.setAddresses(options.endpoints);
    this.credentials = new Credentials(options.user, this.behaviours);
  }

  /** Ready once the client is closed. */
  get closed(): Waitable<void> {
    return this.closing;
  }

  /** Begins to connect to all endpoints. A client with a user calls login() next. */
  start(): void {
    this.balancer.start();
    const {autoSyncIntervalUs} = this.options;
    if (autoSyncIntervalUs !== undefined) this.env.spawn('auto sync', this.autoSync(autoSyncIntervalUs));
  }

  /** Gets the first token within the dial timeout; a failure means that there is no client. etcd: newClient. */
  *login(): Fiber<CallFailure | undefined> {
    const context = new CallContext(this.env.clock, {timeoutUs: this.options.dialTimeoutUs, cancelled: this.closing});
    return yield* this.credentials.login(this.authenticator(context), this.endpointCount);
  }

  /** Ends all connections; calls that are open end as if theirs broke, waiting ones are cancelled. */
  close(): void {
    this.closing.resolve();
    this.balancer.close();
  }

  /** 'host:port' of the servers in use. */
  get endpoints(): readonly string[] {
    return this.balancer.addresses;
  }

  private get endpointCount(): number {
    return this.balancer.addresses.length;
  }

  /** Uses these servers from now on; what is open on others runs on to its end. */
  setEndpoints(addresses: readonly string[]): void {
    this.balancer.setAddresses(addresses);
  }

  /** Uses the servers of the member list. etcd: Sync. */
  *sync(options: CallOptions = {}): Fiber<Failure | undefined> {
    const linearizable = this.behaviours.listsMembersLinearizably;
    const request = memberListRequest.make({linearizable});
    const listed = yield* this.ask<MembersResponse>('/etcdserverpb.Cluster/MemberList', request, options);
    if (listed.kind === 'error') return listed;
    const {syncLeavesOutLearners} = this.behaviours;
    const used = listed.response.members.filter(
      ({name, isLearner}) => !syncLeavesOutLearners || (name.length > 0 && !isLearner),
    );
    const addresses = used.flatMap(({clientUrls}) => clientUrls.map(addressIn));
    if (addresses.length > 0) this.setEndpoints(addresses);
    return undefined;
  }

  private *autoSync(intervalUs: number): Fiber<void> {
    for (;;) {
      const woken = yield* select(this.env, {closed: this.closing, due: after(this.env.clock, intervalUs)});
      if (woken.kind === 'closed') return;
      yield* this.sync({timeoutUs: SYNC_TIMEOUT_US, cancelled: this.closing});
    }
  }

  /** Makes a call whose response is known to be a T. */
  ask<T extends object>(method: Method, request: object, options: CallOptions = {}): Fiber<Success<T> | Failure> {
    return this.call({...options, method, request, sizeBytes: SMALL_REQUEST_SIZE}) as Fiber<Success<T> | Failure>;
  }

  /** Makes one call; it returns within its deadline, whatever the servers do. */
  call(call: Call): Fiber<CallResult> {
    return this.callWithin(call, this.contextOf(call));
  }

  /** How long a call with these options may take. */
  contextOf({timeoutUs = this.options.requestTimeoutUs, cancelled, within}: CallOptions): CallContext {
    if (within !== undefined) return within;
    const options: ContextOptions = {timeoutUs: timeoutUs === 'none' ? undefined : timeoutUs, cancelled};
    return new CallContext(this.env.clock, options);
  }

  /** etcd: unaryClientInterceptor. */
  private *callWithin(call: Call, context: CallContext): Fiber<CallResult> {
    const isRepeatable = call.isRepeatable ?? isRepeatableMethod(call.method);
    // An earlier try may still take effect although the last one was refused.
    let effect: Effect = 'none';
    let last: Failure | undefined;
    for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
      if (attempt > 0) {
        const ended = yield* this.backOff(attempt, context);
        if (ended !== undefined) return {kind: 'error', ...ended, effect};
        this.env.trace.mark(isRepeatable ? 'client: read tried again' : 'client: write tried again');
      }
      const result = yield* this.attempt(call, context);
      if (result.kind === 'ok') return result;
      if (result.effect === 'unknown') effect = 'unknown';
      last = this.told(result, effect);
      if (isContextError(result)) {
        if (context.ready() || this.closing.ready()) return last;
      } else if (this.credentials.callsForRefresh(result) && call.method !== AUTHENTICATE) {
        const failure = yield* this.credentials.refresh(this.authenticator(context), this.endpointCount);
        if (failure !== undefined) return this.told(failure, effect);
      } else if (!isSafeRetry({failure: result, isRepeatable, endpointCount: this.endpointCount}, this.behaviours)) {
        return last;
      }
    }
    assert(last !== undefined, 'a call was tried at least once');
    return last;
  }

  /** Waits before another attempt; what ended the call meanwhile. */
  private *backOff(attempt: number, context: CallContext): Fiber<CallFailure | undefined> {
    const waitUs = backoffUs(this.env.random, attempt, this.endpointCount);
    if (waitUs === 0) return undefined;
    const woken = yield* select(this.env, {ended: context, waited: after(this.env.clock, waitUs)});
    return woken.kind === 'ended' || context.ready() ? context.failure : undefined;
  }

  private told(failure: CallFailure, effect: Effect): Failure {
    const {code, message} = asToldToUser(failure, this.behaviours);
    return {kind: 'error', code, message, effect};
  }

  private *attempt(call: Call, context: CallContext): Fiber<CallResult> {
    const metadata = this.credentials.metadata(call.requiresLeader ?? false);
    for (;;) {
      const endpoint = this.choose(call) ?? (yield* this.pick(context, call));
      if (endpoint === undefined) return {kind: 'error', ...this.whyEnded(context), effect: 'none'};
      const sent = endpoint.send(call.method, call.request, call.sizeBytes, metadata);
      if (sent === undefined) {
        yield* this.waitForRoom(endpoint);
        continue;
      }
      const outcome = yield* select(this.env, {end: sent.end, ended: context});
      if (outcome.kind === 'ended') {
        endpoint.forget(sent.id);
        return {kind: 'error', ...context.failure, effect: 'unknown'};
      }
      const end = outcome.value;
      switch (end.kind) {
        case 'reply':
          return {kind: 'ok', response: end.response, endpoint: endpoint.address};
        case 'broken':
          return {kind: 'error', ...CONNECTION_BROKEN, effect: 'unknown'};
        case 'http':
          return {
            kind: 'error',
            code: 'Internal',
            message: 'a call was answered as a plain request',
            effect: 'unknown',
          };
        case 'failure': {
          const {code, message} = end;
          return {kind: 'error', code, message, effect: effectOf(code, message, call.method)};
        }
      }
    }
  }

  /** The next ready endpoint in turn, once there is one; undefined: the call's time is up. gRPC: WaitForReady. */
  private *pick(context: CallContext, call?: Call): Fiber<Endpoint | undefined> {
    for (;;) {
      const endpoint = this.choose(call);
      if (endpoint !== undefined) return endpoint;
      if (context.ready() || this.closing.ready()) return undefined;
      yield {
        park: (task) => {
          this.balancer.changed.park(task);
          this.closing.park(task);
          context.park(task);
        },
      };
    }
  }

  private choose(call?: Call): Endpoint | undefined {
    return call?.endpoint === undefined ? this.balancer.pick() : this.balancer.at(call.endpoint);
  }

  private whyEnded(context: CallContext): CallFailure {
    return context.ready() ? context.failure : CLIENT_CLOSING;
  }

  /** Nothing went out: the connection is full, or gone without the endpoint having noticed. gRPC's flow control blocks. */
  private *waitForRoom(endpoint: Endpoint): Fiber<void> {
    if (endpoint.state === 'ready') yield* sleepUs(this.env.clock, FULL_BUFFER_RETRY_US);
  }

  /**
   * Opens a stream to the next ready server; waits for one within the context. Refusals come on the stream itself, as gRPC has
   * it. etcd: streamClientInterceptor.
   */
  *openStream(method: Method, requiresLeader: boolean, context: CallContext): Fiber<ClientStream | CallFailure> {
    const failure = yield* this.credentials.beforeStream(this.authenticator(context), this.endpointCount);
    if (failure !== undefined) return failure;
    for (;;) {
      const endpoint = yield* this.pick(context);
      if (endpoint === undefined) return this.whyEnded(context);
      const metadata: CallMetadata | undefined = this.credentials.metadata(requiresLeader);
      const stream = endpoint.openStream(method, metadata);
      if (stream !== undefined) return stream;
      yield* this.waitForRoom(endpoint);
    }
  }

  private authenticator(context: CallContext) {
    const client = this;
    return function* (request: AuthenticateRequest): Fiber<AuthenticateResponse | CallFailure> {
      const call: Call = {method: AUTHENTICATE, request, sizeBytes: SMALL_REQUEST_SIZE};
      const result = yield* client.callWithin(call, context);
      return result.kind === 'ok' ? (result.response as AuthenticateResponse) : result;
    };
  }
}

const AUTHENTICATE: Method = '/etcdserverpb.Auth/Authenticate';

/** 'http://host:port' -> 'host:port'. */
const addressIn = (url: ByteString): string => url.replace(/^[a-z]+:\/\//, '').replace(/\/.*$/, '');
