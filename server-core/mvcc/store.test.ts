// The store against whole maps of every revision, through random operations, compactions in steps and restarts.
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {must} from '../../base/assert.ts';
import {type LeaseId, toId64} from '../../base/ids.ts';
import type {
  Compare,
  CompareResult,
  CompareTarget,
  KeyValue,
  RangeRequest,
  RequestOp,
  ResponseOp,
  SortOrder,
  SortTarget,
  TxnRequest,
} from '../etcdserverpb/types.ts';
import {deleteRangeRequest, NO_LEASE, putRequest, rangeRequest, txnRequest} from '../etcdserverpb/types.ts';
import {isRefusal, type Refusal} from './errors.ts';
import {MvccStore} from './store.ts';
import {TestBatch} from './test-batch.ts';
import {type PlainAnswer, PlainStore} from './test-model.ts';
import {validateTxn} from './validate.ts';

const KEYS = ['a', 'ab', 'b', 'b\0', 'c', 'd\xff', 'e'];
const keys = fc.constantFrom(...KEYS);
const ends = fc.constantFrom('', '', '\0', 'ab', 'c', 'f');
const values = fc.constantFrom('', 'x', 'y', 'x\0', '\xff');
const leases = fc.constantFrom(NO_LEASE, NO_LEASE, toId64(7) as LeaseId, toId64(8) as LeaseId);
/** 0 stays; others count back from two behind the newest revision. */
const revisions = fc.oneof(fc.constant(0), fc.nat(14));
const ranges = fc
  .tuple(
    fc.record({key: keys, rangeEnd: ends, limit: fc.constantFrom(0, 0, 1, 2, 3, -1), revision: revisions}),
    fc.record({
      sortOrder: fc.constantFrom<SortOrder[]>('none', 'none', 'ascend', 'descend'),
      sortTarget: fc.constantFrom<SortTarget[]>('key', 'version', 'create', 'mod', 'value'),
      serializable: fc.boolean(),
      keysOnly: fc.boolean(),
      countOnly: fc.constantFrom(false, false, true),
    }),
    fc.oneof(
      {
        weight: 3,
        arbitrary: fc.constant({minModRevision: 0, maxModRevision: 0, minCreateRevision: 0, maxCreateRevision: 0}),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          minModRevision: fc.constantFrom(0, 0, 3, 5),
          maxModRevision: fc.constantFrom(0, 0, 4, 9),
          minCreateRevision: fc.constantFrom(0, 0, 3),
          maxCreateRevision: fc.constantFrom(0, 0, 6),
        }),
      },
    ),
  )
  .map(([place, options, bounds]): RangeRequest => ({...place, ...options, ...bounds}));
const puts = fc
  .record({
    key: keys,
    value: values,
    lease: leases,
    prevKv: fc.boolean(),
    ignoreValue: fc.constantFrom(false, false, true),
    ignoreLease: fc.constantFrom(false, false, true),
  })
  .map((put) => ({...put, value: put.ignoreValue ? '' : put.value, lease: put.ignoreLease ? NO_LEASE : put.lease}));
const deletes = fc.record({key: keys, rangeEnd: ends, prevKv: fc.boolean()});
// Not to '\0' inside transactions: see the tests of what etcd's validation misses.
const deletesInTxn = deletes.map((request) => ({
  ...request,
  rangeEnd: request.rangeEnd === '\0' ? 'f' : request.rangeEnd,
}));
const operands = fc.oneof(
  fc.record({kind: fc.constantFrom('version', 'create', 'mod'), number: fc.nat(8)}),
  fc.record({kind: fc.constant('value'), value: values}),
  fc.record({kind: fc.constant('lease'), lease: leases}),
);
const compares: fc.Arbitrary<Compare> = fc
  .record({
    result: fc.constantFrom<CompareResult[]>('equal', 'greater', 'less', 'not-equal'),
    operand: operands,
    key: keys,
    rangeEnd: ends,
    other: fc.constantFrom<(CompareTarget | undefined)[]>(undefined, undefined, undefined, 'value', 'mod', 'lease'),
  })
  .map(({other, ...rest}) => ({...rest, target: other ?? rest.operand.kind}));
