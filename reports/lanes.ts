// reports/lanes.ts: intervals into rows so that none overlaps another in its row, first fit in order of beginning.

export interface Interval {
  readonly fromUs: number;
  /** Not before `fromUs`. */
  readonly toUs: number;
}

export interface Packing {
  /** The row of each interval, from 0, in the order given. */
  readonly rows: readonly number[];
  readonly rowCount: number;
}

/** Rows for intervals in order of `fromUs`. With a limit, intervals that find no free row share the one that is free first. */
export function packRows(intervals: readonly Interval[], rowCountMax = Number.MAX_SAFE_INTEGER): Packing {
  const freeFromUs: number[] = [];
  const rows = intervals.map(({fromUs, toUs}) => {
    let row = freeFromUs.findIndex((freeUs) => freeUs <= fromUs);
    if (row === -1)
      row = freeFromUs.length < rowCountMax ? freeFromUs.length : freeFromUs.indexOf(Math.min(...freeFromUs));
    freeFromUs[row] = Math.max(freeFromUs[row] ?? 0, toUs);
    return row;
  });
  return {rows, rowCount: freeFromUs.length};
}
