// sim/process.ts: one incarnation of a program on a machine, and the runner of its fibers.
// A wake-up reaches its fiber after a delay drawn from the `schedule` stream: some microseconds, rarely milliseconds (a
// starved goroutine, a garbage-collection pause). A paused process (SIGSTOP) keeps its wake-ups until it goes on. A process
// that ended runs nothing any more; not even `finally` blocks, because nothing would run them in a killed one either.
import {assert, must} from '../base/assert.ts';
import type {Env} from '../env/env.ts';
import type {Fiber, FiberEnd, FiberHandle, Task, Wait, Waitable} from '../env/fiber.ts';
import {Promised} from '../env/sync.ts';
import type {MachineClock} from './clock.ts';
import type {Kernel, KernelEvent} from './kernel.ts';

/** How fast wake-ups reach their fibers. */
export interface SchedulingOptions {
  /** Usual delay: drawn between 1 and this many microseconds. */
  readonly delayUsMax: number;
  /** One wake-up in so many is starved; 0: none. */
  readonly starvedOneIn: number;
  /** A starved one waits up to this many microseconds. */
  readonly starvedUsMax: number;
}

export const SCHEDULING_DEFAULTS: SchedulingOptions = {delayUsMax: 8, starvedOneIn: 4096, starvedUsMax: 5_000};

/** Why a process is no more. */
export type ProcessEnd =
  | {readonly how: 'kill' | 'power-off' | 'stop'; readonly message?: string | undefined}
  | {readonly how: 'panic'; readonly message: string; readonly error: unknown};

/** What a process needs of the machine it runs on. */
export interface ProcessHost {
  readonly kernel: Kernel;
  readonly clock: MachineClock;
  readonly scheduling: SchedulingOptions;
}

const PARKED = 0;
const READY = 1;
const RUNNING = 2;
const ENDED = 3;
const RUN = -1;

/**
 * One fiber under way. Fires with RUN when its wake-up arrives, or with the time for which a timer was armed.
 * A timer that is due early enough serves every later one: it wakes the fiber, which looks at its condition and arms again.
 * So a fiber that waits a thousand times with a long deadline keeps one timer in the heap, not a thousand.
 */
class FiberTask<T> implements Task, KernelEvent {
  readonly traceId: number;
  readonly name: string;
  readonly end = new Promised<FiberEnd<T>>();
  private readonly process: Process;
  /** Undefined once it has ended: a timer that is still in the heap must not keep what the fiber held. */
  private fiber: Fiber<T> | undefined;
  private state = PARKED;
  /** Times for which timers wait in the heap, earliest first; seldom more than two. */
  private readonly armedUs: number[] = [];

  constructor(process: Process, name: string, fiber: Fiber<T>) {
    this.process = process;
    this.traceId = process.host.kernel.nextTraceId();
    this.name = name;
    this.fiber = fiber;
  }

  wake(): void {
    if (this.state !== PARKED) return;
    this.state = READY;
    const {kernel} = this.process.host;
    kernel.at(kernel.nowUs + this.process.drawDelayUs(), this, RUN);
  }

  wakeAt(monotonicUs: number): void {
    this.wakeAtVirtual(this.process.host.clock.virtualTimeOf(monotonicUs));
  }

  /** As wakeAt(), by the time of the world instead of the machine's. */
  wakeAtVirtual(virtualUs: number): void {
    const {armedUs} = this;
    const first = armedUs[0];
    if (first !== undefined && first <= virtualUs) return;
    armedUs.unshift(virtualUs);
    this.process.host.kernel.at(virtualUs + this.process.drawDelayUs(), this, virtualUs);
  }

  fire(argument: number): void {
    if (!this.process.isAlive || this.state === ENDED) return;
    if (argument !== RUN) {
      this.armedUs.splice(this.armedUs.indexOf(argument), 1);
      if (this.state !== PARKED) return;
      this.state = READY;
    }
    if (this.process.keepWhilePaused(this, RUN)) return;
    this.run();
  }

