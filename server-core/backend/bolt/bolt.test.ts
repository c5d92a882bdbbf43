import {expect, test} from 'vitest';
import {Random} from '../../../base/random.ts';
import {BackendError} from '../backend-error.ts';
import {applyOperation, runFiber, TestDisk} from '../test-disk.ts';
import type {BoltFile} from './bolt-file.ts';
import {BOLT_DEFAULTS} from './bolt-file.ts';
import {checkBoltFile} from './check.ts';
import {viewOf} from './format.ts';
import {Freelist} from './freelist.ts';
import type {Meta} from './meta.ts';
import {decodeMeta, fnv64a} from './meta.ts';
import {openBolt} from './open.ts';
import {PageReader} from './page-reader.ts';

const PATH = '/db';
const OPTIONS = {...BOLT_DEFAULTS, growSizeBytes: 0};
type Model = Map<string, Map<string, string>>;

function open(disk: TestDisk, options = OPTIONS): BoltFile {
  return runFiber(openBolt(runFiber(disk.open(PATH, {create: true})), options));
}

function contentOf(bolt: BoltFile): Model {
  const model: Model = new Map();
  for (const name of bolt.bucketNames()) {
    const entries = new Map<string, string>();
    bolt.bucket(name)?.forEach((key, value) => void entries.set(key, text(value)));
    model.set(name, entries);
  }
  return model;
}

/** Models compare by sorted content. */
function plain(model: Model): unknown {
  return [...model].sort(byFirst).map(([name, entries]) => [name, [...entries].sort(byFirst)]);
}
const byFirst = (a: readonly [string, unknown], b: readonly [string, unknown]) => (a[0] < b[0] ? -1 : 1);
const copy = (model: Model): Model => new Map([...model].map(([name, entries]) => [name, new Map(entries)]));
const text = (bytes: Uint8Array) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
const bytesOf = (value: string) => Uint8Array.from(value, (char) => char.charCodeAt(0));

function check(disk: TestDisk, bolt: BoltFile): void {
  expect(checkBoltFile(disk.contentOf(PATH).subarray(0, bolt.sizeBytes))).toEqual([]);
}

const NAMES = ['key', 'meta', 'lease', 'auth', 'members'];

/** Random edits of file and model alike. */
function edit(random: Random, bolt: BoltFile, model: Model, countMax: number): void {
  const deleting = random.below(3) === 0; // some commits mostly delete, so that trees shrink
  const count = random.below(countMax);
  for (let i = 0; i < count; i++) {
    const name = random.pick(NAMES);
    if (random.below(400) === 0) {
      bolt.deleteBucket(name);
      model.delete(name);
      continue;
    }
    const tree = bolt.createBucket(name);
    if (random.below(2) === 0) tree.fillPercent = 90;
    const entries = model.get(name) ?? new Map<string, string>();
    model.set(name, entries);
    if (random.below(10) < (deleting ? 9 : 2)) {
      const found: {key: string; value: Uint8Array}[] = [];
      tree.collect(randomKey(random), undefined, 1 + random.below(40), found);
      for (const {key} of found) {
        expect(tree.delete(key)).toBe(true);
        entries.delete(key);
      }
      continue;
    }
    const key = name === 'key' ? `r${String(entries.size + i * 7).padStart(8, '0')}` : randomKey(random);
    const value = text(randomBytes(random, random.below(60) === 0 ? random.below(15_000) : random.below(80)));
    tree.put(key, bytesOf(value));
    entries.set(key, value);
  }
}

const randomKey = (random: Random) => text(randomBytes(random, 1 + random.below(12)));
function randomBytes(random: Random, size: number): Uint8Array {
  return Uint8Array.from({length: size}, () => random.below(256));
}

test('FNV-64a gives the published values', () => {
  const hex = (sum: {low: number; high: number}) =>
    sum.high.toString(16).padStart(8, '0') + sum.low.toString(16).padStart(8, '0');
  expect(hex(fnv64a(bytesOf(''), 0, 0))).toBe('cbf29ce484222325');
  expect(hex(fnv64a(bytesOf('a'), 0, 1))).toBe('af63dc4c8601ec8c');
  expect(hex(fnv64a(bytesOf('foobar'), 0, 6))).toBe('85944171f73967e8');
});

test('a new file is four pages, and opens again as empty', () => {
  const disk = new TestDisk();
  const bolt = open(disk);
  expect(disk.contentOf(PATH).length).toBe(4 * 4096);
  expect([bolt.sizeBytes, bolt.sizeInUseBytes]).toEqual([16384, 16384]);
  check(disk, bolt);
  expect(contentOf(open(disk))).toEqual(new Map());
});

