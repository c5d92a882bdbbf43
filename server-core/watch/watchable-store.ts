// server-core/watch/watchable-store.ts: who watches what, and how far each watcher is. etcd: mvcc/watchable_store.go.
// Synced watchers are told of a transaction by the transaction itself; those behind are brought up from the backend every 100
// ms; those whose stream is full (victims) keep their events until it has room. A watcher is in exactly one of the three, or
// over (compacted, cancelled).
// Promise: nothing here waits but run(); a store without unsynced watchers and victims causes no wake-ups at all.
// Not modelled: that a round of the sync loop takes time in which writes wait (etcd issue 22264).
import {assert, must} from '../../base/assert.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber, Task, Waitable} from '../../env/fiber.ts';
import {condition, Signal, sleepUs, until} from '../../env/fiber.ts';
import type {Event, KeyValue} from '../etcdserverpb/types.ts';
import type {MvccStore} from '../mvcc/store.ts';
import type {WatchBehaviours} from './behaviours.ts';
import type {HistoryReader} from './history.ts';
import {eventOf, visitEvents} from './history.ts';
import type {Watchable} from './watch-stream.ts';
import {WatchStream} from './watch-stream.ts';
import type {EventFilter, WatcherRange, WatcherStream} from './watcher.ts';
import {EventBatch, Watcher} from './watcher.ts';
import {WatcherGroup} from './watcher-group.ts';

/** Between two rounds for unsynced watchers. */
const SYNC_PERIOD_US = 100_000;
/** Between two rounds when the last one left fewer behind: etcd waits as long as the round took. */
const SYNC_PAUSE_US = 1_000;
/** Between two tries to get rid of victims' events. */
const VICTIM_PERIOD_US = 10_000;
/** Watchers in one round; more are drawn by lot. */
const SYNC_WATCHERS_MAX = 512;

/** What etcd counts (etcd_debugging_mvcc_*). */
export interface WatchCounts {
  readonly streams: number;
  /** Watchers that are neither compacted nor cancelled. */
  readonly watchers: number;
  /** Those of them that are unsynced or victims. */
  readonly slowWatchers: number;
}

export class WatchableStore implements Watchable {
  readonly behaviours: WatchBehaviours;
  /** For StoreOptions.changed: a transaction has changed something. Does not wait. */
  readonly changed: (revision: number, changes: readonly KeyValue[]) => void;
  private readonly env: Env;
  private store: MvccStore | undefined;
  private history: HistoryReader | undefined;
  private readonly synced = new WatcherGroup();
  private readonly unsynced = new WatcherGroup();
  private readonly victims = new Map<Watcher, EventBatch>();
  private readonly streams = new Set<WatcherStream>();
  private readonly unsyncedCame = new Signal();
  private readonly victimsMoved = new Signal();
  private newVictims = false;
  /** When a stream with victims first had room since the last try, or -1. */
  private roomSinceUs = -1;
  // Events of the transaction or round in hand; used again each time.
  private readonly batches = new Map<Watcher, EventBatch>();

  constructor(env: Env, behaviours: WatchBehaviours) {
    this.env = env;
    this.behaviours = behaviours;
    this.changed = (revision, changes) => this.notify(revision, changes);
  }

  /** Names the store and where its past is read from: at the start, and again (before restored()) when either is another one. */
  attach(store: MvccStore, history: HistoryReader): void {
    this.store = store;
    this.history = history;
  }

  /** The store's current revision. */
  get revision(): number {
    return this.kv.currentRevision;
  }

  /** The store that is watched. */
  get kv(): MvccStore {
    return must(this.store, 'watching before a store was attached');
  }

  get counts(): WatchCounts {
    const slowWatchers = this.unsynced.size + this.victims.size;
    return {streams: this.streams.size, watchers: this.synced.size + slowWatchers, slowWatchers};
  }

  /** A stream of watches; close it in the end. */
  newStream(): WatchStream {
    const stream = new WatchStream(this);
    this.streams.add(stream);
    return stream;
  }

  /** For the stream: it is closed. */
  forgetStream(stream: WatcherStream): void {
    this.streams.delete(stream);
  }

  /** For the stream: begins a watch. startRevision 0: with the next revision. etcd: watchableStore.watch. */
  watch(id: number, range: WatcherRange, startRevision: number, filter: EventFilter, stream: WatcherStream): Watcher {
    const watcher = new Watcher(id, range, startRevision, filter, stream);
    const {currentRevision} = this.kv;
    if (startRevision > currentRevision || startRevision === 0) {
      watcher.minRevision = Math.max(currentRevision + 1, startRevision);
      this.synced.add(watcher);
    } else this.addUnsynced(watcher);
    return watcher;
  }

  /** For the stream: ends a watch. What lies in the stream already stays there. etcd: cancelWatcher. */
  cancel(watcher: Watcher): void {
    if (watcher.isCancelled) return;
    const wasGrouped = this.unsynced.delete(watcher) || this.synced.delete(watcher) || this.dropVictim(watcher);
    assert(wasGrouped || watcher.isCompacted, 'a living watcher is in no group', watcher.id);
    watcher.isCancelled = true;
  }

