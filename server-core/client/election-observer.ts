// server-core/client/election-observer.ts: who leads, told whenever it changes. etcd: client/v3/concurrency election.go (observe).
// Not every leader and value is told; those told come in order. The user takes one before the next is looked for.
import type {ByteString} from '../../base/byte-string.ts';
import {prefixEnd} from '../../base/byte-string.ts';
import type {Fiber, Waitable} from '../../env/fiber.ts';
import {select} from '../../env/fiber.ts';
import {Channel} from '../../env/sync.ts';
import type {Event, ResponseHeader} from '../etcdserverpb/types.ts';
import type {CallContext} from './call-context.ts';
import type {Leadership} from './concurrency.ts';
import type {RecipeClient} from './recipe-calls.ts';
import {firstCreated, get} from './recipe-calls.ts';
import type {WatchHandle, WatchOptions} from './watcher.ts';

/** Changes as they come with their header; undefined: the watch or the observation is over. */
type Batch = {readonly header: ResponseHeader; readonly events: readonly Event[]} | undefined;

export class ElectionObserver {
  private readonly recipe: RecipeClient;
  private readonly prefix: ByteString;
  private readonly context: CallContext;
  private readonly told = new Channel<Leadership>(1);

  /** Observes until the context ends, a read fails or a watch is lost. */
  constructor(recipe: RecipeClient, name: ByteString, context: CallContext) {
    this.recipe = recipe;
    this.prefix = `${name}/`;
    this.context = context;
    recipe.client.env.spawn('observe election', this.run());
  }

  /** Ready with the next leader or value; undefined once it is over. */
  get receive(): Waitable<Leadership | undefined> {
    return this.told.receive;
  }

  private *run(): Fiber<void> {
    while (yield* this.observeOne());
    this.told.close();
  }

  /** One leader from its first value told to the deletion of its key; false: no more. */
  private *observeOne(): Fiber<boolean> {
    const found = yield* get(this.recipe, firstCreated(this.prefix), this.context);
    if (found.kind === 'error') return false;
    const {header, kvs} = found.response;
    const kv = kvs[0];
    const leadership = kv === undefined ? yield* this.firstPut(header.revision) : {header, kv};
    if (leadership === undefined || !(yield* this.tell(leadership))) return false;
    return yield* this.follow(leadership);
  }

  /** The first value that is put below the prefix from that revision on. */
  private *firstPut(startRevision: number): Fiber<Leadership | undefined> {
    const watch = this.watch({key: this.prefix, rangeEnd: prefixEnd(this.prefix), startRevision});
    try {
      for (;;) {
        const batch = yield* this.next(watch);
        if (batch === undefined) return undefined;
        const put = batch.events.find(({type}) => type === 'put');
        // The batch may hold several revisions; the header tells that of this one.
        if (put !== undefined) return {header: {...batch.header, revision: put.kv.modRevision}, kv: put.kv};
      }
    } finally {
      watch.cancel();
    }
  }

  /** Tells a leader's values until its key goes; true: it went. */
  private *follow({header, kv}: Leadership): Fiber<boolean> {
    const watch = this.watch({key: kv.key, startRevision: header.revision + 1});
    try {
      for (;;) {
        const batch = yield* this.next(watch);
        if (batch === undefined) return false;
        for (const event of batch.events) {
          if (event.type === 'delete') return true;
          if (!(yield* this.tell({header: batch.header, kv: event.kv}))) return false;
        }
      }
    } finally {
      watch.cancel();
    }
  }

  private watch(options: WatchOptions): WatchHandle {
    return this.recipe.watcher.watch(options);
  }

  private *next(watch: WatchHandle): Fiber<Batch> {
    for (;;) {
      const next = yield* select(this.recipe.client.env, {event: watch.receive, over: this.context});
      if (next.kind === 'over' || next.value.kind === 'ended') return undefined;
      if (next.value.kind === 'events') return next.value;
    }
  }

  private *tell(leadership: Leadership): Fiber<boolean> {
    const sending = this.told.sending(leadership);
    const next = yield* select(this.recipe.client.env, {sending, over: this.context});
    return next.kind === 'sending';
  }
}