test.each(Array.from({length: 25}, (_, seed) => seed))(
  'random edits, commits and reopenings equal a model (seed %i)',
  (seed) => {
    const random = Random.fromSeed(seed);
    const disk = new TestDisk();
    const options = {...OPTIONS, growSizeBytes: random.pick([0, 4096, 100_000]), freelistSync: random.below(4) > 0};
    let bolt = open(disk, options);
    const model: Model = new Map();
    for (let commits = 0; commits < 25; commits++) {
      edit(random, bolt, model, random.pick([5, 60, 600]));
      const txid = bolt.txid;
      runFiber(bolt.commit());
      expect(bolt.txid).toBe(txid + 1);
      check(disk, bolt);
      if (random.below(3) > 0) continue;
      bolt.close();
      bolt = open(disk, options);
      expect(plain(contentOf(bolt))).toEqual(plain(model));
    }
  },
);

test('gets, ranges and misses equal a model, before and after commits', () => {
  const random = Random.fromSeed('reads');
  const bolt = open(new TestDisk());
  const model: Model = new Map();
  for (let round = 0; round < 12; round++) {
    edit(random, bolt, model, 400);
    for (const [name, entries] of model) {
      const sorted = [...entries].sort(byFirst);
      for (let i = 0; i < 20; i++) {
        const from = random.below(2) === 0 ? randomKey(random) : (random.pick([...sorted, ['x', '']])[0] ?? '');
        const end = random.below(4) === 0 ? undefined : randomKey(random);
        const countMax = 1 + random.below(30);
        const found: {key: string; value: Uint8Array}[] = [];
        bolt.bucket(name)?.collect(from, end, countMax, found);
        const want = sorted.filter(([key]) => key >= from && (end === undefined || key < end)).slice(0, countMax);
        expect(found.map(({key, value}) => [key, text(value)])).toEqual(want);
        const value = bolt.bucket(name)?.get(from);
        expect(value && text(value)).toBe(entries.get(from));
      }
    }
    if (random.below(2) === 0) runFiber(bolt.commit());
  }
});

test('a commit writes what was edited, not the database', () => {
  const disk = new TestDisk();
  const bolt = open(disk);
  const tree = bolt.createBucket('key');
  for (let i = 0; i < 30_000; i++) tree.put(String(i).padStart(17, '0'), new Uint8Array(40));
  runFiber(bolt.commit());
  expect(bolt.sizeBytes).toBeGreaterThan(2_000_000);
  disk.journal = [];
  tree.put(String(30_000).padStart(17, '0'), new Uint8Array(40));
  runFiber(bolt.commit());
  const written = disk.journal.reduce(
    (sum, operation) => sum + (operation.kind === 'write' ? operation.bytes.length : 0),
    0,
  );
  expect(written).toBeLessThanOrEqual(9 * 4096); // leaf, two branch levels, bucket root, freelist, meta, a split
  check(disk, bolt);
});

test('pages freed by one commit are used by the next but one, so the file stops growing', () => {
  const disk = new TestDisk();
  const bolt = open(disk);
  const tree = bolt.createBucket('meta');
  let sizeAfterTen = 0;
  for (let i = 0; i < 200; i++) {
    for (let key = 0; key < 100; key++) tree.put(`k${key}`, new Uint8Array(40).fill(i));
    runFiber(bolt.commit());
    if (i === 10) sizeAfterTen = bolt.sizeBytes;
  }
  expect(bolt.sizeBytes).toBe(sizeAfterTen);
  check(disk, bolt);
});

test('deleting everything gives the pages back, and the tree is one leaf again', () => {
  const disk = new TestDisk();
  const bolt = open(disk);
  const tree = bolt.createBucket('lease');
  for (let i = 0; i < 20_000; i++) tree.put(`k${i}`, new Uint8Array(20));
  runFiber(bolt.commit());
  const {sizeBytes} = bolt;
  for (let i = 0; i < 20_000; i++) tree.delete(`k${i}`);
  runFiber(bolt.commit());
  expect(tree.root.kind).toBe('leaf');
  runFiber(bolt.commit());
  runFiber(bolt.commit());
  expect(bolt.sizeBytes).toBe(sizeBytes);
  expect(bolt.sizeInUseBytes).toBeLessThan(40 * 4096);
  check(disk, bolt);
});

test('a freelist of more than 65,534 pages is written and read; a page in it twice is refused', () => {
  const even = Array.from({length: 70_000}, (_, index) => 10 + 2 * index);
  const written = (freed: number) => {
    const freelist = new Freelist([...even]);
    freelist.free(7, freed, 1);
    const pageCount = Math.floor(freelist.writtenSizeBytes / 4096) + 1;
    const image = new Uint8Array((2 + pageCount) * 4096);
    freelist.encode(2, pageCount, image, viewOf(image), 2 * 4096);
    return {pageCount, read: () => new PageReader(PATH, image, 4096, 200_000).readFreelist(2)};
  };
  const sound = written(13);
  expect(sound.read()).toEqual({ids: [10, 12, 13, ...even.slice(2)], pageCount: sound.pageCount});
  expect(written(12).read).toThrow(/page 12 free twice/);
});

