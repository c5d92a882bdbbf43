import {describe, expect, test} from 'vitest';
import type {Disk, DiskFile} from '../env/disk.ts';
import {readWholeFile} from '../env/disk.ts';
import type {Fiber} from '../env/fiber.ts';
import {SimDiskBench} from './disk-bench.ts';
import type {DiskOperation} from './disk-faults.ts';
import {bytesOf, faultOf, filled, textOf} from './disk-laws.ts';

/** A file of zeros, 16 sectors, durable with its name. */
function* durableFile(disk: Disk, path: string, value = 0): Fiber<DiskFile> {
  const file = yield* disk.open(path, {create: true});
  yield* file.write(0, filled(8_192, value));
  yield* file.sync();
  yield* disk.syncDirectory('/');
  return file;
}

/** The first byte of each sector. */
function sectorsOf(bytes: Uint8Array | undefined): number[] {
  const values: number[] = [];
  for (let at = 0; at < (bytes?.length ?? 0); at += 512) values.push(bytes?.[at] ?? -1);
  return values;
}

describe('errors', () => {
  test('each operation can be made to fail, where and as often as the rule says', () => {
    const attempts: readonly [DiskOperation, (disk: Disk, file: DiskFile) => Fiber<unknown>][] = [
      ['open', (disk) => disk.open('/f')],
      ['read', (_disk, file) => file.read(0, 10)],
      ['write', (_disk, file) => file.write(0, bytesOf('x'))],
      ['sync', (_disk, file) => file.sync()],
      ['truncate', (_disk, file) => file.truncate(10)],
      ['preallocate', (_disk, file) => file.preallocate(10)],
      ['make-directory', (disk) => disk.makeDirectory('/f.d')],
      ['list', (disk) => disk.list('/f.d')],
      ['stat', (disk) => disk.stat('/f')],
      ['rename', (disk) => disk.rename('/f', '/g')],
      ['remove', (disk) => disk.remove('/f')],
      ['sync-directory', (disk) => disk.syncDirectory('/f.d')],
    ];
    for (const [operation, attempt] of attempts) {
      const bench = new SimDiskBench(1);
      bench.run(function* (disk) {
        const file = yield* durableFile(disk, '/f');
        const other = yield* durableFile(disk, '/other');
        yield* disk.makeDirectory('/f.d');
        const handle = bench.disk.inject({
          kind: 'error',
          operations: [operation],
          code: 'EIO',
          where: ({path}) => path.startsWith('/f'),
          timesMax: 2,
        });
        yield* other.write(0, bytesOf('x'));
        yield* other.sync();
        expect([operation, yield* faultOf(attempt(disk, file))]).toEqual([operation, 'EIO']);
        expect([operation, yield* faultOf(attempt(disk, file))]).toEqual([operation, 'EIO']);
        expect([operation, yield* faultOf(attempt(disk, file))]).toEqual([operation, undefined]);
        expect(handle.hitCount).toBe(2);
      });
    }
  });

  test('a failed write leaves a prefix behind', () => {
    const lengths = new Set<number>();
    for (let seed = 1; seed <= 20; seed++) {
      const bench = new SimDiskBench(seed);
      bench.disk.inject({kind: 'error', operations: ['write'], code: 'EIO'});
      bench.run(function* (disk) {
        const file = yield* disk.open('/f', {create: true});
        expect(yield* faultOf(file.write(0, filled(3_000, 1)))).toBe('EIO');
      });
      const after = bench.disk.peek('/f') ?? new Uint8Array(0);
      expect(after).toEqual(filled(after.length, 1));
      lengths.add(after.length);
    }
    expect(lengths.size).toBeGreaterThan(10);
  });

  test('a lifted rule is over; lifting twice is harmless', () => {
    const bench = new SimDiskBench(1);
    const handle = bench.disk.inject({kind: 'error', operations: ['open'], code: 'EIO'});
    expect(bench.run((disk) => faultOf(disk.open('/f', {create: true})))).toBe('EIO');
    handle.lift();
    handle.lift();
    expect(bench.run((disk) => faultOf(disk.open('/f', {create: true})))).toBeUndefined();
  });

  test('odds are kept', () => {
    const bench = new SimDiskBench(1);
    const handle = bench.disk.inject({
      kind: 'error',
      operations: ['stat'],
      code: 'EIO',
      chance: {numerator: 1, denominator: 4},
    });
    let failed = 0;
    for (let i = 0; i < 200; i++) if (bench.run((disk) => faultOf(disk.stat('/'))) === 'EIO') failed++;
    expect(failed).toBe(handle.hitCount);
    expect(failed).toBeGreaterThan(25);
    expect(failed).toBeLessThan(80);
  });
});

