import {expect, test} from 'vitest';
import {type DrawnOp, drawPlan} from '../generator/draw-plan.ts';
import {featuresOf} from '../generator/features.ts';
import {flatten, type Op} from '../plan.ts';
import {shrinkPlan} from './shrink.ts';

const drawn = (name: string): DrawnOp => ({
  op: {op: 'call', rpc: name, member: 0, as: 'auto', request: {}},
  smaller: () => [],
});
const names = (plan: readonly Op[]): string[] => flatten(plan).map((op) => ('rpc' in op ? op.rpc : op.op));
const never = (): number => 0;

test('leaves what the difference needs, in order', async () => {
  const plan = Array.from({length: 64}, (_, index) => drawn(`op${index}`));
  const needs = ['op3', 'op40', 'op63'];
  const fails = async (ops: readonly Op[]) => needs.every((name) => names(ops).includes(name));
  const {plan: small, stoppedEarly} = await shrinkPlan(plan, fails, never, {triesMax: 500, msMax: 1});
  expect(names(small.map(({op}) => op))).toEqual(needs);
  expect(stoppedEarly).toBe(false);
});

test('a difference that the last operations show alone takes few tries', async () => {
  const plan = Array.from({length: 2_000}, (_, index) => drawn(`op${index}`));
  const fails = async (ops: readonly Op[]) => names(ops).includes('op1999') && names(ops).includes('op1997');
  const {plan: small, tries} = await shrinkPlan(plan, fails, never);
  expect(names(small.map(({op}) => op))).toEqual(['op1997', 'op1999']);
  expect(tries).toBeLessThan(10);
});

test('stops at its budget with the best so far, and says so', async () => {
  const plan = Array.from({length: 100}, (_, index) => drawn(`op${index}`));
  let tries = 0;
  const fails = async (ops: readonly Op[]) => {
    tries++;
    return ops.length > 30 && names(ops).includes('op99');
  };
  const shrunk = await shrinkPlan(plan, fails, never, {triesMax: 7, msMax: 1});
  expect(tries).toBe(7);
  expect(shrunk.stoppedEarly).toBe(true);
  expect(shrunk.plan.length).toBeGreaterThan(30);
  let nowMs = 0;
  const timed = await shrinkPlan(plan, fails, () => (nowMs += 10), {triesMax: 1_000, msMax: 35});
  expect(timed.stoppedEarly).toBe(true);
});

test('operations that fast-check drew get simpler requests', async () => {
  const plan = drawPlan(5, 300, featuresOf('3.5.16', 1, 5));
  const isRange = ({op}: DrawnOp): boolean =>
    op.op === 'call' &&
    op.rpc === 'KV/Range' &&
    Object.keys(op.request as object).length >= 4 &&
    'limit' in (op.request as object);
  const at = plan.findIndex(isRange);
  expect(at).toBeGreaterThanOrEqual(0);
  const fails = async (ops: readonly Op[]) => {
    const last = ops.at(-1);
    return last?.op === 'call' && last.rpc === 'KV/Range' && 'limit' in (last.request as object);
  };
  const {plan: small} = await shrinkPlan(plan.slice(0, at + 1), fails, never, {triesMax: 500, msMax: 1});
  // Some ranges are drawn with an end that they always have.
  const fields = small.map(({op}) => (op.op === 'call' ? Object.keys(op.request as object) : []));
  expect(fields.map((names) => names.filter((name) => name !== 'range_end'))).toEqual([['key', 'limit']]);
});
