// server-core/client/client-stream.ts: a streaming call as the client holds it, on one connection to one server.
import type {Waitable} from '../../env/fiber.ts';
import {Channel} from '../../env/sync.ts';
import type {CallFailure} from '../api/payloads.ts';

/** What comes back on a stream. Behind an end nothing comes. */
export type StreamEvent =
  | {readonly kind: 'message'; readonly message: object}
  | {readonly kind: 'end'; readonly failure: CallFailure | undefined}
  /** The connection broke. */
  | {readonly kind: 'broken'};

/** How the stream reaches its connection. */
export interface StreamCarrier {
  readonly address: string;
  /** False: the connection is gone, and nothing was sent. */
  send(message: object): boolean;
  halfClose(): void;
  cancel(): void;
}

export class ClientStream {
  private readonly carrier: StreamCarrier;
  private readonly events = new Channel<StreamEvent>(Number.MAX_SAFE_INTEGER);

  constructor(carrier: StreamCarrier) {
    this.carrier = carrier;
  }

  /** The server it leads to. */
  get address(): string {
    return this.carrier.address;
  }

  /** Ready with what comes next. */
  readonly receive: Waitable<StreamEvent> = {
    ready: () => this.events.length > 0,
    take: () => this.events.tryReceive() ?? {kind: 'broken'},
    park: (task) => this.events.receive.park(task),
  };

  /** Sends a request, in order; false: the connection is gone, and nothing was sent. */
  send(message: object): boolean {
    return this.carrier.send(message);
  }

  /** Tells the server that no more requests come. */
  halfClose(): void {
    this.carrier.halfClose();
  }

  /** Gives the stream up. */
  cancel(): void {
    this.carrier.cancel();
  }

  /** The connection brought this. For the endpoint. */
  take(event: StreamEvent): void {
    this.events.trySend(event);
  }
}
