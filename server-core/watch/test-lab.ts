// server-core/watch/test-lab.ts: one store with its watches on a virtual machine, and clients that read when told to, for tests.
// What a client received is written as one line a response: see describe().
import {assert, must} from '../../base/assert.ts';
import type {ClusterId} from '../../base/ids.ts';
import {toId64, toMemberId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber, Waitable} from '../../env/fiber.ts';
import {condition, Signal, until} from '../../env/fiber.ts';
import {Channel} from '../../env/sync.ts';
import {World} from '../../sim/world.ts';
import type {ServerStream} from '../etcdserverpb/server-stream.ts';
import type {Event, RequestOp} from '../etcdserverpb/types.ts';
import {deleteRangeRequest, putRequest, txnRequest} from '../etcdserverpb/types.ts';
import type {WatchCreateRequest, WatchRequest, WatchResponse} from '../etcdserverpb/watch-messages.ts';
import {watchCreateRequest, watchRequest} from '../etcdserverpb/watch-messages.ts';
import {isRefusal} from '../mvcc/errors.ts';
import {MvccStore} from '../mvcc/store.ts';
import {TestBatch} from '../mvcc/test-batch.ts';
import type {WatchBehaviours} from './behaviours.ts';
import {watchBehaviours} from './behaviours.ts';
import {serveWatch} from './serve-watch.ts';
import type {StreamError, WatchDenial, WatchHost} from './watch-session.ts';
import {WatchableStore} from './watchable-store.ts';

export const MS = 1000;

/** P:k@5 or D:k@5, with what was there before in brackets. */
export function describeEvent({type, kv, prevKv}: Event): string {
  const before = prevKv === undefined ? '' : `(${prevKv.value}@${prevKv.modRevision})`;
  return `${type === 'put' ? 'P' : 'D'}:${kv.key}@${kv.modRevision}${before}`;
}

/** '0 created rev 4', '0 P:k@5 rev 5', '-1 progress rev 5', '0 canceled compact 3 rev 0'. */
export function describe(response: WatchResponse): string {
  const words: string[] = [];
  if (response.created) words.push('created');
  if (response.canceled) words.push('canceled');
  if (response.cancelReason !== '') words.push(`"${response.cancelReason}"`);
  if (response.compactRevision !== 0) words.push(`compact ${response.compactRevision}`);
  if (response.fragment) words.push('fragment');
  words.push(...response.events.map(describeEvent));
  if (words.length === 0) words.push('progress');
  return `${response.watchId} ${words.join(' ')} rev ${response.header?.revision}`;
}

/** A Watch call: the client's requests go in, what reached it is kept. */
export class TestClient implements ServerStream<WatchRequest, WatchResponse> {
  readonly responses: WatchResponse[] = [];
  readonly receive: Waitable<WatchRequest | undefined>;
  readonly ended: Waitable<void>;
  end: StreamError | undefined;
  private readonly requests = new Channel<WatchRequest>(1000);
  private readonly changed = new Signal();
  private unread = 0;
  private isOver = false;
  private readonly windowCount: number;
  private isReading = true;

  /** A client that does not read takes so many responses in before the server's send waits. */
  constructor(windowCount: number) {
    this.windowCount = windowCount;
    this.receive = this.requests.receive;
    this.ended = condition(this.changed, () => this.isOver);
  }

  *send(response: WatchResponse): Fiber<boolean> {
    while (!this.isReading && this.unread >= this.windowCount && !this.isOver) yield this.changed;
    if (this.isOver) return false;
    if (!this.isReading) this.unread++;
    this.responses.push(response);
    return true;
  }

  create(key: string, options: Partial<Omit<WatchCreateRequest, 'key'>> = {}): void {
    this.ask({create: watchCreateRequest.make({key, ...options})});
  }

  cancel(watchId: number): void {
    this.ask({cancel: {watchId}});
  }

  progress(): void {
    this.ask({progress: {}});
  }

  ask(request: Partial<WatchRequest>): void {
    const isTaken = this.requests.trySend(watchRequest.make(request));
    assert(isTaken, 'too many requests for this test');
  }

  /** The client sends no more, but still receives. */
  closeSending(): void {
    this.requests.close();
  }

  stopReading(): void {
    this.isReading = false;
    this.unread = 0;
  }

  read(): void {
    this.isReading = true;
    this.changed.notify();
  }

  hangUp(): void {
    this.isOver = true;
    this.changed.notify();
  }

