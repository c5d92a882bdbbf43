// server-core/backend/backend.ts: the v3 store's storage: batches of writes over one bbolt file. etcd: server/storage/backend.
// Modelled: the batch with its lock and hooks, commits every 100 ms or 10,000 operations or after a deletion, the reads that
// a commit holds up, sizes, hash, defragmentation, snapshots, etcd's failpoints. Reads come from memory, where etcd reads a
// memory map and buffers; so damage on the disk is seen when a file is opened, not later.
// Promise: after a crash the file holds a prefix of the batches, each whole or not at all.
import {assert, InvariantError} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import {toBytes} from '../../base/byte-string.ts';
import {crc32c} from '../../base/crc32c.ts';
import type {Disk, DiskFile} from '../../env/disk.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {condition, Deadline, Signal, select, sleepUs} from '../../env/fiber.ts';
import {Mutex} from '../../env/sync.ts';
import {BackendError} from './backend-error.ts';
import {Batch, SEQUENTIAL_FILL_PERCENT} from './batch.ts';
import type {BoltFile, BoltOptions, BoltSnapshot} from './bolt/bolt-file.ts';
import {BOLT_DEFAULTS} from './bolt/bolt-file.ts';
import {openBolt} from './bolt/open.ts';
import type {Entry} from './bolt/tree.ts';
import type {ReadTx} from './buffered-reads.ts';
import type {BatchTx} from './types.ts';

export interface BackendOptions extends BoltOptions {
  /** etcd: --backend-batch-interval. */
  readonly batchIntervalUs: number;
  /** etcd: --backend-batch-limit. */
  readonly batchLimit: number;
  /**
   * A deletion commits when the lock is given back. Since 3.4.30, 3.5.12, 3.6.0 (etcd PR 17119). Before, readers who do not
   * hold the lock saw deleted keys until the next commit (issue 17158).
   */
  readonly commitsDeletionsAtUnlock: boolean;
  /** The commit that begins a defragmentation runs the hook. Since 3.5.6 (etcd issue 14685); up to 3.4 there was no hook. */
  readonly hooksDefragCommit: boolean;
  /** Keys copied in one transaction of a defragmentation. etcd: defragLimit. */
  readonly defragKeyCount: number;
  /** How long to wait for a file that another process has open before giving up. bbolt waits forever. */
  readonly lockWaitUsMax: number;
}

const BACKEND_DEFAULTS: BackendOptions = Object.freeze({
  ...BOLT_DEFAULTS,
  batchIntervalUs: 100_000,
  batchLimit: 10_000,
  commitsDeletionsAtUnlock: true,
  hooksDefragCommit: true,
  defragKeyCount: 10_000,
  lockWaitUsMax: 10_000_000,
});

/** bbolt: flockRetryTimeout. */
const LOCK_RETRY_US = 50_000;

export function qualifyBackend(partial: Partial<BackendOptions> = {}): BackendOptions {
  const options = {...BACKEND_DEFAULTS, ...partial};
  assert(options.batchIntervalUs > 0, 'the batch interval is not positive', {options});
  assert(options.batchLimit > 0, 'the batch limit is not positive', {options});
  assert(options.defragKeyCount > 0, 'the defragmentation step is not positive', {options});
  return Object.freeze(options);
}

/** What the backend asks of the world. */
export type BackendEnv = Pick<Env, 'clock' | 'disk' | 'failpoints' | 'trace' | 'choose'>;

/**
 * Opens the database at the path, making it if it is not there (its directory must be). Throws BackendError when the file
 * cannot be used, or DiskFault. The caller spawns commitLoop() beside it.
 */
