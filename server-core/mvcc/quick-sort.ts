// server-core/mvcc/quick-sort.ts: the order in which Go's sort.Sort left equal elements before Go 1.19: in releases up to 3.3.
// Quicksort with a median of three (of nine for long input), elements equal to the pivot gathered in the middle (Bentley and
// McIlroy, "Engineering a Sort Function"), heapsort when it goes too deep, and for short input one pass at distance six in
// front of insertion sort, which is why even short ranges are not sorted stably.

type Less<T> = (a: T, b: T) => boolean;

const SHORT_MAX = 12;
const SHELL_DISTANCE = 6;
const NINTHER_MIN = 40;
/** Few elements behind the pivot: gathering its equals is worth while. */
const FEW_BEHIND = 5;

/** Sorts in place. */
export function quickSort<T>(items: T[], less: Less<T>): void {
  const depthMax = 2 * (32 - Math.clz32(items.length));
  new QuickSort(items, less).sort(0, items.length, depthMax);
}

/** Bounds are [from, end) throughout. */
class QuickSort<T> {
  private readonly items: T[];
  private readonly isLessItem: Less<T>;

  constructor(items: T[], less: Less<T>) {
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

  sort(first: number, last: number, depthMax: number): void {
    let [from, end, depth] = [first, last, depthMax];
    while (end - from > SHORT_MAX) {
      if (depth-- === 0) return this.heapSort(from, end);
      const [before, behind] = this.partition(from, end);
      // The smaller side by recursion, the larger one by the loop.
      if (before - from < end - behind) {
        this.sort(from, before, depth);
        from = behind;
      } else {
        this.sort(behind, end, depth);
        end = before;
      }
    }
    for (let i = from + SHELL_DISTANCE; i < end; i++) {
      if (this.less(i, i - SHELL_DISTANCE)) this.swap(i, i - SHELL_DISTANCE);
    }
    for (let i = from + 1; i < end; i++) {
      for (let j = i; j > from && this.less(j, j - 1); j--) this.swap(j, j - 1);
    }
  }

  /** Afterwards [from, first) is below the pivot, [first, second) equal to it, [second, end) above. */
  private partition(from: number, end: number): readonly [number, number] {
    const middle = (from + end) >>> 1;
    this.placePivot(from, middle, end);
    let low = from + 1;
    let high = end - 1;
    while (low < high && this.less(low, from)) low++;
    let at = low;
    for (;;) {
      while (at < high && !this.less(from, at)) at++;
      while (at < high && this.less(from, high - 1)) high--;
      if (at >= high) break;
      this.swap(at++, --high);
    }
    let gathers = end - high < FEW_BEHIND;
    if (!gathers && end - high < Math.floor((end - from) / 4)) {
      // Three samples tell whether there are many equals.
      let equals = 0;
      if (!this.less(from, end - 1)) {
        this.swap(high++, end - 1);
        equals++;
      }
      if (!this.less(at - 1, from)) {
        at--;
        equals++;
      }
      if (!this.less(middle, from)) {
        this.swap(middle, --at);
        equals++;
      }
      gathers = equals > 1;
    }
    if (gathers) at = this.gatherEquals(from, low, at);
    this.swap(from, at - 1);
    return [at - 1, high];
  }

  /** Moves elements equal to the pivot, which lies at `pivot`, to the end of [low, end); returns where they begin. */
  private gatherEquals(pivot: number, low: number, end: number): number {
    let [left, right] = [low, end];
    for (;;) {
      while (left < right && !this.less(right - 1, pivot)) right--;
      while (left < right && this.less(left, pivot)) left++;
      if (left >= right) return right;
      this.swap(left++, --right);
    }
  }

  /** The median of three, or of three medians, goes to the front. */
  private placePivot(from: number, middle: number, end: number): void {
    const length = end - from;
    if (length > NINTHER_MIN) {
      const step = Math.floor(length / 8);
      this.medianOfThree(from, from + step, from + 2 * step);
      this.medianOfThree(middle, middle - step, middle + step);
      this.medianOfThree(end - 1, end - 1 - step, end - 1 - 2 * step);
    }
    this.medianOfThree(from, middle, end - 1);
  }

  /** Orders the three so that the median comes to `median`. */
  private medianOfThree(median: number, low: number, high: number): void {
    if (this.less(median, low)) this.swap(median, low);
    if (!this.less(high, median)) return;
    this.swap(high, median);
    if (this.less(median, low)) this.swap(median, low);
  }

  private heapSort(from: number, end: number): void {
    const length = end - from;
    for (let i = (length - 1) >> 1; i >= 0; i--) this.siftDown(from, i, length);
    for (let i = length - 1; i >= 0; i--) {
      this.swap(from, from + i);
      this.siftDown(from, 0, i);
    }
  }

  private siftDown(from: number, start: number, length: number): void {
    let root = start;
    for (;;) {
      let child = 2 * root + 1;
      if (child >= length) return;
      if (child + 1 < length && this.less(from + child, from + child + 1)) child++;
      if (!this.less(from + root, from + child)) return;
      this.swap(from + root, from + child);
      root = child;
    }
  }
}
