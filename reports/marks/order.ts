// reports/marks/order.ts: a partial linearization on the bars: numbered marks joined by a line, in the order found, and a cross on
// the operation that cannot come next.
import {type ClientLayout, markMiddle, type Scales} from '../layout.ts';
import {group, label, px, type SvgNode, shape} from '../svg.ts';
import type {FindingView, OperationColumns, OrderView} from '../view-types.ts';

/** Marks closer than this to the one before lose their number, not their dot. */
const NUMBER_GAP = 15;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** The order as line and marks. Steps that a filter takes out, by row or by themselves, are left out. */
export function orderMark(
  {operations: [blocked]}: FindingView,
  order: OrderView,
  columns: OperationColumns,
  {scales, layout}: {readonly scales: Scales; readonly layout: ClientLayout},
  isShown: (operation: number) => boolean,
): SvgNode {
  const middle = (operation: number) => {
    const strip = layout.row(columns.row[operation] as number);
    return strip.y < 0 ? undefined : strip.y + markMiddle(strip.height);
  };
  const line: Point[] = [];
  const marks: SvgNode[] = [];
  const numbered: Point[] = [];
  for (const [index, {operation, pointUs}] of order.steps.entries()) {
    const y = middle(operation);
    if (y === undefined || !isShown(operation)) continue;
    const point = {x: px(Math.max(-50, Math.min(scales.width + 50, scales.x(pointUs)))), y};
    line.push(point);
    if (point.x < -10 || point.x > scales.width + 10) continue;
    const number = order.hiddenCount + index + 1;
    const isFree = numbered.every((one) => Math.abs(one.x - point.x) >= NUMBER_GAP || one.y !== y);
    if (isFree) numbered.push(point);
    marks.push(stepNode(point, isFree ? String(number) : '', `${number}. in the order found`, operation));
  }
  const nodes = [polyline(line, 'order-line')];
  const blockedY = blocked === undefined ? undefined : middle(blocked);
  if (blocked !== undefined && blockedY !== undefined) {
    const callUs = columns.callUs[blocked] as number;
    const lastUs = order.steps.at(-1)?.pointUs ?? callUs;
    const returnUs = columns.returnUs[blocked] as number;
    const atUs = Math.max(callUs, returnUs < 0 ? lastUs : Math.min(returnUs, lastUs));
    const point = {x: px(Math.max(-50, Math.min(scales.width + 50, scales.x(atUs)))), y: blockedY};
    const last = line.at(-1);
    if (last !== undefined) nodes.push(polyline([last, point], 'order-line blocked'));
    marks.push(blockedNode(point, blocked));
  }
  return group('order', [...nodes, ...marks]);
}

function polyline(points: readonly Point[], className: string): SvgNode {
  return shape('polyline', {points: points.map((point) => `${point.x},${point.y}`).join(' '), class: className});
}

function stepNode({x: at, y}: Point, number: string, title: string, operation: number): SvgNode {
  const nodes = [shape('circle', {cx: at, cy: y, r: number === '' ? 2.5 : 3 + 2.5 * number.length})];
  if (number !== '') nodes.push(label(number, {x: at, y: y + 3.2}));
  return group('order-step', nodes, {title, ref: `operation:${operation}`});
}

function blockedNode({x: at, y}: Point, operation: number): SvgNode {
  return group(
    'order-blocked',
    [
      shape('circle', {cx: at, cy: y, r: 8}),
      shape('path', {d: 'M-3.5,-3.5L3.5,3.5M3.5,-3.5L-3.5,3.5', transform: `translate(${at},${y})`}),
    ],
    {title: 'cannot be placed next', ref: `operation:${operation}`},
  );
}
