// Two simulated worlds stand in for the pair: equal ones must agree, and a planted lie must be found where it was told.
import {describe, expect, test} from 'vitest';
import {drawPlan} from '../generator/draw-plan.ts';
import {featuresOf} from '../generator/features.ts';
import {countOps, type Op, type Plan} from '../plan.ts';
import {loadCodec} from '../rpc/codec.ts';
import {simWorld} from '../sim-world.ts';
import type {Metadata, Reply, World} from '../world.ts';
import {WorldDied} from '../world.ts';
import {prelude} from './prelude.ts';
import {type Run, startRun} from './run.ts';
import {runPlan} from './run-plan.ts';

const codec = loadCodec();

function addresses(count: number) {
  return Array.from({length: count}, (_, index) => ({
    name: `m${index}`,
    peerUrl: `http://127.0.0.1:${23_800 + index}`,
    clientUrl: `http://127.0.0.1:${23_790 + index}`,
  }));
}

const world = (seed: number, members = 1, release = '3.5.16'): World =>
  simWorld({release, members: addresses(members), clusterToken: 'tkn', seed});

async function compare(plan: Plan, worlds: readonly [World, World]): Promise<Run> {
  const run = startRun(codec, worlds, {differencesMax: 10});
  await prelude(run, false);
  await runPlan(run, plan);
  return run;
}

/** A world that answers as its inner one does, with `lie` applied to the bytes of one RPC. */
const lying = (inner: World, path: string, lie: (reply: Reply) => Reply): World => ({
  ...inner,
  name: 'lying',
  call: async (member, asked, request, metadata) => {
    const reply = await inner.call(member, asked, request, metadata);
    return asked === path ? lie(reply) : reply;
  },
});

const call = (rpc: string, request: object): Op => ({op: 'call', rpc, member: 0, as: 'auto', request}) as Op;

describe('two worlds of other seeds agree', () => {
  test.each([
    [1, 101],
    [1, 102],
    [3, 103],
  ])('%i member(s), plan %i', async (members, seed) => {
    const plan = drawPlan(seed, 250, featuresOf('3.5.16', members, seed)).map(({op}) => op);
    const run = await compare(plan, [world(1, members), world(2, members)]);
    expect(run.differences).toEqual([]);
    expect([...run.calls.values()].reduce((sum, count) => sum + count, 0)).toBe(run.done);
    expect(run.done + run.idle).toBe(countOps(plan));
    expect(run.idle).toBeLessThan(25);
  });
});

test('an operation without anything to do is not counted as compared', async () => {
  const lock = (slot: number): Op => ({
    op: 'begin',
    slot,
    rpc: 'Lock/Lock',
    member: 0,
    as: 'auto',
    request: {name: 'l'},
  });
  const observe: Op = {op: 'send', rpc: 'Election/Observe', stream: 0, member: 0, as: 'auto', request: {name: 'e'}};
  const close: Op = {op: 'close', rpc: 'Election/Observe', stream: 0, how: 'cancel'};
  const cancel = (slot: number): Op => ({op: 'cancel', slot});
  const idle = [lock(1), observe, cancel(2), close];
  const plan: Plan = [lock(0), lock(1), lock(1), observe, observe, cancel(1), cancel(2), close, close];
  const run = await compare(plan, [world(1), world(2)]);
  expect(run.differences).toEqual([]);
  expect([run.done, run.idle]).toEqual([plan.length - idle.length, idle.length]);
  expect([...run.calls].sort()).toEqual([
    ['(no RPC)', 1],
    ['Election/Observe', 2],
    ['Lock/Lock', 2],
  ]);
});

describe('a lie is found', () => {
  const plan: Plan = [
    call('KV/Put', {key: 'a', value: '1'}),
    call('KV/Range', {key: 'a'}),
    call('KV/DeleteRange', {key: 'a'}),
  ];

  const cut =
    (count: number) =>
    (reply: Reply): Reply =>
      reply.kind === 'ok' ? {kind: 'ok', response: reply.response.slice(0, -count)} : reply;

  test('in a field of an answer', async () => {
    // The last two bytes of this answer are the field `deleted`.
    const run = await compare(plan, [world(1), lying(world(2), '/etcdserverpb.KV/DeleteRange', cut(2))]);
    expect(run.differences).toMatchObject([
      {index: 2, rpc: 'KV/DeleteRange', field: 'ok.deleted', left: '1', right: '0'},
    ]);
    expect(run.different.get('KV/DeleteRange')).toBe(1);
  });
  test('in bytes that are no answer', async () => {
    const run = await compare(plan, [world(1), lying(world(2), '/etcdserverpb.KV/DeleteRange', cut(3))]);
    expect(run.differences).toMatchObject([
      {index: 2, field: 'outcome', right: {undecodable: expect.stringContaining('out of range')}},
    ]);
  });
  test('in the text of an error', async () => {
    const lie = (reply: Reply): Reply => (reply.kind === 'error' ? {...reply, message: `${reply.message}.`} : reply);
    const bad = [call('KV/Put', {key: ''})];
    const run = await compare(bad, [world(1), lying(world(2), '/etcdserverpb.KV/Put', lie)]);
    expect(run.differences).toMatchObject([{index: 0, field: 'error', left: '3 etcdserver: key is not provided'}]);
  });
  test('in an error instead of an answer', async () => {
    const run = await compare(plan, [
      world(1),
      lying(world(2), '/etcdserverpb.KV/DeleteRange', () => ({kind: 'error', code: 14, message: 'no'})),
    ]);
    expect(run.differences).toMatchObject([{index: 2, field: 'outcome', right: {error: '14 no'}}]);
  });
});

