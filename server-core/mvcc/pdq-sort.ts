// server-core/mvcc/pdq-sort.ts: the order in which Go's sort.Sort (since Go 1.19) leaves equal elements.
// It is pattern-defeating quicksort (Peters, arXiv 2106.05123), not stable, but a pure function of its input. etcd answers sorted
// ranges with it, so which of two pairs of equal version comes first is part of what a client of real etcd sees.
// Releases built with older compilers sort otherwise: quick-sort.ts.

type Less<T> = (a: T, b: T) => boolean;

/** Up to this length: insertion sort, which is stable. */
const INSERTION_MAX = 12;
/** From this length on a pivot is the median of medians, and nearly sorted input is repaired in place. */
const LONG = 50;
const REPAIRS_MAX = 5;
/** Every comparison of a ninther swapped: the input runs downwards. */
const NINTHER_SWAPS_MAX = 12;

/** Sorts in place; `draws`: which generator breaks patterns, that of Go 1.19 or that of later ones. */
export function pdqSort<T>(items: T[], less: Less<T>, draws: 'first' | 'later' = 'later'): void {
  new PdqSort(items, less, draws).sort(0, items.length, 32 - Math.clz32(items.length));
}

/** Bounds are [from, end) throughout. */
class PdqSort<T> {
  private readonly items: T[];
  private readonly isLessItem: Less<T>;
  private readonly draws: 'first' | 'later';
  private swaps = 0;

  constructor(items: T[], less: Less<T>, draws: 'first' | 'later') {
    this.draws = draws;
    this.items = items;
    this.isLessItem = less;
  }

  private less(i: number, j: number): boolean {
    return this.isLessItem(this.items[i] as T, this.items[j] as T);
  }

  private swap(i: number, j: number): void {
    const held = this.items[i] as T;
    this.items[i] = this.items[j] as T;
    this.items[j] = held;
  }

  /** `badPivotsMax` more unbalanced partitions are forgiven before it turns to heapsort. */
  sort(first: number, last: number, badPivotsMax: number): void {
    let [from, end, forgiven] = [first, last, badPivotsMax];
    let wasBalanced = true;
    let wasPartitioned = true;
    while (end - from > INSERTION_MAX) {
      const length = end - from;
      if (forgiven === 0) return this.heapSort(from, end);
      if (!wasBalanced) {
        this.scatter(from, end);
        forgiven--;
      }
      let pivot = this.choosePivot(from, end);
      let looksSorted = this.swaps === 0;
      if (this.swaps === NINTHER_SWAPS_MAX) {
        this.reverse(from, end);
        pivot = end - 1 - (pivot - from);
        looksSorted = true;
      }
      if (wasBalanced && wasPartitioned && looksSorted && this.repair(from, end)) return;
      // What lies before `from` is no greater; if the pivot is no greater than that, a run of equal elements begins here.
      if (from > 0 && !this.less(from - 1, pivot)) {
        from = this.partitionEqual(from, end, pivot);
        continue;
      }
      const {middle, alreadyDone} = this.partition(from, end, pivot);
      wasPartitioned = alreadyDone;
      const [before, behind] = [middle - from, end - middle];
      wasBalanced = Math.min(before, behind) >= Math.floor(length / 8);
      if (before < behind) {
        this.sort(from, middle, forgiven);
        from = middle + 1;
      } else {
        this.sort(middle + 1, end, forgiven);
        end = middle;
      }
    }
    this.insertionSort(from, end);
  }

  private insertionSort(from: number, end: number): void {
    for (let i = from + 1; i < end; i++) {
      for (let j = i; j > from && this.less(j, j - 1); j--) this.swap(j, j - 1);
    }
  }

  private heapSort(from: number, end: number): void {
    const length = end - from;
    for (let root = (length - 1) >> 1; root >= 0; root--) this.siftDown(root, length, from);
    for (let size = length - 1; size >= 0; size--) {
      this.swap(from, from + size);
      this.siftDown(0, size, from);
    }
  }

