import fc from 'fast-check';
import {expect, test} from 'vitest';
import {IntervalTree} from './interval-tree.ts';
import {isPermitted, isValidPermissionRange, mergePermissions} from './permissions.ts';

// All keys of up to two letters, which is fine enough for ends of up to two letters.
const LETTERS = ['\0', 'a', 'b', 'c'];
const KEYS = [...LETTERS, ...LETTERS.flatMap((first) => LETTERS.map((second) => first + second))];
/** Each key and the one right behind it: between any two bounds of these tests lies one of them. */
const WITNESSES = [...KEYS, ...KEYS.map((at) => `${at}\0`)];
const key = fc.constantFrom(...KEYS);
const validRange = fc
  .tuple(key, fc.oneof(fc.constantFrom('', '\0'), key))
  .filter(([begin, end]) => isValidPermissionRange(begin, end));

const isIn = (at: string, begin: string, end: string): boolean =>
  end === '' ? at === begin : at >= begin && (end === '\0' || at < end);

test('valid ranges: a request is permitted when every key of it is granted', () => {
  fc.assert(
    fc.property(fc.array(validRange, {maxLength: 12}), validRange, (granted, [begin, end]) => {
      const permissions = mergePermissions([
        {name: 'r', keyPermission: granted.map(([at, rangeEnd]) => ({type: 'read', key: at, rangeEnd}))},
      ]);
      const asked = WITNESSES.filter((at) => isIn(at, begin, end));
      const isGranted = asked.every((at) => granted.some(([from, to]) => isIn(at, from, to)));
      expect(isPermitted(permissions, 'read', begin, end)).toBe(isGranted);
      expect(isPermitted(permissions, 'write', begin, end)).toBe(false);
    }),
    {numRuns: 2000},
  );
});

test('ranges that touch are one, a hole of a single key is a hole', () => {
  const tree = new IntervalTree();
  tree.insert('a', 'c');
  tree.insert('c', 'c\0');
  tree.insert('d', '');
  expect([tree.contains('a', 'c\0'), tree.contains('a', 'd'), tree.contains('d', ''), tree.contains('c', '')]).toEqual([
    true,
    false,
    true,
    false,
  ]);
});

test.each([
  ['', '', false],
  ['', 'a', false],
  ['x', '', true],
  ['x', '\0', true],
  ['\0', '\0', true],
  ['x', 'x', false],
  ['x', 'b', false],
  ['b', 'x', true],
])('a grant of [%j, %j) is valid: %j', (begin, end, expected) => {
  expect(isValidPermissionRange(begin, end)).toBe(expected);
});

// What etcd 3.6's tree answered for inverted ranges; a list of the same ranges would say otherwise in every one of them.
test.each([
  [['c', 'a', 'bc', 'e'], ['d\0', 'bc'], false, true],
  [['a', 'b', '\0', 'e'], ['b', '\0'], false, true],
  [['e', 'ab', 'bc', ''], ['e', 'd'], false, true],
  [['d', 'ab', 'a\0', ''], ['e', 'd'], false, true],
  [['b', '\0', 'a\0', ''], ['b', '\0'], false, true],
  [['b', 'a\0', 'ab', 'd\0'], ['bc', 'ab'], false, true],
  [['ab', 'b', 'c', ''], ['e', 'a\0'], false, true],
])('granted %j, asked %j: covered %j, met %j', (granted, [begin = '', end = ''], contains, intersects) => {
  const tree = new IntervalTree();
  for (let i = 0; i < granted.length; i += 2) tree.insert(granted[i] ?? '', granted[i + 1] ?? '');
  expect([tree.contains(begin, end), tree.intersects(begin, end)]).toEqual([contains, intersects]);
});
