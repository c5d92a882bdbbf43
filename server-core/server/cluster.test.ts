// Members in a small world: what clients are answered, what a restart keeps, how a slow follower catches up, who may not answer.
import {describe, expect, test} from 'vitest';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs} from '../../env/fiber.ts';
import type {Direction} from '../../sim/network.ts';
import {World} from '../../sim/world.ts';
import {etcdProgram} from '../api/etcd-program.ts';
import type {CallResult} from '../client/client.ts';
import {Client} from '../client/client.ts';
import type {RangeResponse, RequestOp} from '../etcdserverpb/types.ts';
import {compare, deleteRangeRequest, putRequest, rangeRequest, txnRequest} from '../etcdserverpb/types.ts';
import type {ServerConfigInput} from './config.ts';
import {qualifyServerConfig} from './config.ts';
import type {EtcdServer} from './server.ts';

/** A cluster and one client machine. */
class Lab {
  readonly world: World;
  readonly servers = new Map<string, EtcdServer>();
  private readonly names: readonly string[];
  private readonly options: Partial<ServerConfigInput>;
  private clientCount = 0;

  /** Started, and left alone until it has a leader and its members are published, unless `settleSeconds` is 0. */
  constructor(memberCount: number, options: Partial<ServerConfigInput> = {}, settleSeconds = 4) {
    this.world = new World({seed: 1});
    this.names = Array.from({length: memberCount}, (_, i) => `m${i + 1}`);
    this.options = options;
    for (const name of this.names) this.world.addMachine(name);
    for (let i = 1; i <= 20; i++) this.world.addMachine(`c${i}`);
    for (const name of this.names) this.start(name);
    if (settleSeconds > 0) this.pass(settleSeconds);
  }

  start(name: string): void {
    const config = qualifyServerConfig({
      release: '3.6.0',
      initialCluster: this.names.map((member) => ({name: member, peerUrls: [`http://${member}:2380`]})),
      ...this.options,
      name,
    });
    this.world
      .machine(name)
      .start('etcd', (env) => etcdProgram(env, config, (server) => this.servers.set(name, server)));
  }

  kill(name: string): void {
    this.world.machine(name).kill();
    this.servers.delete(name);
  }

  get leader(): string {
    const found = this.names.filter((name) => this.servers.get(name)?.raft.node.role === 'leader');
    return found.sort((a, b) => (this.server(b).raft.node.term ?? 0) - (this.server(a).raft.node.term ?? 0))[0] ?? '';
  }

  server(name: string): EtcdServer {
    const server = this.servers.get(name);
    if (server === undefined) throw new Error(`${name} is not up`);
    return server;
  }

  /** Lets so many seconds pass. */
  pass(seconds: number): void {
    this.world.runUntil(this.world.nowUs + seconds * 1_000_000);
  }

  /** Runs a client against these members to its end. */
  ask<T>(
    program: (client: Client, sleep: (us: number) => Fiber<void>) => Fiber<T>,
    to = this.names,
    timeoutUs = 10_000_000,
  ): T {
    let result: {value: T} | undefined;
    const name = `c${++this.clientCount}`;
    this.world.machine(name).start('client', function* (env) {
      const client = new Client(env, {endpoints: to.map((member) => `${member}:2379`), requestTimeoutUs: timeoutUs});
      client.start();
      result = {value: yield* program(client, (us) => sleepUs(env.clock, us))};
    });
    for (let i = 0; i < 100 && result === undefined; i++) this.pass(1);
    if (result === undefined) throw new Error('the client waits for ever');
    return result.value;
  }
}

const put = (client: Client, key: string, value: string) =>
  client.call({
    method: '/etcdserverpb.KV/Put',
    request: putRequest(key, value),
    sizeBytes: value.length,
    isRepeatable: false,
  });
const get = (client: Client, key: string, options: Parameters<typeof rangeRequest>[1] = {}) =>
  client.call({
    method: '/etcdserverpb.KV/Range',
    request: rangeRequest(key, options),
    sizeBytes: 10,
    isRepeatable: true,
  });
