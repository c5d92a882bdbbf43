// sim/disk-laws.ts: the durability contract of env/disk.ts as tests for any implementation of it.
// They say what every disk must do. What a disk may do (lose this, keep that) is for the tests of that disk.
import {describe, expect, test} from 'vitest';
import type {Disk, DiskFile} from '../env/disk.ts';
import {DiskFault, readWholeFile} from '../env/disk.ts';
import type {Fiber} from '../env/fiber.ts';

/** A machine with a disk, and one process on it that lives until it is killed or the power fails; then there is a new one. */
export interface DiskBench {
  /** Runs a fiber in the present process to its end; throws what it throws. */
  run<T>(program: (disk: Disk) => Fiber<T>): T;
  kill(): void;
  powerOff(): void;
}

/** Seeds that every law on power cuts is tried with. */
const SEEDS = Array.from({length: 40}, (_, index) => index + 1);

/** Registers the laws as tests. makeDisk(seed) gives an empty disk; equal seeds may behave alike. */
export function diskLaws(name: string, makeDisk: (seed: number) => DiskBench): void {
  describe(`laws of the disk: ${name}`, () => {
    contentLaws(makeDisk);
    nameLaws(makeDisk);
    lockLaws(makeDisk);
    durableContentLaws(makeDisk);
    durableNameLaws(makeDisk);
  });
}

type MakeDisk = (seed: number) => DiskBench;

function contentLaws(makeDisk: MakeDisk): void {
  test('reads see what was written, zeros in the holes, and end with the file', () => {
    makeDisk(1).run(function* (disk) {
      const file = yield* disk.open('/f', {create: true});
      yield* file.write(10_000, bytesOf('late'));
      yield* file.write(4_094, bytesOf('page'));
      expect(file.sizeBytes).toBe(10_004);
      expect(textOf(yield* file.read(4_094, 4))).toBe('page');
      expect(yield* file.read(0, 4_094)).toEqual(new Uint8Array(4_094));
      expect(textOf(yield* file.read(10_000, 100))).toBe('late');
      expect(yield* file.read(10_004, 5)).toEqual(new Uint8Array(0));
      expect(yield* file.read(20_000, 5)).toEqual(new Uint8Array(0));
    });
  });

  test('the buffers of a write and of a read belong to the caller afterwards', () => {
    makeDisk(1).run(function* (disk) {
      const file = yield* disk.open('/f', {create: true});
      const buffer = bytesOf('mine');
      yield* file.write(0, buffer);
      buffer.fill(0);
      const read = yield* file.read(0, 4);
      expect(textOf(read)).toBe('mine');
      read.fill(0);
      expect(textOf(yield* file.read(0, 4))).toBe('mine');
    });
  });

  test('what was cut off comes back as zeros', () => {
    makeDisk(1).run(function* (disk) {
      const file = yield* disk.open('/f', {create: true});
      yield* file.write(0, filled(9_000, 7));
      yield* file.truncate(4_100);
      expect(file.sizeBytes).toBe(4_100);
      yield* file.truncate(9_000);
      expect(yield* file.read(0, 9_000)).toEqual(joined(filled(4_100, 7), filled(4_900, 0)));
      yield* file.preallocate(20_000);
      expect(file.sizeBytes).toBe(20_000);
      yield* file.preallocate(100);
      expect(file.sizeBytes).toBe(20_000);
    });
  });

  test('what a killed process wrote is there for the next one, synced or not', () => {
    for (const seed of SEEDS.slice(0, 10)) {
      const bench = makeDisk(seed);
      bench.run(function* (disk) {
        yield* disk.makeDirectory('/d');
        const file = yield* disk.open('/d/f', {create: true});
        yield* file.write(0, filled(5_000, 3));
        yield* file.truncate(4_000);
        yield* disk.rename('/d/f', '/d/g');
      });
      bench.kill();
      expect(bench.run((disk) => readWholeFile(disk, '/d/g'))).toEqual(filled(4_000, 3));
      expect(bench.run((disk) => disk.list('/d'))).toEqual(['g']);
    }
  });

  test('a closed file takes no more', () => {
    makeDisk(1).run(function* (disk) {
      const file = yield* disk.open('/f', {create: true});
      file.close();
      file.close();
      expect(yield* faultOf(file.write(0, bytesOf('x')))).toBe('EBADF');
      expect(yield* faultOf(file.read(0, 1))).toBe('EBADF');
      expect(yield* faultOf(file.sync())).toBe('EBADF');
    });
  });
}

