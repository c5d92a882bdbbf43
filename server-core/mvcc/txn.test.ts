// Transactions: which branch, what the operations see of each other, what is refused, and what the validation lets through.

import {describe, expect, test} from 'vitest';
import {InvariantError} from '../../base/assert.ts';
import {type LeaseId, toId64} from '../../base/ids.ts';
import type {Compare, RangeRequest, RequestOp, TxnRequest} from '../etcdserverpb/types.ts';
import {compare, deleteRangeRequest, NO_LEASE, putRequest, rangeRequest, txnRequest} from '../etcdserverpb/types.ts';
import {mvccBehaviours} from './behaviours.ts';
import {isRefusal} from './errors.ts';
import {MvccStore} from './store.ts';
import type {StoreOptions} from './store-state.ts';
import {TestBatch} from './test-batch.ts';
import {validateDeleteRange, validatePut, validateRange, validateTxn} from './validate.ts';

const put = (key: string, value = 'v', options = {}): RequestOp => ({
  kind: 'put',
  request: putRequest(key, value, options),
});
const range = (key: string, options: Partial<RangeRequest> = {}): RequestOp => ({
  kind: 'range',
  request: rangeRequest(key, options),
});
const remove = (key: string, rangeEnd = ''): RequestOp => ({
  kind: 'delete-range',
  request: deleteRangeRequest(key, {rangeEnd}),
});
const nested = (lists: Partial<TxnRequest>): RequestOp => ({kind: 'txn', request: txnRequest(lists)});
const lease = (id: number): LeaseId => toId64(id) as LeaseId;
const NEGATIVE = toId64('fffffffffffffffe') as LeaseId;

/** At revision 4: a twice (2, 4), b once with lease 7 (3). */
function makeStore(options: StoreOptions = {}): MvccStore {
  const store = MvccStore.open(new TestBatch(), options);
  store.applyPut(putRequest('a', '1'));
  store.applyPut(putRequest('b', '2', {lease: lease(7)}));
  store.applyPut(putRequest('a', '3'));
  return store;
}

function run(store: MvccStore, lists: Partial<TxnRequest>) {
  const response = store.applyTxn(txnRequest(lists));
  if (isRefusal(response)) throw new Error(response.message);
  return response;
}

describe('comparisons', () => {
  const a = (result: Compare['result'], operand: Compare['operand'] & object): Compare => compare('a', result, operand);
  test.each<[string, Compare, boolean]>([
    ['version', a('equal', {kind: 'version', number: 2}), true],
    ['version, less', a('less', {kind: 'version', number: 2}), false],
    ['create', a('equal', {kind: 'create', number: 2}), true],
    ['create, greater', a('greater', {kind: 'create', number: 1}), true],
    ['mod', a('not-equal', {kind: 'mod', number: 2}), true],
    ['mod, equal', a('equal', {kind: 'mod', number: 2}), false],
    ['value', a('equal', {kind: 'value', value: '3'}), true],
    ['value by bytes', a('greater', {kind: 'value', value: '2\xff'}), true],
    ['no lease', a('equal', {kind: 'lease', lease: NO_LEASE}), true],
    ['lease', compare('b', 'equal', {kind: 'lease', lease: lease(7)}), true],
    ['a negative lease is less', compare('b', 'greater', {kind: 'lease', lease: NEGATIVE}), true],
    ['an absent key has version zero', compare('x', 'equal', {kind: 'version', number: 0}), true],
    ['and create revision zero', compare('x', 'less', {kind: 'create', number: 1}), true],
    ['and no lease', compare('x', 'equal', {kind: 'lease', lease: NO_LEASE}), true],
    ['but no value, not even an empty one', compare('x', 'equal', {kind: 'value', value: ''}), false],
    ['so it is not different from any either', compare('x', 'not-equal', {kind: 'value', value: 'v'}), false],
    ['every key of a range', compare('a', 'greater', {kind: 'mod', number: 2}, '\0'), true],
    ['one key of a range is enough to fail', compare('a', 'greater', {kind: 'mod', number: 3}, 'c'), false],
    ['an empty range counts as an absent key', compare('x', 'equal', {kind: 'mod', number: 0}, 'z'), true],
    ['an operand of another kind counts as zero', {...a('greater', {kind: 'version', number: 9}), target: 'mod'}, true],
    ['a missing operand too', {...a('equal', {kind: 'mod', number: 0}), operand: undefined}, false],
    ['a relation of a later release holds', a(9, {kind: 'mod', number: 0}), true],
    ['a target of a later release equals', {...a('equal', {kind: 'mod', number: 3}), target: 9}, true],
    ['and is not less', {...a('less', {kind: 'mod', number: 3}), target: 9}, false],
  ])('%s', (_name, one, want) => {
    expect(run(makeStore(), {compare: [one]}).succeeded).toBe(want);
  });

  test('all must hold; the first that fails decides', () => {
    const good = compare('a', 'equal', {kind: 'version', number: 2});
    const bad = compare('a', 'equal', {kind: 'version', number: 3});
    for (const list of [
      [good, good],
      [good, bad],
      [bad, good],
    ]) {
      expect(run(makeStore(), {compare: list}).succeeded).toBe(!list.includes(bad));
    }
    expect(run(makeStore(), {}).succeeded).toBe(true);
  });
});

