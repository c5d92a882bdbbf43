// server-core/wal/test-wal.ts: what the tests of WAL and snapshot files share: a machine, a program run to its end, a log to damage.
import {NO_MEMBER, toMemberId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {World} from '../../sim/world.ts';
import type {Entry, HardState} from '../raftpb/types.ts';
import {makeConfState} from '../raftpb/types.ts';
import {walBehaviours} from './behaviours.ts';
import type {WalOptions} from './wal.ts';
import {Wal} from './wal.ts';

export const TEST_DIRECTORY = '/etcd/member/wal';
export const TEST_METADATA = new Uint8Array([8, 0xd5, 0xcf, 0x81, 0x40, 16, 0xf1, 0x9b, 0x07]);
export const TEST_CONF_STATE = makeConfState({voters: [toMemberId(3)]});

export function testOptions(segmentBytes: number, release = '3.6.0'): WalOptions {
  return {directory: TEST_DIRECTORY, segmentBytes, behaviours: walBehaviours(release)};
}

/** A world with one machine, `m`. */
export function testWorld(seed = 1): World {
  const world = new World({seed});
  world.addMachine('m');
  return world;
}

/** Runs a program to its end on the machine and returns what it returned, or throws what it threw. */
export function runOn<T>(world: World, program: (env: Env) => Fiber<T>): T {
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

export const testEntry = (index: number, term: number, size: number, fill = (index * 7 + term) % 251): Entry => ({
  type: 'EntryNormal',
  index,
  term,
  data: size === 0 ? undefined : new Uint8Array(size).fill(fill),
});

export const testState = (term: number, commit: number, vote = NO_MEMBER): HardState => ({term, vote, commit});

/** The files of a WAL of several segments, with replaced entries, empty ones, large ones, zeros, and a snapshot's record. */
export function testLogFiles(release = '3.6.0'): ReadonlyMap<string, Uint8Array> {
  const world = testWorld(7);
  runOn(world, function* (env) {
    const wal = yield* Wal.create(env, testOptions(6_000, release), TEST_METADATA);
    let last = 0;
    for (let i = 0; i < 24; i++) {
      const term = 1 + Math.floor(i / 5);
      const first = i % 5 === 4 ? last : last + 1; // the last one was not committed and is replaced
      const sizes = [0, 40, i % 3 === 0 ? 1_500 : 300, 700];
      const entries = sizes.map((size, j) => testEntry(first + j, term, size, j === 3 && i % 4 === 0 ? 0 : undefined));
      last = first + sizes.length - 1;
      yield* wal.save(testState(term, last - 2, toMemberId(3)), entries);
      if (i === 9) yield* wal.saveSnapshot({index: 20, term: 2, confState: TEST_CONF_STATE});
    }
    yield* wal.close();
  });
  const {disk} = world.machine('m');
  return new Map(disk.paths().map((path) => [path, disk.peek(path) ?? new Uint8Array(0)]));
}
