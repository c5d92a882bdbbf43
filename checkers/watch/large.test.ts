// 100,000 events are judged in well under a second: here in work that grows with their number and not with its square.
import {expect, test} from 'vitest';
import type {WatchLog, WatchLogEntry, WatchLogEvent} from '../../history/watch-log.ts';
import {checkWatches} from './check-watches.ts';
import type {PersistedRevision, PersistedWrites} from './persisted-writes.ts';

const KEY_COUNT = 100;

function writes(count: number): PersistedWrites {
  const versions = Array.from({length: KEY_COUNT}, () => ({createRevision: 0, version: 0}));
  const revisions = Array.from({length: count}, (_, i): PersistedRevision => {
    const revision = i + 2;
    const key = `k${i % KEY_COUNT}`;
    const state = versions[i % KEY_COUNT] as {createRevision: number; version: number};
    if (state.version++ === 0) state.createRevision = revision;
    const {createRevision, version} = state;
    return {revision, changes: [{key, kv: {key, value: `v${i}`, modRevision: revision, createRevision, version}}]};
  });
  return {baseRevision: 1, initial: [], revisions, compactions: []};
}

/** Watches of everything, told in answers of ten; and one of each key, told one by one. */
function watchesOf(truth: PersistedWrites, wholeCount: number): WatchLog[] {
  const events = truth.revisions.flatMap(({changes}) =>
    changes.map(
      ({kv}): WatchLogEvent => ({
        type: 'put',
        key: '',
        value: '',
        modRevision: 0,
        createRevision: 0,
        version: 0,
        ...kv,
      }),
    ),
  );
  const answer = (list: readonly WatchLogEvent[], i: number): WatchLogEntry => ({
    kind: 'events',
    atUs: i,
    revision: list.at(-1)?.modRevision ?? 0,
    events: list,
  });
  const tens = Array.from({length: Math.ceil(events.length / 10)}, (_, i) =>
    answer(events.slice(i * 10, i * 10 + 10), i),
  );
  const common = {client: 0, openedUs: 0};
  const whole = Array.from({length: wholeCount}, (_, id): WatchLog => {
    return {...common, id, request: {key: 'k', rangeEnd: 'l', startRevision: 2}, entries: tens};
  });
  const single = Array.from({length: KEY_COUNT}, (_, i): WatchLog => {
    const key = `k${i}`;
    const own = events.filter((event) => event.key === key).map((event, at) => answer([event], at));
    return {...common, id: wholeCount + i, request: {key, startRevision: 2}, entries: own};
  });
  return [...whole, ...single];
}

test('100,000 events told, with and without the order of writes', () => {
  const truth = writes(25_000);
  const watches = watchesOf(truth, 3);
  expect(checkWatches(watches, truth)).toEqual([]);
  expect(checkWatches(watches, undefined)).toEqual([]);
});

test('thousands of missing events are as cheap', () => {
  const truth = writes(25_000);
  const watches = watchesOf(truth, 3).map((watch) => ({
    ...watch,
    entries: watch.entries.filter((_, i) => i % 7 !== 3),
  }));
  const findings = checkWatches(watches, truth);
  expect(findings.length).toBe(100);
  expect(new Set(findings.map(({check}) => check))).toEqual(new Set(['watch-reliable']));
});
