// cli/data-dir-files.ts: etcd's files from a real disk into memory, and back. Symbolic links are followed, sockets and the like left out.
import {mkdirSync, readdirSync, readFileSync, statSync, writeFileSync} from 'node:fs';
import {dirname, join, normalize} from 'node:path';
import {InputError} from '../base/input-error.ts';
import type {DataFiles} from '../server-core/datadir/memory-disk.ts';
import type {Machine} from '../sim/machine.ts';

/** A single file larger than this is no data file of ours. */
const FILE_SIZE_MAX = 2 ** 31 - 1;
const DEPTH_MAX = 4;

/** What a user named, and the files there. */
export interface NamedFiles {
  /** The file or folder, as the paths of the files begin. */
  readonly root: string;
  /** By their paths as given, for messages. */
  readonly files: Map<string, Uint8Array>;
}

/** The file, or what etcd keeps in the folder. Throws InputError. */
export function readDataFiles(path: string): NamedFiles {
  const files = new Map<string, Uint8Array>();
  return told(path, () => {
    const isFolder = statSync(path).isDirectory();
    for (const part of isFolder ? partsOf(path) : [path]) collect(part, 0, files);
    return {root: isFolder ? normalize(path) : path, files};
  });
}

/** A folder of anything else is not searched for data directories: there may be several. */
function partsOf(folder: string): string[] {
  const names = readdirSync(folder);
  if (names.includes('member')) return [join(folder, 'member')];
  if (names.includes('wal') || names.some((name) => name.endsWith('.wal'))) return [folder];
  throw new InputError(
    `${folder}: neither a data directory of etcd (there is no member/ in it) nor a folder of WAL segments`,
  );
}

function collect(path: string, depth: number, files: Map<string, Uint8Array>): void {
  const stat = statSync(path);
  if (stat.isDirectory()) {
    if (depth > DEPTH_MAX) return;
    for (const name of readdirSync(path).sort()) collect(join(path, name), depth + 1, files);
    return;
  }
  if (!stat.isFile()) return;
  if (stat.size > FILE_SIZE_MAX) throw new InputError(`${path}: ${stat.size} bytes are more than can be read at once`);
  const buffer = readFileSync(path);
  files.set(path, new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length));
}

/** Refuses a folder to write to that has something in it, or is none: an InputError, best before any work is done. */
export function requireEmpty(folder: string): void {
  told(folder, () => {
    const stat = statSync(folder, {throwIfNoEntry: false});
    if (stat !== undefined && (!stat.isDirectory() || readdirSync(folder).length > 0))
      throw new InputError(`${folder}: is there and not an empty folder`);
  });
}

/** Writes files below a folder, which must be empty or not there. Modes are those of etcd: 0700 and 0600. Throws InputError. */
export function writeDataFiles(folder: string, files: DataFiles): void {
  requireEmpty(folder);
  told(folder, () => {
    for (const [path, bytes] of files) {
      const target = join(folder, path);
      mkdirSync(dirname(target), {recursive: true, mode: 0o700});
      writeFileSync(target, bytes, {mode: 0o600});
    }
  });
}

/** What a simulated machine has below a data directory, by the paths below it. */
export function memberFiles({disk}: Machine, dataDir: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const path of disk.paths()) {
    const bytes = path.startsWith(`${dataDir}/`) ? disk.peek(path) : undefined;
    if (bytes !== undefined) files.set(path.slice(dataDir.length + 1), bytes);
  }
  return files;
}

function told<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof InputError) throw error;
    const {code, message} = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new InputError(`${path}: there is no such file or folder`);
    throw new InputError(`${path}: ${message}`);
  }
}
