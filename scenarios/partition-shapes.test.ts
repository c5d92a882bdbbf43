// Who reaches whom under each shape of a partition.
import {expect, test} from 'vitest';
import {aroundTargets, directionsOf} from './partitions.ts';
import type {Fault} from './plan.ts';

type Shape = Extract<Fault, {kind: 'partition'}>['shape'];

const named = (count: number) => Array.from({length: count}, (_, i) => ({name: `m${i + 1}`}));

/** One line a member: whom it still reaches, itself left out; clients after a bar. */
function reach(shape: Shape, memberCount: number, targets: readonly string[], clientsToo = false): string[] {
  const all = named(memberCount);
  const fault = {kind: 'partition' as const, atUs: 0, durationUs: 1, target: {who: 'all' as const}, shape, clientsToo};
  const cut = directionsOf(
    fault,
    targets.map((name) => ({name})),
    {clientHosts: ['c1'], members: {all}},
  );
  const passes = (from: string, to: string) => from !== to && !cut.some(([a, b]) => a === from && b === to);
  return [...all.map(({name}) => name), 'c1'].map((from) => {
    const to = [...all.map(({name}) => name), 'c1'].filter((name) => passes(from, name));
    return `${from}>${to.join(',')}`;
  });
}

test.each<[Shape, number, readonly string[], boolean, readonly string[]]>([
  ['isolate', 3, ['m1'], false, ['m1>c1', 'm2>m3,c1', 'm3>m2,c1', 'c1>m1,m2,m3']],
  ['isolate', 3, ['m1'], true, ['m1>', 'm2>m3,c1', 'm3>m2,c1', 'c1>m2,m3']],
  [
    'isolate',
    5,
    ['m1', 'm2'],
    false,
    ['m1>c1', 'm2>c1', 'm3>m4,m5,c1', 'm4>m3,m5,c1', 'm5>m3,m4,c1', 'c1>m1,m2,m3,m4,m5'],
  ],
  ['one-way-in', 3, ['m1'], false, ['m1>m2,m3,c1', 'm2>m3,c1', 'm3>m2,c1', 'c1>m1,m2,m3']],
  ['one-way-out', 3, ['m1'], false, ['m1>c1', 'm2>m1,m3,c1', 'm3>m1,m2,c1', 'c1>m1,m2,m3']],
  [
    'halves',
    5,
    ['m1', 'm2'],
    false,
    ['m1>m2,c1', 'm2>m1,c1', 'm3>m4,m5,c1', 'm4>m3,m5,c1', 'm5>m3,m4,c1', 'c1>m1,m2,m3,m4,m5'],
  ],
  [
    'bridge',
    5,
    ['m3'],
    false,
    ['m1>m2,m3,c1', 'm2>m1,m3,c1', 'm3>m1,m2,m4,m5,c1', 'm4>m3,m5,c1', 'm5>m3,m4,c1', 'c1>m1,m2,m3,m4,m5'],
  ],
  ['bridge', 3, ['m2'], false, ['m1>m2,c1', 'm2>m1,m3,c1', 'm3>m2,c1', 'c1>m1,m2,m3']],
  [
    'ring',
    5,
    ['m1'],
    false,
    ['m1>m2,m5,c1', 'm2>m1,m3,c1', 'm3>m2,m4,c1', 'm4>m3,m5,c1', 'm5>m1,m4,c1', 'c1>m1,m2,m3,m4,m5'],
  ],
  ['ring', 3, ['m2'], false, ['m1>m2,m3,c1', 'm2>m1,c1', 'm3>m1,c1', 'c1>m1,m2,m3']],
])('%s of %i members around %j, clients too: %s', (shape, count, targets, clientsToo, lines) => {
  expect(reach(shape, count, targets, clientsToo)).toEqual(lines);
});

test('links around a target are those to and from it', () => {
  expect(aroundTargets([{name: 'm2'}], named(3))).toEqual([
    ['m1', 'm2'],
    ['m2', 'm1'],
    ['m2', 'm3'],
    ['m3', 'm2'],
  ]);
});
