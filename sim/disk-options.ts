// sim/disk-options.ts: how fast a simulated disk is, and how far a power cut on it may go.
// All times are whole microseconds, all sizes bytes. Drawn between min and max, evenly; a rare fsync is slow.
import {assert} from '../base/assert.ts';

/** Everything that can be set on a disk. */
export interface DiskOptions {
  /** A read of any size, before bandwidth. */
  readonly readUsMin: number;
  readonly readUsMax: number;
  /** A write into the page cache, before bandwidth. */
  readonly writeUsMin: number;
  readonly writeUsMax: number;
  /** open, rename, remove, list, stat, truncate, preallocate, makeDirectory. */
  readonly metadataUsMin: number;
  readonly metadataUsMax: number;
  /** fsync of a file or a directory, before bandwidth. */
  readonly syncUsMin: number;
  readonly syncUsMax: number;
  /** One fsync in so many takes up to slowSyncUsMax instead; 0: none. */
  readonly slowSyncOneIn: number;
  readonly slowSyncUsMax: number;
  /** Bytes that move in a microsecond, by reads and writes, and by an fsync for what it has to write. */
  readonly bytesPerUs: number;
  /** What the disk holds, in pages of 4096 bytes that were written or preallocated; 0: no limit. */
  readonly capacityBytes: number;
  /** After a power cut, later writes may be there while earlier ones are not; otherwise the state is that of some instant. */
  readonly writesReordered: boolean;
  /** A power cut may leave a sector half old, half new. Disks promise otherwise, and etcd's WAL counts on that. */
  readonly sectorsTorn: boolean;
  /** After a power cut, later names of a directory may be there while earlier ones are not (no journal). */
  readonly metadataReordered: boolean;
  /**
   * What makes a new name durable. 'directory-only': syncDirectory() of its directory, as env/disk.ts has it. 'file-too': fsync of the file
   * as well, and with it whatever happened in its directory before. That is how ext4, XFS and btrfs behave, and
   * etcd lives by it (wal.Create never syncs the directory in which it makes the first segment, snap.Snapshotter never the
   * one of the .snap files, bbolt never the one of the db). Either way the names of the directories above come along.
   */
  readonly nameDurability: 'directory-only' | 'file-too';
}

export const DISK_DEFAULTS: DiskOptions = {
  readUsMin: 10,
  readUsMax: 60,
  writeUsMin: 5,
  writeUsMax: 40,
  metadataUsMin: 5,
  metadataUsMax: 50,
  syncUsMin: 200,
  syncUsMax: 2_000,
  slowSyncOneIn: 500,
  slowSyncUsMax: 50_000,
  bytesPerUs: 400,
  capacityBytes: 0,
  writesReordered: true,
  sectorsTorn: false,
  metadataReordered: false,
  nameDurability: 'file-too',
};

/** Fills in the defaults, checks, freezes. */
export function qualifyDisk(partial: Partial<DiskOptions> = {}): DiskOptions {
  const options = {...DISK_DEFAULTS, ...partial};
  const {readUsMin, readUsMax, writeUsMin, writeUsMax, metadataUsMin, metadataUsMax, syncUsMin, syncUsMax} = options;
  assertRange('read', readUsMin, readUsMax);
  assertRange('write', writeUsMin, writeUsMax);
  assertRange('metadata', metadataUsMin, metadataUsMax);
  assertRange('sync', syncUsMin, syncUsMax);
  assertRange('slow sync', 0, options.slowSyncUsMax);
  assert(Number.isInteger(options.slowSyncOneIn) && options.slowSyncOneIn >= 0, 'slowSyncOneIn is 0 or more', {
    options,
  });
  assert(options.slowSyncOneIn === 0 || options.slowSyncUsMax >= syncUsMax, 'slow syncs faster than usual', {options});
  assert(Number.isInteger(options.bytesPerUs) && options.bytesPerUs > 0, 'a disk moves bytes', {options});
  assert(Number.isSafeInteger(options.capacityBytes) && options.capacityBytes >= 0, 'capacity below 0', {options});
  return Object.freeze(options);
}

function assertRange(what: string, min: number, max: number): void {
  assert(Number.isSafeInteger(min) && Number.isSafeInteger(max), 'latencies are whole microseconds', {what, min, max});
  assert(min >= 0 && min <= max, 'latency bounds out of order', {what, min, max});
}
