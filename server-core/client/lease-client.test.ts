// Leases kept alive: what is sent when, what is told, what ends it. Against scripts first, then against members that crash.
import {describe, expect, test} from 'vitest';
import type {LeaseId} from '../../base/ids.ts';
import {toId64} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select, sleepUs} from '../../env/fiber.ts';
import {World} from '../../sim/world.ts';
import type {LeaseKeepAliveRequest} from '../etcdserverpb/lease-messages.ts';
import {leaseKeepAliveResponse} from '../etcdserverpb/lease-messages.ts';
import {Client} from './client.ts';
import {LeaseClient} from './lease-client.ts';
import type {KeepAliveHandle} from './lease-keeper.ts';
import type {ScriptedConnection} from './test-servers.ts';
import {runClient, ScriptedServer, SECOND, TestMembers} from './test-servers.ts';

const lease = (n: number) => toId64(n) as LeaseId;

/** Answers keep-alives with this TTL; `sent` has the lease and the whole tenths of a second of each. */
function keepAliveServer(world: World, ttl: (n: number) => number | 'silence' | 'break' | 'no-leader') {
  const sent: string[] = [];
  let count = 0;
  const answer = (id: number, leaseOf: LeaseId, connection: ScriptedConnection): void => {
    const given = ttl(++count);
    if (given === 'silence') return;
    if (given === 'break') return connection.close();
    if (given === 'no-leader') return connection.end(id, {code: 'Unavailable', message: 'etcdserver: no leader'});
    connection.message(id, leaseKeepAliveResponse.make({id: leaseOf, ttl: given}));
  };
  const server = new ScriptedServer(world, 's', (payload, connection) => {
    if (payload.kind !== 'message') return;
    const {id} = payload.message as LeaseKeepAliveRequest;
    sent.push(`${Number.parseInt(id, 16)} at ${Math.round(world.nowUs / 100_000) / 10}`);
    answer(payload.id, id, connection);
  });
  return {server, sent};
}

/** `alive N` and `ended why`, each with the whole tenths of a second at which it came. */
function* listen(env: Env, handle: KeepAliveHandle, seconds: number): Fiber<string[]> {
  const told: string[] = [];
  const deadline = after(env.clock, seconds * SECOND);
  for (;;) {
    const next = yield* select(env, {event: handle.receive, deadline});
    if (next.kind === 'deadline') return told;
    const event = next.value;
    told.push(event.kind === 'alive' ? `alive ${event.response.ttl}` : `ended ${event.reason}`);
    if (event.kind === 'ended') return told;
  }
}

describe('a keep-alive', () => {
  test('is sent at once and again when a third of the TTL is over, looked at twice a second', () => {
    const world = new World({seed: 1});
    const {sent, server} = keepAliveServer(world, () => 9);
    const told = runClient(world, {endpoints: ['s:2379']}, (client, env) =>
      listen(env, new LeaseClient(client).keepAlive(lease(1)), 10),
    );
    const times = sent.map((line) => Number(line.split(' at ')[1]));
    expect(told).toEqual(['alive 9', 'alive 9', 'alive 9']);
    // Due is what lies before now, so the very first look may find nothing.
    expect(times[0]).toBeLessThanOrEqual(0.6);
    for (let i = 1; i < times.length; i++) {
      const gap = (times[i] as number) - (times[i - 1] as number);
      expect(gap).toBeGreaterThanOrEqual(3);
      expect(gap).toBeLessThanOrEqual(3.6);
    }
    expect(server.got('open').map(({metadata}) => metadata)).toEqual([{requiresLeader: true}]);
  });

  test('is sent twice a second until it is answered, for as long as the first answer may take', () => {
    const world = new World({seed: 1});
    const {sent} = keepAliveServer(world, () => 'silence');
    const told = runClient(world, {endpoints: ['s:2379']}, (client, env) =>
      listen(env, new LeaseClient(client).keepAlive(lease(1)), 20),
    );
    expect(told).toEqual(['ended silent']);
    expect(sent.length).toBeGreaterThanOrEqual(9);
    expect(sent.length).toBeLessThanOrEqual(13);
  });

  test('has the dial timeout and a second for its first answer', () => {
    const world = new World({seed: 1});
    const {sent} = keepAliveServer(world, () => 'silence');
    runClient(world, {endpoints: ['s:2379'], dialTimeoutUs: SECOND}, (client, env) =>
      listen(env, new LeaseClient(client).keepAlive(lease(1)), 20),
    );
    expect(sent.length).toBeLessThanOrEqual(7);
  });

  test('ends when the server says that the lease is gone', () => {
    const world = new World({seed: 1});
    const {sent} = keepAliveServer(world, (n) => (n === 1 ? 3 : 0));
    const told = runClient(world, {endpoints: ['s:2379']}, (client, env) =>
      listen(env, new LeaseClient(client).keepAlive(lease(1)), 20),
    );
    expect(told).toEqual(['alive 3', 'ended expired']);
    expect(sent.length).toBe(2);
  });

  test('ends when no answer comes for a whole TTL', () => {
    const world = new World({seed: 1});
    keepAliveServer(world, (n) => (n === 1 ? 3 : 'silence'));
    const told = runClient(world, {endpoints: ['s:2379']}, (client, env) =>
      listen(env, new LeaseClient(client).keepAlive(lease(1)), 20),
    );
    expect(told).toEqual(['alive 3', 'ended silent']);
  });

  test('goes on over a broken stream', () => {
    const world = new World({seed: 1});
    const {server} = keepAliveServer(world, (n) => (n === 2 ? 'break' : 6));
    const told = runClient(world, {endpoints: ['s:2379']}, (client, env) =>
      listen(env, new LeaseClient(client).keepAlive(lease(1)), 10),
    );
    expect(told.slice(0, 3)).toEqual(['alive 6', 'alive 6', 'alive 6']);
    expect(server.got('open').length).toBe(2);
  });

  test('of a user who requires a leader ends without one; the others go on', () => {
    const world = new World({seed: 1});
    keepAliveServer(world, (n) => (n === 2 ? 'no-leader' : 6));
    const told = runClient(world, {endpoints: ['s:2379']}, function* (client, env) {
      const leases = new LeaseClient(client);
      const [picky, easy] = [leases.keepAlive(lease(1), true), leases.keepAlive(lease(1))];
      return [yield* listen(env, picky, 8), yield* listen(env, easy, 1)];
    });
    expect(told[0]).toEqual(['alive 6', 'ended no-leader']);
    expect(told[1]?.slice(0, 2)).toEqual(['alive 6', 'alive 6']);
  });

  test('keeps sixteen unread answers and drops the rest', () => {
    const world = new World({seed: 1});
    keepAliveServer(world, () => 2);
    const told = runClient(world, {endpoints: ['s:2379']}, function* (client, env) {
      const handle = new LeaseClient(client).keepAlive(lease(1));
      yield* sleepUs(env.clock, 30 * SECOND);
      let count = 0;
      while (handle.receive.ready()) {
        handle.receive.take();
        count++;
      }
      return count;
    });
    expect(told).toBe(16);
    expect(world.trace.marks()['client: keep-alive answer dropped']).toBeGreaterThan(0);
  });

  test('given up by its last user is sent no more; all leases share one stream', () => {
    const world = new World({seed: 1});
    const {sent, server} = keepAliveServer(world, () => 3);
    runClient(world, {endpoints: ['s:2379']}, function* (client, env) {
      const leases = new LeaseClient(client);
      const [first] = [leases.keepAlive(lease(1)), leases.keepAlive(lease(2))];
      yield* sleepUs(env.clock, 3 * SECOND);
      const told = first?.receive.ready();
      first?.cancel();
      sent.length = 0;
      yield* sleepUs(env.clock, 3 * SECOND);
      return told;
    });
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.filter((line) => line.startsWith('1 '))).toEqual([]);
    expect(server.got('open').length).toBe(1);
  });
});

