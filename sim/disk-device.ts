// sim/disk-device.ts: what all processes of a machine share of its disk: the tree, the queue, the faults.
// One operation after another: each is booked behind those before it, so that a slow fsync delays whatever else the disk has to
// do. A write of a process that is killed meanwhile may be there, in whole pages from its beginning, or not.
import type {Random} from '../base/random.ts';
import type {DiskFaultCode} from '../env/disk.ts';
import type {Trace} from '../env/env.ts';
import type {Fiber, Waitable} from '../env/fiber.ts';
import {condition} from '../env/fiber.ts';
import type {FateOf, SectorFate} from './disk-content.ts';
import {FileContent, flipBits} from './disk-content.ts';
import type {DiskOperation, DiskPlace} from './disk-faults.ts';
import {FaultBoard} from './disk-faults.ts';
import type {DiskNode} from './disk-names.ts';
import {FileNode, NameTree} from './disk-names.ts';
import type {DiskOptions} from './disk-options.ts';
import {PAGE_SIZE, PagePool, SECTOR_SIZE} from './disk-page.ts';
import type {Kernel} from './kernel.ts';
import type {Process} from './process.ts';
import {atVirtualTime} from './process.ts';

/** A write or an fsync that has begun and not returned. */
export interface InFlight {
  readonly process: Process;
  readonly file: FileNode;
  readonly offset: number;
  /** Undefined: an fsync. */
  readonly bytes: Uint8Array | undefined;
}

export interface DeviceParts {
  readonly kernel: Kernel;
  readonly random: Random;
  readonly trace: Trace;
  readonly options: DiskOptions;
}

export class DiskDevice {
  readonly trace: Trace;
  readonly options: DiskOptions;
  readonly names = new NameTree();
  readonly faults: FaultBoard;
  /** Numbers writes and changes of names in the order in which they took effect. */
  sequence = 0;
  readonly inFlight = new Set<InFlight>();
  readonly outcomes: Random;
  private readonly kernel: Kernel;
  private readonly latency: Random;
  private readonly pool = new PagePool();
  private busyUntilUs = 0;

  constructor({kernel, random, trace, options}: DeviceParts) {
    this.kernel = kernel;
    this.trace = trace;
    this.options = options;
    this.latency = random.stream('latency');
    this.outcomes = random.stream('outcomes');
    this.faults = new FaultBoard(random.stream('faults'));
  }

  newFile(): FileNode {
    return new FileNode(new FileContent(this.pool));
  }

  /** Books the operation; ready when the disk is done with it. */
  book(operation: DiskOperation, sizeBytes: number, node: DiskNode | string, offset: number): Waitable<void> {
    let durationUs = this.drawUs(operation) + Math.ceil(sizeBytes / this.options.bytesPerUs);
    if (this.faults.armed) durationUs *= this.faults.slowFactor(this.place(operation, node, offset, sizeBytes));
    const dueUs = Math.max(this.kernel.nowUs, this.busyUntilUs) + durationUs;
    this.busyUntilUs = dueUs;
    return atVirtualTime(this.kernel, dueUs);
  }

  /** Books a change of names or a look at them and waits for it; then throws what the faults say. */
  *metadata(operation: DiskOperation, path: string): Fiber<DiskFaultCode | undefined> {
    const done = this.book(operation, 0, path, 0);
    while (!done.ready()) yield done;
    if (!this.faults.armed) return undefined;
    yield* this.unstalled(operation, path, 0, 0);
    return this.error(operation, path, 0, 0);
  }

  /** Waits as long as a fault stalls the operation. */
  *unstalled(operation: DiskOperation, node: DiskNode | string, offset: number, sizeBytes: number): Fiber<void> {
    const place = this.place(operation, node, offset, sizeBytes);
    if (!this.faults.isStalled(place)) return;
    this.trace.mark('disk: operation stalled');
    const free = condition(this.faults.lifted, () => !this.faults.isStalled(place));
    while (!free.ready()) yield free;
  }

  /** What a fault makes of the operation, counted as a hit. */
  error(
    operation: DiskOperation,
    node: DiskNode | string,
    offset: number,
    sizeBytes: number,
  ): DiskFaultCode | undefined {
    if (!this.faults.armed) return undefined;
    const rule = this.faults.hit('error', this.place(operation, node, offset, sizeBytes));
    if (rule !== undefined) this.trace.mark(`disk: ${rule.code} on ${operation}`);
    return rule?.code;
  }

  /** Bytes that still fit for that place; Infinity when nothing limits them. */
  roomBytes(operation: DiskOperation, node: FileNode, offset: number, sizeBytes: number): number {
    const {capacityBytes} = this.options;
    let limit = capacityBytes > 0 ? capacityBytes : Number.POSITIVE_INFINITY;
    if (this.faults.armed) {
      const forced = this.faults.capacityBytes(this.place(operation, node, offset, sizeBytes));
      if (forced !== undefined) limit = Math.min(limit, forced);
    }
    return limit === Number.POSITIVE_INFINITY ? limit : Math.max(0, limit - this.usedBytes);
  }

  /** Bytes that the files take which have a name. */
  get usedBytes(): number {
    let used = 0;
    for (const {node} of this.names.files()) used += node.content.usedBytes;
    return used;
  }