describe('fsync that fails', () => {
  function failedSync(seed: number, cache: 'kept' | 'dropped') {
    const bench = new SimDiskBench(seed);
    const seen = bench.run(function* (disk) {
      const file = yield* durableFile(disk, '/f', 1);
      yield* file.write(0, filled(8_192, 2));
      bench.disk.inject({kind: 'sync-error', cache, timesMax: 1});
      expect(yield* faultOf(file.sync())).toBe('EIO');
      // The lie of fsyncgate: nothing is dirty any more, so there is nothing that could fail.
      expect(yield* faultOf(file.sync())).toBeUndefined();
      return yield* file.read(0, 8_192);
    });
    return {bench, seen: sectorsOf(seen)};
  }

  test('the next fsync says ok, and what the first did not write is gone after a power cut', () => {
    let lost = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const {bench, seen} = failedSync(seed, 'kept');
      expect(seen).toEqual(new Array(16).fill(2));
      bench.kill();
      expect(sectorsOf(bench.disk.peek('/f'))).toEqual(new Array(16).fill(2));
      bench.powerOff();
      const after = sectorsOf(bench.disk.peek('/f'));
      expect(after.every((value) => value === 1 || value === 2)).toBe(true);
      lost += after.filter((value) => value === 1).length;
    }
    expect(lost).toBeGreaterThan(100);
    expect(lost).toBeLessThan(220);
  });

  test('with the cache dropped, processes see at once what the medium holds', () => {
    const {bench, seen} = failedSync(3, 'dropped');
    expect(new Set(seen)).toEqual(new Set([1, 2]));
    bench.powerOff();
    expect(sectorsOf(bench.disk.peek('/f'))).toEqual(seen);
  });

  test('writing again makes it durable after all', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const {bench} = failedSync(seed, 'kept');
      bench.run(function* (disk) {
        const file = yield* disk.open('/f');
        yield* file.write(0, filled(8_192, 2));
        yield* file.sync();
      });
      bench.powerOff();
      expect(sectorsOf(bench.disk.peek('/f'))).toEqual(new Array(16).fill(2));
    }
  });
});

describe('room', () => {
  test('a full disk takes what fits and no more; what is there can be written again', () => {
    const bench = new SimDiskBench(1, {capacityBytes: 16_384});
    bench.run(function* (disk) {
      const file = yield* disk.open('/f', {create: true});
      yield* file.preallocate(8_192);
      expect(yield* faultOf(file.write(0, filled(20_000, 1)))).toBe('ENOSPC');
      expect(file.sizeBytes).toBe(16_384);
      expect(yield* faultOf(file.write(0, filled(16_384, 2)))).toBeUndefined();
      expect(yield* faultOf(file.preallocate(16_385))).toBe('ENOSPC');
      yield* file.truncate(4_000);
      expect(yield* faultOf(file.write(4_000, filled(5_000, 3)))).toBeUndefined();
      yield* disk.remove('/f');
      const other = yield* disk.open('/g', {create: true});
      expect(yield* faultOf(other.write(0, filled(16_384, 1)))).toBeUndefined();
    });
    expect(bench.disk.usedBytes).toBe(16_384);
    expect(bench.mark('disk: full')).toBe(2);
  });

  test('a rule makes a disk full as long as it holds', () => {
    const bench = new SimDiskBench(1);
    bench.run(function* (disk) {
      const file = yield* durableFile(disk, '/f');
      const handle = bench.disk.inject({kind: 'full', capacityBytes: 0});
      expect(yield* faultOf(file.write(8_000, filled(193, 1)))).toBe('ENOSPC');
      expect(yield* faultOf(file.write(8_000, filled(192, 1)))).toBeUndefined();
      handle.lift();
      expect(yield* faultOf(file.write(8_000, filled(193, 1)))).toBeUndefined();
    });
  });
});

