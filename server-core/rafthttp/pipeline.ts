// server-core/rafthttp/pipeline.ts: messages as requests with an answer: used while no stream works. etcd: rafthttp/pipeline.go.
// Four workers, each with a connection that it keeps, share a small buffer; they may overtake each other.
import type {MemberId} from '../../base/ids.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select} from '../../env/fiber.ts';
import type {Connection} from '../../env/network.ts';
import {NetworkError} from '../../env/network.ts';
import {Channel} from '../../env/sync.ts';
import {messageSize} from '../raftpb/codec.ts';
import type {Message} from '../raftpb/types.ts';
import {frameOf, payloadOf} from './payloads.ts';
import type {PeerStatus} from './peer-status.ts';
import type {TransportContext} from './raft-port.ts';

/** connPerPipeline. */
export const PIPELINE_WORKERS = 4;
/** pipelineBufSize. */
const BUFFER_MESSAGES = 64;
/** The pipeline's transport has no read timeout of its own in etcd; TCP's keep-alive ends a dead connection after about this. */
const ANSWER_TIMEOUT_US = 15_000_000;

export class Pipeline {
  private readonly context: TransportContext;
  private readonly peer: MemberId;
  private readonly address: () => string;
  private readonly status: PeerStatus;
  private readonly queue = new Channel<Message>(BUFFER_MESSAGES);

  constructor(context: TransportContext, peer: MemberId, address: () => string, status: PeerStatus) {
    this.context = context;
    this.peer = peer;
    this.address = address;
    this.status = status;
  }

  /** Files a message; false when the buffer is full. */
  trySend(message: Message): boolean {
    return this.queue.trySend(message);
  }

  /** One worker's loop. */
  *work(): Fiber<never> {
    const {raft} = this.context;
    let connection: Connection | undefined;
    for (;;) {
      while (!this.queue.receive.ready()) yield this.queue.receive;
      const message = this.queue.receive.take();
      if (message === undefined) continue;
      const kept = connection?.ending === undefined ? connection : undefined;
      connection = yield* this.post(message, kept);
      if (connection === undefined) {
        this.status.deactivate();
        raft.reportUnreachable(message.to);
        if (message.type === 'MsgSnap') raft.reportSnapshot(message.to, 'failure');
      } else {
        this.status.activate();
        if (message.type === 'MsgSnap') raft.reportSnapshot(message.to, 'finish');
      }
    }
  }

  /** Posts one message; the connection to keep when it was taken, undefined when not. */
  private *post(message: Message, kept: Connection | undefined): Fiber<Connection | undefined> {
    const {env, id, clusterId, serverVersion, minClusterVersion, dialTimeoutUs, raft} = this.context;
    let connection = kept;
    try {
      connection ??= yield* env.network.dial(this.address(), dialTimeoutUs);
      const header = {from: id, to: this.peer, clusterId, serverVersion, minClusterVersion};
      yield* connection.send(frameOf({kind: 'post', header, message}, messageSize(message)));
      const reply = yield* select(env, {frame: connection.receive, timeout: after(env.clock, ANSWER_TIMEOUT_US)});
      const payload = reply.kind === 'frame' && reply.value !== undefined ? payloadOf(reply.value) : undefined;
      if (payload?.kind === 'status' && payload.status === 204) return connection;
      if (payload?.kind === 'status' && payload.status === 410) raft.memberRemoved();
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
    }
    connection?.reset();
    return undefined;
  }
}
