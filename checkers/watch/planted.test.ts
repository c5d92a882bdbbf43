// Every watch guarantee can be broken, and is then named: small histories with one planted violation each, the same one beside them
// without it, and lies planted in random honest histories.
import {describe, expect, test} from 'vitest';
import {Random} from '../../base/random.ts';
import type {KeyValue, KvStep} from '../../history/operation.ts';
import type {WatchLog, WatchLogEntry, WatchLogEvent, WatchLogRequest} from '../../history/watch-log.ts';
import {checkWatches} from './check-watches.ts';
import {type PersistedWrites, persistedFromSteps} from './persisted-writes.ts';
import {randomWatches, WATCH_HISTORY, type WatchHistory} from './testing/random-watches.ts';

const put = (key: string, value: string): KvStep => ({kind: 'put', key, value});
const del = (key: string): KvStep => ({kind: 'delete-range', key});
const both = (...success: KvStep[]): KvStep => ({kind: 'txn', compare: [], success, failure: []});

/** 2: a=1, 3: b=1, 4: a=2, 5: a=3 and b=2, 6: delete a, 7: a=4, 8: b=3. */
const STEPS = [
  put('a', '1'),
  put('b', '1'),
  put('a', '2'),
  both(put('a', '3'), put('b', '2')),
  del('a'),
  put('a', '4'),
  put('b', '3'),
];

function truthWith(compactions?: readonly number[]): PersistedWrites {
  const truth = persistedFromSteps(STEPS, {compactions});
  if (truth === undefined) throw new Error('the steps can be carried out');
  return truth;
}

const e = (
  key: string,
  value: string,
  modRevision: number,
  createRevision: number,
  version: number,
): WatchLogEvent => ({
  type: 'put',
  key,
  value,
  modRevision,
  createRevision,
  version,
});
const gone = (key: string, modRevision: number): WatchLogEvent => ({...e(key, '', modRevision, 0, 0), type: 'delete'});
const a2 = e('a', '1', 2, 2, 1);
const b3 = e('b', '1', 3, 3, 1);
const a4 = e('a', '2', 4, 2, 2);
const a5 = e('a', '3', 5, 2, 3);
const b5 = e('b', '2', 5, 3, 2);
const a6 = gone('a', 6);
const a7 = e('a', '4', 7, 7, 1);
const b8 = e('b', '3', 8, 3, 3);
const pairOf = ({key, value, createRevision, modRevision, version}: WatchLogEvent): KeyValue => ({
  key,
  value,
  createRevision,
  modRevision,
  version,
});

type Told = readonly WatchLogEvent[] | number | ((atUs: number) => WatchLogEntry);

/** A log: lists are answers with those events, numbers progress notifications. */
function log(request: Partial<WatchLogRequest>, ...told: readonly Told[]): WatchLog {
  const entries = told.map((what, i): WatchLogEntry => {
    const atUs = (i + 1) * 1000;
    if (typeof what === 'function') return what(atUs);
    if (typeof what === 'number') return {kind: 'progress', atUs, revision: what};
    return {kind: 'events', atUs, revision: 8, events: what};
  });
  return {id: 0, client: 0, request: {key: 'a', rangeEnd: 'c', startRevision: 2, ...request}, openedUs: 0, entries};
}

const resumed =
  (startRevision: number) =>
  (atUs: number): WatchLogEntry => ({kind: 'resumed', atUs, startRevision, endpoint: 'm1'});
const created =
  (revision: number) =>
  (atUs: number): WatchLogEntry => ({kind: 'created', atUs, revision});
const compacted =
  (compactRevision: number) =>
  (atUs: number): WatchLogEntry => ({kind: 'compacted', atUs, revision: 8, compactRevision});
const cancelled = (atUs: number): WatchLogEntry => ({kind: 'cancelled', atUs, reason: 'given up'});
const fragment =
  (...events: readonly WatchLogEvent[]) =>
  (atUs: number): WatchLogEntry => ({kind: 'events', atUs, revision: 8, events, fragment: true});

const checksOf = (watches: readonly WatchLog[], truth: PersistedWrites | undefined, deliveredThrough?: number) => {
  const rest = deliveredThrough === undefined ? undefined : {deliveredThrough, atUs: 99_000};
  return checkWatches(watches, truth, {rest}).map(({check}) => check.slice('watch-'.length));
};

const A = {rangeEnd: ''};

interface Case {
  readonly name: string;
  readonly log: WatchLog;
  /** What is found with the order of writes. */
  readonly want: readonly string[];
  /** What is found without; absent: the same. */
  readonly alone?: readonly string[];
  readonly compactions?: readonly number[];
  readonly rest?: number;
}

