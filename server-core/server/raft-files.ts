// server-core/server/raft-files.ts: WAL and snapshots of a data directory, found, opened or made. etcd: bootstrap.go.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {Snapshot} from '../raftpb/types.ts';
import {Snapshotter} from '../snap/snapshotter.ts';
import type {WalSnapshot} from '../wal/record.ts';
import {NO_SNAPSHOT} from '../wal/record.ts';
import {repairWal, validSnapshots} from '../wal/repair.ts';
import type {WalContent, WalOptions} from '../wal/wal.ts';
import {Wal, walExists} from '../wal/wal.ts';
import {WalError} from '../wal/wal-error.ts';
import {snapDirectory, walDirectory} from './backend-files.ts';
import type {ServerConfig} from './config.ts';
import {RaftDisk} from './raft-disk.ts';

export class RaftFiles {
  private readonly env: Env;
  private readonly options: WalOptions;
  private readonly snapshotter: Snapshotter;

  constructor(env: Env, config: ServerConfig) {
    this.env = env;
    this.options = {
      directory: walDirectory(config),
      segmentBytes: config.walSegmentBytes,
      defects: {
        skipSync: config.defects.acknowledgeBeforeFsync === true,
        loseLastWriteOfSegment: config.defects.loseLastWriteOfSegment === true,
      },
    };
    this.snapshotter = new Snapshotter(env, snapDirectory(config));
  }

  /** Has this member been here before? */
  exist(): Fiber<boolean> {
    return walExists(this.env.disk, this.options.directory);
  }

  *create(metadata: Uint8Array): Fiber<RaftDisk> {
    return new RaftDisk(this.env, yield* Wal.create(this.env, this.options, metadata), this.snapshotter);
  }

  /** The newest snapshot that file and WAL agree on. */
  *newestSnapshot(): Fiber<Snapshot | undefined> {
    const known = yield* validSnapshots(this.env.disk, this.options.directory);
    return yield* this.snapshotter.loadNewestAvailable(known);
  }

  /** Opens the WAL behind the snapshot; a torn end is cut off once. */
  *open(snapshot: Snapshot | undefined): Fiber<WalContent & {readonly disk: RaftDisk}> {
    const {env, options} = this;
    const start: WalSnapshot = snapshot === undefined ? NO_SNAPSHOT : snapshot.metadata;
    for (let isRepaired = false; ; isRepaired = true) {
      try {
        const {wal, content} = yield* Wal.open(env, options, start);
        return {...content, disk: new RaftDisk(env, wal, this.snapshotter)};
      } catch (error) {
        const isTorn = error instanceof WalError && error.code === 'unexpected-eof';
        if (!isTorn || isRepaired || !(yield* repairWal(env.disk, options.directory))) throw error;
        env.trace.mark('wal: torn end repaired');
      }
    }
  }
}
