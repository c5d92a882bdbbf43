import {expect, test} from 'vitest';
import {InvariantError} from '../../base/assert.ts';
import {toBytes} from '../../base/byte-string.ts';
import {crc32c} from '../../base/crc32c.ts';
import {Random} from '../../base/random.ts';
import {DiskFault} from '../../env/disk.ts';
import type {Failpoints} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs} from '../../env/fiber.ts';
import type {Backend, BackendOptions} from './backend.ts';
import {openBackend, qualifyBackend, replaceWithSnapshot} from './backend.ts';
import {checkBoltFile} from './bolt/check.ts';
import {applyOperation, runFiber, TestDisk, TestRunner, testEnv} from './test-disk.ts';

const PATH = '/member/snap/db';
const NOTHING_IGNORED = () => false;

function open(disk: TestDisk, partial: Partial<BackendOptions> = {}, path = PATH): Backend {
  return runFiber(openBackend(testEnv(disk).env, path, qualifyBackend({growSizeBytes: 0, ...partial})));
}

const bytes = (value: string) => toBytes(value);
const writeCount = (disk: TestDisk) => disk.journal.filter(({kind}) => kind === 'write').length;

/** What a process that starts after a crash now would find. */
function reopened(disk: TestDisk): Backend {
  const other = new TestDisk();
  other.setContent(PATH, disk.contentOf(PATH));
  return open(other);
}

test('what is written is read at once, and is on the disk after a commit', () => {
  const disk = new TestDisk();
  const backend = open(disk);
  const {batch} = backend;
  batch.createBucket('key');
  batch.createBucket('meta');
  for (const name of ['a', 'b', 'c', 'd']) batch.put('key', name, bytes(name.toUpperCase()));
  batch.delete('key', 'b');
  batch.delete('key', 'never there');
  expect(batch.range('key', 'a', 'd', 0).map(({key}) => key)).toEqual(['a', 'c']);
  expect(batch.range('key', 'a', 'z', 2).map(({key}) => key)).toEqual(['a', 'c']);
  expect(batch.get('key', 'c')).toEqual(bytes('C'));
  expect([batch.get('key', 'b'), batch.get('lease', 'b'), batch.range('lease', '', 'z', 0)]).toEqual([
    undefined,
    undefined,
    [],
  ]);
  expect(backend.pendingCount).toBe(8); // as etcd counts: creations and misses too
  expect(reopened(disk).hash(NOTHING_IGNORED)).toBe(0);
  runFiber(backend.commit());
  expect([backend.pendingCount, backend.commitCount]).toEqual([0, 1]);
  expect(reopened(disk).batch.range('key', '', 'z', 0)).toEqual(batch.range('key', '', 'z', 0));
});

test('a write to a bucket that nobody made is our bug', () => {
  const {batch} = open(new TestDisk());
  expect(() => batch.put('lease', 'a', bytes('b'))).toThrow(InvariantError);
  expect(() => batch.delete('lease', 'a')).toThrow(InvariantError);
});

test('a commit with nothing pending does no I/O', () => {
  const disk = new TestDisk();
  const backend = open(disk);
  disk.journal = [];
  runFiber(backend.commit());
  expect([disk.journal, backend.commitCount]).toEqual([[], 0]);
});