const HONEST: readonly Case[] = [
  {name: 'all in one answer', log: log({}, [a2, b3, a4, a5, b5, a6, a7, b8]), want: []},
  {name: 'a revision keeps its own order of keys', log: log({}, [a2, b3], [a4], [b5, a5], [a6], [a7, b8]), want: []},
  {name: 'one key', log: log(A, [a2, a4], [a5, a6], 6, [a7], 8), want: []},
  {name: 'from the middle', log: log({startRevision: 4}, [a4, a5, b5], 5, [a6, a7, b8]), want: []},
  {name: 'from now on', log: log({startRevision: 0}, created(5), [a6, a7]), want: []},
  {
    name: 'from now on, told what came while it was created',
    log: log({startRevision: 0}, created(5), [a5, b5], [a6, a7]),
    want: [],
  },
  {name: 'from now on, created not recorded', log: log({startRevision: 0}, [a6], [a7, b8]), want: []},
  {name: 'without puts', log: log({filters: ['no-put']}, [a6], 8), want: []},
  {name: 'without deletes', log: log({filters: ['no-delete']}, [a2, b3, a4, a5, b5, a7, b8]), want: []},
  {name: 'resumed behind the last event', log: log({}, [a2, b3, a4], resumed(5), [a5, b5, a6, a7, b8]), want: []},
  {name: 'resumed behind a bookmark', log: log({}, [a2, b3, a4, a5, b5], 5, resumed(6), [a6, a7, b8]), want: []},
  {
    name: 'asked for again from its bookmark, it is told that revision again',
    log: log({}, [a2, b3, a4, a5, b5], 5, resumed(5), [a5, b5, a6]),
    want: [],
  },
  {
    name: 'fragments cut a revision',
    log: log({fragment: true}, [a2, b3, a4], fragment(a5), [b5, a6, a7, b8]),
    want: [],
  },
  {
    name: 'fragments that broke off come again',
    log: log({fragment: true}, [a2, b3, a4], fragment(a5), resumed(5), [a5, b5, a6]),
    want: [],
  },
  {name: 'compacted before it began', log: log({}, compacted(6)), want: [], compactions: [6]},
  {name: 'compacted behind', log: log({}, [a2, b3], compacted(6)), want: [], compactions: [6]},
  {
    name: 'at its start exactly compacted',
    log: log({startRevision: 6}, [a6, a7, b8]),
    want: [],
    compactions: [6],
    rest: 8,
  },
  {name: 'future start', log: log({startRevision: 20}), want: [], rest: 8},
  {name: 'a bookmark right before the start', log: log({startRevision: 9}, 8), want: [], rest: 8},
  {
    name: 'previous pairs',
    log: log({prevKv: true, rangeEnd: ''}, [
      a2,
      {...a4, prevKv: pairOf(a2)},
      {...a5, prevKv: pairOf(a4)},
      {...a6, prevKv: pairOf(a5)},
      a7,
    ]),
    want: [],
    compactions: [],
  },
  {
    name: 'a previous pair that was compacted',
    log: log({prevKv: true, rangeEnd: ''}, [a2, a4]),
    want: [],
    compactions: [4],
  },
  {name: 'given up before the rest', log: log({}, [a2, b3], cancelled), want: [], rest: 8},
];

