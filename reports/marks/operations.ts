// reports/marks/operations.ts: operations as bars, one row a client, from call to return: what a canvas has to fill.
// Only what is in sight is visited, found by binary search; operations that fall on one pixel become one bar that shows
// the worst of them, so that a frame of 100,000 operations has at most as many bars as the picture has pixels.
import type {ClientLayout, Scales} from '../layout.ts';
import type {OperationColumns} from '../view-types.ts';

/** The operations of each row, in order of time: `order[starts[row]]` to `order[starts[row + 1] - 1]`. */
export interface RowIndex {
  readonly starts: Int32Array;
  readonly order: Int32Array;
}

/** Bars to draw; `style` is kind * 4 + outcome, or GHOST for one that a filter takes out. */
export interface BarList {
  readonly count: number;
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly width: Float32Array;
  readonly style: Uint8Array;
  /** The operation drawn, or the first of those that share the bar. */
  readonly operation: Int32Array;
}

export const GHOST = 255;
/** Narrower bars may share a pixel. */
const MERGE_WIDTH = 1.5;

/** Sorts operations into rows. Columns are in order of calls, so each row comes out in order too. */
export function rowIndex({count, row}: OperationColumns, rowCount: number): RowIndex {
  const starts = new Int32Array(rowCount + 1);
  for (let i = 0; i < count; i++) starts[(row[i] as number) + 1] = (starts[(row[i] as number) + 1] as number) + 1;
  for (let i = 0; i < rowCount; i++) starts[i + 1] = (starts[i + 1] as number) + (starts[i] as number);
  const next = starts.slice(0, rowCount);
  const order = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const at = next[row[i] as number] as number;
    order[at] = i;
    next[row[i] as number] = at + 1;
  }
  return {starts, order};
}

/** When an operation ends in the picture: an open one lasts to the end of the run. */
export function endOf(columns: OperationColumns, operation: number, endUs: number): number {
  const returnUs = columns.returnUs[operation] as number;
  return returnUs < 0 ? endUs : returnUs;
}

/** The place in `order` of a row's first operation that ends at or after a time; operations of a row do not overlap. */
export function firstEndingAfter(
  columns: OperationColumns,
  {starts, order}: RowIndex,
  row: number,
  us: number,
): number {
  let low = starts[row] as number;
  let high = starts[row + 1] as number;
  while (low < high) {
    const middle = (low + high) >> 1;
    const returnUs = columns.returnUs[order[middle] as number] as number;
    if (returnUs >= 0 && returnUs < us) low = middle + 1;
    else high = middle;
  }
  return low;
}

export interface OperationMarkOptions {
  readonly endUs: number;
  /** Rows in sight. */
  readonly rows: readonly number[];
  /** 0: a filter takes the operation out. */
  readonly isShown: (operation: number) => boolean;
}

/** The bars of the rows in sight. */
export function operationMark(
  columns: OperationColumns,
  index: RowIndex,
  {scales, layout}: {readonly scales: Scales; readonly layout: ClientLayout},
  {endUs, rows, isShown}: OperationMarkOptions,
): BarList {
  const bars = emptyBars(Math.min(columns.count, Math.ceil(rows.length * (scales.width + 4) * 2)));
  let count = 0;
  for (const row of rows) {
    const {y} = layout.row(row);
    const rowFrom = count;
    const stop = index.starts[row + 1] as number;
    for (let at = firstEndingAfter(columns, index, row, scales.fromUs); at < stop; at++) {
      const operation = index.order[at] as number;
      const callUs = columns.callUs[operation] as number;
      if (callUs > scales.toUs) break;
      const x = Math.max(-4, scales.x(callUs));
      const width = Math.max(1, Math.min(scales.width + 4, scales.x(endOf(columns, operation, endUs))) - x);
      const style = isShown(operation)
        ? (columns.kind[operation] as number) * 4 + (columns.outcome[operation] as number)
        : GHOST;
      const before = count - 1;
      if (width < MERGE_WIDTH && count > rowFrom && x - (bars.x[before] as number) < 1) {
        if (isWorse(style, bars.style[before] as number)) {
          bars.style[before] = style;
          bars.operation[before] = operation;
        }
        continue;
      }
      if (count === bars.x.length) break;
      bars.x[count] = x;
      bars.y[count] = y;
      bars.width[count] = width;
      bars.style[count] = style;
      bars.operation[count] = operation;
      count++;
    }
  }
  return {...bars, count};
}

function emptyBars(capacity: number): BarList {
  return {
    count: 0,
    x: new Float32Array(capacity),
    y: new Float32Array(capacity),
    width: new Float32Array(capacity),
    style: new Uint8Array(capacity),
    operation: new Int32Array(capacity),
  };
}

/** Ghosts give way to anything; otherwise the less usual outcome is shown. */
function isWorse(style: number, before: number): boolean {
  if (style === GHOST) return false;
  return before === GHOST || style % 4 > before % 4;
}