describe('operations', () => {
  test('take one revision together, see each other, and answer in order', () => {
    const store = makeStore();
    const {header, responses} = run(store, {
      success: [range('a'), put('a', '4', {prevKv: true}), range('a'), remove('b'), range('a', {rangeEnd: 'z'})],
    });
    expect(header.revision).toBe(5);
    expect(responses).toMatchObject([
      {kind: 'range', response: {header: {revision: 4}, kvs: [{value: '3', modRevision: 4}]}},
      {kind: 'put', response: {header: {revision: 5}, prevKv: {value: '3'}}},
      {kind: 'range', response: {header: {revision: 5}, kvs: [{value: '4', modRevision: 5, version: 3}]}},
      {kind: 'delete-range', response: {header: {revision: 5}, deleted: 1}},
      {kind: 'range', response: {count: 1, kvs: [{key: 'a'}]}},
    ]);
    expect(store.currentRevision).toBe(5);
  });

  test('without a change they take none', () => {
    const store = makeStore();
    expect(run(store, {success: [range('a'), remove('x')]}).header.revision).toBe(4);
    expect(store.currentRevision).toBe(4);
  });

  test('an older revision is read as it was', () => {
    const {responses} = run(makeStore(), {success: [put('a', '9'), range('a', {revision: 2})]});
    expect(responses[1]).toMatchObject({response: {kvs: [{value: '1'}]}});
  });

  test('nested: comparisons see the store before the whole transaction, operations what is there by now', () => {
    const absent = compare('n', 'equal', {kind: 'version', number: 0});
    const {responses} = run(makeStore(), {
      success: [
        put('n'),
        nested({compare: [absent], success: [range('n'), nested({success: [put('m')]})], failure: [remove('a')]}),
      ],
    });
    expect(responses).toMatchObject([
      {kind: 'put'},
      {
        kind: 'txn',
        response: {
          header: {revision: 0},
          succeeded: true,
          responses: [
            {response: {count: 1}},
            {response: {succeeded: true, responses: [{response: {header: {revision: 5}}}]}},
          ],
        },
      },
    ]);
  });
});

describe('refused as a whole', () => {
  const REFUSED: [string, RequestOp, string][] = [
    ['a revision to come', range('a', {revision: 5}), 'etcdserver: mvcc: required revision is a future revision'],
    ['a compacted revision', range('a', {revision: 2}), 'etcdserver: mvcc: required revision has been compacted'],
    [
      'a negative revision, below the compact one',
      range('a', {revision: -1}),
      'etcdserver: mvcc: required revision has been compacted',
    ],
    ['a value to keep that is not there', put('x', '', {ignoreValue: true}), 'etcdserver: key not found'],
    ['a lease to keep that is not there', put('x', '', {ignoreLease: true}), 'etcdserver: key not found'],
    ['an unknown lease', put('x', '', {lease: lease(9)}), 'etcdserver: requested lease not found'],
  ];
  test.each(REFUSED)('%s', (_name, op, message) => {
    const store = makeStore({lessor: {exists: (id) => id === lease(7), attach: () => {}, detach: () => {}}});
    store.compact(3);
    const before = store.stateDigest();
    for (const success of [
      [put('p'), op],
      [put('p'), nested({success: [op]})],
    ]) {
      expect(store.applyTxn(txnRequest({success}))).toMatchObject({kind: 'error', message});
    }
    expect(store.stateDigest()).toBe(before);
    // What is on the other branch is not looked at.
    expect(isRefusal(store.applyTxn(txnRequest({failure: [op]})))).toBe(false);
  });

  test('of two bad ones the first listed, or up to 3.5 the put', () => {
    const success = [range('a', {revision: 99}), put('x', '', {ignoreValue: true})];
    expect(makeStore().applyTxn(txnRequest({success}))).toMatchObject({code: 'OutOfRange'});
    const older = makeStore({behaviours: mvccBehaviours('3.5.16')});
    expect(older.applyTxn(txnRequest({success}))).toMatchObject({message: 'etcdserver: key not found'});
  });

  test('without any compaction a range at -1 is the newest, at -2 compacted, as in etcd', () => {
    expect(run(makeStore(), {success: [range('a', {revision: -1})]}).responses).toMatchObject([{response: {count: 1}}]);
    expect(isRefusal(makeStore().applyTxn(txnRequest({success: [range('a', {revision: -2})]})))).toBe(true);
    expect(makeStore().range(rangeRequest('a', {revision: -2}))).toMatchObject({count: 1});
  });
});