describe('time', () => {
  test('a slow disk is slow by its factor', () => {
    const timeOf = (factor: number) => {
      const bench = new SimDiskBench(1, {syncUsMin: 100, syncUsMax: 100, slowSyncOneIn: 0});
      bench.disk.inject({kind: 'slow', factor});
      bench.disk.inject({kind: 'slow', factor: 1});
      bench.run(function* (disk) {
        yield* disk.syncDirectory('/');
      });
      return bench.kernel.nowUs;
    };
    expect(timeOf(1)).toBeLessThan(200);
    expect(timeOf(100)).toBeGreaterThanOrEqual(10_000);
    expect(timeOf(100)).toBeLessThan(10_200);
  });

  test('a stalled disk answers nobody until it is lifted, and nothing has happened before', () => {
    const bench = new SimDiskBench(1);
    bench.run((disk) => durableFile(disk, '/f', 1));
    const handle = bench.disk.inject({kind: 'stalled', where: ({operation}) => operation !== 'open'});
    const {view, kernel, process} = bench;
    const {ended} = process.spawn('writer', writeAndSync(view));
    while (kernel.step());
    expect(ended.ready()).toBe(false);
    expect(sectorsOf(bench.disk.peek('/f'))[0]).toBe(1);
    kernel.advanceTo(kernel.nowUs + 1_000_000);
    handle.lift();
    while (kernel.step());
    expect(ended.ready()).toBe(true);
    expect(sectorsOf(bench.disk.peek('/f'))[0]).toBe(2);
    expect(bench.mark('disk: operation stalled')).toBe(1);
  });

  test('a process killed on a stalled disk leaves it usable', () => {
    const bench = new SimDiskBench(1);
    bench.run((disk) => durableFile(disk, '/f', 1));
    const handle = bench.disk.inject({kind: 'stalled', where: ({operation}) => operation === 'sync'});
    bench.process.spawn('writer', writeAndSync(bench.view));
    while (bench.kernel.step());
    bench.powerOff();
    handle.lift();
    bench.run(writeAndSync);
    bench.powerOff();
    expect(sectorsOf(bench.disk.peek('/f'))[0]).toBe(2);
  });
});

function* writeAndSync(disk: Disk): Fiber<void> {
  const file = yield* disk.open('/f');
  yield* file.write(0, filled(512, 2));
  yield* file.sync();
}

