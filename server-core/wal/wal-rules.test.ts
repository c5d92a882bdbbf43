// Rules of etcd's WAL, each by name: what is prepared, cut, synced, released and purged, and what a release does its own way.
import {describe, expect, test} from 'vitest';
import {DiskFault} from '../../env/disk.ts';
import {sleepUs} from '../../env/fiber.ts';
import {walBehaviours} from './behaviours.ts';
import {WalDecoder} from './decoder.ts';
import {listSegments} from './names.ts';
import {purgeLoop, purgeOnce} from './purge.ts';
import type {WalItem} from './read-all.ts';
import {understandRecord} from './read-all.ts';
import {NO_SNAPSHOT} from './record.ts';
import {repairWal} from './repair.ts';
import {
  runOn,
  TEST_CONF_STATE,
  TEST_DIRECTORY,
  TEST_METADATA,
  testEntry,
  testOptions,
  testState,
  testWorld,
} from './test-wal.ts';
import {Wal} from './wal.ts';
import {WalError} from './wal-error.ts';

const names = (world: ReturnType<typeof testWorld>): string[] =>
  world
    .machine('m')
    .disk.paths()
    .filter((path) => path.startsWith(TEST_DIRECTORY))
    .map((path) => path.slice(TEST_DIRECTORY.length + 1));

function itemsOf(world: ReturnType<typeof testWorld>, name: string): WalItem[] {
  const bytes = world.machine('m').disk.peek(`${TEST_DIRECTORY}/${name}`) ?? new Uint8Array(0);
  const decoder = new WalDecoder([{file: name, bytes, sizeBytes: bytes.length}]);
  const items: WalItem[] = [];
  for (let record = decoder.next(); record !== undefined; record = decoder.next())
    items.push(understandRecord(decoder, record));
  return items;
}

describe('file pipeline', () => {
  test('the next segment lies prepared, 0.tmp and 1.tmp by turns, and goes when the WAL is closed', () => {
    const world = testWorld();
    runOn(world, function* (env) {
      const wal = yield* Wal.create(env, testOptions(8_192), TEST_METADATA);
      yield* sleepUs(env.clock, 1_000_000);
      expect(names(world)).toEqual(['0.tmp', '0000000000000000-0000000000000000.wal']);
      expect((yield* env.disk.stat(`${TEST_DIRECTORY}/0.tmp`))?.sizeBytes).toBe(8_192);
      yield* wal.save(testState(1, 0), [testEntry(1, 1, 140_000)]);
      yield* sleepUs(env.clock, 1_000_000);
      expect(names(world)).toContain('1.tmp');
      expect(names(world)).toContain('0000000000000001-0000000000000002.wal');
      yield* wal.close();
    });
    expect(names(world)).toEqual(['0000000000000000-0000000000000000.wal', '0000000000000001-0000000000000002.wal']);
  });

  test('what a crash left in a temporary segment is not taken for records of the new one', () => {
    const world = testWorld();
    const {disk} = world.machine('m');
    runOn(world, (env) => Wal.create(env, testOptions(4_096), TEST_METADATA));
    // As after a crash between the header of the next segment and its new name.
    disk.importFile(`${TEST_DIRECTORY}/0.tmp`, new Uint8Array(4_096).fill(0));
    runOn(world, function* (env) {
      const {wal} = yield* Wal.open(env, testOptions(4_096), NO_SNAPSHOT);
      for (let index = 1; index <= 20; index++) yield* wal.save(testState(1, index - 1), [testEntry(index, 1, 900)]);
      yield* wal.close();
    });
    const {content} = runOn(world, (env) => Wal.open(env, testOptions(4_096), NO_SNAPSHOT));
    expect(content.entries.length).toBe(20);
  });

  test('no room for the next segment: the save that would cut fails', () => {
    const world = testWorld();
    const program = () =>
      runOn(world, function* (env) {
        const wal = yield* Wal.create(env, testOptions(4_096), TEST_METADATA);
        yield* wal.save(testState(1, 0), [testEntry(1, 1, 5_000)]);
        yield* wal.save(testState(1, 0), [testEntry(2, 1, 5_000)]);
      });
    world.machine('m').disk.inject({
      kind: 'error',
      operations: ['preallocate'],
      code: 'ENOSPC',
      where: ({path}) => path.endsWith('.tmp'),
    });
    expect(program).toThrow(DiskFault);
  });
});

