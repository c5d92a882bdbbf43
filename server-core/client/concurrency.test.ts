// Locks and elections of clients on real members: one holder at a time, in order, over crashes; what happens when a session goes.
import {describe, expect, test} from 'vitest';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select, sleepUs, until} from '../../env/fiber.ts';
import {Promised} from '../../env/sync.ts';
import {CallContext} from './call-context.ts';
import type {Failure} from './client.ts';
import {Client} from './client.ts';
import {
  Election,
  ERR_LOCK_RELEASED,
  ERR_LOCKED,
  ERR_NO_LEADER,
  ERR_NOT_LEADER,
  ERR_SESSION_EXPIRED,
  Mutex,
} from './concurrency.ts';
import {ElectionObserver} from './election-observer.ts';
import {LeaseClient} from './lease-client.ts';
import type {RecipeClient} from './recipe-calls.ts';
import type {SessionOptions} from './session.ts';
import {newSession, Session} from './session.ts';
import {SECOND, TestMembers} from './test-servers.ts';
import {Watcher} from './watcher.ts';

function clusterOf(release: string, seed = 1): TestMembers {
  const members = new TestMembers(3, release, seed);
  members.world.runUntil(4 * SECOND);
  return members;
}

/** A client on a machine of its own that runs the program; throws if that is not over in time. */
function start(
  members: TestMembers,
  name: string,
  release: string,
  program: (recipe: RecipeClient, env: Env) => Fiber<void>,
): {readonly isOver: boolean} {
  const state = {isOver: false};
  members.world.addMachine(name).start('client', function* (env) {
    const client = new Client(env, {endpoints: members.endpoints, requestTimeoutUs: 5 * SECOND, release});
    client.start();
    yield* program({client, watcher: new Watcher(client), leases: new LeaseClient(client)}, env);
    state.isOver = true;
  });
  return state;
}

const forEver = (recipe: RecipeClient): CallContext => new CallContext(recipe.client.env.clock);
const within = (recipe: RecipeClient, seconds: number): CallContext =>
  new CallContext(recipe.client.env.clock, {timeoutUs: seconds * SECOND});

function* session(recipe: RecipeClient, options: SessionOptions = {}): Fiber<Session> {
  const made = yield* newSession(recipe, within(recipe, 30), options);
  if (!(made instanceof Session)) throw new Error(made.message);
  return made;
}

const told = (failure: Failure | undefined): string => failure?.message ?? 'ok';

describe.each(['3.3.25', '3.4.23', '3.5.16', '3.6.0'])('%s', (release) => {
  test('a lock has one holder at a time, and everybody gets it, while members crash', () => {
    const members = clusterOf(release, 11);
    const log: string[] = [];
    const clients = ['c1', 'c2', 'c3'].map((name) =>
      start(members, name, release, function* (recipe, env) {
        const mine = yield* session(recipe, {ttl: 20});
        const mutex = new Mutex(mine, 'lock');
        for (let i = 0; i < 4; ) {
          const failure = yield* mutex.lock(within(recipe, 60));
          if (failure !== undefined) {
            yield* sleepUs(env.clock, 200_000);
            continue;
          }
          log.push(`${name} holds`);
          yield* sleepUs(env.clock, 300_000);
          log.push(`${name} lets go`);
          i++;
          while (told(yield* mutex.unlock(within(recipe, 5))) !== 'ok') yield* sleepUs(env.clock, 100_000);
        }
      }),
    );
    members.world.runUntil(members.world.nowUs + SECOND);
    members.crashInTurn(3, 400_000, 2 * SECOND);
    members.world.runUntil(members.world.nowUs + 60 * SECOND);
    expect(clients.map(({isOver}) => isOver)).toEqual([true, true, true]);
    expect(log.length).toBe(24);
    for (let i = 0; i < log.length; i += 2) expect(log[i + 1]).toBe(log[i]?.replace('holds', 'lets go'));
  });

  test('a holder that dies loses the lock with its lease', () => {
    const members = clusterOf(release);
    const log: string[] = [];
    start(members, 'first', release, function* (recipe, env) {
      const mutex = new Mutex(yield* session(recipe, {ttl: 5}), 'lock');
      log.push(`first ${told(yield* mutex.lock(forEver(recipe)))}`);
      yield* sleepUs(env.clock, 600 * SECOND);
    });
    members.world.runUntil(members.world.nowUs + 2 * SECOND);
    const second = start(members, 'second', release, function* (recipe) {
      const mutex = new Mutex(yield* session(recipe), 'lock');
      log.push(`second ${told(yield* mutex.lock(forEver(recipe)))}`);
    });
    members.world.runUntil(members.world.nowUs + 12 * SECOND);
    expect(second.isOver).toBe(false);
    members.world.machine('first').kill();
    members.world.runUntil(members.world.nowUs + 12 * SECOND);
    expect(log).toEqual(['first ok', 'second ok']);
  });

  test('a waiter that gives up, or whose turn never comes, leaves no key behind', () => {
    const members = clusterOf(release);
    const log: string[] = [];
    const run = start(members, 'c', release, function* (recipe) {
      const [one, two] = [yield* session(recipe), yield* session(recipe)];
      const [first, second] = [new Mutex(one, 'lock'), new Mutex(two, 'lock')];
      log.push(told(yield* first.lock(forEver(recipe))));
      log.push(told(yield* second.tryLock(forEver(recipe))));
      log.push(told(yield* second.lock(within(recipe, 2))));
      log.push(second.key);
      log.push(told(yield* first.unlock(forEver(recipe))));
      log.push(told(yield* second.tryLock(forEver(recipe))));
      log.push(told(yield* first.unlock(forEver(recipe))));
    });
    members.world.runUntil(members.world.nowUs + 20 * SECOND);
    expect(run.isOver).toBe(true);
    const again = release === '3.6.0' ? ERR_LOCK_RELEASED.message : 'ok';
    expect(log).toEqual(['ok', ERR_LOCKED.message, 'context deadline exceeded', '\0', 'ok', 'ok', again]);
  });

  test('a waiter whose session went meanwhile is told so, or believes to hold the lock (issue 11456)', () => {
    const members = clusterOf(release);
    const log: string[] = [];
    start(members, 'c', release, function* (recipe, env) {
      const [one, two] = [yield* session(recipe), yield* session(recipe)];
      const [first, second] = [new Mutex(one, 'lock'), new Mutex(two, 'lock')];
      log.push(told(yield* first.lock(forEver(recipe))));
      const waiting = env.spawn('waiter', second.lock(forEver(recipe)));
      yield* sleepUs(env.clock, SECOND);
      yield* two.close();
      log.push(told(yield* first.unlock(forEver(recipe))));
      const end = yield* until(waiting.ended);
      log.push(end.kind === 'returned' ? told(end.value) : end.kind);
    });
    members.world.runUntil(members.world.nowUs + 20 * SECOND);
    const isConfirmed = release === '3.5.16' || release === '3.6.0';
    expect(log).toEqual(['ok', 'ok', isConfirmed ? ERR_SESSION_EXPIRED.message : 'ok']);
  });
});

