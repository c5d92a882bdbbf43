// server-core/client/endpoint.ts: one connection of a client to one server, dialled again and again. gRPC: addrConn, http2Client.
// A connection counts as ready once the server has said something on it (HTTP/2 settings), so a server that is stopped but whose
// kernel still accepts connections is not ready. Keep-alive pings tell a connection whose other end has vanished. An endpoint
// that is removed takes no new calls and ends with its last one.
// Not modelled: the idle timeout of newer gRPC, GOAWAY frames, the server's limit on pings.
import type {Env} from '../../env/env.ts';
import type {Fiber, Wait} from '../../env/fiber.ts';
import {after, condition, Signal, select, sleepUs} from '../../env/fiber.ts';
import type {Connection} from '../../env/network.ts';
import {NetworkError} from '../../env/network.ts';
import {Promised} from '../../env/sync.ts';
import type {CallFailure, CallMetadata, ClientPayload, Method} from '../api/payloads.ts';
import {clientFrame, clientPayloadOf} from '../api/payloads.ts';
import {ClientStream} from './client-stream.ts';

/** gRPC's defaults: connection backoff 1 s, 1.6 times longer each time, ±20 % but for the first, at most 120 s; 20 s for one attempt. */
const BACKOFF_US = 1_000_000;
const BACKOFF_US_MAX = 120_000_000;
const ATTEMPT_TIMEOUT_US = 20_000_000;
/** gRPC pings no more often than that, whatever it was asked to. internal.KeepaliveMinPingTime. */
const PING_INTERVAL_US_MIN = 10_000_000;
/** How often a full send buffer is looked at again. */
const FULL_BUFFER_RETRY_US = 5_000;
/** A message of a stream as it counts against bandwidth. */
const STREAM_MESSAGE_SIZE = 100;

export type EndpointState = 'connecting' | 'ready' | 'failed' | 'removed';

/** When a connection is asked whether it lives. clientv3: DialKeepAliveTime, DialKeepAliveTimeout, PermitWithoutStream. */
export interface KeepAliveOptions {
  /** Silence after which a ping is sent; at least 10 s count. */
  readonly timeUs: number;
  /** Silence after the ping that ends the connection. */
  readonly timeoutUs: number;
  /** Ping even when no call is open. */
  readonly permitWithoutStream: boolean;
}

/** How a call on one connection ended. */
export type CallEnd =
  | {readonly kind: 'reply'; readonly response: object}
  | {readonly kind: 'failure'; readonly code: CallFailure['code']; readonly message: string}
  | {readonly kind: 'http'; readonly status: number; readonly body: string}
  /** The connection broke; whether the server got the call is not known. */
  | {readonly kind: 'broken'};

/** A call under way. */
export interface SentCall {
  readonly id: number;
  readonly end: Promised<CallEnd>;
}

export class Endpoint {
  readonly address: string;
  private readonly env: Env;
  private readonly stateChanged: Signal;
  private readonly keepAlive: KeepAliveOptions | undefined;
  private readonly removal = new Signal();
  private currentState: EndpointState = 'connecting';
  private connection: Connection | undefined;
  private readonly calls = new Map<number, Promised<CallEnd>>();
  private readonly streams = new Map<number, ClientStream>();
  /** What a stream wants to say and the full buffer does not take. */
  private outbox: {readonly payload: ClientPayload; readonly sizeBytes: number}[] = [];
  private callCount = 0;
  private readyCount = 0;
  private lastReadUs = 0;

  /** `stateChanged` is notified whenever the state is another. */
  constructor(env: Env, address: string, stateChanged: Signal, keepAlive?: KeepAliveOptions) {
    this.env = env;
    this.address = address;
    this.stateChanged = stateChanged;
    this.keepAlive = keepAlive;
  }

  get state(): EndpointState {
    return this.currentState;
  }

  /** How often it has become ready. */
  get generation(): number {
    return this.readyCount;
  }

  /** Calls and streams that are open. */
  get openCount(): number {
    return this.calls.size + this.streams.size;
  }

  /** Sends a call; undefined when the connection is not there or cannot take it now, and then nothing was sent. */
  send(method: Method, request: object, sizeBytes: number, metadata?: CallMetadata): SentCall | undefined {
    const id = ++this.callCount;
    const call = {kind: 'call', id, method, request} as const;
    return this.begin(metadata === undefined ? call : {...call, metadata}, sizeBytes);
  }

