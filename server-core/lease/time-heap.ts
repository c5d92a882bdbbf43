// server-core/lease/time-heap.ts: what is due first. etcd: lease/lease_queue.go on container/heap.
// Two entries of one time are ordered by their ids, so that the order is total; etcd leaves it to the heap.
import type {LeaseId} from '../../base/ids.ts';
import {compareLeaseIds} from './lease-id.ts';

/** A lease and a time, in microseconds of the queue's clock. Belongs to one heap. */
export interface TimeEntry {
  readonly id: LeaseId;
  atUs: number;
  /** Where it lies in its heap; -1 once it is out. */
  index: number;
}

/** A binary heap by time. A lease may have any number of entries. */
export class TimeHeap {
  private readonly entries: TimeEntry[] = [];

  get length(): number {
    return this.entries.length;
  }

  /** The earliest entry. */
  peek(): TimeEntry | undefined {
    return this.entries[0];
  }

  /** Adds an entry and returns it. O(log n). */
  push(id: LeaseId, atUs: number): TimeEntry {
    const entry: TimeEntry = {id, atUs, index: this.entries.length};
    this.entries.push(entry);
    this.rise(entry);
    return entry;
  }

  /** Takes the earliest entry out. O(log n). */
  pop(): TimeEntry | undefined {
    const first = this.entries[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Moves an entry of this heap to another time. O(log n). */
  move(entry: TimeEntry, atUs: number): void {
    entry.atUs = atUs;
    this.rise(entry);
    this.sink(entry);
  }

  /** Takes an entry of this heap out. O(log n). */
  remove(entry: TimeEntry): void {
    const last = this.entries.pop();
    if (last !== undefined && last !== entry) {
      this.place(last, entry.index);
      this.rise(last);
      this.sink(last);
    }
    entry.index = -1;
  }

  clear(): void {
    for (const entry of this.entries) entry.index = -1;
    this.entries.length = 0;
  }

  private place(entry: TimeEntry, index: number): void {
    this.entries[index] = entry;
    entry.index = index;
  }

  private rise(entry: TimeEntry): void {
    let {index} = entry;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.entries[above] as TimeEntry;
      if (!isBefore(entry, parent)) break;
      this.place(parent, index);
      index = above;
    }
    this.place(entry, index);
  }

  private sink(entry: TimeEntry): void {
    const {entries} = this;
    let {index} = entry;
    for (;;) {
      const left = 2 * index + 1;
      if (left >= entries.length) break;
      let child = entries[left] as TimeEntry;
      const right = entries[left + 1];
      if (right !== undefined && isBefore(right, child)) child = right;
      if (!isBefore(child, entry)) break;
      const below = child.index;
      this.place(child, index);
      index = below;
    }
    this.place(entry, index);
  }
}

function isBefore(a: TimeEntry, b: TimeEntry): boolean {
  return a.atUs < b.atUs || (a.atUs === b.atUs && compareLeaseIds(a.id, b.id) < 0);
}

/** The queue of expiries: at most one entry a lease. etcd: LeaseExpiredNotifier. */
export class ExpiryQueue {
  private readonly heap = new TimeHeap();
  private readonly byId = new Map<LeaseId, TimeEntry>();

  get length(): number {
    return this.heap.length;
  }

  peek(): TimeEntry | undefined {
    return this.heap.peek();
  }

  /** Sets when the lease is to be looked at. etcd: RegisterOrUpdate. */
  set(id: LeaseId, atUs: number): void {
    const entry = this.byId.get(id);
    if (entry === undefined) this.byId.set(id, this.heap.push(id, atUs));
    else this.heap.move(entry, atUs);
  }

  /** Forgets the lease; fine when it is not queued. */
  delete(id: LeaseId): void {
    const entry = this.byId.get(id);
    if (entry === undefined) return;
    this.byId.delete(id);
    this.heap.remove(entry);
  }

  clear(): void {
    this.heap.clear();
    this.byId.clear();
  }
}