export function* openBackend(
  env: BackendEnv,
  path: string,
  options: BackendOptions = qualifyBackend(),
): Fiber<Backend> {
  const file = yield* env.disk.open(path, {create: true});
  try {
    yield* lockFile(env, file, options.lockWaitUsMax);
    const fresh = file.sizeBytes === 0;
    const bolt = yield* openBolt(file, options);
    // bbolt leaves this to the filesystem (ext4 brings the name along with the file's fsync); our disks do not.
    if (fresh && options.fsync) yield* env.disk.syncDirectory(directoryOf(path));
    const backend = new Backend(env, path, options, bolt);
    yield* backend.startTransactions(2);
    return backend;
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Puts a received snapshot in the place of the database, which nobody may write any more. etcd: OpenSnapshotBackend. */
export function* replaceWithSnapshot(disk: Disk, snapshotPath: string, path: string): Fiber<void> {
  yield* disk.rename(snapshotPath, path);
  yield* disk.syncDirectory(directoryOf(path));
}

export class Backend {
  readonly path: string;
  /** Commits that wrote, since it was opened. */
  commitCount = 0;
  private readonly env: BackendEnv;
  private readonly options: BackendOptions;
  private bolt: BoltFile;
  private readonly openBatch: Batch;
  private readonly lock = new Mutex();
  private readsHeld = false; // while a commit or a defragmentation runs. etcd: readTx.Lock
  private readonly readsReleased = new Signal();
  private preCommitHook: ((batch: BatchTx) => void) | undefined;
  private postLockHook: (() => void) | undefined;
  private stopping = false;
  private loopRunning = false;
  private readonly changes = new Signal(); // first pending write, stopping, loop ended

  constructor(env: BackendEnv, path: string, options: BackendOptions, bolt: BoltFile) {
    this.env = env;
    this.path = path;
    this.options = options;
    this.bolt = bolt;
    this.openBatch = new Batch(bolt, !options.commitsDeletionsAtUnlock, () => this.changes.notify());
  }

  /**
   * The open batch without its lock: for whoever runs alone (start of a server, tests) and for reads. A writer that shares the
   * backend takes the lock, or its write may fall between the pre-commit hook and the commit, or into a defragmentation.
   */
  get batch(): BatchTx {
    return this.openBatch;
  }

  /** Names of all buckets that are there, in order. */
  bucketNames(): readonly ByteString[] {
    return this.bolt.bucketNames();
  }

  /** Operations that wait for a commit. */
  get pendingCount(): number {
    return this.openBatch.pendingCount;
  }

  /** True when the batch should be committed at once; unlock() sees to it. */
  get limitReached(): boolean {
    return this.openBatch.pendingCount >= this.options.batchLimit;
  }

  /** Bytes allocated in the file (not what it was grown to). */
  get sizeBytes(): number {
    return this.bolt.sizeBytes;
  }

  /** Bytes allocated less free pages, as of the last commit. */
  get sizeInUseBytes(): number {
    return this.bolt.sizeInUseBytes;
  }

  /** Runs inside every commit, before it, and may write to the batch. etcd: Hooks.OnPreCommitUnsafe. */
  setPreCommitHook(hook: ((batch: BatchTx) => void) | undefined): void {
    this.preCommitHook = hook;
  }

  /** Runs whenever the apply loop has just taken the lock. etcd: SetTxPostLockInsideApplyHook. */
  setPostLockHook(hook: (() => void) | undefined): void {
    this.postLockHook = hook;
  }

  /** Waits for the batch lock on behalf of an entry that is being applied. Give it back with unlock(). */
  *lockInsideApply(): Fiber<BatchTx> {
    yield* this.lock.lock();
    this.postLockHook?.();
    return this.openBatch;
  }

  /** Waits for the batch lock on behalf of anything else. */
  *lockOutsideApply(): Fiber<BatchTx> {
    yield* this.lock.lock();
    return this.openBatch;
  }

  /** Gives the lock back; commits first when the batch is full or holds a deletion. etcd: batchTxBuffered.Unlock. */
  *unlock(): Fiber<void> {
    const {env, openBatch, options} = this;
    try {
      if (openBatch.pendingCount === 0) return;
      if (env.failpoints.armed) yield* env.failpoints.hit('beforeWritebackBuf');
      if (env.failpoints.armed) yield* env.failpoints.hit('afterWritebackBuf');
      const deletes = options.commitsDeletionsAtUnlock && openBatch.pendingDeleteCount > 0;
      if (this.limitReached || deletes) {
        env.trace.mark(deletes ? 'backend: commit for a deletion' : 'backend: commit of a full batch');
        yield* this.commitLocked(false);
      }
    } finally {
      this.lock.unlock();
    }
  }

  /** What readers see now, without waiting: only for parts that hold the batch lock, or that etcd lets read so. */
  get reads(): ReadTx {
    return this.openBatch.reads;
  }

  /** Waits while a commit or a defragmentation holds reads up. What it returns must be read before the caller waits again. */
  *readTx(): Fiber<ReadTx> {
    while (this.readsHeld) yield this.readsReleased;
    return this.openBatch.reads;
  }

  /** Makes what was written so far durable; without anything pending (after the hook) no I/O is done. etcd: ForceCommit. */
  *commit(): Fiber<void> {
    yield* this.lock.lock();
    try {
      yield* this.commitLocked(false);
    } finally {
      this.lock.unlock();
    }
  }

  /** Commits every batch interval while something is pending, until close(). etcd: backend.run. */
  *commitLoop(): Fiber<void> {
    assert(!this.loopRunning, 'second commit loop');
    this.loopRunning = true;
    const {env, options} = this;
    const {clock} = env;
    const stopped = condition(this.changes, () => this.stopping);
    let lastUs = clock.monotonicUs();
    try {
      while (!this.stopping) {
        // etcd's timer beats on while nothing is pending; the beat is the same when it is only counted.
        while (this.openBatch.pendingCount === 0 && !this.stopping) yield this.changes;
        const beats = Math.floor((clock.monotonicUs() - lastUs) / options.batchIntervalUs);
        const due = new Deadline(clock, lastUs + (beats + 1) * options.batchIntervalUs);
        const {kind} = yield* select(env, {due, stopped});
        if (kind === 'due' && this.openBatch.pendingCount > 0) yield* this.commit();
        lastUs = clock.monotonicUs();
      }
    } finally {
      this.loopRunning = false;
      this.changes.notify();
    }
  }

  /** Ends the commit loop, commits once more (even an empty batch, as etcd's CommitAndStop does) and closes the file. */
  *close(): Fiber<void> {
    this.stopping = true;
    this.changes.notify();
    while (this.loopRunning) yield this.changes;
    yield* this.lock.lock();
    try {
      yield* this.commitLocked(true);
      this.bolt.close();
    } finally {
      this.lock.unlock();
    }
  }

  /** CRC-32C over bucket names, keys and values in order, pending writes included: commit first, as etcd's callers do. */
  hash(ignores: (bucket: ByteString, key: ByteString) => boolean): number {
    let crc = 0;
    for (const name of this.bolt.bucketNames()) {
      crc = crc32c(crc, toBytes(name));
      this.bolt.bucket(name)?.forEach((key, value) => {
        if (!ignores(name, key)) crc = crc32c(crc32c(crc, toBytes(key)), value);
      });
    }
    return crc;
  }

  /** Commits, then holds that state for reading while others write on. Close it. etcd: Snapshot. */
  *snapshot(): Fiber<BoltSnapshot> {
    yield* this.lock.lock();
    try {
      yield* this.commitLocked(false);
      return this.bolt.openSnapshot();
    } finally {
      this.lock.unlock();
    }
  }

  /** A database file with everything written so far. */
  *snapshotBytes(): Fiber<Uint8Array> {
    const snapshot = yield* this.snapshot();
    try {
      return yield* snapshot.read(0, snapshot.sizeBytes);
    } finally {
      snapshot.close();
    }
  }

  /**
   * Copies the database to a new file without its free pages and puts that in its place; reads and writes wait. A fault while
   * copying leaves the old file in use and is thrown. etcd: backend.defrag.
   */
  *defrag(): Fiber<void> {
    const {env, openBatch} = this;
    yield* this.lock.lock();
    this.readsHeld = true;
    try {
      env.trace.mark('backend: defragmentation');
      const copyPath = `${this.path}.tmp`;
      if (env.failpoints.armed) yield* env.failpoints.hit('defragOpenFileError');
      const file = yield* env.disk.open(copyPath, {create: true, truncate: true});
      yield* this.commitBatch(true, this.options.hooksDefragCommit);
      openBatch.frozen = true;
      if (env.failpoints.armed) yield* env.failpoints.hit('defragBeforeCopy');
      try {
        if (env.failpoints.armed) yield* env.failpoints.hit('defragdbFail');
        yield* this.copyTo(file);
      } catch (error) {
        if (error instanceof InvariantError) throw error;
        file.close();
        yield* env.disk.remove(copyPath);
        yield* this.startTransactions(2);
        throw error;
      }
      this.bolt.close();
      file.close();
      if (env.failpoints.armed) yield* env.failpoints.hit('defragBeforeRename');
      yield* replaceWithSnapshot(env.disk, copyPath, this.path);
      const reopened = yield* env.disk.open(this.path);
      yield* lockFile(env, reopened, this.options.lockWaitUsMax);
      this.bolt = yield* openBolt(reopened, this.options);
      openBatch.moveTo(this.bolt);
      yield* this.startTransactions(2);
    } finally {
      openBatch.frozen = false;
      this.releaseReads();
      this.lock.unlock();
    }
  }

  /** Where etcd begins bbolt transactions: one to write and one to read. Nothing happens here but failpoints. */
  *startTransactions(count: number): Fiber<void> {
    const {failpoints} = this.env;
    for (let i = 0; i < count; i++) {
      if (failpoints.armed) yield* failpoints.hit('beforeStartDBTxn');
      if (failpoints.armed) yield* failpoints.hit('afterStartDBTxn');
    }
  }

  /** With the lock held. etcd: batchTxBuffered.commit. */
  private *commitLocked(stop: boolean): Fiber<void> {
    this.readsHeld = true;
    try {
      yield* this.commitBatch(stop);
    } finally {
      this.releaseReads();
    }
  }

  /** Hook, commit, next transactions. stop: commit even an empty batch, and begin no transactions. etcd: unsafeCommit. */
  private *commitBatch(stop: boolean, hooked = true): Fiber<void> {
    const {openBatch} = this;
    const preCommitHook = hooked ? this.preCommitHook : undefined;
    const {failpoints} = this.env;
    if (preCommitHook !== undefined) {
      if (failpoints.armed) yield* failpoints.hit('commitBeforePreCommitHook');
      preCommitHook(openBatch);
      if (failpoints.armed) yield* failpoints.hit('commitAfterPreCommitHook');
    }
    const empty = openBatch.pendingCount === 0;
    if (!empty || stop) {
      if (failpoints.armed) yield* failpoints.hit('beforeCommit');
      openBatch.take();
      yield* this.bolt.commit(); // takes the batch in one instant: what is written while it runs is counted anew
      this.commitCount++;
      if (failpoints.armed) yield* failpoints.hit('afterCommit');
    }
    if (!stop) yield* this.startTransactions(empty ? 1 : 2);
  }

  private releaseReads(): void {
    this.readsHeld = false;
    this.readsReleased.notify();
  }

  /** All buckets into a new file, in transactions of defragKeyCount keys. etcd: defragdb. */
  private *copyTo(file: DiskFile): Fiber<void> {
    const copy = yield* openBolt(file, this.options);
    let room = this.options.defragKeyCount;
    for (const name of this.bolt.bucketNames()) {
      const from = this.bolt.bucket(name);
      const to = copy.createBucket(name);
      let next: ByteString = '';
      for (;;) {
        const entries: Entry[] = [];
        from?.collect(next, undefined, room, entries);
        to.fillPercent = SEQUENTIAL_FILL_PERCENT;
        for (const {key, value} of entries) to.put(key, value);
        const last = entries[entries.length - 1];
        if (last === undefined || entries.length < room) {
          room -= entries.length;
          break;
        }
        next = `${last.key}\0`;
        yield* copy.commit();
        room = this.options.defragKeyCount;
      }
    }
    yield* copy.commit();
  }
}

/** Waits until nobody else has the file open for writing. bbolt: flock. */
function* lockFile(env: BackendEnv, file: DiskFile, waitUsMax: number): Fiber<void> {
  for (let waitedUs = 0; !file.tryLock(); waitedUs += LOCK_RETRY_US) {
    if (waitedUs >= waitUsMax) throw new BackendError('locked', file.path, 'another process has the database open');
    yield* sleepUs(env.clock, LOCK_RETRY_US);
  }
}

function directoryOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 1));
}
