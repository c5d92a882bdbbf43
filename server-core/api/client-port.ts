// server-core/api/client-port.ts: the client port: connections, calls, streams, answers. etcd: embed's serve, v3rpc/grpc.go, interceptor.go.
// Each call is a fiber of its own, so slow ones do not hold up quick ones; answers leave as they are ready.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {until} from '../../env/fiber.ts';
import type {Connection, Listener} from '../../env/network.ts';
import {RPCS} from '../etcdserverpb/rpc.ts';
import type {RangeResponse} from '../etcdserverpb/types.ts';
import type {Answer} from '../server/kv-api.ts';
import {OpenCall, sendFrame} from './call-context.ts';
import type {MessageLimit} from './message-limit.ts';
import type {CallFailure, ClientPayload, Method} from './payloads.ts';
import {clientPayloadOf, messageSizeOf} from './payloads.ts';

/** What answers behind the port. */
export interface ClientServices {
  /** A unary call. */
  call(method: Method, request: object, call: OpenCall): Fiber<Answer<object>>;
  /** A streaming call, to its end; undefined: it ended well. A call with one request and many responses begins with push(). */
  stream(method: Method, call: OpenCall): Fiber<CallFailure | undefined>;
  /** A plain HTTP request. */
  http(method: string, path: string): Fiber<{readonly status: number; readonly body: string}>;
}

export class ClientPort {
  private readonly env: Env;
  private readonly services: ClientServices;
  private readonly limit: MessageLimit;

  constructor(env: Env, services: ClientServices, limit: MessageLimit) {
    this.env = env;
    this.limit = limit;
    this.services = services;
  }

  /** Accepts clients until the listener is closed. */
  *serve(listener: Listener): Fiber<void> {
    for (;;) {
      const connection = yield* until(listener.accept);
      if (connection === undefined) return;
      this.env.spawn('client-connection', this.serveConnection(connection));
    }
  }

  private *serveConnection(connection: Connection): Fiber<void> {
    yield* sendFrame(this.env, connection, {kind: 'settings'}, 0);
    const open = new Map<number, OpenCall>();
    const {receive} = connection;
    for (;;) {
      while (!receive.ready()) yield receive;
      const frame = receive.take();
      if (frame === undefined) break;
      this.take(connection, open, clientPayloadOf(frame), messageSizeOf(frame));
    }
    for (const call of open.values()) call.end();
    connection.close();
  }

  private take(connection: Connection, open: Map<number, OpenCall>, payload: ClientPayload, sizeBytes: number): void {
    const {env} = this;
    switch (payload.kind) {
      case 'call': {
        if (sizeBytes > this.limit.bytesMax) {
          env.spawn('call', this.refuseSize(connection, payload.id, sizeBytes));
          return;
        }
        const call = new OpenCall(env, connection, payload.id, payload.metadata);
        open.set(payload.id, call);
        env.spawn('call', this.answer(connection, open, call, payload.method, payload.request));
        return;
      }
      case 'open': {
        const call = new OpenCall(env, connection, payload.id, payload.metadata);
        open.set(payload.id, call);
        env.spawn('stream', this.answerStream(connection, open, call, payload.method));
        return;
      }
      case 'message':
        return open.get(payload.id)?.push(payload.message);
      case 'half-close':
        return open.get(payload.id)?.halfClose();
      case 'cancel':
        open.get(payload.id)?.end();
        open.delete(payload.id);
        return;
      case 'http':
        env.spawn('http', this.answerHttp(connection, payload));
        return;
      default:
        return;
    }
  }

  /** gRPC reads no message beyond its limit: the service never sees the call. */
  private *refuseSize(connection: Connection, id: number, sizeBytes: number): Fiber<void> {
    const failure = this.limit.refusal(sizeBytes);
    yield* sendFrame(this.env, connection, {kind: 'failure', id, ...failure}, failure.message.length);
  }

  private *answer(
    connection: Connection,
    open: Map<number, OpenCall>,
    call: OpenCall,
    method: Method,
    request: object,
  ): Fiber<void> {
    const {id} = call;
    const answer = yield* this.services.call(method, request, call);
    if (open.get(id) === call) open.delete(id);
    if (answer.kind === 'error') {
      const {code, message} = answer;
      yield* sendFrame(this.env, connection, {kind: 'failure', id, code, message}, message.length);
    } else {
      const {response} = answer;
      yield* sendFrame(this.env, connection, {kind: 'reply', id, response}, responseSize(response));
    }
  }

  private *answerStream(
    connection: Connection,
    open: Map<number, OpenCall>,
    call: OpenCall,
    method: Method,
  ): Fiber<void> {
    const {id} = call;
    const failure = yield* this.services.stream(method, call);
    if (open.get(id) === call) open.delete(id);
    call.end();
    const payload: ClientPayload = failure === undefined ? {kind: 'end', id} : {kind: 'end', id, failure};
    yield* sendFrame(this.env, connection, payload, 0);
  }

  private *answerHttp(connection: Connection, request: Extract<ClientPayload, {kind: 'http'}>): Fiber<void> {
    const {status, body} = yield* this.services.http(request.method, request.path);
    yield* sendFrame(this.env, connection, {kind: 'http-reply', id: request.id, status, body}, body.length);
  }
}

/** Is the RPC a stream in either direction? */
export const isStream = (method: Method): boolean => RPCS[method].kind !== 'unary';

/** Bytes that count against bandwidth: the pairs of a range, a constant for the rest. */
function responseSize(response: object): number {
  let size = 30;
  const {kvs} = response as Partial<RangeResponse>;
  if (kvs !== undefined) for (const {key, value} of kvs) size += key.length + value.length + 20;
  return size;
}