const {txn: txns} = fc.letrec<{op: RequestOp; txn: TxnRequest}>((tie) => ({
  op: fc.oneof(
    {depthSize: 'small', withCrossShrink: true},
    fc.record({kind: fc.constant('range'), request: ranges}),
    fc.record({kind: fc.constant('put'), request: puts}),
    fc.record({kind: fc.constant('delete-range'), request: deletesInTxn}),
    fc.record({kind: fc.constant('txn'), request: tie('txn')}),
  ),
  txn: fc.record({
    compare: fc.array(compares, {maxLength: 2}),
    success: fc.array(tie('op'), {maxLength: 3}),
    failure: fc.array(tie('op'), {maxLength: 3}),
  }),
}));
const actions = fc.oneof(
  {weight: 4, arbitrary: fc.record({kind: fc.constant('put'), request: puts})},
  {weight: 2, arbitrary: fc.record({kind: fc.constant('delete'), request: deletes})},
  {weight: 5, arbitrary: fc.record({kind: fc.constant('txn'), request: txns})},
  {weight: 4, arbitrary: fc.record({kind: fc.constant('range'), request: ranges})},
  {weight: 1, arbitrary: fc.record({kind: fc.constant('compact'), back: fc.nat(8)})},
  {weight: 2, arbitrary: fc.record({kind: fc.constant('step'), limit: fc.integer({min: 1, max: 6})})},
  {weight: 1, arbitrary: fc.record({kind: fc.constant('restart')})},
);
type Action = typeof actions extends fc.Arbitrary<infer A> ? A : never;

const resolve = (revision: number, current: number): number => (revision === 0 ? 0 : current + 3 - revision);
const resolveRange = (request: RangeRequest, current: number): RangeRequest => ({
  ...request,
  revision: resolve(request.revision, current),
});
function resolveTxn(request: TxnRequest, current: number): TxnRequest {
  const ops = (list: readonly RequestOp[]): RequestOp[] =>
    list.map((op) => {
      if (op.kind === 'range') return {kind: 'range', request: resolveRange(op.request, current)};
      return op.kind === 'txn' ? {kind: 'txn', request: resolveTxn(op.request, current)} : op;
    });
  return {compare: request.compare, success: ops(request.success), failure: ops(request.failure)};
}

const WORDS: readonly (readonly [string, 'compacted' | 'future' | 'key not found'])[] = [
  ['etcdserver: mvcc: required revision has been compacted', 'compacted'],
  ['etcdserver: mvcc: required revision is a future revision', 'future'],
  ['etcdserver: key not found', 'key not found'],
];
function plainError(refusal: Refusal): PlainAnswer {
  return {error: must(WORDS.find(([message]) => message === refusal.message)?.[1], 'an unexpected refusal', refusal)};
}

type Response = Exclude<ResponseOp, {kind: 'none'}>;
function plain(op: Response): PlainAnswer {
  const {revision} = op.response.header;
  if (op.kind === 'range') {
    const {kvs, count, more} = op.response;
    return {revision, kvs, count, more};
  }
  if (op.kind === 'put') return {revision, kvs: op.response.prevKv === undefined ? [] : [op.response.prevKv]};
  if (op.kind === 'delete-range') return {revision, kvs: op.response.prevKvs, count: op.response.deleted};
  const {succeeded, responses} = op.response;
  return {revision, succeeded, responses: responses.map((response) => plain(response as Response))};
}
function answer<Kind extends Response['kind']>(
  kind: Kind,
  response: Extract<Response, {kind: Kind}>['response'] | Refusal,
): PlainAnswer {
  return isRefusal(response) ? plainError(response) : plain({kind, response} as Response);
}

/** A store, the maps it must agree with, and what it told of its changes. */
class Pair {
  batch = new TestBatch();
  readonly told: KeyValue[][] = [[], []];
  readonly model = new PlainStore();
  store = this.open();

  private open(): MvccStore {
    return MvccStore.open(this.batch, {
      changed: (revision, changes) => {
        expect(revision).toBe(this.told.length);
        this.told.push([...changes]);
      },
    });
  }

  restart(): void {
    this.batch = this.batch.copy();
    this.store = this.open();
  }

  /** Takes the action on both sides; their answers must be equal. */
  take(action: Action): void {
    const {store, model} = this;
    const current = model.revision;
    switch (action.kind) {
      case 'put':
        return expect(answer('put', store.applyPut(action.request))).toEqual(model.put(action.request));
      case 'delete':
        return expect(answer('delete-range', store.applyDeleteRange(action.request))).toEqual(
          model.deleteRange(action.request),
        );
      case 'txn': {
        const request = resolveTxn(action.request, current);
        if (validateTxn(request, 128) !== undefined) return;
        return expect(answer('txn', store.applyTxn(request))).toEqual(model.txn(request));
      }
      case 'range': {
        const request = resolveRange(action.request, current);
        return expect(answer('range', store.range(request))).toEqual(model.range(request));
      }
      case 'compact': {
        const result = store.compact(current + 1 - action.back);
        const got = isRefusal(result) ? plainError(result) : {revision: store.currentRevision};
        return expect(got).toEqual(model.compact(current + 1 - action.back));
      }
      case 'step':
        return void store.compactionStep(action.limit);
      case 'restart':
        return this.restart();
    }
  }

