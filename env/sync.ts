// env/sync.ts: Go's tools between fibers of one process: channel, mutex, read-write lock, and a cell to wait on.
// Promise: no fiber is woken for nothing that it would not look at again; order of service is the scheduler's business.
import {assert} from '../base/assert.ts';
import type {Fiber, Task, Waitable} from './fiber.ts';
import {Signal} from './fiber.ts';

/** A bounded queue between fibers. Capacity 0: a sender waits until its value was taken (Go's unbuffered channel). */
export class Channel<T> {
  readonly capacity: number;
  private queue: T[] = [];
  private head = 0;
  private takenCount = 0;
  private sentCount = 0;
  private closed = false;
  private readonly arrivals = new Signal();
  private readonly departures = new Signal();
  /** Ready when a value waits or the channel is closed; takes a value, or undefined when closed and drained. */
  readonly receive: Waitable<T | undefined>;

  constructor(capacity: number) {
    assert(Number.isInteger(capacity) && capacity >= 0, 'a channel takes a whole capacity', {capacity});
    this.capacity = capacity;
    this.receive = {
      ready: () => this.length > 0 || this.closed,
      take: () => this.takeOne(),
      park: (task: Task) => this.arrivals.park(task),
    };
  }

  /** Values that wait, those of waiting senders included. */
  get length(): number {
    return this.queue.length - this.head;
  }

  get isClosed(): boolean {
    return this.closed;
  }

  /** Puts the value in if there is room (never for capacity 0). Go: select with default. */
  trySend(value: T): boolean {
    assert(!this.closed, 'send on a closed channel');
    if (this.length >= this.capacity) return false;
    this.push(value);
    return true;
  }

  /** Waits until the value has a place in the buffer (or, with capacity 0, a taker). */
  *send(value: T): Fiber<void> {
    assert(!this.closed, 'send on a closed channel');
    const sequence = this.push(value);
    while (sequence >= this.takenCount + this.capacity) {
      assert(!this.closed, 'channel closed under a waiting sender');
      yield this.departures;
    }
  }

  /** Ready when trySend would succeed; take() sends. For select(). */
  sending(value: T): Waitable<void> {
    assert(this.capacity > 0, 'select on sending needs a buffered channel');
    return {
      ready: () => this.length < this.capacity,
      take: () => {
        this.push(value);
      },
      park: (task: Task) => this.departures.park(task),
    };
  }

  /** Takes a value if one waits. */
  tryReceive(): T | undefined {
    return this.length > 0 ? this.takeOne() : undefined;
  }

  /** No more values come; receivers drain what waits and then get undefined. Closing twice does nothing. */
  close(): void {
    this.closed = true;
    this.arrivals.notify();
    this.departures.notify();
  }

  private push(value: T): number {
    this.queue.push(value);
    this.arrivals.notify();
    return this.sentCount++;
  }

  private takeOne(): T | undefined {
    if (this.length === 0) return undefined;
    const value = this.queue[this.head] as T;
    this.queue[this.head] = undefined as T;
    this.head++;
    if (this.head === this.queue.length) {
      this.queue = [];
      this.head = 0;
    } else if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    this.takenCount++;
    this.departures.notify();
    return value;
  }
}

/** Go: sync.Mutex. Release in a `finally`. */
export class Mutex {
  private locked = false;
  private readonly released = new Signal();

  get isLocked(): boolean {
    return this.locked;
  }

  *lock(): Fiber<void> {
    while (this.locked) yield this.released;
    this.locked = true;
  }

  tryLock(): boolean {
    if (this.locked) return false;
    this.locked = true;
    return true;
  }

  unlock(): void {
    assert(this.locked, 'unlock of an unlocked mutex');
    this.locked = false;
    this.released.notify();
  }
}

/** Go: sync.RWMutex. A waiting writer holds new readers back. */
export class ReadWriteLock {
  private readerCount = 0;
  private writing = false;
  private writersWaiting = 0;
  private readonly released = new Signal();

  *lockRead(): Fiber<void> {
    while (this.writing || this.writersWaiting > 0) yield this.released;
    this.readerCount++;
  }

  unlockRead(): void {
    assert(this.readerCount > 0, 'unlockRead without a reader');
    this.readerCount--;
    if (this.readerCount === 0) this.released.notify();
  }

  *lockWrite(): Fiber<void> {
    this.writersWaiting++;
    try {
      while (this.writing || this.readerCount > 0) yield this.released;
      this.writing = true;
    } finally {
      this.writersWaiting--;
    }
  }

  unlockWrite(): void {
    assert(this.writing, 'unlockWrite without a writer');
    this.writing = false;
    this.released.notify();
  }
}

/** A value that fibers can wait on until it satisfies them (an applied index, a leader, a closed flag). */
export class Cell<T> {
  private current: T;
  private readonly changes = new Signal();

  constructor(initial: T) {
    this.current = initial;
  }

  get value(): T {
    return this.current;
  }

  set(value: T): void {
    if (value === this.current) return;
    this.current = value;
    this.changes.notify();
  }

  /** Ready while the value satisfies; takes it. */
  satisfies(holds: (value: T) => boolean): Waitable<T> {
    return {
      ready: () => holds(this.current),
      take: () => this.current,
      park: (task) => this.changes.park(task),
    };
  }
}

/** A result that arrives once. Go: a channel of capacity 1 that is written once. */
export class Promised<T> implements Waitable<T> {
  private settled: {readonly value: T} | undefined;
  private readonly arrival = new Signal();

  /** The first value counts; later ones are dropped. Tells whether this one counted. */
  resolve(value: T): boolean {
    if (this.settled !== undefined) return false;
    this.settled = {value};
    this.arrival.notify();
    return true;
  }

  ready(): boolean {
    return this.settled !== undefined;
  }

  take(): T {
    assert(this.settled !== undefined, 'take before the result arrived');
    return this.settled.value;
  }

  park(task: Task): void {
    this.arrival.park(task);
  }
}
