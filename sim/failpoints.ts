// sim/failpoints.ts: etcd's named places (gofail), armed from outside a process.
// Unarmed places cost a boolean test. Each arming says what happens, and how often before it disarms itself.
import {assert} from '../base/assert.ts';
import type {Failpoints} from '../env/env.ts';
import type {Fiber, MonotonicClock} from '../env/fiber.ts';
import {sleepUs} from '../env/fiber.ts';

/** What an armed failpoint does to the fiber that reaches it. */
export type FailpointAction =
  | {readonly kind: 'crash'; readonly how: 'kill' | 'power-off'}
  | {readonly kind: 'delay'; readonly delayUs: number}
  | {readonly kind: 'fail'; readonly error: Error};

/** Armed: acts at the n-th hit from now (1: the next), then `timesMax` times. */
export interface Arming {
  readonly action: FailpointAction;
  readonly afterHits?: number;
  readonly timesMax?: number;
}

/** The failpoints of one process. `crash` ends the process; the fiber that hit it never goes on. */
export class ProcessFailpoints implements Failpoints {
  private readonly armings = new Map<string, {action: FailpointAction; skip: number; left: number}>();
  private readonly clock: MonotonicClock;
  private readonly crash: (how: 'kill' | 'power-off', failpoint: string) => void;

  constructor(clock: MonotonicClock, crash: (how: 'kill' | 'power-off', failpoint: string) => void) {
    this.clock = clock;
    this.crash = crash;
  }

  get armed(): boolean {
    return this.armings.size > 0;
  }

  arm(name: string, {action, afterHits = 1, timesMax = 1}: Arming): void {
    assert(afterHits >= 1 && timesMax >= 1, 'a failpoint acts at its first hit at the earliest, and once at least');
    this.armings.set(name, {action, skip: afterHits - 1, left: timesMax});
  }

  disarm(name: string): void {
    this.armings.delete(name);
  }

  *hit(name: string): Fiber<void> {
    const arming = this.armings.get(name);
    if (arming === undefined) return;
    if (arming.skip > 0) {
      arming.skip--;
      return;
    }
    arming.left--;
    if (arming.left === 0) this.armings.delete(name);
    switch (arming.action.kind) {
      case 'crash':
        this.crash(arming.action.how, name);
        for (;;) yield {park: () => undefined}; // the process is gone: nobody wakes this fiber again
      case 'delay':
        return yield* sleepUs(this.clock, arming.action.delayUs);
      case 'fail':
        throw arming.action.error;
    }
  }
}