test('the loop commits at its beat what is pending, sleeps while nothing is, and ends with close()', () => {
  const disk = new TestDisk();
  const {env, runner} = testEnv(disk);
  const backend = runFiber(openBackend(env, PATH, qualifyBackend({growSizeBytes: 0})));
  runner.spawn(backend.commitLoop());
  const seen: [number, number][] = [];
  runner.spawn(
    (function* () {
      yield* sleepUs(env.clock, 30_000_000);
      seen.push([env.clock.monotonicUs(), backend.commitCount]);
      yield* sleepUs(env.clock, 50_000);
      backend.batch.createBucket('meta');
      yield* sleepUs(env.clock, 49_999);
      seen.push([env.clock.monotonicUs(), backend.commitCount]);
      yield* sleepUs(env.clock, 2);
      seen.push([env.clock.monotonicUs(), backend.commitCount]);
      backend.batch.put('meta', 'k', bytes('v'));
      yield* backend.close();
      seen.push([env.clock.monotonicUs(), backend.commitCount]);
    })(),
  );
  runner.run();
  expect(seen).toEqual([
    [30_000_000, 0],
    [30_099_999, 0],
    [30_100_001, 1],
    [30_100_001, 2],
  ]);
  expect(reopened(disk).batch.get('meta', 'k')).toEqual(bytes('v'));
});

test('giving the lock back commits a full batch, and one with a deletion where the release does so', () => {
  const commits = (partial: Partial<BackendOptions>, write: (backend: Backend) => void) => {
    const backend = open(new TestDisk(), partial);
    backend.batch.createBucket('meta');
    runFiber(backend.commit());
    runFiber(backend.lockInsideApply());
    write(backend);
    runFiber(backend.unlock());
    return [backend.commitCount - 1, backend.pendingCount];
  };
  const puts = (count: number) => (backend: Backend) => {
    for (let i = 0; i < count; i++) backend.batch.put('meta', `k${i}`, bytes('v'));
  };
  expect(commits({}, puts(9_999))).toEqual([0, 9_999]);
  expect(commits({}, puts(10_000))).toEqual([1, 0]);
  const deletion = (backend: Backend) => backend.batch.delete('meta', 'k');
  expect(commits({}, deletion)).toEqual([1, 0]);
  expect(commits({commitsDeletionsAtUnlock: false}, deletion)).toEqual([0, 1]);
});

test('before PR 17119 a deleted key could be read without the lock until the next commit', () => {
  const seen = (commitsDeletionsAtUnlock: boolean) => {
    const backend = open(new TestDisk(), {commitsDeletionsAtUnlock});
    const {batch} = backend;
    batch.createBucket('members');
    for (const key of ['a', 'b', 'c', 'd']) batch.put('members', key, bytes(key));
    runFiber(backend.commit());
    runFiber(backend.lockInsideApply());
    batch.put('members', 'b', bytes('new'));
    for (const key of ['a', 'b', 'd']) batch.delete('members', key);
    batch.put('members', 'd', bytes('again'));
    runFiber(backend.unlock());
    const reads = runFiber(backend.readTx());
    const all: string[] = [];
    reads.forEach('members', (key, value) => void all.push(`${key}=${String.fromCharCode(...value)}`));
    expect(reads.range('members', '', 'z', 2)).toEqual(reads.range('members', '', 'z', 0).slice(0, 2));
    expect(reads.range('members', '', 'z', 0).map(({key}) => key)).toEqual(all.map((entry) => entry[0]));
    expect(batch.get('members', 'b')).toBeUndefined();
    const early = [reads.get('members', 'a') !== undefined, all.join(' ')];
    runFiber(backend.commit());
    expect(
      runFiber(backend.readTx())
        .range('members', '', 'z', 0)
        .map(({key}) => key),
    ).toEqual(['c', 'd']);
    return early;
  };
  expect(seen(true)).toEqual([false, 'c=c d=again']);
  expect(seen(false)).toEqual([true, 'a=a b=new c=c d=again']);
});

