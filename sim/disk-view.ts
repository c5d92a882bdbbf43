// sim/disk-view.ts: the disk as one process sees it: env/disk.ts over the device that all processes of the machine share.
// Effects take place when the operation returns; what a kill leaves of a write under way is the device's business. One wait an
// operation: this is a hot path.
import {assert} from '../base/assert.ts';
import type {Disk, DiskFile, FileStat, OpenOptions} from '../env/disk.ts';
import {DiskFault} from '../env/disk.ts';
import type {Fiber} from '../env/fiber.ts';
import type {DiskDevice, InFlight} from './disk-device.ts';
import type {FileNode} from './disk-names.ts';
import {PAGE_SIZE} from './disk-page.ts';
import type {Process} from './process.ts';

/** One open file description: its lock goes when it is closed or its process ends. */
export class OpenFile implements DiskFile {
  readonly path: string;
  readonly process: Process;
  private readonly view: ProcessDisk;
  private readonly device: DiskDevice;
  private readonly file: FileNode;
  private closed = false;

  constructor(view: ProcessDisk, file: FileNode, path: string) {
    this.view = view;
    this.process = view.process;
    this.device = view.device;
    this.file = file;
    this.path = path;
  }

  get sizeBytes(): number {
    return this.file.content.sizeBytes;
  }

  *read(offset: number, length: number): Fiber<Uint8Array> {
    this.checkUse('read', offset, length);
    const {device, file} = this;
    const moved = Math.max(0, Math.min(length, file.content.sizeBytes - offset));
    const done = device.book('read', moved, file, offset);
    while (!done.ready()) yield done;
    if (device.faults.armed) {
      yield* device.unstalled('read', file, offset, length);
      this.checkError('read', offset, length);
    }
    const bytes = file.content.read(offset, length);
    if (device.faults.armed) device.readFaulty(file, offset, bytes);
    if (device.trace.enabled) this.tell('read', `${offset}+${bytes.length}`);
    return bytes;
  }

  *write(offset: number, bytes: Uint8Array): Fiber<void> {
    this.checkUse('write', offset, bytes.length);
    const {device, file} = this;
    const operation: InFlight = {process: this.process, file, offset, bytes};
    device.inFlight.add(operation);
    try {
      const done = device.book('write', bytes.length, file, offset);
      while (!done.ready()) yield done;
      if (device.faults.armed) yield* device.unstalled('write', file, offset, bytes.length);
      device.inFlight.delete(operation);
    } finally {
      device.abandon(operation);
    }
    this.writeNow(offset, bytes);
  }

  *sync(): Fiber<void> {
    this.checkUse('sync', 0, 0);
    const {device, file} = this;
    const {content} = file;
    const upTo = device.sequence;
    const operation: InFlight = {process: this.process, file, offset: 0, bytes: undefined};
    device.inFlight.add(operation);
    content.syncCount++;
    try {
      const done = device.book('sync', content.dirtyBytes, file, 0);
      while (!done.ready()) yield done;
      if (device.faults.armed) yield* device.unstalled('sync', file, 0, 0);
      device.inFlight.delete(operation);
    } finally {
      device.abandon(operation);
    }
    const succeeded = device.settle(file, upTo);
    if (device.trace.enabled) this.tell('sync', succeeded ? '' : 'EIO');
    if (!succeeded) throw new DiskFault('EIO', this.path, 'sync');
  }

  *truncate(sizeBytes: number): Fiber<void> {
    this.checkUse('truncate', 0, sizeBytes);
    const {device, file} = this;
    const done = device.book('truncate', 0, file, sizeBytes);
    while (!done.ready()) yield done;
    if (device.faults.armed) {
      yield* device.unstalled('truncate', file, sizeBytes, 0);
      this.checkError('truncate', sizeBytes, 0);
    }
    file.content.truncate(sizeBytes, ++device.sequence);
    if (device.trace.enabled) this.tell('truncate', String(sizeBytes));
  }

  *preallocate(sizeBytes: number): Fiber<void> {
    this.checkUse('preallocate', 0, sizeBytes);
    const {device, file} = this;
    const done = device.book('preallocate', 0, file, 0);
    while (!done.ready()) yield done;
    if (device.faults.armed) {
      yield* device.unstalled('preallocate', file, 0, sizeBytes);
      this.checkError('preallocate', 0, sizeBytes);
    }
    const needed = Math.ceil(sizeBytes / PAGE_SIZE) * PAGE_SIZE - file.content.usedBytes;
    if (needed > 0 && needed > device.roomBytes('preallocate', file, 0, sizeBytes)) this.full('preallocate');
    file.content.preallocate(sizeBytes, ++device.sequence);
    if (device.trace.enabled) this.tell('preallocate', String(sizeBytes));
  }

  tryLock(): boolean {
    this.checkUse('lock', 0, 0);
    const {file} = this;
    if (file.lockHolder !== undefined && file.lockHolder !== this) {
      this.device.trace.mark('disk: file is locked');
      return false;
    }
    file.lockHolder = this;
    return true;
  }

  close(): void {
    if (this.closed) return;
    this.release();
    this.view.openFiles.delete(this);
    if (this.device.trace.enabled) this.tell('close', '');
  }

  /** Lets go of the file without a word: its process has ended. */
  release(): void {
    this.closed = true;
    if (this.file.lockHolder === this) this.file.lockHolder = undefined;
  }