  /** Sends a plain HTTP request; undefined as in send(). */
  http(method: string, path: string): SentCall | undefined {
    return this.begin({kind: 'http', id: ++this.callCount, method, path}, path.length);
  }

  private begin(payload: Extract<ClientPayload, {kind: 'call' | 'http'}>, sizeBytes: number): SentCall | undefined {
    if (!this.trySend(payload, sizeBytes)) return undefined;
    const end = new Promised<CallEnd>();
    this.calls.set(payload.id, end);
    return {id: payload.id, end};
  }

  /** Opens a stream; undefined as in send(). */
  openStream(method: Method, metadata: CallMetadata = {}): ClientStream | undefined {
    const id = ++this.callCount;
    if (!this.trySend({kind: 'open', id, method, metadata}, 0)) return undefined;
    const stream = new ClientStream({
      address: this.address,
      send: (message) => this.streams.has(id) && this.post({kind: 'message', id, message}, STREAM_MESSAGE_SIZE),
      halfClose: () => {
        if (this.streams.has(id)) this.post({kind: 'half-close', id}, 0);
      },
      cancel: () => {
        if (!this.streams.delete(id)) return;
        this.post({kind: 'cancel', id}, 0);
        this.noteEnd();
      },
    });
    this.streams.set(id, stream);
    return stream;
  }

  private trySend(payload: ClientPayload, sizeBytes: number): boolean {
    const {connection} = this;
    if (connection === undefined) return false;
    try {
      return connection.trySend(clientFrame(payload, sizeBytes));
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      return false;
    }
  }

  /** Sends in order, when the buffer has room at the latest; false: there is no connection. */
  private post(payload: ClientPayload, sizeBytes: number): boolean {
    if (this.connection === undefined) return false;
    if (this.outbox.length === 0 && this.trySend(payload, sizeBytes)) return true;
    this.outbox.push({payload, sizeBytes});
    if (this.outbox.length === 1) this.env.spawn('outbox', this.emptyOutbox(this.connection));
    return true;
  }

  private *emptyOutbox(connection: Connection): Fiber<void> {
    for (;;) {
      yield* sleepUs(this.env.clock, FULL_BUFFER_RETRY_US);
      if (this.connection !== connection) return;
      for (let first = this.outbox[0]; first !== undefined; first = this.outbox[0]) {
        if (!this.trySend(first.payload, first.sizeBytes)) break;
        this.outbox.shift();
      }
      if (this.outbox.length === 0) return;
    }
  }

  /** The caller waits no longer; the server is told. */
  forget(id: number): void {
    if (!this.calls.delete(id)) return;
    this.post({kind: 'cancel', id}, 0);
    this.noteEnd();
  }

  /** Takes no new calls and ends with the last open one. gRPC: tearDown with errConnDrain. */
  remove(): void {
    this.setState('removed');
    this.noteEnd();
  }

  /** Ends at once, with everything that is open. */
  close(): void {
    this.setState('removed');
    this.connection?.close();
    this.breakAll();
    this.removal.notify();
  }

  private get isDrained(): boolean {
    return this.currentState === 'removed' && this.openCount === 0;
  }

  private noteEnd(): void {
    if (this.isDrained) this.removal.notify();
  }

  /** Connects, reads answers, and connects again when the connection ends, until it is removed. */
  *run(): Fiber<void> {
    const {env} = this;
    const drained = condition(this.removal, () => this.isDrained);
    let failures = 0;
    while (this.currentState !== 'removed') {
      this.setState('connecting');
      const connection = yield* this.connect();
      if (this.isDrained) connection?.close();
      else if (connection !== undefined) {
        failures = 0;
        yield* this.serve(connection);
        // A connection that was ready is dialled again at once.
      } else {
        this.setState('failed');
        yield* select(env, {drained, waited: after(env.clock, this.backoffUs(failures++))});
      }
    }
  }

  /** gRPC: backoff.Exponential. */
  private backoffUs(failures: number): number {
    if (failures === 0) return BACKOFF_US;
    let us = BACKOFF_US;
    for (let i = 0; i < failures && us < BACKOFF_US_MAX; i++) us = Math.floor((us * 16) / 10);
    return Math.floor((Math.min(us, BACKOFF_US_MAX) * (80 + this.env.random.below(41))) / 100);
  }