  private siftDown(top: number, size: number, from: number): void {
    let root = top;
    for (let child = 2 * root + 1; child < size; child = 2 * root + 1) {
      if (child + 1 < size && this.less(from + child, from + child + 1)) child++;
      if (!this.less(from + root, from + child)) return;
      this.swap(from + root, from + child);
      root = child;
    }
  }

  /** Index of the pivot; `swaps` tells how far the samples were from being sorted. */
  private choosePivot(from: number, end: number): number {
    this.swaps = 0;
    const quarter = (end - from) >> 2;
    let [low, middle, high] = [from + quarter, from + 2 * quarter, from + 3 * quarter];
    if (end - from >= LONG) {
      low = this.median(low - 1, low, low + 1);
      middle = this.median(middle - 1, middle, middle + 1);
      high = this.median(high - 1, high, high + 1);
    }
    return this.median(low, middle, high);
  }

  private median(first: number, second: number, third: number): number {
    let [low, middle] = this.ordered(first, second);
    [middle] = this.ordered(middle, third);
    [low, middle] = this.ordered(low, middle);
    return middle;
  }

  private ordered(i: number, j: number): [number, number] {
    if (!this.less(j, i)) return [i, j];
    this.swaps++;
    return [j, i];
  }

  /** Smaller than the pivot to the front, the pivot at `middle`. alreadyDone: nothing had to move. */
  private partition(from: number, end: number, pivot: number): {middle: number; alreadyDone: boolean} {
    this.swap(from, pivot);
    let [i, j] = [from + 1, end - 1];
    let alreadyDone = true;
    for (;;) {
      while (i <= j && this.less(i, from)) i++;
      while (i <= j && !this.less(j, from)) j--;
      if (i > j) break;
      alreadyDone = false;
      this.swap(i++, j--);
    }
    this.swap(j, from);
    return {middle: j, alreadyDone};
  }

  /** Equal to the pivot to the front, which has nothing smaller; returns where the greater ones begin. */
  private partitionEqual(from: number, end: number, pivot: number): number {
    this.swap(from, pivot);
    let [i, j] = [from + 1, end - 1];
    for (;;) {
      while (i <= j && !this.less(from, i)) i++;
      while (i <= j && this.less(from, j)) j--;
      if (i > j) return i;
      this.swap(i++, j--);
    }
  }

  /** Moves a few misplaced neighbours; true when everything is sorted then. */
  private repair(from: number, end: number): boolean {
    let at = from + 1;
    for (let repairs = 0; repairs < REPAIRS_MAX; repairs++) {
      while (at < end && !this.less(at, at - 1)) at++;
      if (at === end) return true;
      if (end - from < LONG) return false;
      this.swap(at, at - 1);
      // Go sinks the smaller one as far as index 1 of the whole list, not of this part.
      if (at - from >= 2) for (let j = at - 1; j >= 1 && this.less(j, j - 1); j--) this.swap(j, j - 1);
      if (end - at >= 2) for (let j = at + 1; j < end && this.less(j, j - 1); j++) this.swap(j, j - 1);
    }
    return false;
  }

  private reverse(from: number, end: number): void {
    for (let i = from, j = end - 1; i < j; i++, j--) this.swap(i, j);
  }

  /** Breaks a pattern that defeats the pivots: three elements of the middle go to places drawn from the length (xorshift). */
  private scatter(from: number, end: number): void {
    const length = end - from;
    const mask = BigInt(2 ** (32 - Math.clz32(length)) - 1);
    let draw = BigInt(length);
    // Go 1.19 took the shifts of a 32-bit generator for one of 64 bits; later ones mended that.
    const [right, left] = this.draws === 'first' ? [17n, 5n] : [7n, 17n];
    const middle = from + 2 * (length >> 2);
    for (let i = middle - 1; i <= middle + 1; i++) {
      draw = BigInt.asUintN(64, draw ^ (draw << 13n));
      draw ^= draw >> right;
      draw = BigInt.asUintN(64, draw ^ (draw << left));
      const place = Number(draw & mask);
      this.swap(i, from + (place >= length ? place - length : place));
    }
  }
}