describe('a medium that lies', () => {
  /** Sixteen sectors of 1, synced; then sectors 4 to 7 written with 2 and synced under the rule. */
  function underRule(kind: 'lost-write' | 'misdirected-write' | 'corrupt-write', seed = 1): SimDiskBench {
    const bench = new SimDiskBench(seed);
    bench.run(function* (disk) {
      const file = yield* durableFile(disk, '/f', 1);
      const handle = bench.disk.inject({kind, where: ({offset}) => offset === 5 * 512});
      yield* file.write(4 * 512, filled(4 * 512, 2));
      yield* file.sync();
      expect(handle.hitCount).toBe(1);
      handle.lift();
      expect(sectorsOf(yield* file.read(0, 8_192))).toEqual([1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1]);
    });
    return bench;
  }

  test('a lost write is acknowledged, seen, and gone after a power cut', () => {
    const bench = underRule('lost-write');
    bench.powerOff();
    expect(sectorsOf(bench.disk.peek('/f'))).toEqual([1, 1, 1, 1, 2, 1, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1]);
    expect(bench.mark('disk: sector lost by an fsync that said ok')).toBe(1);
  });

  test('a misdirected write is over another sector', () => {
    const places = new Set<number>();
    for (let seed = 1; seed <= 20; seed++) {
      const bench = underRule('misdirected-write', seed);
      bench.powerOff();
      const after = sectorsOf(bench.disk.peek('/f'));
      expect(after[5]).toBe(1);
      const expected = [4, 6, 7];
      const wrong = after.flatMap((value, sector) => (value === 2 && !expected.includes(sector) ? [sector] : []));
      expect(wrong.length).toBeLessThanOrEqual(1);
      for (const sector of wrong) places.add(sector);
    }
    expect(places.size).toBeGreaterThan(3);
  });

  test('a corrupted write has flipped bits once the page cache is gone', () => {
    const bench = underRule('corrupt-write');
    bench.disk.dropCaches();
    const after = bench.run((disk) => readWholeFile(disk, '/f'));
    const right = (at: number) => (at >= 4 * 512 && at < 8 * 512 ? 2 : 1);
    const wrong = [...after.keys()].filter((at) => after[at] !== right(at));
    expect(wrong.map((at) => Math.floor(at / 512))).toEqual([5]);
  });

  test('writing the page again heals it', () => {
    for (const kind of ['lost-write', 'corrupt-write'] as const) {
      const bench = underRule(kind);
      bench.run(function* (disk) {
        const file = yield* disk.open('/f');
        yield* file.write(0, filled(10, 3));
        yield* file.sync();
      });
      bench.powerOff();
      expect(sectorsOf(bench.disk.peek('/f'))).toEqual([3, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1]);
    }
  });

  test('a corrupted read is wrong once, at sector granularity', () => {
    const bench = new SimDiskBench(1);
    bench.run(function* (disk) {
      const file = yield* durableFile(disk, '/f', 1);
      bench.disk.inject({kind: 'corrupt-read', where: ({offset}) => offset === 1_024, timesMax: 1});
      expect(yield* file.read(0, 1_024)).toEqual(filled(1_024, 1));
      const wrong = yield* file.read(1_000, 1_000);
      const places = [...wrong.keys()].filter((at) => wrong[at] !== 1).map((at) => at + 1_000);
      expect(places.length).toBe(1);
      expect(places[0]).toBeGreaterThanOrEqual(1_024);
      expect(places[0]).toBeLessThan(1_536);
      expect(yield* file.read(1_000, 1_000)).toEqual(filled(1_000, 1));
    });
  });

  test('a stale read returns what was there before', () => {
    const bench = new SimDiskBench(1);
    bench.run(function* (disk) {
      const file = yield* durableFile(disk, '/f', 1);
      const handle = bench.disk.inject({kind: 'stale-read'});
      yield* file.write(0, filled(512, 2));
      expect((yield* file.read(0, 1))[0]).toBe(1);
      yield* file.sync();
      expect((yield* file.read(0, 1))[0]).toBe(1);
      expect((yield* file.read(600, 1))[0]).toBe(1);
      expect(handle.hitCount).toBe(2);
      handle.lift();
      expect((yield* file.read(0, 1))[0]).toBe(2);
    });
  });

  test('damage at rest is seen at once and stays', () => {
    const bench = new SimDiskBench(1);
    bench.run((disk) => durableFile(disk, '/f', 1));
    bench.disk.corrupt('/f', 3);
    const damaged = bench.disk.peek('/f') ?? new Uint8Array(0);
    const at = damaged.findIndex((byte) => byte !== 1);
    expect(Math.floor(at / 512)).toBe(3);
    bench.powerOff();
    expect(bench.disk.peek('/f')).toEqual(damaged);
  });

  test('an ignored directory sync leaves names to luck', () => {
    let lost = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const bench = new SimDiskBench(seed);
      bench.disk.inject({kind: 'directory-sync-ignored'});
      bench.run(function* (disk) {
        yield* disk.open('/f', {create: true});
        yield* disk.syncDirectory('/');
      });
      bench.powerOff();
      if (bench.disk.paths().length === 0) lost++;
    }
    expect(lost).toBeGreaterThan(8);
    expect(lost).toBeLessThan(35);
  });
});

test('faults find a file under its present name', () => {
  const bench = new SimDiskBench(1);
  bench.run(function* (disk) {
    const file = yield* disk.open('/0.tmp', {create: true});
    yield* disk.rename('/0.tmp', '/1.wal');
    bench.disk.inject({kind: 'error', operations: ['write'], code: 'ENOSPC', where: ({path}) => path === '/1.wal'});
    expect(yield* faultOf(file.write(0, bytesOf('x')))).toBe('ENOSPC');
    expect(textOf(yield* file.read(0, 10)).length).toBeLessThanOrEqual(1);
  });
});
