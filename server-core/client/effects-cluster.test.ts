// What a client is told about its writes, held against what the members keep: an acknowledged write is there, one that certainly
// did nothing is not, and none is there twice. Members crash, the leader is cut off, and calls time out early.
import {expect, test} from 'vitest';
import {sleepUs} from '../../env/fiber.ts';
import type {Direction} from '../../sim/network.ts';
import {compare, putRequest, txnRequest} from '../etcdserverpb/types.ts';
import type {Call} from './client.ts';
import {Client} from './client.ts';
import {runClient, SECOND, TestMembers} from './test-servers.ts';
import {Watcher} from './watcher.ts';

interface Written {
  readonly value: string;
  readonly outcome: 'ok' | 'none' | 'unknown';
}

/** The n-th write of a writer: puts, transactions that guard nothing, and some that every member refuses. */
function write(value: string, i: number): Call {
  const request = putRequest('k', value);
  if (i % 5 === 4) {
    const success = [{kind: 'put', request} as const];
    const guard = compare('k', 'greater', {kind: 'create', number: -1});
    return {method: '/etcdserverpb.KV/Txn', request: txnRequest({compare: [guard], success}), sizeBytes: 20};
  }
  if (i % 11 === 10) return {method: '/etcdserverpb.KV/Put', request: putRequest('', value), sizeBytes: 20};
  return {method: '/etcdserverpb.KV/Put', request, sizeBytes: 20, requiresLeader: i % 2 === 0};
}

function run(release: string, seed: number) {
  const members = new TestMembers(3, release, seed);
  const {world, endpoints} = members;
  world.runUntil(4 * SECOND);
  const written: Written[] = [];
  let isWriting = true;
  for (const name of ['w1', 'w2', 'w3']) {
    world.addMachine(name).start('client', function* (env) {
      const client = new Client(env, {endpoints, requestTimeoutUs: SECOND, release});
      client.start();
      for (let i = 0; isWriting; i++) {
        const value = `${name}.${i}`;
        // Now and then a call has hardly any time.
        const timeoutUs = i % 7 === 6 ? 1_500 : SECOND;
        const result = yield* client.call({...write(value, i), timeoutUs});
        written.push({value, outcome: result.kind === 'ok' ? 'ok' : result.effect});
        yield* sleepUs(env.clock, 3_000);
      }
    });
  }
  world.runUntil(world.nowUs + SECOND);
  members.crashInTurn(3, 300_000, 1_500_000);
  const leader = members.leader ?? 'm1';
  const others = members.names.filter((name) => name !== leader);
  const cut = world.network.cut(
    others.flatMap((name): Direction[] => [
      [leader, name],
      [name, leader],
    ]),
  );
  world.runUntil(world.nowUs + 4 * SECOND);
  cut.lift();
  world.runUntil(world.nowUs + 2 * SECOND);
  isWriting = false;
  world.runUntil(world.nowUs + 10 * SECOND);
  const kept = runClient(world, {endpoints, release}, function* (client, env) {
    const values: string[] = [];
    const watch = new Watcher(client).watch({key: 'k', startRevision: 1});
    yield* sleepUs(env.clock, 3 * SECOND);
    while (watch.receive.ready()) {
      const event = watch.receive.take();
      if (event.kind !== 'events') throw new Error(event.kind);
      for (const {kv} of event.events) values.push(kv.value);
    }
    return values;
  });
  return {written, kept};
}

test.each([
  ['3.3.25', 21],
  ['3.4.23', 22],
  ['3.5.16', 23],
  ['3.6.0', 24],
])('%s, seed %i: what clients were told of their writes is true', (release, seed) => {
  const {written, kept} = run(release, seed);
  const keptOnce = new Set(kept);
  const of = (outcome: Written['outcome']) => written.filter((one) => one.outcome === outcome).map(({value}) => value);
  expect([of('ok').length > 100, of('none').length > 10, of('unknown').length > 5]).toEqual([true, true, true]);
  expect(kept.length).toBe(keptOnce.size);
  expect(of('ok').filter((value) => !keptOnce.has(value))).toEqual([]);
  expect(of('none').filter((value) => keptOnce.has(value))).toEqual([]);
  // Some that nobody could know of took place, so `unknown` is not merely a word.
  expect(of('unknown').some((value) => keptOnce.has(value))).toBe(true);
});
