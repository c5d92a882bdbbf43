// server-core/mvcc/behaviours.ts: what the store does differently from release to release.
import {isAffected} from '../errata/registry.ts';
import {isSince} from '../release/release.ts';
import type {GoSort} from './go-sort.ts';
import type {KnownFields} from './known-fields.ts';
import {knownFieldsOf} from './known-fields.ts';

export interface MvccBehaviours {
  /**
   * Which of several bad operations of a transaction names the error: the first listed (3.6 on), or the first bad put and only
   * then the first bad range.
   */
  readonly txnCheckOrder: 'as-listed' | 'puts-first';
  /** A range with an unknown sort order or target is refused: 3.6 on. */
  readonly refusesUnknownSort: boolean;
  /** A range of keys only is answered from the index, which knows no leases, unless it is sorted by value: 3.7.0 on. */
  readonly keysOnlyDropsLease: boolean;
  /** Compaction keeps a deletion exactly at its revision: erratum 18089. */
  readonly keepsTombstoneAtCompaction: boolean;
  /** HashKV answers at the compact revision itself (14325): 3.4.27, 3.5.10, 3.6.0. */
  readonly hashesAtCompactRevision: boolean;
  /** The hashes of finished compactions are kept and answered: 3.5.5, 3.6.0. */
  readonly keepsCompactionHashes: boolean;
  /** A store never comes up below a compaction that was scheduled: erratum 17780. */
  readonly raisesRevisionToScheduledCompaction: boolean;
  /**
   * A deletion that is all that is left of a key comes back when a store is opened (19179): 3.4.36, 3.5.18, 3.6.0. Before, it is passed
   * over, which no one could see as long as compaction removed such deletions (18089). In 3.4.34, 3.4.35, 3.5.16 and 3.5.17, which keep
   * one at the compact revision, a compaction that goes on after a restart does not know it and removes it: a watch from there, which is
   * allowed, is not told. etcd: restoreIntoIndex, keyIndex.restoreTombstone.
   */
  readonly restoresLoneTombstone: boolean;
  /** What decides the order of equal elements in a sorted range. */
  readonly sort: GoSort;
  /** The fields of requests that the release knows; undefined: all. */
  readonly knownFields: KnownFields | undefined;
  /**
   * How a transaction is found to change a key twice. intervals: deletions are intervals, nested ones included (3.3.0). sorted-puts: the
   * places of a deletion's two ends among the sorted keys that are put must be the same.
   */
  readonly duplicateKeys: 'intervals' | 'sorted-puts';
  /**
   * An operation without a request is refused: 3.2.1 on. Before, it is passed over, and its answer, which is not there either, ends the
   * process of the member that was asked as it is put on the wire (ResponseOp.Size of nothing).
   */
  readonly refusesEmptyOps: boolean;
  /** A comparison whose operand is not there, or of another kind, compares with zero: 3.3.0 on. Before, everything is equal to it. */
  readonly comparesWithAbsentOperand: boolean;
  /** A range with a target to sort by, but no order, comes in ascending order: 3.1.0 on. Before, in that of its keys. */
  readonly sortsByTargetAlone: boolean;
  /**
   * The header of a transaction tells the revision behind it. expected: one more as soon as one of its operations is no range, even if
   * that deleted nothing: 3.0. actual: 3.1.0 on (commit 92a0f08).
   */
  readonly txnRevision: 'actual' | 'expected';
}

/** The behaviours of a release. */
export function mvccBehaviours(release: string): MvccBehaviours {
  const has36 = isSince(release, '3.6.0');
  return Object.freeze({
    txnCheckOrder: has36 ? 'as-listed' : 'puts-first',
    refusesUnknownSort: has36,
    keysOnlyDropsLease: isSince(release, '3.7.0'),
    keepsTombstoneAtCompaction: !isAffected('18089', release),
    hashesAtCompactRevision: isSince(release, '3.4.27', '3.5.10', '3.6.0'),
    keepsCompactionHashes: isSince(release, '3.5.5', '3.6.0'),
    raisesRevisionToScheduledCompaction: !isAffected('17780', release),
    restoresLoneTombstone: isSince(release, '3.4.36', '3.5.18', '3.6.0'),
    sort: isSince(release, '3.5.0') ? 'pdq' : isSince(release, '3.4.0') ? 'pdq-1.19' : 'quicksort',
    knownFields: knownFieldsOf(release),
    duplicateKeys: isSince(release, '3.3.0') ? 'intervals' : 'sorted-puts',
    refusesEmptyOps: isSince(release, '3.2.1', '3.3.0'),
    comparesWithAbsentOperand: isSince(release, '3.3.0'),
    sortsByTargetAlone: isSince(release, '3.1.0'),
    txnRevision: isSince(release, '3.1.0') ? 'actual' : 'expected',
  });
}
