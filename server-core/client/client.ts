// server-core/client/client.ts: what clientv3 does around a call: endpoints in turn, what is tried again, what is told.
// Sources: client/v3/retry.go and retry_interceptor.go (etcd 3.6); gRPC's round_robin balancer and fail-fast calls. Reads are tried
// again on Unavailable, up to 100 times; a write is not, because it may have taken place.
import {assert} from '../../base/assert.ts';
import type {Env} from '../../env/env.ts';
import type {Deadline, Fiber} from '../../env/fiber.ts';
import {after, Signal, select, sleepUs} from '../../env/fiber.ts';
import type {Method} from '../api/payloads.ts';
import {effectOf} from './effects.ts';
import {Endpoint} from './endpoint.ts';

/** Backoff between tries of one call: 25 ms, ±10 %. options.go: defaultBackoffWaitBetween, defaultBackoffJitterFraction. */
const RETRY_WAIT_US = 25_000;
/** defaultUnaryMaxRetries. */
const TRIES_MAX = 100;

export interface ClientOptions {
  /** 'host:port' of servers. */
  readonly endpoints: readonly string[];
  /** The deadline that the application gives each call. */
  readonly requestTimeoutUs: number;
}

/** One call as the application makes it. */
export interface Call {
  readonly method: Method;
  readonly request: object;
  readonly sizeBytes: number;
  /** Repeatable: it changes nothing, or changing twice is harmless. */
  readonly isRepeatable: boolean;
}

/** What the application gets. `endpoint` is the server that answered. */
export type CallResult =
  | {readonly kind: 'ok'; readonly response: object; readonly endpoint: string}
  | {readonly kind: 'error'; readonly code: string; readonly message: string; readonly effect: 'none' | 'unknown'};

type Failure = Extract<CallResult, {kind: 'error'}>;

const DEADLINE_EXCEEDED = 'context deadline exceeded';

export class Client {
  private readonly env: Env;
  private readonly options: ClientOptions;
  private readonly endpoints: readonly Endpoint[];
  private readonly stateChanged = new Signal();
  private nextEndpoint: number;

  constructor(env: Env, options: ClientOptions) {
    assert(options.endpoints.length > 0, 'a client needs an endpoint');
    this.env = env;
    this.options = options;
    this.endpoints = options.endpoints.map((address) => new Endpoint(env, address, this.stateChanged));
    this.nextEndpoint = env.random.below(options.endpoints.length);
  }

  /** Begins to connect to all endpoints. */
  start(): void {
    for (const endpoint of this.endpoints) this.env.spawn(`endpoint ${endpoint.address}`, endpoint.run());
  }

  /** Makes one call; it returns within the request timeout, whatever the servers do. */
  *call(call: Call): Fiber<CallResult> {
    const {env} = this;
    const deadline = after(env.clock, this.options.requestTimeoutUs);
    // An earlier try may still take effect although the last one was refused.
    let effect: 'none' | 'unknown' = 'none';
    for (let tries = 1; ; tries++) {
      const result = yield* this.attempt(call, deadline);
      if (result.kind === 'ok') return result;
      if (result.effect === 'unknown') effect = 'unknown';
      const failure: Failure = {...result, effect};
      if (!call.isRepeatable || result.code !== 'Unavailable' || tries >= TRIES_MAX) return failure;
      yield* sleepUs(env.clock, Math.floor((RETRY_WAIT_US * (90 + env.random.below(21))) / 100));
      if (deadline.ready()) return failure;
      env.trace.mark('client: read tried again');
    }
  }

  private *attempt(call: Call, deadline: Deadline): Fiber<CallResult> {
    const endpoint = yield* this.pick(deadline);
    if (endpoint === 'deadline') return fail('DeadlineExceeded', DEADLINE_EXCEEDED, 'none');
    if (endpoint === 'none') return fail('Unavailable', 'connection error: no server can be reached', 'none');
    const sent = endpoint.send(call.method, call.request, call.sizeBytes);
    if (sent === undefined) return fail('Unavailable', 'connection error: the send buffer is full', 'none');
    const outcome = yield* select(this.env, {end: sent.end, deadline});
    if (outcome.kind === 'deadline') {
      endpoint.forget(sent.id);
      return fail('DeadlineExceeded', DEADLINE_EXCEEDED, 'unknown');
    }
    const end = outcome.value;
    switch (end.kind) {
      case 'reply':
        return {kind: 'ok', response: end.response, endpoint: endpoint.address};
      case 'broken':
        return fail('Unavailable', 'error reading from server: connection reset', 'unknown');
      case 'http':
        return fail('Internal', 'a call was answered as a plain request', 'unknown');
      case 'failure':
        return fail(end.code, end.message, effectOf(end.code, end.message));
    }
  }

  /** The next ready endpoint in turn; waits while one is connecting and none is ready. */
  private *pick(deadline: Deadline): Fiber<Endpoint | 'none' | 'deadline'> {
    for (;;) {
      const count = this.endpoints.length;
      for (let i = 0; i < count; i++) {
        const endpoint = this.endpoints[(this.nextEndpoint + i) % count];
        if (endpoint?.state !== 'ready') continue;
        this.nextEndpoint = (this.nextEndpoint + i + 1) % count;
        return endpoint;
      }
      if (this.endpoints.every(({state}) => state === 'failed')) return 'none';
      if (deadline.ready()) return 'deadline';
      yield {
        park: (task) => {
          this.stateChanged.park(task);
          deadline.park(task);
        },
      };
    }
  }
}

const fail = (code: string, message: string, effect: 'none' | 'unknown'): Failure => ({
  kind: 'error',
  code,
  message,
  effect,
});
