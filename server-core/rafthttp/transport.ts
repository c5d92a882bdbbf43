// server-core/rafthttp/transport.ts: the member's side of the network between members: its peers, and what they dial.
// etcd: rafthttp/transport.go and http.go.
import type {MemberId} from '../../base/ids.ts';
import type {Fiber, FiberHandle} from '../../env/fiber.ts';
import {until} from '../../env/fiber.ts';
import type {Connection, Listener} from '../../env/network.ts';
import type {Message} from '../raftpb/types.ts';
import type {PeerHeader} from './payloads.ts';
import {answer, payloadOf} from './payloads.ts';
import {Peer} from './peer.ts';
import {answerPeer} from './peer-http.ts';
import type {TransportContext} from './raft-port.ts';
import type {SnapshotTransfer} from './snapshot-sender.ts';

export class Transport {
  private readonly context: TransportContext;
  private readonly peers = new Map<MemberId, Peer>();
  private listener: Listener | undefined;

  constructor(context: TransportContext) {
    this.context = context;
  }

  /** Listens for peers; throws NetworkError when the port is taken. */
  listen(port: number): void {
    const {env} = this.context;
    this.listener = env.network.listen(port);
    env.spawn('peer-listener', this.acceptLoop(this.listener));
  }

  addPeer(id: MemberId, address: string): void {
    if (this.peers.has(id)) return;
    const peer = new Peer(this.context, id, address);
    this.peers.set(id, peer);
    peer.start();
  }

  removePeer(id: MemberId): void {
    this.peers.get(id)?.stop();
    this.peers.delete(id);
  }

  updatePeer(id: MemberId, address: string): void {
    this.peers.get(id)?.update(address);
  }

  removeAllPeers(): void {
    for (const id of [...this.peers.keys()]) this.removePeer(id);
  }

  /** Monotonic microseconds since which the peer is active; undefined while it is not. */
  activeSinceUs(id: MemberId): number | undefined {
    return this.peers.get(id)?.status.activeSinceUs;
  }

  /** Sends each to its peer; those to nobody known are dropped, as in etcd. */
  send(messages: readonly Message[]): void {
    for (const message of messages) this.peers.get(message.to)?.send(message);
  }

  /** Undefined when the peer is not known. */
  sendSnapshot(transfer: SnapshotTransfer): FiberHandle<boolean> | undefined {
    return this.peers.get(transfer.message.to)?.sendSnapshot(transfer);
  }

  stop(): void {
    this.listener?.close();
    this.removeAllPeers();
  }

  private *acceptLoop(listener: Listener): Fiber<void> {
    for (;;) {
      const connection = yield* until(listener.accept);
      if (connection === undefined) return;
      this.context.env.spawn('peer-connection', this.serve(connection));
    }
  }

  /** What one dialled connection asks for. It stays ours until a stream takes it over. */
  private *serve(connection: Connection): Fiber<void> {
    const {raft} = this.context;
    for (;;) {
      const frame = yield* until(connection.receive);
      if (frame === undefined) return connection.close();
      const payload = payloadOf(frame);
      switch (payload.kind) {
        case 'stream-request': {
          const peer = this.admit(connection, payload.header);
          if (peer === undefined) return connection.close();
          answer(connection, 200, '');
          return peer.attach(payload.stream, connection);
        }
        case 'post':
          if (this.admit(connection, payload.header) === undefined) return connection.close();
          if (raft.process(payload.message)) answer(connection, 204, '');
          else answer(connection, 403, 'cannot process message');
          break;
        case 'http':
          yield* answerPeer(connection, raft.http, payload);
          break;
        case 'snapshot-head':
          if (this.admit(connection, payload.header) === undefined) return connection.close();
          yield* this.receiveSnapshot(connection, payload.message, payload.dbSizeBytes);
          return;
        default:
          return connection.reset();
      }
    }
  }

  /** The checks of streamHandler, pipelineHandler and snapshotHandler; the refusal is sent when undefined comes back. */
  private admit(connection: Connection, header: PeerHeader): Peer | undefined {
    const {raft, id, clusterId, env} = this.context;
    if (header.clusterId !== clusterId) {
      answer(connection, 412, 'cluster ID mismatch');
      return undefined;
    }
    if (raft.isIdRemoved(header.from)) {
      answer(connection, 410, 'the member has been permanently removed from the cluster');
      return undefined;
    }
    if (header.to !== id) {
      answer(connection, 412, 'member ID mismatch');
      return undefined;
    }
    const peer = this.peers.get(header.from);
    if (peer === undefined) {
      // The sender joined and this member has not heard of it yet; it dials again.
      env.trace.mark('rafthttp: unknown sender');
      answer(connection, 404, 'error sender not found');
    }
    return peer;
  }

  private *receiveSnapshot(connection: Connection, message: Message, sizeBytes: number): Fiber<void> {
    const {raft, env} = this.context;
    const db = new Uint8Array(sizeBytes);
    let at = 0;
    while (at < sizeBytes) {
      const frame = yield* until(connection.receive);
      if (frame === undefined) return connection.close();
      const payload = payloadOf(frame);
      if (payload.kind !== 'snapshot-chunk' || at + payload.bytes.length > sizeBytes) return connection.reset();
      db.set(payload.bytes, at);
      at += payload.bytes.length;
    }
    env.trace.mark('rafthttp: snapshot received');
    yield* raft.saveSnapshotDb(message.snapshot?.metadata.index ?? 0, db);
    if (raft.process(message)) answer(connection, 204, '');
    else answer(connection, 403, 'cannot process message');
  }
}
