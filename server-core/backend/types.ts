// server-core/backend/types.ts: what the stores above may ask of the backend. etcd: server/storage/backend, schema/bucket.go.
// The backend keeps ordered byte pairs in named buckets. Writes land in the open batch and are readable at once; a batch
// becomes durable as a whole when it is committed (every 100 ms or 10,000 operations), or not at all.
import type {ByteString} from '../../base/byte-string.ts';

/** Buckets of the v3 schema (etcd 3.6: schema/bucket.go); others join with the parts that own them. */
export type BucketName =
  | 'key'
  | 'meta'
  | 'lease'
  | 'alarm'
  | 'cluster'
  | 'members'
  | 'members_removed'
  | 'auth'
  | 'authUsers'
  | 'authRoles';

/** The open batch. All calls take no time; durability comes with the commit. */
export interface BatchTx {
  /** Makes the bucket if it is not there; each store makes its own when it starts. etcd: UnsafeCreateBucket. */
  createBucket(bucket: BucketName): void;
  /** Drops the bucket and all in it; fine when it is not there. etcd: UnsafeDeleteBucket. */
  deleteBucket(bucket: BucketName): void;
  /**
   * Sets a key; the value must not be changed afterwards. The bucket must be there (etcd panics otherwise, and so do we).
   * 'key' is expected to grow at its end (etcd: UnsafeSeqPut); any other order works too.
   */
  put(bucket: BucketName, key: ByteString, value: Uint8Array): void;
  /** Fine when the key is not there. The bucket must be. */
  delete(bucket: BucketName, key: ByteString): void;
  /** Undefined when key or bucket is not there. The value must not be changed. */
  get(bucket: BucketName, key: ByteString): Uint8Array | undefined;
  /** Pairs of [key, end) in key order, at most limit (0: all). The values must not be changed. */
  range(
    bucket: BucketName,
    key: ByteString,
    end: ByteString,
    limit: number,
  ): readonly {readonly key: ByteString; readonly value: Uint8Array}[];
  /** Every pair in key order. Nothing may be written meanwhile. etcd: UnsafeForEach. */
  forEach(bucket: BucketName, visit: (key: ByteString, value: Uint8Array) => void): void;
}
