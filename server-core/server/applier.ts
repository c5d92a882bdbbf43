// server-core/server/applier.ts: one request onto the store. etcd 3.6: server/etcdserver/apply (uber applier and backend applier).
// Holds the backend and the store over it; a received snapshot replaces both at once.
import {unreachable} from '../../base/assert.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs} from '../../env/fiber.ts';
import type {Backend} from '../backend/backend.ts';
import type {InternalRaftRequest} from '../etcdserverpb/raft-request.ts';
import type {CompactionRequest, RangeRequest, RangeResponse, TxnRequest, TxnResponse} from '../etcdserverpb/types.ts';
import {revisionHeader} from '../etcdserverpb/types.ts';
import type {Cluster} from '../membership/cluster.ts';
import {COMPACTION_BATCH_COUNT} from '../mvcc/compaction.ts';
import type {Refusal} from '../mvcc/errors.ts';
import {isRefusal} from '../mvcc/errors.ts';
import {MvccStore} from '../mvcc/store.ts';
import type {Answer} from './kv-api.ts';

/** etcd: defaultCompactionSleepInterval. */
const COMPACTION_PAUSE_US = 10_000;

export class Applier {
  backend: Backend;
  readonly store: MvccStore;
  private readonly env: Env;
  private readonly cluster: Cluster;
  private isCompacting = false;

  constructor(env: Env, backend: Backend, cluster: Cluster) {
    this.env = env;
    this.cluster = cluster;
    this.backend = backend;
    this.store = MvccStore.open(backend.batch);
    this.startCompaction();
  }

  /** Another backend takes the place of this one. */
  replace(backend: Backend): void {
    this.backend = backend;
    this.store.restore(backend.batch);
    this.startCompaction();
  }

  /** Waits while a commit holds reads up; then read without waiting. */
  *readable(): Fiber<void> {
    yield* this.backend.readTx();
  }

  /** Answers a range that needs no raft. */
  range(request: RangeRequest): Answer<RangeResponse> {
    return answerOf(this.store.range(request));
  }

  /** Answers a transaction that only reads. */
  readOnlyTxn(request: TxnRequest): Answer<TxnResponse> {
    return answerOf(this.store.applyTxn(request));
  }

  /** Carries out an entry's request; undefined when this release knows nothing of what it asks. The batch lock is held. */
  apply({body}: InternalRaftRequest): Answer<object> | undefined {
    switch (body.kind) {
      case 'put':
        return answerOf(this.store.applyPut(body.request));
      case 'delete-range':
        return answerOf(this.store.applyDeleteRange(body.request));
      case 'txn':
        return answerOf(this.store.applyTxn(body.request));
      case 'range':
        return answerOf(this.store.range(body.request));
      case 'compaction':
        return this.compact(body.request);
      case 'cluster-member-attr-set':
        this.cluster.setAttributes(body.request);
        return {kind: 'ok', response: {header: revisionHeader(this.store.currentRevision)}};
      case 'none':
        return undefined;
      default:
        return unreachable(body);
    }
  }

  private compact(request: CompactionRequest): Answer<object> {
    const result = this.store.applyCompaction(request);
    if (isRefusal(result)) return result;
    this.startCompaction();
    return {kind: 'ok', response: result.response};
  }

  private startCompaction(): void {
    if (this.isCompacting || !this.store.hasCompaction) return;
    this.isCompacting = true;
    this.env.spawn('compaction', this.runCompaction());
  }

  /** Removes revisions batch by batch, beside everything else. etcd: scheduleCompaction. */
  private *runCompaction(): Fiber<void> {
    // The mark that a compaction was scheduled must be durable before anything is removed.
    yield* this.backend.commit();
    while (this.store.hasCompaction) {
      yield* this.backend.lockOutsideApply();
      this.store.compactionStep(COMPACTION_BATCH_COUNT);
      yield* this.backend.unlock();
      yield* this.backend.commit();
      yield* sleepUs(this.env.clock, COMPACTION_PAUSE_US);
    }
    this.isCompacting = false;
  }
}

const answerOf = <Response extends object>(result: Response | Refusal): Answer<Response> =>
  isRefusal(result) ? result : {kind: 'ok', response: result};
