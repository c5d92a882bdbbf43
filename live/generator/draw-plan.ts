// live/generator/draw-plan.ts: draws a plan from a seed, operation by operation, keeping what fast-check needs to shrink each.
// A plan is made of stretches with a flavour (keys, watches, leases, …), so that features meet in many combinations.
import * as fc from 'fast-check';
import {assert} from '../../base/assert.ts';
import {Random} from '../../base/random.ts';
import type {Op} from '../plan.ts';
import type {Features} from './arbitraries.ts';
import {flavours} from './flavours.ts';

const STRETCH_OPS_MIN = 20;
const STRETCH_OPS_MAX = 90;

/** An operation with the arbitrary that drew it: shrinking asks it for smaller ones. */
export interface DrawnOp {
  readonly op: Op;
  /** Smaller operations of the same kind, the simplest first. */
  smaller(): Iterable<DrawnOp>;
}

/** A source of numbers as fast-check wants it: splitmix32, which can be cloned. */
interface Source {
  clone(): Source;
  next(): number;
  getState(): readonly number[];
}

function makeSource(seed: number): Source {
  let state = seed | 0;
  return {
    clone: () => makeSource(state),
    next() {
      state = (state + 0x9e3779b9) | 0;
      let mixed = state ^ (state >>> 16);
      mixed = Math.imul(mixed, 0x21f0aaad);
      mixed ^= mixed >>> 15;
      mixed = Math.imul(mixed, 0x735a2d97);
      return (mixed ^ (mixed >>> 15)) | 0;
    },
    getState: () => [state],
  };
}

function drawn(arbitrary: fc.Arbitrary<Op>, value: fc.Value<Op>): DrawnOp {
  return {
    op: value.value,
    *smaller() {
      for (const next of arbitrary.shrink(value.value_, value.context)) yield drawn(arbitrary, next);
    },
  };
}

/** The plan of a seed: `opCount` operations, groups counting as many as they hold. */
export function drawPlan(seed: number, opCount: number, features: Features): DrawnOp[] {
  const random = Random.fromSeed(seed).stream('compare');
  const source = new fc.Random(makeSource(random.int32()));
  const choices = flavours(features);
  const weightSum = choices.reduce((sum, {weight}) => sum + weight, 0);
  const plan: DrawnOp[] = [];
  let count = 0;
  while (count < opCount) {
    let ticket = random.below(weightSum);
    const flavour = choices.find(({weight}) => {
      ticket -= weight;
      return ticket < 0;
    });
    assert(flavour !== undefined, 'a ticket below the sum of weights wins', {weightSum});
    const end = Math.min(opCount, count + random.between(STRETCH_OPS_MIN, STRETCH_OPS_MAX));
    while (count < end) {
      const next = drawn(flavour.arbitrary, flavour.arbitrary.generate(source, undefined));
      plan.push(next);
      count += next.op.op === 'group' ? next.op.ops.length : 1;
    }
  }
  return plan;
}
