// What a client does around a call: which server it asks, what it asks again, what it says about a write.
import {describe, expect, test} from 'vitest';
import {sleepUs} from '../../env/fiber.ts';
import {Promised} from '../../env/sync.ts';
import {World} from '../../sim/world.ts';
import type {CallFailure} from '../api/payloads.ts';
import {memberMessage, membersResponse} from '../etcdserverpb/cluster-messages.ts';
import type {Call, CallResult, ClientOptions} from './client.ts';
import type {ScriptedConnection} from './test-servers.ts';
import {runClient, ScriptedServer, SECOND} from './test-servers.ts';

/** What a scripted server does with its n-th call: answers, refuses, breaks the connection, or says nothing. */
type Act = 'ok' | 'break' | 'silence' | CallFailure;

const UNAVAILABLE: CallFailure = {code: 'Unavailable', message: 'etcdserver: leader changed'};
const INVALID: CallFailure = {code: 'InvalidArgument', message: 'etcdserver: key is not provided'};
const DROPPED: CallFailure = {code: 'Unknown', message: 'raft proposal dropped'};

function callServer(world: World, name: string, act: (call: number) => Act): ScriptedServer {
  let count = 0;
  return new ScriptedServer(world, name, (payload, connection) => {
    if (payload.kind === 'call') perform(act(++count), payload.id, connection);
  });
}

function perform(act: Act, id: number, connection: ScriptedConnection): void {
  if (act === 'ok') connection.reply(id);
  else if (act === 'break') connection.reset();
  else if (act !== 'silence') connection.fail(id, act.code, act.message);
}

const read: Call = {method: '/etcdserverpb.KV/Range', request: {}, sizeBytes: 1};
const write: Call = {method: '/etcdserverpb.KV/Put', request: {}, sizeBytes: 1};

/** Makes these calls one after the other against these servers. */
function ask(
  world: World,
  servers: readonly string[],
  calls: readonly Call[],
  options: Partial<ClientOptions> = {},
): CallResult[] {
  return runClient(world, {endpoints: servers.map((name) => `${name}:2379`), ...options}, function* (client, env) {
    const results: CallResult[] = [];
    yield* sleepUs(env.clock, 100_000);
    for (const call of calls) results.push(yield* client.call(call));
    return results;
  });
}

/** `ok`, or the code and the effect of an error. */
const told = (result: CallResult | undefined): string =>
  result?.kind === 'error' ? `${result.code} ${result.effect}` : (result?.kind ?? 'nothing');

const countOf = (server: ScriptedServer): number => server.got('call').length;

describe('tries', () => {
  test('a read that a server cannot answer now is asked again; a write is not, and its effect is unknown', () => {
    const world = new World({seed: 1});
    const server = callServer(world, 's', (call) => (call <= 2 || call === 4 ? UNAVAILABLE : 'ok'));
    const results = ask(world, ['s'], [read, write]);
    expect(results.map(told)).toEqual(['ok', 'Unavailable unknown']);
    expect(countOf(server)).toBe(4);
  });

  test('a refusal is told at once, and nothing took place', () => {
    const world = new World({seed: 1});
    const server = callServer(world, 's', () => INVALID);
    expect(ask(world, ['s'], [read, write]).map(told)).toEqual(['InvalidArgument none', 'InvalidArgument none']);
    expect(countOf(server)).toBe(2);
  });

  test('a connection that breaks under a write leaves its effect open; a read is asked on another server', () => {
    const world = new World({seed: 1});
    const broken = callServer(world, 's1', () => 'break');
    const fine = callServer(world, 's2', () => 'ok');
    const results = ask(world, ['s1', 's2'], [write, write, read, read]);
    expect(results.slice(0, 2).map(told).sort()).toEqual(['Unavailable unknown', 'ok']);
    expect(results.slice(2).map(told)).toEqual(['ok', 'ok']);
    expect([countOf(broken) > 0, countOf(fine) > 0]).toEqual([true, true]);
  });

  test('a read is given up after 100 tries', () => {
    const world = new World({seed: 1});
    const server = callServer(world, 's', () => UNAVAILABLE);
    expect(ask(world, ['s'], [{...read, timeoutUs: 'none'}]).map(told)).toEqual(['Unavailable unknown']);
    expect(countOf(server)).toBe(100);
  });

  // retry_interceptor.go: "its the callCtx deadline or cancellation, in which case try again", whatever the policy.
  test.each(['Canceled', 'DeadlineExceeded'] as const)('%s from a server makes even a write be asked again', (code) => {
    const world = new World({seed: 1});
    const server = callServer(world, 's', (call) => (call === 1 ? {code, message: 'of the server'} : 'ok'));
    expect(ask(world, ['s'], [write]).map(told)).toEqual(['ok']);
    expect(countOf(server)).toBe(2);
  });

  test('an earlier try that may have taken place outlasts a later refusal', () => {
    const world = new World({seed: 1});
    callServer(world, 's', (call) => (call === 1 ? {code: 'Canceled', message: 'of the server'} : DROPPED));
    callServer(world, 't', () => DROPPED);
    expect(ask(world, ['s'], [write]).map(told)).toEqual(['Unknown unknown']);
    expect(ask(world, ['t'], [write]).map(told)).toEqual(['Unknown none']);
  });

  test('a learner is left for a voter, by a write too', () => {
    const world = new World({seed: 1});
    const refusal: CallFailure = {code: 'Unavailable', message: 'etcdserver: rpc not supported for learner'};
    for (const name of ['s1', 's2']) callServer(world, name, (call) => (call % 2 === 1 ? refusal : 'ok'));
    const results = ask(world, ['s1', 's2'], [write, write], {release: '3.5.16'});
    expect(results.map(told)).toEqual(['ok', 'ok']);
  });
});

