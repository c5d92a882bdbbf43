// server-core/server/raft-disk.ts: where the raft loop stores what raft wants stored: WAL and snapshot files together.
// etcd 3.6: server/storage/storage.go.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {Entry, HardState, Snapshot} from '../raftpb/types.ts';
import type {Snapshotter} from '../snap/snapshotter.ts';
import type {Wal} from '../wal/wal.ts';

export class RaftDisk {
  private readonly env: Env;
  private readonly wal: Wal;
  private readonly snapshotter: Snapshotter;

  constructor(env: Env, wal: Wal, snapshotter: Snapshotter) {
    this.env = env;
    this.wal = wal;
    this.snapshotter = snapshotter;
  }

  /** Hard state and entries, durable where raft needs it. */
  save(hardState: HardState | undefined, entries: readonly Entry[]): Fiber<void> {
    return this.wal.save(hardState, entries);
  }

  /** The file first, then the record of it: a file without a record counts as not there, a record without a file would not. */
  *saveSnapshot(snapshot: Snapshot): Fiber<void> {
    const {failpoints} = this.env;
    yield* this.snapshotter.save(snapshot);
    if (failpoints.armed) yield* failpoints.hit('raftBeforeWALSaveSnaphot');
    const {index, term, confState} = snapshot.metadata;
    yield* this.wal.saveSnapshot({index, term, confState});
  }

  /** Everything written so far is durable. */
  sync(): Fiber<void> {
    return this.wal.sync();
  }

  /** Nothing before the snapshot is needed any more. */
  *release(snapshot: Snapshot): Fiber<void> {
    yield* this.wal.releaseTo(snapshot.metadata.index);
    yield* this.snapshotter.releaseDbs(snapshot.metadata.index);
  }

  /** Stores a received database until its snapshot is installed. */
  saveSnapshotDb(index: number, db: Uint8Array): Fiber<void> {
    return this.snapshotter.saveDb(index, db);
  }
}
