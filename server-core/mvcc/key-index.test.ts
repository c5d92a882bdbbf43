// Generations of one key: what is seen at each revision, what compaction leaves, what a hash may count on.
import {describe, expect, test} from 'vitest';
import {InvariantError} from '../../base/assert.ts';
import type {KeyValue} from '../etcdserverpb/types.ts';
import {NO_LEASE} from '../etcdserverpb/types.ts';
import {KeyIndex} from './key-index.ts';
import {RevisionSet} from './revision.ts';

/** 'main.sub', with a t behind for a deletion; versions count from the creation. */
function build(story: string): KeyIndex {
  const index = new KeyIndex('k');
  let created = 0;
  let version = 0;
  for (const word of story.split(' ')) {
    const [main = 0, sub = 0] = word.split('.').map((part) => Number.parseInt(part, 10));
    if (word.endsWith('t')) {
      expect(index.tombstone({main, sub, kv: undefined, previous: undefined})).toBe(true);
      version = 0;
      continue;
    }
    if (version++ === 0) created = main;
    const kv: KeyValue = {key: 'k', createRevision: created, modRevision: main, version, value: '', lease: NO_LEASE};
    index.put({main, sub, kv, previous: undefined});
  }
  return index;
}

function members(set: RevisionSet): string[] {
  const found: string[] = [];
  for (let main = 0; main <= 30; main++)
    for (let sub = 0; sub < 4; sub++) if (set.has(main, sub)) found.push(`${main}.${sub}`);
  return found;
}

/** Three lives; the second change at 15 is the visible one. */
const STORY = '2.0 4.0 6.0t 8.0 10.0 12.0t 14.0 15.0 15.1 16.0t';

describe('what is seen', () => {
  const seen = (index: KeyIndex, at: number): string => {
    const revision = index.get(at);
    if (revision?.kv === undefined) return 'nothing';
    return `${revision.main}.${revision.sub} created ${revision.kv.createRevision} version ${revision.kv.version}`;
  };

  test.each([
    [17, 'nothing'],
    [16, 'nothing'],
    [15, '15.1 created 14 version 3'],
    [14, '14.0 created 14 version 1'],
    [13, 'nothing'],
    [12, 'nothing'],
    [11, '10.0 created 8 version 2'],
    [10, '10.0 created 8 version 2'],
    [9, '8.0 created 8 version 1'],
    [8, '8.0 created 8 version 1'],
    [7, 'nothing'],
    [6, 'nothing'],
    [5, '4.0 created 2 version 2'],
    [4, '4.0 created 2 version 2'],
  ])('at %i: %s, also when what is older was compacted', (at, want) => {
    const index = build(STORY);
    expect(seen(index, at)).toBe(want);
    index.compact(4, new RevisionSet());
    expect(seen(index, at)).toBe(want);
  });

  test.each([
    [3, '2.0 created 2 version 1', 'nothing'],
    [2, '2.0 created 2 version 1', 'nothing'],
    [1, 'nothing', 'nothing'],
  ])('at %i, which compacting to 4 takes away', (at, before, after) => {
    const index = build(STORY);
    expect(seen(index, at)).toBe(before);
    index.compact(4, new RevisionSet());
    expect(seen(index, at)).toBe(after);
  });

  test.each([
    [0, '2 4 6 8 10 12 14 15 16'],
    [4, '4 6 8 10 12 14 15 16'],
    [5, '6 8 10 12 14 15 16'],
    [12, '12 14 15 16'],
    [13, '14 15 16'],
    [15, '15 16'],
    [17, ''],
  ])('changes since %i', (since, want) => {
    const found = build(STORY).since(since);
    expect(found.map(({main}) => main).join(' ')).toBe(want);
    for (const {main, sub} of found) expect(sub).toBe(main === 15 ? 1 : 0);
  });
});

