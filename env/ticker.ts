// env/ticker.ts: a clock that beats. Go: time.Ticker: one beat is kept for a slow reader, the others are dropped.
import type {MonotonicClock, Task, Waitable} from './fiber.ts';

export class Ticker implements Waitable<void> {
  private readonly clock: MonotonicClock;
  private readonly periodUs: number;
  private nextUs: number;

  constructor(clock: MonotonicClock, periodUs: number) {
    this.clock = clock;
    this.periodUs = periodUs;
    this.nextUs = clock.monotonicUs() + periodUs;
  }

  ready(): boolean {
    return this.clock.monotonicUs() >= this.nextUs;
  }

  /** Takes the beat; beats missed meanwhile are gone, and the next one keeps the rhythm. */
  take(): void {
    const behind = this.clock.monotonicUs() - this.nextUs;
    this.nextUs += (Math.floor(behind / this.periodUs) + 1) * this.periodUs;
  }

  park(task: Task): void {
    task.wakeAt(this.nextUs);
  }
}
