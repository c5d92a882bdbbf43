// server-core/watch/watch-session.ts: what the two loops of one Watch call share. etcd: api/v3rpc/watch.go (serverWatchStream).
import {assert} from '../../base/assert.ts';
import type {ClusterId, MemberId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber, Task, Waitable} from '../../env/fiber.ts';
import {Channel} from '../../env/sync.ts';
import {Ticker} from '../../env/ticker.ts';
import type {ServerStream} from '../etcdserverpb/server-stream.ts';
import type {ResponseHeader} from '../etcdserverpb/types.ts';
import type {WatchCreateRequest, WatchRequest, WatchResponse} from '../etcdserverpb/watch-messages.ts';
import type {WatchStream} from './watch-stream.ts';
import type {WatchableStore} from './watchable-store.ts';

/** Time between two progress notifications unless --experimental-watch-progress-notify-interval says otherwise. */
export const PROGRESS_INTERVAL_US = 600_000_000;
/** A shorter interval than this is not accepted. etcd: minWatchProgressInterval. */
const PROGRESS_INTERVAL_US_MIN = 100_000;
/** Answers to requests that may wait while events are being sent. etcd: ctrlStreamBufLen. */
const CONTROL_CAPACITY = 16;

/** A watch that auth does not allow; the message is what the client reads, in the words of the release in force. */
export interface WatchDenial {
  readonly message: string;
}

/** The end of a call: gRPC code by name, and text. */
export interface StreamError {
  readonly code: string;
  readonly message: string;
}

/** The server around a Watch call. */
export interface WatchHost {
  readonly env: Env;
  readonly watchable: WatchableStore;
  /** For the headers of responses, as of now. */
  header(): {readonly clusterId: ClusterId; readonly memberId: MemberId; readonly raftTerm: number};
  /**
   * May the caller watch this? Gets the request as it came, but never an empty key. Undefined: yes; otherwise the message is the
   * whole cancel_reason. A fiber, because a simple token is looked up by waiting for an applied index. etcd: isWatchPermitted.
   */
  isPermitted(create: WatchCreateRequest): Fiber<WatchDenial | undefined>;
  /** --max-request-bytes. */
  readonly maxRequestBytes: number;
  /** The interval of progress notifications in microseconds; 0: the default of ten minutes. */
  readonly progressIntervalUs: number;
  /** Why the server itself ended the call, if it did: no leader. */
  endedBy?(): StreamError | undefined;
}

/** The beat of progress notifications: none while no watch wants any, so that a quiet stream wakes nobody. */
export class ProgressBeat implements Waitable<void> {
  /** Watches that want notifications; true: nothing was sent since the last beat. */
  readonly wanting = new Map<number, boolean>();
  private readonly ticker: Ticker;

  constructor(env: Env, intervalUs: number, hasJitter: boolean) {
    const us = intervalUs === 0 ? PROGRESS_INTERVAL_US : Math.max(intervalUs, PROGRESS_INTERVAL_US_MIN);
    const jitterUs = hasJitter ? env.random.below(Math.min(Math.floor(us / 10), 0x1_0000_0000)) : 0;
    this.ticker = new Ticker(env.clock, us + jitterUs);
  }

  /** The watch wants notifications from now on. */
  add(watchId: number): void {
    // Beats that passed while nobody wanted any are gone.
    if (this.wanting.size === 0 && this.ticker.ready()) this.ticker.take();
    this.wanting.set(watchId, true);
  }

  ready(): boolean {
    return this.wanting.size > 0 && this.ticker.ready();
  }

  take(): void {
    this.ticker.take();
  }

  park(task: Task): void {
    if (this.wanting.size > 0) this.ticker.park(task);
  }
}

export class WatchSession {
  readonly host: WatchHost;
  readonly stream: ServerStream<WatchRequest, WatchResponse>;
  readonly watches: WatchStream;
  readonly control = new Channel<WatchResponse>(CONTROL_CAPACITY);
  readonly beat: ProgressBeat;
  /** Watches whose events come with the pair before. */
  readonly withPrevKv = new Set<number>();
  /** Watches whose responses may be cut. */
  readonly fragmented = new Set<number>();
  /** A requested progress notification is owed; see WatchBehaviours.requestedProgress, 'deferred'. */
  isProgressOwed = false;

  constructor(host: WatchHost, stream: ServerStream<WatchRequest, WatchResponse>) {
    const {behaviours} = host.watchable;
    assert(host.progressIntervalUs >= 0, 'a negative progress interval', host.progressIntervalUs);
    this.host = host;
    this.stream = stream;
    this.watches = host.watchable.newStream();
    this.beat = new ProgressBeat(host.env, host.progressIntervalUs, behaviours.progressJitter);
  }

  /** A header with that revision. */
  header(revision: number): ResponseHeader {
    const {clusterId, memberId, raftTerm} = this.host.header();
    return {clusterId, memberId, revision, raftTerm};
  }
}