  /** What the process will read: the bytes of the file, with what faults make of them. They are copies. */
  readFaulty(file: FileNode, offset: number, bytes: Uint8Array): void {
    const {faults, outcomes} = this;
    const corrupt = faults.has('corrupt-read');
    const stale = faults.has('stale-read');
    if (!corrupt && !stale) return;
    const end = offset + bytes.length;
    for (let sector = Math.floor(offset / SECTOR_SIZE); sector * SECTOR_SIZE < end; sector++) {
      const start = sector * SECTOR_SIZE;
      const from = Math.max(start, offset);
      const to = Math.min(start + SECTOR_SIZE, end);
      const place = this.place('read', file, start, SECTOR_SIZE);
      const older = stale ? file.content.olderSector(start) : undefined;
      if (older !== undefined && faults.hit('stale-read', place) !== undefined) {
        this.trace.mark('disk: stale read');
        bytes.set(older.subarray(from - start, to - start), from - offset);
      }
      if (corrupt && faults.hit('corrupt-read', place) !== undefined) {
        this.trace.mark('disk: corrupted on read');
        flipBits(bytes.subarray(from - offset, to - offset), outcomes);
      }
    }
  }

  /** An fsync that began at that sequence number returns: true when it is a success. */
  settle(file: FileNode, upTo: number): boolean {
    const {content} = file;
    content.syncCount--;
    if (!this.faults.armed) {
      content.former = undefined;
      content.settle(upTo, undefined, this.outcomes);
      if (this.options.nameDurability === 'file-too') this.names.commitName(file);
      return true;
    }
    const place = this.place('sync', file, 0, 0);
    const failed = this.faults.hit('sync-error', place);
    if (failed !== undefined || this.faults.hit('error', place) !== undefined) {
      this.trace.mark('disk: fsync failed');
      content.settleFailed(upTo, this.fatesOfFailedSync(failed?.cache ?? 'drawn'), this.outcomes);
      return false;
    }
    if (!this.faults.has('stale-read')) content.former = undefined;
    else content.former ??= new Map();
    content.settle(upTo, this.fates(file), this.outcomes);
    if (this.options.nameDurability === 'file-too') this.names.commitName(file);
    return true;
  }

  /** A process is no more: its writes under way have taken effect or not. */
  abandon(operation: InFlight): void {
    if (!this.inFlight.delete(operation)) return;
    const {file, offset, bytes} = operation;
    if (bytes === undefined) {
      file.content.syncCount--;
      return;
    }
    const drawn = this.outcomes.below(4);
    const pageCount = Math.ceil(bytes.length / PAGE_SIZE);
    const pagesWritten = drawn < 2 ? 0 : drawn === 2 ? pageCount : this.outcomes.below(pageCount + 1);
    const written = Math.min(bytes.length, pagesWritten * PAGE_SIZE - (pagesWritten > 0 ? offset % PAGE_SIZE : 0));
    if (written <= 0) return;
    file.content.write(offset, bytes, written, ++this.sequence);
    this.trace.mark(written < bytes.length ? 'disk: write cut by a kill' : 'disk: write of a killed process');
  }

  /** The power is back: nothing waits in the queue any more. */
  clearQueue(): void {
    this.busyUntilUs = this.kernel.nowUs;
  }

  place(operation: DiskOperation, node: DiskNode | string, offset: number, sizeBytes: number): DiskPlace {
    return {operation, path: this.pathOf(node), offset, sizeBytes};
  }

  /** The present path; empty for a file that has none any more. */
  pathOf(node: DiskNode | string): string {
    return typeof node === 'string' ? node : (this.names.pathOf(node) ?? '');
  }

  private drawUs(operation: DiskOperation): number {
    const {options, latency} = this;
    switch (operation) {
      case 'read':
        return latency.between(options.readUsMin, options.readUsMax);
      case 'write':
        return latency.between(options.writeUsMin, options.writeUsMax);
      case 'sync':
      case 'sync-directory':
        if (options.slowSyncOneIn > 0 && latency.below(options.slowSyncOneIn) === 0) {
          this.trace.mark('disk: slow fsync');
          return latency.between(options.syncUsMax, options.slowSyncUsMax);
        }
        return latency.between(options.syncUsMin, options.syncUsMax);
      default:
        return latency.between(options.metadataUsMin, options.metadataUsMax);
    }
  }

  private fates(file: FileNode): FateOf | undefined {
    const {faults, trace} = this;
    const lost = faults.has('lost-write');
    const misdirected = faults.has('misdirected-write');
    const corrupted = faults.has('corrupt-write');
    if (!lost && !misdirected && !corrupted) return undefined;
    return (offset) => {
      const place = this.place('sync', file, offset, SECTOR_SIZE);
      let fate: SectorFate = 'durable';
      if (lost && faults.hit('lost-write', place) !== undefined) fate = 'lost';
      else if (misdirected && faults.hit('misdirected-write', place) !== undefined) fate = 'misdirected';
      else if (corrupted && faults.hit('corrupt-write', place) !== undefined) fate = 'corrupted';
      if (fate !== 'durable') trace.mark(`disk: sector ${fate} by an fsync that said ok`);
      return fate;
    };
  }

  private fatesOfFailedSync(cache: 'kept' | 'dropped' | 'drawn'): FateOf {
    const {outcomes} = this;
    const dropped = cache === 'drawn' ? outcomes.below(2) === 0 : cache === 'dropped';
    this.trace.mark(dropped ? 'disk: failed fsync, pages dropped' : 'disk: failed fsync, pages kept');
    return () => (outcomes.below(2) === 0 ? 'durable' : dropped ? 'dropped' : 'lost');
  }
}