function nameLaws(makeDisk: MakeDisk): void {
  test('open makes, refuses and cuts as told', () => {
    makeDisk(1).run(function* (disk) {
      expect(yield* faultOf(disk.open('/f'))).toBe('ENOENT');
      expect(yield* faultOf(disk.open('/d/f', {create: true}))).toBe('ENOENT');
      const file = yield* disk.open('/f', {create: true, exclusive: true});
      yield* file.write(0, bytesOf('old'));
      expect(yield* faultOf(disk.open('/f', {create: true, exclusive: true}))).toBe('EEXIST');
      expect(yield* faultOf(disk.open('/f/g', {create: true}))).toBe('ENOTDIR');
      expect((yield* disk.open('/f', {create: true})).sizeBytes).toBe(3);
      expect((yield* disk.open('/f', {truncate: true})).sizeBytes).toBe(0);
      expect(file.sizeBytes).toBe(0);
      yield* disk.makeDirectory('/d');
      expect(yield* faultOf(disk.open('/d'))).toBe('EISDIR');
    });
  });

  test('directories are made with their parents, listed in order and told from files', () => {
    makeDisk(1).run(function* (disk) {
      yield* disk.makeDirectory('/a/b');
      yield* disk.makeDirectory('/a/b');
      yield* disk.makeDirectory('/a/c');
      yield* disk.open('/a/B', {create: true});
      expect(yield* disk.list('/a')).toEqual(['B', 'b', 'c']);
      expect(yield* disk.list('/')).toEqual(['a']);
      expect((yield* disk.stat('/a/b'))?.kind).toBe('directory');
      expect(yield* disk.stat('/a/B')).toEqual({kind: 'file', sizeBytes: 0});
      expect(yield* disk.stat('/a/x')).toBeUndefined();
      expect(yield* faultOf(disk.list('/x'))).toBe('ENOENT');
      expect(yield* faultOf(disk.list('/a/B'))).toBe('ENOTDIR');
      expect(yield* faultOf(disk.makeDirectory('/a/B/c'))).toBe('ENOTDIR');
      expect(yield* faultOf(disk.syncDirectory('/x'))).toBe('ENOENT');
    });
  });

  test('rename replaces, within and between directories, and says no to what cannot be', () => {
    makeDisk(1).run(function* (disk) {
      yield* disk.makeDirectory('/a/full/x');
      yield* disk.makeDirectory('/b/empty');
      yield* writeFile(disk, '/a/new', 'new');
      yield* writeFile(disk, '/b/old', 'old');
      yield* disk.rename('/a/new', '/b/old');
      expect(textOf(yield* readWholeFile(disk, '/b/old'))).toBe('new');
      expect(yield* disk.stat('/a/new')).toBeUndefined();
      expect(yield* faultOf(disk.rename('/a/new', '/b/x'))).toBe('ENOENT');
      expect(yield* faultOf(disk.rename('/b/old', '/a/full'))).toBe('EISDIR');
      expect(yield* faultOf(disk.rename('/b/empty', '/b/old'))).toBe('ENOTDIR');
      expect(yield* faultOf(disk.rename('/b/empty', '/a/full'))).toBe('ENOTEMPTY');
      yield* disk.rename('/a/full', '/b/empty');
      expect(yield* disk.list('/b/empty')).toEqual(['x']);
      yield* disk.rename('/b/old', '/b/old');
      expect(yield* disk.list('/b')).toEqual(['empty', 'old']);
    });
  });

  test('remove takes a directory with all in it; open files of it live on until they are closed', () => {
    makeDisk(1).run(function* (disk) {
      yield* disk.makeDirectory('/a/b/c');
      const file = yield* writeFile(disk, '/a/b/f', 'still here');
      yield* disk.remove('/a/b');
      yield* disk.remove('/a/b');
      expect(yield* disk.list('/a')).toEqual([]);
      yield* file.write(0, bytesOf('S'));
      yield* file.sync();
      expect(textOf(yield* file.read(0, 100))).toBe('Still here');
    });
  });

  test('an open file follows its rename, and a new file of the old name is another one', () => {
    makeDisk(1).run(function* (disk) {
      const file = yield* writeFile(disk, '/0.tmp', 'one');
      yield* disk.rename('/0.tmp', '/1.wal');
      yield* writeFile(disk, '/0.tmp', 'two');
      yield* file.write(3, bytesOf('!'));
      expect(textOf(yield* readWholeFile(disk, '/1.wal'))).toBe('one!');
      expect(textOf(yield* readWholeFile(disk, '/0.tmp'))).toBe('two');
    });
  });
}

