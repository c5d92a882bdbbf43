// Watches over members that crash: every change comes once, in order, whatever breaks. Real members, real disks, seed by seed.
import {expect, test} from 'vitest';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select, sleepUs} from '../../env/fiber.ts';
import {putRequest} from '../etcdserverpb/types.ts';
import {Client} from './client.ts';
import {runClient, SECOND, TestMembers} from './test-servers.ts';
import type {WatchHandle} from './watcher.ts';
import {Watcher} from './watcher.ts';

/** `key=value@revision` of all changes that come until nothing has come for a second. */
function* changes(env: Env, watch: WatchHandle, told: string[], quietUs: number): Fiber<void> {
  for (;;) {
    const next = yield* select(env, {event: watch.receive, quiet: after(env.clock, quietUs)});
    if (next.kind === 'quiet') return;
    const happened = next.value;
    if (happened.kind === 'ended') {
      told.push(`ended ${happened.end.kind}`);
      return;
    }
    if (happened.kind !== 'events') continue;
    for (const {kv} of happened.events) told.push(`${kv.key}=${kv.value}@${kv.modRevision}`);
  }
}

/** Where two lists differ first, with what each has there. */
function firstDifference(got: readonly string[] = [], want: readonly string[]): string | undefined {
  for (let i = 0; i < Math.max(got.length, want.length); i++) {
    if (got[i] !== want[i]) return `at ${i}: ${got[i]} for ${want[i]}, of ${got.length} and ${want.length}`;
  }
  return undefined;
}

interface CrashRun {
  /** What each watch was told that lived through all of it. */
  readonly told: readonly string[][];
  /** What a new watch from the first revision on is told in the end. */
  readonly history: readonly string[];
  readonly acknowledged: readonly string[];
  readonly resumes: number;
}

/** Two writers and two watches while each member is killed in turn. */
function crashRun(release: string, seed: number, crashes: number): CrashRun {
  const members = new TestMembers(3, release, seed);
  const {world} = members;
  world.runUntil(world.nowUs + 4 * SECOND);
  const told: string[][] = [[], []];
  const acknowledged: string[] = [];
  let isWriting = true;
  world.addMachine('watching').start('client', function* (env) {
    const client = new Client(env, {endpoints: members.endpoints, requestTimeoutUs: 5 * SECOND, release});
    client.start();
    const watcher = new Watcher(client);
    for (const [i, key] of ['a', 'b'].entries()) {
      const watch = watcher.watch({key, rangeEnd: 'z', startRevision: 1, fragment: i === 1});
      env.spawn('watch', changes(env, watch, told[i] as string[], 600 * SECOND));
    }
    yield* sleepUs(env.clock, 600 * SECOND);
  });
  for (const writer of ['a', 'b']) {
    world.addMachine(`writing-${writer}`).start('client', function* (env) {
      const client = new Client(env, {endpoints: members.endpoints, requestTimeoutUs: SECOND, release});
      client.start();
      for (let i = 0; isWriting; i++) {
        const key = i % 2 === 0 ? 'a' : 'b';
        const request = putRequest(key, `${writer}${i}`);
        const result = yield* client.call({method: '/etcdserverpb.KV/Put', request, sizeBytes: 10});
        if (result.kind === 'ok') acknowledged.push(`${key}=${writer}${i}`);
        yield* sleepUs(env.clock, 20_000);
      }
    });
  }
  members.crashInTurn(crashes, 400_000, 1_600_000);
  isWriting = false;
  world.runUntil(world.nowUs + 10 * SECOND);
  const history = runClient(world, {endpoints: members.endpoints, release}, function* (client, env) {
    const all: string[] = [];
    yield* changes(env, new Watcher(client).watch({key: 'a', rangeEnd: 'z', startRevision: 1}), all, 3 * SECOND);
    return all;
  });
  return {told, history, acknowledged, resumes: world.trace.marks()['client: watch resumed'] ?? 0};
}

test.each([
  ['3.3.25', 1],
  ['3.4.23', 2],
  ['3.5.16', 3],
  ['3.6.0', 4],
  ['3.6.0', 5],
])('%s, seed %i: each change comes exactly once and in order', (release, seed) => {
  const {told, history, acknowledged, resumes} = crashRun(release, seed, 6);
  expect(resumes).toBeGreaterThan(0);
  expect(history.length).toBeGreaterThan(100);
  expect(firstDifference(told[0], history)).toBeUndefined();
  expect(
    firstDifference(
      told[1],
      history.filter((line) => line.startsWith('b')),
    ),
  ).toBeUndefined();
  const seen = new Set(history.map((line) => line.replace(/@.*/, '')));
  expect(acknowledged.filter((line) => !seen.has(line))).toEqual([]);
});
