// env/fiber.ts: fibers and the words of waiting.
// A fiber is a generator; `yield wait` parks it with that wait, `yield*` calls another fiber. Between two yields nothing
// else runs, so `yield` marks every place where the world may change. A wait tests a condition, not an event: a wake-up
// may be spurious and every wait here looks again, so a wake-up sent while nobody waits is not lost.
// The task behind a fiber belongs to the runner (sim/); nothing here knows time or order.

/** The running fiber as a wait sees it. */
export interface Task {
  /** Makes a parked fiber ready; nothing happens when it is ready or running already. */
  wake(): void;
  /** Wakes it when its own machine's monotonic clock reaches that time, unless it is woken and parks anew before. */
  wakeAt(monotonicUs: number): void;
}

/** Something to park on. park() files the task where whoever changes the condition finds it. */
export interface Wait {
  park(task: Task): void;
}

/** A server loop or a step of one. Returns when done; throws to fail. */
export type Fiber<T> = Generator<Wait, T, void>;

/** A wait whose outcome can be tested and taken; what select() chooses from. take() only after ready(). */
export interface Waitable<T> extends Wait {
  ready(): boolean;
  take(): T;
}

/** A running fiber, seen by the one who spawned it. */
export interface FiberHandle<T> {
  readonly name: string;
  /** Ready when the fiber has returned or was cancelled. */
  readonly ended: Waitable<FiberEnd<T>>;
  /** Ends the fiber at its present wait; its `finally` blocks run and must not wait. */
  cancel(): void;
}

/** How a fiber ended. A thrown error never comes here: it is a panic and the whole process dies, as in Go. */
export type FiberEnd<T> = {readonly kind: 'returned'; readonly value: T} | {readonly kind: 'cancelled'};

/** Parks until the wait is over and takes its value. */
export function* until<T>(wait: Waitable<T>): Fiber<T> {
  while (!wait.ready()) yield wait;
  return wait.take();
}

/** Tasks parked on one condition. Whoever changes the condition calls notify(). */
export class Signal implements Wait {
  private waiting: Task[] = [];

  park(task: Task): void {
    if (!this.waiting.includes(task)) this.waiting.push(task);
  }

  /** Wakes everybody parked here; each looks at its condition again. */
  notify(): void {
    const woken = this.waiting;
    if (woken.length === 0) return;
    this.waiting = [];
    for (const task of woken) task.wake();
  }
}

/** A condition that is looked at again whenever its signal is notified. */
export function condition(signal: Signal, holds: () => boolean): Waitable<void> {
  return {ready: holds, take: () => undefined, park: (task) => signal.park(task)};
}

/** What select() needs of the world: the scheduler's choice among ready cases. */
export interface Chooser {
  /** A whole number from 0 to countMax - 1, drawn from the `schedule` stream. */
  choose(countMax: number): number;
}

type Cases = Readonly<Record<string, Waitable<unknown>>>;
type Chosen<C extends Cases> = {
  [K in keyof C & string]: {readonly kind: K; readonly value: C[K] extends Waitable<infer T> ? T : never};
}[keyof C & string];

/** Parks until one of the cases is ready and takes it; of several ready ones the scheduler's stream picks. Go: select. */
export function* select<C extends Cases>(chooser: Chooser, cases: C): Fiber<Chosen<C>> {
  const names = Object.keys(cases);
  const all: Wait = {
    park: (task) => {
      for (const name of names) cases[name]?.park(task);
    },
  };
  for (;;) {
    const chosen = pickReady(chooser, cases, names);
    if (chosen !== undefined) return {kind: chosen, value: cases[chosen]?.take()} as Chosen<C>;
    yield all;
  }
}

function pickReady(chooser: Chooser, cases: Cases, names: readonly string[]): string | undefined {
  let readyCount = 0;
  let last: string | undefined;
  for (const name of names) {
    if (cases[name]?.ready()) {
      readyCount++;
      last = name;
    }
  }
  if (readyCount <= 1) return last;
  let skip = chooser.choose(readyCount);
  for (const name of names) if (cases[name]?.ready() && skip-- === 0) return name;
  return last;
}

/** What timers need of a clock. */
export interface MonotonicClock {
  /** Microseconds since the machine booted, by its own, possibly drifting, clock; never goes back. */
  monotonicUs(): number;
}

/** Ready from that time on. */
export class Deadline implements Waitable<void> {
  private readonly clock: MonotonicClock;
  readonly atUs: number;
  constructor(clock: MonotonicClock, atUs: number) {
    this.clock = clock;
    this.atUs = atUs;
  }
  ready(): boolean {
    return this.clock.monotonicUs() >= this.atUs;
  }
  take(): void {}
  park(task: Task): void {
    task.wakeAt(this.atUs);
  }
}

/** A deadline so many microseconds from now. Go: time.After. */
export function after(clock: MonotonicClock, delayUs: number): Deadline {
  return new Deadline(clock, clock.monotonicUs() + delayUs);
}

/** Parks for so many microseconds of the machine's clock. Go: time.Sleep. */
export function* sleepUs(clock: MonotonicClock, delayUs: number): Fiber<void> {
  const deadline = after(clock, delayUs);
  while (!deadline.ready()) yield deadline;
}
