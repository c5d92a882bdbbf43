// reports/layout.ts: where things stand, in pixels, made once for a page: lanes from top to bottom, and the scale of time.
// Two pictures share one scale of time: above, what stays in sight (phases, faults, members); below, the clients, which scroll.
import type {RunHead} from './view-types.ts';

/** Time to pixels. `x` is d3's scale on the page and a plain function in a test. */
export interface Scales {
  readonly x: (us: number) => number;
  readonly fromUs: number;
  readonly toUs: number;
  /** Of the plot, without the gutter for names. */
  readonly width: number;
}

/** A strip of the picture. */
export interface Strip {
  readonly y: number;
  readonly height: number;
}

/** The upper picture. */
export interface TopLayout {
  readonly axis: Strip;
  readonly phases: Strip;
  /** The row of a fault. */
  readonly faultRow: (row: number) => Strip;
  readonly faults: Strip;
  readonly member: (position: number) => Strip;
  readonly members: Strip;
  readonly height: number;
}

/** Seconds above, flags of findings below. */
const AXIS_HEIGHT = 31;
const PHASE_HEIGHT = 18;
const FAULT_ROW_HEIGHT = 17;
const MEMBER_HEIGHT = 30;
const GAP = 6;

export function topLayout({faultRowCount, members, phases}: RunHead): TopLayout {
  const phasesY = AXIS_HEIGHT;
  const faultsY = phasesY + (phases.length === 0 ? 0 : PHASE_HEIGHT + 2);
  const faultsHeight = faultRowCount * FAULT_ROW_HEIGHT;
  const membersY = faultsY + faultsHeight + (faultRowCount === 0 ? 2 : GAP);
  const membersHeight = members.length * MEMBER_HEIGHT;
  return {
    axis: {y: 0, height: AXIS_HEIGHT},
    phases: {y: phasesY, height: PHASE_HEIGHT},
    faults: {y: faultsY, height: faultsHeight},
    faultRow: (row) => ({y: faultsY + row * FAULT_ROW_HEIGHT, height: FAULT_ROW_HEIGHT - 2}),
    member: (position) => ({y: membersY + position * MEMBER_HEIGHT, height: MEMBER_HEIGHT - 4}),
    members: {y: membersY, height: membersHeight},
    height: membersY + membersHeight + 2,
  };
}

/** Room for the frames of bars in the first and the last row. */
const MARGIN = 3;
/** Bars this high show their text above the marks of an order; lower ones have both in the middle. */
const TWO_LINES_HEIGHT = 28;

function heightOfRows(count: number): number {
  if (count <= 10) return TWO_LINES_HEIGHT + 6;
  if (count <= 24) return 24;
  return count <= 60 ? 17 : 12;
}

/** Where the text of a bar stands, from its upper edge. */
export function textMiddle(barHeight: number): number {
  return barHeight < TWO_LINES_HEIGHT ? barHeight / 2 : 8.5;
}

/** Where the mark of an order stands on a bar, from its upper edge. */
export function markMiddle(barHeight: number): number {
  return barHeight < TWO_LINES_HEIGHT ? barHeight / 2 : barHeight - 8;
}

/** The lower picture: rows of one height, a small gap between clients, less height when there are many. */
export interface ClientLayout {
  readonly rowHeight: number;
  readonly barHeight: number;
  readonly height: number;
  /** The strip of bars of a row; y is -1 for one that is hidden. */
  readonly row: (row: number) => Strip;
  /** The row at a height, or -1. */
  readonly rowAt: (y: number) => number;
}

/** `hidden` tells rows that a filter takes out; the others close up. */
export function clientLayout(rowCount: number, isHidden: (row: number) => boolean): ClientLayout {
  const places: number[] = [];
  const shown: number[] = [];
  for (let row = 0; row < rowCount; row++) {
    places.push(isHidden(row) ? -1 : shown.length);
    if (!isHidden(row)) shown.push(row);
  }
  const rowHeight = heightOfRows(shown.length);
  const barHeight = rowHeight - (rowHeight > 14 ? 5 : 3);
  const placeOf = (row: number) => {
    const place = places[row] ?? -1;
    return place < 0 ? -1 : place * rowHeight + MARGIN + Math.floor((rowHeight - barHeight) / 2);
  };
  return {
    rowHeight,
    barHeight,
    height: shown.length * rowHeight + 2 * MARGIN,
    row: (row) => ({y: placeOf(row), height: barHeight}),
    rowAt: (y) => shown[Math.floor((y - MARGIN) / rowHeight)] ?? -1,
  };
}
