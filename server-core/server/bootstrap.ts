// server-core/server/bootstrap.ts: a member from nothing, or from what its disk holds. etcd 3.6: bootstrap.go.
// Modelled: a new cluster from --initial-cluster, and the restart from WAL, snapshot and database, with repair of a torn WAL.
// Not yet: joining an existing cluster, discovery, force-new-cluster.
import {InvariantError} from '../../base/assert.ts';
import type {ClusterId, MemberId} from '../../base/ids.ts';
import {NO_MEMBER, toId64} from '../../base/ids.ts';
import {WireReader, WireWriter} from '../../base/wire.ts';
import {toBytes} from '../../base/byte-string.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {Backend} from '../backend/backend.ts';
import {clusterIdOf, memberIdOf} from '../membership/identity.ts';
import type {Member} from '../membership/member.ts';
import {encodeMember} from '../membership/member.ts';
import {MemoryStorage} from '../raft/memory-storage.ts';
import {RawNode} from '../raft/raw-node.ts';
import type {Config} from '../raft/types.ts';
import type {HardState, Snapshot} from '../raftpb/types.ts';
import {Snapshotter} from '../snap/snapshotter.ts';
import {openServerBackend, snapDirectory, snapshotDbPath, walDirectory} from './backend-files.ts';
import type {ServerConfig} from './config.ts';
import type {ConsistentIndex} from './consistent-index.ts';
import {RaftDisk} from './raft-disk.ts';

/** maxSizePerMsg, maxInflightMsgs of etcdserver. */
const SIZE_PER_MESSAGE_MAX = 1024 * 1024;
const INFLIGHT_MESSAGES_MAX = 4096 / 8;

/** The parts that a server is wired from. */
export interface Bootstrapped {
  readonly id: MemberId;
  readonly clusterId: ClusterId;
  readonly node: RawNode;
  readonly storage: MemoryStorage;
  readonly disk: RaftDisk;
  readonly backend: Backend;
  readonly consistentIndex: ConsistentIndex;
  /** Of a new cluster; empty at a restart. */
  readonly initialMembers: readonly Member[];
}
