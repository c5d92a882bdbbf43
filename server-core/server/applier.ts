// server-core/server/applier.ts: one request onto the store. etcd 3.6: apply/apply.go, backend applier.
// Holds the backend and the store over it; a received snapshot replaces both at once.
import type {Fiber} from '../../env/fiber.ts';
import type {Backend} from '../backend/backend.ts';
import type {InternalRaftRequest} from '../etcdserverpb/raft-request.ts';
import type {RangeRequest, RangeResponse, TxnRequest, TxnResponse} from '../etcdserverpb/types.ts';
import {revisionHeader} from '../etcdserverpb/types.ts';
import {MvccStore} from '../mvcc/store.ts';
import type {Answer} from './kv-api.ts';
import {refusal} from './errors.ts';

export class Applier {
  backend: Backend;
  store: MvccStore;

  constructor(backend: Backend) {
    this.backend = backend;
    this.store = MvccStore.open(backend.batch);
  }

  /** Another backend takes the place of this one. */
  replace(backend: Backend): void {
    this.backend = backend;
    this.store = MvccStore.open(backend.batch);
  }

  /** Waits while a commit holds reads up. */
  *readable(): Fiber<void> {
    yield* this.backend.readTx();
  }
}