test('the pre-commit hook writes into the very commit; a crash anywhere keeps index and data together', () => {
  const random = Random.fromSeed('hook');
  const disk = new TestDisk();
  const backend = open(disk);
  backend.batch.createBucket('meta');
  backend.batch.createBucket('key');
  let applied = 0;
  backend.setPreCommitHook((batch) => batch.put('meta', 'consistent_index', bytes(String(applied))));
  runFiber(backend.commit());
  let image = disk.contentOf(PATH);
  disk.journal = [];
  for (let i = 0; i < 12; i++) {
    for (let count = random.below(40); count > 0; count--) {
      backend.batch.put('key', String(++applied).padStart(17, '0'), bytes('v'.repeat(random.below(300))));
    }
    runFiber(backend.commit());
  }
  const indexes = new Set<number>();
  for (const operation of disk.journal) {
    const images = [applyOperation(image, operation)];
    if (operation.kind === 'write') images.push(applyOperation(image, operation, 512 * random.below(8)));
    for (const crashed of images) {
      const other = new TestDisk();
      other.setContent(PATH, crashed);
      const {batch} = open(other);
      const index = Number(String.fromCharCode(...(batch.get('meta', 'consistent_index') ?? [])));
      expect(batch.range('key', '', '\xff', 0).length).toBe(index);
      indexes.add(index);
    }
    image = applyOperation(image, operation);
  }
  expect(indexes.size).toBeGreaterThan(10);
});

test('the post-lock hook runs for applies only, under the lock', () => {
  const backend = open(new TestDisk());
  let runs = 0;
  backend.setPostLockHook(() => runs++);
  runFiber(backend.lockInsideApply());
  const second = backend.lockInsideApply();
  expect(second.next().done).toBe(false); // waits for the lock
  expect(runs).toBe(1);
  runFiber(backend.unlock());
  runFiber(second);
  expect(runs).toBe(2);
  runFiber(backend.unlock());
  runFiber(backend.lockOutsideApply());
  runFiber(backend.unlock());
  expect(runs).toBe(2);
});

test('reads and locked writes wait for a commit', () => {
  const disk = new TestDisk();
  const backend = open(disk);
  backend.batch.createBucket('meta');
  disk.pausesPerOperation = 3;
  const runner = new TestRunner();
  const order: string[] = [];
  const then = function* (name: string, fiber: Fiber<unknown>): Fiber<void> {
    yield* fiber;
    order.push(name);
  };
  runner.spawn(then('commit', backend.commit()));
  runner.spawn(then('read', backend.readTx()));
  runner.spawn(then('lock', backend.lockOutsideApply()));
  runner.run();
  expect(order[0]).toBe('commit');
  expect(order.slice(1).sort()).toEqual(['lock', 'read']);
});

test('failpoints are hit where etcd has them', () => {
  const disk = new TestDisk();
  let hits: string[] = [];
  const failpoints: Failpoints = {
    armed: true,
    *hit(name) {
      hits.push(`${name}/${writeCount(disk)}`);
      yield {park: (task) => task.wake()};
    },
  };
  const {env, runner} = testEnv(disk, new TestRunner(), failpoints);
  const backend = runFiber(openBackend(env, PATH, qualifyBackend({growSizeBytes: 0})));
  expect(hits.map((hit) => hit.replace(/\/.*/, ''))).toEqual(
    [...Array(2)].flatMap(() => ['beforeStartDBTxn', 'afterStartDBTxn']),
  );
  backend.batch.createBucket('key');
  runFiber(backend.commit());
  backend.setPreCommitHook(() => undefined);
  const perform = (fiber: Fiber<unknown>) => {
    hits = [];
    disk.journal = [];
    runFiber(fiber);
    return hits;
  };
  backend.batch.put('key', 'k', bytes('v'));
  const started = ['beforeStartDBTxn/N', 'afterStartDBTxn/N', 'beforeStartDBTxn/N', 'afterStartDBTxn/N'];
  const after = (count: number) => started.map((name) => name.replace('N', String(count)));
  const hook = ['commitBeforePreCommitHook/0', 'commitAfterPreCommitHook/0'];
  const [committed] = [perform(backend.commit())];
  const writes = writeCount(disk);
  expect(writes).toBeGreaterThan(1);
  expect(committed).toEqual([...hook, 'beforeCommit/0', `afterCommit/${writes}`, ...after(writes)]);
  runFiber(backend.lockInsideApply());
  backend.batch.put('key', 'k', bytes('w'));
  expect(perform(backend.unlock())).toEqual(['beforeWritebackBuf/0', 'afterWritebackBuf/0']);
  expect(perform(backend.defrag()).map((hit) => hit.replace(/\/.*/, ''))).toEqual([
    'defragOpenFileError',
    'commitBeforePreCommitHook',
    'commitAfterPreCommitHook',
    'beforeCommit',
    'afterCommit',
    'defragBeforeCopy',
    'defragdbFail',
    'defragBeforeRename',
    ...started.map((name) => name.replace('/N', '')),
  ]);
  expect(runner.nowUs).toBe(0);
});