  private run(): void {
    this.state = RUNNING;
    let result: IteratorResult<Wait, T>;
    try {
      result = must(this.fiber, 'an ended fiber was resumed').next();
    } catch (error) {
      this.over();
      this.process.panic(this.name, error);
      return;
    }
    // A fiber may have cancelled itself, or ended its own process, while it ran.
    if ((this.state as number) === ENDED) return;
    if (result.done === true) {
      this.over();
      this.end.resolve({kind: 'returned', value: result.value});
      return;
    }
    this.state = PARKED;
    result.value.park(this);
  }

  private over(): void {
    this.state = ENDED;
    this.fiber = undefined;
  }

  cancel(): void {
    const {fiber} = this;
    if (this.state === ENDED || fiber === undefined) return;
    assert(this.state !== RUNNING, 'a fiber cannot cancel itself', {fiber: this.name});
    this.over();
    try {
      const result = fiber.return(undefined as T);
      assert(result.done === true, 'a cancelled fiber must not wait in its finally block', {fiber: this.name});
    } catch (error) {
      this.process.panic(this.name, error);
      return;
    }
    this.end.resolve({kind: 'cancelled'});
  }
}

/** A program that runs on a machine until it ends one way or another. */
export class Process {
  readonly id: number;
  readonly label: string;
  readonly host: ProcessHost;
  private end_: ProcessEnd | undefined;
  private paused = false;
  private kept: {readonly event: KernelEvent; readonly argument: number}[] = [];
  private readonly onEnd: (end: ProcessEnd) => void;

  constructor(host: ProcessHost, id: number, label: string, onEnd: (end: ProcessEnd) => void) {
    this.host = host;
    this.id = id;
    this.label = label;
    this.onEnd = onEnd;
  }

  get isAlive(): boolean {
    return this.end_ === undefined;
  }

  get isPaused(): boolean {
    return this.paused;
  }

  /** How it ended; undefined while it lives. */
  get ended(): ProcessEnd | undefined {
    return this.end_;
  }

  /** Runs a fiber beside the others; it starts after a scheduling delay. */
  spawn<T>(name: string, fiber: Fiber<T>): FiberHandle<T> {
    const task = new FiberTask(this, name, fiber);
    task.wake();
    const ended: Waitable<FiberEnd<T>> = task.end;
    return {name, ended, cancel: () => task.cancel()};
  }

  /** Nothing of it runs from now on. Ending twice does nothing. */
  finish(end: ProcessEnd): void {
    if (this.end_ !== undefined) return;
    this.end_ = end;
    this.kept = [];
    this.onEnd(end);
  }

  panic(fiber: string, error: unknown): void {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.finish({how: 'panic', message: `${fiber}: ${message}`, error});
  }

  /** SIGSTOP: time goes on, the process does not see it. */
  pause(): void {
    this.paused = true;
  }

  /** SIGCONT: what came meanwhile runs, in drawn order. */
  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    const {kernel} = this.host;
    const kept = this.kept;
    this.kept = [];
    for (const {event, argument} of kept) kernel.at(kernel.nowUs + this.drawDelayUs(), event, argument);
  }

  /** Files an event of a paused process for later; false when it is not paused. */
  keepWhilePaused(event: KernelEvent, argument: number): boolean {
    if (!this.paused) return false;
    this.kept.push({event, argument});
    return true;
  }

  drawDelayUs(): number {
    const {delayUsMax, starvedOneIn, starvedUsMax} = this.host.scheduling;
    const {schedule} = this.host.kernel;
    if (starvedOneIn > 0 && schedule.below(starvedOneIn) === 0) return 1 + schedule.below(starvedUsMax);
    return delayUsMax <= 1 ? delayUsMax : 1 + schedule.below(delayUsMax);
  }
}

/** Ready from that virtual time on: for disk and network, which do not live by a machine's clock. */
export function atVirtualTime(kernel: Kernel, virtualUs: number): Waitable<void> {
  return {
    ready: () => kernel.nowUs >= virtualUs,
    take: () => undefined,
    park: (task) => (task as FiberTask<unknown>).wakeAtVirtual(virtualUs),
  };
}

/** The program of a process: its main fiber. When it returns, the process stops in an orderly way. */
export type Program = (env: Env) => Fiber<void>;
