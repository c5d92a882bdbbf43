// server-core/mvcc/compare.ts: does a comparison of a transaction hold? etcd: server/etcdserver/txn/txn.go (applyCompare).
import {compareByteStrings} from '../../base/byte-string.ts';
import type {LeaseId} from '../../base/ids.ts';
import type {Compare, CompareResult, KeyValue} from '../etcdserverpb/types.ts';
import {NO_LEASE} from '../etcdserverpb/types.ts';

/** What an absent key counts as, its value apart. */
const ABSENT: KeyValue = Object.freeze({
  key: '',
  createRevision: 0,
  modRevision: 0,
  version: 0,
  value: '',
  lease: NO_LEASE,
});

/**
 * Does the comparison hold for all of the pairs that its range shows? `takesAbsent`: an operand that is not there, or of another kind
 * than the target, counts as zero; otherwise everything is equal to it.
 */
export function isSatisfied(compare: Compare, kvs: readonly KeyValue[], takesAbsent = true): boolean {
  // There is no way to name a missing value, so comparing one fails; versions and revisions of a missing key are zero.
  if (kvs.length === 0 && compare.target === 'value') return false;
  if (!takesAbsent && compare.operand?.kind !== compare.target) return fits(compare.result, 0);
  if (kvs.length === 0) return holds(compare, ABSENT);
  for (const kv of kvs) if (!holds(compare, kv)) return false;
  return true;
}

function holds(compare: Compare, kv: KeyValue): boolean {
  return fits(compare.result, order(compare, kv));
}

/** Below, at or above the operand: negative, zero, positive. An operand of another kind than the target counts as zero. */
function order({target, operand}: Compare, kv: KeyValue): number {
  switch (target) {
    case 'version':
      return kv.version - (operand?.kind === 'version' ? operand.number : 0);
    case 'create':
      return kv.createRevision - (operand?.kind === 'create' ? operand.number : 0);
    case 'mod':
      return kv.modRevision - (operand?.kind === 'mod' ? operand.number : 0);
    case 'value':
      return compareByteStrings(kv.value, operand?.kind === 'value' ? operand.value : '');
    case 'lease':
      return compareLeases(kv.lease, operand?.kind === 'lease' ? operand.lease : NO_LEASE);
    default:
      return 0; // a target of a later release
  }
}

/** As int64: ids from 8000000000000000 on are negative. */
function compareLeases(a: LeaseId, b: LeaseId): number {
  const isNegativeA = a >= '8';
  const isNegativeB = b >= '8';
  if (isNegativeA !== isNegativeB) return isNegativeA ? -1 : 1;
  return compareByteStrings(a, b);
}

function fits(result: CompareResult, order: number): boolean {
  switch (result) {
    case 'equal':
      return order === 0;
    case 'not-equal':
      return order !== 0;
    case 'greater':
      return order > 0;
    case 'less':
      return order < 0;
    default:
      return true; // a relation of a later release
  }
}