  /** For the stream: tells how far the watch is, if it is synced. The stream being full, events are on their way: nothing. */
  progress(watcher: Watcher): void {
    if (this.isAtProgress(watcher)) watcher.sendProgress(watcher.id, this.revision);
  }

  /** For the stream: tells how far all are, if all are synced; false if not. Of no watches at all: true, and silence. */
  progressAll(watchers: ReadonlyMap<number, Watcher>, watchId: number): boolean {
    let first: Watcher | undefined;
    for (const watcher of watchers.values()) {
      if (!this.isAtProgress(watcher)) return false;
      first ??= watcher;
    }
    first?.sendProgress(watchId, this.revision);
    return true;
  }

  private isAtProgress(watcher: Watcher): boolean {
    if (!this.synced.has(watcher)) return false;
    return !this.behaviours.progressAwaitsStart || this.revision >= watcher.startRevision;
  }

  /** For the stream: a response was taken out of it. */
  roomMade(stream: WatcherStream): void {
    if (stream.victimCount === 0 || this.roomSinceUs >= 0) return;
    this.roomSinceUs = this.env.clock.monotonicUs();
    this.victimsMoved.notify();
  }

  /**
   * The store was replaced by a received snapshot: nobody was told what is new in it, so all synced watchers go and read it.
   * etcd: watchableStore.Restore.
   */
  restored(): void {
    if (!this.behaviours.restoreWakesWatchers) return;
    if (this.synced.size > 0) this.env.trace.mark('watch: synced watchers go and read a snapshot');
    for (const watcher of this.synced.clear()) {
      watcher.isRestored = true;
      this.addUnsynced(watcher);
    }
  }

  /** Tells the synced watchers of a transaction. etcd: watchableStore.notify. */
  private notify(revision: number, changes: readonly KeyValue[]): void {
    if (this.synced.size === 0) return;
    const {batches} = this;
    for (const change of changes) {
      const sets = this.synced.setsAt(change.key);
      if (sets.length === 0) continue;
      const event = eventOf(change);
      for (const set of sets) {
        for (const watcher of set) {
          if (revision >= watcher.minRevision) this.batchOf(watcher).add(event);
        }
      }
    }
    if (batches.size === 0) return;
    for (const [watcher, batch] of batches) {
      const isSent = watcher.sendEvents(batch.events, revision);
      if (!isSent) {
        this.synced.delete(watcher);
        this.addVictim(watcher, batch);
      }
      // Without the behaviour only a victim remembers: etcd issue 15271.
      if (!isSent || this.behaviours.syncedAdvance) watcher.minRevision = revision + 1;
    }
    batches.clear();
  }

  private batchOf(watcher: Watcher): EventBatch {
    const there = this.batches.get(watcher);
    if (there !== undefined) return there;
    const made = new EventBatch();
    this.batches.set(watcher, made);
    return made;
  }

  private addUnsynced(watcher: Watcher): void {
    this.unsynced.add(watcher);
    this.unsyncedCame.notify();
  }

  private addVictim(watcher: Watcher, batch: EventBatch): void {
    this.env.trace.mark('watch: the stream is full');
    watcher.isVictim = true;
    watcher.stream.victimCount++;
    this.victims.set(watcher, batch);
    this.newVictims = true;
    this.victimsMoved.notify();
  }

  private dropVictim(watcher: Watcher): boolean {
    if (!this.victims.delete(watcher)) return false;
    watcher.isVictim = false;
    watcher.stream.victimCount--;
    return true;
  }

  /** Serves unsynced watchers and victims for as long as the process lives. */
  *run(): Fiber<never> {
    this.env.spawn('watch victims', this.syncVictimsLoop());
    return yield* this.syncWatchersLoop();
  }

  /** etcd: syncWatchersLoop. Rounds for nobody are left out, but the beat of those that count is kept. */
  private *syncWatchersLoop(): Fiber<never> {
    const {clock} = this.env;
    const someUnsynced = condition(this.unsyncedCame, () => this.unsynced.size > 0);
    let lastUs = clock.monotonicUs();
    for (;;) {
      if (this.unsynced.size === 0) {
        yield* until(someUnsynced);
        const beats = Math.max(1, Math.ceil((clock.monotonicUs() - lastUs) / SYNC_PERIOD_US));
        yield* sleepUs(clock, lastUs + beats * SYNC_PERIOD_US - clock.monotonicUs());
      }
      const before = this.unsynced.size;
      this.syncWatchers();
      const left = this.unsynced.size;
      lastUs = clock.monotonicUs();
      if (left > 0) yield* sleepUs(clock, left < before ? SYNC_PAUSE_US : SYNC_PERIOD_US);
    }
  }