const PLANTED: readonly Case[] = [
  {name: 'a step back', log: log({}, [a2, a4], [b3], [a5, b5]), want: ['ordered']},
  {name: 'a step back within an answer', log: log({}, [b3, a2], [a4]), want: ['ordered']},
  {
    name: 'replay after a snapshot (#15271)',
    log: log(A, [a2], [a4], [a5], [a2], [a4, a5, a6]),
    want: ['ordered', 'unique'],
  },
  {name: 'an event twice in an answer', log: log(A, [a2, a2, a4]), want: ['unique']},
  {name: 'an event twice in two answers', log: log(A, [a2], [a2, a4]), want: ['unique']},
  {name: 'a revision cut in two', log: log({}, [a2, b3, a4, a5], [b5, a6]), want: ['atomic']},
  {name: 'half a revision', log: log({}, [a2, b3, a4, a5], [a6]), want: ['atomic'], alone: []},
  {name: 'a fragment nobody asked for', log: log({}, fragment(a2), [b3]), want: ['atomic']},
  {name: 'an event left out', log: log(A, [a2], [a5]), want: ['reliable']},
  {name: 'a delete left out', log: log(A, [a2, a4, a5], [a7]), want: ['reliable']},
  {name: 'an event left out within an answer', log: log(A, [a2, a5]), want: ['reliable']},
  {name: 'an event of another key left out', log: log({}, [a2, a4, a5, b5]), want: ['reliable'], alone: []},
  {
    name: 'from now on, and yet not all',
    log: log({startRevision: 0}, created(3), [a5, b5]),
    want: ['reliable'],
    alone: [],
  },
  {name: 'not from its start', log: log({startRevision: 3}, [a4, a5, b5]), want: ['resumable'], alone: []},
  {
    name: 'not from where it was resumed',
    log: log(A, [a2], resumed(3), [a5]),
    want: ['resumable'],
    alone: ['reliable'],
  },
  {name: 'resumed too late', log: log(A, [a2], resumed(5), [a5]), want: ['resumable'], alone: ['reliable']},
  {name: 'an answer without events, which is a bookmark', log: log(A, [a2, a4], []), want: ['bookmarkable'], alone: []},
  {name: 'a bookmark past what was told', log: log(A, [a2], 4, 8), want: ['bookmarkable'], alone: []},
  {name: 'a bookmark, then something before it', log: log(A, [a2], 4, [a4]), want: ['bookmarkable']},
  {name: 'a bookmark that goes back', log: log(A, [a2, a4], 5, 4), want: ['bookmarkable'], alone: ['bookmarkable']},
  {name: 'a bookmark behind an event', log: log(A, [a2, a4], 3), want: ['bookmarkable']},
  {name: 'a bookmark below the start (#20221)', log: log({startRevision: 124}, 8), want: ['bookmarkable']},
  {name: 'a key not asked for', log: log(A, [a2, b3, a4]), want: ['filter']},
  {name: 'a kind filtered away', log: log({filters: ['no-delete'], rangeEnd: ''}, [a2, a4, a5, a6]), want: ['filter']},
  {
    name: 'events before a future start (#20221)',
    log: log({startRevision: 7}, [a6], [a7, b8]),
    want: ['start-revision'],
  },
  {name: 'events before where it was resumed', log: log(A, [a2, a4], resumed(5), [a4, a5]), want: ['start-revision']},
  {
    name: 'silence where it was compacted (#17529)',
    log: log(A, [a2], [a7]),
    want: ['compaction'],
    alone: ['reliable'],
    compactions: [7],
  },
  {
    name: 'silence where its start was compacted',
    log: log(A, created(8), [a7]),
    want: ['compaction'],
    alone: [],
    compactions: [7],
  },
  {
    name: 'silence to the end where it was compacted',
    log: log(A, created(5)),
    want: ['compaction'],
    alone: [],
    compactions: [8],
    rest: 8,
  },
  {
    name: 'compacted, though nothing it needed was',
    log: log(A, [a2, a4, a5], compacted(6)),
    want: ['compaction'],
    compactions: [6],
  },
  {
    name: 'a create said to be a change',
    log: log(A, [a2, a4, a5, a6, {...a7, createRevision: 2, version: 4}]),
    want: ['is-create'],
  },
  {
    name: 'a change said to be a create',
    log: log(A, [a2, {...a4, createRevision: 4, version: 1}]),
    want: ['is-create'],
    alone: ['reliable'],
  },
  {
    name: 'create revision without version 1',
    log: log(A, [{...a2, version: 3}]),
    want: ['content'],
    alone: ['is-create'],
  },
  {
    name: 'the wrong previous pair',
    log: log({...A, prevKv: true}, [a2, {...a4, prevKv: pairOf(a2)}, {...a5, prevKv: {...pairOf(a4), value: 'x'}}]),
    want: ['prev-kv'],
  },
  {
    name: 'a previous pair of a new key',
    log: log({...A, prevKv: true, startRevision: 7}, [{...a7, prevKv: pairOf(a5)}]),
    want: ['prev-kv'],
  },
  {name: 'no previous pair', log: log({...A, prevKv: true}, [a2, a4]), want: ['prev-kv'], alone: [], compactions: []},
  {name: 'a previous pair nobody asked for', log: log(A, [a2, {...a4, prevKv: pairOf(a2)}]), want: ['prev-kv']},
  {name: 'another value', log: log(A, [a2, {...a4, value: '9'}]), want: ['content'], alone: []},
  {
    name: 'a change that was none',
    log: log(A, [a2, {...a2, modRevision: 3, version: 2}, {...a4, version: 3}]),
    want: ['content'],
    alone: [],
  },
  {
    name: 'a revision that never was',
    log: log(A, [a2, a4, a5, a6, a7, e('a', '5', 12, 7, 2)]),
    want: ['content'],
    alone: [],
  },
  {name: 'another version', log: log(A, [a2, {...a4, version: 5}]), want: ['content'], alone: ['reliable']},
  {name: 'a delete with a value', log: log(A, [a2, a4, a5, {...a6, value: 'x'}]), want: ['content']},
  {name: 'something behind the end', log: log(A, [a2], cancelled, [a4]), want: ['end']},
  {
    name: 'silence at rest (#18089)',
    log: log({...A, startRevision: 6}, created(8)),
    want: ['delivery'],
    alone: [],
    rest: 6,
    compactions: [6],
  },
  {name: 'the last event never told', log: log(A, [a2, a4, a5, a6]), want: ['delivery'], alone: [], rest: 8},
];

