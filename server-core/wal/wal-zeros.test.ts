// A record may be full of zeros: reading follows the frames and does not take an empty-looking stretch for the end.
import {expect, test} from 'vitest';
import {NO_MEMBER} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {World} from '../../sim/world.ts';
import type {Entry} from '../raftpb/types.ts';
import {walBehaviours} from './behaviours.ts';
import {NO_SNAPSHOT} from './record.ts';
import {repairWal, validSnapshots} from './repair.ts';
import {Wal} from './wal.ts';
import {WalError} from './wal-error.ts';

const OPTIONS = {directory: '/wal', segmentBytes: 4_000_000, behaviours: walBehaviours('3.4.23')};
const FIRST = '/wal/0000000000000000-0000000000000000.wal';

function run<T>(world: World, program: (env: Env) => Fiber<T>): T {
  let result: {value: T} | undefined;
  let failure: unknown;
  world.onProcessEnd((_machine, _process, end) => {
    if (end.how === 'panic') failure = end.error;
  });
  world.machine('m').start('test', function* (env) {
    result = {value: yield* program(env)};
  });
  while (world.machine('m').process !== undefined && world.step());
  if (failure !== undefined) throw failure;
  if (result === undefined) throw new Error('the program did not end');
  return result.value;
}

const entry = (index: number, size: number, fill: number): Entry => ({
  type: 'EntryNormal',
  term: 1,
  index,
  data: new Uint8Array(size).fill(fill),
});

function written(sizes: readonly number[]): World {
  const world = new World({seed: 3});
  world.addMachine('m');
  run(world, function* (env) {
    const wal = yield* Wal.create(env, OPTIONS, new Uint8Array([8, 1, 16, 2]));
    for (const [i, size] of sizes.entries()) {
      const state = {term: 1, vote: NO_MEMBER, commit: i};
      yield* wal.save(state, [entry(i + 1, size, 0)]);
    }
    yield* wal.saveSnapshot({index: 1, term: 1});
    yield* wal.close();
  });
  return world;
}

test.each([[[200_000]], [[10, 65_536, 200_000, 10]], [[131_072 * 4, 20]]])(
  'values of zeros that span whole chunks are read back: %j',
  (sizes) => {
    const world = written(sizes);
    const content = run(world, (env) => Wal.open(env, OPTIONS, NO_SNAPSHOT)).content;
    expect(content.entries.map(({data}) => data?.length)).toEqual(sizes);
    const known = run(world, (env) => validSnapshots(env.disk, OPTIONS));
    expect(known.map(({index}) => index)).toEqual(sizes.length > 1 ? [0, 1] : [0]);
  },
);

test('what is cut off in the middle of such a record is torn, and the repair keeps a whole copy', () => {
  const world = written([300_000, 10, 300_000]);
  const whole = world.machine('m').disk.peek(FIRST) ?? new Uint8Array(0);
  const cutAt = 450_000;
  run(world, function* (env) {
    const file = yield* env.disk.open(FIRST);
    yield* file.truncate(cutAt);
    yield* file.sync();
    file.close();
  });
  const open = () => run(world, (env) => Wal.open(env, OPTIONS, NO_SNAPSHOT)).content;
  expect(open).toThrow(WalError);
  expect(open).toThrow(/\.wal: at offset 300\d\d\d: a record of 300\d\d\d bytes runs past the end of the file/);
  expect(run(world, (env) => repairWal(env.disk, OPTIONS))).toBe(true);
  expect(open().entries.map(({index}) => index)).toEqual([1, 2]);
  expect(world.machine('m').disk.peek(`${FIRST}.broken`)).toEqual(whole.slice(0, cutAt));
});

test('rubbish behind the first empty frame does not count, and is zero after opening', () => {
  const world = written([10]);
  run(world, function* (env) {
    const file = yield* env.disk.open(FIRST);
    yield* file.write(100_000, new Uint8Array(5_000).fill(7));
    yield* file.sync();
    file.close();
  });
  expect(run(world, (env) => Wal.open(env, OPTIONS, NO_SNAPSHOT)).content.entries.length).toBe(1);
  expect(
    world
      .machine('m')
      .disk.peek(FIRST)
      ?.subarray(100_000, 105_000)
      .every((byte) => byte === 0),
  ).toBe(true);
});
