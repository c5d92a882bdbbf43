// server-core/server/snapshots.ts: when a member makes a snapshot of itself, cuts its log, and sends itself to a slow follower.
// etcd 3.6: server.go snapshotIfNeededAndCompactRaftLog, snapshot, compactRaftLog; snapshot_merge.go; sendMergedSnap.
import {must} from '../../base/assert.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs, until} from '../../env/fiber.ts';
import type {MemoryStorage} from '../raft/memory-storage.ts';
import type {Transport} from '../rafthttp/transport.ts';
import type {ConfState, Entry, Message, Snapshot} from '../raftpb/types.ts';
import {isSince} from '../release/release.ts';
import type {Applier} from './applier.ts';
import type {ServerConfig} from './config.ts';
import type {ConsistentIndex} from './consistent-index.ts';
import type {RaftDisk} from './raft-disk.ts';

/** releaseDelayAfterSnapshot: the log is not cut for so long behind a snapshot that was sent. */
const RELEASE_DELAY_US = 30_000_000;

export interface SnapshotBehaviours {
  /**
   * Up to 3.5 a snapshot is taken and saved by a goroutine of its own while entries go on being applied, and only for the disk.
   * From 3.6 the apply loop does it, and keeps one in memory every so many entries (#18459).
   */
  readonly way: 'beside-apply' | 'within-apply';
}

export function snapshotBehaviours(release: string): SnapshotBehaviours {
  return Object.freeze({way: isSince(release, '3.6.0') ? 'within-apply' : 'beside-apply'});
}

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
  readonly consistentIndex: () => ConsistentIndex;
  /** Membership as the v2 store's JSON: what a .snap file carries beside the configuration. */
  readonly membershipData: () => Uint8Array;
  readonly behaviours: SnapshotBehaviours;
}

export class Snapshots {
  private readonly parts: SnapshotParts;
  private inflightCount = 0;
  private isForced = false;

  constructor(parts: SnapshotParts) {
    this.parts = parts;
  }

  /** The next look takes a snapshot to disk whatever the counts say. 3.6+: the cluster's version was lowered. */
  force(): void {
    this.isForced = true;
  }

  /** Called behind every batch of applied entries. */
  *makeIfDue(progress: ApplyProgress): Fiber<void> {
    const {config, behaviours, applier, env} = this.parts;
    const toDisk = this.isForced || progress.appliedIndex - progress.diskSnapshotIndex > config.snapshotCount;
    if (behaviours.way === 'beside-apply') {
      if (!toDisk) return;
      const data = this.parts.membershipData();
      const {appliedIndex, confState} = progress;
      // Everything that the snapshot stands for must be in the backend; what comes next may be, too.
      yield* this.parts.consistentIndex().commit(applier.backend);
      progress.diskSnapshotIndex = appliedIndex;
      env.spawn('snapshot', this.save(appliedIndex, confState, data));
      return;
    }
    const toMemory = progress.appliedIndex > progress.memorySnapshotIndex + config.memorySnapshotCount;
    if (!toDisk && !toMemory) return;
    yield* this.make(progress, toDisk);
    this.compactLog(progress.appliedIndex);
  }

  /** 3.6: a snapshot in memory, or on disk too. */
  private *make(progress: ApplyProgress, toDisk: boolean): Fiber<void> {
    const {storage, applier} = this.parts;
    const data = this.parts.membershipData();
    // The backend must hold at least what the snapshot stands for.
    if (toDisk) {
      this.isForced = false;
      yield* this.parts.consistentIndex().commit(applier.backend);
    }
    const snapshot = storage.createSnapshot(progress.appliedIndex, progress.confState, data);
    if (snapshot === undefined) return; // raft has got a newer one meanwhile
    progress.memorySnapshotIndex = progress.appliedIndex;
    if (!toDisk) return;
    yield* this.store(snapshot);
    progress.diskSnapshotIndex = progress.appliedIndex;
  }

  /** Up to 3.5: the part that runs beside the apply loop. */
  private *save(index: number, confState: ConfState, data: Uint8Array): Fiber<void> {
    const snapshot = this.parts.storage.createSnapshot(index, confState, data);
    if (snapshot === undefined) return;
    yield* this.store(snapshot);
    this.compactLog(index);
  }

  private *store(snapshot: Snapshot): Fiber<void> {
    const {disk, env, config} = this.parts;
    yield* disk.saveSnapshot(snapshot);
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
    const data = this.parts.membershipData();
    yield* this.parts.consistentIndex().commit(applier.backend);
    const db = yield* applier.backend.snapshotBytes();
    const metadata = {index: appliedIndex, term: appliedTerm, confState};
    const snapshot = {data, metadata};
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

/**
 * What the log holds behind a snapshot, as far as it lies in memory; etcd reads its WAL's files. Older entries than those kept for
 * slow followers were applied long ago.
 */
export function entriesBehind(storage: MemoryStorage, snapshotIndex: number): readonly Entry[] {
  const first = Math.max(storage.firstIndex(), snapshotIndex + 1);
  const end = storage.lastIndex() + 1;
  const entries = first < end ? storage.entries(first, end, Number.MAX_SAFE_INTEGER) : [];
  return typeof entries === 'string' ? [] : entries;
}
