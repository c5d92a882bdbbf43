// server-core/rafthttp/peer-http.ts: plain requests between members on the peer port: /version, /members, /leases, /downgrade/enabled and
// so on. etcd: etcdserver/api/etcdhttp/peer.go; each request dials anew here, which costs one round trip more than a kept connection.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select} from '../../env/fiber.ts';
import type {Connection} from '../../env/network.ts';
import {NetworkError} from '../../env/network.ts';
import {frameOf, payloadOf} from './payloads.ts';

export interface PeerHttpRequest {
  readonly method: 'GET' | 'POST';
  /** With the query, as in '/version'. */
  readonly path: string;
  readonly body: Uint8Array;
}

export interface PeerHttpReply {
  readonly status: number;
  readonly body: Uint8Array;
}

/** Answers the requests of others. */
export type PeerHttpHandler = (request: PeerHttpRequest) => Fiber<PeerHttpReply>;

const NO_BODY = new Uint8Array(0);

/** Asks the member at 'host:port'; undefined: it cannot be reached or does not answer in time. */
export function* askPeer(
  env: Env,
  address: string,
  request: Partial<PeerHttpRequest> & Pick<PeerHttpRequest, 'path'>,
  timeoutUs: number,
): Fiber<PeerHttpReply | undefined> {
  const {method = 'GET', path, body = NO_BODY} = request;
  const deadline = after(env.clock, timeoutUs);
  let connection: Connection | undefined;
  try {
    connection = yield* env.network.dial(address, timeoutUs);
    yield* connection.send(frameOf({kind: 'http', method, path, body}, path.length + body.length));
    const reply = yield* select(env, {frame: connection.receive, deadline});
    if (reply.kind === 'deadline' || reply.value === undefined) return undefined;
    const payload = payloadOf(reply.value);
    return payload.kind === 'http-reply' ? {status: payload.status, body: payload.body} : undefined;
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
    return undefined;
  } finally {
    connection?.close();
  }
}

/** Answers one request that came in. */
export function* answerPeer(connection: Connection, handler: PeerHttpHandler, request: PeerHttpRequest): Fiber<void> {
  const {status, body} = yield* handler(request);
  if (connection.ending !== undefined) return;
  try {
    yield* connection.send(frameOf({kind: 'http-reply', status, body}, body.length));
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
  }
}

/** A text as an answer's body. */
export function textReply(status: number, text: string): PeerHttpReply {
  return {status, body: new TextEncoder().encode(text)};
}

/** What net/http says where nothing is. */
export const NOT_FOUND: PeerHttpReply = textReply(404, '404 page not found\n');
