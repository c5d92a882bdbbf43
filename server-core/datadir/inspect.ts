// server-core/datadir/inspect.ts: what etcd's files hold: a data directory, a WAL directory, a snapshot file, a database or a .snap.
// What lies where counts from what was named: member/snap/db named by itself is a database, not a directory that lacks its WAL.
// Promise: whatever the bytes are, it ends; a file that cannot be used is one Damage (file, offset, reason), the others are read.
import {BackendError} from '../backend/backend-error.ts';
import type {BoltFile} from '../backend/bolt/bolt-file.ts';
import type {Snapshot} from '../raftpb/types.ts';
import {decodeSnapFile} from '../snap/snapshotter.ts';
import {WalError} from '../wal/wal-error.ts';
import type {DbContent} from './db-content.ts';
import {dbContent} from './db-content.ts';
import type {DbHash, DbStatus} from './db-file.ts';
import {dbHash, dbStatus, hasTrailer, readDb, withoutTrailer} from './db-file.ts';
import type {DataFiles} from './memory-disk.ts';
import type {Damage, WalDump} from './wal-dump.ts';
import {dumpWal, nameOf} from './wal-dump.ts';

/** Pages are a multiple of it. */
const SECTOR_SIZE = 512;

/**
 * What a set of files is: `snapshot` is a saved database with its checksum, `db` one without, `snap` one of raft's files, by which a
 * member finds its place in the WAL.
 */
export type DataKind = 'data-dir' | 'wal' | 'snapshot' | 'db' | 'snap';

export interface DbReport {
  readonly file: string;
  readonly status: DbStatus;
  readonly hash: DbHash;
  readonly content: DbContent;
}

export interface Inspection {
  readonly kind: DataKind;
  readonly db: DbReport | undefined;
  readonly wal: WalDump | undefined;
  /** `.snap` files that can be read, oldest first. */
  readonly snapshots: readonly {readonly file: string; readonly snapshot: Snapshot}[];
  /** Files set aside by a start (`.broken`), received databases, prepared segments and other files, by name. */
  readonly otherFiles: readonly string[];
  readonly damages: readonly Damage[];
}

/** The database of a member, below what was named: the data directory or its member/. */
const DB_PLACE = /^(member\/)?snap\/db$/;

/** The path below what was named; of a file that was named itself, its own name. Other paths stay as they are. */
export function pathBelow(path: string, root: string): string {
  if (path === root) return nameOf(path);
  const folder = root.endsWith('/') ? root : `${root}/`;
  return path.startsWith(folder) ? path.slice(folder.length) : path;
}

/**
 * What the files are; undefined for nothing of etcd's. `root` is what was named: the folder that the paths begin with, or the file
 * itself; '' when they are paths below it already.
 */
export function kindOf(files: DataFiles, root: string): DataKind | undefined {
  const places = [...files.keys()].map((path) => pathBelow(path, root));
  if (places.some((place) => /^(member\/)?(wal|snap)\//.test(place))) return 'data-dir';
  if (places.some((place) => place.endsWith('.wal'))) return 'wal';
  const [only, ...others] = files;
  if (only === undefined || others.length > 0) return undefined;
  const [path, bytes] = only;
  if (isRaftSnapshot(nameOf(path), bytes)) return 'snap';
  return hasTrailer(bytes.length) ? 'snapshot' : 'db';
}

/** Some call the files of `snapshot save` .snap too: they begin with the number of their first page, 0, as no message does. */
function isRaftSnapshot(name: string, bytes: Uint8Array): boolean {
  return /^[0-9a-f]{16}-[0-9a-f]{16}\.snap$/.test(name) || (name.endsWith('.snap') && bytes[0] !== 0);
}

/** Reads all of them; `root` as for kindOf. */
export function inspectFiles(files: DataFiles, kind: DataKind, root: string): Inspection {
  const damages: Damage[] = [];
  const pick = (matches: (path: string) => boolean) => [...files].filter(([path]) => matches(path));
  const isLone = kind === 'snapshot' || kind === 'db';
  const isDb = (path: string): boolean => isLone || DB_PLACE.test(pathBelow(path, root));
  const isSegment = (path: string): boolean => !isLone && path.endsWith('.wal');
  const isSnap = (path: string): boolean => !isLone && path.endsWith('.snap');
  const dbs = pick(isDb);
  const segments = new Map(pick(isSegment));
  const snapshots: {file: string; snapshot: Snapshot}[] = [];
  for (const [file, bytes] of pick(isSnap).sort(([a], [b]) => (a < b ? -1 : 1))) {
    const snapshot = guarded(damages, () => decodeSnapFile(bytes, file));
    if (snapshot !== undefined) snapshots.push({file, snapshot});
  }
  let db: DbReport | undefined;
  for (const [file, bytes] of dbs) db = guarded(damages, () => reportDb(file, bytes, kind));
  const wal = segments.size === 0 ? undefined : dumpWal(segments);
  if (wal?.damage !== undefined) damages.push(wal.damage);
  if (kind === 'data-dir') {
    if (dbs.length === 0) damages.push({file: 'member/snap/db', offset: 0, reason: 'there is no such file'});
    if (wal === undefined) damages.push({file: 'member/wal', offset: 0, reason: 'there is no segment in it'});
  }
  const isKnown = (path: string): boolean => isDb(path) || isSegment(path) || isSnap(path);
  const otherFiles = pick((path) => !isKnown(path)).map(([path]) => path);
  return {kind, db, wal, snapshots, otherFiles: otherFiles.sort(), damages};
}

function reportDb(file: string, bytes: Uint8Array, kind: DataKind): DbReport {
  const image = kind === 'snapshot' ? withoutTrailer(file, bytes) : bytes;
  const db: BoltFile = readDb(file, image);
  if (image.length % SECTOR_SIZE !== 0) {
    const reason = 'the file does not end with a page: a checksum that was cut off, or foreign bytes';
    throw new BackendError('corrupt', file, reason, {offset: image.length - (image.length % SECTOR_SIZE)});
  }
  const status = dbStatus(file, image, db);
  const content = dbContent(file, db);
  return {file, status, content, hash: dbHash(file, db)};
}

/** Notes what is wrong with a file and goes on. */
function guarded<T>(damages: Damage[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof WalError || error instanceof BackendError)
      damages.push({file: error.file, offset: error.offset ?? 0, reason: error.reason});
    else throw error;
    return undefined;
  }
}

/** The file's own name and the folder it lies in, for messages. */
export const shortPath = (path: string): string => path.split('/').slice(-2).join('/') || nameOf(path);
