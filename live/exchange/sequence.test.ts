import {describe, expect, test} from 'vitest';
import type {CallOp} from '../plan.ts';
import {DIRECTIONS, drawSequence} from './sequence.ts';

const SEEDS = Array.from({length: 20}, (_, index) => index + 1);
const all = DIRECTIONS.flatMap((direction) => SEEDS.map((seed) => drawSequence(seed, '3.5.16', direction)));
const named = (calls: readonly CallOp[], rpc: string): CallOp[] => calls.filter((call) => call.rpc === rpc);

test('a seed gives one sequence, and each direction its own', () => {
  const [first, second] = DIRECTIONS.map((direction) => drawSequence(7, '3.5.16', direction));
  expect(drawSequence(7, '3.5.16', DIRECTIONS[0] ?? 'real -> simulated')).toEqual(first);
  expect(second).not.toEqual(first);
});

test('every sequence has leases, deletes, users and a compaction, and calls under way at the end', () => {
  for (const {calls, rounds, crashes, memberCount} of all) {
    for (const rpc of ['Lease/LeaseGrant', 'Lease/LeaseRevoke', 'KV/DeleteRange', 'Auth/UserAdd', 'KV/Compact'])
      expect(named(calls, rpc).length).toBeGreaterThan(0);
    expect(rounds.reduce((sum, round) => sum + round.calls.length, 0)).toBeGreaterThan(1);
    expect(crashes).toHaveLength(memberCount);
  }
});

describe('over twenty seeds there is', () => {
  test('authentication that is on at the end, and off', () => {
    const count = all.filter(({calls}) =>
      calls.some(({request}) => /under\/auth/.test(JSON.stringify(request))),
    ).length;
    expect(count).toBeGreaterThan(10);
    expect(count).toBeLessThan(30);
  });
  test('one member and three, a kill and a power cut', () => {
    expect(new Set(all.map(({memberCount}) => memberCount))).toEqual(new Set([1, 3]));
    expect(new Set(all.flatMap(({crashes}) => crashes))).toEqual(new Set(['kill', 'power cut']));
  });
  test('an alarm and a learner that are left behind', () => {
    const last = all.flatMap(({calls}) => calls.slice(-2));
    expect(named(last, 'Maintenance/Alarm').length).toBeGreaterThan(0);
    expect(named(last, 'Cluster/MemberAdd').length).toBeGreaterThan(0);
  });
});

test('a real member is never cut off from its power', () => {
  for (const seed of SEEDS)
    expect(drawSequence(seed, '3.4.23', 'real -> simulated').crashes).not.toContain('power cut');
});

test('no lease expires while we look, and no transaction reads the past', () => {
  for (const {calls} of all) {
    for (const {request} of named(calls, 'Lease/LeaseGrant'))
      expect(Number((request as {readonly TTL: number}).TTL)).toBeGreaterThanOrEqual(600);
    const ranges = named(calls, 'KV/Txn').map(({request}) => JSON.stringify(request));
    expect(ranges.join()).not.toMatch(/"request_range":\{[^{}]*"revision"/);
  }
  const ranges = all
    .flatMap(({calls}) => named(calls, 'KV/Txn'))
    .filter(({request}) => JSON.stringify(request).includes('request_range'));
  expect(ranges.length).toBeGreaterThan(50);
});

test('three members get only puts of new keys at the end: the election decides which of the last ones survive', () => {
  const rounds = all.filter(({memberCount}) => memberCount === 3).flatMap((sequence) => sequence.rounds);
  const calls = rounds.flatMap((round) => round.calls);
  expect(calls.length).toBeGreaterThan(50);
  expect(new Set(calls.map(({rpc}) => rpc))).toEqual(new Set(['KV/Put']));
});

test('3.3 has no learners to leave behind', () => {
  for (const seed of SEEDS) {
    const {calls} = drawSequence(seed, '3.3.25', 'real -> simulated');
    expect(named(calls.slice(-2), 'Cluster/MemberAdd')).toEqual([]);
  }
});