test('a cut segment begins with checksum, metadata and hard state, and is named by the next index', () => {
  const world = testWorld();
  runOn(world, function* (env) {
    const wal = yield* Wal.create(env, testOptions(4_096), TEST_METADATA);
    yield* wal.save(testState(3, 0), [testEntry(1, 2, 3_000), testEntry(2, 3, 3_000)]);
    // Only now it is seen that the segment is full: these entries still belong to it.
    yield* wal.save(testState(3, 1), [testEntry(2, 3, 10), testEntry(3, 3, 10)]);
    yield* wal.save(testState(3, 2), [testEntry(4, 3, 10)]);
    yield* wal.close();
  });
  const items = itemsOf(world, '0000000000000001-0000000000000004.wal');
  expect(items.map(({kind}) => kind)).toEqual(['crc', 'metadata', 'state', 'entry', 'state']);
  expect(items[2]).toEqual({kind: 'state', hardState: testState(3, 1)});
});

test('saves that change only the commit index wait for no fsync, but the first one of a process does', () => {
  const world = testWorld();
  const synced: boolean[] = [];
  const counting = world.machine('m').disk;
  let syncCount = 0;
  counting.inject({
    kind: 'error',
    operations: ['sync'],
    code: 'EIO',
    where: () => {
      syncCount++;
      return false;
    },
  });
  runOn(world, function* (env) {
    const wal = yield* Wal.create(env, testOptions(1_000_000), TEST_METADATA);
    yield* wal.save(testState(2, 0), [testEntry(1, 2, 10)]);
    const before = syncCount;
    yield* wal.save(testState(2, 1), []);
    synced.push(syncCount > before);
    yield* wal.close();
  });
  runOn(world, function* (env) {
    const {wal, content} = yield* Wal.open(env, testOptions(1_000_000), NO_SNAPSHOT);
    expect(content.hardState).toEqual(testState(2, 1));
    for (let i = 0; i < 2; i++) {
      const before = syncCount;
      yield* wal.save(testState(2, 1), []);
      synced.push(syncCount > before);
    }
  });
  // wal.ReadAll does not set the state that raft.MustSync compares with.
  expect(synced).toEqual([false, true, false]);
});

describe('purge', () => {
  test('the oldest unlocked segments go until five are left; a locked one stops it; then every 30 s again', () => {
    const world = testWorld();
    runOn(world, function* (env) {
      const wal = yield* Wal.create(env, testOptions(4_096), TEST_METADATA);
      for (let index = 1; index <= 9; index++) yield* wal.save(testState(1, index - 1), [testEntry(index, 1, 140_000)]);
      const directory = TEST_DIRECTORY;
      const options = {directory, suffix: 'wal', keptCountMax: 5} as const;
      const segments = () => names(world).filter((name) => name.endsWith('.wal')).length;
      expect(segments()).toBe(10);
      expect(yield* purgeOnce(env, options)).toEqual([]);
      yield* wal.releaseTo(5); // the segment that begins at 4 is the newest that is needed: those from 0, 2 and 3 are free
      env.spawn('purge', purgeLoop(env, options));
      yield* sleepUs(env.clock, 1_000_000);
      expect(segments()).toBe(7);
      yield* wal.releaseTo(9);
      yield* sleepUs(env.clock, 20_000_000);
      expect(segments()).toBe(7);
      yield* sleepUs(env.clock, 10_000_000);
      expect(segments()).toBe(5);
      yield* wal.close();
    });
  });

  test('snapshots and received databases are counted apart', () => {
    const world = testWorld();
    runOn(world, function* (env) {
      yield* env.disk.makeDirectory('/d');
      for (let i = 1; i <= 3; i++) {
        for (const suffix of ['snap', 'snap.db', 'snap.broken'])
          (yield* env.disk.open(`/d/${i}.${suffix}`, {create: true})).close();
      }
      yield* purgeOnce(env, {directory: '/d', suffix: 'snap', keptCountMax: 2});
      yield* purgeOnce(env, {directory: '/d', suffix: 'snap.db', keptCountMax: 1});
      const left = ['1.snap.broken', '2.snap', '2.snap.broken', '3.snap', '3.snap.broken', '3.snap.db'];
      expect(yield* env.disk.list('/d')).toEqual(left);
    });
  });
});

