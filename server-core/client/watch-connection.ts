// server-core/client/watch-connection.ts: one watch stream with many watches on it, opened again when it breaks.
// etcd: client/v3 watch.go (watchGrpcStream.run). Creations go out one at a time, because answers carry no mark of their request.
// On a new stream every watch is created again at the revision behind what its user has got, so events come once and in order.
// Not modelled: the goroutines between stream and user, whose buffers of one show only when a user stops reading.
import {assert, must} from '../../base/assert.ts';
import type {Fiber} from '../../env/fiber.ts';
import {select, sleepUs} from '../../env/fiber.ts';
import {Promised} from '../../env/sync.ts';
import type {CallFailure} from '../api/payloads.ts';
import type {WatchResponse} from '../etcdserverpb/watch-messages.ts';
import {watchCancelRequest, watchProgressRequest, watchRequest} from '../etcdserverpb/watch-messages.ts';
import {CallContext} from './call-context.ts';
import {
  AUTH_OLD_REVISION,
  asToldToUser,
  CONNECTION_BROKEN,
  END_OF_STREAM,
  INVALID_AUTH_TOKEN,
  isHalting,
  isUnavailable,
  NO_LEADER,
} from './call-errors.ts';
import type {Client} from './client.ts';
import {ClientStream} from './client-stream.ts';
import type {WatchEnd} from './watch-subscription.ts';
import {INVALID_WATCH_ID, type WatchSubscription} from './watch-subscription.ts';

/** Pause before a broken stream is opened again: grows by a quarter each time. watch.go: maxBackoff. */
const PAUSE_US_MIN = 1_000;
const PAUSE_US_MAX = 100_000;

/** Reasons of a refusal that a new token may cure, as servers write them. watch.go of 3.4.22: shouldRetryWatch. */
const TOKEN_REFUSALS: ReadonlySet<string> = new Set([
  `rpc error: code = Unauthenticated desc = ${INVALID_AUTH_TOKEN}`,
  `rpc error: code = InvalidArgument desc = ${AUTH_OLD_REVISION}`,
]);

export class WatchConnection {
  private readonly client: Client;
  private readonly requiresLeader: boolean;
  private readonly onOver: () => void;
  private readonly over = new Promised<void>();
  private stream: ClientStream | undefined;
  /** Created on the present stream, by id. */
  private readonly active = new Map<number, WatchSubscription>();
  /** To be created; the first has been asked for. A hole is one given up meanwhile, whose answer is still to come. */
  private waiting: (WatchSubscription | undefined)[] = [];
  /** Ids that the server was told to cancel. */
  private readonly cancelledIds = new Set<number>();
  /** An answer whose fragments are still coming. */
  private partial: WatchResponse | undefined;
  private pauseUs = PAUSE_US_MIN;
  /** Why a watch was refused. Watches that the server cancels later on the same stream are told this as well. watch.go: closeErr. */
  private refusal: WatchEnd | undefined;

  /** `onOver` is called once it takes no more watches. */
  constructor(client: Client, requiresLeader: boolean, onOver: () => void) {
    this.client = client;
    this.requiresLeader = requiresLeader;
    this.onOver = onOver;
  }

  /** Begins a watch. */
  add(subscription: WatchSubscription): void {
    assert(!this.over.ready(), 'a watch on a stream that is over');
    this.waiting.push(subscription);
    if (this.waiting.length === 1) this.stream?.send(subscription.request());
  }

  /** Asks for a progress notification to all watches. */
  requestProgress(): void {
    this.stream?.send(watchRequest.make({progress: watchProgressRequest.make()}));
  }

  /** The user has given a watch up. */
  cancel(subscription: WatchSubscription): void {
    if (subscription.isOver) return;
    subscription.abandon();
    this.drop(subscription);
  }

  /** Ends all watches and the stream. */
  close(): void {
    this.endWith({kind: 'closed'});
  }

  /** Serves the stream to its end. */
  *run(): Fiber<void> {
    let failure = yield* this.open();
    while (failure === undefined && !this.over.ready()) {
      const stream = must(this.stream, 'no stream is open');
      const next = yield* select(this.client.env, {event: stream.receive, over: this.over});
      if (next.kind === 'over') break;
      const event = next.value;
      if (event.kind !== 'message') {
        failure = yield* this.resume(event.kind === 'broken' ? CONNECTION_BROKEN : (event.failure ?? END_OF_STREAM));
      } else if (this.take(event.message as WatchResponse)) {
        failure = yield* this.open();
      }
    }
    if (failure === undefined || this.client.closed.ready()) this.endWith({kind: 'closed'});
    else this.endWith({kind: 'failed', ...asToldToUser(failure, this.client.behaviours)});
  }

  /** The stream ended with that; opens another unless that cannot help. */
  private *resume(cause: CallFailure): Fiber<CallFailure | undefined> {
    this.stream = undefined;
    if (isHalting(cause) || cause.message === NO_LEADER) return cause;
    const {behaviours, env} = this.client;
    if (behaviours.pausesBeforeWatchResume && isUnavailable(cause)) {
      this.pauseUs = longerPause(this.pauseUs);
      yield* sleepUs(env.clock, this.pauseUs);
    }
    env.trace.mark('client: watch resumed');
    return yield* this.open();
  }

