// server-core/api/discovery-service.ts: the discovery service's cluster as a starting member reaches it: gets, a put and a watch over its
// client port. Frames are sent from here, and not by client/, which stands above the servers. What clientv3 does for a member
// that starts is little: the next endpoint when one cannot be reached, another try while a get fails for a moment.
import type {ByteString} from '../../base/byte-string.ts';
import {prefixEnd} from '../../base/byte-string.ts';
import type {Env} from '../../env/env.ts';
import type {Deadline, Fiber} from '../../env/fiber.ts';
import {after, select, sleepUs, until} from '../../env/fiber.ts';
import type {Connection} from '../../env/network.ts';
import {NetworkError} from '../../env/network.ts';
import type {DiscoveryOptions, DiscoveryService, RegistryEntry} from '../discovery/discovery.ts';
import type {RangeResponse} from '../etcdserverpb/types.ts';
import {putRequest, rangeRequest} from '../etcdserverpb/types.ts';
import type {WatchResponse} from '../etcdserverpb/watch-messages.ts';
import {watchCreateRequest, watchRequest} from '../etcdserverpb/watch-messages.ts';
import type {ClientPayload, Method} from './payloads.ts';
import {clientFrame, clientPayloadOf} from './payloads.ts';

/** --discovery-request-timeout. */
const REQUEST_TIMEOUT_MS = 5_000;
/** Between two tries of one call, and between two dials. */
const RETRY_US = 25_000;
const DIAL_TIMEOUT_US = 2_000_000;
const FRAME_SIZE = 100;

/** `failed`: it was sent and is not known to have happened. */
type Outcome =
  | {readonly kind: 'reply'; readonly response: object}
  | {readonly kind: 'not-sent' | 'failed' | 'unavailable'};

export class FrameDiscoveryService implements DiscoveryService {
  private readonly env: Env;
  private readonly addresses: readonly string[];
  private readonly timeoutUs: number;
  private connection: Connection | undefined;
  private nextEndpoint = 0;
  private callCount = 0;

  constructor(env: Env, {endpoints, requestTimeoutMs = REQUEST_TIMEOUT_MS}: DiscoveryOptions) {
    this.env = env;
    this.addresses = endpoints.map((url) => url.replace(/^https?:\/\//, ''));
    this.timeoutUs = requestTimeoutMs * 1000;
  }

  *get(
    key: ByteString,
    isPrefix: boolean,
  ): Fiber<{readonly entries: readonly RegistryEntry[]; readonly revision: number} | undefined> {
    const request = rangeRequest(key, isPrefix ? {rangeEnd: prefixEnd(key)} : {});
    const response = (yield* this.call('/etcdserverpb.KV/Range', request)) as RangeResponse | undefined;
    return response === undefined ? undefined : {entries: response.kvs, revision: response.header?.revision ?? 0};
  }

  *put(key: ByteString, value: ByteString): Fiber<boolean> {
    return (yield* this.call('/etcdserverpb.KV/Put', putRequest(key, value))) !== undefined;
  }

  *watch(prefix: ByteString, revision: number, seen: (entry: RegistryEntry) => boolean): Fiber<void> {
    let nextRevision = revision;
    for (;;) {
      const connection = yield* this.connect(after(this.env.clock, this.timeoutUs));
      if (connection === undefined) continue;
      const id = ++this.callCount;
      const create = watchCreateRequest.make({key: prefix, rangeEnd: prefixEnd(prefix), startRevision: nextRevision});
      const isOpen =
        (yield* this.send(connection, {kind: 'open', id, method: '/etcdserverpb.Watch/Watch'})) &&
        (yield* this.send(connection, {kind: 'message', id, message: watchRequest.make({create})}));
      for (let isOver = !isOpen; !isOver; ) {
        const response = yield* this.nextResponse(connection, id);
        if (response === undefined) isOver = true;
        else if (response.canceled) return;
        else {
          nextRevision = Math.max(nextRevision, (response.header?.revision ?? 0) + 1);
          for (const {kv} of response.events) if (kv !== undefined && seen(kv)) return;
        }
      }
      this.drop();
    }
  }

  close(): void {
    this.drop();
  }

  /** Undefined: the stream or its connection is gone. */
  private *nextResponse(connection: Connection, id: number): Fiber<WatchResponse | undefined> {
    for (;;) {
      const frame = yield* until(connection.receive);
      if (frame === undefined) return undefined;
      const payload = clientPayloadOf(frame);
      if (payload.kind === 'message' && payload.id === id) return payload.message as WatchResponse;
      if (payload.kind === 'end' && payload.id === id) return undefined;
    }
  }

  /** Undefined when the request timeout has passed, or nothing more may be tried. */
  private *call(method: Method, request: object): Fiber<object | undefined> {
    const deadline = after(this.env.clock, this.timeoutUs);
    const isRead = method === '/etcdserverpb.KV/Range';
    while (!deadline.ready()) {
      const outcome = yield* this.tryCall(method, request, deadline);
      if (outcome.kind === 'reply') return outcome.response;
      if (outcome.kind === 'failed' || (outcome.kind === 'unavailable' && !isRead)) return undefined;
      yield* sleepUs(this.env.clock, RETRY_US);
    }
    return undefined;
  }

  private *tryCall(method: Method, request: object, deadline: Deadline): Fiber<Outcome> {
    const connection = yield* this.connect(deadline);
    if (connection === undefined) return {kind: 'not-sent'};
    const id = ++this.callCount;
    if (!(yield* this.send(connection, {kind: 'call', id, method, request}))) return {kind: 'not-sent'};
    for (;;) {
      const event = yield* select(this.env, {frame: connection.receive, deadline});
      if (event.kind === 'deadline') return {kind: 'failed'};
      if (event.value === undefined) {
        this.drop();
        return {kind: 'unavailable'};
      }
      const payload = clientPayloadOf(event.value);
      if (payload.kind === 'reply' && payload.id === id) return {kind: 'reply', response: payload.response};
      if (payload.kind === 'failure' && payload.id === id) {
        return {kind: payload.code === 'Unavailable' ? 'unavailable' : 'failed'};
      }
    }
  }

  private *send(connection: Connection, payload: ClientPayload): Fiber<boolean> {
    try {
      yield* connection.send(clientFrame(payload, FRAME_SIZE));
      return true;
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      this.drop();
      return false;
    }
  }

  /** The open connection, or one to the next endpoint that can be reached. */
  private *connect(deadline: Deadline): Fiber<Connection | undefined> {
    while (this.connection === undefined && !deadline.ready()) {
      const address = this.addresses[this.nextEndpoint++ % this.addresses.length] ?? '';
      try {
        this.connection = yield* this.env.network.dial(address, DIAL_TIMEOUT_US);
      } catch (error) {
        if (!(error instanceof NetworkError)) throw error;
        yield* sleepUs(this.env.clock, RETRY_US);
      }
    }
    return this.connection;
  }

  private drop(): void {
    this.connection?.close();
    this.connection = undefined;
  }
}