test('an event that one world never sends is missed', async () => {
  const inner = world(2);
  const deaf: World = {
    ...inner,
    openStream: (member, path, metadata) => {
      const stream = inner.openStream(member, path, metadata);
      return {
        ...stream,
        get received() {
          return stream.received.slice(0, 1);
        },
      };
    },
  };
  const plan: Plan = [
    {op: 'send', rpc: 'Watch/Watch', stream: 0, member: 0, as: 'auto', request: {create_request: {key: 'a'}}},
    call('KV/Put', {key: 'b'}),
    call('KV/Put', {key: 'a'}),
  ];
  const run = await compare(plan, [world(1), deaf]);
  expect(run.differences).toMatchObject([
    {index: 2, rpc: 'Watch/Watch', field: 'stream Watch/Watch 0, watch 0, entry 1'},
  ]);
});

describe('a response of more than 2 MiB', () => {
  const put = (key: string): Op => call('KV/Put', {key, value: {$: 'repeat', text: 'F', count: 1_040_000}});
  const watch = (fragment: boolean): Op => ({
    op: 'send',
    rpc: 'Watch/Watch',
    stream: 0,
    member: 0,
    as: 'auto',
    request: {create_request: {key: 'f', range_end: 'g', start_revision: 2, prev_kv: true, fragment}},
  });
  const plan = (fragment: boolean): Plan => [
    put('f0'),
    put('f1'),
    put('f2'),
    watch(fragment),
    call('KV/DeleteRange', {key: 'f', range_end: 'g'}),
    {op: 'sleep', ms: 150},
  ];
  // Fragments are obeyed since 3.3.14.
  test('is cut at the same places by two worlds that cut it', async () => {
    expect((await compare(plan(true), [world(1), world(2)])).differences).toEqual([]);
  });
  test('is found whole where the other world cuts it', async () => {
    const fields = async (fragment: boolean) => {
      const {differences} = await compare(plan(fragment), [world(1, 1, '3.3.14'), world(2, 1, '3.3.13')]);
      return differences.map(({rpc, field, left, right}) => ({rpc, field, left, right}));
    };
    expect(await fields(true)).toEqual([
      {rpc: 'Watch/Watch', field: expect.stringContaining('cutBehind'), left: true, right: undefined},
    ]);
    expect(await fields(false)).toEqual([]);
  });
  test('is waited for before the next write, which might join it', async () => {
    const run = await compare(plan(true).slice(0, 5), [world(1), world(2)]);
    const [created, deleted] = [run.quiet.get('large past'), run.quiet.get('operation')];
    expect((deleted?.[0] ?? 0) - (created?.[0] ?? 0)).toBeGreaterThanOrEqual(130);
    const small = await compare(plan(true).slice(3), [world(1), world(2)]);
    expect(small.quiet.has('large past')).toBe(false);
  });
});

test('a world that dies is a difference at that operation, not a failure of the comparison', async () => {
  const inner = world(2);
  const mortal: World = {
    ...inner,
    call: async (member, path, request, metadata) => {
      if (path.endsWith('/Compact')) throw new WorldDied(inner.name, 'panic');
      return inner.call(member, path, request, metadata);
    },
  };
  const run = await compare(
    [call('KV/Put', {key: 'a'}), call('KV/Compact', {revision: 1})],
    [{...world(1), name: 'first'}, mortal],
  );
  expect(run.differences).toMatchObject([{index: 1, field: 'end of a world', left: 'goes on'}]);
});

test('who requires a leader says so in calls, waiting calls and where a stream is opened', async () => {
  const seen: string[] = [];
  const inner = world(2);
  const note = (what: string, path: string, metadata: Metadata): void => {
    if (metadata['hasleader'] === 'true') seen.push(`${what} ${path.split('/')[2]}`);
  };
  const listening: World = {
    ...inner,
    call: (member, path, request, metadata) => {
      note('call', path, metadata);
      return inner.call(member, path, request, metadata);
    },
    begin: (member, path, request, metadata) => {
      note('begin', path, metadata);
      return inner.begin(member, path, request, metadata);
    },
    openStream: (member, path, metadata) => {
      note('open', path, metadata);
      return inner.openStream(member, path, metadata);
    },
  };
  const common = {member: 0, as: 'auto', requireLeader: true} as const;
  const plan: Plan = [
    {op: 'call', rpc: 'KV/Put', ...common, request: {key: 'a'}},
    call('KV/Range', {key: 'a'}),
    {op: 'begin', slot: 0, rpc: 'Lock/Lock', ...common, request: {name: 'l'}},
    {op: 'send', rpc: 'Watch/Watch', stream: 0, ...common, request: {create_request: {key: 'a'}}},
    {op: 'send', rpc: 'Watch/Watch', stream: 0, ...common, request: {create_request: {key: 'b'}}},
    {op: 'call', rpc: 'Maintenance/Snapshot', ...common, request: {}},
  ];
  const run = await compare(plan, [world(1), listening]);
  expect(run.differences).toEqual([]);
  expect(seen).toEqual(['call Put', 'begin Lock', 'open Watch', 'open Snapshot']);
});
