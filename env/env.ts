// env/env.ts: the whole of what a process may ask of the world. It has one Env for its life; a restart makes a new one.
import type {Random} from '../base/random.ts';
import type {Disk} from './disk.ts';
import type {Chooser, Fiber, FiberHandle, MonotonicClock} from './fiber.ts';
import type {Network} from './network.ts';

/** The machine's two clocks. Timeouts use monotonicUs; what users see may use wallUs, which may jump either way. */
export interface Clock extends MonotonicClock {
  /** Microseconds since 1970 by the machine's wall clock. */
  wallUs(): number;
}

/** Where a process tells what it does. Costs next to nothing while full tracing is off. */
export interface Trace {
  /** True when events are kept: test it before building text. */
  readonly enabled: boolean;
  /** One line about this process; only when enabled. */
  event(text: string): void;
  /** Counts that a place was reached; the campaign page lists the ones never hit. */
  mark(name: string): void;
}

/** Named places where a test may crash, pause, delay or fail the process. Names are etcd's own. */
export interface Failpoints {
  /** False as long as none is armed in this process: test it before hit(). */
  readonly armed: boolean;
  /** Acts as armed: returns, waits, throws, or never comes back (crash). */
  hit(name: string): Fiber<void>;
}

export interface Env extends Chooser {
  /** The machine's name; also its host on the network. */
  readonly name: string;
  readonly clock: Clock;
  /** This process's own stream; a restart gets a new one. */
  readonly random: Random;
  readonly disk: Disk;
  readonly network: Network;
  readonly trace: Trace;
  readonly failpoints: Failpoints;
  /** Runs beside the caller; dies with the process. An error thrown out of a fiber is a panic: the process dies. */
  spawn<T>(name: string, fiber: Fiber<T>): FiberHandle<T>;
}