test('what is written while a commit runs belongs to the next', () => {
  const disk = new TestDisk();
  const bolt = open(disk);
  bolt.createBucket('meta').put('a', bytesOf('1'));
  disk.pausesPerOperation = 1;
  const commit = bolt.commit();
  expect(commit.next().done).toBe(false); // parked at its first operation
  bolt.bucket('meta')?.put('a', bytesOf('2'));
  bolt.createBucket('auth').put('b', bytesOf('3'));
  for (let step = commit.next(); step.done !== true; step = commit.next()) {}
  disk.pausesPerOperation = 0;
  check(disk, bolt);
  expect(plain(contentOf(open(disk)))).toEqual([['meta', [['a', '1']]]]);
  runFiber(bolt.commit());
  check(disk, bolt);
  expect(plain(contentOf(open(disk)))).toEqual([
    ['auth', [['b', '3']]],
    ['meta', [['a', '2']]],
  ]);
});

test('a snapshot stays what it was while commits go on, and its pages are reused after it is closed', () => {
  const random = Random.fromSeed('snapshot');
  const disk = new TestDisk();
  const bolt = open(disk);
  const model: Model = new Map();
  edit(random, bolt, model, 600);
  runFiber(bolt.commit());
  const snapshot = bolt.openSnapshot();
  const want = plain(copy(model));
  for (let i = 0; i < 10; i++) {
    edit(random, bolt, model, 300);
    runFiber(bolt.commit());
    check(disk, bolt);
  }
  const parts = [0, 1000, 5000, 9000].map((offset, index, all) =>
    runFiber(snapshot.read(offset, (all[index + 1] ?? snapshot.sizeBytes) - offset)),
  );
  const image = Uint8Array.from(parts.flatMap((part) => [...part]));
  expect(image.length).toBe(snapshot.sizeBytes);
  expect(checkBoltFile(image)).toEqual([]);
  const other = new TestDisk();
  other.setContent(PATH, image);
  expect(plain(contentOf(open(other)))).toEqual(want);
  const inUse = bolt.sizeInUseBytes;
  snapshot.close();
  for (let i = 0; i < 2; i++) runFiber(bolt.commit());
  expect(bolt.sizeInUseBytes).toBeLessThan(inUse);
});

test('a crash at any write, torn or with later sectors kept, leaves the state before or after', () => {
  const random = Random.fromSeed('crash');
  let [before, after] = [0, 0];
  for (let round = 0; round < 30; round++) {
    const disk = new TestDisk();
    const bolt = open(disk, {...OPTIONS, growSizeBytes: round % 2 === 0 ? 0 : 50_000});
    const model: Model = new Map();
    for (let i = 0; i < 3; i++) {
      edit(random, bolt, model, 200);
      runFiber(bolt.commit());
    }
    const old = {image: disk.contentOf(PATH), content: plain(copy(model))};
    disk.journal = [];
    edit(random, bolt, model, 200);
    runFiber(bolt.commit());
    for (const image of crashImages(random, disk, old.image)) {
      const crashed = new TestDisk();
      crashed.setContent(PATH, image);
      const found = plain(contentOf(open(crashed)));
      const isOld = JSON.stringify(found) === JSON.stringify(old.content);
      if (!isOld) expect(found).toEqual(plain(model));
      if (isOld) before++;
      else after++;
    }
  }
  expect(before).toBeGreaterThan(100);
  expect(after).toBeGreaterThan(20);
});

/** Images after a crash within the journal: synced operations whole, the others as a prefix, torn, or as a subset of sectors. */
function* crashImages(random: Random, disk: TestDisk, start: Uint8Array): Generator<Uint8Array> {
  let synced = start; // everything up to the last sync
  let prefix = start;
  let unsynced: (typeof disk.journal)[number][] = [];
  for (const operation of disk.journal) {
    if (operation.kind === 'write') {
      yield applyOperation(prefix, operation, 512 * random.below(operation.bytes.length / 512));
      prefix = applyOperation(prefix, operation);
      yield prefix;
      let scattered = synced;
      for (const each of [...unsynced, operation]) {
        if (each.kind !== 'write') scattered = applyOperation(scattered, each);
        else {
          for (let at = 0; at < each.bytes.length; at += 512) {
            if (random.below(2) === 0) continue;
            const bytes = each.bytes.subarray(at, at + 512);
            scattered = applyOperation(scattered, {...each, offset: each.offset + at, bytes});
          }
        }
      }
      yield scattered;
    } else {
      prefix = applyOperation(prefix, operation);
    }
    if (operation.kind === 'sync') {
      synced = prefix;
      unsynced = [];
    } else {
      unsynced.push(operation);
    }
  }
  yield prefix;
}

