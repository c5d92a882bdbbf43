// sim/clock.ts: what one machine believes the time to be.
// Modelled: offset (the wall clock is off by a constant), drift (both clocks run fast or slow, parts per million), steps (the
// wall clock jumps). The monotonic clock never goes back and does not see steps. Not modelled: leap seconds, suspend.
import {assert} from '../base/assert.ts';
import type {Clock} from '../env/env.ts';
import type {Kernel} from './kernel.ts';

const PARTS = 1_000_000;
/** ±10 %. */
export const DRIFT_PPM_MAX = 100_000;
/** 2020-01-01T00:00:00Z, so that simulated wall times look like times and never depend on today. */
const WALL_EPOCH_US = 1_577_836_800_000_000;

export class MachineClock implements Clock {
  private readonly kernel: Kernel;
  private driftPpm = 0;
  private wallOffsetUs = 0;
  // The monotonic clock read baseUs when the kernel's read baseVirtualUs.
  private baseUs = 0;
  private baseVirtualUs: number;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.baseVirtualUs = kernel.nowUs;
  }

  monotonicUs(): number {
    return this.baseUs + this.scaled(this.kernel.nowUs - this.baseVirtualUs);
  }

  wallUs(): number {
    return WALL_EPOCH_US + this.monotonicUs() + this.wallOffsetUs;
  }

  /** The machine boots: its monotonic clock starts from zero; the wall clock goes on. */
  reboot(): void {
    const wall = this.wallUs();
    this.baseUs = 0;
    this.baseVirtualUs = this.kernel.nowUs;
    this.wallOffsetUs = wall - WALL_EPOCH_US;
  }

  /** Both clocks run fast (above 0) or slow from now on; at most ±10 %. */
  setDrift(partsPerMillion: number): void {
    assert(Math.abs(partsPerMillion) <= DRIFT_PPM_MAX, 'drift beyond ±10 %', {partsPerMillion});
    this.baseUs = this.monotonicUs();
    this.baseVirtualUs = this.kernel.nowUs;
    this.driftPpm = partsPerMillion;
  }

  /** The wall clock jumps by so much, either way. */
  stepWall(byUs: number): void {
    this.wallOffsetUs += byUs;
  }

  /** The first virtual time at which the monotonic clock reads that much or more; not before now. */
  virtualTimeOf(monotonicUs: number): number {
    const {nowUs} = this.kernel;
    if (this.driftPpm === 0) return Math.max(nowUs, this.baseVirtualUs + monotonicUs - this.baseUs);
    const ahead = monotonicUs - this.baseUs;
    const rate = PARTS + this.driftPpm;
    let elapsed = Math.floor(ahead / rate) * PARTS + Math.floor(((ahead % rate) * PARTS) / rate);
    while (this.scaled(elapsed) < ahead) elapsed++;
    return Math.max(nowUs, this.baseVirtualUs + elapsed);
  }

  // Split so that products stay exact below 2^53 over any length of run.
  private scaled(elapsedUs: number): number {
    if (this.driftPpm === 0) return elapsedUs;
    const rate = PARTS + this.driftPpm;
    return Math.floor(elapsedUs / PARTS) * rate + Math.floor(((elapsedUs % PARTS) * rate) / PARTS);
  }
}
