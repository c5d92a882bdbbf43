// server-core/watch/watcher.ts: one watch as the store sees it, and the events that wait for it. etcd: mvcc/watchable_store.go
// (watcher), mvcc/watcher_group.go (eventBatch), mvcc/watcher.go (WatchResponse).
import type {ByteString} from '../../base/byte-string.ts';
import type {Channel} from '../../env/sync.ts';
import type {Event} from '../etcdserverpb/types.ts';

/** Revisions that go to an unsynced watcher at a time. */
export const BATCH_REVISIONS_MAX = 1000;

/** The id of responses that are for no single watch. clientv3.InvalidWatchID. */
export const NO_WATCH = -1;

/** What the store has to say to a stream. */
export interface StoreResponse {
  /** NO_WATCH: progress of all watches of the stream. */
  readonly watchId: number;
  /** None: a progress notification, or a compaction. */
  readonly events: readonly Event[];
  /** The store's revision as of the response; 0 when the watch was compacted. */
  readonly revision: number;
  /** Not 0: the watch is over, because its next revision is compacted. */
  readonly compactRevision: number;
}

/** Which events a watch does not want. */
export interface EventFilter {
  readonly noPut: boolean;
  readonly noDelete: boolean;
}

/** What a watch is about. */
export interface WatcherRange {
  readonly key: ByteString;
  /** As in RangeRequest: '' for the one key, '\0' for no end. */
  readonly rangeEnd: ByteString;
}

/** The part of a stream that its watchers use. */
export interface WatcherStream {
  readonly responses: Channel<StoreResponse>;
  /** Watchers of the stream that are victims. */
  victimCount: number;
}

export class Watcher implements WatcherRange {
  readonly id: number;
  readonly key: ByteString;
  readonly rangeEnd: ByteString;
  /** As asked for: 0 for the next one. */
  readonly startRevision: number;
  readonly stream: WatcherStream;
  private readonly noPut: boolean;
  private readonly noDelete: boolean;
  /** The least revision whose events the watcher takes. */
  minRevision: number;
  /** Its last events did not fit into the stream. */
  isVictim = false;
  /** It was told that it is compacted, and is in no group any more. */
  isCompacted = false;
  /** It was moved to the unsynced ones because a snapshot came, maybe with a revision yet to come. */
  isRestored = false;
  isCancelled = false;

  constructor(id: number, range: WatcherRange, startRevision: number, filter: EventFilter, stream: WatcherStream) {
    this.id = id;
    this.key = range.key;
    this.rangeEnd = range.rangeEnd;
    this.startRevision = startRevision;
    this.minRevision = startRevision;
    this.noPut = filter.noPut;
    this.noDelete = filter.noDelete;
    this.stream = stream;
  }

  /** Sends the wanted ones of the events; false: the stream is full. When none is wanted nothing goes out, and that is true. */
  sendEvents(events: readonly Event[], revision: number): boolean {
    const wanted = this.noPut || this.noDelete ? events.filter((event) => this.wants(event)) : events;
    if (wanted.length === 0) return true;
    return this.stream.responses.trySend({watchId: this.id, events: wanted, revision, compactRevision: 0});
  }

  /** Tells that the watch is over; false: the stream is full. */
  sendCompacted(compactRevision: number): boolean {
    return this.stream.responses.trySend({watchId: this.id, events: NO_EVENTS, revision: 0, compactRevision});
  }

  /** Tells how far the watch is, in its own name or in that of all; false: the stream is full. */
  sendProgress(watchId: number, revision: number): boolean {
    return this.stream.responses.trySend({watchId, events: NO_EVENTS, revision, compactRevision: 0});
  }

  private wants(event: Event): boolean {
    return event.type === 'put' ? !this.noPut : !this.noDelete;
  }
}

const NO_EVENTS: readonly Event[] = Object.freeze([]);

/** Events for one watcher, in the order of their revisions, at most BATCH_REVISIONS_MAX revisions of them. */
export class EventBatch {
  readonly events: Event[] = [];
  /** The first revision that did not fit, 0 for none: the watcher goes on from there. */
  moreRevision = 0;
  private revisionCount = 0;
  private lastRevision = 0;

  /** Adds an event, unless the batch is full; true when this is the event that fills it. */
  add(event: Event): boolean {
    if (this.moreRevision !== 0) return false;
    const revision = event.kv.modRevision;
    if (revision !== this.lastRevision) {
      if (this.revisionCount === BATCH_REVISIONS_MAX) {
        this.moreRevision = revision;
        return true;
      }
      this.revisionCount++;
      this.lastRevision = revision;
    }
    this.events.push(event);
    return false;
  }
}