describe('servers', () => {
  test('are asked in turn', () => {
    const world = new World({seed: 1});
    const servers = ['s1', 's2', 's3'].map((name) => callServer(world, name, () => 'ok'));
    ask(
      world,
      ['s1', 's2', 's3'],
      Array.from({length: 9}, () => write),
    );
    expect(servers.map(countOf)).toEqual([3, 3, 3]);
  });

  test('that are down are passed over', () => {
    const world = new World({seed: 1});
    const server = callServer(world, 's1', () => 'ok');
    world.addMachine('s2').start('idle', (env) => sleepUs(env.clock, 200 * SECOND));
    const results = ask(
      world,
      ['s1', 's2'],
      Array.from({length: 4}, () => write),
    );
    expect(results.map(told)).toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(countOf(server)).toBe(4);
  });

  test('that come up late are waited for', () => {
    const world = new World({seed: 1});
    const machine = world.addMachine('s');
    const late = callServer(world, 'late', () => 'ok');
    machine.start('idle', (env) => sleepUs(env.clock, 200 * SECOND));
    const results = runClient(world, {endpoints: ['s:2379']}, function* (client, env) {
      env.spawn(
        'move',
        (function* () {
          yield* sleepUs(env.clock, 2 * SECOND);
          world.network.alias('s:2379', 'late:2379');
        })(),
      );
      return [yield* client.call(write)];
    });
    expect(results.map(told)).toEqual(['ok']);
    expect(countOf(late)).toBe(1);
  });

  test('that are left out of the endpoints finish what they have begun', () => {
    const world = new World({seed: 1});
    const held: (() => void)[] = [];
    const old = new ScriptedServer(world, 'old', (payload, connection) => {
      if (payload.kind === 'call') held.push(() => connection.reply(payload.id));
    });
    const young = callServer(world, 'young', () => 'ok');
    const results = runClient(world, {endpoints: ['old:2379']}, function* (client, env) {
      const first = env.spawn('first', client.call(write));
      yield* sleepUs(env.clock, SECOND);
      client.setEndpoints(['young:2379']);
      const second = yield* client.call(write);
      for (const answer of held) answer();
      yield* sleepUs(env.clock, SECOND);
      const end = first.ended.ready() ? first.ended.take() : undefined;
      expect([old.endedCount, young.endedCount]).toEqual([1, 0]);
      return [second, end?.kind === 'returned' ? end.value : undefined];
    });
    expect(results.map(told)).toEqual(['ok', 'ok']);
    expect([countOf(old), countOf(young)]).toEqual([1, 1]);
  });

  test('that are left out while idle are left at once', () => {
    const world = new World({seed: 1});
    const [old, young] = ['old', 'young'].map((name) => callServer(world, name, () => 'ok'));
    const ended = runClient(world, {endpoints: ['old:2379', 'young:2379']}, function* (client, env) {
      yield* sleepUs(env.clock, SECOND);
      client.setEndpoints(['young:2379']);
      yield* sleepUs(env.clock, SECOND);
      return [old?.endedCount, young?.endedCount];
    });
    expect(ended).toEqual([1, 0]);
  });

  test('that a call names are asked and no other', () => {
    const world = new World({seed: 1});
    const servers = ['s1', 's2', 's3'].map((name) => callServer(world, name, () => 'ok'));
    ask(
      world,
      ['s1', 's2', 's3'],
      Array.from({length: 4}, () => ({...read, endpoint: 's2:2379'})),
    );
    expect(servers.map(countOf)).toEqual([0, 4, 0]);
  });

  test.each([
    ['3.3.25', ['new:2379', 'learner:2379', 'unnamed:2379']],
    ['3.4.23', ['new:2379']],
    ['3.6.0', ['new:2379']],
  ])('of the member list, for a client %s', (release, want) => {
    const world = new World({seed: 1});
    const member = (name: string, host: string, isLearner = false) =>
      memberMessage.make({name, clientUrls: [`http://${host}:2379`], isLearner});
    const members = [member('new', 'new'), member('learner', 'learner', true), member('', 'unnamed')];
    new ScriptedServer(world, 's', (payload, connection) => {
      if (payload.kind === 'call') connection.reply(payload.id, membersResponse.make({members}));
    });
    const endpoints = runClient(world, {endpoints: ['s:2379'], release}, function* (client) {
      yield* client.sync();
      return client.endpoints;
    });
    expect(endpoints).toEqual(want);
  });

  test('of the member list are looked up again and again when that is asked for', () => {
    const world = new World({seed: 1});
    let listed = 'one';
    const server = new ScriptedServer(world, 's', (payload, connection) => {
      const members = [memberMessage.make({name: listed, clientUrls: ['http://s:2379', `http://${listed}:2379`]})];
      if (payload.kind === 'call') connection.reply(payload.id, membersResponse.make({members}));
    });
    const seen = runClient(world, {endpoints: ['s:2379'], autoSyncIntervalUs: 2 * SECOND}, function* (client, env) {
      yield* sleepUs(env.clock, 3 * SECOND);
      const first = client.endpoints;
      listed = 'two';
      yield* sleepUs(env.clock, 2 * SECOND);
      return [first, client.endpoints];
    });
    expect(seen).toEqual([
      ['s:2379', 'one:2379'],
      ['s:2379', 'two:2379'],
    ]);
    expect(server.methods).toEqual(['MemberList', 'MemberList']);
  });
});

