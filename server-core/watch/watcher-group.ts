// server-core/watch/watcher-group.ts: watchers that are to be found by key. etcd: mvcc/watcher_group.go (watcherGroup).
// Watchers of a single key lie in a table, those of a range in an interval tree; equal ranges share one entry.
// Promise: looking for a key that nobody watches allocates nothing and costs one look-up and one walk down the tree.
import {assert} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import {IntervalTree} from './interval-tree.ts';
import type {Watcher} from './watcher.ts';

export class WatcherGroup {
  private readonly all = new Set<Watcher>();
  private readonly byKey = new Map<ByteString, Set<Watcher>>();
  private readonly byRange = new IntervalTree<Set<Watcher>>();
  private rangeCount = 0;
  // What setsAt() answers with, used again each time.
  private readonly found: Set<Watcher>[] = [];

  get size(): number {
    return this.all.size;
  }

  has(watcher: Watcher): boolean {
    return this.all.has(watcher);
  }

  /** The watchers in the order in which they came. */
  values(): Iterable<Watcher> {
    return this.all;
  }

  /** Adds a watcher that is not in the group. */
  add(watcher: Watcher): void {
    assert(!this.all.has(watcher), 'the watcher is in the group already', watcher.id);
    this.all.add(watcher);
    this.setOf(watcher).add(watcher);
  }

  /** Takes a watcher out; false when it is not in the group. */
  delete(watcher: Watcher): boolean {
    if (!this.all.delete(watcher)) return false;
    const {key, rangeEnd} = watcher;
    const set = this.setOf(watcher);
    const wasThere = set.delete(watcher);
    assert(wasThere, 'a watcher of the group is not in its index', watcher.id);
    if (set.size > 0) return true;
    if (rangeEnd === '') this.byKey.delete(key);
    else {
      this.byRange.remove(key, rangeEnd);
      this.rangeCount--;
    }
    return true;
  }

  /** Takes everybody out. */
  clear(): Watcher[] {
    const all = [...this.all];
    for (const watcher of all) this.delete(watcher);
    return all;
  }

  /** The watchers of a key, as sets that do not overlap. The list holds until the next call. */
  setsAt(key: ByteString): readonly ReadonlySet<Watcher>[] {
    const {found} = this;
    found.length = 0;
    if (this.rangeCount > 0) this.byRange.collect(key, found);
    const single = this.byKey.get(key);
    if (single !== undefined) found.push(single);
    return found;
  }

  private setOf({key, rangeEnd}: Watcher): Set<Watcher> {
    const there = rangeEnd === '' ? this.byKey.get(key) : this.byRange.find(key, rangeEnd);
    if (there !== undefined) return there;
    const made = new Set<Watcher>();
    if (rangeEnd === '') this.byKey.set(key, made);
    else {
      this.byRange.insert(key, rangeEnd, made);
      this.rangeCount++;
    }
    return made;
  }
}
