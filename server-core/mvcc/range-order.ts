// server-core/mvcc/range-order.ts: a range's pairs in the order asked for. etcd: executeRange, which sorts with Go's sort.Sort.
// Pairs come in key order. Equal targets keep the order in which Go's sort leaves them, so that answers are equal to the real ones.

import {unreachable} from '../../base/assert.ts';
import {compareByteStrings} from '../../base/byte-string.ts';
import type {KeyValue, SortOrder, SortTarget} from '../etcdserverpb/types.ts';
import {pdqSort} from './pdq-sort.ts';

type Less = (a: KeyValue, b: KeyValue) => boolean;

const LESS = {
  key: (a: KeyValue, b: KeyValue) => compareByteStrings(a.key, b.key) < 0,
  version: (a: KeyValue, b: KeyValue) => a.version < b.version,
  create: (a: KeyValue, b: KeyValue) => a.createRevision < b.createRevision,
  mod: (a: KeyValue, b: KeyValue) => a.modRevision < b.modRevision,
  value: (a: KeyValue, b: KeyValue) => compareByteStrings(a.value, b.value) < 0,
} as const satisfies Record<string, Less>;

/** Sorts in place. Without an order, a target other than the key means ascending; by key they are ascending already. */
export function sortKeyValues(kvs: KeyValue[], target: SortTarget, order: SortOrder): void {
  if (target === 'key' && order !== 'descend') return;
  // The API refuses unknown targets and orders before they come here.
  if (typeof target === 'number' || typeof order === 'number') {
    return unreachable(target as never, 'an unknown sort option passed the validation');
  }
  const less: Less = LESS[target];
  pdqSort(kvs, order === 'descend' ? (a, b) => less(b, a) : less);
}
