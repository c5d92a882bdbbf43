// server-core/mvcc/execute.ts: range, put, delete-range on a view of the store. etcd: server/etcdserver/txn/txn.go.
// Requests have passed the validation of the API; what is refused here depends on the store.
import {assert} from '../../base/assert.ts';
import type {
  DeleteRangeRequest,
  DeleteRangeResponse,
  KeyValue,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
} from '../etcdserverpb/types.ts';
import {NO_LEASE, revisionHeader} from '../etcdserverpb/types.ts';
import {ERR_KEY_NOT_FOUND, isRefusal, type Refusal} from './errors.ts';
import {sortKeyValues} from './range-order.ts';
import {NEWEST, type ReadView} from './read-view.ts';
import type {WriteTxn} from './write-txn.ts';

const NO_KVS: readonly KeyValue[] = [];

function hasBounds(request: RangeRequest): boolean {
  return (
    request.minModRevision !== 0 ||
    request.maxModRevision !== 0 ||
    request.minCreateRevision !== 0 ||
    request.maxCreateRevision !== 0
  );
}

function isWithinBounds(kv: KeyValue, request: RangeRequest): boolean {
  const {minModRevision, maxModRevision, minCreateRevision, maxCreateRevision} = request;
  return (
    (maxModRevision === 0 || kv.modRevision <= maxModRevision) &&
    (minModRevision === 0 || kv.modRevision >= minModRevision) &&
    (maxCreateRevision === 0 || kv.createRevision <= maxCreateRevision) &&
    (minCreateRevision === 0 || kv.createRevision >= minCreateRevision)
  );
}

/** What the store has to find: one more than the limit to tell `more`, and all where sorting or bounds come after. */
function limitToFind(request: RangeRequest): number {
  if (request.sortOrder !== 'none' || hasBounds(request)) return 0;
  return request.limit > 0 ? request.limit + 1 : request.limit;
}

/** Answers a range. etcd: executeRange. A limit with a sort target but no order cuts before it sorts, as there. */
export function executeRange(view: ReadView, request: RangeRequest): RangeResponse | Refusal {
  const {key, rangeEnd, revision, limit, countOnly} = request;
  const result = view.range(key, rangeEnd, {revision, limit: limitToFind(request), countOnly});
  if (isRefusal(result)) return result;
  let {kvs} = result;
  if (hasBounds(request)) kvs = kvs.filter((kv) => isWithinBounds(kv, request));
  const isSorted = request.sortOrder !== 'none' || view.behaviours.sortsByTargetAlone;
  if (kvs.length > 1 && isSorted) sortKeyValues(kvs, request.sortTarget, request.sortOrder, view.behaviours.sort);
  const more = limit > 0 && kvs.length > limit;
  if (more) kvs.length = limit;
  if (request.keysOnly) {
    const dropsLease = view.behaviours.keysOnlyDropsLease && request.sortTarget !== 'value';
    kvs = kvs.map((kv) => keyOnly(kv, dropsLease));
  }
  return {header: revisionHeader(result.revision), kvs, more, count: result.count};
}

function keyOnly(kv: KeyValue, dropsLease: boolean): KeyValue {
  const {key, createRevision, modRevision, version} = kv;
  return {key, createRevision, modRevision, version, value: '', lease: dropsLease ? NO_LEASE : kv.lease};
}

/** Carries out a put whose lease exists. etcd: put. */
export function executePut(txn: WriteTxn, request: PutRequest): PutResponse | Refusal {
  const {key, ignoreValue, ignoreLease} = request;
  let {value, lease} = request;
  let previous: KeyValue | undefined;
  if (request.prevKv || ignoreValue || ignoreLease) {
    const result = txn.range(key, '', NEWEST);
    if (isRefusal(result)) return result;
    previous = result.kvs[0];
  }
  if (ignoreValue || ignoreLease) {
    if (previous === undefined) return ERR_KEY_NOT_FOUND;
    if (ignoreValue) value = previous.value;
    if (ignoreLease) lease = previous.lease;
  }
  txn.put(key, value, lease);
  return {header: revisionHeader(txn.revisionAfter), prevKv: request.prevKv ? previous : undefined};
}

/** Carries out a deletion. etcd: deleteRange. */
export function executeDeleteRange(txn: WriteTxn, request: DeleteRangeRequest): DeleteRangeResponse {
  const {key, rangeEnd} = request;
  let prevKvs: readonly KeyValue[] = NO_KVS;
  if (request.prevKv) {
    const result = txn.range(key, rangeEnd, NEWEST);
    assert(!isRefusal(result), 'the newest pairs were refused', result);
    prevKvs = result.kvs;
  }
  const deleted = txn.deleteRange(key, rangeEnd);
  return {header: revisionHeader(txn.revisionAfter), deleted, prevKvs};
}
