// server-core/rafthttp/stream-writer.ts: the sending end of one stream to one peer. etcd: rafthttp/stream.go, streamWriter.
// The peer dials us; its connection is attached here and replaces the one before. Messages wait in a bounded buffer; when the
// connection breaks, what waits is lost and raft is told. A quiet link carries a heartbeat of its own.
import type {MemberId} from '../../base/ids.ts';
import type {Fiber} from '../../env/fiber.ts';
import {select, sleepUs} from '../../env/fiber.ts';
import type {Connection, Frame} from '../../env/network.ts';
import {NetworkError} from '../../env/network.ts';
import {Channel} from '../../env/sync.ts';
import {Ticker} from '../../env/ticker.ts';
import {messageSize} from '../raftpb/codec.ts';
import type {Message} from '../raftpb/types.ts';
import {frameOf} from './payloads.ts';
import type {PeerStatus} from './peer-status.ts';
import type {TransportContext} from './raft-port.ts';

/** streamBufSize. */
const BUFFER_MESSAGES = 4096;
/** ConnReadTimeout and ConnWriteTimeout. */
export const CONNECTION_TIMEOUT_US = 5_000_000;
const HEARTBEAT_US = Math.floor(CONNECTION_TIMEOUT_US / 3);
/** How often a writer looks again whether a full send buffer has room. */
const FULL_BUFFER_RETRY_US = 5_000;

const LINK_HEARTBEAT: Frame = frameOf({kind: 'link-heartbeat'}, 8);

export class StreamWriter {
  private readonly context: TransportContext;
  private readonly peer: MemberId;
  private readonly status: PeerStatus;
  private queue = new Channel<Message>(BUFFER_MESSAGES);
  private connection: Connection | undefined;
  private readonly attached = new Channel<Connection>(16);

  constructor(context: TransportContext, peer: MemberId, status: PeerStatus) {
    this.context = context;
    this.peer = peer;
    this.status = status;
  }

  /** Is a connection attached that is not known to be broken? */
  get isWorking(): boolean {
    return this.connection !== undefined;
  }

  /** Files a message; false when the buffer is full. Only while working. */
  trySend(message: Message): boolean {
    return this.queue.trySend(message);
  }

  /** Takes over a connection that the peer has dialled. */
  attach(connection: Connection): void {
    if (!this.attached.trySend(connection)) connection.close();
  }

  /** The writer's loop. */
  *run(): Fiber<never> {
    const {env} = this.context;
    const heartbeat = new Ticker(env.clock, HEARTBEAT_US);
    for (;;) {
      if (this.connection === undefined) {
        while (!this.attached.receive.ready()) yield this.attached.receive;
        this.take(this.attached.receive.take());
        continue;
      }
      const event = yield* select(env, {
        message: this.queue.receive,
        attached: this.attached.receive,
        heartbeat,
        ended: this.connection.ended,
      });
      switch (event.kind) {
        case 'attached':
          this.take(event.value);
          break;
        case 'heartbeat':
          yield* this.write(LINK_HEARTBEAT);
          break;
        case 'ended':
          this.broken();
          break;
        case 'message':
          if (event.value !== undefined) yield* this.writeBurst(event.value);
          break;
      }
    }
  }

  /** One message and all that wait behind it, without looking at anything else between them. */
  private *writeBurst(first: Message): Fiber<void> {
    let message: Message | undefined = first;
    while (message !== undefined) {
      const sent: boolean = yield* this.write(frameOf({kind: 'raft', message}, messageSize(message)));
      if (!sent) {
        this.context.raft.reportUnreachable(this.peer);
        return;
      }
      message = this.queue.tryReceive();
    }
  }

  private *write(frame: Frame): Fiber<boolean> {
    const {connection} = this;
    const {clock} = this.context.env;
    if (connection === undefined) return false;
    const deadlineUs = clock.monotonicUs() + CONNECTION_TIMEOUT_US;
    try {
      while (!connection.trySend(frame)) {
        if (clock.monotonicUs() >= deadlineUs)
          throw new NetworkError('timeout', `write to ${connection.remoteAddress}`);
        yield* sleepUs(clock, FULL_BUFFER_RETRY_US);
      }
      return true;
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      this.broken();
      return false;
    }
  }

  private take(connection: Connection | undefined): void {
    if (connection === undefined) return;
    this.drop();
    this.connection = connection;
    this.status.activate();
  }

  private broken(): void {
    this.status.deactivate();
    this.context.env.trace.mark('rafthttp: stream broke');
    this.drop();
  }

  private drop(): void {
    if (this.connection === undefined) return;
    this.connection.close();
    this.connection = undefined;
    if (this.queue.length > 0) this.context.raft.reportUnreachable(this.peer);
    this.queue = new Channel(BUFFER_MESSAGES);
  }
}
