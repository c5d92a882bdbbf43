// server-core/mvcc/test-batch.ts: a batch that is nothing but memory, for tests of the store alone.
import sortedBtree from 'sorted-btree';
import {must} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import {compareByteStrings} from '../../base/byte-string.ts';
import type {BatchTx, BucketName} from '../backend/types.ts';

const BTree = sortedBtree.default ?? (sortedBtree as unknown as typeof sortedBtree.default);
type Bucket = InstanceType<typeof BTree<ByteString, Uint8Array>>;

export class TestBatch implements BatchTx {
  private readonly buckets = new Map<BucketName, Bucket>();

  private bucket(name: BucketName): Bucket {
    return must(this.buckets.get(name), 'no such bucket', name);
  }

  createBucket(name: BucketName): void {
    if (this.buckets.has(name)) return;
    this.buckets.set(name, new BTree<ByteString, Uint8Array>(undefined, compareByteStrings));
  }

  deleteBucket(name: BucketName): void {
    this.buckets.delete(name);
  }

  put(bucket: BucketName, key: ByteString, value: Uint8Array): void {
    this.bucket(bucket).set(key, value);
  }

  delete(bucket: BucketName, key: ByteString): void {
    this.bucket(bucket).delete(key);
  }

  get(bucket: BucketName, key: ByteString): Uint8Array | undefined {
    return this.buckets.get(bucket)?.get(key);
  }

  range(
    bucket: BucketName,
    key: ByteString,
    end: ByteString,
    limit: number,
  ): readonly {readonly key: ByteString; readonly value: Uint8Array}[] {
    if (end <= key) return [];
    const pairs = this.bucket(bucket).getRange(key, end, false, limit === 0 ? undefined : limit);
    return pairs.map(([pairKey, value]) => ({key: pairKey, value}));
  }

  forEach(bucket: BucketName, visit: (key: ByteString, value: Uint8Array) => void): void {
    this.buckets.get(bucket)?.forEachPair((key, value) => visit(key, value));
  }

  /** What a crash right after a commit leaves. */
  copy(): TestBatch {
    const copy = new TestBatch();
    for (const [name, bucket] of this.buckets) copy.buckets.set(name, bucket.clone());
    return copy;
  }

  /** How many pairs a bucket holds. */
  size(bucket: BucketName): number {
    return this.bucket(bucket).size;
  }
}
