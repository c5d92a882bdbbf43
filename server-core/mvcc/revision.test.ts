import {describe, expect, test} from 'vitest';
import {InvariantError} from '../../base/assert.ts';
import {hexOf, toBytes} from '../../base/byte-string.ts';
import {endOfMain, isTombstoneKey, mainOf, RevisionSet, revisionKey, subOf, tombstoneKey} from './revision.ts';

test.each([
  [1, 0, '00000000000000015f0000000000000000'],
  [258, 3, '00000000000001025f0000000000000003'],
  [2 ** 31, 2 ** 31, '00000000800000005f0000000080000000'],
  [2 ** 40 + 7, 2 ** 33, '00000100000000075f0000000200000000'],
  [Number.MAX_SAFE_INTEGER, 0, '001fffffffffffff5f0000000000000000'],
])('revision %i.%i as bytes', (main, sub, hex) => {
  const key = revisionKey(main, sub);
  expect(hexOf(toBytes(key))).toBe(hex);
  expect([mainOf(key), subOf(key), isTombstoneKey(key)]).toEqual([main, sub, false]);
  const tombstone = tombstoneKey(main, sub);
  expect(hexOf(toBytes(tombstone))).toBe(`${hex}74`);
  expect([mainOf(tombstone), subOf(tombstone), isTombstoneKey(tombstone)]).toEqual([main, sub, true]);
});

test('byte order is revision order', () => {
  const keys = [
    revisionKey(1, 0),
    tombstoneKey(1, 0),
    revisionKey(1, 1),
    revisionKey(2, 0),
    tombstoneKey(255, 9),
    revisionKey(256, 0),
  ];
  expect(keys.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(keys);
  expect(endOfMain(255) > tombstoneKey(255, 2 ** 40)).toBe(true);
  expect(endOfMain(255) < revisionKey(256, 0)).toBe(true);
});

test('a bucket key that is no revision is a bug', () => {
  expect(() => mainOf('short')).toThrow(InvariantError);
  expect(() => mainOf(revisionKey(1, 0).replace('_', '-'))).toThrow(InvariantError);
  expect(() => mainOf(`\xff${revisionKey(1, 0).slice(1)}`)).toThrow(InvariantError);
});

describe('a set of revisions', () => {
  test('tells subs of one main apart', () => {
    const set = new RevisionSet();
    expect(set.isEmpty()).toBe(true);
    for (const [main, sub] of [
      [5, 0],
      [5, 2],
      [5, 2],
      [7, 1],
    ] as const)
      set.add(main, sub);
    expect([set.has(5, 0), set.has(5, 1), set.has(5, 2), set.has(7, 1), set.has(7, 0)]).toEqual([
      true,
      false,
      true,
      true,
      false,
    ]);
    set.delete(5, 0);
    set.delete(7, 0);
    expect([set.has(5, 0), set.has(5, 2), set.has(7, 1)]).toEqual([false, true, true]);
    set.delete(5, 2);
    set.delete(7, 1);
    expect(set.isEmpty()).toBe(true);
  });
});
