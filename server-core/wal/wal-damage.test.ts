// Damage at any place of a WAL: refused with file, offset and reason, or what is read is what stood in it up to some record, with all
// records before the damaged place.
import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {hexOf} from '../../base/byte-string.ts';
import {encodeEntry, encodeHardState} from '../raftpb/codec.ts';
import type {Entry, HardState} from '../raftpb/types.ts';
import {EMPTY_HARD_STATE} from '../raftpb/types.ts';
import {WalDecoder} from './decoder.ts';
import type {WalContent} from './read-all.ts';
import {understandRecord} from './read-all.ts';
import {NO_SNAPSHOT} from './record.ts';
import {repairWal, validSnapshots} from './repair.ts';
import {runOn, testLogFiles, testOptions, testWorld} from './test-wal.ts';
import {Wal} from './wal.ts';
import {WalError} from './wal-error.ts';

const RELEASES = ['3.3.25', '3.4.23', '3.5.16', '3.6.0'] as const;
const LOGS = new Map(RELEASES.map((release) => [release, testLogFiles(release)]));

/** What a log says once its first records, so many, are read. */
interface Moment {
  readonly file: string;
  /** Where the record begins that is read next. */
  readonly offset: number;
  readonly told: string;
}

const tell = (entries: readonly Entry[], state: HardState): string =>
  `${entries.map((entry) => `${entry.index}:${hexOf(encodeEntry(entry)).slice(0, 24)}`).join(' ')} | ${hexOf(encodeHardState(state))}`;

function momentsOf(files: ReadonlyMap<string, Uint8Array>): Moment[] {
  const segments = [...files].map(([file, bytes]) => ({file, bytes, sizeBytes: bytes.length}));
  const decoder = new WalDecoder(segments);
  const entries: Entry[] = [];
  let state = EMPTY_HARD_STATE;
  const moments: Moment[] = [];
  for (let record = decoder.next(); record !== undefined; record = decoder.next()) {
    const {file, offset} = decoder.place;
    moments.push({file, offset, told: tell(entries, state)});
    const item = understandRecord(decoder, record);
    if (item.kind === 'state') state = item.hardState;
    if (item.kind !== 'entry') continue;
    entries.length = item.entry.index - 1;
    entries.push(item.entry);
  }
  const last = segments.at(-1);
  moments.push({file: last?.file ?? '', offset: decoder.lastOffset, told: tell(entries, state)});
  return moments;
}

const MOMENTS = new Map(RELEASES.map((release) => [release, momentsOf(LOGS.get(release) ?? new Map())]));

type Damage =
  | {readonly kind: 'xor'; readonly mask: number}
  | {readonly kind: 'zeros'; readonly count: number}
  | {readonly kind: 'noise'; readonly bytes: Uint8Array}
  | {readonly kind: 'cut'};

const damages: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({kind: fc.constant('xor' as const), mask: fc.integer({min: 1, max: 255})}),
  fc.record({kind: fc.constant('zeros' as const), count: fc.constantFrom(1, 8, 512, 4_096)}),
  fc.record({kind: fc.constant('noise' as const), bytes: fc.uint8Array({minLength: 2, maxLength: 600})}),
  fc.record({kind: fc.constant('cut' as const)}),
);

function damaged(bytes: Uint8Array, at: number, damage: Damage): Uint8Array {
  if (damage.kind === 'cut') return bytes.slice(0, at);
  const copy = bytes.slice();
  if (damage.kind === 'xor') copy[at] = (copy[at] ?? 0) ^ damage.mask;
  else if (damage.kind === 'zeros') copy.fill(0, at, at + damage.count);
  else copy.set(damage.bytes.subarray(0, copy.length - at), at);
  return copy;
}

/** Starts on those files as a member does: one repair of a torn end. */
function start(files: ReadonlyMap<string, Uint8Array>, release: string): WalContent {
  const world = testWorld();
  for (const [path, bytes] of files) world.machine('m').disk.importFile(path, bytes);
  const options = testOptions(6_000, release);
  return runOn(world, function* (env) {
    yield* validSnapshots(env.disk, options);
    for (let tries = 0; ; tries++) {
      try {
        return (yield* Wal.open(env, options, NO_SNAPSHOT)).content;
      } catch (error) {
        if (!(error instanceof WalError) || error.code !== 'unexpected-eof' || tries > 0) throw error;
        if (!(yield* repairWal(env.disk, options))) throw error;
      }
    }
  });
}

function check(release: (typeof RELEASES)[number], which: number, where: number, damage: Damage): 'refused' | 'read' {
  const files = LOGS.get(release) ?? new Map<string, Uint8Array>();
  const moments = MOMENTS.get(release) ?? [];
  const [path, bytes] = [...files][which % files.size] ?? ['', new Uint8Array(0)];
  const isLast = path === [...files.keys()].at(-1);
  const usedBytes = isLast ? (moments.at(-1)?.offset ?? 0) : bytes.length;
  const at = where % usedBytes;
  let content: WalContent;
  try {
    content = start(new Map([...files, [path, damaged(bytes, at, damage)]]), release);
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    expect(error.message).toMatch(/^\/etcd\/member\/wal.*: at offset \d+: .+/);
    return 'refused';
  }
  const told = tell(content.entries, content.hardState);
  // The last record that ends before the damaged place: everything up to it must have been read.
  const isWhole = (moment: Moment): boolean => moment.file < path || (moment.file === path && moment.offset <= at);
  const least = moments.findLastIndex(isWhole);
  const possible = moments.slice(isLast ? least : moments.length - 1).map((moment) => moment.told);
  expect(possible).toContain(told);
  return 'read';
}

describe.each(RELEASES)('a WAL of %s', (release) => {
  test('undamaged, all of it is read', () => {
    const moments = MOMENTS.get(release) ?? [];
    const content = start(LOGS.get(release) ?? new Map(), release);
    expect(tell(content.entries, content.hardState)).toBe(moments.at(-1)?.told);
    expect((LOGS.get(release) ?? new Map()).size).toBeGreaterThan(4);
    expect(content.entries.length).toBeGreaterThan(80);
  });

  test('damaged anywhere, it is refused by place and reason, or is what it was up to a record', () => {
    const seen = {refused: 0, read: 0};
    fc.assert(
      fc.property(fc.nat(), fc.nat(), damages, (which, where, damage) => {
        seen[check(release, which, where, damage)]++;
      }),
      {numRuns: 400, seed: 11},
    );
    expect(seen.refused).toBeGreaterThan(50);
    expect(seen.read).toBeGreaterThan(20);
  });
});

test('every single bit of the last segment', () => {
  const files = LOGS.get('3.5.16') ?? new Map<string, Uint8Array>();
  const moments = MOMENTS.get('3.5.16') ?? [];
  const usedBytes = moments.at(-1)?.offset ?? 0;
  const seen = {refused: 0, read: 0};
  for (let at = 0; at < usedBytes; at++) {
    if (at > 900 && at % 7 !== 0) continue; // all of the head and the first records, and a seventh of the rest
    seen[check('3.5.16', files.size - 1, at, {kind: 'xor', mask: 1 << (at % 8)})]++;
  }
  expect(seen.refused).toBeGreaterThan(100);
});
