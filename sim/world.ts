// sim/world.ts: one virtual world: kernel, network, machines, trace. It has never heard of etcd.
// Promise: a run is a pure function of the options, the programs and the seed; digest() tells two runs apart.
import {assert, must} from '../base/assert.ts';
import type {Random} from '../base/random.ts';
import {Random as RandomStreams} from '../base/random.ts';
import type {DiskOptions} from './disk.ts';
import {Kernel} from './kernel.ts';
import type {LinkOptions} from './link.ts';
import {Machine} from './machine.ts';
import {SimNetwork} from './network.ts';
import type {Process, ProcessEnd, SchedulingOptions} from './process.ts';
import {SCHEDULING_DEFAULTS} from './process.ts';
import {TraceRecorder} from './trace.ts';

export interface WorldOptions {
  /** A whole number below 2^53. */
  readonly seed: number;
  /** Keep every trace line; the same run, slower. */
  readonly traced?: boolean;
  readonly scheduling?: Partial<SchedulingOptions>;
  readonly link?: Partial<LinkOptions>;
}

export type ProcessEndListener = (machine: Machine, process: Process, end: ProcessEnd) => void;

export class World {
  readonly kernel: Kernel;
  readonly random: Random;
  readonly trace: TraceRecorder;
  readonly network: SimNetwork;
  readonly scheduling: SchedulingOptions;
  private readonly machineByName = new Map<string, Machine>();
  private readonly endListeners: ProcessEndListener[] = [];

  constructor({seed, traced = false, scheduling = {}, link = {}}: WorldOptions) {
    this.random = RandomStreams.fromSeed(seed);
    this.scheduling = Object.freeze({...SCHEDULING_DEFAULTS, ...scheduling});
    this.kernel = new Kernel(this.random.stream('schedule'));
    this.trace = new TraceRecorder(this.kernel, traced);
    this.network = new SimNetwork({
      kernel: this.kernel,
      random: this.random.stream('network'),
      trace: this.trace,
      link,
    });
  }

  /** A new machine, off. Names are hosts on the network. */
  addMachine(name: string, disk: Partial<DiskOptions> = {}): Machine {
    assert(!this.machineByName.has(name), 'two machines of one name', {name});
    const machine = new Machine(
      {
        kernel: this.kernel,
        network: this.network,
        trace: this.trace,
        random: this.random,
        scheduling: this.scheduling,
        onProcessEnd: (...event) => {
          for (const listener of this.endListeners) listener(...event);
        },
      },
      name,
      disk,
    );
    this.machineByName.set(name, machine);
    return machine;
  }

  machine(name: string): Machine {
    return must(this.machineByName.get(name), 'no machine of that name', {name});
  }

  /** Machines in the order in which they were added. */
  get machines(): readonly Machine[] {
    return [...this.machineByName.values()];
  }

  /** Called for every process that ends, in the event in which it ends. */
  onProcessEnd(listener: ProcessEndListener): void {
    this.endListeners.push(listener);
  }

  get nowUs(): number {
    return this.kernel.nowUs;
  }

  /** Fires the next event; false when nothing waits. */
  step(): boolean {
    return this.kernel.step();
  }

  /** Fires all events up to that time, which it then is; `afterEach` runs behind each and ends the run early by returning false. */
  runUntil(timeUs: number, afterEach?: () => boolean): void {
    const {kernel} = this;
    for (;;) {
      const next = kernel.nextTimeUs();
      if (next === undefined || next > timeUs) return kernel.advanceTo(timeUs);
      kernel.step();
      if (afterEach !== undefined && !afterEach()) return;
    }
  }

  /** 64 bits over every event so far, 16 hex digits. */
  digest(): string {
    return this.kernel.digest.hex();
  }
}
