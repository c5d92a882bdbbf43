// WAL and snapshot files together: what a member starts from when it died between the two, in each order that releases save them.
import {describe, expect, test} from 'vitest';
import {toMemberId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs} from '../../env/fiber.ts';
import {makeConfState} from '../raftpb/types.ts';
import {runOn, TEST_METADATA, testEntry, testState, testWorld} from '../wal/test-wal.ts';
import type {ServerConfig} from './config.ts';
import {qualifyServerConfig} from './config.ts';
import type {RaftDisk} from './raft-disk.ts';
import {RaftFiles, spawnPurgeLoops} from './raft-files.ts';

const CONF_STATE = makeConfState({voters: [toMemberId(3)]});
const snapshot = (index: number) => ({
  data: new Uint8Array([index]),
  metadata: {index, term: 1, confState: CONF_STATE},
});

const configOf = (release: string): ServerConfig =>
  qualifyServerConfig({
    name: 'm',
    release,
    dataDir: '/etcd',
    walSegmentBytes: 4_096,
    initialCluster: [{name: 'm', peerUrls: ['http://m:2380']}],
  });

/** A log of twenty entries with a snapshot at 10. */
function* filled(env: Env, config: ServerConfig): Fiber<{files: RaftFiles; disk: RaftDisk}> {
  yield* env.disk.makeDirectory('/etcd/member/snap');
  const files = new RaftFiles(env, config);
  const disk = yield* files.create(TEST_METADATA);
  for (let index = 1; index <= 20; index++) {
    yield* disk.save(testState(1, index - 1), [testEntry(index, 1, 140_000)]);
    if (index === 11) yield* disk.saveSnapshot(snapshot(10));
  }
  return {files, disk};
}

const startIndex = (world: ReturnType<typeof testWorld>, release: string): number | undefined =>
  runOn(world, (env) => new RaftFiles(env, configOf(release)).newestSnapshot())?.metadata.index;

describe('a file without a record', () => {
  test.each([
    ['3.6.0', 10],
    ['3.3.25', 10],
    ['3.4.8', 10],
    ['3.4.7', 15],
    ['3.3.20', 15],
  ])('%s starts from the snapshot at %i', (release, expected) => {
    const world = testWorld();
    const {disk} = world.machine('m');
    runOn(world, function* (env) {
      yield* (yield* filled(env, configOf(release))).disk.close();
    });
    const file = '/etcd/member/snap/0000000000000001-000000000000000a.snap';
    const bytes = disk.peek(file) ?? new Uint8Array(0);
    expect(bytes.length).toBeGreaterThan(20);
    // The same snapshot under a later index, as its file would lie there before its record is written.
    const other = testWorld();
    runOn(other, function* (env) {
      yield* env.disk.makeDirectory('/etcd/member/snap');
      const saved = yield* new RaftFiles(env, configOf(release)).create(TEST_METADATA);
      yield* saved.saveSnapshot(snapshot(15));
    });
    const orphan = '/etcd/member/snap/0000000000000001-000000000000000f.snap';
    disk.importFile(orphan, other.machine('m').disk.peek(orphan) ?? new Uint8Array(0));
    expect(startIndex(world, release)).toBe(expected);
  });
});

test('killed between file and record, the member starts from the snapshot before and has all entries', () => {
  const world = testWorld();
  const machine = world.machine('m');
  machine.start('member', function* (env) {
    const {disk} = yield* filled(env, configOf('3.6.0'));
    yield* disk.saveSnapshot(snapshot(18));
  });
  machine.failpoints?.arm('raftBeforeWALSaveSnaphot', {action: {kind: 'crash', how: 'power-off'}});
  while (machine.process !== undefined && world.step());
  expect(startIndex(world, '3.6.0')).toBeUndefined(); // it died in the first one
  const content = runOn(world, (env) => new RaftFiles(env, configOf('3.6.0')).open(undefined));
  expect(content.entries.length).toBe(11);
});

describe('what is released', () => {
  const held = (release: string, releases: boolean): number => {
    const world = testWorld();
    return runOn(world, function* (env) {
      const config = configOf(release);
      const {disk} = yield* filled(env, config);
      if (releases) yield* disk.release(snapshot(10));
      spawnPurgeLoops(env, config, {snapFilesMax: 1, walFilesMax: 1});
      yield* sleepUs(env.clock, 1_000_000);
      return (yield* env.disk.list('/etcd/member/wal')).filter((name) => name.endsWith('.wal')).length;
    });
  };

  test('old segments go once raft has the snapshot; before 3.3.21 and 3.4.8 as soon as it is saved', () => {
    const all = held('3.6.0', false);
    expect(all).toBe(21);
    expect(held('3.6.0', true)).toBe(all - 8); // all that begin before entry 10, but the newest two of them
    expect(held('3.4.7', false)).toBe(all - 8);
    expect(held('3.4.7', true)).toBe(all - 8);
  });

  test('what lies behind the newest snapshot file is read without letting go of anything', () => {
    const world = testWorld();
    const indexes = runOn(world, function* (env) {
      const {disk} = yield* filled(env, configOf('3.6.0'));
      return (yield* disk.loggedEntries()).map(({index}) => index);
    });
    expect(indexes).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
  });
});
