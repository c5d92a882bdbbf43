// The order is compared with what Go 1.26's sort.Sort made of the same lists: digests of the places, for lengths 12, 13, 40, 64, 500
// and 3000, each ascending and then through sort.Reverse.
import {expect, test} from 'vitest';
import {digestText} from '../../base/digest.ts';
import {pdqSort} from './pdq-sort.ts';

const SHAPES: Readonly<Record<string, (i: number, length: number) => number>> = {
  down: (i, length) => Math.floor((length - i) / 4),
  killer: (i, length) => (i % 2 === 0 ? i / 2 : length - Math.floor(i / 2)),
  mixed: (i) => (i * i * 31 + i * 7) % 17,
  neardone: (i) => (i % 40 === 39 ? i - 30 : Math.floor(i / 2)),
  one: () => 0,
  pipe: (i, length) => (i < Math.floor(length / 2) ? i : length - i),
  runs: (i, length) => Math.floor(((i * 7919) % (Math.floor(length / 5) + 1)) / 2),
  sawtooth: (i) => i % 10,
  thirds: (i) => i % 3,
};
const LENGTHS = [12, 13, 40, 64, 500, 3000];

test.each([
  [
    'down',
    'f736b1ca accdc106 7bdc9717 e3240634 7aaea899 6438df2c eb475565 48f93252 48e537a2 990c5923 b9be3d55 f781c2ee',
  ],
  [
    'killer',
    '260d423b ae952e33 eee6903f b14b1063 b4d2f39a e922b4db 62623719 e0c679c1 35fbcb0b 78d6b8d6 a7348467 2414f578',
  ],
  [
    'mixed',
    'f734946c 669cd024 6fd07a55 ee1a414d 2e91eb8d d1834560 efab2e78 d16bca04 7ee73e68 5c2e3d84 c6e8c1c9 ad87e351',
  ],
  [
    'neardone',
    'accdc106 74812f6d e3240634 3d02938d 1b073261 7921d2a8 c3fe6586 fc04ceda 7263ad00 1091bc94 2ce5d92e 1f88bebf',
  ],
  [
    'one',
    'accdc106 accdc106 e3240634 e3240634 6438df2c 6438df2c 48f93252 48f93252 990c5923 990c5923 f781c2ee f781c2ee',
  ],
  [
    'pipe',
    '91e20933 4e62b8e5 2fd0ab20 1430929a 0797265c 2c2ae3a6 07542f5d 113fc91b 43535ad3 fceb73a4 402d3a94 102074ae',
  ],
  [
    'runs',
    '67466f05 20c01788 e0abcd32 858a5d6b 2bf24f6c 0f58a2bf b2cdbe63 73154b04 575de8cd dae07572 8c188d61 2fd71796',
  ],
  [
    'sawtooth',
    'f7af29eb 1862a9aa 72d6bb8c d2e1a7ce 9744c6f0 a1036cc1 c30e5283 a0059854 c516115c 25401c9b 112d0652 4d4ea185',
  ],
  [
    'thirds',
    'ad6e1656 6b81a1ff fcf75479 a7a34ed0 6f59238f 64c616e9 9e5fb371 fb92ca28 07dbe115 f36d64b8 f268d3fe 11bef577',
  ],
])('%s', (shape, want) => {
  const valueAt = SHAPES[shape] ?? (() => 0);
  const got = LENGTHS.flatMap((length) =>
    [1, -1].map((direction) => {
      const items = Array.from({length}, (_, place) => ({value: valueAt(place, length), place}));
      pdqSort(items, (a, b) => direction * (a.value - b.value) < 0);
      for (let i = 1; i < length; i++) {
        expect(direction * ((items[i]?.value ?? 0) - (items[i - 1]?.value ?? 0))).toBeGreaterThanOrEqual(0);
      }
      return digestText(items.map(({place}) => place).join(',')).slice(0, 8);
    }),
  );
  expect(got.join(' ')).toBe(want);
});
