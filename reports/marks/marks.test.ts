// Marks as data: what is drawn where, without a browser.
import {expect, test} from 'vitest';
import {clientLayout, type Scales, topLayout} from '../layout.ts';
import type {SvgNode} from '../svg.ts';
import {drawRecord, get, put, recordOf, staleRead} from '../testing/sample-record.ts';
import {runView} from '../view-model.ts';
import {eventMark} from './events.ts';
import {faultMark, faultStripMark} from './faults.ts';
import {findingMark} from './findings.ts';
import {memberMark} from './members.ts';
import {firstEndingAfter, GHOST, operationMark, rowIndex} from './operations.ts';
import {orderMark} from './order.ts';
import {overviewMark} from './overview.ts';
import {phaseMark} from './phases.ts';

const scalesOf = (fromUs: number, toUs: number, width = 1_000): Scales => ({
  x: (us) => ((us - fromUs) * width) / (toUs - fromUs),
  fromUs,
  toUs,
  width,
});

function flat(node: SvgNode): SvgNode[] {
  return [node, ...node.children.flatMap(flat)];
}
const texts = (node: SvgNode): string[] =>
  flat(node).flatMap(({text}) => (text === undefined || text === '' ? [] : [text]));
const withClass = (node: SvgNode, name: string): SvgNode[] =>
  flat(node).filter(({attributes}) =>
    String(attributes['class'] ?? '')
      .split(' ')
      .includes(name),
  );

const drawn = runView(
  drawRecord({
    seed: 9,
    operationCount: 2_000,
    clientCount: 5,
    keyCount: 4,
    meanUs: 6_000,
    valueSize: 6,
    withFaults: true,
    withViolation: true,
  }),
);
const {head} = drawn;
const layout = topLayout(head);
const whole = scalesOf(0, head.endUs);

test('members: a band a span, the term printed where there is room, symbols where something happened', () => {
  const bands = memberMark(head.members, whole, layout);
  expect(texts(bands)).toContain('leader · term 3');
  expect(withClass(bands, 'down').length).toBeGreaterThan(0);
  const symbols = eventMark(head.members, whole, layout);
  for (const kind of ['start', 'kill', 'power-off', 'panic', 'note']) expect(withClass(symbols, kind)).not.toEqual([]);
  expect(withClass(symbols, 'panic')[0]?.title).toMatch(/^m2 panicked: tocommit/);
});

test('a picture that is zoomed far in still tells role and fault at its left edge', () => {
  const near = scalesOf(Math.floor(head.endUs * 0.4), Math.floor(head.endUs * 0.4) + 1_000);
  expect(texts(memberMark(head.members, near, layout))).toContain('leader · term 3');
  expect(texts(faultMark(head.faults, near, layout)).some((text) => text.startsWith('partition m1'))).toBe(true);
  for (const {attributes} of flat(memberMark(head.members, near, layout)).filter(({tag}) => tag === 'rect')) {
    expect(Number(attributes['x'])).toBeGreaterThanOrEqual(-2);
    expect(Number(attributes['width'])).toBeLessThanOrEqual(1_004);
  }
});

test('thousands of role changes on one pixel are not thousands of elements', () => {
  const spans = Array.from({length: 20_000}, (_, at) => ({
    fromUs: at * 10,
    toUs: at * 10 + 10,
    role: 'follower' as const,
    term: at,
  }));
  const mark = memberMark([{name: 'm1', release: undefined, spans, events: []}], scalesOf(0, 200_000, 500), layout);
  expect(flat(mark).length).toBeLessThan(2_500);
});

