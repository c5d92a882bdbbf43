// server-core/backend/test-disk.ts: what the tests here run on: a disk in memory that keeps a journal of what was done to it,
// and a small round-robin runner for fibers. sim/ has the real ones; this one can be cut at any single write.
import {assert} from '../../base/assert.ts';
import type {Disk, DiskFile, FileStat, OpenOptions} from '../../env/disk.ts';
import {DiskFault} from '../../env/disk.ts';
import type {Failpoints} from '../../env/env.ts';
import type {Fiber, Task} from '../../env/fiber.ts';
import type {BackendEnv} from './backend.ts';

/** One thing done to a file, in order. */
export type DiskOperation =
  | {readonly kind: 'write'; readonly path: string; readonly offset: number; readonly bytes: Uint8Array}
  | {readonly kind: 'truncate'; readonly path: string; readonly sizeBytes: number}
  | {readonly kind: 'sync'; readonly path: string}
  | {readonly kind: 'rename'; readonly path: string; readonly to: string}
  | {readonly kind: 'directory-sync'; readonly path: string};

/** Bytes that may be shorter than the size: the rest is zeros. */
interface Inode {
  bytes: Uint8Array;
  sizeBytes: number;
  lockedBy: DiskFile | undefined;
}

export class TestDisk implements Disk {
  readonly files = new Map<string, Inode>();
  journal: DiskOperation[] = [];
  /** Thrown by the next operations of that kind. */
  fault: {readonly kind: DiskOperation['kind']; readonly code: 'EIO' | 'ENOSPC'} | undefined;
  /** Waits that every write and sync makes, so that other fibers run meanwhile. */
  pausesPerOperation = 0;

  /** What the file holds now. */
  contentOf(path: string): Uint8Array {
    const inode = this.files.get(path);
    assert(inode !== undefined, 'no such file in the test disk', {path});
    return readInode(inode, 0, inode.sizeBytes);
  }

  setContent(path: string, bytes: Uint8Array): void {
    this.files.set(path, {bytes: bytes.slice(), sizeBytes: bytes.length, lockedBy: undefined});
  }

  open(path: string, options: OpenOptions = {}): Fiber<DiskFile> {
    let inode = this.files.get(path);
    if (inode === undefined) {
      if (options.create !== true) throw new DiskFault('ENOENT', path, 'open');
      inode = {bytes: new Uint8Array(0), sizeBytes: 0, lockedBy: undefined};
      this.files.set(path, inode);
    }
    if (options.truncate === true) inode.sizeBytes = 0;
    return done(new TestFile(this, path, inode));
  }

  makeDirectory(): Fiber<void> {
    return done(undefined);
  }

  list(path: string): Fiber<readonly string[]> {
    return done([...this.files.keys()].filter((name) => name.startsWith(`${path}/`)).sort());
  }

  stat(path: string): Fiber<FileStat | undefined> {
    const inode = this.files.get(path);
    return done(inode && {kind: 'file', sizeBytes: inode.sizeBytes});
  }

  *rename(from: string, to: string): Fiber<void> {
    const inode = this.files.get(from);
    if (inode === undefined) throw new DiskFault('ENOENT', from, 'rename');
    yield* this.record({kind: 'rename', path: from, to});
    this.files.delete(from);
    this.files.set(to, inode);
  }

  remove(path: string): Fiber<void> {
    this.files.delete(path);
    return done(undefined);
  }

  *syncDirectory(path: string): Fiber<void> {
    yield* this.record({kind: 'directory-sync', path});
  }

  *record(operation: DiskOperation): Fiber<void> {
    if (this.fault?.kind === operation.kind) throw new DiskFault(this.fault.code, operation.path, operation.kind);
    this.journal.push(operation);
    for (let i = 0; i < this.pausesPerOperation; i++) yield {park: (task) => task.wake()};
  }
}

class TestFile implements DiskFile {
  readonly path: string;
  private readonly disk: TestDisk;
  private readonly inode: Inode;
  private closed = false;

  constructor(disk: TestDisk, path: string, inode: Inode) {
    this.disk = disk;
    this.path = path;
    this.inode = inode;
  }

  get sizeBytes(): number {
    return this.inode.sizeBytes;
  }

  read(offset: number, length: number): Fiber<Uint8Array> {
    this.mustBeOpen();
    return done(readInode(this.inode, offset, length));
  }

  *write(offset: number, bytes: Uint8Array): Fiber<void> {
    this.mustBeOpen();
    yield* this.disk.record({kind: 'write', path: this.path, offset, bytes: bytes.slice()});
    writeInode(this.inode, offset, bytes);
  }

  *sync(): Fiber<void> {
    this.mustBeOpen();
    yield* this.disk.record({kind: 'sync', path: this.path});
  }

