// server-core/server/raft-files.ts: WAL and snapshots of a data directory, found, opened or made. etcd: bootstrap.go.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {Snapshot} from '../raftpb/types.ts';
import {Snapshotter} from '../snap/snapshotter.ts';
import type {WalBehaviours} from '../wal/behaviours.ts';
import {walBehaviours} from '../wal/behaviours.ts';
import type {PurgeOptions} from '../wal/purge.ts';
import {FILES_KEPT, purgeLoop} from '../wal/purge.ts';
import type {WalContent} from '../wal/read-all.ts';
import type {WalSnapshot} from '../wal/record.ts';
import {NO_SNAPSHOT} from '../wal/record.ts';
import {repairWal, validSnapshots} from '../wal/repair.ts';
import type {WalOptions} from '../wal/wal.ts';
import {Wal, walExists} from '../wal/wal.ts';
import {WalError} from '../wal/wal-error.ts';
import {snapDirectory, walDirectory} from './backend-files.ts';
import type {ServerConfig} from './config.ts';
import {RaftDisk} from './raft-disk.ts';

export class RaftFiles {
  private readonly env: Env;
  private readonly behaviours: WalBehaviours;
  private readonly options: WalOptions;
  private readonly snapshotter: Snapshotter;

  constructor(env: Env, config: ServerConfig) {
    this.env = env;
    this.behaviours = walBehaviours(config.release);
    this.options = {
      directory: walDirectory(config),
      segmentBytes: config.walSegmentBytes,
      behaviours: this.behaviours,
      defects: {
        skipSync: config.defects.acknowledgeBeforeFsync === true,
        loseLastWriteOfSegment: config.defects.loseLastWriteOfSegment === true,
      },
    };
    this.snapshotter = new Snapshotter(env, snapDirectory(config), this.behaviours);
  }

  /** Has this member been here before? */
  exist(): Fiber<boolean> {
    return walExists(this.env.disk, this.options.directory);
  }

  *create(metadata: Uint8Array): Fiber<RaftDisk> {
    return this.raftDisk(yield* Wal.create(this.env, this.options, metadata));
  }

  /** The newest snapshot that file and WAL agree on; in releases that write the WAL first, the newest file. */
  *newestSnapshot(): Fiber<Snapshot | undefined> {
    if (this.behaviours.snapshotOrder === 'record-first') return yield* this.snapshotter.loadNewestAvailable(undefined);
    const known = yield* validSnapshots(this.env.disk, this.options);
    return yield* this.snapshotter.loadNewestAvailable(known);
  }

  /** Opens the WAL behind the snapshot; a torn end is cut off once. */
  *open(snapshot: Snapshot | undefined): Fiber<WalContent & {readonly disk: RaftDisk}> {
    const {env, options} = this;
    const start: WalSnapshot = snapshot === undefined ? NO_SNAPSHOT : snapshot.metadata;
    for (let isRepaired = false; ; isRepaired = true) {
      try {
        const {wal, content} = yield* Wal.open(env, options, start);
        return {...content, disk: this.raftDisk(wal)};
      } catch (error) {
        const isTorn = error instanceof WalError && error.code === 'unexpected-eof';
        if (!isTorn || isRepaired || !(yield* repairWal(env.disk, options))) throw error;
        env.trace.mark('wal: torn end repaired');
      }
    }
  }

  private raftDisk(wal: Wal): RaftDisk {
    return new RaftDisk(this.env, wal, this.snapshotter, this.behaviours);
  }
}

/** How many files of a kind a purge leaves; 0: no purge. etcd: --max-snapshots, --max-wals. */
export interface PurgeLimits {
  readonly snapFilesMax: number;
  readonly walFilesMax: number;
}

/** Starts the fibers that delete old snapshots, received databases and segments. etcd: EtcdServer.purgeFile. */
export function spawnPurgeLoops(
  env: Env,
  config: ServerConfig,
  {snapFilesMax, walFilesMax}: PurgeLimits = {snapFilesMax: FILES_KEPT, walFilesMax: FILES_KEPT},
): void {
  const snap = snapDirectory(config);
  const loops: PurgeOptions[] = [];
  if (snapFilesMax > 0) {
    loops.push({directory: snap, suffix: 'snap.db', keptCountMax: snapFilesMax});
    loops.push({directory: snap, suffix: 'snap', keptCountMax: snapFilesMax});
  }
  if (walFilesMax > 0) loops.push({directory: walDirectory(config), suffix: 'wal', keptCountMax: walFilesMax});
  for (const options of loops) env.spawn(`purge-${options.suffix}`, purgeLoop(env, options));
}