  /** One round: reads what the chosen unsynced watchers lack, sends it, and moves them on. etcd: syncWatchers. */
  private syncWatchers(): void {
    if (this.unsynced.size === 0) return;
    const {currentRevision, compactRevision} = this.kv;
    const chosen = this.chooseUnsynced();
    const fromRevision = this.dismissCompacted(chosen, currentRevision, compactRevision);
    this.readBatches(chosen, fromRevision, currentRevision);
    const {compactedRetry, restoreKeepsFuture} = this.behaviours;
    for (const watcher of chosen) {
      if (compactedRetry && watcher.minRevision < compactRevision) continue;
      const wanted = restoreKeepsFuture ? watcher.minRevision : 0;
      watcher.minRevision = Math.max(currentRevision + 1, wanted);
      this.advance(watcher, this.batches.get(watcher), currentRevision);
    }
    this.batches.clear();
  }

  /** Everybody, or so many from a place drawn on, where Go takes a map's elements in any order. */
  private chooseUnsynced(): Set<Watcher> {
    if (this.unsynced.size < SYNC_WATCHERS_MAX) return new Set(this.unsynced.values());
    const all = [...this.unsynced.values()];
    const first = this.env.random.below(all.length);
    const chosen = new Set<Watcher>();
    for (let i = 0; i < SYNC_WATCHERS_MAX; i++) chosen.add(all[(first + i) % all.length] as Watcher);
    return chosen;
  }

  /**
   * Tells those who are compacted, and returns the least revision that the others want. A watcher chosen out of too many is
   * only left out of the choice, here as in etcd (watcherGroup.chooseAll deletes from the copy), and is told again later.
   */
  private dismissCompacted(chosen: Set<Watcher>, currentRevision: number, compactRevision: number): number {
    const isWhole = this.unsynced.size < SYNC_WATCHERS_MAX;
    let least = Number.POSITIVE_INFINITY;
    for (const watcher of chosen) {
      if (watcher.minRevision > currentRevision) {
        assert(watcher.isRestored, 'an unsynced watcher waits for the future', watcher.minRevision);
        watcher.isRestored = false;
      }
      if (watcher.minRevision >= compactRevision) least = Math.min(least, watcher.minRevision);
      else if (watcher.sendCompacted(compactRevision)) {
        this.env.trace.mark('watch: compacted');
        watcher.isCompacted = true;
        chosen.delete(watcher);
        if (isWhole) this.unsynced.delete(watcher);
      } else this.env.trace.mark('watch: no room to say that it is compacted');
    }
    return least;
  }

  /** Fills the batches of the chosen ones. */
  private readBatches(chosen: ReadonlySet<Watcher>, fromRevision: number, currentRevision: number): void {
    // As the first eight bytes of a bucket key a revision below zero lies behind all others: etcd issue 20693.
    if (fromRevision > currentRevision || fromRevision < 0) return;
    let hungryCount = chosen.size;
    visitEvents(must(this.history, 'no history'), fromRevision, currentRevision, (event: Event) => {
      for (const set of this.unsynced.setsAt(event.kv.key)) {
        for (const watcher of set) {
          if (event.kv.modRevision < watcher.minRevision || !chosen.has(watcher)) continue;
          if (this.batchOf(watcher).add(event)) hungryCount--;
        }
      }
      return hungryCount > 0;
    });
  }

  /** Sends a chosen watcher what was read for it and puts it where it then belongs. */
  private advance(watcher: Watcher, batch: EventBatch | undefined, currentRevision: number): void {
    if (batch !== undefined) {
      if (batch.moreRevision !== 0) watcher.minRevision = batch.moreRevision;
      if (!watcher.sendEvents(batch.events, currentRevision)) {
        this.unsynced.delete(watcher);
        this.addVictim(watcher, batch);
        return;
      }
      if (batch.moreRevision !== 0) return;
    }
    this.unsynced.delete(watcher);
    this.synced.add(watcher);
  }

  /** etcd: syncVictimsLoop. Tries that must fail, because no stream has made room, are left out; the beat is kept. */
  private *syncVictimsLoop(): Fiber<never> {
    const {clock} = this.env;
    let lastUs = clock.monotonicUs();
    const dueUs = (): number =>
      lastUs + Math.max(1, Math.ceil((this.roomSinceUs - lastUs) / VICTIM_PERIOD_US)) * VICTIM_PERIOD_US;
    const worthTrying: Waitable<void> = {
      ready: () => this.newVictims || (this.roomSinceUs >= 0 && clock.monotonicUs() >= dueUs()),
      take: () => undefined,
      park: (task: Task) => {
        this.victimsMoved.park(task);
        if (this.roomSinceUs >= 0) task.wakeAt(dueUs());
      },
    };
    for (;;) {
      yield* until(worthTrying);
      this.newVictims = false;
      this.roomSinceUs = -1;
      this.moveVictims();
      lastUs = clock.monotonicUs();
    }
  }

  /** Sends again what did not fit. etcd: moveVictims. */
  private moveVictims(): void {
    const {currentRevision} = this.kv;
    for (const [watcher, batch] of this.victims) {
      // The watcher has seen the store up to, but not including, its least revision.
      if (!watcher.sendEvents(batch.events, watcher.minRevision - 1)) continue;
      this.dropVictim(watcher);
      if (batch.moreRevision !== 0) watcher.minRevision = batch.moreRevision;
      if (watcher.minRevision <= currentRevision) this.addUnsynced(watcher);
      else this.synced.add(watcher);
    }
  }
}