describe('leases', () => {
  test('are attached and detached as keys change hands', () => {
    const told: string[] = [];
    const store = MvccStore.open(new TestBatch(), {
      lessor: {
        exists: (id) => id !== lease(9),
        attach: (id, key) => told.push(`+${Number.parseInt(id, 16)} ${key}`),
        detach: (id, key) => told.push(`-${Number.parseInt(id, 16)} ${key}`),
      },
    });
    store.applyPut(putRequest('a', '1', {lease: lease(7)}));
    store.applyPut(putRequest('a', '2', {lease: lease(7)}));
    store.applyPut(putRequest('a', '3', {lease: lease(8)}));
    store.applyPut(putRequest('a', '4', {ignoreLease: true}));
    store.applyPut(putRequest('b', '4', {lease: lease(7)}));
    store.applyPut(putRequest('a', '5'));
    store.applyDeleteRange(deleteRangeRequest('a', {rangeEnd: 'c'}));
    expect(told).toEqual(['+7 a', '-7 a', '+8 a', '+7 b', '-8 a', '-7 b']);
    expect(store.applyPut(putRequest('c', '', {lease: lease(9)}))).toMatchObject({
      code: 'NotFound',
      message: 'etcdserver: requested lease not found',
    });
  });

  test('of live keys are attached again by a restart', () => {
    const batch = new TestBatch();
    const store = MvccStore.open(batch);
    for (const key of ['a', 'b', 'c']) store.applyPut(putRequest(key, '', {lease: lease(7)}));
    store.applyPut(putRequest('b', ''));
    store.applyDeleteRange(deleteRangeRequest('c'));
    const told: string[] = [];
    const lessor = {exists: () => true, attach: (_id: LeaseId, key: string) => told.push(key), detach: () => {}};
    MvccStore.open(batch, {lessor: {...lessor, attach: (id, key) => void lessor.attach(id, key)}});
    expect(told).toEqual(['a']);
  });
});

