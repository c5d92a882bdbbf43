// live/generator/draw-plan.ts: draws a plan from a seed, operation by operation, keeping what fast-check needs to shrink each.
// A plan is made of stretches with a flavour (keys, watches, leases, …), so that features meet in many combinations.
import * as fc from 'fast-check';
import {assert} from '../../base/assert.ts';
import {Random} from '../../base/random.ts';
import {countOps, type Op, type SingleOp} from '../plan.ts';
import type {Features} from './arbitraries.ts';
import {flavours} from './flavours.ts';

const STRETCH_OPS_MIN = 20;
const STRETCH_OPS_MAX = 90;
/** How often the seldom operation of a flavour comes between the others. */
const SELDOM = {numerator: 1, denominator: 60};

/** An operation with the arbitrary that drew it: shrinking asks it for smaller ones. */
export interface DrawnOp {
  readonly op: Op;
  /** Smaller operations of the same kind, the simplest first. */
  smaller(): Iterable<DrawnOp>;
}

/** How often a call, or the message that opens a stream, requires a leader. */
const REQUIRE_LEADER = {numerator: 1, denominator: 15};

/** The operation, some of its requests requiring a leader; the first smaller one is what was drawn without that. */
function requiring(plain: DrawnOp, random: Random): DrawnOp {
  const one = (op: SingleOp): SingleOp =>
    'request' in op && random.chance(REQUIRE_LEADER) ? {...op, requireLeader: true} : op;
  const {op} = plain;
  if (op.op === 'group') {
    const ops = op.ops.map(one);
    return ops.every((each, index) => each === op.ops[index]) ? plain : changed(plain, {...op, ops});
  }
  const required = one(op);
  return required === op ? plain : changed(plain, required);
}

const changed = (plain: DrawnOp, op: Op): DrawnOp => ({
  op,
  *smaller() {
    yield plain;
    for (const next of plain.smaller()) {
      yield next;
      if (next.op.op !== 'group' && 'request' in next.op) yield changed(next, {...next.op, requireLeader: true});
    }
  },
});

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
  // What was added later draws from streams of its own: whatever else a seed draws stays what it was.
  const seldom = random.stream('seldom');
  const leader = random.stream('require leader');
  const seldomSource = new fc.Random(makeSource(seldom.int32()));
  const choices = flavours(features);
  const weightSum = choices.reduce((sum, {weight}) => sum + weight, 0);
  const plan: DrawnOp[] = [];
  /** All operations, and those that the stretches are made of. */
  let [total, count] = [0, 0];
  const add = (next: DrawnOp): number => {
    const size = countOps([next.op]);
    plan.push(requiring(next, leader));
    total += size;
    return size;
  };
  while (total < opCount) {
    let ticket = random.below(weightSum);
    const flavour = choices.find(({weight}) => {
      ticket -= weight;
      return ticket < 0;
    });
    assert(flavour !== undefined, 'a ticket below the sum of weights wins', {weightSum});
    const end = count + random.between(STRETCH_OPS_MIN, STRETCH_OPS_MAX);
    while (count < end && total < opCount) {
      count += add(drawn(flavour.arbitrary, flavour.arbitrary.generate(source, undefined)));
      if (flavour.seldom === undefined || !seldom.chance(SELDOM)) continue;
      add(drawn(flavour.seldom, flavour.seldom.generate(seldomSource, undefined)));
    }
  }
  return plan;
}
