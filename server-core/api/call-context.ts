// server-core/api/call-context.ts: what a service knows of one call beside its request, and a stream as frames carry it.
import type {Env} from '../../env/env.ts';
import type {Fiber, Waitable} from '../../env/fiber.ts';
import {Signal, sleepUs} from '../../env/fiber.ts';
import type {Connection} from '../../env/network.ts';
import {NetworkError} from '../../env/network.ts';
import type {ServerStream} from '../etcdserverpb/server-stream.ts';
import type {CallFailure, CallMetadata, ClientPayload} from './payloads.ts';
import {clientFrame} from './payloads.ts';

/** How often a full send buffer is looked at again. */
const FULL_BUFFER_RETRY_US = 5_000;
const NO_METADATA: CallMetadata = Object.freeze({});

/** One call or stream on its connection, from its first frame to its end. */
export class OpenCall implements ServerStream<object, object> {
  readonly id: number;
  readonly metadata: CallMetadata;
  private cutWith: CallFailure | undefined;
  private readonly env: Env;
  private readonly connection: Connection;
  private readonly requests: object[] = [];
  private readonly changed = new Signal();
  private isHalfClosed = false;
  private isEnded = false;

  constructor(env: Env, connection: Connection, id: number, metadata: CallMetadata = NO_METADATA) {
    this.env = env;
    this.connection = connection;
    this.id = id;
    this.metadata = metadata;
  }

  readonly receive: Waitable<object | undefined> = {
    ready: () => this.requests.length > 0 || this.isHalfClosed || this.isEnded,
    take: () => this.requests.shift(),
    park: (task) => this.changed.park(task),
  };

  /** Ready once the client has given up, the connection is gone, or the server has cut the call. */
  readonly ended: Waitable<void> = {
    ready: () => this.isEnded,
    take: () => undefined,
    park: (task) => this.changed.park(task),
  };

  *send(response: object): Fiber<boolean> {
    if (this.isEnded) return false;
    return yield* sendFrame(this.env, this.connection, {kind: 'message', id: this.id, message: response}, 200);
  }

  /** The client sent a message on its stream. */
  push(request: object): void {
    this.requests.push(request);
    this.changed.notify();
  }

  halfClose(): void {
    this.isHalfClosed = true;
    this.changed.notify();
  }

  /** The call is over: its service sees `ended`. */
  end(): void {
    this.isEnded = true;
    this.changed.notify();
  }

  /** The server itself ends the call, and tells the client why. */
  cut(failure: CallFailure): void {
    this.cutWith = failure;
    this.end();
  }

  /** Why the server itself has ended the call. */
  get cutBy(): CallFailure | undefined {
    return this.cutWith;
  }
}

/** Waits for room; false: the connection ended meanwhile and took the frame with it. */
export function* sendFrame(
  env: Env,
  connection: Connection,
  payload: ClientPayload,
  sizeBytes: number,
): Fiber<boolean> {
  const frame = clientFrame(payload, sizeBytes);
  try {
    while (connection.ending === undefined) {
      if (connection.trySend(frame)) return true;
      yield* sleepUs(env.clock, FULL_BUFFER_RETRY_US);
    }
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
  }
  return false;
}
