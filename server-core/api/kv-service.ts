// server-core/api/kv-service.ts: the client port: connections, calls, answers. etcd: v3rpc/key.go on gRPC.
// Each call is a fiber of its own, so slow ones do not hold up quick ones; answers leave as they are ready.
import {unreachable} from '../../base/assert.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs, until} from '../../env/fiber.ts';
import type {Connection, Listener} from '../../env/network.ts';
import {NetworkError} from '../../env/network.ts';
import type {
  CompactionRequest,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RangeResponse,
  TxnRequest,
} from '../etcdserverpb/types.ts';
import type {Answer, KvApi} from '../server/kv-api.ts';
import type {ClientPayload} from './payloads.ts';
import {clientFrame, clientPayloadOf} from './payloads.ts';

type Call = Extract<ClientPayload, {kind: 'call'}>;

/** How often a full send buffer is looked at again. */
const FULL_BUFFER_RETRY_US = 5_000;

export class KvService {
  private readonly env: Env;
  private readonly kv: KvApi;

  constructor(env: Env, kv: KvApi) {
    this.env = env;
    this.kv = kv;
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
    yield* this.send(connection, {kind: 'settings'}, 0);
    const {receive} = connection;
    for (;;) {
      while (!receive.ready()) yield receive;
      const frame = receive.take();
      if (frame === undefined) return connection.close();
      const payload = clientPayloadOf(frame);
      if (payload.kind === 'call') this.env.spawn('call', this.answer(connection, payload));
    }
  }

  private *answer(connection: Connection, call: Call): Fiber<void> {
    const answer = yield* this.dispatch(call);
    if (answer.kind === 'error') {
      const {code, message} = answer;
      yield* this.send(connection, {kind: 'failure', id: call.id, code, message}, message.length);
    } else {
      const {response} = answer;
      yield* this.send(connection, {kind: 'reply', id: call.id, response}, responseSize(response));
    }
  }

  private dispatch({method, request}: Call): Fiber<Answer<object>> {
    switch (method) {
      case 'KV/Range':
        return this.kv.range(request as RangeRequest);
      case 'KV/Put':
        return this.kv.put(request as PutRequest);
      case 'KV/DeleteRange':
        return this.kv.deleteRange(request as DeleteRangeRequest);
      case 'KV/Txn':
        return this.kv.txn(request as TxnRequest);
      case 'KV/Compact':
        return this.kv.compact(request as CompactionRequest);
      default:
        return unreachable(method);
    }
  }

  /** Waits for room; a connection that ended meanwhile takes the answer with it. */
  private *send(connection: Connection, payload: ClientPayload, sizeBytes: number): Fiber<void> {
    const frame = clientFrame(payload, sizeBytes);
    try {
      while (connection.ending === undefined && !connection.trySend(frame)) {
        yield* sleepUs(this.env.clock, FULL_BUFFER_RETRY_US);
      }
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
    }
  }
}

/** Bytes that count against bandwidth: the pairs of a range, a constant for the rest. */
function responseSize(response: object): number {
  let size = 30;
  const {kvs} = response as Partial<RangeResponse>;
  if (kvs !== undefined) for (const {key, value} of kvs) size += key.length + value.length + 20;
  return size;
}
