// scenarios/partitions.ts: shapes of partitions as lists of directions in which nothing passes.
import {unreachable} from '../base/assert.ts';
import type {Direction} from '../sim/network.ts';
import type {Member} from './members.ts';
import type {NemesisOptions} from './nemesis.ts';
import type {Fault} from './plan.ts';

type PartitionFault = Extract<Fault, {kind: 'partition'}>;
type Named = Pick<Member, 'name'>;

/** What a partition of that shape around the targets cuts. */
export function directionsOf(
  {shape, clientsToo}: PartitionFault,
  targets: readonly Named[],
  {members, clientHosts}: Pick<NemesisOptions, 'clientHosts'> & {readonly members: {readonly all: readonly Named[]}},
): Direction[] {
  const inside = targets.map(({name}) => name);
  const others = members.all.map(({name}) => name).filter((name) => !inside.includes(name));
  const outside = clientsToo ? [...others, ...clientHosts] : others;
  switch (shape) {
    case 'isolate': {
      // The targets do not reach each other either.
      const among = inside.flatMap((from) => inside.filter((to) => to !== from).map((to): Direction => [from, to]));
      return [...both(inside, outside), ...among];
    }
    case 'one-way-in':
      return oneWay(outside, inside);
    case 'one-way-out':
      return oneWay(inside, outside);
    case 'halves':
      return both(inside, outside);
    case 'bridge': {
      // Two halves that only the first target reaches.
      const [bridge, ...rest] = [...inside, ...others];
      const middle = Math.ceil(rest.length / 2);
      return bridge === undefined ? [] : both(rest.slice(0, middle), rest.slice(middle));
    }
    case 'ring':
      return ring([...inside, ...others]);
    default:
      return unreachable(shape);
  }
}

/** Each host reaches its two neighbours only; with three hosts, a chain. */
function ring(names: readonly string[]): Direction[] {
  const cut: Direction[] = [];
  const last = names.length - 1;
  for (const [i, from] of names.entries()) {
    for (const [j, to] of names.entries()) {
      const distance = Math.abs(i - j);
      const isNeighbour = distance === 1 || (distance === last && names.length > 3);
      if (i !== j && !isNeighbour) cut.push([from, to]);
    }
  }
  return cut;
}

/** Every direction between a target and another member. */
export function aroundTargets(targets: readonly Named[], all: readonly Named[]): Direction[] {
  const names = all.map(({name}) => name);
  return names.flatMap((from) =>
    names
      .filter((to) => to !== from && targets.some(({name}) => name === from || name === to))
      .map((to): Direction => [from, to]),
  );
}

const oneWay = (from: readonly string[], to: readonly string[]): Direction[] =>
  from.flatMap((a) => to.map((b): Direction => [a, b]));

const both = (a: readonly string[], b: readonly string[]): Direction[] => [...oneWay(a, b), ...oneWay(b, a)];