const firstValue = (result: CallResult): string | undefined =>
  result.kind === 'ok' ? ((result.response as RangeResponse).kvs[0]?.value ?? '(none)') : undefined;
const messageOf = (result: CallResult): string =>
  result.kind === 'error' ? `${result.code}: ${result.message}` : 'ok';

describe.each([1, 3, 5])('%i members', (memberCount) => {
  test('answers what etcd answers', () => {
    const lab = new Lab(memberCount);
    const results = lab.ask(function* (client) {
      const seen: unknown[] = [];
      seen.push(messageOf(yield* put(client, 'a', '1')));
      seen.push(firstValue(yield* get(client, 'a')));
      const txn = txnRequest({
        compare: [compare('a', 'equal', {kind: 'version', number: 1})],
        success: [
          {kind: 'put', request: putRequest('a', '2')},
          {kind: 'range', request: rangeRequest('a')},
        ],
      });
      seen.push(
        messageOf(
          yield* client.call({method: '/etcdserverpb.KV/Txn', request: txn, sizeBytes: 10, isRepeatable: false}),
        ),
      );
      seen.push(firstValue(yield* get(client, 'a')));
      seen.push(firstValue(yield* get(client, 'a', {revision: 2})));
      seen.push(messageOf(yield* get(client, 'a', {revision: 99})));
      seen.push(messageOf(yield* get(client, '')));
      seen.push(messageOf(yield* put(client, 'b', 'x'.repeat(2_000_000))));
      const many: RequestOp[] = Array.from({length: 129}, (_, i) => ({kind: 'put', request: putRequest(`k${i}`, '')}));
      seen.push(
        messageOf(
          yield* client.call({
            method: '/etcdserverpb.KV/Txn',
            request: txnRequest({success: many}),
            sizeBytes: 10,
            isRepeatable: false,
          }),
        ),
      );
      const deletion = deleteRangeRequest('a', {prevKv: true});
      yield* client.call({
        method: '/etcdserverpb.KV/DeleteRange',
        request: deletion,
        sizeBytes: 10,
        isRepeatable: false,
      });
      seen.push(firstValue(yield* get(client, 'a')));
      const compaction = {revision: 3, physical: false};
      yield* client.call({method: '/etcdserverpb.KV/Compact', request: compaction, sizeBytes: 10, isRepeatable: false});
      seen.push(messageOf(yield* get(client, 'a', {revision: 2})));
      return seen;
    });
    expect(results).toEqual([
      'ok',
      '1',
      'ok',
      '2',
      '1',
      'OutOfRange: etcdserver: mvcc: required revision is a future revision',
      'InvalidArgument: etcdserver: key is not provided',
      'InvalidArgument: etcdserver: request is too large',
      'InvalidArgument: etcdserver: too many operations in txn request',
      '(none)',
      'OutOfRange: etcdserver: mvcc: required revision has been compacted',
    ]);
  });

  test('keeps what it acknowledged through a power cut of everybody', () => {
    const lab = new Lab(memberCount, {walSegmentBytes: 4_096, snapshotCount: 7, snapshotCatchUpEntries: 3});
    lab.ask(function* (client) {
      for (let i = 0; i < 40; i++) yield* put(client, `k${i % 5}`, `${i}`);
    });
    for (let i = 1; i <= memberCount; i++) {
      lab.world.machine(`m${i}`).powerOff();
      lab.start(`m${i}`);
    }
    lab.pass(4);
    const values = lab.ask(function* (client) {
      const read: (string | undefined)[] = [];
      for (let i = 0; i < 5; i++) read.push(firstValue(yield* get(client, `k${i}`)));
      return read;
    });
    expect(values).toEqual(['35', '36', '37', '38', '39']);
  });
});

