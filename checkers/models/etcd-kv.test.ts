// What etcd answers, case by case: from its API documentation and server/etcdserver/txn.
import {describe, expect, test} from 'vitest';
import type {Compare, KeyValue, KvStep, StepResponse} from '../../history/operation.ts';
import {equalResponses, evaluate, isEffective, type KvSnapshot} from './etcd-kv.ts';
import {EtcdState} from './etcd-search.ts';
import {ReplayStore} from './replay-store.ts';

const kv = (key: string, value: string, createRevision: number, modRevision: number, version: number): KeyValue => ({
  key,
  value,
  createRevision,
  modRevision,
  version,
});

/** a and b put at 2 and 3, a again at 4, c put at 5 and deleted at 6. */
const SETUP: readonly KvStep[] = [
  {kind: 'put', key: 'a', value: '1'},
  {kind: 'put', key: 'b', value: '2'},
  {kind: 'put', key: 'a', value: '3'},
  {kind: 'put', key: 'c', value: '4'},
  {kind: 'delete-range', key: 'c'},
];
const A = kv('a', '3', 2, 4, 2);
const B = kv('b', '2', 3, 3, 1);

function replayed(): ReplayStore {
  const store = new ReplayStore(['a', 'b', 'c', 'd']);
  for (const request of SETUP) store.append(evaluate(store, request)?.changes ?? []);
  return store;
}

function grown(): EtcdState {
  let state = EtcdState.root(new ReplayStore([]));
  for (const request of SETUP) state = state.after(evaluate(state, request)?.changes ?? []);
  return state;
}

const range = (kvs: readonly KeyValue[], count = kvs.length, more = false): StepResponse => ({
  kind: 'range',
  kvs,
  count,
  more,
});
const when = (compare: Compare): KvStep => ({kind: 'txn', compare: [compare], success: [], failure: []});
const succeeded = (yes: boolean): StepResponse => ({kind: 'txn', succeeded: yes, responses: []});

const answers: readonly [string, KvStep, StepResponse][] = [
  ['a key', {kind: 'range', key: 'a'}, range([A])],
  ['an absent key', {kind: 'range', key: 'x'}, range([])],
  ['a deleted key', {kind: 'range', key: 'c'}, range([])],
  ['a range, its end left out', {kind: 'range', key: 'a', end: 'b'}, range([A])],
  ['all keys', {kind: 'range', key: '\0', end: '\0'}, range([A, B])],
  ['from a key on', {kind: 'range', key: 'b', end: '\0'}, range([B])],
  ['an end before the key', {kind: 'range', key: 'b', end: 'a'}, range([])],
  ['a limit below the count', {kind: 'range', key: 'a', end: 'z', limit: 1}, range([A], 2, true)],
  ['a limit equal to the count', {kind: 'range', key: 'a', end: 'z', limit: 2}, range([A, B])],
  ['a count only', {kind: 'range', key: 'a', end: 'z', countOnly: true, limit: 1}, range([], 2)],
  ['a past revision', {kind: 'range', key: 'a', end: 'z', revision: 3}, range([kv('a', '1', 2, 2, 1), B])],
  ['a past revision with a key since deleted', {kind: 'range', key: 'c', revision: 5}, range([kv('c', '4', 5, 5, 1)])],
  ['the present revision by number', {kind: 'range', key: 'a', revision: 6}, range([A])],
  ['a put', {kind: 'put', key: 'a', value: '9'}, {kind: 'put'}],
  ['a put with its previous pair', {kind: 'put', key: 'a', value: '9', prevKv: true}, {kind: 'put', prevKv: A}],
  ['a first put has no previous pair', {kind: 'put', key: 'd', value: '9', prevKv: true}, {kind: 'put'}],
  ['a delete', {kind: 'delete-range', key: 'a'}, {kind: 'delete-range', deleted: 1}],
  ['a delete of nothing', {kind: 'delete-range', key: 'c'}, {kind: 'delete-range', deleted: 0}],
  [
    'a delete of a range with previous pairs',
    {kind: 'delete-range', key: 'a', end: '\0', prevKv: true},
    {kind: 'delete-range', deleted: 2, prevKvs: [A, B]},
  ],
  ['value equal', when({key: 'a', target: 'value', result: 'equal', operand: '3'}), succeeded(true)],
  ['value less', when({key: 'a', target: 'value', result: 'less', operand: '3'}), succeeded(false)],
  ['value greater', when({key: 'a', target: 'value', result: 'greater', operand: '2'}), succeeded(true)],
  ['value of an absent key', when({key: 'x', target: 'value', result: 'not-equal', operand: '3'}), succeeded(false)],
  ['version equal', when({key: 'a', target: 'version', result: 'equal', operand: 2}), succeeded(true)],
  ['version of an absent key is 0', when({key: 'c', target: 'version', result: 'equal', operand: 0}), succeeded(true)],
  ['create not equal', when({key: 'a', target: 'create', result: 'not-equal', operand: 2}), succeeded(false)],
  ['mod greater', when({key: 'a', target: 'mod', result: 'greater', operand: 3}), succeeded(true)],
  ['mod less', when({key: 'a', target: 'mod', result: 'less', operand: 4}), succeeded(false)],
  [
    'a transaction reads its own writes',
    {
      kind: 'txn',
      compare: [],
      success: [
        {kind: 'put', key: 'b', value: '9'},
        {kind: 'range', key: 'a', end: 'z'},
        {kind: 'delete-range', key: 'a'},
        {kind: 'range', key: 'a', end: 'z'},
        {kind: 'range', key: 'a', revision: 6},
      ],
      failure: [],
    },
    {
      kind: 'txn',
      succeeded: true,
      responses: [
        {kind: 'put'},
        range([A, kv('b', '9', 3, 7, 2)]),
        {kind: 'delete-range', deleted: 1},
        range([kv('b', '9', 3, 7, 2)]),
        range([A]),
      ],
    },
  ],
  [
    'guards of a nested transaction look at the store before the outer one',
    {
      kind: 'txn',
      compare: [],
      success: [
        {kind: 'put', key: 'a', value: '9'},
        {
          kind: 'txn',
          compare: [{key: 'a', target: 'value', result: 'equal', operand: '3'}],
          success: [{kind: 'range', key: 'a'}],
          failure: [],
        },
      ],
      failure: [],
    },
    {
      kind: 'txn',
      succeeded: true,
      responses: [{kind: 'put'}, {kind: 'txn', succeeded: true, responses: [range([kv('a', '9', 2, 7, 3)])]}],
    },
  ],
];