test('the hash goes over names, keys and values in order, without what is ignored', () => {
  const {batch, hash} = (() => {
    const backend = open(new TestDisk());
    return {batch: backend.batch, hash: backend.hash.bind(backend)};
  })();
  for (const bucket of ['meta', 'key'] as const) batch.createBucket(bucket);
  batch.put('meta', 'term', bytes('9'));
  batch.put('key', 'b', bytes('2'));
  batch.put('key', 'a', bytes('1'));
  expect(hash(NOTHING_IGNORED)).toBe(crc32c(0, bytes('keya1b2metaterm9')));
  expect(hash((bucket, key) => bucket === 'meta' && key === 'term')).toBe(crc32c(0, bytes('keya1b2meta')));
});

/** Many keys written and most deleted again, over several commits. */
function sparse(disk: TestDisk, partial: Partial<BackendOptions> = {}): Backend {
  const backend = open(disk, partial);
  for (const bucket of ['key', 'lease', 'meta'] as const) backend.batch.createBucket(bucket);
  for (let i = 0; i < 5_000; i++) {
    backend.batch.put('key', String(i).padStart(17, '0'), bytes(`value ${i}`));
    if (i % 3 === 0) backend.batch.put('lease', `${(i * 7919) % 5_000}`, bytes('lease'));
  }
  runFiber(backend.commit());
  for (let i = 0; i < 4_500; i++) backend.batch.delete('key', String(i).padStart(17, '0'));
  runFiber(backend.commit());
  runFiber(backend.commit());
  return backend;
}

test.each([100, 1_000, 10_000])(
  'defragmentation in steps of %i keys keeps the content and gives the space back',
  (defragKeyCount) => {
    const disk = new TestDisk();
    const backend = sparse(disk, {defragKeyCount});
    const before = {hash: backend.hash(NOTHING_IGNORED), sizeBytes: backend.sizeBytes};
    backend.batch.put('meta', 'pending', bytes('kept'));
    runFiber(backend.defrag());
    expect(backend.sizeBytes).toBeLessThan(before.sizeBytes / 3);
    expect(backend.batch.get('meta', 'pending')).toEqual(bytes('kept'));
    expect(checkBoltFile(disk.contentOf(PATH))).toEqual([]);
    expect([...disk.files.keys()]).toEqual([PATH]);
    backend.batch.delete('meta', 'pending');
    runFiber(backend.commit());
    expect(backend.hash(NOTHING_IGNORED)).toBe(before.hash);
    expect(reopened(disk).hash(NOTHING_IGNORED)).toBe(before.hash);
  },
);

test('a crash at any write of a defragmentation keeps the content', () => {
  const disk = new TestDisk();
  const backend = sparse(disk, {defragKeyCount: 300});
  const hash = backend.hash(NOTHING_IGNORED);
  const files = new Map([[PATH, disk.contentOf(PATH)]]);
  disk.journal = [];
  runFiber(backend.defrag());
  expect(disk.journal.length).toBeGreaterThan(20);
  for (const operation of disk.journal) {
    if (operation.kind === 'rename') {
      files.set(operation.to, files.get(operation.path) ?? new Uint8Array());
      files.delete(operation.path);
    } else {
      files.set(operation.path, applyOperation(files.get(operation.path) ?? new Uint8Array(), operation));
    }
    const crashed = new TestDisk();
    for (const [path, content] of files) crashed.setContent(path, content);
    expect(open(crashed).hash(NOTHING_IGNORED)).toBe(hash);
  }
});

