// server-core/server/raft-disk.ts: where the raft loop stores what raft wants stored: WAL and snapshot files together.
// etcd: server/storage/storage.go.
import type {Fiber} from '../../env/fiber.ts';
import type {Env} from '../../env/env.ts';
import type {Entry, HardState, Snapshot} from '../raftpb/types.ts';
import type {Snapshotter} from '../snap/snapshotter.ts';
import type {Wal} from '../wal/wal.ts';

export class RaftDisk {
  private readonly env: Env;
  private readonly wal: Wal;
  readonly snapshotter: Snapshotter;

  constructor(env: Env, wal: Wal, snapshotter: Snapshotter) {
    this.env = env;
    this.wal = wal;
    this.snapshotter = snapshotter;
  }
}
