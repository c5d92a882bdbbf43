// server-core/mvcc/hash.ts: a checksum of the bucket 'key' up to a revision, equal on members that compacted at different times.
// etcd: server/storage/mvcc/hash.go. CRC-32C over the bucket's name and then each key and value in order, except: revisions
// behind the one asked for; up to the compact revision, what compaction will remove; a deletion exactly at the compact revision,
// which releases before 3.5.16 and 3.4.34 removed and later ones keep.
import type {ByteString} from '../../base/byte-string.ts';
import {toBytes, writeBytes} from '../../base/byte-string.ts';
import {crc32c} from '../../base/crc32c.ts';
import type {BatchTx} from '../backend/types.ts';
import {isTombstoneKey, mainOf, REVISION_SIZE, type RevisionSet, subOf} from './revision.ts';

/** A hash and the span of revisions that it covers. */
export interface HashKv {
  /** Unsigned, 32 bits. */
  readonly hash: number;
  /** Where the span begins: the compact revision when the hash was made. */
  readonly compactRevision: number;
  readonly revision: number;
}

const HASHES_MAX = 10;

/** Takes the pairs of the bucket in order. etcd: kvHasher. */
export class KvHasher {
  private readonly compactRevision: number;
  private readonly revision: number;
  private readonly keep: RevisionSet;
  private readonly keyBytes = new Uint8Array(REVISION_SIZE + 1);
  private crc = crc32c(0, toBytes('key'));

  constructor(compactRevision: number, revision: number, keep: RevisionSet) {
    this.compactRevision = compactRevision;
    this.revision = revision;
    this.keep = keep;
  }

  add(key: ByteString, value: Uint8Array): void {
    const main = mainOf(key);
    if (main > this.revision) return;
    // An empty set means that nothing was ever compacted, not that nothing stays.
    if (main <= this.compactRevision && !this.keep.isEmpty() && !this.keep.has(main, subOf(key))) return;
    if (main === this.compactRevision && isTombstoneKey(key)) return;
    const length = writeBytes(key, this.keyBytes, 0);
    this.crc = crc32c(crc32c(this.crc, this.keyBytes.subarray(0, length)), value);
  }

  result(): HashKv {
    return {hash: this.crc, compactRevision: this.compactRevision, revision: this.revision};
  }
}

/** Hashes the whole bucket. etcd: unsafeHashByRev. */
export function hashBucket(batch: BatchTx, compactRevision: number, revision: number, keep: RevisionSet): HashKv {
  const hasher = new KvHasher(compactRevision, revision, keep);
  batch.forEach('key', (key, value) => hasher.add(key, value));
  return hasher.result();
}

/** The hashes of the last compactions, which members compare with each other. etcd: hashStorage. */
export class HashStorage {
  private readonly hashes: HashKv[] = [];

  /** Newest ten by revision. */
  store(hash: HashKv): void {
    this.hashes.push(hash);
    this.hashes.sort((a, b) => a.revision - b.revision);
    if (this.hashes.length > HASHES_MAX) this.hashes.shift();
  }

  find(revision: number): HashKv | undefined {
    return this.hashes.find((hash) => hash.revision === revision);
  }

  /** In order of revision. */
  list(): readonly HashKv[] {
    return this.hashes;
  }
}
