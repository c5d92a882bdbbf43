// Watchers are found by key, whatever ranges come and go.
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {Channel} from '../../env/sync.ts';
import {IntervalTree} from './interval-tree.ts';
import type {StoreResponse} from './watcher.ts';
import {Watcher} from './watcher.ts';
import {WatcherGroup} from './watcher-group.ts';

const stream = {responses: new Channel<StoreResponse>(1), victimCount: 0};
const ALL = {noPut: false, noDelete: false};
const watcher = (id: number, key: string, rangeEnd = '') => new Watcher(id, {key, rangeEnd}, 0, ALL, stream);
const holds = (key: string, begin: string, end: string) =>
  end === '' ? key === begin : key >= begin && (end === '\0' || key < end);

const KEYS = ['\0', 'a', 'a\0', 'ab', 'b', 'ba', 'c', 'd', '\xff'];
const ranges = fc
  .record({begin: fc.constantFrom(...KEYS), end: fc.constantFrom('\0', ...KEYS.slice(1), 'e', '\xff\xff')})
  .filter(({begin, end}) => end === '\0' || begin < end);

test('an interval tree answers as a list does, and stays in balance', () => {
  fc.assert(
    fc.property(fc.array(ranges, {maxLength: 60}), (plan) => {
      const tree = new IntervalTree<string>();
      const plain = new Map<string, {readonly begin: string; readonly end: string}>();
      for (const range of plan) {
        // A range named a second time goes.
        const name = `${range.begin}..${range.end}`;
        expect(tree.find(range.begin, range.end)).toBe(plain.has(name) ? name : undefined);
        if (plain.delete(name)) tree.remove(range.begin, range.end);
        else {
          plain.set(name, range);
          tree.insert(range.begin, range.end, name);
        }
        expect(tree.audit()).toBe(plain.size);
      }
      for (const key of KEYS) {
        const found: string[] = [];
        tree.collect(key, found);
        const expected = [...plain].filter(([, {begin, end}]) => holds(key, begin, end)).map(([name]) => name);
        expect(found.toSorted()).toEqual(expected.toSorted());
      }
    }),
    {numRuns: 300},
  );
});

test('ten thousand nested and side by side ranges keep the tree flat', () => {
  const tree = new IntervalTree<number>();
  const key = (i: number) => i.toString().padStart(5, '0');
  for (let i = 0; i < 10_000; i++) tree.insert(key(i), i % 3 === 0 ? '\0' : key(i + 1), i);
  expect(tree.audit()).toBe(10_000);
  const found: number[] = [];
  tree.collect(key(7), found);
  expect(found).toEqual([0, 3, 6, 7]);
  for (let i = 0; i < 10_000; i += 2) tree.remove(key(i), i % 3 === 0 ? '\0' : key(i + 1));
  expect(tree.audit()).toBe(5_000);
});

test('a group finds single keys and ranges, each watcher once', () => {
  const group = new WatcherGroup();
  const members = [watcher(0, 'a'), watcher(1, 'a', 'c'), watcher(2, 'a', 'c'), watcher(3, 'b', '\0'), watcher(4, 'a')];
  for (const member of members) group.add(member);
  const ids = (key: string) =>
    group
      .setsAt(key)
      .flatMap((set) => [...set])
      .map(({id}) => id)
      .toSorted();
  expect([ids('a'), ids('b'), ids('c'), ids('0')]).toEqual([[0, 1, 2, 4], [1, 2, 3], [3], []]);
  expect(() => group.add(members[0] as Watcher)).toThrow('in the group already');
  expect(members.slice(0, 2).map((member) => group.delete(member))).toEqual([true, true]);
  expect(group.delete(members[0] as Watcher)).toBe(false);
  expect([ids('a'), ids('b')]).toEqual([
    [2, 4],
    [2, 3],
  ]);
  expect(group.clear().map(({id}) => id)).toEqual([2, 3, 4]);
  expect([group.size, ids('a').length, ids('b').length]).toEqual([0, 0, 0]);
});

test('a look-up that finds nothing answers with the same empty list', () => {
  const group = new WatcherGroup();
  for (let i = 0; i < 1000; i++) group.add(watcher(i, `other/${i}`, i % 2 === 0 ? '' : `other/${i}\0`));
  const first = group.setsAt('key');
  expect(first).toEqual([]);
  expect(group.setsAt('key2')).toBe(first);
});