describe('validation', () => {
  const ops = (count: number): RequestOp[] => Array.from({length: count}, (_, i) => put(`k${i}`));
  const check = (lists: Partial<TxnRequest>): string | undefined =>
    validateTxn(txnRequest(lists), 128)?.message.slice(12);
  const DUPLICATE = 'duplicate key given in txn request';
  const TOO_MANY = 'too many operations in txn request';

  test.each<[string, Partial<TxnRequest>, string | undefined]>([
    ['nothing', {}, undefined],
    ['as many as may be', {success: ops(128), failure: ops(128)}, undefined],
    ['one more', {success: ops(129)}, TOO_MANY],
    ['one more on the other branch', {failure: ops(129)}, TOO_MANY],
    ['too many comparisons', {compare: Array(129).fill(compare('a', 'equal', {kind: 'mod', number: 1}))}, TOO_MANY],
    ['nesting shares the allowance', {success: [nested({success: ops(127)})]}, undefined],
    ['and may exhaust it', {success: [nested({success: ops(128)})]}, TOO_MANY],
    ['an empty key to compare', {compare: [compare('', 'equal', {kind: 'mod', number: 1})]}, 'key is not provided'],
    ['an empty key to put', {success: [put('')]}, 'key is not provided'],
    ['an empty key to read', {failure: [range('')]}, 'key is not provided'],
    ['an empty key to delete, nested', {failure: [nested({success: [remove('')]})]}, 'key is not provided'],
    ['an op without a request', {success: [{kind: 'none'}]}, 'key not found'],
    ['a value beside ignoreValue', {success: [put('a', 'v', {ignoreValue: true})]}, 'value is provided'],
    [
      'a lease beside ignoreLease',
      {success: [put('a', '', {lease: lease(1), ignoreLease: true})]},
      'lease is provided',
    ],
    ['an unknown order', {success: [range('a', {sortOrder: 3})]}, 'invalid sort option'],
    ['an unknown target', {success: [range('a', {sortTarget: 5})]}, 'invalid sort option'],
    ['a key put twice', {success: [put('a'), put('a')]}, DUPLICATE],
    ['a key put on either branch', {success: [put('a')], failure: [put('a')]}, undefined],
    ['a key put and deleted', {failure: [remove('a'), put('a')]}, DUPLICATE],
    ['a key put and deleted with a range', {success: [put('b'), remove('a', 'c')]}, DUPLICATE],
    ['a key put just behind the range', {success: [put('c'), remove('a', 'c')]}, undefined],
    ['a key deleted twice', {success: [remove('a'), remove('a', 'c')]}, undefined],
    ['a key put and read', {success: [put('a'), range('a')]}, undefined],
    ['a key put by a nested one too', {success: [put('a'), nested({success: [put('a')]})]}, DUPLICATE],
    [
      'a key put by both branches of a nested one',
      {success: [nested({success: [put('a')], failure: [put('a')]})]},
      undefined,
    ],
    [
      'a key put by two nested ones',
      {success: [nested({success: [put('a')]}), nested({failure: [put('a')]})]},
      DUPLICATE,
    ],
    ['a key put nested and deleted outside', {success: [nested({failure: [put('a')]}), remove('a')]}, DUPLICATE],
    ['a key deleted nested and put outside', {success: [nested({success: [remove('a')]}), put('a')]}, DUPLICATE],
    [
      'a key deleted by one branch, put by the other',
      {success: [nested({success: [remove('a')], failure: [put('a')]})]},
      undefined,
    ],
    [
      'a key deleted nested, then put nested',
      {success: [nested({success: [remove('a')]}), nested({success: [put('a')]})]},
      DUPLICATE,
    ],
    // Found wanting in etcd itself, and kept:
    [
      'a key put nested, then deleted nested',
      {success: [nested({success: [put('a')]}), nested({success: [remove('a')]})]},
      undefined,
    ],
    ['a key put and deleted with a range without end', {success: [remove('a', '\0'), put('c')]}, undefined],
  ])('%s', (_name, lists, want) => {
    expect(check(lists)).toBe(want);
  });

  test('of requests outside transactions', () => {
    expect(validateRange(rangeRequest(''))?.message).toBe('etcdserver: key is not provided');
    expect(validateRange(rangeRequest('a', {sortOrder: 3}))).toMatchObject({code: 'InvalidArgument'});
    expect(validatePut(putRequest('', ''))?.message).toBe('etcdserver: key is not provided');
    expect(validatePut(putRequest('a', 'v', {ignoreValue: true}))?.message).toBe('etcdserver: value is provided');
    expect(validateDeleteRange(deleteRangeRequest(''))?.message).toBe('etcdserver: key is not provided');
    for (const ok of [
      validateRange(rangeRequest('a')),
      validatePut(putRequest('a', '')),
      validateDeleteRange(deleteRangeRequest('a')),
    ]) {
      expect(ok).toBeUndefined();
    }
  });
});

// Both seen on real etcd 3.5.16, which validates these transactions as if '\0' were the end of their deletions.
describe('what etcd lets through', () => {
  test('a put that keeps what the same transaction has deleted: every member panics, again at each restart', () => {
    const store = makeStore();
    const txn = txnRequest({success: [remove('a', '\0'), put('b', '', {ignoreLease: true})]});
    expect(validateTxn(txn, 128)).toBeUndefined();
    expect(() => store.applyTxn(txn)).toThrow(InvariantError);
  });

  test('a key deleted and put anew, then compacted to: reading it ends the process, a restart forgets it', () => {
    const batch = new TestBatch();
    const store = MvccStore.open(batch);
    store.applyPut(putRequest('c', '1'));
    run(store, {success: [remove('a', '\0'), put('c', '2')]});
    expect(store.range(rangeRequest('c'))).toMatchObject({kvs: [{value: '2', createRevision: 3}]});
    store.compact(3);
    while (store.hasCompaction) store.compactionStep(10);
    expect(() => store.range(rangeRequest('c'))).toThrow('range failed to find revision pair');
    expect(() => store.range(rangeRequest('a', {rangeEnd: '\0'}))).toThrow(InvariantError);
    expect(store.range(rangeRequest('c', {countOnly: true}))).toMatchObject({count: 1});
    const restarted = MvccStore.open(batch.copy());
    expect(restarted.range(rangeRequest('c'))).toMatchObject({header: {revision: 3}, count: 0});
    // A put does not read the backend, and heals the key.
    store.applyPut(putRequest('c', '3'));
    expect(store.range(rangeRequest('c'))).toMatchObject({kvs: [{value: '3', version: 2}]});
  });
});
