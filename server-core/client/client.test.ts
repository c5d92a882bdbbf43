// What a client does around a call: which server it asks, what it asks again, what it says about a write.
import {expect, test} from 'vitest';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs, until} from '../../env/fiber.ts';
import {World} from '../../sim/world.ts';
import type {ClientPayload} from '../api/payloads.ts';
import {clientFrame, clientPayloadOf} from '../api/payloads.ts';
import type {Call, CallResult} from './client.ts';
import {Client} from './client.ts';

/** What a scripted server does with its n-th call: answers, refuses, breaks the connection, or says nothing. */
type Script = (call: number) => 'ok' | 'unavailable' | 'invalid' | 'break' | 'silence';

/** A server that answers as its script says; `calls` counts what it got. */
function server(world: World, name: string, script: Script): {calls: number} {
  const seen = {calls: 0};
  world.addMachine(name).start('server', function* (env) {
    const listener = env.network.listen(2379);
    for (;;) {
      const connection = yield* until(listener.accept);
      if (connection === undefined) return;
      connection.trySend(clientFrame({kind: 'settings'}, 0));
      for (
        let frame = yield* until(connection.receive);
        frame !== undefined;
        frame = yield* until(connection.receive)
      ) {
        const payload = clientPayloadOf(frame);
        if (payload.kind !== 'call') continue;
        const act = script(++seen.calls);
        const reply = answer(act, payload.id);
        if (reply !== undefined) connection.trySend(clientFrame(reply, 10));
        if (act === 'break') connection.reset();
      }
    }
  });
  return seen;
}

function answer(act: ReturnType<Script>, id: number): ClientPayload | undefined {
  if (act === 'ok') return {kind: 'reply', id, response: {}};
  if (act === 'unavailable') return {kind: 'failure', id, code: 'Unavailable', message: 'etcdserver: leader changed'};
  if (act === 'invalid')
    return {kind: 'failure', id, code: 'InvalidArgument', message: 'etcdserver: key is not provided'};
  return undefined;
}

const read: Call = {method: '/etcdserverpb.KV/Range', request: {}, sizeBytes: 1, isRepeatable: true};
const write: Call = {method: '/etcdserverpb.KV/Put', request: {}, sizeBytes: 1, isRepeatable: false};

/** Makes these calls one after the other against these servers. */
function ask(world: World, servers: readonly string[], calls: readonly Call[]): CallResult[] {
  const results: CallResult[] = [];
  world.addMachine('client').start('client', function* (env: Env): Fiber<void> {
    const client = new Client(env, {endpoints: servers.map((name) => `${name}:2379`), requestTimeoutUs: 5_000_000});
    client.start();
    yield* sleepUs(env.clock, 100_000);
    for (const call of calls) results.push(yield* client.call(call));
  });
  world.runUntil(120_000_000);
  return results;
}

test('a read that a server cannot answer now is asked again; a write is not, and its effect is unknown', () => {
  const world = new World({seed: 1});
  const seen = server(world, 's', (call) => (call <= 2 || call === 4 ? 'unavailable' : 'ok'));
  const [first, second] = ask(world, ['s'], [read, write]);
  expect([first?.kind, seen.calls]).toEqual(['ok', 4]);
  expect(second).toMatchObject({kind: 'error', code: 'Unavailable', effect: 'unknown'});
});

test('a refusal is told at once, and nothing took place', () => {
  const world = new World({seed: 1});
  const seen = server(world, 's', () => 'invalid');
  const results = ask(world, ['s'], [read, write]);
  expect(results.map((result) => result.kind === 'error' && result.effect)).toEqual(['none', 'none']);
  expect(seen.calls).toBe(2);
});

test('a connection that breaks under a write leaves its effect open; a read is asked on another server', () => {
  const world = new World({seed: 1});
  const broken = server(world, 's1', () => 'break');
  const fine = server(world, 's2', () => 'ok');
  const results = ask(world, ['s1', 's2'], [write, write, read, read]);
  const kinds = results.map((result) => (result.kind === 'error' ? result.effect : 'ok'));
  expect(kinds.slice(0, 2).sort()).toEqual(['ok', 'unknown']);
  expect(kinds.slice(2)).toEqual(['ok', 'ok']);
  expect([broken.calls > 0, fine.calls > 0]).toEqual([true, true]);
});

test('servers are asked in turn', () => {
  const world = new World({seed: 1});
  const seen = ['s1', 's2', 's3'].map((name) => server(world, name, () => 'ok'));
  ask(
    world,
    ['s1', 's2', 's3'],
    Array.from({length: 9}, () => write),
  );
  expect(seen.map(({calls}) => calls)).toEqual([3, 3, 3]);
});

test('silence ends with the deadline of the call, effect unknown', () => {
  const world = new World({seed: 1});
  server(world, 's', () => 'silence');
  const [result] = ask(world, ['s'], [write]);
  expect(result).toMatchObject({kind: 'error', code: 'DeadlineExceeded', effect: 'unknown'});
});

test('when no server can be reached a write certainly did not take place', () => {
  const world = new World({seed: 1});
  world.addMachine('s').start('idle', (env) => sleepUs(env.clock, 200_000_000));
  const [result] = ask(world, ['s'], [write]);
  expect(result).toMatchObject({kind: 'error', code: 'DeadlineExceeded', effect: 'none'});
});
