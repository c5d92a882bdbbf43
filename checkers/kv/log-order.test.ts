// The order of the log settles what answers leave open, and explains away nothing that was answered.
import {describe, expect, test} from 'vitest';
import type {KeyValue, KvRequest, KvStep, Operation, Outcome, StepResponse} from '../../history/operation.ts';
import {checkEtcdHistory, checkEtcdHistoryWithLog} from './etcd-history.ts';
import {narrowByPersistedOrder} from './persisted-order.ts';

const put = (key: string, value: string): KvStep => ({kind: 'put', key, value});
const del = (key: string): KvStep => ({kind: 'delete-range', key});
const get = (key: string): KvRequest => ({kind: 'range', key});
const ok = (revision: number, response: StepResponse): Outcome => ({
  kind: 'ok',
  response: {...response, revision, member: 'm1'},
});
const lost: Outcome = {kind: 'error', error: 'timeout', effect: 'unknown'};
const pair = (key: string, value: string, createRevision: number, modRevision: number, version: number): KeyValue => ({
  key,
  value,
  createRevision,
  modRevision,
  version,
});
const saw = (...kvs: KeyValue[]): StepResponse => ({kind: 'range', kvs, count: kvs.length, more: false});

/** Operations one after the other, each by a client of its own. */
const history = (lines: readonly (readonly [KvRequest, Outcome])[]): Operation[] =>
  lines.map(([request, outcome], id) => ({id, client: id, request, callUs: id * 10, returnUs: id * 10 + 5, outcome}));

const revisions = (operations: readonly Operation[] | undefined) =>
  operations?.map(({outcome}) => (outcome.kind === 'ok' ? outcome.response.revision : outcome.kind));

describe('narrowing', () => {
  test('what is in the log is given the answer it implies; what is not never took place', () => {
    const operations = history([
      [put('a', '1'), lost],
      [put('a', '2'), lost],
      [put('a', '3'), lost],
      [get('a'), ok(3, saw(pair('a', '1', 2, 3, 2)))],
    ]);
    const narrowed = narrowByPersistedOrder(operations, [put('a', '3'), put('a', '1')]);
    expect(revisions(narrowed)).toEqual([3, 'error', 2, 3]);
    expect(narrowed?.[1]?.outcome).toMatchObject({effect: 'none'});
  });

  test('of equal requests the answered one keeps its revision, and the earliest unanswered call takes the other', () => {
    const operations = history([
      [put('a', '1'), ok(2, {kind: 'put'})],
      [del('a'), lost],
      [del('a'), ok(5, {kind: 'delete-range', deleted: 1})],
      [del('a'), lost],
      [put('a', '2'), ok(4, {kind: 'put'})],
    ]);
    const narrowed = narrowByPersistedOrder(operations, [put('a', '1'), del('a'), put('a', '2'), del('a')]);
    expect(revisions(narrowed)).toEqual([2, 3, 5, 'error', 4]);
  });

  test('a guard that failed took place without an effect', () => {
    const swap: KvRequest = {
      kind: 'txn',
      compare: [{key: 'a', target: 'mod', result: 'equal', operand: 99}],
      success: [put('a', '2')],
      failure: [],
    };
    const operations = history([
      [put('a', '1'), ok(2, {kind: 'put'})],
      [swap, lost],
    ]);
    const [, guarded] = narrowByPersistedOrder(operations, [put('a', '1'), swap]) ?? [];
    expect(guarded?.outcome).toMatchObject({kind: 'ok', response: {kind: 'txn', succeeded: false, revision: 2}});
  });
});

describe('judgement with the log', () => {
  const stale = history([
    [put('a', '1'), ok(2, {kind: 'put'})],
    [put('a', '2'), ok(3, {kind: 'put'})],
    [get('a'), ok(2, saw(pair('a', '1', 2, 2, 1)))],
  ]);

  test('a stale read stays a violation whatever the log says', () => {
    const result = checkEtcdHistoryWithLog({operations: stale}, () => [put('a', '1'), put('a', '2')]);
    expect([result.verdict, result.findings[0]?.check]).toEqual(['violation', 'linearizability']);
  });

  test('the log is not asked when the history is fine by itself', () => {
    const never = () => {
      throw new Error('asked');
    };
    expect(checkEtcdHistoryWithLog({operations: stale.slice(0, 2)}, never).verdict).toBe('ok');
  });

  test('thirty writes without an answer, of which the log knows the order, get a verdict', () => {
    const writes = Array.from({length: 30}, (_, i): readonly [KvRequest, Outcome] => [
      i % 3 === 0 ? del(`k${i % 4}`) : put(`k${i % 4}`, `${i}`),
      lost,
    ]);
    const log = writes.map(([request]) => request as KvStep).filter((_, i) => i % 2 === 0);
    const operations = history(writes);
    const narrowed = narrowByPersistedOrder(operations, log);
    expect(narrowed?.filter(({outcome}) => outcome.kind === 'ok').length).toBe(log.length);
    expect(checkEtcdHistory({operations: narrowed ?? []}).verdict).toBe('ok');
  });

  test('an answer that contradicts the log is not explained by it', () => {
    const operations = history([
      [put('a', '1'), lost],
      [get('a'), ok(2, saw(pair('a', '7', 2, 2, 1)))],
    ]);
    expect(checkEtcdHistoryWithLog({operations}, () => [put('a', '1')]).verdict).toBe('violation');
  });
});
