// server-core/rafthttp/peer.ts: all that connects this member with one other: two streams each way, a pipeline and a
// snapshot channel. etcd: rafthttp/peer.go. Messages may overtake each other only between these.
import type {MemberId} from '../../base/ids.ts';
import type {Fiber, FiberHandle} from '../../env/fiber.ts';
import type {Connection} from '../../env/network.ts';
import {Channel} from '../../env/sync.ts';
import type {Message} from '../raftpb/types.ts';
import type {StreamKind} from './payloads.ts';
import {PeerStatus} from './peer-status.ts';
import {PIPELINE_WORKERS, Pipeline} from './pipeline.ts';
import type {TransportContext} from './raft-port.ts';
import type {SnapshotTransfer} from './snapshot-sender.ts';
import {sendSnapshot} from './snapshot-sender.ts';
import {StreamReader} from './stream-reader.ts';
import {StreamWriter} from './stream-writer.ts';

/** maxPendingProposals. */
const PENDING_PROPOSALS_MAX = 4096;

export class Peer {
  readonly id: MemberId;
  readonly status: PeerStatus;
  private address: string;
  private readonly context: TransportContext;
  private readonly msgAppWriter: StreamWriter;
  private readonly messageWriter: StreamWriter;
  private readonly pipeline: Pipeline;
  private readonly proposals = new Channel<Message>(PENDING_PROPOSALS_MAX);
  private readonly fibers: FiberHandle<unknown>[] = [];

  constructor(context: TransportContext, id: MemberId, address: string) {
    this.context = context;
    this.id = id;
    this.address = address;
    this.status = new PeerStatus(context.env.clock);
    this.msgAppWriter = new StreamWriter(context, id, this.status);
    this.messageWriter = new StreamWriter(context, id, this.status);
    this.pipeline = new Pipeline(context, id, () => this.address, this.status);
  }

  /** Starts all its loops. */
  start(): void {
    this.spawn('msgapp-writer', this.msgAppWriter.run());
    this.spawn('message-writer', this.messageWriter.run());
    for (let i = 0; i < PIPELINE_WORKERS; i++) this.spawn('pipeline', this.pipeline.work());
    for (const stream of ['msgapp', 'message'] as const) {
      const reader = new StreamReader(this.context, {
        peer: this.id,
        address: () => this.address,
        stream,
        status: this.status,
        proposals: this.proposals,
      });
      this.spawn(`${stream}-reader`, reader.run());
    }
    this.spawn('proposals', this.forwardProposals());
  }

  stop(): void {
    for (const fiber of this.fibers) fiber.cancel();
  }

  update(address: string): void {
    this.address = address;
  }

  /** Never waits; a message that finds its buffer full is dropped and raft is told. etcd: peer.send, peer.pick. */
  send(message: Message): void {
    const {raft, env} = this.context;
    if (this.pick(message).trySend(message)) return;
    env.trace.mark('rafthttp: message dropped, buffer full');
    raft.reportUnreachable(message.to);
    if (message.type === 'MsgSnap') raft.reportSnapshot(message.to, 'failure');
  }

  private pick(message: Message): StreamWriter | Pipeline {
    if (message.type === 'MsgSnap') return this.pipeline;
    if (message.type === 'MsgApp' && this.msgAppWriter.isWorking) return this.msgAppWriter;
    return this.messageWriter.isWorking ? this.messageWriter : this.pipeline;
  }

  /** Sends a snapshot with its database beside everything else; tells when that ended. */
  sendSnapshot(transfer: SnapshotTransfer): FiberHandle<boolean> {
    const peer = {id: this.id, address: this.address, status: this.status};
    return this.context.env.spawn('snapshot-sender', sendSnapshot(this.context, peer, transfer));
  }

  attach(stream: StreamKind, connection: Connection): void {
    (stream === 'msgapp' ? this.msgAppWriter : this.messageWriter).attach(connection);
  }

  private *forwardProposals(): Fiber<never> {
    for (;;) {
      while (!this.proposals.receive.ready()) yield this.proposals.receive;
      const message = this.proposals.receive.take();
      if (message !== undefined) yield* this.context.raft.processProposal(message);
    }
  }

  private spawn(name: string, fiber: Fiber<unknown>): void {
    this.fibers.push(this.context.env.spawn(`${name}/${this.id}`, fiber));
  }
}
