// server-core/datadir/inspect.ts: what etcd's files hold: a data directory, a WAL directory, a snapshot file or a database.
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

/** What a set of files is. */
export type DataKind = 'data-dir' | 'wal' | 'snapshot' | 'db';

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

/** What the files are; undefined for nothing of etcd's. A data directory's paths go through `member/`. */
export function kindOf(files: DataFiles): DataKind | undefined {
  const paths = [...files.keys()];
  if (paths.some((path) => /(^|\/)member\/(wal|snap)\//.test(path))) return 'data-dir';
  if (paths.some((path) => path.endsWith('.wal'))) return 'wal';
  const [only, ...others] = paths;
  if (only === undefined || others.length > 0) return undefined;
  return hasTrailer(files.get(only)?.length ?? 0) ? 'snapshot' : 'db';
}

/** Reads all of them. */
export function inspectFiles(files: DataFiles, kind: DataKind): Inspection {
  const damages: Damage[] = [];
  const pick = (matches: (path: string) => boolean) => [...files].filter(([path]) => matches(path));
  const isDb = (path: string): boolean => kind === 'snapshot' || kind === 'db' || /(^|\/)member\/snap\/db$/.test(path);
  const dbs = pick(isDb);
  const segments = new Map(pick((path) => path.endsWith('.wal')));
  const snapshots: {file: string; snapshot: Snapshot}[] = [];
  for (const [file, bytes] of pick((path) => path.endsWith('.snap')).sort(([a], [b]) => (a < b ? -1 : 1))) {
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
  const isKnown = (path: string): boolean => isDb(path) || path.endsWith('.wal') || path.endsWith('.snap');
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