  *truncate(sizeBytes: number): Fiber<void> {
    this.mustBeOpen();
    yield* this.disk.record({kind: 'truncate', path: this.path, sizeBytes});
    this.inode.bytes = this.inode.bytes.slice(0, sizeBytes);
    this.inode.sizeBytes = sizeBytes;
  }

  preallocate(sizeBytes: number): Fiber<void> {
    this.inode.sizeBytes = Math.max(this.inode.sizeBytes, sizeBytes);
    return done(undefined);
  }

  tryLock(): boolean {
    this.mustBeOpen();
    if (this.inode.lockedBy !== undefined && this.inode.lockedBy !== this) return false;
    this.inode.lockedBy = this;
    return true;
  }

  close(): void {
    if (this.inode.lockedBy === this) this.inode.lockedBy = undefined;
    this.closed = true;
  }

  private mustBeOpen(): void {
    if (this.closed) throw new DiskFault('EBADF', this.path, 'use of a closed file');
  }
}

function readInode(inode: Inode, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, Math.min(length, inode.sizeBytes - offset)));
  bytes.set(inode.bytes.subarray(offset, offset + bytes.length));
  return bytes;
}

function writeInode(inode: Inode, offset: number, bytes: Uint8Array): void {
  const end = offset + bytes.length;
  if (end > inode.bytes.length) {
    const grown = new Uint8Array(Math.max(end, inode.bytes.length * 2));
    grown.set(inode.bytes.subarray(0, Math.min(inode.bytes.length, inode.sizeBytes)));
    inode.bytes = grown;
  }
  inode.bytes.set(bytes, offset);
  inode.sizeBytes = Math.max(inode.sizeBytes, end);
}

/** Applies one journaled operation, or only the first so many bytes of a write, to a file image. */
export function applyOperation(
  image: Uint8Array,
  operation: DiskOperation,
  sizeMax = Number.MAX_SAFE_INTEGER,
): Uint8Array {
  if (operation.kind === 'truncate') {
    const resized = new Uint8Array(operation.sizeBytes);
    resized.set(image.subarray(0, operation.sizeBytes));
    return resized;
  }
  if (operation.kind !== 'write') return image;
  const bytes = operation.bytes.subarray(0, sizeMax);
  const end = operation.offset + bytes.length;
  const written = new Uint8Array(Math.max(image.length, end));
  written.set(image);
  written.set(bytes, operation.offset);
  return written;
}

/** Runs a fiber that has nobody to wait for. */
export function runFiber<T>(fiber: Fiber<T>): T {
  const runner = new TestRunner();
  let result: {readonly value: T} | undefined;
  runner.spawn(
    (function* () {
      result = {value: yield* fiber};
    })(),
  );
  runner.run();
  assert(result !== undefined, 'the fiber waits for something that never comes');
  return result.value;
}

/** Fibers in turn, and a clock that jumps to the next timer when all wait. */
export class TestRunner {
  nowUs = 0;
  readonly clock = {monotonicUs: () => this.nowUs, wallUs: () => this.nowUs};
  private ready: (() => void)[] = [];
  private timers: {readonly atUs: number; readonly wake: () => void}[] = [];

  spawn(fiber: Fiber<void>): void {
    let generation = 0;
    const step = () => {
      const {value: wait, done} = fiber.next();
      if (done === true) return;
      const mine = ++generation;
      const wake = () => {
        if (mine !== generation) return;
        generation++;
        this.ready.push(step);
      };
      const task: Task = {wake, wakeAt: (atUs) => this.timers.push({atUs, wake})};
      wait.park(task);
    };
    this.ready.push(step);
  }

  /** Until nothing is ready and no timer is left, or until that time. */
  run(untilUs = Number.MAX_SAFE_INTEGER): void {
    for (;;) {
      for (let step = this.ready.shift(); step !== undefined; step = this.ready.shift()) step();
      this.timers.sort((a, b) => a.atUs - b.atUs);
      const next = this.timers[0];
      if (next === undefined || next.atUs > untilUs) return;
      this.timers.shift();
      this.nowUs = Math.max(this.nowUs, next.atUs);
      next.wake();
    }
  }
}

/** The world as a backend sees it, and what it marked. */
export function testEnv(disk: TestDisk, runner = new TestRunner(), failpoints: Failpoints = NO_FAILPOINTS) {
  const marks: string[] = [];
  const trace = {enabled: false, event: () => undefined, mark: (name: string) => void marks.push(name)};
  const env: BackendEnv = {clock: runner.clock, disk, failpoints, trace, choose: () => 0};
  return {env, runner, disk, marks};
}

const NO_FAILPOINTS: Failpoints = {armed: false, hit: () => done(undefined)};

/** A fiber that returns at once. */
// biome-ignore lint/correctness/useYield: not waiting is the point
export function* done<T>(value: T): Fiber<T> {
  return value;
}
