// sim/disk.ts: a machine's disk, which forgets exactly what a power cut would make it forget.
// Modelled: a volatile and a durable layer per sector, fsync, directory fsync, rename, truncate, preallocate, flock, room, time, and
// the faults of disk-faults.ts. Not modelled: read-ahead, write-back on its own (a power cut draws what it would have
// written), links, permissions.
// Promise: what an fsync covered is there after any kill and any power cut, unless a fault took it; nothing is ever there that
// nobody wrote; the outcome is a pure function of the disk's random stream and of the operations in their order.
import {assert} from '../base/assert.ts';
import type {Random} from '../base/random.ts';
import type {Disk} from '../env/disk.ts';
import type {Trace} from '../env/env.ts';
import {DiskDevice} from './disk-device.ts';
import type {DiskFaultRule, FaultHandle} from './disk-faults.ts';
import type {FileNode, NameCounts} from './disk-names.ts';
import type {DiskOptions} from './disk-options.ts';
import {qualifyDisk} from './disk-options.ts';
import type {CutCounts, PowerCut} from './disk-power-cut.ts';
import {cutPower} from './disk-power-cut.ts';
import {ProcessDisk} from './disk-view.ts';
import type {Kernel} from './kernel.ts';
import type {Process} from './process.ts';

export type {DiskOptions} from './disk-options.ts';

/** What a disk needs of its world. */
export interface SimDiskParts {
  readonly kernel: Kernel;
  /** The disk's own stream: latencies, outcomes and faults come from it. */
  readonly random: Random;
  readonly trace: Trace;
  /** The machine, for messages. */
  readonly host: string;
  readonly options?: Partial<DiskOptions>;
}

export class SimDisk {
  readonly host: string;
  readonly options: DiskOptions;
  private readonly device: DiskDevice;
  private readonly random: Random;
  private views: ProcessDisk[] = [];

  constructor({kernel, random, trace, host, options = {}}: SimDiskParts) {
    this.host = host;
    this.options = qualifyDisk(options);
    this.random = random.stream('power');
    this.device = new DiskDevice({kernel, random, trace, options: this.options});
  }

  /** The disk as that process sees it. */
  attach(process: Process): Disk {
    const view = new ProcessDisk(this.device, process);
    this.views.push(view);
    return view;
  }

  /** Its locks and open files are released and its operations under way have taken effect or not. Data stays: the page cache. */
  processEnded(process: Process): void {
    for (const operation of [...this.device.inFlight]) {
      if (operation.process === process) this.device.abandon(operation);
    }
    for (const view of this.views) {
      if (view.process !== process) continue;
      for (const file of view.openFiles) file.release();
      view.openFiles.clear();
    }
    this.views = this.views.filter((view) => view.process !== process);
  }

  /** Keeps what is durable, and of the rest what the draws and the options say. No process may use the disk at that time. */
  powerOff(): void {
    const {device, options} = this;
    assert(device.inFlight.size === 0, 'the power fails under a live process: end it first', {host: this.host});
    const cut = this.drawCut();
    const counts: CutCounts = {kept: 0, lost: 0, torn: 0};
    const names = device.names.cutPower(cut, options.metadataReordered);
    for (const {node} of device.names.files()) cutPower(node.content, cut, counts);
    device.clearQueue();
    this.tell(cut, counts, names);
  }

  /** A rule holds from now until it is lifted. */
  inject(rule: DiskFaultRule): FaultHandle {
    return this.device.faults.inject(rule);
  }

  /** Flips bits of one byte of that sector (512 bytes) of a file, at rest: processes see it at once, and so after a power cut. */
  corrupt(path: string, sector: number): void {
    const {content} = this.file(path);
    const sizeBytes = Math.min(512, content.sizeBytes - sector * 512);
    assert(sizeBytes > 0, 'no such sector to damage', {path, sector});
    const mask = this.random.between(1, 255);
    content.damage(sector * 512 + this.random.below(sizeBytes), (byte) => byte ^ mask);
    this.device.trace.mark('disk: corrupted at rest');
  }

  /** Empties the page cache of what is clean, so that reads see what the medium holds: damage by faults comes to light. */
  dropCaches(): void {
    for (const {node} of this.device.names.files()) node.content.dropCaches();
  }

  /** A file's bytes as processes see them, without faults; undefined when there is no such file. Takes no virtual time. */
  peek(path: string): Uint8Array | undefined {
    const node = this.device.names.lookup(path, 'peek');
    return node?.kind === 'file' ? node.content.read(0, node.content.sizeBytes) : undefined;
  }

  /** All files that have a name, in code-unit order. Takes no virtual time. */
  paths(): string[] {
    return this.device.names.files().map(({path}) => path);
  }

  /** Puts a file there, durable at once, with the directories above it. Replaces the content of one that is there. */
  importFile(path: string, bytes: Uint8Array): void {
    const {device} = this;
    const {names} = device;
    names.makeDirectory(path.slice(0, path.lastIndexOf('/')) || '/', ++device.sequence);
    const found = names.lookup(path, 'import');
    assert(found?.kind !== 'directory', 'a directory is in the place of an imported file', {path});
    const node = found ?? device.newFile();
    if (found === undefined) names.create(path, node, 'import', ++device.sequence);
    node.content.truncate(0, ++device.sequence);
    node.content.write(0, bytes, bytes.length, ++device.sequence);
    node.content.settle(device.sequence, undefined, device.outcomes);
    names.commitName(node);
  }

  /** Bytes that the files take: pages of 4096 bytes that were written or preallocated. */
  get usedBytes(): number {
    return this.device.usedBytes;
  }

  private file(path: string): FileNode {
    const node = this.device.names.lookup(path, 'damage');
    assert(node?.kind === 'file', 'no such file', {path, host: this.host});
    return node;
  }

  private drawCut(): PowerCut {
    const {device, options, random} = this;
    const subset = options.writesReordered ? 4 : 0;
    const mode = random.pickWeighted<PowerCut['mode']>([
      {item: 'lost', weight: 1},
      {item: 'kept', weight: 1},
      {item: 'instant', weight: 4},
      {item: 'subset', weight: subset},
    ]);
    let oldest = device.names.firstSequence || device.sequence;
    for (const {node} of device.names.files()) {
      const {firstSequence} = node.content;
      if (firstSequence > 0) oldest = Math.min(oldest, firstSequence);
    }
    const sequence = random.between(Math.max(0, oldest - 1), device.sequence + 1);
    return {mode, sequence, keptOfEight: random.between(1, 7), sectorsTorn: options.sectorsTorn, random};
  }

  private tell(cut: PowerCut, {kept, lost, torn}: CutCounts, names: NameCounts): void {
    const {trace} = this.device;
    trace.mark(`disk: power cut, ${cut.mode}`);
    if (kept > 0) trace.mark('disk: unsynced write kept');
    if (lost > 0) trace.mark('disk: unsynced write lost');
    if (torn > 0) trace.mark('disk: write torn');
    if (names.kept > 0) trace.mark('disk: unsynced name kept');
    if (names.lostNames > 0) trace.mark('disk: name lost');
    if (names.lostRenames > 0) trace.mark('disk: rename lost');
    if (names.lostRemovals > 0) trace.mark('disk: removal undone');
    if (!trace.enabled) return;
    const {kept: keptNames, lostNames, lostRenames, lostRemovals} = names;
    const lostNamesText = `${lostNames} names, ${lostRenames} renames and ${lostRemovals} removals lost`;
    trace.event(
      `disk power cut (${cut.mode}): sectors ${kept} kept, ${lost} lost; ${keptNames} kept, ${lostNamesText}`,
    );
  }
}
