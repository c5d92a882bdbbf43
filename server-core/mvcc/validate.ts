// server-core/mvcc/validate.ts: what the KV service refuses without looking at the store. etcd: server/etcdserver/api/v3rpc/key.go.
import type {ByteString} from '../../base/byte-string.ts';
import {compareByteStrings} from '../../base/byte-string.ts';
import type {DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest} from '../etcdserverpb/types.ts';
import {NO_LEASE} from '../etcdserverpb/types.ts';
import type {MvccBehaviours} from './behaviours.ts';
import {
  ERR_DUPLICATE_KEY,
  ERR_EMPTY_KEY,
  ERR_INVALID_SORT_OPTION,
  ERR_KEY_NOT_FOUND,
  ERR_LEASE_PROVIDED,
  ERR_TOO_MANY_OPS,
  ERR_VALUE_PROVIDED,
  type Refusal,
} from './errors.ts';
import {NEWEST_BEHAVIOURS} from './store-state.ts';

export function validateRange(
  {key, sortOrder, sortTarget}: RangeRequest,
  behaviours: MvccBehaviours = NEWEST_BEHAVIOURS,
): Refusal | undefined {
  if (key.length === 0) return ERR_EMPTY_KEY;
  if (behaviours.refusesUnknownSort && (typeof sortOrder === 'number' || typeof sortTarget === 'number')) {
    return ERR_INVALID_SORT_OPTION;
  }
  return undefined;
}

export function validatePut({key, value, lease, ignoreValue, ignoreLease}: PutRequest): Refusal | undefined {
  if (key.length === 0) return ERR_EMPTY_KEY;
  if (ignoreValue && value.length !== 0) return ERR_VALUE_PROVIDED;
  if (ignoreLease && lease !== NO_LEASE) return ERR_LEASE_PROVIDED;
  return undefined;
}

export function validateDeleteRange({key}: DeleteRangeRequest): Refusal | undefined {
  return key.length === 0 ? ERR_EMPTY_KEY : undefined;
}

/** opsMax is --max-txn-ops. The first thing wrong, in etcd's order: counts and fields of all ops, then keys changed twice. */
export function validateTxn(
  request: TxnRequest,
  opsMax: number,
  behaviours: MvccBehaviours = NEWEST_BEHAVIOURS,
): Refusal | undefined {
  if (behaviours.duplicateKeys === 'sorted-puts') return validateEarlyTxn(request, opsMax, behaviours);
  const refusal = validateOps(request, opsMax, behaviours);
  if (refusal !== undefined) return refusal;
  for (const ops of [request.success, request.failure]) {
    if (collectChanges(ops) === undefined) return ERR_DUPLICATE_KEY;
  }
  return undefined;
}

/** Nested transactions share the allowance: each level takes its longest list from it. etcd: checkTxnRequest. */
function validateOps(request: TxnRequest, opsMax: number, behaviours: MvccBehaviours): Refusal | undefined {
  const longest = Math.max(request.compare.length, request.success.length, request.failure.length);
  if (longest > opsMax) return ERR_TOO_MANY_OPS;
  for (const {key} of request.compare) if (key.length === 0) return ERR_EMPTY_KEY;
  for (const ops of [request.success, request.failure]) {
    for (const op of ops) {
      const refusal = validateOp(op, opsMax - longest, behaviours);
      if (refusal !== undefined) return refusal;
    }
  }
  return undefined;
}

function validateOp(op: RequestOp, opsMax: number, behaviours: MvccBehaviours): Refusal | undefined {
  switch (op.kind) {
    case 'range':
      return validateRange(op.request, behaviours);
    case 'put':
      return validatePut(op.request);
    case 'delete-range':
      return validateDeleteRange(op.request);
    case 'txn':
      return validateOps(op.request, opsMax, behaviours);
    case 'none':
      return behaviours.refusesEmptyOps ? ERR_KEY_NOT_FOUND : undefined;
  }
}

