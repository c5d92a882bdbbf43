// sim/testing.ts: a kernel with one process, for tests of fibers and of what they use.
import {Random} from '../base/random.ts';
import type {Fiber} from '../env/fiber.ts';
import {MachineClock} from './clock.ts';
import {Kernel} from './kernel.ts';
import type {ProcessEnd, SchedulingOptions} from './process.ts';
import {Process, SCHEDULING_DEFAULTS} from './process.ts';

export class Bench {
  readonly kernel: Kernel;
  readonly clock: MachineClock;
  readonly process: Process;
  end: ProcessEnd | undefined;

  constructor(seed = 1, scheduling: Partial<SchedulingOptions> = {}) {
    this.kernel = new Kernel(Random.fromSeed(seed).stream('schedule'));
    this.clock = new MachineClock(this.kernel);
    const host = {kernel: this.kernel, clock: this.clock, scheduling: {...SCHEDULING_DEFAULTS, ...scheduling}};
    this.process = new Process(host, 1, 'bench', (end) => {
      this.end = end;
    });
  }

  /** For select(). */
  choose(countMax: number): number {
    return this.kernel.schedule.below(countMax);
  }

  spawn<T>(fiber: Fiber<T>) {
    return this.process.spawn('fiber', fiber);
  }

  /** Fires everything, at most so many events. */
  run(eventsMax = 1_000_000): void {
    for (let i = 0; i < eventsMax; i++) if (!this.kernel.step()) return;
    throw new Error(`still busy after ${eventsMax} events`);
  }

  /** Runs one fiber to its end and returns what it returned. */
  finish<T>(fiber: Fiber<T>): T {
    const {ended} = this.spawn(fiber);
    this.run();
    if (this.end?.how === 'panic') throw this.end.error;
    if (!ended.ready()) throw new Error('the fiber waits for something that never comes');
    const end = ended.take();
    if (end.kind !== 'returned') throw new Error('the fiber was cancelled');
    return end.value;
  }
}
