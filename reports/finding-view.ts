// reports/finding-view.ts: a finding with what shows it: its operations, the orders around it, and the stretch to look at.
import {type ByteString, describeBytes} from '../base/byte-string.ts';
import type {Operation} from '../history/operation.ts';
import type {Finding} from '../history/verdict.ts';
import type {TextLimits} from './describe.ts';
import {isCovered, KnownStore, namedRanges} from './known-store.ts';
import type {Band, FindingView, OrderStep, OrderView} from './view-types.ts';

/** Orders of a finding, and steps of an order, that a page shows at most: the last ones before the error. */
const ORDER_COUNT_MAX = 8;
const STEP_COUNT_MAX = 200;
/** Findings whose orders are shown; those behind tell their message and operations only. */
const FINDINGS_WITH_ORDERS_MAX = 40;
const OPERATION_COUNT_MAX = 200;
/** What stands around the operations of a finding: half a second when they are all that is known of its place. */
const MARGIN_US = 500_000;
/** Steps of the order that the focus must hold. */
const FOCUS_STEP_COUNT = 12;

const STATE_TEXT: TextLimits = {valueSizeMax: 48, itemCountMax: 8};

interface FindingContext {
  /** Every key of the run, sorted. */
  readonly keys: readonly ByteString[];
  readonly endUs: number;
}

/** Findings, violations first and otherwise in order of time, those without a time last. `operations` in order of the columns. */
export function findingViews(
  findings: readonly Finding[],
  operations: readonly Operation[],
  context: FindingContext,
): FindingView[] {
  const position = new Map(operations.map(({id}, index) => [id, index]));
  const views = findings.map((finding, index) => {
    const own = positions(finding.operations ?? [], position).slice(0, OPERATION_COUNT_MAX);
    const blocked = own[0] === undefined ? undefined : operations[own[0]];
    const linearizations =
      index < FINDINGS_WITH_ORDERS_MAX ? (finding.linearizations ?? []).slice(0, ORDER_COUNT_MAX) : [];
    const orders = linearizations.map((ids) => orderView(positions(ids, position), blocked, operations, context));
    const atUs = finding.atUs ?? blocked?.returnUs ?? blocked?.callUs;
    return {
      check: finding.check,
      kind: finding.kind,
      message: finding.message,
      atUs,
      atEvent: finding.atEvent,
      key: finding.key === undefined ? undefined : describeBytes(finding.key),
      operations: own,
      orders,
      focus: focusOf(own.slice(0, 8), orders[0], atUs, {operations, endUs: context.endUs}),
    };
  });
  const rank = ({kind}: FindingView) => (kind === 'violation' ? 0 : 1);
  return views
    .map((view, index) => ({view, index}))
    .sort(
      (a, b) =>
        rank(a.view) - rank(b.view) ||
        (a.view.atUs ?? context.endUs + 1) - (b.view.atUs ?? context.endUs + 1) ||
        a.index - b.index,
    )
    .map(({view}) => view);
}

function positions(ids: readonly number[], position: ReadonlyMap<number, number>): number[] {
  return ids.map((id) => position.get(id)).filter((at) => at !== undefined);
}

function orderView(
  order: readonly number[],
  blocked: Operation | undefined,
  operations: readonly Operation[],
  {keys, endUs}: FindingContext,
): OrderView {
  const store = new KnownStore(keys);
  const points = linearizationPoints(order, operations, endUs);
  const hiddenCount = Math.max(0, order.length - STEP_COUNT_MAX);
  const steps: OrderStep[] = [];
  for (const [index, at] of order.entries()) {
    const operation = operations[at];
    if (operation === undefined) continue;
    store.place(operation);
    if (index < hiddenCount) continue;
    steps.push({
      operation: at,
      pointUs: points[index] ?? 0,
      after: store.describe(keysOf(operation, keys), STATE_TEXT),
    });
  }
  return {steps, hiddenCount, known: blocked && store.describe(keysOf(blocked, keys), STATE_TEXT)};
}

function keysOf({request}: Operation, keys: readonly ByteString[]): readonly ByteString[] {
  const found = new Set<ByteString>();
  for (const [key, end] of namedRanges(request)) {
    if (end === undefined) found.add(key);
    else for (const one of keys) if (isCovered(one, key, end)) found.add(one);
  }
  return [...found];
}

/** For each operation of an order a moment within its call and return, never before that of the one ahead of it. */
export function linearizationPoints(
  order: readonly number[],
  operations: readonly Operation[],
  endUs: number,
): readonly number[] {
  const earliest: number[] = [];
  let fromUs = 0;
  for (const at of order) {
    fromUs = Math.max(fromUs, operations[at]?.callUs ?? 0);
    earliest.push(fromUs);
  }
  const points: number[] = new Array<number>(order.length).fill(0);
  let toUs = endUs;
  for (let index = order.length - 1; index >= 0; index--) {
    const operation = operations[order[index] ?? -1];
    toUs = Math.min(toUs, operation?.returnUs ?? endUs);
    const low = earliest[index] ?? 0;
    // The middle keeps the order, as both bounds do. A doubtful order (serializable reads) may cross: then the later bound holds.
    points[index] = toUs < low ? low : Math.floor((low + toUs) / 2);
  }
  return points;
}

/** What to zoom to: the operations of the finding, the last steps of the order, and some room. */
function focusOf(
  own: readonly number[],
  order: OrderView | undefined,
  atUs: number | undefined,
  {operations, endUs}: {readonly operations: readonly Operation[]; readonly endUs: number},
): Band {
  let fromUs = Number.MAX_SAFE_INTEGER;
  let toUs = 0;
  const hold = (at: number) => {
    const operation = operations[at];
    if (operation === undefined) return;
    fromUs = Math.min(fromUs, operation.callUs);
    toUs = Math.max(toUs, operation.returnUs ?? operation.callUs);
  };
  const [blocked] = own;
  if (blocked !== undefined) hold(blocked);
  for (const {pointUs} of order?.steps.slice(-FOCUS_STEP_COUNT) ?? []) {
    fromUs = Math.min(fromUs, pointUs);
    toUs = Math.max(toUs, pointUs);
  }
  if (fromUs > toUs) {
    // A finding about the run as a whole, such as a mismatch at its end, has no place to go to.
    if (atUs === undefined) return {fromUs: 0, toUs: endUs};
    return {fromUs: Math.max(0, atUs - MARGIN_US), toUs: Math.min(endUs, atUs + MARGIN_US)};
  }
  const marginUs = Math.max(1_000, Math.floor((toUs - fromUs) / 4));
  return {fromUs: Math.max(0, fromUs - marginUs), toUs: Math.min(endUs, toUs + marginUs)};
}