describe('an election', () => {
  test('is won in the order of standing; the winner proclaims, resigns, and is observed', () => {
    const release = '3.6.0';
    const members = clusterOf(release);
    const log: string[] = [];
    const observed: string[] = [];
    start(members, 'observer', release, function* (recipe, env) {
      const observer = new ElectionObserver(recipe, 'e', forEver(recipe));
      for (;;) {
        const next = yield* select(env, {leader: observer.receive, over: after(env.clock, 60 * SECOND)});
        if (next.kind === 'over' || next.value === undefined) return;
        observed.push(next.value.kv.value);
      }
    });
    const run = start(members, 'c', release, function* (recipe, env) {
      const [one, two] = [yield* session(recipe), yield* session(recipe)];
      const [first, second] = [new Election(one, 'e'), new Election(two, 'e')];
      log.push(told((yield* first.leader(forEver(recipe))) as Failure));
      log.push(told(yield* first.proclaim('nothing', forEver(recipe))));
      log.push(told(yield* first.campaign('one', forEver(recipe))));
      const waiting = env.spawn('waiter', second.campaign('two', forEver(recipe)));
      yield* sleepUs(env.clock, SECOND);
      log.push(String(waiting.ended.ready()));
      log.push(told(yield* first.proclaim('one, again', forEver(recipe))));
      yield* sleepUs(env.clock, SECOND);
      log.push(told(yield* first.resign(forEver(recipe))));
      yield* until(waiting.ended);
      const leader = yield* second.leader(forEver(recipe));
      log.push('kv' in leader ? `${leader.kv.value}, ${leader.kv.key === second.key}` : leader.message);
      // Standing again with another value proclaims it.
      log.push(told(yield* second.campaign('two, again', forEver(recipe))));
      yield* sleepUs(env.clock, SECOND);
    });
    members.world.runUntil(members.world.nowUs + 20 * SECOND);
    expect(run.isOver).toBe(true);
    expect(log).toEqual([ERR_NO_LEADER.message, ERR_NOT_LEADER.message, 'ok', 'false', 'ok', 'ok', 'two, true', 'ok']);
    expect(observed).toEqual(['one', 'one, again', 'two', 'two, again']);
  });

  test('a candidate that gives up stands no more', () => {
    const release = '3.5.16';
    const members = clusterOf(release);
    const log: string[] = [];
    const run = start(members, 'c', release, function* (recipe, env) {
      const [one, two] = [yield* session(recipe), yield* session(recipe)];
      const [first, second] = [new Election(one, 'e'), new Election(two, 'e')];
      log.push(told(yield* first.campaign('one', forEver(recipe))));
      const cancelled = new Promised<void>();
      const context = new CallContext(env.clock, {cancelled});
      const waiting = env.spawn('waiter', second.campaign('two', context));
      yield* sleepUs(env.clock, SECOND);
      cancelled.resolve();
      const end = yield* until(waiting.ended);
      log.push(end.kind === 'returned' ? told(end.value) : end.kind);
      yield* first.resign(forEver(recipe));
      log.push(told((yield* first.leader(forEver(recipe))) as Failure));
    });
    members.world.runUntil(members.world.nowUs + 20 * SECOND);
    expect(run.isOver).toBe(true);
    expect(log).toEqual(['ok', 'context canceled', ERR_NO_LEADER.message]);
  });
});

test('a session is done when its lease is gone, and closing it revokes the lease', () => {
  const release = '3.6.0';
  const members = clusterOf(release);
  const log: string[] = [];
  const run = start(members, 'c', release, function* (recipe) {
    const [one, two] = [yield* session(recipe, {ttl: 5}), yield* session(recipe, {ttl: 5})];
    yield* recipe.leases.revoke(one.lease);
    log.push(yield* until(one.done));
    const closed = yield* two.close();
    log.push(closed.kind, yield* until(two.done));
    const left = yield* recipe.leases.leases();
    log.push(left.kind === 'ok' ? `${left.response.leases.length} left` : left.message);
  });
  members.world.runUntil(members.world.nowUs + 20 * SECOND);
  expect(run.isOver).toBe(true);
  expect(log).toEqual(['expired', 'ok', 'cancelled', '0 left']);
});