test('damage anywhere is refused with its place, or is inside a value; never anything else', () => {
  const random = Random.fromSeed('damage');
  const disk = new TestDisk();
  const bolt = open(disk);
  const model: Model = new Map();
  for (let i = 0; i < 6; i++) {
    edit(random, bolt, model, 400);
    runFiber(bolt.commit());
  }
  const image = disk.contentOf(PATH);
  const reasons = new Set<string>();
  let opened = 0;
  for (let i = 0; i < 1500; i++) {
    const damaged = image.slice();
    const page = random.below(image.length / 4096);
    const at = page * 4096 + (random.below(2) === 0 ? random.below(64) : random.below(4096));
    if (random.below(4) === 0) damaged.fill(random.below(256), page * 4096, (page + 1) * 4096);
    else damaged[at] = (damaged[at] ?? 0) ^ (1 << random.below(8));
    const broken = new TestDisk();
    broken.setContent(PATH, random.below(20) === 0 ? damaged.subarray(0, random.below(damaged.length) + 1) : damaged);
    try {
      const reopened = open(broken);
      opened++;
      // It may go on as far as it can be told apart from a sound file: the next commit must keep it so.
      reopened.createBucket('meta').put('after', bytesOf('damage'));
      runFiber(reopened.commit());
      expect(
        checkBoltFile(broken.contentOf(PATH)).filter((line) => !line.includes('neither reachable nor free')),
      ).toEqual([]);
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      expect(error.message).toContain(PATH);
      reasons.add(error.reason.replace(/\d+/g, 'N'));
    }
  }
  expect(opened).toBeGreaterThan(100);
  expect(reasons.size).toBeGreaterThan(8);
});

test.each([0, 1])('with meta %i broken the other is used', (page) => {
  const disk = new TestDisk();
  const bolt = open(disk);
  for (const value of ['1', '2', '3', '4']) {
    bolt.createBucket('meta').put('k', bytesOf(value));
    runFiber(bolt.commit());
  }
  const image = disk.contentOf(PATH);
  image[page * 4096 + 30] = 0xff;
  const broken = new TestDisk();
  broken.setContent(PATH, image);
  // Transactions start at 2, so the last one (5) is in meta 1 and the one before in meta 0.
  expect(plain(contentOf(open(broken)))).toEqual([['meta', [['k', page === 1 ? '3' : '4']]]]);
  image[(1 - page) * 4096 + 30] = 0xff;
  broken.setContent(PATH, image);
  expect(() => open(broken)).toThrow(/meta 0: checksum differs; meta 1: checksum differs/);
});

test('a file that is no database, or is cut short, says so', () => {
  const disk = new TestDisk();
  disk.setContent(PATH, bytesOf('hello'));
  expect(() => open(disk)).toThrow(expect.objectContaining({code: 'not-a-database', file: PATH}));
  const whole = new TestDisk();
  open(whole);
  disk.setContent(PATH, whole.contentOf(PATH).subarray(0, 10_000));
  expect(() => open(disk)).toThrow(expect.objectContaining({code: 'too-short', offset: 10_000}));
});

test('a page that is free and in use at once is refused: the next commit would write over it', () => {
  const disk = new TestDisk();
  const bolt = open(disk);
  bolt.createBucket('meta').put('k', bytesOf('v'));
  runFiber(bolt.commit());
  const image = disk.contentOf(PATH);
  const view = viewOf(image);
  const meta = decodeMeta(image, 0) as Meta; // transaction 2
  const [freelistAt, rootPage] = [(meta.freelistPage ?? 0) * 4096, meta.rootPage];
  view.setUint32(freelistAt + 16, rootPage, true);
  disk.setContent(PATH, image);
  expect(() => open(disk)).toThrow(
    expect.objectContaining({code: 'corrupt', page: rootPage, reason: 'page is free and in use at once'}),
  );
  expect(checkBoltFile(image)).toContain(`page ${rootPage}: free, yet part of root`);
});

test('nothing of an earlier commit is left in the pages of a later one', () => {
  const disk = new TestDisk();
  const bolt = open(disk);
  const tree = bolt.createBucket('key');
  for (let i = 0; i < 40; i++) tree.put(`k${i}`, new Uint8Array(700).fill(0xee));
  runFiber(bolt.commit());
  for (let i = 0; i < 40; i++) tree.delete(`k${i}`);
  tree.put('small', bytesOf('value'));
  disk.journal = [];
  runFiber(bolt.commit());
  const written = disk.journal.flatMap((operation) => (operation.kind === 'write' ? [...operation.bytes] : []));
  expect(written.length).toBeGreaterThan(4096);
  expect(written.filter((byte) => byte === 0xee).length).toBeLessThan(8); // a checksum may hold some
});