describe('changes', () => {
  test('a deletion ends a generation, a second one is refused, a put begins the next', () => {
    const index = build('5.0 7.0t');
    expect(index.describe()).toBe('{5.0 7.0t} {}');
    expect(index.tombstone({main: 8, sub: 0, kv: undefined, previous: undefined})).toBe(false);
    expect(index.describe()).toBe('{5.0 7.0t} {}');
    expect(build('5.0 7.0t 8.0 9.0 15.0t').describe()).toBe('{5.0 7.0t} {8.0 9.0 15.0t} {}');
  });

  test('a revision that is not newer is a bug', () => {
    expect(() => build('5.0 5.0')).toThrow(InvariantError);
    expect(() => build('5.1 5.0')).toThrow(InvariantError);
    expect(() => build('5.0 7.0t 7.0')).toThrow(InvariantError);
  });

  test('a deletion whose puts are gone shows nothing, takes new puts, and is forgotten by the next compaction', () => {
    const index = new KeyIndex('k');
    index.restoreTombstone({main: 16, sub: 0, kv: undefined, previous: undefined});
    for (let at = 15; at <= 20; at++) expect(index.get(at)).toBeUndefined();
    const available = new RevisionSet();
    index.compact(16, available);
    expect(members(available)).toEqual(['16.0']);
    for (const main of [17, 18]) {
      const kv = {key: 'k', createRevision: 17, modRevision: main, version: main - 16, value: '', lease: NO_LEASE};
      index.put({main, sub: 0, kv, previous: undefined});
    }
    expect(index.since(16).map(({main}) => main)).toEqual([16, 17, 18]);
    index.compact(17, new RevisionSet());
    expect(index.describe()).toBe('{17.0 18.0}');
  });
});

describe('compaction', () => {
  const whole = '{2.0 4.0 6.0t} {8.0 10.0 12.0t} {14.0 15.0 15.1 16.0t} {}';
  test.each([
    // at, generations left, kept by compaction, counted by a hash
    [1, whole, '', ''],
    [2, whole, '2.0', '2.0'],
    [3, whole, '2.0', '2.0'],
    [4, '{4.0 6.0t} {8.0 10.0 12.0t} {14.0 15.0 15.1 16.0t} {}', '4.0', '4.0'],
    [5, '{4.0 6.0t} {8.0 10.0 12.0t} {14.0 15.0 15.1 16.0t} {}', '4.0', '4.0'],
    [6, '{6.0t} {8.0 10.0 12.0t} {14.0 15.0 15.1 16.0t} {}', '6.0', ''],
    [7, '{8.0 10.0 12.0t} {14.0 15.0 15.1 16.0t} {}', '', ''],
    [8, '{8.0 10.0 12.0t} {14.0 15.0 15.1 16.0t} {}', '8.0', '8.0'],
    [9, '{8.0 10.0 12.0t} {14.0 15.0 15.1 16.0t} {}', '8.0', '8.0'],
    [10, '{10.0 12.0t} {14.0 15.0 15.1 16.0t} {}', '10.0', '10.0'],
    [11, '{10.0 12.0t} {14.0 15.0 15.1 16.0t} {}', '10.0', '10.0'],
    [12, '{12.0t} {14.0 15.0 15.1 16.0t} {}', '12.0', ''],
    [13, '{14.0 15.0 15.1 16.0t} {}', '', ''],
    [14, '{14.0 15.0 15.1 16.0t} {}', '14.0', '14.0'],
    [15, '{15.1 16.0t} {}', '15.1', '15.1'],
    [16, '{16.0t} {}', '16.0', ''],
    [17, '{}', '', ''],
  ])('at %i', (at, left, kept, counted) => {
    const index = build(STORY);
    const keep = new RevisionSet();
    index.keep(at, keep);
    expect(members(keep).join(' ')).toBe(counted);
    expect(index.describe()).toBe(whole);
    const available = new RevisionSet();
    index.compact(at, available);
    expect(index.describe()).toBe(left);
    expect(members(available).join(' ')).toBe(kept);
    expect(index.isEmpty()).toBe(at === 17);
    // In one go or in steps: the same is left.
    const stepwise = build(STORY);
    for (let step = 1; step <= at; step++) if (!stepwise.isEmpty()) stepwise.compact(step, new RevisionSet());
    expect(stepwise.describe()).toBe(left);
  });

  test('a live key keeps its newest change for ever', () => {
    const index = build('2.0 3.0');
    index.compact(50, new RevisionSet());
    expect(index.describe()).toBe('{3.0}');
    expect(index.get(60)?.main).toBe(3);
  });

  test('two generations that meet in one transaction: the older one is taken, as in etcd', () => {
    const index = build('1.0 5.0t 5.1');
    expect(index.get(5)?.sub).toBe(1);
    expect(index.get(4)?.main).toBe(1);
    expect(index.since(5).map(({sub}) => sub)).toEqual([1]);
    const available = new RevisionSet();
    index.compact(5, available);
    expect(members(available)).toEqual(['5.0']);
  });
});
