// live/generator/arbitraries.ts: the small parts that requests are made of. Pools are small, so that operations meet.
import * as fc from 'fast-check';
import type {Binding, Caller, CallOp, Op, Reference} from '../plan.ts';
import type {Plain} from '../rpc/codec.ts';

/** What the cluster under comparison has: a plan for one that lacks it would break the cluster instead of comparing it. */
export interface Features {
  readonly memberCount: number;
  /** Learners exist (3.4). Before, the flag is skipped and a voter is added. */
  readonly learners: boolean;
  /** A role without a name is refused (3.4); before, the server dies of it. */
  readonly refusesEmptyRole: boolean;
  /** An operation of a transaction that is not there, or is one that the release does not know, is refused (3.2.1); before, the server dies of it. */
  readonly refusesEmptyOps: boolean;
  /** A user without a name is refused (3.1); before, the server dies of it. */
  readonly refusesEmptyUser: boolean;
  /** Servers may draw lease ids. Where they do, hashes of the store differ between any two clusters. */
  readonly drawnIds: boolean;
}

/** One of several, with weights. */
export function odds<T>(...choices: readonly (readonly [number, fc.Arbitrary<T>])[]): fc.Arbitrary<T> {
  return fc.oneof(...choices.map(([weight, arbitrary]) => ({weight, arbitrary})));
}

export const one = <T extends Plain>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

/** References are plain data for the codec; their own type only helps whoever writes them. */
export const reference = (value: Reference): Plain => value as unknown as Plain;

export const slot = (count: number): fc.Arbitrary<number> => fc.noBias(fc.integer({min: 0, max: count - 1}));

export const memberOf = ({memberCount}: Features): fc.Arbitrary<number> => slot(memberCount);

/** Mostly root (where authentication is on), sometimes somebody with fewer rights, or none. */
export const caller: fc.Arbitrary<Caller> = odds<Caller>(
  [80, fc.constant('auto')],
  [9, fc.constant('alice')],
  [4, fc.constant('bob')],
  [2, fc.constant('nobody')],
  [1, fc.constant('forged')],
  [1, fc.constant('stale')],
);

const COMMON_KEYS = ['a', 'b', 'c', 'd', 'k0', 'k1', 'k2', 'k3', 'k4'];
const RARE_KEYS = ['ab', 'a\0', '\0', '\xff', '\xff\xff', '\0\0', 'n5', 'k', 'k'.repeat(300), 'Ä', ' '];

export const key: fc.Arbitrary<string> = odds(
  [60, fc.constantFrom(...COMMON_KEYS)],
  [10, fc.constantFrom(...RARE_KEYS)],
  [1, fc.constant('')],
);

/** The end of a range: none, everything above, a prefix's end, or any key (also one below the beginning). */
export const rangeEnd: fc.Arbitrary<string> = odds(
  [10, fc.constant('')],
  [5, fc.constantFrom('\0', 'l', 'b', 'o', 'e')],
  [2, key],
);

export const value: fc.Arbitrary<Plain> = odds<Plain>(
  [40, fc.constantFrom<Plain>('v0', 'v1', 'v2', '10', '9')],
  [5, fc.constantFrom<Plain>('', '\0', 'x\xff\x80y', 'a longer value with some words in it')],
  [2, fc.constant(reference({$: 'repeat', text: 'z', count: 5_000}))],
);

export const lease: fc.Arbitrary<Plain> = odds<Plain>(
  [20, slot(6).map((index) => reference({$: 'lease', slot: index}))],
  [1, fc.constantFrom<Plain>(424242, -5)],
);

const near = (from: 'head' | 'compacted', min: number, max: number): fc.Arbitrary<Plain> =>
  fc.noBias(fc.integer({min, max})).map((plus) => reference({$: 'rev', from, plus}));

/** A revision: mostly one that can be read, sometimes compacted, in the future, or no revision at all. */
export const revision: fc.Arbitrary<Plain> = odds<Plain>(
  [20, near('head', -12, 0)],
  [3, near('compacted', -1, 2)],
  [2, near('head', 1, 3)],
  [1, fc.constantFrom<Plain>(-1, 1, 9_007_199_254_740_991)],
);

/** Revisions of a past that is surely there, or just not. */
export const pastRevision: fc.Arbitrary<Plain> = odds<Plain>([10, near('head', -12, 0)], [2, near('compacted', -1, 1)]);
export const nextRevision: fc.Arbitrary<Plain> = near('head', 1, 4);

/** Absent but once in so many; present ones shrink to absence. */
function absentOr(oneIn: number, arbitrary: fc.Arbitrary<Plain>): fc.Arbitrary<Plain | undefined> {
  const absent = {weight: oneIn - 1, arbitrary: fc.constant<Plain | undefined>(undefined)};
  return fc.oneof({withCrossShrink: true}, absent, {weight: 1, arbitrary});
}

/** Absent fields leave no trace in a request. */
export function compact(fields: Readonly<Record<string, Plain | undefined>>): Plain {
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, Plain] => entry[1] !== undefined));
}

/** A message whose optional fields come each with a chance of one in so many. */
export function message(
  always: Readonly<Record<string, fc.Arbitrary<Plain>>>,
  options: Readonly<Record<string, readonly [number, fc.Arbitrary<Plain>]>> = {},
): fc.Arbitrary<Plain> {
  const optional = Object.fromEntries(
    Object.entries(options).map(([name, [oneIn, arbitrary]]) => [name, absentOr(oneIn, arbitrary)]),
  );
  return fc.record({...always, ...optional}).map((drawn) => compact(drawn as Record<string, Plain | undefined>));
}

/** A unary call of any member by any caller. */
export function call(
  features: Features,
  rpc: string,
  request: fc.Arbitrary<Plain>,
  {bind, as = caller}: {readonly bind?: Binding; readonly as?: fc.Arbitrary<Caller>} = {},
): fc.Arbitrary<CallOp> {
  return fc
    .record({member: memberOf(features), as, request})
    .map((drawn) => ({op: 'call', rpc, ...drawn, ...(bind === undefined ? {} : {bind})}));
}

/** A call with nothing left to chance. */
export function fixedCall(
  rpc: string,
  request: Plain,
  options: Partial<Pick<CallOp, 'as' | 'bind' | 'member'>> = {},
): CallOp {
  return {op: 'call', rpc, member: 0, as: 'auto', request, ...options};
}

export const asOp = <T extends Op>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<Op> => arbitrary as fc.Arbitrary<Op>;
