// server-core/datadir/db-file.ts: a backend file, or a snapshot file (such a file and its SHA-256 behind it), read from bytes.
// Sources: clientv3 snapshot.go (the trailer), etcdutl/snapshot/v3_snapshot.go (Status), schema/bucket.go (what lies in the buckets).
import {sha256} from '@noble/hashes/sha2.js';
import {assert, InvariantError, must} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import {describeBytes, equalBytes, hexOf, toBytes} from '../../base/byte-string.ts';
import {crc32c} from '../../base/crc32c.ts';
import {WIRE_BYTES, WireError, WireReader, wireTag} from '../../base/wire.ts';
import {BackendError} from '../backend/backend-error.ts';
import {Batch} from '../backend/batch.ts';
import type {BoltFile} from '../backend/bolt/bolt-file.ts';
import {BOLT_DEFAULTS} from '../backend/bolt/bolt-file.ts';
import {checkBoltFile} from '../backend/bolt/check.ts';
import {openBolt} from '../backend/bolt/open.ts';
import {rangeRequest} from '../etcdserverpb/types.ts';
import {isTombstoneKey, mainOf, REVISION_SIZE} from '../mvcc/revision.ts';
import {MvccStore} from '../mvcc/store.ts';
import {runImmediately} from './immediate.ts';
import {MemoryDisk} from './memory-disk.ts';

export const TRAILER_SIZE = 32;
const SECTOR_SIZE = 512;

/** Does a file of that size end with a checksum? hasChecksum. */
export const hasTrailer = (sizeBytes: number): boolean => sizeBytes % SECTOR_SIZE === TRAILER_SIZE;

/** The database of a snapshot file without its checksum. Throws BackendError when the checksum is not that of the bytes. */
export function withoutTrailer(file: string, bytes: Uint8Array): Uint8Array {
  if (!hasTrailer(bytes.length)) return bytes;
  const end = bytes.length - TRAILER_SIZE;
  const db = bytes.subarray(0, end);
  const [expected, found] = [bytes.subarray(end), sha256(db)];
  if (!equalBytes(expected, found)) {
    const reason = `expected sha256 ${hexOf(expected)}, got ${hexOf(found)}`;
    throw new BackendError('corrupt', file, reason, {offset: end});
  }
  return db;
}

/** Reads a database. Throws BackendError with the place; `bytes` are not changed. */
export function readDb(file: string, bytes: Uint8Array): BoltFile {
  if (bytes.length === 0) throw new BackendError('too-short', file, 'the file is empty', {offset: 0});
  const path = '/db';
  const disk = new MemoryDisk(new Map([[path, bytes]]));
  try {
    return runImmediately(disk, function* (env) {
      return yield* openBolt(yield* env.disk.open(path), {...BOLT_DEFAULTS, freelistSync: false});
    });
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    const {code, reason, offset, page} = error;
    const place = {...(offset === undefined ? {} : {offset}), ...(page === undefined ? {} : {page})};
    throw new BackendError(code, file, reason, place);
  }
}

/** What `etcdutl snapshot status` tells of a database. */
export interface DbStatus {
  /** CRC-32C over buckets, keys and values, in their order. */
  readonly hash: number;
  readonly revision: number;
  /** As the tool of the release counts that wrote it: from 3.6 on the keys that are there, before all entries of all buckets. */
  readonly totalKey: number;
  /** Up to the high-water mark, in bytes. */
  readonly totalSize: number;
  /** Storage version, from 3.6 on; empty before. */
  readonly version: string;
}

/** Throws BackendError for what is no sound bbolt file, or holds in `key` what is no revision of a key. */
export function dbStatus(file: string, bytes: Uint8Array, db: BoltFile): DbStatus {
  const [first, ...others] = checkBoltFile(bytes);
  if (first !== undefined) {
    const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
    throw new BackendError('corrupt', file, `integrity check failed: ${first}${more}`, {offset: 0});
  }
  let hash = 0;
  let entryCount = 0;
  let revision = 0;
  const liveKeys = new Set<ByteString>();
  for (const name of db.bucketNames()) {
    hash = crc32c(hash, toBytes(name));
    db.bucket(name)?.forEach((key, value) => {
      hash = crc32c(hash, toBytes(key));
      hash = crc32c(hash, value);
      entryCount++;
      if (name !== 'key') return;
      if (key.length < REVISION_SIZE) throw badEntry(file, name, key, 'no revision');
      understood(file, name, key, () => {
        revision = mainOf(key);
        const userKey = keyOf(value);
        if (isTombstoneKey(key)) liveKeys.delete(userKey);
        else liveKeys.add(userKey);
      });
    });
  }
  const stored = db.bucket('meta')?.get('storageVersion');
  const version = stored === undefined ? '' : new TextDecoder().decode(stored);
  const totalKey = version === '' ? entryCount : liveKeys.size;
  return {hash: hash >>> 0, revision, totalKey, totalSize: db.sizeBytes, version};
}

/** What `etcdutl hashkv` tells of a database, and how many keys are there. */
export interface DbHash {
  readonly hashKv: number;
  readonly hashRevision: number;
  /** -1 before the first compaction. */
  readonly compactRevision: number;
  readonly keyCount: number;
}

/** Hashes all keys up to the newest revision, as a member does that starts on the database. Throws BackendError. */
export function dbHash(file: string, db: BoltFile): DbHash {
  return understood(file, 'key', '', () => {
    const store = MvccStore.open(new Batch(db, false, () => undefined));
    const hash = store.hashKv(0);
    assert('hash' in hash, 'the hash of the newest revision was refused', {file});
    const {count} = must(
      asRange(store.range(rangeRequest('\0', {rangeEnd: '\0', countOnly: true}))),
      'a read was refused',
    );
    return {hashKv: hash.hash, hashRevision: hash.revision, compactRevision: hash.compactRevision, keyCount: count};
  });
}

const asRange = (answer: ReturnType<MvccStore['range']>) => ('count' in answer ? answer : undefined);

/** mvccpb.KeyValue.key. Throws WireError. */
function keyOf(value: Uint8Array): ByteString {
  const reader = new WireReader(value);
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === wireTag(1, WIRE_BYTES)) return reader.text();
    reader.skip(tag);
  }
  return '';
}

/** An entry of a bucket that is not what its bucket is for. */
export function badEntry(file: string, bucket: string, key: ByteString, reason: string): BackendError {
  return new BackendError('corrupt', file, `bucket ${bucket}, key ${describeBytes(key)}: ${reason}`, {offset: 0});
}

/** Reads an entry of a bucket; what the reader cannot understand is damage there. */
export function understood<T>(file: string, bucket: string, key: ByteString, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const isDamage = error instanceof WireError || error instanceof SyntaxError || error instanceof InvariantError;
    if (!isDamage) throw error;
    throw badEntry(file, bucket, key, error.message);
  }
}
