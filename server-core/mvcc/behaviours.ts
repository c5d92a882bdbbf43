// server-core/mvcc/behaviours.ts: what the store does differently from release to release.
import {isAffected} from '../errata/registry.ts';
import {isSince} from '../release/release.ts';
import type {GoSort} from './go-sort.ts';

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
  /** What decides the order of equal elements in a sorted range. */
  readonly sort: GoSort;
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
    sort: isSince(release, '3.5.0') ? 'pdq' : isSince(release, '3.4.0') ? 'pdq-1.19' : 'quicksort',
  });
}