  /** Opens a stream and begins to create all watches on it. etcd: newWatchClient, openWatchClient. */
  private *open(): Fiber<CallFailure | undefined> {
    const {client} = this;
    this.stream?.cancel();
    this.stream = undefined;
    const context = new CallContext(client.env.clock, {cancelled: this.over});
    let pauseUs = PAUSE_US_MIN;
    for (;;) {
      if (this.over.ready()) return undefined;
      const opened = yield* client.openStream('/etcdserverpb.Watch/Watch', this.requiresLeader, context);
      if (opened instanceof ClientStream) {
        if (this.over.ready()) opened.cancel();
        else this.begin(opened);
        return undefined;
      }
      if (isHalting(opened)) return opened;
      pauseUs = longerPause(pauseUs);
      if (isUnavailable(opened)) yield* sleepUs(client.env.clock, pauseUs);
    }
  }

  private begin(stream: ClientStream): void {
    this.stream = stream;
    this.partial = undefined;
    this.cancelledIds.clear();
    for (const subscription of this.active.values()) {
      subscription.id = INVALID_WATCH_ID;
      this.waiting.push(subscription);
    }
    this.active.clear();
    this.waiting = this.waiting.filter((subscription) => subscription !== undefined);
    this.createNext();
  }

  private createNext(): void {
    while (this.waiting.length > 0 && this.waiting[0] === undefined) this.waiting.shift();
    const next = this.waiting[0];
    if (next !== undefined) this.stream?.send(next.request());
  }

  /** Takes one answer; true: all watches must go to a new stream. */
  private take(response: WatchResponse): boolean {
    const whole = this.assembled(response);
    if (response.created) {
      if (this.client.behaviours.repeatsWatchOnBadToken && TOKEN_REFUSALS.has(response.cancelReason)) return true;
      this.takeCreated(response);
    } else if (response.canceled && response.compactRevision === 0) {
      this.partial = undefined;
      this.takeCancelled(response.watchId);
    } else if (!whole.fragment) {
      this.partial = undefined;
      this.dispatch(whole);
    }
    return false;
  }

  /** The answer with the fragments before it. One of another watch in between is lost, as in run(). */
  private assembled(response: WatchResponse): WatchResponse {
    const {partial} = this;
    let whole = response;
    if (partial !== undefined && !response.created && !response.canceled) {
      whole = partial;
      if (partial.watchId === response.watchId) {
        whole = {...partial, events: [...partial.events, ...response.events], fragment: response.fragment};
      }
    }
    this.partial = whole;
    return whole;
  }

  private takeCreated(response: WatchResponse): void {
    this.partial = undefined;
    const subscription = this.waiting[0];
    if (subscription !== undefined) {
      this.waiting[0] = undefined;
      if (response.watchId === INVALID_WATCH_ID || (response.canceled && response.cancelReason !== '')) {
        // A refusal without an id comes from servers up to 3.3 and whenever the token does not permit the range.
        this.refusal = {kind: 'failed', code: 'Unknown', message: response.cancelReason};
        subscription.finish(this.refusal);
      } else {
        subscription.id = response.watchId;
        this.active.set(response.watchId, subscription);
        subscription.created(must(response.header, 'a watch response has a header'));
      }
    }
    this.createNext();
    this.finishIfIdle(subscription);
  }

  /** The server has ended a watch, or confirms that it did. */
  private takeCancelled(watchId: number): void {
    this.cancelledIds.delete(watchId);
    const subscription = this.active.get(watchId);
    if (subscription === undefined) return;
    subscription.finish(this.refusal ?? {kind: 'closed'});
    this.drop(subscription);
  }

  private dispatch(response: WatchResponse): void {
    const {watchId} = response;
    if (watchId === INVALID_WATCH_ID && isProgress(response)) {
      for (const subscription of this.active.values()) subscription.take(response);
      return;
    }
    const subscription = this.active.get(watchId);
    if (subscription === undefined) {
      if (!this.cancelledIds.has(watchId)) this.cancelOnServer(watchId);
    } else if (subscription.take(response)) {
      this.drop(subscription);
    }
  }

  /** A watch is over for its user: the stream forgets it. */
  private drop(subscription: WatchSubscription): void {
    if (this.active.get(subscription.id) === subscription) {
      this.active.delete(subscription.id);
      if (this.client.behaviours.cancelsWatchAtOnce && this.active.size + this.waiting.length > 0) {
        this.cancelOnServer(subscription.id);
      }
    } else {
      const at = this.waiting.indexOf(subscription);
      if (at >= 0) this.waiting[at] = undefined;
    }
    this.finishIfIdle(subscription);
  }

  /** A stream without a watch ends; one that waits for the answer to a creation given up stays for it. */
  private finishIfIdle(ended: WatchSubscription | undefined): void {
    if (ended === undefined || !ended.isOver) return;
    if (this.stream === undefined) this.waiting = this.waiting.filter((subscription) => subscription !== undefined);
    if (this.active.size + this.waiting.length === 0) this.endWith({kind: 'closed'});
  }

  private cancelOnServer(watchId: number): void {
    this.cancelledIds.add(watchId);
    this.stream?.send(watchRequest.make({cancel: watchCancelRequest.make({watchId})}));
  }

  private endWith(end: WatchEnd): void {
    const left = [...this.active.values(), ...this.waiting];
    this.active.clear();
    this.waiting = [];
    for (const subscription of left) subscription?.finish(end);
    this.stream?.cancel();
    if (this.over.resolve()) this.onOver();
  }
}

const isProgress = ({events, canceled, created, compactRevision, header}: WatchResponse): boolean =>
  events.length === 0 && !canceled && !created && compactRevision === 0 && (header?.revision ?? 0) !== 0;

const longerPause = (pauseUs: number): number => Math.min(pauseUs + Math.floor(pauseUs / 4), PAUSE_US_MAX);
