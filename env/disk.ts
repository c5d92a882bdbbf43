// env/disk.ts: what a server may ask of its disk, and what it may count on.
// Durability contract: a write is readable at once and survives a killed process; it survives a power cut only after sync() of
// the file returned. A new name, a rename and a removal survive a power cut only after syncDirectory() of the parent returned.
// A failed sync() leaves open which of the writes before it are durable, and later syncs do not make up for it.
import type {Fiber} from './fiber.ts';

export type DiskFaultCode =
  | 'EIO'
  | 'ENOSPC'
  | 'ENOENT'
  | 'EEXIST'
  | 'EBADF'
  | 'ENOTDIR'
  | 'EISDIR'
  | 'ENOTEMPTY'
  | 'EWOULDBLOCK';

/** The disk says no: on purpose of the world, or because the name is not there. Handled where it happens. */
export class DiskFault extends Error {
  override readonly name = 'DiskFault';
  readonly code: DiskFaultCode;
  readonly path: string;
  constructor(code: DiskFaultCode, path: string, operation: string) {
    super(`${operation} ${path}: ${code}`);
    this.code = code;
    this.path = path;
  }
}

/** An open file. Every call may take (virtual) time and may throw DiskFault; offsets and sizes are in bytes. */
export interface DiskFile {
  readonly path: string;
  /** The size as this process sees it, written or preallocated. */
  readonly sizeBytes: number;
  /** A copy of up to `length` bytes from `offset`; shorter at the end of the file. */
  read(offset: number, length: number): Fiber<Uint8Array>;
  /** All of the bytes, or a fault that leaves a prefix of them written. The caller may reuse its buffer afterwards. */
  write(offset: number, bytes: Uint8Array): Fiber<void>;
  /** fsync (fdatasync is the same here: sizes are always kept). */
  sync(): Fiber<void>;
  truncate(sizeBytes: number): Fiber<void>;
  /** Reserves room and extends the file with zeros up to that size. fallocate(2). */
  preallocate(sizeBytes: number): Fiber<void>;
  /** Takes the exclusive advisory lock of the file (flock); false when another open file holds it. Closing or dying releases it. */
  tryLock(): boolean;
  close(): void;
}

export interface OpenOptions {
  /** Make it if it is not there. */
  readonly create?: boolean;
  /** With create: fault EEXIST when it is there. */
  readonly exclusive?: boolean;
  /** Cut it to nothing. */
  readonly truncate?: boolean;
}

export interface FileStat {
  readonly kind: 'file' | 'directory';
  readonly sizeBytes: number;
}

/** Paths are absolute, with '/' and without '..'; the root directory exists. */
export interface Disk {
  open(path: string, options?: OpenOptions): Fiber<DiskFile>;
  /** Makes the directory and its parents; fine when it is there. */
  makeDirectory(path: string): Fiber<void>;
  /** The names in a directory, sorted by code unit. */
  list(path: string): Fiber<readonly string[]>;
  stat(path: string): Fiber<FileStat | undefined>;
  /** Atomic for readers: the target is replaced. */
  rename(from: string, to: string): Fiber<void>;
  /** A file, or a directory with all that is in it. Fine when nothing is there. */
  remove(path: string): Fiber<void>;
  syncDirectory(path: string): Fiber<void>;
}

/** The whole content of a file. */
export function* readWholeFile(disk: Disk, path: string): Fiber<Uint8Array> {
  const file = yield* disk.open(path);
  try {
    return yield* file.read(0, file.sizeBytes);
  } finally {
    file.close();
  }
}