describe.each([...HONEST, ...PLANTED])('$name', ({log: watch, want, alone = want, compactions, rest}) => {
  test('with the order of writes', () => {
    expect(checksOf([watch], truthWith(compactions), rest)).toEqual(want);
  });
  test('alone', () => {
    expect(checksOf([watch], undefined, rest)).toEqual(alone);
  });
});

describe('several watches, without the order of writes', () => {
  const other = (watch: WatchLog, id: number): WatchLog => ({...watch, id, client: id});

  test('what one was told another may not miss', () => {
    const whole = log(A, [a2, a4, a5, a6, a7]);
    expect(checksOf([whole, other(log({}, [a2, b3, a4, a5, b5, a7, b8]), 1)], undefined)).toEqual(['reliable']);
    expect(checksOf([whole, other(log({...A, startRevision: 4}, [a5]), 1)], undefined)).toEqual(['resumable']);
    expect(checksOf([whole, other(log({...A, startRevision: 6}), 1)], undefined, 7)).toEqual(['delivery']);
    expect(checksOf([whole, other(log({startRevision: 5}, [b5], [b8]), 1)], undefined)).toContain('atomic');
  });

  test.each([
    ['a value', {...a4, value: '9'}],
    ['a kind', gone('a', 4)],
    ['a version', {...a4, createRevision: 4, version: 1}],
    ['a lease', {...a4, lease: '000000000000000b'}],
  ])('two do not disagree about %s', (_what, event) => {
    const first = log(A, [{...a4, lease: '000000000000000a'}]);
    const second = other(log({...A, startRevision: 4}, [{lease: '000000000000000a', ...event}]), 1);
    expect(checksOf([{...first, request: second.request}, second], undefined)).toEqual(['agreement']);
  });
});

describe('findings', () => {
  test('tell what was seen, where and when, once for each watch and guarantee', () => {
    const watch = log(A, [a2], resumed(3), [a2], [a2]);
    const [finding] = checkWatches([watch], truthWith()).filter(({check}) => check === 'watch-start-revision');
    expect(finding).toEqual({
      check: 'watch-start-revision',
      kind: 'violation',
      message:
        'start-revision: watch 0 of client 0 (key a, from 2) had asked for 3 and later and was told put a=1 at 2 at m1 (resumed once), at 0.003000 s; and so 1 more',
      atUs: 3000,
    });
  });
});

/** A lie in one answer, or undefined where the drawn one does not apply. */
function corrupt({watches}: WatchHistory, random: Random): WatchLog[] | undefined {
  const watch = random.pick(watches);
  const places = watch.entries.flatMap(({kind}, i) => (kind === 'events' ? [i] : []));
  if (places.length === 0) return undefined;
  const place = random.pick(places);
  const entry = watch.entries[place];
  if (entry?.kind !== 'events' || entry.fragment === true) return undefined;
  const at = random.below(entry.events.length);
  const event = entry.events[at] as WatchLogEvent;
  const change = (to: readonly WatchLogEvent[]): WatchLog[] => {
    const entries = watch.entries.map((other, i) => (i === place ? {...entry, events: to} : other));
    return watches.map((other) => (other === watch ? {...watch, entries} : other));
  };
  const instead = (lie: WatchLogEvent) => change(entry.events.map((other, i) => (i === at ? lie : other)));
  switch (random.below(6)) {
    case 0:
      // What nobody was told before the end of a watch may as well have come too late for it.
      if (place === places.at(-1) && watch.closedUs !== undefined) return undefined;
      return change(entry.events.filter((_, i) => i !== at));
    case 1:
      return change([...entry.events, event]);
    case 2:
      return instead({...event, value: `${event.value}!`});
    case 3:
      return instead({...event, version: event.version + 1});
    case 4:
      return instead({...event, modRevision: event.modRevision + 1});
    default:
      return instead({...event, type: event.type === 'put' ? 'delete' : 'put'});
  }
}

test('every lie in a random history is found', () => {
  let lies = 0;
  for (let seed = 0; seed < 600; seed++) {
    const history = randomWatches({...WATCH_HISTORY, seed: `lie${seed}`, writeCount: 30, watchCount: 3});
    const watches = corrupt(history, Random.fromSeed(seed).stream('lie'));
    if (watches === undefined) continue;
    lies++;
    const findings = checkWatches(watches, history.truth, {rest: history.rest});
    expect(findings.length, `seed ${seed}`).toBeGreaterThan(0);
  }
  expect(lies).toBeGreaterThan(250);
});
