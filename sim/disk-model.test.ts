// The simulated disk against naive models that only know what the contract allows: for each sector the versions that may be
// durable, for each directory the states it may be in.
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {Random} from '../base/random.ts';
import type {Disk, DiskFile} from '../env/disk.ts';
import {readWholeFile} from '../env/disk.ts';
import type {Fiber} from '../env/fiber.ts';
import type {DiskOptions} from './disk.ts';
import {SimDiskBench} from './disk-bench.ts';
import {textOf} from './disk-laws.ts';

const SECTOR = 512;
const ZEROS = '\0'.repeat(SECTOR);

/** One file: what processes see, and what a power cut may leave. */
class FileModel {
  image = new Uint8Array(0);
  private sizes = new Set([0]);
  private versions = new Map<number, Set<string>>();

  write(offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.resize(Math.max(this.image.length, offset + bytes.length));
    this.image.set(bytes, offset);
    const last = Math.floor((offset + bytes.length - 1) / SECTOR);
    for (let sector = Math.floor(offset / SECTOR); sector <= last; sector++) this.of(sector).add(this.current(sector));
  }

  resize(size: number): void {
    if (size < this.image.length) {
      for (const [sector, versions] of this.versions) {
        const kept = Math.max(0, Math.min(SECTOR, size - sector * SECTOR));
        for (const version of [...versions]) versions.add(version.slice(0, kept).padEnd(SECTOR, '\0'));
      }
    }
    const image = new Uint8Array(size);
    image.set(this.image.subarray(0, size));
    this.image = image;
    this.sizes.add(size);
  }

  sync(): void {
    this.become(this.image);
  }

  /** The power was cut and this is there: it must be allowed, and is durable from now on. */
  checkAndBecome(found: Uint8Array): void {
    expect(this.sizes).toContain(found.length);
    for (let sector = 0; sector * SECTOR < found.length; sector++) {
      const text = textOf(found.subarray(sector * SECTOR, (sector + 1) * SECTOR));
      const allowed = [...this.of(sector)].some((version) => version.startsWith(text));
      expect({sector, allowed}).toEqual({sector, allowed: true});
    }
    this.become(found);
  }

  private become(image: Uint8Array): void {
    this.image = image.slice();
    this.sizes = new Set([image.length]);
    this.versions = new Map();
    for (let sector = 0; sector * SECTOR < image.length; sector++) {
      this.versions.set(sector, new Set([this.current(sector)]));
    }
  }

  private of(sector: number): Set<string> {
    let versions = this.versions.get(sector);
    if (versions === undefined) {
      versions = new Set([ZEROS]);
      this.versions.set(sector, versions);
    }
    return versions;
  }

  private current(sector: number): string {
    return textOf(this.image.subarray(sector * SECTOR, (sector + 1) * SECTOR)).padEnd(SECTOR, '\0');
  }
}

type Step =
  | {readonly kind: 'write'; readonly offset: number; readonly length: number}
  | {readonly kind: 'truncate' | 'preallocate'; readonly sizeBytes: number}
  | {readonly kind: 'sync' | 'kill' | 'power-off'};

const size = fc.integer({min: 0, max: 20_000});
const step: fc.Arbitrary<Step> = fc.oneof(
  {weight: 6, arbitrary: fc.record({kind: fc.constant('write' as const), offset: size, length: fc.nat(6_000)})},
  {weight: 2, arbitrary: fc.record({kind: fc.constant('truncate' as const), sizeBytes: size})},
  {weight: 1, arbitrary: fc.record({kind: fc.constant('preallocate' as const), sizeBytes: size})},
  {weight: 3, arbitrary: fc.record({kind: fc.constantFrom('sync' as const, 'power-off' as const, 'kill' as const)})},
);

function runSteps(seed: number, steps: readonly Step[], options: Partial<DiskOptions>): void {
  const bench = new SimDiskBench(seed, options);
  const model = new FileModel();
  let writeCount = 0;
  bench.run(function* (disk) {
    yield* disk.open('/f', {create: true});
    yield* disk.syncDirectory('/');
  });
  for (const at of steps) {
    if (at.kind === 'kill') bench.kill();
    if (at.kind === 'power-off') {
      bench.powerOff();
      model.checkAndBecome(bench.run((disk) => readWholeFile(disk, '/f')));
    }
    bench.run(function* (disk) {
      const file = yield* disk.open('/f');
      if (at.kind === 'write') {
        const value = 1 + (writeCount++ % 255);
        const bytes = new Uint8Array(at.length).fill(value);
        yield* file.write(at.offset, bytes);
        model.write(at.offset, bytes);
      } else if (at.kind === 'truncate') {
        yield* file.truncate(at.sizeBytes);
        model.resize(at.sizeBytes);
      } else if (at.kind === 'preallocate') {
        yield* file.preallocate(at.sizeBytes);
        model.resize(Math.max(model.image.length, at.sizeBytes));
      } else if (at.kind === 'sync') {
        yield* file.sync();
        model.sync();
      }
      expect(yield* file.read(0, 100_000)).toEqual(model.image);
    });
  }
  bench.powerOff();
  model.checkAndBecome(bench.run((disk) => readWholeFile(disk, '/f')));
}