  private writeNow(offset: number, bytes: Uint8Array): void {
    const {device, file} = this;
    const {content} = file;
    const code = device.error('write', file, offset, bytes.length);
    if (code !== undefined) {
      const written = device.outcomes.below(bytes.length + 1);
      content.write(offset, bytes, written, ++device.sequence);
      if (device.trace.enabled) this.tell('write', `${offset}+${bytes.length} ${code} after ${written}`);
      throw new DiskFault(code, this.path, 'write');
    }
    const room = device.roomBytes('write', file, offset, bytes.length);
    if (room !== Number.POSITIVE_INFINITY) {
      const roomPages = Math.floor(room / PAGE_SIZE);
      if (content.pagesMissing(offset, bytes.length) > roomPages) this.writeWhatFits(offset, bytes, roomPages);
    }
    content.write(offset, bytes, bytes.length, ++device.sequence);
    if (device.trace.enabled) this.tell('write', `${offset}+${bytes.length}`);
  }

  private writeWhatFits(offset: number, bytes: Uint8Array, roomPages: number): never {
    const {content} = this.file;
    let fits = 0;
    for (let stop = PAGE_SIZE - (offset % PAGE_SIZE); stop < bytes.length; stop += PAGE_SIZE) {
      if (content.pagesMissing(offset, stop) > roomPages) break;
      fits = stop;
    }
    content.write(offset, bytes, fits, ++this.device.sequence);
    return this.full('write');
  }

  private full(operation: string): never {
    this.device.trace.mark('disk: full');
    if (this.device.trace.enabled) this.tell(operation, 'ENOSPC');
    throw new DiskFault('ENOSPC', this.path, operation);
  }

  private checkUse(operation: string, offset: number, length: number): void {
    if (this.closed) throw new DiskFault('EBADF', this.path, operation);
    assert(Number.isSafeInteger(offset) && offset >= 0, 'an offset is a whole number', {offset, operation});
    assert(Number.isSafeInteger(length) && length >= 0, 'a size is a whole number', {length, operation});
  }

  private checkError(operation: 'read' | 'truncate' | 'preallocate', offset: number, length: number): void {
    const code = this.device.error(operation, this.file, offset, length);
    if (code === undefined) return;
    if (this.device.trace.enabled) this.tell(operation, code);
    throw new DiskFault(code, this.path, operation);
  }

  private tell(operation: string, detail: string): void {
    const path = this.device.pathOf(this.file) || `${this.path} (removed)`;
    this.device.trace.event(`disk ${operation} ${path}${detail === '' ? '' : ` ${detail}`}`);
  }
}

/** env/disk.ts for one incarnation. */
export class ProcessDisk implements Disk {
  readonly device: DiskDevice;
  readonly process: Process;
  readonly openFiles = new Set<OpenFile>();

  constructor(device: DiskDevice, process: Process) {
    this.device = device;
    this.process = process;
  }

  *open(path: string, options: OpenOptions = {}): Fiber<DiskFile> {
    const {device} = this;
    this.check('open', path, yield* device.metadata('open', path));
    let node = device.names.lookup(path, 'open');
    if (node === undefined) {
      if (options.create !== true) this.check('open', path, 'ENOENT');
      node = device.newFile();
      device.names.create(path, node, 'open', ++device.sequence);
    } else if (options.create === true && options.exclusive === true) {
      this.check('open', path, 'EEXIST');
    }
    if (node.kind === 'directory') throw new DiskFault('EISDIR', path, 'open');
    if (options.truncate === true) node.content.truncate(0, ++device.sequence);
    this.tell('open', path);
    const file = new OpenFile(this, node, path);
    this.openFiles.add(file);
    return file;
  }

  *makeDirectory(path: string): Fiber<void> {
    const {device} = this;
    this.check('make-directory', path, yield* device.metadata('make-directory', path));
    device.names.makeDirectory(path, ++device.sequence);
    this.tell('make-directory', path);
  }

  *list(path: string): Fiber<readonly string[]> {
    const {device} = this;
    this.check('list', path, yield* device.metadata('list', path));
    const directory = device.names.directory(path, 'list');
    this.tell('list', path);
    return [...directory.entries.keys()].sort();
  }

  *stat(path: string): Fiber<FileStat | undefined> {
    const {device} = this;
    this.check('stat', path, yield* device.metadata('stat', path));
    const node = device.names.lookup(path, 'stat');
    this.tell('stat', path);
    if (node === undefined) return undefined;
    return {kind: node.kind, sizeBytes: node.kind === 'file' ? node.content.sizeBytes : 0};
  }

  *rename(from: string, to: string): Fiber<void> {
    const {device} = this;
    this.check('rename', from, yield* device.metadata('rename', from));
    device.names.rename(from, to, ++device.sequence);
    this.tell('rename', `${from} ${to}`);
  }

  *remove(path: string): Fiber<void> {
    const {device} = this;
    this.check('remove', path, yield* device.metadata('remove', path));
    device.names.remove(path, ++device.sequence);
    this.tell('remove', path);
  }

  *syncDirectory(path: string): Fiber<void> {
    const {device} = this;
    const {names, faults} = device;
    this.check('sync-directory', path, yield* device.metadata('sync-directory', path));
    const directory = names.directory(path, 'sync-directory');
    this.tell('sync-directory', path);
    if (
      faults.armed &&
      faults.hit('directory-sync-ignored', device.place('sync-directory', path, 0, 0)) !== undefined
    ) {
      device.trace.mark('disk: directory sync ignored');
      return;
    }
    names.commitDirectory(directory);
  }

  private check(operation: string, path: string, code: DiskFault['code'] | undefined): void {
    if (code === undefined) return;
    if (this.device.trace.enabled) this.device.trace.event(`disk ${operation} ${path} ${code}`);
    throw new DiskFault(code, path, operation);
  }

  private tell(operation: string, paths: string): void {
    if (this.device.trace.enabled) this.device.trace.event(`disk ${operation} ${paths}`);
  }
}
