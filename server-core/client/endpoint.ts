// server-core/client/endpoint.ts: one connection of a client to one server, dialled again and again. gRPC: addrConn and its backoff.
// A connection counts as ready once the server has said something on it (HTTP/2 settings), so a server that is stopped but whose
// kernel still accepts connections is not ready.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, type Signal, select, sleepUs, until} from '../../env/fiber.ts';
import type {Connection} from '../../env/network.ts';
import {NetworkError} from '../../env/network.ts';
import {Promised} from '../../env/sync.ts';
import type {CallMetadata, ClientPayload, Method} from '../api/payloads.ts';
import {clientFrame, clientPayloadOf} from '../api/payloads.ts';
import {ClientStream} from './client-stream.ts';

/** gRPC's defaults: connection backoff 1 s, 1.6 times longer each time, ±20 %, at most 120 s; 20 s for one attempt. */
const BACKOFF_US = 1_000_000;
const BACKOFF_US_MAX = 120_000_000;
const ATTEMPT_TIMEOUT_US = 20_000_000;

export type EndpointState = 'connecting' | 'ready' | 'failed';

/** How a call on one connection ended. */
export type CallEnd =
  | {readonly kind: 'reply'; readonly response: object}
  | {readonly kind: 'failure'; readonly code: string; readonly message: string}
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
  private currentState: EndpointState = 'connecting';
  private connection: Connection | undefined;
  private readonly calls = new Map<number, Promised<CallEnd>>();
  private readonly streams = new Map<number, ClientStream>();
  private callCount = 0;

  /** `stateChanged` is notified whenever the state is another. */
  constructor(env: Env, address: string, stateChanged: Signal) {
    this.env = env;
    this.address = address;
    this.stateChanged = stateChanged;
  }

  get state(): EndpointState {
    return this.currentState;
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
      send: (message) => this.trySend({kind: 'message', id, message}, 100),
      halfClose: () => this.trySend({kind: 'half-close', id}, 0),
      cancel: () => {
        this.streams.delete(id);
        this.trySend({kind: 'cancel', id}, 0);
      },
    });
    this.streams.set(id, stream);
    return stream;
  }

  private trySend(payload: ClientPayload, sizeBytes: number): boolean {
    const {connection} = this;
    if (connection === undefined || this.currentState !== 'ready') return false;
    try {
      return connection.trySend(clientFrame(payload, sizeBytes));
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      return false;
    }
  }

  /** The caller waits no longer; the server is told. */
  forget(id: number): void {
    this.calls.delete(id);
    this.trySend({kind: 'cancel', id}, 0);
  }

  /** Connects, reads answers, and connects again when the connection ends. */
  *run(): Fiber<never> {
    const {env} = this;
    let backoffUs = BACKOFF_US;
    for (;;) {
      this.setState('connecting');
      const connection = yield* this.connect();
      if (connection !== undefined) {
        backoffUs = BACKOFF_US;
        this.connection = connection;
        this.setState('ready');
        yield* this.read(connection);
        this.connection = undefined;
        continue; // a connection that was ready is dialled again at once
      }
      this.setState('failed');
      const jitter = Math.floor((backoffUs * (80 + env.random.below(41))) / 100);
      yield* sleepUs(env.clock, jitter);
      backoffUs = Math.min(Math.floor((backoffUs * 16) / 10), BACKOFF_US_MAX);
    }
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

  private *read(connection: Connection): Fiber<void> {
    for (;;) {
      const frame = yield* until(connection.receive);
      if (frame === undefined) break;
      this.settle(clientPayloadOf(frame));
    }
    connection.close();
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
        return stream?.take({kind: 'end', failure: payload.failure});
      }
      default:
        return;
    }
  }

  private endCall(id: number, end: CallEnd): void {
    const promised = this.calls.get(id);
    this.calls.delete(id);
    promised?.resolve(end);
  }

  private setState(state: EndpointState): void {
    this.currentState = state;
    this.stateChanged.notify();
  }
}
