// server-core/server/raft-disk.ts: where the raft loop stores what raft wants stored: WAL and snapshot files together.
// etcd 3.6: server/storage/storage.go.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {until} from '../../env/fiber.ts';
import {Cell} from '../../env/sync.ts';
import type {Entry, HardState, Snapshot} from '../raftpb/types.ts';
import type {Snapshotter} from '../snap/snapshotter.ts';
import type {WalBehaviours} from '../wal/behaviours.ts';
import {NO_SNAPSHOT} from '../wal/record.ts';
import type {Wal} from '../wal/wal.ts';

export class RaftDisk {
  private readonly env: Env;
  private readonly wal: Wal;
  private readonly snapshotter: Snapshotter;
  private readonly behaviours: WalBehaviours;
  /** Set once and for all: what raft would still store waits for ever, and the process ends. */
  private readonly isClosed = new Cell(false);

  constructor(env: Env, wal: Wal, snapshotter: Snapshotter, behaviours: WalBehaviours) {
    this.env = env;
    this.wal = wal;
    this.snapshotter = snapshotter;
    this.behaviours = behaviours;
  }

  /** Hard state and entries, durable where raft needs it. */
  *save(hardState: HardState | undefined, entries: readonly Entry[]): Fiber<void> {
    if (this.isClosed.value) yield* until(this.isClosed.satisfies((isClosed) => !isClosed));
    yield* this.wal.save(hardState, entries);
  }

  /** The file first, then the record of it: a file without a record counts as not there, a record without a file would not. */
  *saveSnapshot(snapshot: Snapshot): Fiber<void> {
    const {failpoints} = this.env;
    const {index, term, confState} = snapshot.metadata;
    if (this.behaviours.snapshotOrder === 'record-first') {
      // etcd-io/etcd#11888: killed between the two, the member had a record without a file.
      yield* this.wal.saveSnapshot({index, term, confState});
      yield* this.snapshotter.save(snapshot);
      yield* this.wal.releaseTo(index);
      return;
    }
    yield* this.snapshotter.save(snapshot);
    if (failpoints.armed) yield* failpoints.hit('raftBeforeWALSaveSnaphot');
    yield* this.wal.saveSnapshot({index, term, confState});
  }

  /** Everything written so far is durable. */
  sync(): Fiber<void> {
    return this.wal.sync();
  }

  /** The entries behind the newest snapshot file: what a downgrade of the storage has to look at. etcd: MinimalEtcdVersion. */
  *loggedEntries(): Fiber<readonly Entry[]> {
    const newest = yield* this.snapshotter.loadNewestAvailable(undefined);
    return yield* this.wal.readEntries(newest?.metadata ?? NO_SNAPSHOT);
  }

  /** Nothing before the snapshot is needed any more. */
  *release(snapshot: Snapshot): Fiber<void> {
    if (this.behaviours.snapshotOrder === 'record-first') return; // saveSnapshot() did
    yield* this.wal.releaseTo(snapshot.metadata.index);
    yield* this.snapshotter.releaseDbs(snapshot.metadata.index);
  }

  /** An orderly end: durable, and the locks given up. */
  *close(): Fiber<void> {
    this.isClosed.set(true);
    yield* this.wal.close();
  }

  /** Stores a received database until its snapshot is installed. */
  saveSnapshotDb(index: number, db: Uint8Array): Fiber<void> {
    return this.snapshotter.saveDb(index, db);
  }
}