describe('releases', () => {
  test('the configuration is in a snapshot record from 3.5 on, and has to be given', () => {
    const recordOf = (release: string) => {
      const world = testWorld();
      runOn(world, function* (env) {
        const wal = yield* Wal.create(env, testOptions(1_000_000, release), TEST_METADATA);
        yield* wal.saveSnapshot({index: 4, term: 1, confState: TEST_CONF_STATE});
        yield* wal.close();
      });
      return itemsOf(world, '0000000000000000-0000000000000000.wal').at(-1);
    };
    expect(recordOf('3.4.23')).toEqual({kind: 'snapshot', snapshot: {index: 4, term: 1, confState: undefined}});
    expect(recordOf('3.5.0')).toEqual({kind: 'snapshot', snapshot: {index: 4, term: 1, confState: TEST_CONF_STATE}});
    const without = () =>
      runOn(testWorld(), function* (env) {
        const wal = yield* Wal.create(env, testOptions(1_000_000, '3.5.16'), TEST_METADATA);
        yield* wal.saveSnapshot({index: 4, term: 1});
      });
    expect(without).toThrow('a snapshot without its configuration');
  });

  test.each([
    ['3.3.22', undefined],
    ['3.3.25', 'record-too-large'],
    ['3.4.23', 'record-too-large'],
    ['3.5.4', 'record-too-large'],
    ['3.5.5', undefined],
    ['3.5.16', undefined],
    ['3.6.0', undefined],
  ])('%s and a record above 10 MiB: %s', (release, code) => {
    const world = testWorld();
    const open = () => {
      try {
        runOn(world, (env) => Wal.open(env, testOptions(64_000_000, release), NO_SNAPSHOT));
      } catch (error) {
        if (!(error instanceof WalError)) throw error;
        return error.code;
      }
      return undefined;
    };
    runOn(world, function* (env) {
      const wal = yield* Wal.create(env, testOptions(64_000_000, release), TEST_METADATA);
      yield* wal.save(testState(1, 0), [testEntry(1, 1, 10 * 1024 * 1024)]);
      yield* wal.close();
    });
    expect(open()).toBe(code);
    expect(runOn(world, (env) => repairWal(env.disk, testOptions(1, release)))).toBe(code === undefined);
  });

  test.each([
    ['3.3.25', true],
    ['3.4.23', true],
    ['3.5.4', true],
    ['3.5.5', false],
    ['3.5.6', false],
    ['3.5.7', true],
    ['3.5.16', true],
    ['3.6.0', true],
  ])('15069: a file of %s that ends inside its last record is repaired: %s', (release, isRepaired) => {
    const world = testWorld();
    const options = testOptions(64_000, release);
    const content = runOn(world, function* (env) {
      const wal = yield* Wal.create(env, options, TEST_METADATA);
      for (let index = 1; index <= 5; index++) yield* wal.save(testState(1, 0), [testEntry(index, 1, 3_000)]);
      yield* wal.close();
      const [name = ''] = yield* listSegments(env.disk, TEST_DIRECTORY);
      const file = yield* env.disk.open(`${TEST_DIRECTORY}/${name}`);
      const bytes = yield* file.read(0, file.sizeBytes);
      // A thousand bytes before the end of what is written.
      yield* file.truncate(bytes.findLastIndex((byte) => byte !== 0) - 1_000);
      yield* file.sync();
      file.close();
      if (!(yield* repairWal(env.disk, options))) return undefined;
      return yield* Wal.open(env, options, NO_SNAPSHOT);
    });
    expect(content?.content.entries.map(({index}) => index)).toEqual(isRepaired ? [1, 2, 3, 4] : undefined);
  });

  test('switch points', () => {
    expect(walBehaviours('3.4.7').snapshotOrder).toBe('record-first');
    expect(walBehaviours('3.4.8').snapshotOrder).toBe('file-first');
    expect(walBehaviours('3.3.20').snapshotOrder).toBe('record-first');
    expect(walBehaviours('3.3.25').snapshotOrder).toBe('file-first');
    expect(walBehaviours('3.4.3').defragmentationLeftoversRemoved).toBe(false);
    expect(walBehaviours('3.5.16').defragmentationLeftoversRemoved).toBe(true);
  });
});

test('the entries behind a snapshot can be read while the WAL is written', () => {
  const world = testWorld();
  runOn(world, function* (env) {
    const wal = yield* Wal.create(env, testOptions(4_096, '3.4.23'), TEST_METADATA);
    const indexes = function* (index: number) {
      return (yield* wal.readEntries({index, term: 1})).map((entry) => entry.index);
    };
    for (let index = 1; index <= 6; index++) yield* wal.save(testState(1, index - 1), [testEntry(index, 1, 1_500)]);
    yield* wal.saveSnapshot({index: 4, term: 1});
    expect(yield* indexes(4)).toEqual([5, 6]);
    yield* wal.save(testState(1, 5), [testEntry(6, 1, 10), testEntry(7, 1, 10)]);
    expect(yield* indexes(4)).toEqual([5, 6, 7]);
    expect((yield* wal.readEntries(NO_SNAPSHOT)).length).toBe(7);
    yield* wal.close();
  });
});

test('a segment that another process has locked is not opened', () => {
  const world = testWorld();
  runOn(world, function* (env) {
    const wal = yield* Wal.create(env, testOptions(4_096), TEST_METADATA);
    let code: string | undefined;
    try {
      yield* Wal.open(env, testOptions(4_096), NO_SNAPSHOT);
    } catch (error) {
      if (error instanceof WalError) ({code} = error);
    }
    expect(code).toBe('locked');
    yield* wal.close();
    yield* Wal.open(env, testOptions(4_096), NO_SNAPSHOT);
  });
});