test.each([
  ['any version of any sector', {}],
  ['the state of one instant', {writesReordered: false}],
])('a file is what was synced, or newer, and nothing that was never written: %s', (_name, options) => {
  const drawn = fc.array(step, {minLength: 3, maxLength: 40});
  fc.assert(
    fc.property(fc.nat(), drawn, (seed, steps) => runSteps(seed, steps, options)),
    {numRuns: 250, seed: 1},
  );
});

/** Which writes each sector must show at least: those that returned before an fsync began that returned. */
interface Floors {
  /** Write ids in the order in which they returned, by sector. */
  readonly returned: number[][];
  /** For each sector, how many of them an fsync covers. */
  readonly covered: number[];
}

const SECTORS_SHARED = 12;

function* raceOnFile(disk: Disk, random: Random, nextId: () => number, floors: Floors): Fiber<void> {
  const file: DiskFile = yield* disk.open('/f');
  for (;;) {
    if (random.below(3) === 0) {
      const before = floors.returned.map(({length}) => length);
      yield* file.sync();
      for (const [sector, count] of before.entries()) {
        floors.covered[sector] = Math.max(floors.covered[sector] ?? 0, count);
      }
      continue;
    }
    const first = random.below(SECTORS_SHARED);
    const count = random.between(1, Math.min(4, SECTORS_SHARED - first));
    const id = nextId();
    yield* file.write(first * SECTOR, new Uint8Array(count * SECTOR).fill(id));
    for (let sector = first; sector < first + count; sector++) floors.returned[sector]?.push(id);
  }
}

test('fsyncs and writes of several fibers: what returned before an fsync began is durable when it returns', () => {
  const seen = {covered: 0, overtaken: 0};
  for (let seed = 1; seed <= 200; seed++) {
    // Syncs as short as writes, and fibers that are often starved, so that they end in any order.
    const bench = new SimDiskBench(seed, {syncUsMin: 5, syncUsMax: 60, slowSyncOneIn: 8, slowSyncUsMax: 200});
    const random = Random.fromSeed(seed);
    const floors: Floors = {
      returned: Array.from({length: SECTORS_SHARED}, () => []),
      covered: new Array(SECTORS_SHARED).fill(0),
    };
    let id = 0;
    const nextId = () => ++id;
    bench.run(function* (disk) {
      const file = yield* disk.open('/f', {create: true});
      yield* file.preallocate(SECTORS_SHARED * SECTOR);
      yield* file.sync();
    });
    for (let fiber = 0; fiber < 4; fiber++) {
      bench.process.spawn('racer', raceOnFile(bench.view, random.stream(`${fiber}`), nextId, floors));
    }
    for (let events = random.below(250); events > 0 && id < 250; events--) bench.kernel.step();
    bench.powerOff();
    const after = bench.disk.peek('/f') ?? new Uint8Array(0);
    for (let sector = 0; sector < SECTORS_SHARED; sector++) {
      const shown = after[sector * SECTOR] ?? 0;
      const order = floors.returned[sector] ?? [];
      const covered = floors.covered[sector] ?? 0;
      // A write that had not returned when the power failed is newer than all that had.
      const rank = shown === 0 ? 0 : order.includes(shown) ? order.indexOf(shown) + 1 : order.length + 1;
      expect({seed, sector, rank, enough: rank >= covered}).toEqual({seed, sector, rank, enough: true});
      if (covered > 0) seen.covered++;
      if (covered > 0 && rank < order.length) seen.overtaken++;
    }
  }
  expect(seen.covered).toBeGreaterThan(500);
  expect(seen.overtaken).toBeGreaterThan(50);
});

type NameStep =
  | {readonly kind: 'create' | 'remove'; readonly path: string}
  | {readonly kind: 'rename'; readonly path: string; readonly to: string}
  | {readonly kind: 'sync'; readonly directory: string}
  | {readonly kind: 'power-off'};