  /** What came since the last look, one line each. */
  lines(): string[] {
    return this.responses.splice(0).map(describe);
  }

  /** As lines(), of one watch. */
  linesOf(watchId: number): string[] {
    return this.lines().filter((line) => line.startsWith(`${watchId} `));
  }
}

export interface LabOptions {
  readonly release?: string;
  readonly seed?: number;
  readonly maxRequestBytes?: number;
  readonly progressIntervalUs?: number;
  /** Instead of the release's. */
  readonly behaviours?: Partial<WatchBehaviours>;
  readonly isPermitted?: (create: WatchCreateRequest) => WatchDenial | undefined;
}

export class WatchLab {
  readonly world: World;
  readonly watchable: WatchableStore;
  readonly env: Env;
  store: MvccStore;
  batch = new TestBatch();
  private readonly host: WatchHost;

  constructor(options: LabOptions = {}) {
    this.world = new World({seed: options.seed ?? 1, scheduling: {starvedOneIn: 0}});
    const started: Env[] = [];
    this.world.onProcessEnd((_machine, _process, end) => {
      if (end.how === 'panic') throw end.error;
    });
    this.world.addMachine('m0').start('etcd', function* (env): Fiber<void> {
      started.push(env);
      yield* until(condition(new Signal(), () => false));
    });
    this.world.runUntil(MS);
    this.env = must(started[0], 'the machine did not start');
    this.watchable = new WatchableStore(this.env, {
      ...watchBehaviours(options.release ?? '3.7.1'),
      ...options.behaviours,
    });
    this.store = MvccStore.open(this.batch, {changed: this.watchable.changed});
    this.watchable.attach(this.store, this.batch);
    this.env.spawn('watchable', this.watchable.run());
    this.host = {
      env: this.env,
      watchable: this.watchable,
      header: () => ({clusterId: toId64(7) as ClusterId, memberId: toMemberId(8), raftTerm: 2}),
      // biome-ignore lint/correctness/useYield: nothing to wait for
      isPermitted: function* (create) {
        return options.isPermitted?.(create);
      },
      maxRequestBytes: options.maxRequestBytes ?? 1_572_864,
      progressIntervalUs: options.progressIntervalUs ?? 0,
    };
  }

  /** Holds the next response back for so long. */
  delaySend(ms: number): void {
    const failpoints = must(this.world.machine('m0').failpoints, 'no process runs');
    failpoints.arm('beforeSendWatchResponse', {action: {kind: 'delay', delayUs: ms * MS}, timesMax: 1});
  }

  /** A Watch call of a client that reads; see TestClient for one that does not. */
  client(windowCount = 0): TestClient {
    const client = new TestClient(windowCount);
    const {host} = this;
    this.env.spawn('watch', serve(host, client));
    return client;
  }

  /** Lets time pass. */
  wait(ms: number): void {
    this.world.runUntil(this.world.nowUs + ms * MS);
  }

  /** Lets things happen that take no time to speak of. */
  settle(): void {
    this.wait(1);
  }

  put(key: string, value = 'v'): void {
    const response = this.store.applyPut(putRequest(key, value));
    assert(!isRefusal(response), 'a put was refused', response);
  }

  delete(key: string, rangeEnd = ''): void {
    this.store.applyDeleteRange(deleteRangeRequest(key, {rangeEnd}));
  }

  /** Puts in one transaction. */
  putAll(keys: readonly string[], value = 'v'): void {
    const success = keys.map((key): RequestOp => ({kind: 'put', request: putRequest(key, value)}));
    const response = this.store.applyTxn(txnRequest({success}));
    assert(!isRefusal(response), 'a transaction was refused', response);
  }

  /** Compacts, in the backend too. */
  compact(revision: number): void {
    const compaction = this.store.compact(revision);
    assert(!isRefusal(compaction), 'a compaction was refused', compaction);
    while (this.store.hasCompaction) this.store.compactionStep(1000);
  }

  /** The member receives the state of another. */
  receiveSnapshot(batch: TestBatch): void {
    this.batch = batch;
    this.store.restore(batch);
    this.watchable.attach(this.store, batch);
    this.watchable.restored();
  }

  /** Events that the world fires while nothing is done for so long. */
  eventsWhileIdle(ms: number): number {
    const before = this.world.kernel.eventCount;
    this.wait(ms);
    return this.world.kernel.eventCount - before;
  }
}

function* serve(host: WatchHost, client: TestClient): Fiber<void> {
  client.end = yield* serveWatch(host, client);
}
