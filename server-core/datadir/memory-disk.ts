// server-core/datadir/memory-disk.ts: files in memory behind env's Disk: nothing waits, nothing fails, nothing is lost.
// For data directories that are looked at or made outside of a simulated world (inspect, restore): the same WAL, snapshot and
// backend code then works on them as in a member. Missing names fault as on a real disk; an fsync has nothing to do.
import type {Disk, DiskFile, FileStat, OpenOptions} from '../../env/disk.ts';
import {DiskFault} from '../../env/disk.ts';
import type {Fiber} from '../../env/fiber.ts';

/** Files by absolute path. */
export type DataFiles = ReadonlyMap<string, Uint8Array>;

/** What lies under a name; open files see it under every name it gets. */
interface Content {
  bytes: Uint8Array;
  sizeBytes: number;
  path: string;
  isLocked: boolean;
}

export class MemoryDisk implements Disk {
  private readonly contents = new Map<string, Content>();
  private readonly directories = new Set<string>(['/']);

  /** The bytes are taken over, not copied. */
  constructor(files: DataFiles = new Map()) {
    for (const [path, bytes] of files) this.put(path, bytes);
  }

  /** Puts a file there, and the directories above it. */
  put(path: string, bytes: Uint8Array): void {
    this.addDirectories(parentOf(path));
    this.contents.set(path, {bytes, sizeBytes: bytes.length, path, isLocked: false});
  }

  /** A file's bytes as they are now; undefined when there is none. */
  peek(path: string): Uint8Array | undefined {
    const content = this.contents.get(path);
    return content?.bytes.subarray(0, content.sizeBytes);
  }

  /** All files by path, in code-unit order. */
  files(): Map<string, Uint8Array> {
    const paths = [...this.contents.keys()].sort();
    return new Map(paths.map((path) => [path, this.peek(path) ?? new Uint8Array(0)]));
  }

  *open(path: string, options: OpenOptions = {}): Fiber<DiskFile> {
    let content = this.contents.get(path);
    if (content !== undefined && options.exclusive === true) throw new DiskFault('EEXIST', path, 'open');
    if (content === undefined) {
      if (this.directories.has(path)) throw new DiskFault('EISDIR', path, 'open');
      if (options.create !== true || !this.directories.has(parentOf(path))) throw new DiskFault('ENOENT', path, 'open');
      content = {bytes: new Uint8Array(0), sizeBytes: 0, path, isLocked: false};
      this.contents.set(path, content);
    }
    const file = new MemoryFile(content);
    if (options.truncate === true) yield* file.truncate(0);
    return file;
  }

  makeDirectory(path: string): Fiber<void> {
    return atOnce(() => {
      this.addDirectories(path);
    });
  }

  list(path: string): Fiber<readonly string[]> {
    return atOnce(() => {
      if (!this.directories.has(path)) throw new DiskFault('ENOENT', path, 'list');
      const names = new Set<string>();
      const prefix = path === '/' ? '/' : `${path}/`;
      for (const known of [...this.contents.keys(), ...this.directories]) {
        if (known.startsWith(prefix) && known !== path) names.add(known.slice(prefix.length).split('/')[0] ?? '');
      }
      return [...names].sort();
    });
  }

  stat(path: string): Fiber<FileStat | undefined> {
    return atOnce(() => {
      const content = this.contents.get(path);
      if (content !== undefined) return {kind: 'file', sizeBytes: content.sizeBytes};
      return this.directories.has(path) ? {kind: 'directory', sizeBytes: 0} : undefined;
    });
  }

  rename(from: string, to: string): Fiber<void> {
    return atOnce(() => {
      const isDirectory = this.directories.has(from);
      if (!isDirectory && !this.contents.has(from)) throw new DiskFault('ENOENT', from, 'rename');
      for (const [path, content] of [...this.contents]) {
        if (path !== from && !(isDirectory && path.startsWith(`${from}/`))) continue;
        this.contents.delete(path);
        content.path = to + path.slice(from.length);
        this.contents.set(content.path, content);
      }
      for (const path of [...this.directories]) {
        if (path !== from && !path.startsWith(`${from}/`)) continue;
        this.directories.delete(path);
        this.directories.add(to + path.slice(from.length));
      }
    });
  }

  remove(path: string): Fiber<void> {
    return atOnce(() => {
      for (const known of [...this.contents.keys()])
        if (known === path || known.startsWith(`${path}/`)) this.contents.delete(known);
      for (const known of [...this.directories])
        if (known === path || known.startsWith(`${path}/`)) this.directories.delete(known);
    });
  }

  syncDirectory(path: string): Fiber<void> {
    return atOnce(() => {
      if (!this.directories.has(path)) throw new DiskFault('ENOENT', path, 'fsync');
    });
  }

  private addDirectories(path: string): void {
    for (let at = path; at !== '/'; at = parentOf(at)) this.directories.add(at);
  }
}

class MemoryFile implements DiskFile {
  private readonly content: Content;
  private holdsLock = false;

  constructor(content: Content) {
    this.content = content;
  }

  get path(): string {
    return this.content.path;
  }

  get sizeBytes(): number {
    return this.content.sizeBytes;
  }

  read(offset: number, length: number): Fiber<Uint8Array> {
    return atOnce(() => {
      return this.content.bytes.slice(offset, Math.min(offset + length, this.content.sizeBytes));
    });
  }

  write(offset: number, bytes: Uint8Array): Fiber<void> {
    return atOnce(() => {
      this.grow(offset + bytes.length);
      this.content.bytes.set(bytes, offset);
    });
  }

  sync(): Fiber<void> {
    return atOnce(() => undefined);
  }

  truncate(sizeBytes: number): Fiber<void> {
    return atOnce(() => {
      if (sizeBytes > this.content.sizeBytes) return this.grow(sizeBytes);
      // What is cut off must be zero if the file grows again, and the bytes given to the disk stay as they are.
      this.content.bytes = this.content.bytes.slice(0, sizeBytes);
      this.content.sizeBytes = sizeBytes;
    });
  }

  preallocate(sizeBytes: number): Fiber<void> {
    return atOnce(() => {
      this.grow(sizeBytes);
    });
  }

  tryLock(): boolean {
    if (this.content.isLocked && !this.holdsLock) return false;
    this.content.isLocked = true;
    this.holdsLock = true;
    return true;
  }

  close(): void {
    if (this.holdsLock) this.content.isLocked = false;
    this.holdsLock = false;
  }

  private grow(sizeBytes: number): void {
    const {content} = this;
    if (sizeBytes <= content.sizeBytes) return;
    if (sizeBytes > content.bytes.length) {
      const grown = new Uint8Array(Math.max(sizeBytes, Math.min(content.bytes.length * 2, sizeBytes + (1 << 24))));
      grown.set(content.bytes.subarray(0, content.sizeBytes));
      content.bytes = grown;
    }
    content.sizeBytes = sizeBytes;
  }
}

/** A fiber that never waits; it acts when it is run. */
// biome-ignore lint/correctness/useYield: nothing here takes time
function* atOnce<T>(act: () => T): Fiber<T> {
  return act();
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';