describe('the end of a call', () => {
  test('silence ends with the deadline of the call, effect unknown', () => {
    const world = new World({seed: 1});
    const server = callServer(world, 's', () => 'silence');
    expect(ask(world, ['s'], [write]).map(told)).toEqual(['DeadlineExceeded unknown']);
    expect(server.got('cancel').length).toBe(1);
  });

  test('when no server can be reached a write certainly did not take place', () => {
    const world = new World({seed: 1});
    world.addMachine('s').start('idle', (env) => sleepUs(env.clock, 200 * SECOND));
    expect(ask(world, ['s'], [write]).map(told)).toEqual(['DeadlineExceeded none']);
  });

  test('a call that is given up is cancelled on the server', () => {
    const world = new World({seed: 1});
    const server = callServer(world, 's', () => 'silence');
    const result = runClient(world, {endpoints: ['s:2379']}, function* (client, env) {
      const cancelled = new Promised<void>();
      env.spawn(
        'give up',
        (function* () {
          yield* sleepUs(env.clock, SECOND);
          cancelled.resolve();
        })(),
      );
      return yield* client.call({...write, cancelled, timeoutUs: 'none'});
    });
    expect(result).toMatchObject({code: 'Canceled', message: 'context canceled', effect: 'unknown'});
    expect(server.got('cancel').length).toBe(1);
  });

  test('a closed client makes no more calls', () => {
    const world = new World({seed: 1});
    callServer(world, 's', () => 'silence');
    const results = runClient(world, {endpoints: ['s:2379']}, function* (client, env) {
      const open = env.spawn('open', client.call(write));
      yield* sleepUs(env.clock, SECOND);
      client.close();
      const after = yield* client.call(write);
      yield* sleepUs(env.clock, SECOND);
      const end = open.ended.ready() ? open.ended.take() : undefined;
      return [end?.kind === 'returned' ? end.value : undefined, after];
    });
    expect(results.map(told)).toEqual(['Unavailable unknown', 'Canceled none']);
  });

  test('a requirement of a leader goes with the call', () => {
    const world = new World({seed: 1});
    const server = callServer(world, 's', () => 'ok');
    ask(world, ['s'], [read, {...read, requiresLeader: true}]);
    expect(server.got('call').map(({metadata}) => metadata)).toEqual([undefined, {requiresLeader: true}]);
  });
});

describe('a server that stops without a word', () => {
  /** The server's machine is paused under a call; what the call is told, and after how many seconds. */
  function pausedUnderCall(options: Partial<ClientOptions>): string {
    const world = new World({seed: 1});
    callServer(world, 's', () => 'silence');
    const [result, seconds] = runClient(world, {endpoints: ['s:2379'], ...options}, function* (client, env) {
      env.spawn(
        'pause',
        (function* () {
          yield* sleepUs(env.clock, SECOND);
          world.machine('s').pause();
        })(),
      );
      const outcome = yield* client.call({...write, timeoutUs: 100 * SECOND});
      return [outcome, Math.round(env.clock.monotonicUs() / SECOND)] as const;
    });
    return `${told(result)} after ${seconds}`;
  }

  test('is noticed by pings: 10 s of silence at least, and the timeout', () => {
    const keepAlive = {timeUs: 2 * SECOND, timeoutUs: 3 * SECOND, permitWithoutStream: false};
    expect(pausedUnderCall({keepAlive})).toBe('Unavailable unknown after 13');
  });

  test('is not noticed without them', () => {
    expect(pausedUnderCall({})).toBe('DeadlineExceeded unknown after 100');
  });

  test('pings stop while no call is open, unless they are permitted', () => {
    const pingCount = (permitWithoutStream: boolean): number => {
      const world = new World({seed: 1});
      const server = callServer(world, 's', () => 'ok');
      const keepAlive = {timeUs: 10 * SECOND, timeoutUs: SECOND, permitWithoutStream};
      runClient(world, {endpoints: ['s:2379'], keepAlive}, (_client, env) => sleepUs(env.clock, 60 * SECOND));
      return server.got('http').length;
    };
    expect(pingCount(false)).toBe(0);
    expect(pingCount(true)).toBeGreaterThanOrEqual(4);
  });
});