function lockLaws(makeDisk: MakeDisk): void {
  test('a lock belongs to one open file, whatever the name, until it is closed', () => {
    makeDisk(1).run(function* (disk) {
      const first = yield* disk.open('/f', {create: true});
      const second = yield* disk.open('/f');
      expect(first.tryLock()).toBe(true);
      expect(first.tryLock()).toBe(true);
      expect(second.tryLock()).toBe(false);
      yield* disk.rename('/f', '/g');
      expect((yield* disk.open('/g')).tryLock()).toBe(false);
      first.close();
      expect(second.tryLock()).toBe(true);
    });
  });

  test('a lock dies with its process', () => {
    for (const how of ['kill', 'powerOff'] as const) {
      const bench = makeDisk(1);
      const lock = () =>
        bench.run(function* (disk) {
          const file = yield* disk.open('/f', {create: true});
          return file.tryLock();
        });
      expect(lock()).toBe(true);
      expect(lock()).toBe(false);
      bench[how]();
      expect(lock()).toBe(true);
    }
  });
}

function durableContentLaws(makeDisk: MakeDisk): void {
  test('what sync() covered survives a power cut, whatever came after it', () => {
    for (const seed of SEEDS) {
      const bench = makeDisk(seed);
      const image = filled(30_000, 1).map((_, index) => index % 251);
      bench.run(function* (disk) {
        const file = yield* makeDurable(disk, '/f');
        yield* file.preallocate(65_536);
        yield* file.write(0, image.subarray(0, 10_000));
        yield* file.write(10_000, image.subarray(10_000));
        yield* file.sync();
        yield* file.write(30_000, filled(5_000, 9));
      });
      bench.powerOff();
      const after = bench.run((disk) => readWholeFile(disk, '/f'));
      expect(after.length).toBe(65_536);
      // The sector in which the later write begins is old or new; both hold the synced bytes.
      expect(after.subarray(0, 30_000)).toEqual(image);
      expect(after.subarray(35_000).every((byte) => byte === 0)).toBe(true);
    }
  });

  test('after a power cut each sector of an unsynced write is old or new', () => {
    for (const seed of SEEDS) {
      const bench = makeDisk(seed);
      bench.run(function* (disk) {
        const file = yield* makeDurable(disk, '/f');
        yield* file.write(0, filled(20_480, 1));
        yield* file.sync();
        yield* file.write(1_000, filled(15_000, 2));
      });
      bench.powerOff();
      const after = bench.run((disk) => readWholeFile(disk, '/f'));
      expect(after.length).toBe(20_480);
      for (let at = 0; at < after.length; at += 512) {
        const sector = after.subarray(at, at + 512);
        const isNew = (index: number) => at + index >= 1_000 && at + index < 16_000;
        const oldOne = sector.every((byte) => byte === 1);
        const newOne = sector.every((byte, index) => byte === (isNew(index) ? 2 : 1));
        expect(oldOne || newOne).toBe(true);
      }
    }
  });

  test('a synced truncation stays, an unsynced one is whole or not at all', () => {
    for (const seed of SEEDS) {
      const bench = makeDisk(seed);
      bench.run(function* (disk) {
        for (const path of ['/synced', '/unsynced']) {
          const file = yield* makeDurable(disk, path);
          yield* file.write(0, filled(12_345, 5));
          yield* file.sync();
          yield* file.truncate(700);
          if (path === '/synced') yield* file.sync();
        }
      });
      bench.powerOff();
      expect(bench.run((disk) => readWholeFile(disk, '/synced'))).toEqual(filled(700, 5));
      const after = bench.run((disk) => readWholeFile(disk, '/unsynced'));
      expect([700, 12_345]).toContain(after.length);
      expect(after.every((byte) => byte === 5)).toBe(true);
    }
  });

  test('what a power cut left is durable: a second one changes nothing', () => {
    for (const seed of SEEDS.slice(0, 20)) {
      const bench = makeDisk(seed);
      bench.run(function* (disk) {
        const file = yield* makeDurable(disk, '/f');
        yield* file.write(0, filled(9_000, 1));
        yield* file.truncate(5_000);
        yield* file.write(4_000, filled(3_000, 2));
        yield* disk.open('/g', {create: true});
      });
      const all = () =>
        bench.run(function* (disk) {
          return {names: yield* disk.list('/'), f: yield* readWholeFile(disk, '/f')};
        });
      bench.powerOff();
      const first = all();
      bench.powerOff();
      expect(all()).toEqual(first);
    }
  });
}

