// The options of a range, one by one, on a store of six keys.
import {describe, expect, test} from 'vitest';
import type {RangeRequest} from '../etcdserverpb/types.ts';
import {deleteRangeRequest, putRequest, rangeRequest} from '../etcdserverpb/types.ts';
import {ERR_COMPACTED, ERR_FUTURE_REVISION, isRefusal} from './errors.ts';
import {MvccStore} from './store.ts';
import {TestBatch} from './test-batch.ts';

/** Key, create revision, mod revision, version, value: a 2 7 2 z; b 3 3 1 y; c 4 9 3 x; d gone at 10; e 6 6 1 y; f 11 11 1 ''. */
function makeStore(): MvccStore {
  const store = MvccStore.open(new TestBatch());
  const puts = ['a1', 'by', 'c1', 'd1', 'ey', 'az', 'c2', 'cx'];
  for (const text of puts) store.applyPut(putRequest(text.slice(0, 1), text.slice(1)));
  store.applyDeleteRange(deleteRangeRequest('d'));
  store.applyPut(putRequest('f', ''));
  return store;
}

const ALL = {rangeEnd: '\0'};

test.each<[string, string, Partial<RangeRequest>, string, number, boolean]>([
  // what, key, options, keys found, count, more
  ['one key', 'b', {}, 'b', 1, false],
  ['a deleted key', 'd', {}, '', 0, false],
  ['a range without its end', 'b', {rangeEnd: 'e'}, 'bc', 2, false],
  ['every key from one on', 'c', ALL, 'cef', 3, false],
  ['every key', '\0', ALL, 'abcef', 5, false],
  ['an end before the key', 'c', {rangeEnd: 'a'}, '', 0, false],
  ['an end equal to the key', 'c', {rangeEnd: 'c'}, '', 0, false],
  ['at a revision', 'a', {...ALL, revision: 5}, 'abcd', 4, false],
  ['at a revision below zero: now', 'a', {...ALL, revision: -7}, 'abcef', 5, false],
  ['a limit', 'a', {...ALL, limit: 2}, 'ab', 5, true],
  ['a limit just reached', 'a', {...ALL, limit: 5}, 'abcef', 5, false],
  ['a limit below zero: none', 'a', {...ALL, limit: -1}, 'abcef', 5, false],
  ['the count alone', 'a', {...ALL, countOnly: true}, '', 5, false],
  ['the count alone, of one key', 'a', {countOnly: true, limit: 1}, '', 1, false],
  ['by key, descending', 'a', {...ALL, sortOrder: 'descend'}, 'fecba', 5, false],
  ['by version', 'a', {...ALL, sortOrder: 'ascend', sortTarget: 'version'}, 'befac', 5, false],
  [
    'by version, descending: equal ones stay in key order',
    'a',
    {...ALL, sortOrder: 'descend', sortTarget: 'version'},
    'cabef',
    5,
    false,
  ],
  ['by creation', 'a', {...ALL, sortOrder: 'descend', sortTarget: 'create'}, 'fecba', 5, false],
  ['by change', 'a', {...ALL, sortOrder: 'ascend', sortTarget: 'mod'}, 'beacf', 5, false],
  ['by value', 'a', {...ALL, sortOrder: 'ascend', sortTarget: 'value'}, 'fcbea', 5, false],
  ['a target without an order means ascending', 'a', {...ALL, sortTarget: 'mod'}, 'beacf', 5, false],
  ['sorted before the limit', 'a', {...ALL, limit: 2, sortOrder: 'descend', sortTarget: 'mod'}, 'fc', 5, true],
  [
    'without an order the limit, and one more, comes first',
    'a',
    {...ALL, limit: 2, sortTarget: 'value'},
    'cb',
    5,
    true,
  ],
  ['changed from', 'a', {...ALL, minModRevision: 7}, 'acf', 5, false],
  ['changed up to', 'a', {...ALL, maxModRevision: 7}, 'abe', 5, false],
  ['created from', 'a', {...ALL, minCreateRevision: 4}, 'cef', 5, false],
  ['created up to', 'a', {...ALL, maxCreateRevision: 4}, 'abc', 5, false],
  ['bounds before the limit', 'a', {...ALL, limit: 1, minModRevision: 7}, 'a', 5, true],
])('%s', (_what, key, options, keys, count, more) => {
  const response = makeStore().range(rangeRequest(key, options));
  if (isRefusal(response)) throw new Error(response.message);
  expect(response.kvs.map((kv) => kv.key).join('')).toBe(keys);
  expect([response.count, response.more, response.header.revision]).toEqual([count, more, 11]);
});

describe('answers', () => {
  test('keys without values leave the store as it is', () => {
    const store = makeStore();
    expect(store.range(rangeRequest('a', {keysOnly: true}))).toMatchObject({kvs: [{key: 'a', value: '', version: 2}]});
    expect(store.range(rangeRequest('a'))).toMatchObject({
      kvs: [{key: 'a', value: 'z', createRevision: 2, modRevision: 7}],
    });
  });

  test('a sorted or cut answer leaves the next one as it is', () => {
    const store = makeStore();
    const before = store.range(rangeRequest('a', ALL));
    store.range(rangeRequest('a', {...ALL, sortOrder: 'descend', limit: 1}));
    expect(store.range(rangeRequest('a', ALL))).toEqual(before);
  });

  test('a revision to come, and a compacted one', () => {
    const store = makeStore();
    expect(store.range(rangeRequest('a', {revision: 12}))).toBe(ERR_FUTURE_REVISION);
    expect(store.range(rangeRequest('a', {revision: 12, countOnly: true}))).toBe(ERR_FUTURE_REVISION);
    store.compact(9);
    expect(store.range(rangeRequest('a', {revision: 8, countOnly: true}))).toBe(ERR_COMPACTED);
    expect(store.range(rangeRequest('d', {revision: 9}))).toMatchObject({count: 1});
  });
});
