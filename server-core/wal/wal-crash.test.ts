// What the WAL was asked to keep is there after any power cut, nothing is there that was not written, and damage is refused by name.
import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {hexOf} from '../../base/byte-string.ts';
import {NO_MEMBER, toMemberId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {World} from '../../sim/world.ts';
import {encodeEntry} from '../raftpb/codec.ts';
import type {Entry, HardState} from '../raftpb/types.ts';
import {walBehaviours} from './behaviours.ts';
import {WalDecoder} from './decoder.ts';
import type {WalContent} from './read-all.ts';
import {NO_SNAPSHOT} from './record.ts';
import {repairWal, validSnapshots} from './repair.ts';
import type {WalDefects} from './wal.ts';
import {Wal} from './wal.ts';
import {WalError} from './wal-error.ts';

const DIRECTORY = '/etcd/member/wal';
const METADATA = new Uint8Array([8, 1, 16, 2]);

/** One save: how many entries from which offset behind the last kept one (0: go on, 1: replace the last), and how large they are. */
interface Save {
  readonly count: number;
  readonly replaced: number;
  readonly size: number;
  readonly newTerm: boolean;
}

const save: fc.Arbitrary<Save> = fc.record({
  count: fc.integer({min: 0, max: 4}),
  replaced: fc.integer({min: 0, max: 2}),
  size: fc.integer({min: 0, max: 900}),
  newTerm: fc.boolean(),
});

const entryOf = (index: number, term: number, size: number): Entry => ({
  type: 'EntryNormal',
  index,
  term,
  data: new Uint8Array(size).fill((index * 7 + term) % 251 || 1),
});

interface Written {
  entries: Entry[];
  state: HardState;
}

/** What was returned for, and every save that was begun with the entries it adds. */
interface Progress {
  done: Written;
  begun: (Written & {added: Entry[]})[];
}

const EMPTY: HardState = {term: 0, vote: NO_MEMBER, commit: 0};

/** Applies a save to what should be there. */
function applied({entries, state}: Written, {count, replaced, size, newTerm}: Save): Written & {added: Entry[]} {
  const term = Math.max(1, state.term + (newTerm ? 1 : 0));
  const kept = entries.slice(0, Math.max(state.commit, entries.length - replaced));
  const added = Array.from({length: count}, (_, i) => entryOf(kept.length + i + 1, term, size));
  const all = count === 0 ? entries : [...kept, ...added];
  return {entries: all, state: {term, vote: toMemberId(3), commit: Math.min(all.length, state.commit + 1)}, added};
}

function options(segmentBytes: number, defects: WalDefects = {}) {
  return {directory: DIRECTORY, segmentBytes, behaviours: walBehaviours('3.4.23'), defects};
}

/** Writes the saves one after the other; `progress` tells what was returned for, and what was begun. */
function* writer(
  env: Env,
  saves: readonly Save[],
  segmentBytes: number,
  progress: Progress,
  defects?: WalDefects,
): Fiber<void> {
  const wal = yield* Wal.create(env, options(segmentBytes, defects), METADATA);
  let state: Written = {entries: [], state: EMPTY};
  progress.done = state;
  for (const one of saves) {
    const next = applied(state, one);
    progress.begun.push(next);
    yield* wal.save(next.state, next.added);
    // A save that needed no sync may be lost: only the last synced one counts.
    if (next.added.length > 0 || next.state.term !== state.state.term) progress.done = next;
    state = next;
  }
}

function* opened(env: Env, segmentBytes: number): Fiber<WalContent> {
  for (let tries = 0; ; tries++) {
    try {
      return (yield* Wal.open(env, options(segmentBytes), NO_SNAPSHOT)).content;
    } catch (error) {
      if (!(error instanceof WalError) || error.code !== 'unexpected-eof' || tries > 0) throw error;
      expect(yield* repairWal(env.disk, options(segmentBytes))).toBe(true);
    }
  }
}

/** Runs a program to its end on the machine and returns what it returned. */
function finish<T>(world: World, program: (env: Env) => Fiber<T>): T {
  let result: {value: T} | undefined;
  let failure: unknown;
  world.onProcessEnd((_machine, _process, end) => {
    if (end.how === 'panic') failure = end.error;
  });
  world.machine('m').start('reader', function* (env) {
    result = {value: yield* program(env)};
  });
  while (world.machine('m').process !== undefined && world.step());
  if (failure !== undefined) throw failure;
  if (result === undefined) throw new Error('the program did not end');
  return result.value;
}

const texts = (entries: readonly Entry[]) => entries.map((entry) => hexOf(encodeEntry(entry)).slice(0, 40));

describe('power cuts', () => {
  const run = (seed: number, saves: readonly Save[], segmentBytes: number, steps: number, defects?: WalDefects) => {
    const world = new World({seed});
    const machine = world.addMachine('m');
    const progress: Progress = {done: {entries: [], state: EMPTY}, begun: []};
    machine.start('writer', (env) => writer(env, saves, segmentBytes, progress, defects));
    for (let i = 0; i < steps && machine.process !== undefined; i++) world.step();
    machine.powerOff();
    return {world, progress};
  };
  const check = (
    seed: number,
    saves: readonly Save[],
    segmentBytes: number,
    steps: number,
    defects?: WalDefects,
  ): void => {
    const {world, progress} = run(seed, saves, segmentBytes, steps, defects);
    const exists = world
      .machine('m')
      .disk.paths()
      .some((path) => path.startsWith(`${DIRECTORY}/`));
    if (!exists) {
      expect(progress.done.entries).toEqual([]);
      return;
    }
    const content = finish(world, (env) => opened(env, segmentBytes));
    const possible = [progress.done, ...progress.begun].map(({entries}) => texts(entries).join());
    const got = texts(content.entries);
    // Everything that save() returned for: the entries are those of that moment, or of what was begun after it.
    const {entries: done} = progress.done;
    // The one under way when the power failed may be there in part, in its order.
    const last = progress.begun.at(-1);
    const whole = texts(last?.entries ?? []);
    const keptCount = whole.length - (last?.added.length ?? 0);
    const isPart = got.length >= keptCount && got.every((text, i) => text === whole[i]);
    const isKept = texts(done).every((text, i) => got[i] === text) || possible.includes(got.join()) || isPart;
    expect(isKept).toBe(true);
    expect(content.entries.length).toBeGreaterThanOrEqual(
      Math.min(done.length, ...progress.begun.map((b) => b.entries.length)),
    );
    expect(content.hardState.term).toBeGreaterThanOrEqual(progress.done.state.term);
    // Nothing that nobody wrote.
    const written = new Set(progress.begun.flatMap(({entries}) => texts(entries)));
    for (const text of got) expect(written.has(text)).toBe(true);
  };

  test('whatever was synced is there, whenever the power fails, over many segments', () => {
    fc.assert(
      fc.property(
        fc.nat(1_000),
        fc.array(save, {minLength: 1, maxLength: 25}),
        fc.constantFrom(2_048, 8_192, 64_000_000),
        fc.nat(400),
        (seed, saves, segmentBytes, steps) => check(seed, saves, segmentBytes, steps),
      ),
      {numRuns: 300},
    );
  });

  test('the defect that does not wait for the disk breaks just that', () => {
    const saves = Array.from({length: 20}, () => ({count: 2, replaced: 0, size: 300, newTerm: false}));
    const broken = Array.from({length: 40}, (_, seed) => {
      try {
        check(seed, saves, 64_000_000, 60, {skipSync: true});
        return false;
      } catch {
        return true;
      }
    });
    expect(broken).toContain(true);
  });
});

describe('damage', () => {
  const written = (seed: number) => {
    const world = new World({seed});
    world.addMachine('m');
    const progress: Progress = {done: {entries: [], state: EMPTY}, begun: []};
    const saves = Array.from({length: 30}, (_, i) => ({count: 2, replaced: i % 3, size: 200, newTerm: i % 7 === 0}));
    finish(world, (env) => writer(env, saves, 4_096, progress));
    return {world, progress};
  };

  test('a flipped bit anywhere is refused with file and offset, or changes nothing', () => {
    fc.assert(
      fc.property(fc.nat(1_000), fc.nat(), fc.nat(), (seed, which, where) => {
        const {world, progress} = written(seed);
        const {disk} = world.machine('m');
        const segments = disk.paths().filter((path) => path.endsWith('.wal'));
        expect(segments.length).toBeGreaterThan(2);
        const path = segments[which % segments.length] ?? '';
        const used = (disk.peek(path)?.findLastIndex((byte) => byte !== 0) ?? 0) + 1;
        disk.corrupt(path, Math.floor((where % used) / 512));
        try {
          const content = finish(world, (env) => opened(env, 4_096));
          const whole = texts(progress.done.entries);
          const got = texts(content.entries);
          expect(got).toEqual(whole.slice(0, got.length)); // a repaired tail may be shorter, never different
          expect(path === segments.at(-1) || got.length === whole.length).toBe(true);
        } catch (error) {
          if (!(error instanceof WalError)) throw error;
          expect(error.message).toMatch(/\.wal: at offset \d+: |^\/etcd\/member\/wal: at offset/);
        }
      }),
      {numRuns: 150},
    );
  });

  test('a missing segment, and a snapshot that was never saved, are refused by name', () => {
    const {world} = written(1);
    const open = (index: number) => finish(world, (env) => Wal.open(env, options(4_096), {index, term: 1}));
    expect(() => open(5)).toThrow('no record of a snapshot at index 5');
    finish(world, function* (env) {
      const [, second] = (yield* env.disk.list(DIRECTORY)).filter((name) => name.endsWith('.wal'));
      yield* env.disk.remove(`${DIRECTORY}/${second}`);
    });
    expect(() => open(0)).toThrow('no unbroken row of segments from index 0 on');
  });

  test('a lost tail of a segment breaks the chain to the next one', () => {
    const world = new World({seed: 1});
    world.addMachine('m');
    const progress: Progress = {done: {entries: [], state: EMPTY}, begun: []};
    const saves = Array.from({length: 30}, () => ({count: 2, replaced: 0, size: 200, newTerm: false}));
    finish(world, (env) => writer(env, saves, 4_096, progress, {loseLastWriteOfSegment: true}));
    expect(() => finish(world, (env) => opened(env, 4_096))).toThrow('the segment does not follow the one before');
  });
});

test('snapshots are known once the commit index has reached them, and old segments are given up but the newest', () => {
  const world = new World({seed: 5});
  world.addMachine('m');
  const known = finish(world, function* (env) {
    const wal = yield* Wal.create(env, options(2_048), METADATA);
    for (let index = 1; index <= 20; index++) {
      yield* wal.save({term: 1, vote: NO_MEMBER, commit: index - 1}, [entryOf(index, 1, 400)]);
      if (index === 10) yield* wal.saveSnapshot({index: 10, term: 1});
      if (index === 20) yield* wal.saveSnapshot({index: 25, term: 1});
    }
    yield* wal.releaseTo(10);
    yield* wal.close();
    return yield* validSnapshots(env.disk, options(2_048));
  });
  expect(known.map(({index}) => index)).toEqual([0, 10]);
  const content = finish(world, (env) => Wal.open(env, options(2_048), {index: 10, term: 1})).content;
  expect(content.entries.map(({index}) => index)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
});

test('the bytes of a new segment are those of etcd: crc, metadata, empty snapshot', () => {
  const world = new World({seed: 1});
  world.addMachine('m');
  finish(world, (env) => Wal.create(env, options(4_096), METADATA));
  const bytes = world.machine('m').disk.peek(`${DIRECTORY}/0000000000000000-0000000000000000.wal`) ?? new Uint8Array(0);
  // As a real 3.5.16 writes them: 04000000…84 is a record of 4 bytes and 4 of padding.
  expect(hexOf(bytes.subarray(0, 16))).toBe('04000000000000840804100000000000');
  expect(hexOf(bytes.subarray(16, 24))).toBe('0e00000000000082');
  const decoder = new WalDecoder([{file: 'x', bytes, sizeBytes: bytes.length}]);
  const types = [];
  for (let record = decoder.next(); record !== undefined; record = decoder.next()) types.push(record.type);
  expect(types).toEqual([4, 1, 5]);
});
