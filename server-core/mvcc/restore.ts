// server-core/mvcc/restore.ts: the store's memory rebuilt from the backend. etcd: kvstore.go (restore, restoreIntoIndex).
// Promise: what comes out shows, hashes and digests as the store did that wrote the backend; of releases that pass over a lone deletion
// (MvccBehaviours.restoresLoneTombstone), only until a compaction goes on.
import {assert} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import type {LeaseId} from '../../base/ids.ts';
import {decodeKeyValue} from '../etcdserverpb/kv-codec.ts';
import {NO_LEASE} from '../etcdserverpb/types.ts';
import {readCompactionMarks} from './compaction.ts';
import {isTombstoneKey, mainOf, subOf} from './revision.ts';
import type {StoreState} from './store-state.ts';
import {behavioursOf} from './store-state.ts';

/**
 * Fills an empty state from its batch. Returns the revision of a compaction that was asked for and not finished, which the caller
 * must begin again; undefined when there is none.
 */
export function restoreState(state: StoreState): number | undefined {
  const {scheduled, finished} = readCompactionMarks(state.batch);
  if (finished !== undefined) state.compactRevision = finished;
  const {raisesRevisionToScheduledCompaction, restoresLoneTombstone} = behavioursOf(state.options);
  state.batch.forEach('key', (key, value) => readPair(state, key, value, restoresLoneTombstone));
  // The last revisions may have been deletions that the compaction has removed. etcd issue 17780.
  const atLeast = raisesRevisionToScheduledCompaction ? (scheduled ?? 0) : 0;
  state.currentRevision = Math.max(state.currentRevision, state.compactRevision, atLeast);
  const leases: [ByteString, LeaseId][] = [];
  state.index.forEach((index) => {
    const kv = index.get(state.currentRevision)?.kv;
    if (kv === undefined) return;
    state.live.add(kv);
    if (kv.lease !== NO_LEASE) leases.push([kv.key, kv.lease]);
  });
  for (const [key, lease] of leases) state.options.lessor?.attach(lease, key);
  return scheduled !== undefined && scheduled > state.compactRevision ? scheduled : undefined;
}

function readPair(state: StoreState, bucketKey: ByteString, value: Uint8Array, restoresLoneTombstone: boolean): void {
  const main = mainOf(bucketKey);
  const sub = subOf(bucketKey);
  assert(main >= state.currentRevision, 'the bucket is not in revision order', {main, before: state.currentRevision});
  state.currentRevision = main;
  const kv = decodeKeyValue(value);
  const isTombstone = isTombstoneKey(bucketKey);
  if (isTombstone && !restoresLoneTombstone && state.index.find(kv.key) === undefined) return;
  const index = state.index.findOrMake(kv.key);
  if (!isTombstone) index.put({main, sub, kv: {...kv, key: index.key}, previous: undefined});
  else if (index.isEmpty()) index.restoreTombstone({main, sub, kv: undefined, previous: undefined});
  // A second deletion in a row is passed over, as etcd does with a warning.
  else index.tombstone({main, sub, kv: undefined, previous: undefined});
}
