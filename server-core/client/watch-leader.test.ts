// Watches on real members of which one is cut off from the others: who is told, who waits, and what progress is worth.
import {expect, test} from 'vitest';
import {sleepUs} from '../../env/fiber.ts';
import type {Direction} from '../../sim/network.ts';
import {putRequest} from '../etcdserverpb/types.ts';
import {Client} from './client.ts';
import {LeaseClient} from './lease-client.ts';
import {runClient, SECOND, TestMembers} from './test-servers.ts';
import type {WatchEvent, WatchHandle} from './watcher.ts';
import {Watcher} from './watcher.ts';

const RELEASES = ['3.3.25', '3.4.23', '3.5.16', '3.6.0'];

function cutOff(members: TestMembers, name: string) {
  const others = members.names.filter((other) => other !== name);
  const directions = others.flatMap((other): Direction[] => [
    [name, other],
    [other, name],
  ]);
  return members.world.network.cut(directions);
}

/** All that waits on a watch. */
function drain({receive}: WatchHandle): string[] {
  const told: string[] = [];
  while (receive.ready() && !told.at(-1)?.startsWith('ended')) told.push(describeEvent(receive.take()));
  return told;
}

function describeEvent(event: WatchEvent): string {
  if (event.kind === 'events') return event.events.map(({kv}) => kv.value).join(' ');
  if (event.kind !== 'ended') return event.kind;
  return event.end.kind === 'failed' ? `ended ${event.end.message}` : `ended ${event.end.kind}`;
}

test.each(RELEASES)('%s: a watch that requires a leader ends on a member that has none; another waits', (release) => {
  const members = new TestMembers(3, release, 3);
  members.world.runUntil(4 * SECOND);
  const watches: WatchHandle[] = [];
  members.world.addMachine('watching').start('client', function* (env) {
    const client = new Client(env, {endpoints: ['m1:2379'], requestTimeoutUs: 5 * SECOND, release});
    client.start();
    const watcher = new Watcher(client);
    for (const requiresLeader of [true, false]) watches.push(watcher.watch({key: 'k', requiresLeader}));
    yield* sleepUs(env.clock, 600 * SECOND);
  });
  const writes = (at: string) => {
    members.world.addMachine(`writing ${at}`).start('client', function* (env) {
      const client = new Client(env, {endpoints: ['m2:2379', 'm3:2379'], requestTimeoutUs: 5 * SECOND, release});
      client.start();
      yield* sleepUs(env.clock, SECOND);
      yield* client.call({method: '/etcdserverpb.KV/Put', request: putRequest('k', at), sizeBytes: 10});
    });
  };
  writes('before');
  members.world.runUntil(members.world.nowUs + 3 * SECOND);
  const told = () => watches.map(drain);
  expect(told()).toEqual([['before'], ['before']]);
  members.world.addMachine('late');
  const cut = cutOff(members, 'm1');
  members.world.machine('late').start('client', function* (env) {
    const client = new Client(env, {endpoints: ['m2:2379', 'm3:2379'], requestTimeoutUs: 5 * SECOND, release});
    client.start();
    yield* sleepUs(env.clock, 4 * SECOND);
    yield* client.call({method: '/etcdserverpb.KV/Put', request: putRequest('k', 'meanwhile'), sizeBytes: 10});
  });
  members.world.runUntil(members.world.nowUs + 12 * SECOND);
  expect(told()).toEqual([['ended etcdserver: no leader'], []]);
  cut.lift();
  members.world.runUntil(members.world.nowUs + 5 * SECOND);
  expect(watches[1] === undefined ? [] : drain(watches[1])).toEqual(['meanwhile']);
});

test.each(['3.5.16', '3.6.0'])('%s: with progress asked for all the time each change still comes once', (release) => {
  const members = new TestMembers(3, release, 6);
  members.world.runUntil(4 * SECOND);
  const told: string[] = [];
  let progressCount = 0;
  let isWriting = true;
  members.world.addMachine('watching').start('client', function* (env) {
    const client = new Client(env, {endpoints: members.endpoints, requestTimeoutUs: 5 * SECOND, release});
    client.start();
    const watcher = new Watcher(client);
    const watch = watcher.watch({key: 'k', startRevision: 1, progressNotify: true});
    for (;;) {
      yield* sleepUs(env.clock, 50_000);
      watcher.requestProgress();
      for (const line of drain(watch)) {
        if (line === 'progress') progressCount++;
        else told.push(...line.split(' '));
      }
    }
  });
  let written = 0;
  members.world.addMachine('writing').start('client', function* (env) {
    const client = new Client(env, {endpoints: members.endpoints, requestTimeoutUs: SECOND, release});
    client.start();
    while (isWriting) {
      // Only every third write is of the watched key, so that progress is ahead of the events.
      const key = written % 3 === 0 ? 'k' : 'other';
      yield* client.call({method: '/etcdserverpb.KV/Put', request: putRequest(key, `${written++}`), sizeBytes: 10});
      yield* sleepUs(env.clock, 10_000);
    }
  });
  members.crashInTurn(6, 400_000, 1_600_000);
  isWriting = false;
  members.world.runUntil(members.world.nowUs + 10 * SECOND);
  expect(progressCount).toBeGreaterThan(50);
  expect(told.length).toBeGreaterThan(50);
  const history = runClient(members.world, {endpoints: members.endpoints, release}, function* (client, env) {
    const watch = new Watcher(client).watch({key: 'k', startRevision: 1});
    yield* sleepUs(env.clock, 3 * SECOND);
    return drain(watch).join(' ').split(' ');
  });
  expect(told).toEqual(history);
});

test('closing a client ends its watches and keep-alives, and says nothing more', () => {
  const members = new TestMembers(1, '3.6.0');
  const ends = runClient(members.world, {endpoints: members.endpoints}, function* (client, env) {
    const [watcher, leases] = [new Watcher(client), new LeaseClient(client)];
    const granted = yield* leases.grant(60);
    if (granted.kind === 'error') return [granted.message];
    const [watch, handle] = [watcher.watch({key: 'k', createdNotify: true}), leases.keepAlive(granted.response.id)];
    yield* sleepUs(env.clock, 2 * SECOND);
    client.close();
    yield* sleepUs(env.clock, 2 * SECOND);
    const alive = handle.receive.take();
    const ended = handle.receive.take();
    return [...drain(watch), alive.kind, ended.kind === 'ended' ? ended.reason : ended.kind];
  });
  expect(ends).toEqual(['created', 'ended closed', 'alive', 'closed']);
});
