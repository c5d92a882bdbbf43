// server-core/backend/batch.ts: the open batch over the buckets in memory, and how much of it waits for a commit.
import {assert} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import type {BoltFile} from './bolt/bolt-file.ts';
import type {Entry, Tree} from './bolt/tree.ts';
import type {ReadTx} from './buffered-reads.ts';
import {BufferedReads} from './buffered-reads.ts';
import type {BatchTx, BucketName} from './types.ts';

/** etcd sets this for buckets that grow at their end: fewer and fuller pages. batch_tx.go: unsafePut, seq. */
export const SEQUENTIAL_FILL_PERCENT = 90;

export class Batch implements BatchTx {
  /** Operations since the last commit began. etcd: batchTx.pending, which counts creations and misses too. */
  pendingCount = 0;
  /** Deletions among them. etcd: pendingDeleteOperations. */
  pendingDeleteCount = 0;
  /** Set while the buckets are being copied to another file: a write now would be lost. */
  frozen = false;
  /** What readers see who do not hold the lock. */
  readonly reads: ReadTx;
  private readonly buffered: BufferedReads | undefined;
  private bolt: BoltFile;
  private readonly onFirstWrite: () => void;
  // The bucket nearly every write goes to, without the lookup.
  private keyTree: Tree | undefined;

  /** readsMissDeletions: deletions reach `reads` with the commit only. */
  constructor(bolt: BoltFile, readsMissDeletions: boolean, onFirstWrite: () => void) {
    this.buffered = readsMissDeletions ? new BufferedReads(this) : undefined;
    this.reads = this.buffered ?? this;
    this.bolt = bolt;
    this.onFirstWrite = onFirstWrite;
    this.keyTree = bolt.bucket('key');
  }

  /** Goes on over another file with the same content. */
  moveTo(bolt: BoltFile): void {
    this.bolt = bolt;
    this.keyTree = bolt.bucket('key');
  }

  /** A commit takes all that is pending. */
  take(): void {
    this.pendingCount = 0;
    this.pendingDeleteCount = 0;
    this.buffered?.forget();
  }

  createBucket(bucket: BucketName): void {
    this.count();
    const tree = this.bolt.createBucket(bucket);
    if (bucket === 'key') this.keyTree = tree;
  }

  deleteBucket(bucket: BucketName): void {
    this.count();
    this.pendingDeleteCount++;
    if (this.buffered !== undefined)
      this.forEach(bucket, (key, value) => this.buffered?.noteDeleted(bucket, key, value));
    this.bolt.deleteBucket(bucket);
    if (bucket === 'key') this.keyTree = undefined;
  }

  put(bucket: BucketName, key: ByteString, value: Uint8Array): void {
    const tree = this.mustTree(bucket);
    this.count();
    if (bucket === 'key') tree.fillPercent = SEQUENTIAL_FILL_PERCENT;
    this.buffered?.notePut(bucket, key);
    tree.put(key, value);
  }

  delete(bucket: BucketName, key: ByteString): void {
    const tree = this.mustTree(bucket);
    this.count();
    this.pendingDeleteCount++;
    if (this.buffered !== undefined) {
      const value = tree.get(key);
      if (value !== undefined) this.buffered.noteDeleted(bucket, key, value);
    }
    tree.delete(key);
  }

  get(bucket: BucketName, key: ByteString): Uint8Array | undefined {
    return this.tree(bucket)?.get(key);
  }

  range(bucket: BucketName, key: ByteString, end: ByteString, limit: number): readonly Entry[] {
    const entries: Entry[] = [];
    this.tree(bucket)?.collect(key, end, limit > 0 ? limit : Number.MAX_SAFE_INTEGER, entries);
    return entries;
  }

  forEach(bucket: BucketName, visit: (key: ByteString, value: Uint8Array) => void): void {
    this.tree(bucket)?.forEach(visit);
  }

  private tree(bucket: BucketName): Tree | undefined {
    return bucket === 'key' ? this.keyTree : this.bolt.bucket(bucket);
  }

  private mustTree(bucket: BucketName): Tree {
    const tree = this.tree(bucket);
    assert(tree !== undefined, 'write to a bucket that nobody made with createBucket()', bucket);
    return tree;
  }

  private count(): void {
    assert(!this.frozen, 'write during a defragmentation, without the batch lock');
    if (this.pendingCount++ === 0) this.onFirstWrite();
  }
}
