// server-core/mvcc/range-order.ts: a range's pairs in the order asked for. etcd: executeRange, which sorts with Go's sort.Sort.
// Pairs come in key order. Equal targets keep the order in which Go's sort leaves them, so that answers are equal to the real ones.

import {assert} from '../../base/assert.ts';
import {compareByteStrings} from '../../base/byte-string.ts';
import type {KeyValue, SortOrder, SortTarget} from '../etcdserverpb/types.ts';
import type {GoSort} from './go-sort.ts';
import {sortLikeGo} from './go-sort.ts';

type Less = (a: KeyValue, b: KeyValue) => boolean;

const LESS = {
  key: (a: KeyValue, b: KeyValue) => compareByteStrings(a.key, b.key) < 0,
  version: (a: KeyValue, b: KeyValue) => a.version < b.version,
  create: (a: KeyValue, b: KeyValue) => a.createRevision < b.createRevision,
  mod: (a: KeyValue, b: KeyValue) => a.modRevision < b.modRevision,
  value: (a: KeyValue, b: KeyValue) => compareByteStrings(a.value, b.value) < 0,
} as const satisfies Record<string, Less>;

/**
 * Sorts in place. Without an order, a target other than the key means ascending; by key they are ascending already. Releases
 * that let unknown options pass leave the pairs alone for an unknown order, and die of an unknown target.
 */
export function sortKeyValues(kvs: KeyValue[], target: SortTarget, order: SortOrder, sort: GoSort): void {
  if (typeof order === 'number' || (target === 'key' && order !== 'descend')) return;
  assert(typeof target !== 'number', 'a range is sorted by nothing that is known', {target});
  const less: Less = LESS[target];
  const inOrder: Less = order === 'descend' ? (a, b) => less(b, a) : less;
  sortLikeGo(kvs, inOrder, sort);
}
