// What older releases drop of requests, and what that makes of them: the store of such a release against the newest.
import {describe, expect, test} from 'vitest';
import type {Compare, RequestOp, TxnRequest} from '../etcdserverpb/types.ts';
import {compare, deleteRangeRequest, putRequest, rangeRequest, txnRequest} from '../etcdserverpb/types.ts';
import {mvccBehaviours} from './behaviours.ts';
import {isSatisfied} from './compare.ts';
import {knownDeleteRange, knownFieldsOf, knownPut, knownRange, knownTxn} from './known-fields.ts';
import {validateTxn} from './validate.ts';

const RELEASES = ['3.0.10', '3.0.17', '3.1.20', '3.2.32'] as const;
const known = (release: string) => knownFieldsOf(release);

describe('fields', () => {
  test('from 3.3 on nothing is dropped, and nothing is looked at', () => {
    expect([known('3.3.0'), known('3.7.1')]).toEqual([undefined, undefined]);
    const nested = txnRequest({success: [{kind: 'txn', request: txnRequest({})}]});
    expect(knownTxn(known('3.3.0'), nested)).toBe(nested);
  });

  test('bounds by revision: 3.1', () => {
    const range = rangeRequest('a', {minModRevision: 3, maxCreateRevision: 4});
    const bounds = RELEASES.map((release) => knownRange(known(release), range).minModRevision);
    expect(bounds).toEqual([0, 0, 3, 3]);
  });

  test('prev_kv: 3.0.11; ignore_value and ignore_lease: 3.2', () => {
    const put = putRequest('a', '', {prevKv: true, ignoreValue: true, ignoreLease: true});
    const dropped = RELEASES.map((release) => knownPut(known(release), put));
    expect(dropped.map(({prevKv}) => prevKv)).toEqual([false, true, true, true]);
    expect(dropped.map(({ignoreValue, ignoreLease}) => ignoreValue && ignoreLease)).toEqual([
      false,
      false,
      false,
      true,
    ]);
    const deletions = RELEASES.map((release) =>
      knownDeleteRange(known(release), deleteRangeRequest('a', {prevKv: true})),
    );
    expect(deletions.map(({prevKv}) => prevKv)).toEqual([false, true, true, true]);
  });

  test('nested transactions and compared ranges: 3.3', () => {
    const request = txnRequest({
      compare: [compare('a', 'equal', {kind: 'version', number: 0}, 'c')],
      success: [
        {kind: 'txn', request: txnRequest({})},
        {kind: 'range', request: rangeRequest('a')},
      ],
    });
    for (const release of RELEASES) {
      const {compare: compares, success} = knownTxn(known(release), request);
      expect(compares.map(({rangeEnd}) => rangeEnd)).toEqual(['']);
      expect(success.map(({kind}) => kind)).toEqual(['none', 'range']);
    }
  });
});

describe('comparisons', () => {
  const holds = (release: string, given: Compare): boolean => {
    const [compared] = knownTxn(known(release), txnRequest({compare: [given]})).compare;
    if (compared === undefined) throw new Error('the comparison is gone');
    return isSatisfied(compared, [], mvccBehaviours(release).comparesWithAbsentOperand);
  };

  test('not-equal holds always in 3.0, which has no word for it', () => {
    const given = compare('a', 'not-equal', {kind: 'version', number: 0});
    expect(RELEASES.map((release) => holds(release, given))).toEqual([true, true, false, false]);
  });

  test('a lease is equal to everything before 3.3', () => {
    const lease = {kind: 'lease', lease: '0000000000000007' as never} as const;
    expect(RELEASES.map((release) => holds(release, compare('a', 'equal', lease)))).toEqual([true, true, true, true]);
    expect(RELEASES.map((release) => holds(release, compare('a', 'less', lease)))).toEqual([
      false,
      false,
      false,
      false,
    ]);
    expect(holds('3.3.0', compare('a', 'equal', lease))).toBe(false);
  });

  test('so is everything to an operand of another kind', () => {
    const given: Compare = {...compare('a', 'greater', {kind: 'mod', number: -1}), target: 'version'};
    expect(RELEASES.map((release) => holds(release, {...given, result: 'equal'}))).toEqual([true, true, true, true]);
    expect([holds('3.2.32', given), holds('3.3.0', given)]).toEqual([false, false]);
    expect(holds('3.3.0', {...given, result: 'equal'})).toBe(true);
  });
});

describe('a key that is changed twice', () => {
  const put = (key: string): RequestOp => ({kind: 'put', request: putRequest(key, 'v')});
  const remove = (key: string, rangeEnd = ''): RequestOp => ({
    kind: 'delete-range',
    request: deleteRangeRequest(key, {rangeEnd}),
  });
  const isRefused = (release: string, success: readonly RequestOp[]): boolean => {
    const request: TxnRequest = txnRequest({success});
    return validateTxn(request, 128, mvccBehaviours(release)) !== undefined;
  };

  test.each<[string, RequestOp[], boolean, boolean]>([
    ['two puts of one key', [put('a'), put('a')], true, true],
    ['a put and its deletion', [put('a'), remove('a')], true, true],
    ['a put inside a deleted range', [put('b'), remove('a', 'c')], true, true],
    ['a put behind a deleted range', [put('c'), remove('a', 'c')], false, false],
    // An open end is taken for the smallest key: what lies before the range collides, what lies in it does not.
    ['a put below an open deletion', [put('a'), remove('b', '\0')], true, false],
    ['a put inside an open deletion', [put('c'), remove('b', '\0')], false, false],
    ['deletions alone', [remove('a', 'c'), remove('b')], false, false],
  ])('%s', (_name, ops, isEarly, isLate) => {
    expect([isRefused('3.2.32', ops), isRefused('3.3.25', ops)]).toEqual([isEarly, isLate]);
  });

  test('an operation that is not there is refused from 3.2.1 on', () => {
    const nothing: RequestOp[] = [{kind: 'none'}];
    expect(['3.1.20', '3.2.0', '3.2.1', '3.3.25'].map((release) => isRefused(release, nothing))).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });
});