describe.each<[string, () => KvSnapshot]>([
  ['replayed store', replayed],
  ['search state', grown],
])('%s', (_name, make) => {
  test.each(answers)('answers %s', (_case, request, want) => {
    const response = evaluate(make(), request)?.response;
    expect(response).toEqual(want);
    expect(response !== undefined && equalResponses(response, want)).toBe(true);
  });

  test('refuses a revision in the future', () => {
    expect(evaluate(make(), {kind: 'range', key: 'a', revision: 7})).toBeUndefined();
  });

  test('a put of a deleted key begins a new life', () => {
    expect(evaluate(make(), {kind: 'put', key: 'c', value: 'x'})?.changes).toEqual([
      {key: 'c', kv: kv('c', 'x', 7, 7, 1)},
    ]);
  });
});

test('answers differ in every field', () => {
  const base = range([A, B], 3, true);
  const others: readonly StepResponse[] = [
    range([A, B], 2, true),
    range([A, B], 3, false),
    range([A], 3, true),
    range([A, {...B, value: 'x'}], 3, true),
    range([A, {...B, key: 'x'}], 3, true),
    range([A, {...B, createRevision: 9}], 3, true),
    range([A, {...B, modRevision: 9}], 3, true),
    range([A, {...B, version: 9}], 3, true),
    {kind: 'put'},
  ];
  for (const other of others) expect(equalResponses(base, other)).toBe(false);
  expect(equalResponses({kind: 'put'}, {kind: 'put', prevKv: A})).toBe(false);
  expect(equalResponses({kind: 'delete-range', deleted: 1}, {kind: 'delete-range', deleted: 1, prevKvs: []})).toBe(
    true,
  );
});

test('what changed the store is told by the answer', () => {
  expect(isEffective({kind: 'put'})).toBe(true);
  expect(isEffective({kind: 'delete-range', deleted: 0})).toBe(false);
  expect(isEffective({kind: 'txn', succeeded: true, responses: [range([A]), {kind: 'delete-range', deleted: 1}]})).toBe(
    true,
  );
  expect(isEffective({kind: 'txn', succeeded: true, responses: [{kind: 'txn', succeeded: false, responses: []}]})).toBe(
    false,
  );
});

test('a replayed store goes back, and forgets what it takes back', () => {
  const store = replayed();
  store.truncate(4);
  expect(store.revision).toBe(4);
  expect(store.get('c')).toBeUndefined();
  expect(store.at(3)?.scan('\0', undefined)).toEqual([kv('a', '1', 2, 2, 1), B]);
  expect(store.at(5)).toBeUndefined();
  store.append([{key: 'd', kv: kv('d', 'x', 5, 5, 1)}]);
  expect(store.scan('b', undefined)).toEqual([B, kv('d', 'x', 5, 5, 1)]);
});
