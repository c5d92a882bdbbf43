import {describe, expect, test} from 'vitest';
import {countOps, flatten, type Op, type SingleOp} from '../plan.ts';
import {loadCodec, type Plain} from '../rpc/codec.ts';
import {drawPlan} from './draw-plan.ts';
import {commonFeatures, featuresOf} from './features.ts';

const planOf = (seed: number, count: number, release = '3.5.16', members = 1) =>
  drawPlan(seed, count, featuresOf(release, members, seed)).map(({op}) => op);

test('a seed draws one plan, another seed another', () => {
  expect(planOf(7, 200)).toEqual(planOf(7, 200));
  expect(planOf(7, 200)).not.toEqual(planOf(8, 200));
});

test('a plan has as many operations as asked for, a group at the end aside', () => {
  for (const count of [1, 10, 500]) expect(countOps(planOf(3, count)) - count).toBeLessThan(15);
});

test('every RPC of every service is asked within a few seeds', () => {
  const asked = new Set(
    [1, 2, 3, 4].flatMap((seed) => flatten(planOf(seed, 2_000)).map((op) => ('rpc' in op ? op.rpc : op.op))),
  );
  expect(loadCodec().names.filter((name) => !asked.has(name))).toEqual([]);
});

/** Operations of many plans, of all releases and sizes. */
const many = (['3.3.25', '3.4.23', '3.5.16'] as const).flatMap((release) =>
  [1, 3].flatMap((members) =>
    [1, 2].map((seed) => ({release, members, ops: flatten(planOf(seed, 1_500, release, members))})),
  ),
);
const fieldsOf = (op: SingleOp): {readonly [field: string]: Plain} => ('request' in op ? (op.request as never) : {});

describe('what is left out is never asked', () => {
  test('a voter beside a single member', () => {
    for (const {members, release, ops} of many) {
      if (members !== 1) continue;
      const adds = ops.filter((op) => op.op === 'call' && op.rpc === 'Cluster/MemberAdd' && op.bind !== undefined);
      for (const op of adds) expect(fieldsOf(op)['isLearner'], release).toBe(true);
    }
  });
  test('an open-ended delete beside a put', () => {
    for (const {ops} of many) {
      for (const op of ops) {
        const text = JSON.stringify(fieldsOf(op));
        if (!text.includes('request_put')) continue;
        expect(text).not.toMatch(/"request_delete_range":\{[^}]*"range_end":"\\u0000"/);
      }
    }
  });
  test('3.3: a role without a name', () => {
    for (const {release, ops} of many) {
      if (release !== '3.3.25') continue;
      for (const op of ops) if ('rpc' in op && op.rpc === 'Auth/RoleAdd') expect(fieldsOf(op)['name']).not.toBe('');
    }
  });
});

test('what is drawn seldom comes between the others and leaves them as they are', () => {
  const isLarge = (op: Op): boolean => op.op === 'group' && op.why === 'a response that is too large for one message';
  const features = featuresOf('3.5.16', 1, 4);
  const plans = [1, 2, 3, 4, 5].map((seed) => drawPlan(seed, 2_000, features).map(({op}) => op));
  const large = plans.flat().filter(isLarge);
  expect(large.length).toBeGreaterThan(5);
  expect(large.length).toBeLessThan(80);
  // Without them, a longer plan has the same others.
  const [others, more] = [2_000, 2_500].map((count) =>
    drawPlan(5, count, features).flatMap(({op}) => (isLarge(op) ? [] : [op])),
  );
  expect(more?.slice(0, others?.length)).toEqual(others);
});

test('a plan for two releases asks only what both survive', () => {
  expect(commonFeatures(['3.5.16', '3.5.16'], 3, 1)).toEqual(featuresOf('3.5.16', 3, 1));
  expect(commonFeatures(['3.5.16', '3.0.17'], 3, 2)).toEqual(featuresOf('3.0.17', 3, 2));
});

test('each drawn operation can be made smaller, and only into operations of its own RPC or family', () => {
  const drawn = drawPlan(11, 100, featuresOf('3.5.16', 1, 11));
  const counts = drawn.map((op) => [...op.smaller()].length);
  expect(counts.filter((count) => count > 0).length).toBeGreaterThan(60);
});

describe('a leader is required', () => {
  const requires = (op: SingleOp): boolean => 'request' in op && op.requireLeader === true;
  const plan = drawPlan(2, 3_000, featuresOf('3.5.16', 3, 2));
  const ops = flatten(plan.map(({op}) => op));

  test('by about one in fifteen calls, waiting calls and messages of streams', () => {
    for (const [kind, min] of [
      ['call', 100],
      ['begin', 1],
      ['send', 10],
    ] as const) {
      const all = ops.filter(({op}) => op === kind);
      const count = all.filter(requires).length;
      expect(count).toBeGreaterThanOrEqual(min);
      expect(count).toBeLessThan(all.length / 8);
    }
  });
  test('or not, in the first smaller operation', () => {
    for (const {op, smaller} of plan) {
      if (op.op === 'group' || !requires(op)) continue;
      const [first] = smaller();
      const {requireLeader: _, ...rest} = op as typeof op & {readonly requireLeader: true};
      expect(first?.op).toEqual(rest);
    }
  });
});
