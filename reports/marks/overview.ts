// reports/marks/overview.ts: the whole run in one strip: how many operations were called when and how they ended, faults, findings.
import type {Scales} from '../layout.ts';
import {group, px, type SvgNode, shape} from '../svg.ts';
import {type FaultBand, type FindingView, type OperationColumns, OUTCOMES} from '../view-types.ts';

/** Width of one column in pixels. */
const BUCKET_WIDTH = 3;
const FAULT_HEIGHT = 4;

/** Columns of calls by outcome, a line of faults under them, ticks where findings show. */
export function overviewMark(
  columns: OperationColumns,
  {faults, findings}: {readonly faults: readonly FaultBand[]; readonly findings: readonly FindingView[]},
  scales: Scales,
  height: number,
): SvgNode {
  const room = height - FAULT_HEIGHT - 3;
  const nodes: SvgNode[] = [...bucketPaths(columns, scales, room)];
  for (const {family, fromUs, toUs} of faults) {
    const x = px(scales.x(fromUs));
    const width = px(Math.max(1, scales.x(toUs) - scales.x(fromUs)));
    nodes.push(shape('rect', {x, y: room + 2, width, height: FAULT_HEIGHT, class: `fault-strip ${family}`}));
  }
  for (const {atUs, kind} of findings) {
    if (atUs === undefined) continue;
    const x = px(scales.x(atUs));
    nodes.push(shape('line', {x1: x, x2: x, y1: 0, y2: height, class: `overview-finding ${kind}`}));
  }
  return group('overview-marks', nodes);
}

function bucketPaths(columns: OperationColumns, scales: Scales, room: number): SvgNode[] {
  const bucketCount = Math.max(1, Math.ceil(scales.width / BUCKET_WIDTH));
  const counts = OUTCOMES.map(() => new Int32Array(bucketCount));
  const totals = new Int32Array(bucketCount);
  let highest = 1;
  for (let i = 0; i < columns.count; i++) {
    const bucket = Math.min(
      bucketCount - 1,
      Math.max(0, Math.floor(scales.x(columns.callUs[i] as number) / BUCKET_WIDTH)),
    );
    const own = counts[columns.outcome[i] as number] as Int32Array;
    own[bucket] = (own[bucket] as number) + 1;
    totals[bucket] = (totals[bucket] as number) + 1;
    highest = Math.max(highest, totals[bucket] as number);
  }
  const base = new Int32Array(bucketCount);
  return OUTCOMES.map((outcome, position) => {
    const own = counts[position] as Int32Array;
    let path = '';
    for (let bucket = 0; bucket < bucketCount; bucket++) {
      const count = own[bucket] as number;
      if (count === 0) continue;
      const from = base[bucket] as number;
      const y = px(room - ((from + count) * room) / highest);
      path += `M${bucket * BUCKET_WIDTH},${px(room - (from * room) / highest)}V${y}h${BUCKET_WIDTH - 0.5}V${px(room - (from * room) / highest)}Z`;
      base[bucket] = from + count;
    }
    return shape('path', {d: path, class: `overview-calls ${outcome}`});
  });
}
