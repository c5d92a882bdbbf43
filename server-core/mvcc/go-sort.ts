// server-core/mvcc/go-sort.ts: sort.Sort as the Go that built a release has it: what it does with equal elements is seen in answers.
import {pdqSort} from './pdq-sort.ts';
import {quickSort} from './quick-sort.ts';

/**
 * Quicksort up to Go 1.18; from 1.19 pattern-defeating quicksort, whose drawn swaps were others at first. It belongs to the build,
 * not to etcd's source: 3.3.25 (Go 1.15), 3.4.23 (1.19) and 3.5.16 (1.24) as Debian builds them are what is played.
 */
export type GoSort = 'quicksort' | 'pdq-1.19' | 'pdq';

/** Sorts in place. */
export function sortLikeGo<T>(items: T[], less: (a: T, b: T) => boolean, sort: GoSort): void {
  if (sort === 'quicksort') quickSort(items, less);
  else pdqSort(items, less, sort === 'pdq-1.19' ? 'first' : 'later');
}