  /** Every revision that may still be read shows the model's map. */
  checkHistory(): void {
    const {store, model} = this;
    expect([store.currentRevision, store.compactRevision]).toEqual([model.revision, model.compactRevision]);
    for (let revision = Math.max(model.compactRevision, 1); revision <= model.revision; revision++) {
      const request = rangeRequest('\0', {rangeEnd: '\0', revision});
      expect(answer('range', store.range(request))).toEqual(model.range(request));
    }
  }
}

describe('against whole maps', () => {
  test('every answer, every revision, and every restart', () => {
    fc.assert(
      fc.property(fc.array(actions, {maxLength: 60, size: 'max'}), (list) => {
        const pair = new Pair();
        for (const action of list) {
          pair.take(action);
          const digest = pair.store.stateDigest();
          const reopened = MvccStore.open(pair.batch.copy());
          expect(reopened.stateDigest()).toBe(digest);
          // The hashes of finished compactions are not kept over a restart, and they cover another span.
          const {currentRevision} = pair.store;
          const isStored = pair.store.compactionHashes().some(({revision}) => revision === currentRevision);
          if (!isStored) expect(reopened.hashKv(currentRevision)).toEqual(pair.store.hashKv(currentRevision));
        }
        pair.checkHistory();
        pair.restart();
        pair.checkHistory();
      }),
      {numRuns: 400},
    );
  });

  test('the changes told make each map out of the one before', () => {
    fc.assert(
      fc.property(fc.array(actions, {maxLength: 40, size: 'max'}), (list) => {
        const pair = new Pair();
        for (const action of list) pair.take(action);
        for (let revision = 2; revision <= pair.model.revision; revision++) {
          const pairs = new Map(pair.model.history[revision - 1]);
          for (const kv of pair.told[revision] ?? []) {
            expect(kv.modRevision).toBe(revision);
            if (kv.version === 0) expect(pairs.delete(kv.key)).toBe(true);
            else pairs.set(kv.key, kv);
          }
          expect(new Map([...pairs].toSorted())).toEqual(
            new Map([...must(pair.model.history[revision], 'map')].toSorted()),
          );
        }
      }),
      {numRuns: 60},
    );
  });
});

describe('digest of the live state', () => {
  test('it follows from the pairs and revisions, not from the way there', () => {
    const one = MvccStore.open(new TestBatch());
    for (const [key, value] of [
      ['a', '1'],
      ['b', '2'],
    ] as const)
      one.applyPut(putRequest(key, value));
    const other = MvccStore.open(new TestBatch());
    other.applyPut(putRequest('a', '1'));
    expect(other.stateDigest()).not.toBe(one.stateDigest());
    other.applyPut(putRequest('b', '2'));
    expect(other.stateDigest()).toBe(one.stateDigest());
  });

  test.each([
    ['value', (store: MvccStore) => store.applyPut(putRequest('b', '3'))],
    ['key', (store: MvccStore) => store.applyPut(putRequest('c', '2'))],
    ['lease', (store: MvccStore) => store.applyPut(putRequest('b', '2', {lease: toId64(1) as LeaseId}))],
    ['deletion', (store: MvccStore) => store.applyDeleteRange(deleteRangeRequest('a'))],
    [
      'sub revision apart, one transaction for two',
      (store: MvccStore) =>
        store.applyTxn(
          txnRequest({
            success: [
              {kind: 'put', request: putRequest('b', '2')},
              {kind: 'put', request: putRequest('c', '2')},
            ],
          }),
        ),
    ],
    [
      'compaction',
      (store: MvccStore) => {
        store.applyPut(putRequest('b', '2'));
        return store.compact(2);
      },
    ],
  ])('a different %s is a different digest', (_what, change) => {
    const make = (): MvccStore => {
      const store = MvccStore.open(new TestBatch());
      store.applyPut(putRequest('a', '1'));
      return store;
    };
    const changed = make();
    change(changed);
    const plainPut = make();
    plainPut.applyPut(putRequest('b', '2'));
    expect(changed.stateDigest()).not.toBe(plainPut.stateDigest());
  });
});
