// server-core/server/snapshots.ts: when a member makes a snapshot of itself, cuts its log, and sends itself to a slow follower.
// etcd 3.6: server.go snapshotIfNeededAndCompactRaftLog, snapshot, compactRaftLog; snapshot_merge.go; sendMergedSnap.
import {must} from '../../base/assert.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs, until} from '../../env/fiber.ts';
import type {MemoryStorage} from '../raft/memory-storage.ts';
import type {Transport} from '../rafthttp/transport.ts';
import type {ConfState, Message} from '../raftpb/types.ts';
import type {Applier} from './applier.ts';
import type {ServerConfig} from './config.ts';
import type {RaftDisk} from './raft-disk.ts';

/** releaseDelayAfterSnapshot: the log is not cut for so long behind a snapshot that was sent. */
const RELEASE_DELAY_US = 30_000_000;

/** Where a member's state machine stands. etcd: etcdProgress. */
export interface ApplyProgress {
  confState: ConfState;
  diskSnapshotIndex: number;
  memorySnapshotIndex: number;
  appliedTerm: number;
  appliedIndex: number;
}

export interface SnapshotParts {
  readonly env: Env;
  readonly config: ServerConfig;
  readonly storage: MemoryStorage;
  readonly disk: RaftDisk;
  readonly applier: Applier;
  readonly transport: Transport;
  /** Membership as the v2 store's JSON: what a .snap file carries beside the configuration. */
  readonly membershipData: () => Uint8Array;
}

export class Snapshots {
  private readonly parts: SnapshotParts;
  private inflightCount = 0;

  constructor(parts: SnapshotParts) {
    this.parts = parts;
  }

  /** Called behind every batch of applied entries. */
  *makeIfDue(progress: ApplyProgress): Fiber<void> {
    const {config} = this.parts;
    const toDisk = progress.appliedIndex - progress.diskSnapshotIndex > config.snapshotCount;
    const toMemory = progress.appliedIndex > progress.memorySnapshotIndex + config.memorySnapshotCount;
    if (!toDisk && !toMemory) return;
    yield* this.make(progress, toDisk);
    this.compactLog(progress.appliedIndex);
  }

  private *make(progress: ApplyProgress, toDisk: boolean): Fiber<void> {
    const {storage, disk, applier, env, config} = this.parts;
    // The backend must hold at least what the snapshot stands for.
    if (toDisk) yield* applier.backend.commit();
    const snapshot = storage.createSnapshot(progress.appliedIndex, progress.confState, this.parts.membershipData());
    if (snapshot === undefined) return; // raft has got a newer one meanwhile
    progress.memorySnapshotIndex = progress.appliedIndex;
    if (!toDisk) return;
    yield* disk.saveSnapshot(snapshot);
    progress.diskSnapshotIndex = progress.appliedIndex;
    yield* disk.release(snapshot);
    env.trace.mark('snapshot: saved to disk');
    config.observer?.noted(`snapshot at index ${snapshot.metadata.index}`);
  }

  private compactLog(snapshotIndex: number): void {
    const {storage, config, env} = this.parts;
    if (this.inflightCount > 0) {
      // What follows a snapshot under way must still be there when it has arrived, or the next one would have to follow.
      env.trace.mark('snapshot: log not compacted, one is under way');
      return;
    }
    const index = Math.max(1, snapshotIndex - config.snapshotCatchUpEntries);
    if (storage.compact(index) === undefined) env.trace.mark('snapshot: log compacted');
  }

  /** Completes a snapshot message with the database as it is now and sends it. etcd: createMergedSnapshotMessage. */
  *send(message: Message, progress: ApplyProgress): Fiber<void> {
    const {applier, transport, env, config} = this.parts;
    const {appliedIndex, appliedTerm, confState} = progress;
    const db = yield* applier.backend.snapshotBytes();
    const metadata = {index: appliedIndex, term: appliedTerm, confState};
    const snapshot = {data: this.parts.membershipData(), metadata};
    const merged: Message = {...message, snapshot};
    must(message.snapshot, 'a snapshot message without a snapshot');
    this.inflightCount++;
    config.observer?.noted(`sends a snapshot at index ${appliedIndex} (${db.length} bytes)`);
    const sent = transport.sendSnapshot({message: merged, db});
    env.spawn('snapshot-release', this.release(sent));
  }

  private *release(sent: ReturnType<Transport['sendSnapshot']>): Fiber<void> {
    if (sent !== undefined) {
      const end = yield* until(sent.ended);
      if (end.kind === 'returned' && end.value) yield* sleepUs(this.parts.env.clock, RELEASE_DELAY_US);
    }
    this.inflightCount--;
  }
}