test('a follower that missed more than the log keeps is sent a snapshot, and ends with the same state', () => {
  const lab = new Lab(3, {snapshotCount: 10, memorySnapshotCount: 5, snapshotCatchUpEntries: 3});
  lab.pass(3);
  const follower = lab.leader === 'm1' ? 'm2' : 'm1';
  lab.kill(follower);
  lab.ask(function* (client) {
    for (let i = 0; i < 60; i++) yield* put(client, `k${i % 7}`, `${i}`);
  });
  lab.start(follower);
  lab.pass(5);
  expect(lab.world.trace.marks()).toMatchObject({'snapshot: installed': 1, 'rafthttp: snapshot received': 1});
  const digests = ['m1', 'm2', 'm3'].map((name) => lab.server(name).applier.store.stateDigest());
  expect(new Set(digests).size).toBe(1);
});

test.each([
  'raftBeforeSaveSnap',
  'raftBeforeWALSaveSnaphot',
  'raftAfterSaveSnap',
  'raftBeforeApplySnap',
  'raftAfterApplySnap',
  'raftAfterWALRelease',
  'applyBeforeOpenSnapshot',
  'applyAfterOpenSnapshot',
])('a follower that dies at %s while it takes a snapshot over comes back whole', (failpoint) => {
  for (const how of ['kill', 'power-off'] as const) {
    const lab = new Lab(3, {snapshotCount: 10, memorySnapshotCount: 5, snapshotCatchUpEntries: 3});
    const follower = lab.leader === 'm1' ? 'm2' : 'm1';
    lab.kill(follower);
    lab.ask(function* (client) {
      for (let i = 0; i < 60; i++) yield* put(client, `k${i % 7}`, `${i}`);
    });
    lab.start(follower);
    const machine = lab.world.machine(follower);
    machine.failpoints?.arm(failpoint, {action: {kind: 'crash', how}});
    lab.pass(5);
    expect(machine.process).toBeUndefined(); // the place was reached
    lab.start(follower);
    lab.pass(5);
    const digests = ['m1', 'm2', 'm3'].map((name) => lab.server(name).applier.store.stateDigest());
    expect(new Set(digests).size).toBe(1);
    if (failpoint === 'applyBeforeOpenSnapshot') {
      expect(lab.world.trace.marks()).toHaveProperty('bootstrap: database taken from a received snapshot');
    }
  }
});

test('a leader that is cut off answers no linearizable read and no write, but a serializable read', () => {
  const lab = new Lab(3);
  lab.pass(3);
  lab.ask((client) => put(client, 'a', '1'));
  const old = lab.leader;
  const others = ['m1', 'm2', 'm3'].filter((name) => name !== old);
  const cut = others.flatMap((name): Direction[] => [
    [old, name],
    [name, old],
  ]);
  lab.world.network.cut(cut);
  lab.pass(5);
  lab.ask((client) => put(client, 'a', '2'), others);
  const [linearizable, write, serializable] = lab.ask(
    function* (client) {
      return [yield* get(client, 'a'), yield* put(client, 'a', '3'), yield* get(client, 'a', {serializable: true})];
    },
    [old],
    9_000_000,
  );
  expect([linearizable.kind, write.kind, firstValue(serializable)]).toEqual(['error', 'error', '1']);
  expect(firstValue(lab.ask((client) => get(client, 'a'), others))).toBe('2');
});

test('without a quorum a member that starts serves nobody', () => {
  const lab = new Lab(3, {}, 0);
  lab.kill('m2');
  lab.kill('m3');
  lab.pass(2);
  const result = lab.ask((client) => put(client, 'a', '1'), ['m1'], 15_000_000);
  expect(result).toMatchObject({kind: 'error', code: 'DeadlineExceeded', effect: 'none'});
});

test('cluster and member ids follow from names and URLs, and members know each other after publishing', () => {
  const lab = new Lab(3);
  lab.pass(4);
  const ids = ['m1', 'm2', 'm3'].map((name) => lab.server(name).id);
  expect(new Set(ids).size).toBe(3);
  const header = lab.ask((client) => get(client, 'a'));
  const {clusterId, memberId} = (header as {response: RangeResponse}).response.header;
  expect([ids.includes(memberId), clusterId.length]).toEqual([true, 16]);
});