  private *connect(): Fiber<Connection | undefined> {
    const {env} = this;
    const deadline = after(env.clock, ATTEMPT_TIMEOUT_US);
    let connection: Connection | undefined;
    try {
      connection = yield* env.network.dial(this.address, ATTEMPT_TIMEOUT_US);
      const first = yield* select(env, {frame: connection.receive, deadline});
      if (first.kind === 'frame' && first.value !== undefined && clientPayloadOf(first.value).kind === 'settings') {
        return connection;
      }
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
    }
    connection?.close();
    return undefined;
  }

  /** A ready connection, to its end. */
  private *serve(connection: Connection): Fiber<void> {
    const {env} = this;
    this.connection = connection;
    this.outbox = [];
    this.lastReadUs = env.clock.monotonicUs();
    this.readyCount++;
    this.setState('ready');
    const {keepAlive} = this;
    const pinger =
      keepAlive === undefined ? undefined : env.spawn(`ping ${this.address}`, this.ping(connection, keepAlive));
    yield* this.read(connection);
    pinger?.cancel();
    this.connection = undefined;
    connection.close();
    this.breakAll();
  }

  private *read({receive}: Connection): Fiber<void> {
    const {clock} = this.env;
    const wait: Wait = {
      park: (task) => {
        receive.park(task);
        this.removal.park(task);
      },
    };
    while (!this.isDrained) {
      if (!receive.ready()) {
        yield wait;
        continue;
      }
      const frame = receive.take();
      if (frame === undefined) return;
      this.lastReadUs = clock.monotonicUs();
      this.settle(clientPayloadOf(frame));
    }
  }

  /**
   * Pings a connection that has been silent, and ends it when it stays silent. gRPC: http2Client.keepalive. The frames of the
   * client port have no PING; a request for /version, which no part of the server waits for, stands in for it.
   */
  private *ping(connection: Connection, {timeUs, timeoutUs, permitWithoutStream}: KeepAliveOptions): Fiber<void> {
    const {clock} = this.env;
    const intervalUs = Math.max(timeUs, PING_INTERVAL_US_MIN);
    for (;;) {
      const silentUs = clock.monotonicUs() - this.lastReadUs;
      if (silentUs < intervalUs) yield* sleepUs(clock, intervalUs - silentUs);
      else if (!permitWithoutStream && this.openCount === 0) yield* sleepUs(clock, intervalUs);
      else {
        const beforeUs = this.lastReadUs;
        this.http('GET', '/version');
        yield* sleepUs(clock, timeoutUs);
        if (this.lastReadUs !== beforeUs) continue;
        this.env.trace.mark('client: a silent connection was given up');
        connection.reset();
        return;
      }
    }
  }

  private breakAll(): void {
    const open = [...this.calls.values()];
    this.calls.clear();
    for (const end of open) end.resolve({kind: 'broken'});
    const streams = [...this.streams.values()];
    this.streams.clear();
    for (const stream of streams) stream.take({kind: 'broken'});
  }

  private settle(payload: ClientPayload): void {
    switch (payload.kind) {
      case 'reply':
        return this.endCall(payload.id, {kind: 'reply', response: payload.response});
      case 'failure':
        return this.endCall(payload.id, {kind: 'failure', code: payload.code, message: payload.message});
      case 'http-reply':
        return this.endCall(payload.id, {kind: 'http', status: payload.status, body: payload.body});
      case 'message':
        return this.streams.get(payload.id)?.take({kind: 'message', message: payload.message});
      case 'end': {
        const stream = this.streams.get(payload.id);
        this.streams.delete(payload.id);
        stream?.take({kind: 'end', failure: payload.failure});
        return this.noteEnd();
      }
      default:
        return;
    }
  }

  private endCall(id: number, end: CallEnd): void {
    const promised = this.calls.get(id);
    this.calls.delete(id);
    promised?.resolve(end);
    this.noteEnd();
  }

  private setState(state: EndpointState): void {
    if (this.currentState === 'removed') return;
    this.currentState = state;
    this.stateChanged.notify();
  }
}
