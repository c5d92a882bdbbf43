// server-core/client/watch-subscription.ts: one watch as its user holds it, and where it goes on after its stream broke.
// etcd: client/v3 watch.go (watcherStream, serveSubstream). What arrives is kept until the user takes it, without a bound.
import {must} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import type {Waitable} from '../../env/fiber.ts';
import {Channel} from '../../env/sync.ts';
import type {CallFailure} from '../api/payloads.ts';
import type {Event, ResponseHeader} from '../etcdserverpb/types.ts';
import type {WatchRequest, WatchResponse} from '../etcdserverpb/watch-messages.ts';
import {watchCreateRequest, watchRequest} from '../etcdserverpb/watch-messages.ts';
import type {ClientBehaviours} from './behaviours.ts';

/** No id yet, or a refusal, or all watches of the stream. clientv3: InvalidWatchID. */
export const INVALID_WATCH_ID = -1;

/** What to watch, as clientv3's options say it. */
export interface WatchOptions {
  readonly key: ByteString;
  /** As in RangeRequest; absent: the one key. */
  readonly rangeEnd?: ByteString;
  /** The first revision wanted; 0 or absent: what comes after the watch is created. */
  readonly startRevision?: number;
  readonly prevKv?: boolean;
  readonly progressNotify?: boolean;
  readonly filters?: readonly ('no-put' | 'no-delete')[];
  /** Let the server cut big answers up; they are put together again. */
  readonly fragment?: boolean;
  /** Tell when the watch is created. */
  readonly createdNotify?: boolean;
  /** WithRequireLeader: end while no leader is known. */
  readonly requiresLeader?: boolean;
}

/** Why no more events come. */
export type WatchEnd =
  /** The user gave it up. */
  | {readonly kind: 'cancelled'}
  /** The next revision is gone; the first that can be had is told. */
  | {readonly kind: 'compacted'; readonly compactRevision: number; readonly header: ResponseHeader}
  /** The channel was closed and nothing said: the server cancelled the watch, or the client is closed. */
  | {readonly kind: 'closed'}
  | {readonly kind: 'failed'; readonly code: CallFailure['code']; readonly message: string};

export type WatchEvent =
  | {readonly kind: 'created'; readonly header: ResponseHeader}
  /** Changes in order; never empty. */
  | {readonly kind: 'events'; readonly header: ResponseHeader; readonly events: readonly Event[]}
  /** Everything up to the header's revision has been told. */
  | {readonly kind: 'progress'; readonly header: ResponseHeader}
  /** The last one. */
  | {readonly kind: 'ended'; readonly end: WatchEnd};

/** A watch in its user's hands. */
export interface WatchHandle {
  /** Ready with what comes next; behind the end it is ready with the end for ever. */
  readonly receive: Waitable<WatchEvent>;
  cancel(): void;
}

export class WatchSubscription {
  readonly options: WatchOptions;
  /** The id on its present stream. */
  id = INVALID_WATCH_ID;
  private readonly behaviours: ClientBehaviours;
  private nextRevision: number;
  private isAnnounced = false;
  private end: WatchEnd | undefined;
  private readonly queue = new Channel<WatchEvent>(Number.MAX_SAFE_INTEGER);

  constructor(options: WatchOptions, behaviours: ClientBehaviours) {
    this.options = options;
    this.behaviours = behaviours;
    this.nextRevision = options.startRevision ?? 0;
  }

  readonly receive: Waitable<WatchEvent> = {
    ready: () => this.queue.length > 0 || this.end !== undefined,
    take: () => this.queue.tryReceive() ?? {kind: 'ended', end: must(this.end, 'nothing to take')},
    park: (task) => this.queue.receive.park(task),
  };

  get isOver(): boolean {
    return this.end !== undefined;
  }

  /** The request that begins the watch, or goes on with it. */
  request(): WatchRequest {
    const {key, rangeEnd = '', prevKv = false, progressNotify = false, filters = [], fragment = false} = this.options;
    const startRevision = this.nextRevision;
    return watchRequest.make({
      create: watchCreateRequest.make({key, rangeEnd, startRevision, prevKv, progressNotify, filters, fragment}),
    });
  }

  /**
   * The server has the watch. One without a start revision goes on, should its stream break before an event, at the revision of
   * this answer and not behind it, so it may be told a change from just before it began: so in every release (serveSubstream).
   */
  created(header: ResponseHeader): void {
    if (this.isAnnounced) return;
    this.isAnnounced = true;
    if (this.options.createdNotify) this.queue.trySend({kind: 'created', header});
    if (this.nextRevision === 0) this.nextRevision = header.revision;
  }

  /** Takes a whole answer. True: it was the last. */
  take(response: WatchResponse): boolean {
    if (this.end !== undefined) return false;
    const header = must(response.header, 'a watch response has a header');
    const {events, compactRevision} = response;
    const last = events[events.length - 1];
    if (last !== undefined) this.nextRevision = last.kv.modRevision + 1;
    else this.nextRevision = header.revision + (this.behaviours.resumesBehindProgress ? 1 : 0);
    if (compactRevision !== 0) {
      this.finish({kind: 'compacted', compactRevision, header});
      return true;
    }
    this.queue.trySend(last === undefined ? {kind: 'progress', header} : {kind: 'events', header, events});
    return false;
  }

  /** No more comes behind what waits already. */
  finish(end: WatchEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    this.queue.close();
  }

  /** The user gave it up and reads no more. */
  abandon(): void {
    while (this.queue.tryReceive() !== undefined);
    this.finish({kind: 'cancelled'});
  }
}
