// Snapshot files: whole or set aside, newest first, known to the WAL; databases of received ones.
import * as fc from 'fast-check';
import {expect, test} from 'vitest';
import {toBytes} from '../../base/byte-string.ts';
import {crc32c} from '../../base/crc32c.ts';
import {toMemberId} from '../../base/ids.ts';
import {WireWriter} from '../../base/wire.ts';
import {DiskFault} from '../../env/disk.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {World} from '../../sim/world.ts';
import type {Snapshot} from '../raftpb/types.ts';
import {makeConfState} from '../raftpb/types.ts';
import {walBehaviours} from '../wal/behaviours.ts';
import {WalError} from '../wal/wal-error.ts';
import {decodeSnapFile, encodeSnapFile, Snapshotter} from './snapshotter.ts';

const DIRECTORY = '/snap';
const BEHAVIOURS = walBehaviours('3.6.0');
const snapshot = (index: number): Snapshot => ({
  data: new Uint8Array([index]),
  metadata: {index, term: 2, confState: makeConfState({voters: [toMemberId(1)]})},
});

function run<T>(world: World, program: (env: Env, snapshotter: Snapshotter) => Fiber<T>): T {
  let result: {value: T} | undefined;
  world.machine('m').start('test', function* (env) {
    yield* env.disk.makeDirectory(DIRECTORY);
    result = {value: yield* program(env, new Snapshotter(env, DIRECTORY, BEHAVIOURS))};
  });
  while (world.machine('m').process !== undefined && world.step());
  if (result === undefined) throw new Error('the program did not end');
  return result.value;
}

function refusalOf(bytes: Uint8Array): WalError {
  try {
    decodeSnapFile(bytes, 'x.snap');
  } catch (error) {
    if (error instanceof WalError) return error;
  }
  throw new Error('the file was not refused');
}

function makeWorld(): World {
  const world = new World({seed: 1});
  world.addMachine('m');
  return world;
}

test('the newest that file and WAL agree on is loaded; a broken one is set aside', () => {
  const world = makeWorld();
  run(world, function* (_env, snapshotter) {
    for (const index of [5, 9, 300]) yield* snapshotter.save(snapshot(index));
  });
  const known = [5, 9, 300].map((index) => ({index, term: 2}));
  const load = (from: typeof known) =>
    run(world, (_env, snapshotter) => snapshotter.loadNewestAvailable(from))?.metadata.index;
  expect(load(known)).toBe(300);
  expect(load(known.slice(0, 2))).toBe(9);
  expect(load([{index: 9, term: 7}])).toBeUndefined();
  world.machine('m').disk.corrupt(`${DIRECTORY}/0000000000000002-000000000000012c.snap`, 0);
  expect(load(known)).toBe(9);
  expect(world.machine('m').disk.paths()).toContain(`${DIRECTORY}/0000000000000002-000000000000012c.snap.broken`);
});

test('a flipped byte is refused with the file', () => {
  const bytes = encodeSnapFile(snapshot(5), BEHAVIOURS);
  expect(decodeSnapFile(bytes, 'x.snap')).toEqual(snapshot(5));
  for (let at = 0; at < bytes.length; at++) {
    const broken = bytes.slice();
    broken[at] = (broken[at] ?? 0) ^ 0x11;
    expect(() => decodeSnapFile(broken, 'x.snap')).toThrow(/^x\.snap: /);
  }
});

test('a wrong checksum is told by where the checked bytes begin, and both sums', () => {
  const bytes = encodeSnapFile(snapshot(5), BEHAVIOURS);
  const {data} = snapshot(5);
  const broken = bytes.slice();
  const at = broken.length - 1;
  broken[at] = (broken[at] ?? 0) ^ 1;
  const refusal = refusalOf(broken);
  expect(refusal).toMatchObject({code: 'crc-mismatch', file: 'x.snap'});
  expect(refusal.reason).toMatch(/differs: expected [0-9a-f]{8}, got [0-9a-f]{8}$/);
  // raft's snapshot begins with its own data: tag, length, the one byte.
  const start = refusal.offset;
  expect(start).toBeGreaterThan(0);
  expect(bytes.subarray(start, start + 3)).toEqual(new Uint8Array([0x0a, 1, ...(data ?? [])]));
  expect(bytes[start - 1]).toBe(bytes.length - start);
});

