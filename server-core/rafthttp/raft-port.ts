// server-core/rafthttp/raft-port.ts: what the transport asks of the server behind it. etcd: rafthttp.Raft, and the parts of
// Transport that are the same for all peers.
import type {ClusterId, MemberId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {Message} from '../raftpb/types.ts';
import type {PeerHttpHandler} from './peer-http.ts';

export interface RaftPort {
  /** Hands a peer's message to raft at once. False: it was not for us (removed sender, other member). Not for MsgProp. */
  process(message: Message): boolean;
  /** As process() for a forwarded proposal, which waits for a leader. */
  processProposal(message: Message): Fiber<void>;
  isIdRemoved(id: MemberId): boolean;
  reportUnreachable(id: MemberId): void;
  reportSnapshot(id: MemberId, outcome: 'finish' | 'failure'): void;
  /** Stores the db of a snapshot message as `.snap.db` before the message reaches raft. */
  saveSnapshotDb(index: number, db: Uint8Array): Fiber<void>;
  /** Answers a plain request on the peer port. */
  readonly http: PeerHttpHandler;
  /** The cluster says that this member was removed: it stops. etcd: reportCriticalError(errMemberRemoved). */
  memberRemoved(): void;
}

/** What all connections of one member share. */
export interface TransportContext {
  readonly env: Env;
  readonly raft: RaftPort;
  readonly id: MemberId;
  readonly clusterId: ClusterId;
  readonly serverVersion: string;
  readonly minClusterVersion: string;
  /** etcd: config.PeerDialTimeout, one second plus the election timeout. */
  readonly dialTimeoutUs: number;
}
