// server-core/rafthttp/snapshot-sender.ts: a snapshot message with the whole database behind it, on a connection of its own.
// etcd: rafthttp/snapshot_sender.go. The receiver stores the database before raft hears of the snapshot.
import type {MemberId} from '../../base/ids.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select} from '../../env/fiber.ts';
import type {Connection} from '../../env/network.ts';
import {NetworkError} from '../../env/network.ts';
import {messageSize} from '../raftpb/codec.ts';
import type {Message} from '../raftpb/types.ts';
import {frameOf, payloadOf} from './payloads.ts';
import type {PeerStatus} from './peer-status.ts';
import type {TransportContext} from './raft-port.ts';

/** io.Copy's buffer. */
const CHUNK_SIZE = 32 * 1024;
/** How long the receiver may take to store what it got; etcd waits snapResponseReadTimeout (5 s) for the answer's body only. */
const ANSWER_TIMEOUT_US = 60_000_000;

export interface SnapshotTransfer {
  readonly message: Message;
  readonly db: Uint8Array;
}

/** Sends it and reports the outcome to raft. Returns whether the peer took it. */
export function* sendSnapshot(
  context: TransportContext,
  peer: {readonly id: MemberId; readonly address: string; readonly status: PeerStatus},
  transfer: SnapshotTransfer,
): Fiber<boolean> {
  const {env, raft} = context;
  let connection: Connection | undefined;
  try {
    connection = yield* env.network.dial(peer.address, context.dialTimeoutUs);
    if (yield* post(context, peer.id, connection, transfer)) {
      peer.status.activate();
      raft.reportSnapshot(peer.id, 'finish');
      env.trace.mark('rafthttp: snapshot sent');
      return true;
    }
  } catch (error) {
    if (!(error instanceof NetworkError)) throw error;
  } finally {
    connection?.close();
  }
  env.trace.mark('rafthttp: snapshot not sent');
  peer.status.deactivate();
  raft.reportUnreachable(peer.id);
  raft.reportSnapshot(peer.id, 'failure');
  return false;
}

function* post(context: TransportContext, to: MemberId, connection: Connection, {message, db}: SnapshotTransfer) {
  const {env, id, clusterId, serverVersion, minClusterVersion, raft} = context;
  const header = {from: id, to, clusterId, serverVersion, minClusterVersion};
  yield* connection.send(
    frameOf({kind: 'snapshot-head', header, message, dbSizeBytes: db.length}, messageSize(message)),
  );
  for (let at = 0; at < db.length; at += CHUNK_SIZE) {
    const bytes = db.subarray(at, at + CHUNK_SIZE);
    yield* connection.send(frameOf({kind: 'snapshot-chunk', bytes}, bytes.length));
  }
  const reply = yield* select(env, {frame: connection.receive, timeout: after(env.clock, ANSWER_TIMEOUT_US)});
  const payload = reply.kind === 'frame' && reply.value !== undefined ? payloadOf(reply.value) : undefined;
  if (payload?.kind === 'status' && payload.status === 410) raft.memberRemoved();
  return payload?.kind === 'status' && payload.status === 204;
}
