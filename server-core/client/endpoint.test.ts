// One connection: its backoff, and what it does when more is said than its buffer holds.
import {expect, test} from 'vitest';
import type {Env} from '../../env/env.ts';
import {Signal, sleepUs} from '../../env/fiber.ts';
import type {Network} from '../../env/network.ts';
import {World} from '../../sim/world.ts';
import {Endpoint} from './endpoint.ts';
import {ScriptedServer, SECOND} from './test-servers.ts';

/** Runs an endpoint to that server beside a program. */
function withEndpoint(world: World, address: string, program: (endpoint: Endpoint, env: Env) => Generator): void {
  world.addMachine('client').start('client', function* (env) {
    const endpoint = new Endpoint(env, address, new Signal());
    env.spawn('endpoint', endpoint.run());
    yield* program(endpoint, env) as ReturnType<typeof sleepUs>;
  });
}

test('more messages than the buffer holds arrive all the same, in order', () => {
  const world = new World({seed: 1});
  const server = new ScriptedServer(world, 's', () => undefined);
  const count = 40_000;
  withEndpoint(world, 's:2379', function* (endpoint, env) {
    yield* sleepUs(env.clock, SECOND);
    const stream = endpoint.openStream('/etcdserverpb.Watch/Watch');
    for (let i = 0; i < count; i++) stream?.send({i});
    stream?.halfClose();
    yield* sleepUs(env.clock, 20 * SECOND);
  });
  world.runUntil(20 * SECOND);
  const numbers = server.got('message').map(({message}) => (message as {i: number}).i);
  expect(numbers.length).toBe(count);
  expect(numbers.every((number, i) => number === i)).toBe(true);
  expect(server.seen.at(-1)?.kind).toBe('half-close');
});

test('a server that refuses is dialled again after 1 s, then 1.6 times later each time, a fifth more or less', () => {
  const world = new World({seed: 1});
  world.addMachine('s').start('idle', (env) => sleepUs(env.clock, 600 * SECOND));
  const dialledUs: number[] = [];
  world.addMachine('client').start('client', (env) => {
    const dial: Network['dial'] = (address, timeoutUs) => {
      dialledUs.push(env.clock.monotonicUs());
      return env.network.dial(address, timeoutUs);
    };
    const spied: Env = Object.create(env, {network: {value: {...env.network, dial}}});
    return new Endpoint(spied, 's:2379', new Signal()).run();
  });
  world.runUntil(60 * SECOND);
  expect(dialledUs.length).toBeGreaterThanOrEqual(7);
  let want = SECOND;
  for (let i = 1; i < dialledUs.length; i++) {
    const gap = (dialledUs[i] as number) - (dialledUs[i - 1] as number);
    const jitter = i === 1 ? 0 : want / 5;
    expect(gap).toBeGreaterThanOrEqual(want - jitter);
    expect(gap).toBeLessThan(want + jitter + 10_000);
    want *= 1.6;
  }
});