test('a fault while copying leaves the old file in use; a write without the lock meanwhile is our bug', () => {
  const disk = new TestDisk();
  const backend = sparse(disk);
  const hash = backend.hash(NOTHING_IGNORED);
  const defrag = backend.defrag();
  disk.pausesPerOperation = 1;
  while (!disk.journal.some(({kind, path}) => kind === 'write' && path !== PATH)) defrag.next();
  expect(() => backend.batch.put('meta', 'k', bytes('v'))).toThrow(/without the batch lock/);
  disk.fault = {kind: 'write', code: 'ENOSPC'};
  expect(() => runFiber(defrag)).toThrow(DiskFault);
  disk.fault = undefined;
  disk.pausesPerOperation = 0;
  expect([...disk.files.keys()]).toEqual([PATH]);
  backend.batch.put('meta', 'k', bytes('v'));
  runFiber(backend.commit());
  backend.batch.delete('meta', 'k');
  runFiber(backend.commit());
  expect(reopened(disk).hash(NOTHING_IGNORED)).toBe(hash);
  runFiber(backend.defrag());
  expect(reopened(disk).hash(NOTHING_IGNORED)).toBe(hash);
});

test('a snapshot carries pending writes and takes the place of another database', () => {
  const disk = new TestDisk();
  const backend = sparse(disk);
  backend.batch.put('meta', 'pending', bytes('kept'));
  const image = runFiber(backend.snapshotBytes());
  expect(image.length).toBe(backend.sizeBytes);
  expect(checkBoltFile(image)).toEqual([]);
  const follower = new TestDisk();
  runFiber(open(follower).close());
  follower.setContent('/member/snap/0000000000000009.snap.db', image);
  runFiber(replaceWithSnapshot(follower, '/member/snap/0000000000000009.snap.db', PATH));
  expect([...follower.files.keys()]).toEqual([PATH]);
  const restored = open(follower);
  expect(restored.hash(NOTHING_IGNORED)).toBe(backend.hash(NOTHING_IGNORED));
  expect(restored.batch.get('meta', 'pending')).toEqual(bytes('kept'));
});

test.each(['EIO', 'ENOSPC'] as const)(
  '%s in any write or sync of a commit leaves the state before it, and ends this backend',
  (code) => {
    for (const kind of ['write', 'sync', 'truncate'] as const) {
      const disk = new TestDisk();
      const backend = sparse(disk);
      const hash = backend.hash(NOTHING_IGNORED);
      for (let i = 0; i < 20_000; i++) backend.batch.put('key', `x${i}`, bytes('more'));
      disk.fault = {kind, code};
      expect(() => runFiber(backend.commit())).toThrow(DiskFault);
      disk.fault = undefined;
      expect(reopened(disk).hash(NOTHING_IGNORED)).toBe(hash);
      backend.batch.put('key', 'y', bytes('late'));
      expect(() => runFiber(backend.commit())).toThrow(InvariantError);
    }
  },
);

test('a database that is open elsewhere is waited for, and refused in the end', () => {
  const disk = new TestDisk();
  const first = open(disk);
  const {env, runner} = testEnv(disk);
  expect(() => runFiber(openBackend(env, PATH, qualifyBackend({lockWaitUsMax: 0})))).toThrow(/another process/);
  let second: Backend | undefined;
  runner.spawn(
    (function* () {
      second = yield* openBackend(env, PATH, qualifyBackend({growSizeBytes: 0}));
    })(),
  );
  runner.run(200_000);
  expect(second).toBeUndefined();
  runFiber(first.close());
  runner.run();
  expect(second?.commitCount).toBe(0);
  expect(runner.nowUs).toBeLessThan(300_000);
});