function durableNameLaws(makeDisk: MakeDisk): void {
  test('names, renames and removals survive once their directory is synced', () => {
    for (const seed of SEEDS) {
      const bench = makeDisk(seed);
      bench.run(function* (disk) {
        yield* disk.makeDirectory('/d');
        yield* disk.syncDirectory('/');
        yield* writeFile(disk, '/d/a', 'a', true);
        yield* writeFile(disk, '/d/b', 'b', true);
        yield* writeFile(disk, '/d/c', 'c', true);
        yield* disk.rename('/d/a', '/d/b');
        yield* disk.remove('/d/c');
        yield* disk.syncDirectory('/d');
      });
      bench.powerOff();
      expect(bench.run((disk) => disk.list('/d'))).toEqual(['b']);
      expect(textOf(bench.run((disk) => readWholeFile(disk, '/d/b')))).toBe('a');
    }
  });

  test('an unsynced rename over a file leaves the one or the other whole', () => {
    for (const seed of SEEDS) {
      const bench = makeDisk(seed);
      bench.run(function* (disk) {
        yield* writeFile(disk, '/f', 'old', true);
        yield* writeFile(disk, '/f.tmp', 'new', true);
        yield* disk.syncDirectory('/');
        yield* disk.rename('/f.tmp', '/f');
      });
      bench.powerOff();
      const after = textOf(bench.run((disk) => readWholeFile(disk, '/f')));
      const names = bench.run((disk) => disk.list('/'));
      expect([after, ...names]).toEqual(after === 'new' ? ['new', 'f'] : ['old', 'f', 'f.tmp']);
    }
  });

  test('a rename between directories is in one of them, never in both or none', () => {
    for (const seed of SEEDS) {
      const bench = makeDisk(seed);
      bench.run(function* (disk) {
        yield* disk.makeDirectory('/a');
        yield* disk.makeDirectory('/b');
        yield* disk.syncDirectory('/');
        yield* writeFile(disk, '/a/f', 'f', true);
        yield* disk.syncDirectory('/a');
        yield* disk.rename('/a/f', '/b/f');
        if (seed % 2 === 0) yield* disk.syncDirectory(seed % 4 === 0 ? '/a' : '/b');
      });
      bench.powerOff();
      const inA = bench.run((disk) => disk.stat('/a/f')) !== undefined;
      const inB = bench.run((disk) => disk.stat('/b/f')) !== undefined;
      expect(inA).toBe(!inB);
      if (seed % 2 === 0) expect(inB).toBe(true);
    }
  });
}

/** A file whose name is durable. */
function* makeDurable(disk: Disk, path: string): Fiber<DiskFile> {
  const file = yield* disk.open(path, {create: true});
  yield* disk.syncDirectory('/');
  return file;
}

function* writeFile(disk: Disk, path: string, text: string, sync = false): Fiber<DiskFile> {
  const file = yield* disk.open(path, {create: true});
  yield* file.write(0, bytesOf(text));
  if (sync) yield* file.sync();
  return file;
}

/** The code of the fault with which the fiber fails; undefined when it does not. */
export function* faultOf(fiber: Fiber<unknown>): Fiber<string | undefined> {
  try {
    yield* fiber;
  } catch (error) {
    if (error instanceof DiskFault) return error.code;
    throw error;
  }
  return undefined;
}

/** One byte a character. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** One character a byte. */
export function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** So many bytes of one value. */
export function filled(length: number, value: number): Uint8Array {
  return new Uint8Array(length).fill(value);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
