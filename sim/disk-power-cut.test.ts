// What a power cut may leave where several things were under way: the corners that random work seldom meets.
import {expect, test} from 'vitest';
import type {Disk, DiskFile} from '../env/disk.ts';
import type {Fiber} from '../env/fiber.ts';
import type {DiskOptions} from './disk.ts';
import {SimDiskBench} from './disk-bench.ts';
import {filled} from './disk-laws.ts';

/** What each of 120 seeds leaves, described; the distinct descriptions, sorted. */
function outcomes(
  options: Partial<DiskOptions>,
  program: (disk: Disk) => Fiber<void>,
  describe: (bench: SimDiskBench) => string,
): string[] {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 120; seed++) {
    const bench = new SimDiskBench(seed, options);
    bench.run(program);
    bench.powerOff();
    seen.add(describe(bench));
  }
  return [...seen].sort();
}

const fileOf = (bench: SimDiskBench): Uint8Array => bench.disk.peek('/f') ?? new Uint8Array(0);

/** A file of that many bytes of 1, durable with its name. */
function* durableFile(disk: Disk, sizeBytes: number): Fiber<DiskFile> {
  const file = yield* disk.open('/f', {create: true});
  yield* file.write(0, filled(sizeBytes, 1));
  yield* file.sync();
  yield* disk.syncDirectory('/');
  return file;
}

test('sectors show any of their versions since the last fsync, the one regardless of the other', () => {
  const seen = outcomes(
    {},
    function* (disk) {
      const file = yield* durableFile(disk, 1_024);
      for (const value of [2, 3, 4]) yield* file.write(0, filled(1_024, value));
    },
    (bench) => `${fileOf(bench)[0]}${fileOf(bench)[512]}`,
  );
  // No instant shows a second sector that is newer than the first.
  for (const pair of ['11', '22', '33', '44', '14', '24', '34']) expect(seen).toContain(pair);
});

test('of the write at the instant of the cut the first sectors are there, in any number', () => {
  const seen = outcomes(
    {writesReordered: false},
    function* (disk) {
      const file = yield* durableFile(disk, 3 * 512);
      yield* file.write(0, filled(3 * 512, 2));
    },
    (bench) => [0, 512, 1_024].map((at) => fileOf(bench)[at]).join(''),
  );
  expect(seen).toEqual(['111', '211', '221', '222']);
});

test('a write torn over an older unsynced one shows that one where it did not arrive', () => {
  const seen = outcomes(
    {writesReordered: false},
    function* (disk) {
      const file = yield* durableFile(disk, 2 * 512);
      yield* file.write(0, filled(2 * 512, 2));
      yield* file.write(0, filled(2 * 512, 3));
    },
    (bench) => `${fileOf(bench)[0]}${fileOf(bench)[512]}`,
  );
  expect(seen).toEqual(['11', '21', '22', '32', '33']);
});

test('a cut file that grew again shows zeros where it was cut, even where a write before the cut was lost', () => {
  const seen = outcomes(
    {},
    function* (disk) {
      const file = yield* durableFile(disk, 4_096);
      yield* file.write(0, filled(1_024, 2));
      yield* file.truncate(600);
      yield* file.truncate(2_000);
    },
    (bench) => {
      const after = fileOf(bench);
      const tail = new Set(after.subarray(600));
      return `${after.length}: ${after[512]}, then ${[...tail].sort().join(' ')}`;
    },
  );
  expect(seen).toEqual([
    '2000: 1, then 0',
    '2000: 2, then 0',
    '4096: 1, then 1',
    '4096: 2, then 1 2',
    '600: 1, then ',
    '600: 2, then ',
  ]);
});

test('a truncation that is lost takes along what was written over it', () => {
  const seen = outcomes(
    {},
    function* (disk) {
      const file = yield* durableFile(disk, 512);
      yield* file.preallocate(65_536);
      yield* file.sync();
      yield* file.truncate(0);
      yield* file.write(8_192, filled(512, 2));
    },
    (bench) => `${fileOf(bench).length}: ${fileOf(bench)[0]} ${fileOf(bench)[8_192]}`,
  );
  expect(seen).toEqual(['0: undefined undefined', '65536: 1 0', '8704: 0 0', '8704: 0 2']);
});

/** Starts an fsync, lets `meanwhile` run to its end before the fsync's fiber sees its own end, then ends it. */
function* duringSync(file: DiskFile, meanwhile: Fiber<void>): Fiber<void> {
  const sync = file.sync();
  const started = sync.next();
  yield* meanwhile;
  expect(started.done).toBe(false);
  yield* sync;
}

test('an fsync covers what it found although a write and a truncation came over it meanwhile', () => {
  const seen = outcomes(
    {},
    function* (disk) {
      const file = yield* durableFile(disk, 512);
      yield* file.write(0, filled(512, 2));
      yield* duringSync(
        file,
        (function* () {
          yield* file.write(0, filled(512, 3));
          yield* file.truncate(256);
        })(),
      );
    },
    (bench) => `${fileOf(bench).length}: ${fileOf(bench)[0]}`,
  );
  expect(seen).toEqual(['256: 2', '256: 3', '512: 2', '512: 3']);
});

test('an fsync covers what it found although a truncation took it away meanwhile', () => {
  const seen = outcomes(
    {},
    function* (disk) {
      const file = yield* durableFile(disk, 512);
      yield* file.write(0, filled(1_024, 2));
      yield* duringSync(file, file.truncate(0));
    },
    (bench) => `${fileOf(bench).length}: ${[...new Set(fileOf(bench))].join(' ')}`,
  );
  expect(seen).toEqual(['0: ', '1024: 2']);
});

test('a rename out of a directory does not survive what happened there before it', () => {
  const seen = outcomes(
    {nameDurability: 'directory-only'},
    function* (disk) {
      yield* disk.makeDirectory('/a');
      yield* disk.makeDirectory('/b');
      yield* disk.open('/a/x', {create: true});
      yield* disk.syncDirectory('/a');
      yield* disk.syncDirectory('/b');
      yield* disk.open('/a/earlier', {create: true});
      yield* disk.rename('/a/x', '/b/x');
    },
    (bench) => bench.disk.paths().join(' '),
  );
  expect(seen).toEqual(['/a/earlier /a/x', '/a/earlier /b/x', '/a/x']);
});

test('a lost write whose page is written again is durable only after the next fsync', () => {
  const values = new Set<number | undefined>();
  for (let seed = 1; seed <= 60; seed++) {
    const bench = new SimDiskBench(seed);
    bench.run(function* (disk) {
      const file = yield* durableFile(disk, 4_096);
      const fault = bench.disk.inject({kind: 'lost-write'});
      yield* file.write(512, filled(512, 2));
      yield* file.sync();
      fault.lift();
      yield* file.write(0, filled(10, 3));
    });
    bench.powerOff();
    values.add(fileOf(bench)[512]);
  }
  expect([...values].sort()).toEqual([1, 2]);
});