const DIRECTORIES = ['/a', '/b'];
const path = fc.tuple(fc.constantFrom(...DIRECTORIES), fc.constantFrom('x', 'y', 'z')).map((parts) => parts.join('/'));
const nameStep: fc.Arbitrary<NameStep> = fc.oneof(
  {weight: 4, arbitrary: fc.record({kind: fc.constantFrom('create' as const, 'remove' as const), path})},
  {weight: 4, arbitrary: fc.record({kind: fc.constant('rename' as const), path, to: path})},
  {weight: 2, arbitrary: fc.record({kind: fc.constant('sync' as const), directory: fc.constantFrom(...DIRECTORIES)})},
  {weight: 1, arbitrary: fc.record({kind: fc.constant('power-off' as const)})},
);

/** Two directories of files, each file known by the one number in it. */
class NamesModel {
  private now = new Map<string, number>();
  /** For each directory, the states in which a power cut may leave it. */
  private readonly states = new Map<string, string[]>();
  /** Files of which a name was durable and that nobody has removed or replaced since: they must be somewhere. */
  private readonly certain = new Set<number>();

  constructor() {
    for (const directory of DIRECTORIES) this.sync(directory);
  }

  has(path: string): boolean {
    return this.now.has(path);
  }

  set(path: string, id: number | undefined): void {
    this.certain.delete(this.now.get(path) ?? -1);
    if (id === undefined) this.now.delete(path);
    else this.now.set(path, id);
    this.remember();
  }

  rename(path: string, to: string): void {
    const id = this.now.get(path);
    if (id === undefined || path === to) return;
    this.certain.delete(this.now.get(to) ?? -1);
    this.now.delete(path);
    this.now.set(to, id);
    this.remember();
  }

  sync(directory: string): void {
    this.states.set(directory, [stateOf(this.now, directory)]);
    for (const [path, id] of this.now) if (path.startsWith(`${directory}/`)) this.certain.add(id);
  }

  checkAndBecome(found: Map<string, number>): void {
    for (const directory of DIRECTORIES) expect(this.states.get(directory)).toContain(stateOf(found, directory));
    const ids = [...found.values()];
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of this.certain) expect(ids).toContain(id);
    this.now = new Map(found);
    this.certain.clear();
    for (const directory of DIRECTORIES) this.sync(directory);
  }

  private remember(): void {
    for (const directory of DIRECTORIES) this.states.get(directory)?.push(stateOf(this.now, directory));
  }
}

function stateOf(names: ReadonlyMap<string, number>, directory: string): string {
  return [...names]
    .filter(([path]) => path.startsWith(`${directory}/`))
    .map(([path, id]) => `${path}=${id}`)
    .sort()
    .join();
}

function runNameSteps(seed: number, steps: readonly NameStep[], options: Partial<DiskOptions>): void {
  const bench = new SimDiskBench(seed, options);
  bench.run(function* (disk) {
    for (const directory of DIRECTORIES) yield* disk.makeDirectory(directory);
    yield* disk.syncDirectory('/');
  });
  const model = new NamesModel();
  let id = 0;
  for (const at of [...steps, {kind: 'power-off'} as const]) {
    if (at.kind === 'power-off') {
      bench.powerOff();
      model.checkAndBecome(new Map(bench.disk.paths().map((found) => [found, bench.disk.peek(found)?.[0] ?? 0])));
      continue;
    }
    bench.run(function* (disk) {
      if (at.kind === 'create') {
        if (model.has(at.path)) return;
        const file = yield* disk.open(at.path, {create: true, exclusive: true});
        yield* file.write(0, new Uint8Array([++id]));
        yield* file.sync();
        model.set(at.path, id);
      } else if (at.kind === 'remove') {
        yield* disk.remove(at.path);
        if (model.has(at.path)) model.set(at.path, undefined);
      } else if (at.kind === 'rename') {
        if (!model.has(at.path)) return;
        yield* disk.rename(at.path, at.to);
        model.rename(at.path, at.to);
      } else if (at.kind === 'sync') {
        yield* disk.syncDirectory(at.directory);
        model.sync(at.directory);
      }
    });
  }
}

test.each([
  ['directory-only', {nameDurability: 'directory-only'}],
  ['file-too', {nameDurability: 'file-too'}],
] as const)(
  'a directory is in a state that it had since it was synced, and no file is lost or doubled: %s',
  (_name, options) => {
    fc.assert(
      fc.property(fc.nat(), fc.array(nameStep, {minLength: 3, maxLength: 40}), (seed, steps) =>
        runNameSteps(seed, steps, options),
      ),
      {numRuns: 400, seed: 1},
    );
  },
);
