// tools/bench/large.ts: a world with many keys and many watches: what a put costs there, and what the world weighs.

import type {PendingCall} from '../../scenarios/lockstep.ts';
import {LockstepCluster} from '../../scenarios/lockstep.ts';
import {RPCS} from '../../server-core/etcdserverpb/rpc.ts';
import {putRequest} from '../../server-core/etcdserverpb/types.ts';
import type {Figure} from './main.ts';

const PUT = '/etcdserverpb.KV/Put';
const WATCH = '/etcdserverpb.Watch/Watch';
/** Puts under way at a time. */
const WINDOW = 100;

/** 100,000 keys and 1,000 watches on other keys against a store without either. */
export function runLargeBench(quick: boolean): Figure[] {
  const keyCount = quick ? 10_000 : 100_000;
  const measured = quick ? 2_000 : 10_000;
  const emptyUs = costOfPut(oneMember(), measured);
  const before = usedMb();
  const world = oneMember();
  putKeys(world, keyCount, 'key');
  const streams = Array.from({length: 10}, (_, stream) => openWatches(world, stream));
  world.advance(1_000_000);
  const created = streams.reduce((sum, {received}) => sum + received.length, 0);
  if (created !== 1_000) throw new Error(`bench: ${created} of 1000 watches were created`);
  const largeUs = costOfPut(world, measured);
  const weight = usedMb() - before;
  const name = `${keyCount} keys, 1000 watches`;
  return [
    {name: 'a put in a small store', value: emptyUs, unit: 'µs', better: 'lower'},
    {name: `a put with ${name}`, value: largeUs, unit: 'µs', better: 'lower'},
    {name: 'the second against the first', value: largeUs / emptyUs, unit: '×', goal: 2, better: 'lower'},
    {name: `one world with ${name}`, value: weight, unit: 'MB', goal: 300, better: 'lower'},
  ];
}

function oneMember(): LockstepCluster {
  const member = {name: 'm0', peerUrl: 'http://127.0.0.1:22901', clientUrl: 'http://127.0.0.1:22900'};
  return new LockstepCluster({release: '3.6.0', members: [member], clusterToken: 'bench', seed: 1});
}

/** CPU microseconds of one put, once the engine is warm. */
function costOfPut(world: LockstepCluster, count: number): number {
  putKeys(world, count, 'again');
  const before = process.cpuUsage();
  putKeys(world, count, 'again');
  const {user, system} = process.cpuUsage(before);
  return (user + system) / count;
}

function putKeys(world: LockstepCluster, count: number, prefix: string): void {
  const {request} = RPCS[PUT];
  let open: PendingCall[] = [];
  for (let i = 0; i < count; i++) {
    const put = putRequest(`${prefix}/${String(i).padStart(8, '0')}`, 'v'.repeat(64));
    open.push(world.begin(0, PUT, request.encode(put)));
    if (open.length < WINDOW && i + 1 < count) continue;
    while (open.some(({outcome}) => outcome === undefined)) world.world.step();
    open = [];
  }
}

/** A hundred watches on one stream, half of them on ranges. */
function openWatches(world: LockstepCluster, stream: number) {
  const {request} = RPCS[WATCH];
  const opened = world.openStream(0, WATCH);
  for (let i = 0; i < 100; i++) {
    const key = `watched/${stream}/${i}`;
    const rangeEnd = i % 2 === 0 ? '' : `${key}~`;
    const create = {key, rangeEnd, startRevision: 0, progressNotify: false, filters: [], prevKv: false, watchId: 0};
    opened.send(request.encode(request.make({create: {...create, fragment: false}} as object)));
  }
  return opened;
}

function usedMb(): number {
  globalThis.gc?.();
  const {heapUsed, arrayBuffers} = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 2 ** 20;
}
