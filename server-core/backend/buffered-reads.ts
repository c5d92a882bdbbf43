// server-core/backend/buffered-reads.ts: what readers see where a deletion does not commit at once.
// etcd reads the last committed state and, over it, a buffer of puts; the buffer cannot tell of a deletion. So a reader gets
// the value that a deleted key had last, until the batch commits or the key is put again. Issue 17158: 3.5.0 to 3.5.11.
// Not modelled: puts become readable with the put, not when the lock is given back; the two differ only if the holder waits.
import type {ByteString} from '../../base/byte-string.ts';
import {compareByteStrings} from '../../base/byte-string.ts';
import type {Entry} from './bolt/tree.ts';
import type {BatchTx, BucketName} from './types.ts';

/** What may be read of a batch: valid until the reader waits for something. */
export type ReadTx = Pick<BatchTx, 'get' | 'range' | 'forEach'>;

export class BufferedReads implements ReadTx {
  private readonly truth: ReadTx;
  private readonly deleted = new Map<BucketName, Map<ByteString, Uint8Array>>();

  constructor(truth: ReadTx) {
    this.truth = truth;
  }

  /** A key that had this value is about to be deleted. */
  noteDeleted(bucket: BucketName, key: ByteString, value: Uint8Array): void {
    const keys = this.deleted.get(bucket) ?? new Map<ByteString, Uint8Array>();
    this.deleted.set(bucket, keys.set(key, value));
  }

  notePut(bucket: BucketName, key: ByteString): void {
    this.deleted.get(bucket)?.delete(key);
  }

  /** The deletions are being committed. */
  forget(): void {
    this.deleted.clear();
  }

  get(bucket: BucketName, key: ByteString): Uint8Array | undefined {
    return this.deleted.get(bucket)?.get(key) ?? this.truth.get(bucket, key);
  }

  range(bucket: BucketName, key: ByteString, end: ByteString, limit: number): readonly Entry[] {
    const entries = this.truth.range(bucket, key, end, limit);
    const deleted = this.deleted.get(bucket);
    if (deleted === undefined || deleted.size === 0) return entries;
    const merged = [...entries];
    for (const [name, value] of deleted) if (name >= key && name < end) merged.push({key: name, value});
    merged.sort((a, b) => compareByteStrings(a.key, b.key));
    return limit > 0 ? merged.slice(0, limit) : merged;
  }

  forEach(bucket: BucketName, visit: (key: ByteString, value: Uint8Array) => void): void {
    const merged: Entry[] = [];
    this.truth.forEach(bucket, (key, value) => void merged.push({key, value}));
    for (const [key, value] of this.deleted.get(bucket) ?? []) merged.push({key, value});
    merged.sort((a, b) => compareByteStrings(a.key, b.key));
    for (const {key, value} of merged) visit(key, value);
  }
}
