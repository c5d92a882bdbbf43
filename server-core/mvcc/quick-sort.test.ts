// The order itself was compared with real etcd 3.3.25 by `etcdsim compare`; here: that it sorts, and that it is not stable where
// the real one is not.
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {quickSort} from './quick-sort.ts';

interface Item {
  readonly value: number;
  readonly place: number;
}

const sorted = (values: readonly number[]): Item[] => {
  const items = values.map((value, place) => ({value, place}));
  quickSort(items, (a, b) => a.value < b.value);
  return items;
};

test('sorts any list, and loses or doubles nothing', () => {
  const lists = fc.oneof(
    fc.array(fc.nat(5), {maxLength: 200}),
    fc.array(fc.nat(), {maxLength: 200}),
    fc.array(fc.constant(1), {minLength: 13, maxLength: 100}),
  );
  fc.assert(
    fc.property(lists, (values) => {
      const items = sorted(values);
      expect(items.map(({value}) => value)).toEqual([...values].sort((a, b) => a - b));
      expect(items.map(({place}) => place).sort((a, b) => a - b)).toEqual(values.map((_, place) => place));
    }),
    {numRuns: 300},
  );
});

test('descending input that is long enough for heapsort', () => {
  expect(sorted(Array.from({length: 5_000}, (_, i) => 5_000 - i)).map(({value}) => value)[0]).toBe(1);
});

test('elements six apart change places although they need not: short lists are not sorted stably', () => {
  // 1 at place 6 is less than 2 at place 0 and jumps in front of the equal ones between.
  expect(sorted([2, 1, 1, 1, 1, 1, 1]).map(({place}) => place)).toEqual([6, 1, 2, 3, 4, 5, 0]);
});
