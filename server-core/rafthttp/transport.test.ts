// Two members' transports: which way messages take, what outlives a reset, who is turned away.
import {expect, test} from 'vitest';
import type {ClusterId, MemberId} from '../../base/ids.ts';
import {toId64, toMemberId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs} from '../../env/fiber.ts';
import {World} from '../../sim/world.ts';
import type {Message, MessageType} from '../raftpb/types.ts';
import {makeMessage} from '../raftpb/types.ts';
import {textReply} from './peer-http.ts';
import {Transport} from './transport.ts';

const CLUSTER = toId64('c1') as ClusterId;

interface Node {
  readonly id: MemberId;
  readonly seen: string[];
  transport: Transport | undefined;
}

interface NodeOptions {
  readonly clusterId?: ClusterId;
  readonly removed?: readonly MemberId[];
}

/** Starts a member that notes what reaches its raft. */
function start(
  world: World,
  host: string,
  number: number,
  peers: readonly [string, number][],
  options: NodeOptions = {},
): Node {
  const id = toMemberId(number);
  const node: Node = {id, seen: [], transport: undefined};
  const note = (text: string) => node.seen.push(text);
  world.addMachine(host).start('member', function* (env: Env): Fiber<void> {
    node.transport = new Transport({
      env,
      id,
      clusterId: options.clusterId ?? CLUSTER,
      serverVersion: '3.6.0',
      minClusterVersion: '3.0.0',
      dialTimeoutUs: 2_000_000,
      raft: {
        process: (message) => {
          if (options.removed?.includes(message.from) === true) return false; // as EtcdServer.Process
          note(`${message.type} ${message.index}`);
          return true;
        },
        // biome-ignore lint/correctness/useYield: nothing to wait for
        processProposal: function* (message) {
          note(`${message.type} ${message.index}`);
        },
        isIdRemoved: (other) => options.removed?.includes(other) ?? false,
        reportUnreachable: (other) => note(`unreachable ${Number.parseInt(other, 16)}`),
        // biome-ignore lint/correctness/useYield: nothing to wait for
        http: function* ({path}) {
          return textReply(200, `you asked for ${path}`);
        },
        reportSnapshot: (_other, outcome) => note(`snapshot ${outcome}`),
        // biome-ignore lint/correctness/useYield: nothing to wait for
        saveSnapshotDb: function* (index, db) {
          note(`db ${index} of ${db.length}`);
        },
        memberRemoved: () => note('removed'),
      },
    });
    node.transport.listen(2380);
    for (const [name, other] of peers) node.transport.addPeer(toMemberId(other), `${name}:2380`);
    yield* sleepUs(env.clock, 1_000_000_000);
  });
  return node;
}

const message = (type: MessageType, to: number, index: number): Message =>
  makeMessage({type, to: toMemberId(to), from: toMemberId(3 - to), index});

function pair(options: {a?: NodeOptions; b?: NodeOptions} = {}): {world: World; a: Node; b: Node} {
  const world = new World({seed: 1});
  const a = start(world, 'a', 1, [['b', 2]], options.a);
  const b = start(world, 'b', 2, [['a', 1]], options.b);
  world.runUntil(1_000_000);
  return {world, a, b};
}

test('messages flow both ways over the streams, each stream in order', () => {
  const {world, a, b} = pair();
  for (let i = 1; i <= 50; i++) a.transport?.send([message('MsgApp', 2, i), message('MsgHeartbeat', 2, i)]);
  b.transport?.send([message('MsgAppResp', 1, 7), message('MsgProp', 1, 8)]);
  world.runUntil(2_000_000);
  for (const type of ['MsgApp', 'MsgHeartbeat']) {
    const got = b.seen.filter((text) => text.startsWith(`${type} `));
    expect(got).toEqual(Array.from({length: 50}, (_, i) => `${type} ${i + 1}`));
  }
  expect([...a.seen].sort()).toEqual(['MsgAppResp 7', 'MsgProp 8']);
  expect(a.transport?.activeSinceUs(toMemberId(2))).toBeDefined();
});

test('after a reset of every connection the streams come back by themselves', () => {
  const {world, a, b} = pair();
  world.network.resetAll('a');
  world.runUntil(3_000_000);
  a.transport?.send([message('MsgApp', 2, 1)]);
  world.runUntil(4_000_000);
  expect(b.seen.filter((text) => text.startsWith('MsgApp'))).toEqual(['MsgApp 1']);
});

test('a peer that is down is reported; once it is up messages reach it', () => {
  const {world, a, b} = pair();
  world.machine('b').kill();
  world.runUntil(2_000_000);
  for (let i = 0; i < 70; i++) a.transport?.send([message('MsgHeartbeat', 2, i)]);
  world.runUntil(6_000_000);
  expect(a.seen).toContain('unreachable 2');
  expect(a.transport?.activeSinceUs(b.id)).toBeUndefined();
});

test('a silent peer is noticed by the read timeout of its streams', () => {
  const {world, a, b} = pair();
  world.network.cut([['b', 'a']]);
  world.runUntil(12_000_000);
  expect(world.trace.marks()).toHaveProperty('rafthttp: stream timed out');
  expect(a.transport?.activeSinceUs(b.id)).toBeUndefined();
});

test('a removed member is told so and nothing of it is heard', () => {
  const {world, a, b} = pair({b: {removed: [toMemberId(1)]}});
  expect(a.seen).toContain('removed');
  a.transport?.send([message('MsgVote', 2, 1)]);
  world.runUntil(3_000_000);
  expect(b.seen.filter((text) => text.startsWith('MsgVote'))).toEqual([]);
});

test('a member of another cluster is turned away', () => {
  const {world, a, b} = pair({b: {clusterId: toId64('c2') as ClusterId}});
  a.transport?.send([message('MsgVote', 2, 1)]);
  world.runUntil(3_000_000);
  expect(b.seen.filter((text) => text.startsWith('MsgVote'))).toEqual([]);
});

test('the database of a snapshot is stored before raft hears of the snapshot, and the sender is told', () => {
  const {world, a, b} = pair();
  const confState = {voters: [], learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false};
  const snapshot = {data: undefined, metadata: {index: 42, term: 2, confState}};
  a.transport?.sendSnapshot({message: {...message('MsgSnap', 2, 42), snapshot}, db: new Uint8Array(200_000)});
  world.runUntil(5_000_000);
  expect(b.seen.slice(-2)).toEqual(['db 42 of 200000', 'MsgSnap 42']);
  expect(a.seen).toContain('snapshot finish');
});
