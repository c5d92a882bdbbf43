// sim/kernel.ts: virtual time and the order of everything.
// A 4-ary heap in typed arrays keyed by (time, tie-break, sequence). Time is an integer number of microseconds; idle time is
// skipped. The tie-break is drawn from the `schedule` stream, so same-instant events run in every order across seeds.
// Promise: the order of events is a pure function of the seed and of what was scheduled; each event feeds the digest.
import {assert} from '../base/assert.ts';
import {Digest} from '../base/digest.ts';
import type {Random} from '../base/random.ts';

/** Something that happens at a time. One object may be scheduled many times; `argument` tells which time this is. */
export interface KernelEvent {
  /** Tells events apart in the digest; the same in every run of a seed. */
  readonly traceId: number;
  fire(argument: number): void;
}

const INITIAL_CAPACITY = 1024;

export class Kernel {
  /** Microseconds since the run began. */
  nowUs = 0;
  /** Events fired so far; the number of the event that is being fired, counting from 1. */
  eventCount = 0;
  readonly digest = new Digest();
  private readonly schedule_: Random;
  private traceIdCount = 0;
  private sequenceCount = 0;

  // The heap holds slots; a slot holds one scheduled event.
  private heap = new Int32Array(INITIAL_CAPACITY);
  private size = 0;
  private times = new Float64Array(INITIAL_CAPACITY);
  private ties = new Int32Array(INITIAL_CAPACITY);
  private sequences = new Float64Array(INITIAL_CAPACITY);
  private events: (KernelEvent | undefined)[] = new Array(INITIAL_CAPACITY);
  private arguments_ = new Float64Array(INITIAL_CAPACITY);
  private free = new Int32Array(INITIAL_CAPACITY);
  private freeCount = 0;
  private slotCount = 0;

  constructor(schedule: Random) {
    this.schedule_ = schedule;
  }

  /** The stream for everything that is the scheduler's choice. */
  get schedule(): Random {
    return this.schedule_;
  }

  /** A fresh id for a KernelEvent. */
  nextTraceId(): number {
    return ++this.traceIdCount;
  }

  /** Events that wait. */
  get pendingCount(): number {
    return this.size;
  }

  /** Fires the event at that time (not before now), in drawn order among those of the same microsecond. */
  at(timeUs: number, event: KernelEvent, argument: number): void {
    assert(timeUs >= this.nowUs, 'an event in the past', {timeUs, nowUs: this.nowUs});
    const slot = this.freeCount > 0 ? (this.free[--this.freeCount] as number) : this.newSlot();
    this.times[slot] = timeUs;
    this.ties[slot] = this.schedule_.int32();
    this.sequences[slot] = this.sequenceCount++;
    this.events[slot] = event;
    this.arguments_[slot] = argument;
    this.siftUp(this.size++, slot);
  }

  /** When the next event is due; undefined when nothing waits. */
  nextTimeUs(): number | undefined {
    return this.size === 0 ? undefined : this.times[this.heap[0] as number];
  }

  /** Fires the next event; false when nothing waits. */
  step(): boolean {
    if (this.size === 0) return false;
    const slot = this.heap[0] as number;
    const last = this.heap[--this.size] as number;
    if (this.size > 0) this.siftDown(0, last);
    const event = this.events[slot] as KernelEvent;
    const argument = this.arguments_[slot] as number;
    const timeUs = this.times[slot] as number;
    this.events[slot] = undefined;
    this.free[this.freeCount++] = slot;
    this.nowUs = timeUs;
    this.eventCount++;
    this.digest.u32(timeUs | 0);
    this.digest.u32(event.traceId);
    event.fire(argument);
    return true;
  }

  /** Lets time pass up to there; nothing may be due before. */
  advanceTo(timeUs: number): void {
    const next = this.nextTimeUs();
    assert(next === undefined || next >= timeUs, 'time would pass over an event', {timeUs, next});
    this.nowUs = Math.max(this.nowUs, timeUs);
  }

  private newSlot(): number {
    if (this.slotCount === this.heap.length) this.grow();
    return this.slotCount++;
  }

  private grow(): void {
    const capacity = this.heap.length * 2;
    const heap = new Int32Array(capacity);
    const times = new Float64Array(capacity);
    const ties = new Int32Array(capacity);
    const sequences = new Float64Array(capacity);
    const arguments_ = new Float64Array(capacity);
    const free = new Int32Array(capacity);
    heap.set(this.heap);
    times.set(this.times);
    ties.set(this.ties);
    sequences.set(this.sequences);
    arguments_.set(this.arguments_);
    free.set(this.free);
    this.events.length = capacity;
    Object.assign(this, {heap, times, ties, sequences, arguments_, free});
  }

  private before(a: number, b: number): boolean {
    const timeA = this.times[a] as number;
    const timeB = this.times[b] as number;
    if (timeA !== timeB) return timeA < timeB;
    const tieA = this.ties[a] as number;
    const tieB = this.ties[b] as number;
    if (tieA !== tieB) return tieA < tieB;
    return (this.sequences[a] as number) < (this.sequences[b] as number);
  }

  private siftUp(from: number, slot: number): void {
    const {heap} = this;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      const held = heap[parent] as number;
      if (!this.before(slot, held)) break;
      heap[at] = held;
      at = parent;
    }
    heap[at] = slot;
  }

  private siftDown(from: number, slot: number): void {
    const {heap, size} = this;
    let at = from;
    for (;;) {
      const first = at * 4 + 1;
      if (first >= size) break;
      const end = Math.min(first + 4, size);
      let best = first;
      for (let child = first + 1; child < end; child++) {
        if (this.before(heap[child] as number, heap[best] as number)) best = child;
      }
      const held = heap[best] as number;
      if (!this.before(held, slot)) break;
      heap[at] = held;
      at = best;
    }
    heap[at] = slot;
  }
}