describe('one renewal', () => {
  const once = (ttl: (n: number) => number | 'silence' | 'break' | 'no-leader') => {
    const world = new World({seed: 1});
    const {sent} = keepAliveServer(world, ttl);
    const result = runClient(world, {endpoints: ['s:2379']}, (client) =>
      new LeaseClient(client).keepAliveOnce(lease(1)),
    );
    return {result, sentCount: sent.length};
  };

  test('is tried again after errors that may pass', () => {
    const {result, sentCount} = once((n) => (n === 1 ? 'break' : n === 2 ? 'no-leader' : 7));
    expect(result).toMatchObject({kind: 'ok', response: {ttl: 7}});
    expect(sentCount).toBe(3);
  });

  test('of a lease that is gone says so', () => {
    const {result} = once(() => 0);
    expect(result).toMatchObject({kind: 'error', code: 'NotFound', message: 'etcdserver: requested lease not found'});
  });

  test('ends with its deadline', () => {
    const {result} = once(() => 'silence');
    expect(result).toMatchObject({kind: 'error', code: 'DeadlineExceeded', effect: 'unknown'});
  });
});

test.each(['3.3.25', '3.4.23', '3.5.16', '3.6.0'])(
  '%s: a lease outlives crashes while it is kept alive, and not longer',
  (release) => {
    const members = new TestMembers(3, release, 7);
    members.world.runUntil(4 * SECOND);
    const ttl = 6;
    let handle: KeepAliveHandle | undefined;
    let id: LeaseId | undefined;
    let told: string[] = [];
    members.world.addMachine('keeper').start('client', function* (env) {
      const client = new Client(env, {endpoints: members.endpoints, requestTimeoutUs: 5 * SECOND, release});
      client.start();
      const leases = new LeaseClient(client);
      const granted = yield* leases.grant(ttl);
      if (granted.kind === 'error') throw new Error(granted.message);
      id = granted.response.id;
      handle = leases.keepAlive(id);
      told = yield* listen(env, handle, 18);
      handle.cancel();
    });
    members.world.runUntil(members.world.nowUs + 2 * SECOND);
    members.crashInTurn(6, 500_000, 2 * SECOND);
    const remaining = () =>
      runClient(members.world, {endpoints: members.endpoints, release}, function* (client) {
        const answer = yield* new LeaseClient(client).timeToLive(id as LeaseId);
        return answer.kind === 'ok' ? answer.response.ttl : answer.message;
      });
    expect(remaining()).toBeGreaterThan(0);
    members.world.runUntil(members.world.nowUs + 25 * SECOND);
    expect(told.length).toBeGreaterThan(4);
    expect(told.filter((line) => line.startsWith('ended'))).toEqual([]);
    expect(remaining()).toBe(-1);
  },
);
