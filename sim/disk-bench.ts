// sim/disk-bench.ts: a simulated disk with a process on it, for tests: run, kill, cut the power, look.
import {Random} from '../base/random.ts';
import type {Disk} from '../env/disk.ts';
import type {Fiber} from '../env/fiber.ts';
import {MachineClock} from './clock.ts';
import type {DiskOptions} from './disk.ts';
import {SimDisk} from './disk.ts';
import type {DiskBench} from './disk-laws.ts';
import {Kernel} from './kernel.ts';
import {Process, SCHEDULING_DEFAULTS} from './process.ts';
import {TraceRecorder} from './trace.ts';

export class SimDiskBench implements DiskBench {
  readonly kernel: Kernel;
  readonly trace: TraceRecorder;
  readonly disk: SimDisk;
  process: Process;
  view: Disk;
  private incarnation = 0;

  constructor(seed: number, options: Partial<DiskOptions> = {}, traced = false) {
    const random = Random.fromSeed(seed);
    this.kernel = new Kernel(random.stream('schedule'));
    this.trace = new TraceRecorder(this.kernel, traced);
    this.disk = new SimDisk({
      kernel: this.kernel,
      random: random.stream('disk'),
      trace: this.trace.for('m1'),
      host: 'm1',
      options,
    });
    this.process = this.newProcess();
    this.view = this.disk.attach(this.process);
  }

  run<T>(program: (disk: Disk) => Fiber<T>): T {
    const {ended} = this.process.spawn('test', caught(program(this.view)));
    while (!ended.ready() && this.process.isAlive) {
      if (!this.kernel.step()) throw new Error('the fiber waits for something that never comes');
    }
    const end = ended.ready() ? ended.take() : undefined;
    if (end?.kind !== 'returned') throw new Error('the fiber did not end');
    if (end.value.failed) throw end.value.error;
    return end.value.value;
  }

  kill(): void {
    this.process.finish({how: 'kill'});
    this.startAgain();
  }

  powerOff(): void {
    this.process.finish({how: 'power-off'});
    this.disk.powerOff();
    this.startAgain();
  }

  mark(name: string): number {
    return this.trace.marks()[name] ?? 0;
  }

  private startAgain(): void {
    this.process = this.newProcess();
    this.view = this.disk.attach(this.process);
  }

  private newProcess(): Process {
    const host = {kernel: this.kernel, clock: new MachineClock(this.kernel), scheduling: SCHEDULING_DEFAULTS};
    const process: Process = new Process(host, ++this.incarnation, 'test', () => this.disk.processEnded(process));
    return process;
  }
}

type Outcome<T> = {readonly failed: false; readonly value: T} | {readonly failed: true; readonly error: unknown};

function* caught<T>(fiber: Fiber<T>): Fiber<Outcome<T>> {
  try {
    return {failed: false, value: yield* fiber};
  } catch (error) {
    return {failed: true, error};
  }
}
