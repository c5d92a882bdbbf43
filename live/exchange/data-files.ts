// live/exchange/data-files.ts: a member's data directory between a real disk and memory. Paths are those below the data directory.
import {mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';

/** A data directory: `member/wal/…`, `member/snap/…`. */
export type DataDir = ReadonlyMap<string, Uint8Array>;
/** Data directories by member name. */
export type DataDirs = ReadonlyMap<string, DataDir>;

/** All files below a folder. */
export function readDataDir(folder: string): DataDir {
  const paths = readdirSync(folder, {recursive: true, withFileTypes: true})
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return new Map(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path)]));
}

/** Writes the files below a folder, with the modes of etcd's own. */
export function writeDataDir(folder: string, files: DataDir): void {
  for (const [path, bytes] of files) {
    const target = join(folder, path);
    mkdirSync(dirname(target), {recursive: true, mode: 0o700});
    writeFileSync(target, bytes, {mode: 0o600});
  }
}
