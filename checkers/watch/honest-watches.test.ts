// Watches of a correct cluster give no finding, however members lag, streams break, answers are cut and compactions overtake readers.
import {expect, test} from 'vitest';
import {watchLogSchema} from '../../history/watch-log.ts';
import {checkWatches} from './check-watches.ts';
import {randomWatches, WATCH_HISTORY} from './testing/random-watches.ts';

const histories = Array.from({length: 400}, (_, seed) => randomWatches({...WATCH_HISTORY, seed}));

test('with the order of writes', () => {
  for (const {watches, truth, rest} of histories) expect(checkWatches(watches, truth, {rest})).toEqual([]);
});

test('without knowing compactions', () => {
  for (const {watches, truth} of histories)
    expect(checkWatches(watches, {...truth, compactions: undefined})).toEqual([]);
});

test('with nothing but the watches themselves', () => {
  for (const {watches, rest} of histories) expect(checkWatches(watches, undefined, {rest})).toEqual([]);
});

test('they are varied enough to say something', () => {
  const seen = new Set<string>();
  let eventCount = 0;
  for (const {watches} of histories) {
    for (const {entries, request} of watches) {
      for (const entry of entries) {
        seen.add(entry.kind);
        if (entry.kind !== 'events') continue;
        eventCount += entry.events.length;
        if (entry.fragment === true) seen.add('fragment');
        for (const {type, prevKv} of entry.events) {
          seen.add(type);
          if (prevKv !== undefined) seen.add('prev-kv');
        }
      }
      if ((request.startRevision ?? 0) > 0) seen.add('start');
    }
  }
  expect([...seen].sort()).toEqual(
    [
      'cancelled',
      'compacted',
      'created',
      'delete',
      'events',
      'fragment',
      'prev-kv',
      'progress',
      'put',
      'resumed',
      'start',
    ].sort(),
  );
  expect(eventCount).toBeGreaterThan(10_000);
});

test('the record of a watch is read back equal', () => {
  for (const {watches} of histories.slice(0, 20)) {
    for (const watch of watches) expect(watchLogSchema.parse(JSON.parse(JSON.stringify(watch)))).toEqual(watch);
  }
});
