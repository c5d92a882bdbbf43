// server-core/watch/watch-stream.ts: watches that share one queue of responses. etcd: mvcc/watcher.go (watchStream).
import {assert} from '../../base/assert.ts';
import type {Task, Waitable} from '../../env/fiber.ts';
import {Channel} from '../../env/sync.ts';
import type {WatchBehaviours} from './behaviours.ts';
import type {EventFilter, StoreResponse, Watcher, WatcherRange, WatcherStream} from './watcher.ts';
import {NO_WATCH} from './watcher.ts';

/** Why a watch could not be begun, in etcd's words. */
export const WATCH_RANGE_EMPTY = 'mvcc: watcher range is empty';
export const WATCH_ID_TAKEN = 'mvcc: duplicate watch ID provided on the WatchStream';

/** What a stream asks of the store. etcd: watchable. */
export interface Watchable {
  readonly behaviours: WatchBehaviours;
  /** The store's current revision. */
  readonly revision: number;
  /** Begins a watch; startRevision 0: with the next revision. */
  watch(id: number, range: WatcherRange, startRevision: number, filter: EventFilter, stream: WatcherStream): Watcher;
  /** Ends a watch. What lies in the stream already stays there. */
  cancel(watcher: Watcher): void;
  /** Tells how far the watch is, if it is synced. */
  progress(watcher: Watcher): void;
  /** Tells how far all are, in the name of watchId, if all are synced; false if not. */
  progressAll(watchers: ReadonlyMap<number, Watcher>, watchId: number): boolean;
  /** A response was taken out of the stream. */
  roomMade(stream: WatcherStream): void;
  /** The stream is closed. */
  forgetStream(stream: WatcherStream): void;
}

/** A watch to begin. */
export interface NewWatch extends WatcherRange {
  /** 0: the next free one is drawn. */
  readonly watchId: number;
  /** 0: from the next revision on. */
  readonly startRevision: number;
  readonly filter: EventFilter;
}

export type WatchResult =
  | {readonly kind: 'begun'; readonly id: number}
  | {readonly kind: 'failed'; readonly reason: typeof WATCH_RANGE_EMPTY | typeof WATCH_ID_TAKEN};

export class WatchStream implements WatcherStream {
  readonly responses: Channel<StoreResponse>;
  victimCount = 0;
  /** Ready with the next response, or with undefined once the stream is closed. */
  readonly receive: Waitable<StoreResponse | undefined>;
  private readonly watchable: Watchable;
  // A compacted watch stays until it is cancelled: it keeps its id, and counts as not synced.
  private readonly watchers = new Map<number, Watcher>();
  private nextId = 0;

  constructor(watchable: Watchable) {
    this.watchable = watchable;
    this.responses = new Channel(watchable.behaviours.streamCapacity);
    const {receive} = this.responses;
    this.receive = {
      ready: () => receive.ready(),
      take: () => {
        const response = receive.take();
        watchable.roomMade(this);
        return response;
      },
      park: (task: Task) => receive.park(task),
    };
  }

  /** The current revision of the store. */
  get revision(): number {
    return this.watchable.revision;
  }

  /** Begins a watch. etcd: watchStream.Watch. */
  watch({watchId, key, rangeEnd, startRevision, filter}: NewWatch): WatchResult {
    assert(!this.responses.isClosed, 'a watch on a closed stream');
    if (rangeEnd !== '' && rangeEnd !== '\0' && key >= rangeEnd) return {kind: 'failed', reason: WATCH_RANGE_EMPTY};
    let id = this.watchable.behaviours.ids === 'drawn' ? 0 : watchId;
    if (id === 0) id = this.drawId();
    else if (this.watchers.has(id)) return {kind: 'failed', reason: WATCH_ID_TAKEN};
    this.watchers.set(id, this.watchable.watch(id, {key, rangeEnd}, startRevision, filter, this));
    return {kind: 'begun', id};
  }

  private drawId(): number {
    while (this.watchers.has(this.nextId)) this.nextId++;
    return this.nextId++;
  }

  /** Ends a watch; false when there is none of that id. */
  cancel(id: number): boolean {
    const watcher = this.watchers.get(id);
    if (watcher === undefined) return false;
    this.watchable.cancel(watcher);
    this.watchers.delete(id);
    return true;
  }

  /** Asks for a progress notification of one watch; it comes in the order of the events, if the watch is synced. */
  requestProgress(id: number): void {
    const watcher = this.watchers.get(id);
    if (watcher !== undefined) this.watchable.progress(watcher);
  }

  /** Asks for one progress notification of all watches; false: some are not synced, and none will come. */
  requestProgressAll(): boolean {
    return this.watchable.progressAll(this.watchers, NO_WATCH);
  }

  /** Ends all watches and the queue. */
  close(): void {
    if (this.responses.isClosed) return;
    for (const watcher of this.watchers.values()) this.watchable.cancel(watcher);
    this.watchers.clear();
    this.responses.close();
    this.watchable.forgetStream(this);
  }
}