test('what is no snapshot under a right checksum is told by its place in the file', () => {
  const data = new Uint8Array([0x0a, 1, 5, 0x12, 99]); // metadata that runs past the end: its length stands at 4
  const writer = new WireWriter();
  writer.uint(1, crc32c(0, data));
  writer.bytes(2, data);
  const bytes = writer.finish();
  expect(refusalOf(bytes)).toMatchObject({code: 'bad-record', offset: bytes.length - 1});
});

test('a received database has its name only when it is whole, and old ones are deleted', () => {
  const world = makeWorld();
  const names = run(world, function* (env, snapshotter) {
    for (const index of [5, 9]) yield* snapshotter.saveDb(index, new Uint8Array(10_000).fill(index));
    yield* snapshotter.releaseDbs(9);
    return yield* env.disk.list(DIRECTORY);
  });
  expect(names).toEqual(['0000000000000009.snap.db']);
  expect(world.machine('m').disk.peek(`${DIRECTORY}/0000000000000009.snap.db`)?.length).toBe(10_000);
});

test('damage anywhere in the newest file leads to the one before it, never to another content', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({min: 1, max: 255}), fc.boolean(), (where, mask, isCut) => {
      const world = makeWorld();
      const {disk} = world.machine('m');
      const newest = encodeSnapFile(snapshot(300), BEHAVIOURS);
      const at = where % newest.length;
      const broken = isCut ? newest.slice(0, at) : newest.slice();
      if (!isCut) broken[at] = (broken[at] ?? 0) ^ mask;
      disk.importFile(`${DIRECTORY}/0000000000000002-000000000000012c.snap`, broken);
      disk.importFile(`${DIRECTORY}/0000000000000002-0000000000000009.snap`, encodeSnapFile(snapshot(9), BEHAVIOURS));
      const loaded = run(world, (_env, snapshotter) => snapshotter.loadNewestAvailable(undefined));
      expect(loaded).toEqual(snapshot(9));
      expect(disk.paths().some((path) => path.endsWith('12c.snap.broken'))).toBe(true);
    }),
    {numRuns: 300},
  );
});

test('what a defragmentation left behind goes when snapshots are listed; a received database that is there stays', () => {
  const world = makeWorld();
  const {disk} = world.machine('m');
  for (const name of ['db', 'db.tmp.123', '0000000000000007.snap.db'])
    disk.importFile(`${DIRECTORY}/${name}`, toBytes(name));
  run(world, function* (_env, snapshotter) {
    yield* snapshotter.loadNewestAvailable([]);
    yield* snapshotter.saveDb(7, new Uint8Array(100));
  });
  expect(disk.paths()).toEqual([`${DIRECTORY}/0000000000000007.snap.db`, `${DIRECTORY}/db`]);
  expect(disk.peek(`${DIRECTORY}/0000000000000007.snap.db`)).toEqual(toBytes('0000000000000007.snap.db'));
});

test('a disk without room leaves neither half a file nor a temporary one', () => {
  const world = makeWorld();
  const {disk} = world.machine('m');
  disk.inject({kind: 'error', operations: ['sync'], code: 'ENOSPC', where: ({path}) => path.startsWith(DIRECTORY)});
  run(world, function* (_env, snapshotter) {
    for (const save of [() => snapshotter.save(snapshot(5)), () => snapshotter.saveDb(5, new Uint8Array(10))]) {
      let fault: unknown;
      try {
        yield* save();
      } catch (error) {
        fault = error;
      }
      expect(fault).toBeInstanceOf(DiskFault);
    }
  });
  expect(disk.paths()).toEqual([]);
});