test('faults: a band each, told in words, a strip under every member they hit, phases above', () => {
  const mark = faultMark(head.faults, whole, layout);
  expect(withClass(mark, 'fault').map(({title}) => title)).toContainEqual(
    expect.stringMatching(/^partition of m1 \(isolate/),
  );
  expect(withClass(faultStripMark(head.faults, whole, layout), 'fault-strip')).toHaveLength(
    head.faults.reduce((sum, {members}) => sum + members.length, 0),
  );
  expect(texts(phaseMark(head.phases, whole, layout)).join()).toMatch(/safety.*liveness/);
});

test('findings: a flag where they show, the active one strong', () => {
  const mark = findingMark(head.findings, 1, whole, 300);
  expect(withClass(mark, 'flag')).toHaveLength(2); // the third has no time
  expect(withClass(mark, 'active').map(({ref}) => ref)).toEqual(['finding:1']);
});

test('operations: bars in sight only, merged on a pixel to the worst outcome, ghosts for those filtered out', () => {
  const operations = [
    ...Array.from({length: 1_000}, (_, at) => put(at, 0, [at * 10, at * 10 + 9], 'k', 'v', at + 2)),
    get(1_000, 1, [0, 9_000], 'k', undefined, 2),
  ].map((one) => (one.id === 505 ? {...one, outcome: {kind: 'error', error: 'e', effect: 'unknown'} as const} : one));
  const view = runView(recordOf({operations}));
  const index = rowIndex(view.operations, view.head.rowCount);
  const rows = clientLayout(view.head.rowCount, () => false);
  const draw = (scales: Scales, isShown: (operation: number) => boolean = () => true) =>
    operationMark(view.operations, index, {scales, layout: rows}, {endUs: view.head.endUs, rows: [0, 1], isShown});
  const far = draw(scalesOf(0, 10_000, 100));
  expect(far.count).toBeLessThanOrEqual(102);
  const styles = [...far.style.subarray(0, far.count)];
  expect(styles.filter((style) => style % 4 === 2)).toHaveLength(1); // the one error is to be seen among a thousand
  const near = draw(scalesOf(1_000, 1_100));
  expect([...near.operation.subarray(0, near.count)].map((at) => view.operations.callUs[at])).toEqual([
    1000, 1010, 1020, 1030, 1040, 1050, 1060, 1070, 1080, 1090, 1100, 0,
  ]);
  const ghosts = draw(scalesOf(1_000, 1_100), () => false);
  expect([...ghosts.style.subarray(0, ghosts.count)].every((style) => style === GHOST)).toBe(true);
});

test('binary search agrees with looking at all', () => {
  const {operations} = drawn;
  const index = rowIndex(operations, head.rowCount);
  for (let row = 0; row < head.rowCount; row++) {
    for (let us = 0; us < head.endUs; us += Math.floor(head.endUs / 40)) {
      const own = index.order.subarray(index.starts[row], index.starts[row + 1]);
      const slow = own.findIndex((at) => (operations.returnUs[at] ?? -1) < 0 || (operations.returnUs[at] ?? -1) >= us);
      expect(firstEndingAfter(operations, index, row, us)).toBe(
        (index.starts[row] ?? 0) + (slow === -1 ? own.length : slow),
      );
    }
  }
});

test('an order: numbered marks joined by a line, a cross on what cannot come next', () => {
  const view = runView(staleRead());
  const [finding] = view.head.findings;
  const [order] = finding?.orders ?? [];
  if (finding === undefined || order === undefined) throw new Error('the record has a finding with an order');
  const place = {scales: scalesOf(0, 14_000), layout: clientLayout(view.head.rowCount, () => false)};
  const mark = orderMark(finding, order, view.operations, place, () => true);
  expect(texts(mark)).toEqual(['1', '2', '3']);
  expect(withClass(mark, 'order-blocked').map(({ref}) => ref)).toEqual(['operation:3']);
  const points = String(withClass(mark, 'order-line')[0]?.attributes['points'])
    .split(' ')
    .map((pair) => Number(pair.split(',')[0]));
  expect(points).toEqual([...points].sort((a, b) => a - b));
  expect(texts(orderMark(finding, order, view.operations, place, (at) => at !== 1))).toEqual(['1', '3']);
});

test('the overview counts every operation once', () => {
  const mark = overviewMark(drawn.operations, head, whole, 40);
  const areas = withClass(mark, 'overview-calls').map(({attributes}) => String(attributes['d']));
  expect(areas.every((path) => !path.includes('NaN'))).toBe(true);
  expect(areas[0]?.length).toBeGreaterThan(100);
  expect(withClass(mark, 'overview-finding')).toHaveLength(2);
});

test('marks of one view are equal', () => {
  const draw = () =>
    JSON.stringify([
      memberMark(head.members, whole, layout),
      faultMark(head.faults, whole, layout),
      overviewMark(drawn.operations, head, whole, 40),
    ]);
  expect(draw()).toBe(draw());
});