/** What a list of ops may change, those of nested transactions on either branch included. */
interface Changes {
  readonly puts: Set<ByteString>;
  readonly deletes: Deletion[];
}

interface Deletion {
  readonly key: ByteString;
  readonly rangeEnd: ByteString;
}

/**
 * As etcd compares them here: an end of '\0' is taken for the smallest key, not for no end, so such a deletion meets no put.
 * An answer of real etcd, kept.
 */
function deletes({key, rangeEnd}: Deletion, put: ByteString): boolean {
  return rangeEnd === '' ? put === key : key <= put && put < rangeEnd;
}

/**
 * Undefined when a key is put twice, or put and deleted. etcd: checkIntervals, with its order of looking: deletions of a
 * later nested transaction are not held against puts of an earlier one.
 */
function collectChanges(ops: readonly RequestOp[]): Changes | undefined {
  const changes: Changes = {puts: new Set(), deletes: []};
  for (const op of ops) if (op.kind === 'delete-range') changes.deletes.push(op.request);
  for (const op of ops) {
    if (op.kind === 'txn' && !mergeNested(changes, op.request)) return undefined;
  }
  for (const op of ops) {
    if (op.kind !== 'put') continue;
    if (changes.puts.has(op.request.key) || isDeleted(changes, op.request.key)) return undefined;
    changes.puts.add(op.request.key);
  }
  return changes;
}

function isDeleted(changes: Changes, put: ByteString): boolean {
  return changes.deletes.some((deletion) => deletes(deletion, put));
}

/** Adds what a nested transaction may change; false when that collides. Its two branches may change the same keys. */
function mergeNested(changes: Changes, request: TxnRequest): boolean {
  const then = collectChanges(request.success);
  if (then === undefined) return false;
  const otherwise = collectChanges(request.failure);
  if (otherwise === undefined) return false;
  for (const put of then.puts) {
    if (changes.puts.has(put) || isDeleted(changes, put)) return false;
    changes.puts.add(put);
  }
  for (const put of otherwise.puts) {
    if (changes.puts.has(put) && !then.puts.has(put)) return false;
    if (isDeleted(changes, put)) return false;
    changes.puts.add(put);
  }
  for (const deletion of then.deletes) changes.deletes.push(deletion);
  for (const deletion of otherwise.deletes) changes.deletes.push(deletion);
  return true;
}

/** As before 3.3, when nothing was nested: list by list, first its operations, then the keys that are changed twice. */
function validateEarlyTxn(request: TxnRequest, opsMax: number, behaviours: MvccBehaviours): Refusal | undefined {
  const {compare, success, failure} = request;
  if (Math.max(compare.length, success.length, failure.length) > opsMax) return ERR_TOO_MANY_OPS;
  for (const {key} of compare) if (key.length === 0) return ERR_EMPTY_KEY;
  for (const ops of [success, failure]) {
    for (const op of ops) {
      const refusal = validateOp(op, 0, behaviours);
      if (refusal !== undefined) return refusal;
    }
    if (changesTwice(ops)) return ERR_DUPLICATE_KEY;
  }
  return undefined;
}

/**
 * Is a key put twice, or put and deleted? An open end counts as the smallest key, so what such a deletion meets is not what lies behind
 * its key but what lies before it. An answer of real etcd, kept. etcd 3.2: checkRequestDupKeys.
 */
function changesTwice(ops: readonly RequestOp[]): boolean {
  const puts = ops.flatMap((op) => (op.kind === 'put' ? [op.request.key] : []));
  const sorted = [...new Set(puts)].sort(compareByteStrings);
  if (sorted.length < puts.length) return true;
  if (sorted.length === 0) return false;
  const placeOf = (key: ByteString) => sorted.filter((put) => put < key).length;
  return ops.some((op) => {
    if (op.kind !== 'delete-range') return false;
    const {key, rangeEnd} = op.request;
    return rangeEnd === '' ? sorted.includes(key) : placeOf(key) !== placeOf(rangeEnd);
  });
}
