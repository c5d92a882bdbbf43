// What a watch promises, against a plain list of all that was ever changed: random writes, compactions, snapshots, watches,
// slow readers and progress requests on streams so small that every group is visited all the time.
import fc from 'fast-check';
import {afterAll, expect, test} from 'vitest';
import {must} from '../../base/assert.ts';
import {deleteRangeRequest, putRequest} from '../etcdserverpb/types.ts';
import type {WatchCreateRequest, WatchResponse} from '../etcdserverpb/watch-messages.ts';
import {MvccStore} from '../mvcc/store.ts';
import type {WatchBehaviours} from './behaviours.ts';
import {GRPC_OVERHEAD_BYTES} from './fragments.ts';
import type {TestClient} from './test-lab.ts';
import {describe, WatchLab} from './test-lab.ts';

interface Change {
  readonly revision: number;
  readonly type: 'put' | 'delete';
  readonly key: string;
  readonly value: string;
  /** The value and revision before, if the key was there. */
  readonly before: {readonly value: string; readonly revision: number} | undefined;
}

/** Everything that was ever changed, in order. */
class Plain {
  readonly changes: Change[] = [];
  compactRevision = -1;
  revision = 1;
  private readonly pairs = new Map<string, {readonly value: string; readonly revision: number}>();

  put(keys: readonly string[], value: string): void {
    this.revision++;
    for (const key of keys) this.add('put', key, value);
  }

  delete(from: string, end: string): void {
    const keys = [...this.pairs.keys()].filter((key) => inRange(key, from, end)).toSorted();
    if (keys.length > 0) this.revision++;
    for (const key of keys) this.add('delete', key, '');
  }

  private add(type: Change['type'], key: string, value: string): void {
    const {revision} = this;
    this.changes.push({revision, type, key, value, before: this.pairs.get(key)});
    if (type === 'put') this.pairs.set(key, {value, revision});
    else this.pairs.delete(key);
  }
}

function inRange(key: string, from: string, end: string): boolean {
  if (end === '') return key === from;
  return key >= from && (end === '\0' || key < end);
}

const KEYS = ['a', 'ab', 'b', 'c'];
const STREAMS = 3;
const keys = fc.constantFrom(...KEYS);
const streams = fc.nat(STREAMS - 1);
const commands = fc.oneof(
  {weight: 8, arbitrary: fc.record({do: fc.constant('put' as const), key: keys})},
  {weight: 2, arbitrary: fc.record({do: fc.constant('put-all' as const), keys: fc.subarray(KEYS, {minLength: 2})})},
  {
    weight: 3,
    arbitrary: fc.record({do: fc.constant('delete' as const), key: keys, end: fc.constantFrom('', 'b', '\0')}),
  },
  {weight: 1, arbitrary: fc.record({do: fc.constant('compact' as const), back: fc.nat(6)})},
  {weight: 1, arbitrary: fc.record({do: fc.constant('snapshot' as const), writes: fc.nat(6)})},
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('create' as const),
      stream: streams,
      key: keys,
      rangeEnd: fc.constantFrom('', 'b', '\0', 'd'),
      /** 0 from now, otherwise so many revisions back from ten in the future. */
      back: fc.oneof(fc.constant(0), fc.integer({min: 1, max: 40})),
      filter: fc.constantFrom<WatchCreateRequest['filters']>([], [], [], ['no-put'], ['no-delete']),
      prevKv: fc.boolean(),
      fragment: fc.boolean(),
    }),
  },
  {weight: 1, arbitrary: fc.record({do: fc.constant('cancel' as const), stream: streams, id: fc.nat(4)})},
  {weight: 2, arbitrary: fc.record({do: fc.constant('progress' as const), stream: streams})},
  {weight: 3, arbitrary: fc.record({do: fc.constantFrom('stop' as const, 'read' as const), stream: streams})},
  {weight: 5, arbitrary: fc.record({do: fc.constant('wait' as const), ms: fc.constantFrom(0, 0, 1, 15, 60, 120)})},
);
type Command = typeof commands extends fc.Arbitrary<infer T> ? T : never;

/** How often the runs got where something can go wrong. */
const reached = {victims: 0, compacted: 0, snapshots: 0, fragments: 0, progress: 0, future: 0, batches: 0};

class Run {
  readonly lab: WatchLab;
  readonly plain = new Plain();
  readonly clients: readonly TestClient[];
  readonly asked: WatchCreateRequest[][] = Array.from({length: STREAMS}, () => []);
  /** By progress request: how many creations the client had heard of. */
  readonly known: number[][] = Array.from({length: STREAMS}, () => []);
  private valueCount = 0;

  constructor(release: string, seed: number, behaviours: Partial<WatchBehaviours> = {}) {
    // Room for three responses and 300 bytes a message.
    this.lab = new WatchLab({
      release,
      seed,
      behaviours: {streamCapacity: 3, ...behaviours},
      maxRequestBytes: 300 - GRPC_OVERHEAD_BYTES,
    });
    this.clients = this.asked.map(() => this.lab.client(1));
  }

  do(command: Command): void {
    const {lab, plain} = this;
    switch (command.do) {
      case 'put':
        return this.write((store) => store.applyPut(putRequest(command.key, this.nextValue())), [command.key]);
      case 'put-all':
        plain.put(command.keys, this.nextValue());
        return lab.putAll(command.keys, `v${this.valueCount}`);
      case 'delete':
        plain.delete(command.key, command.end);
        return lab.delete(command.key, command.end);
      case 'compact':
        return this.compact(plain.revision - command.back);
      case 'snapshot':
        return this.snapshot(command.writes);
      case 'create':
        return this.create(command);
      case 'cancel':
        return this.client(command.stream).cancel(command.id);
      case 'progress':
        this.known[command.stream]?.push(this.client(command.stream).responses.filter(({created}) => created).length);
        return this.client(command.stream).progress();
      case 'stop':
        return this.client(command.stream).stopReading();
      case 'read':
        return this.client(command.stream).read();
      case 'wait':
        reached.victims += lab.watchable.counts.slowWatchers > 0 ? 1 : 0;
        return lab.wait(command.ms);
    }
  }

  private client(stream: number): TestClient {
    return must(this.clients[stream], 'no such stream');
  }

  private nextValue(): string {
    return `v${++this.valueCount}`;
  }

  private write(apply: (store: MvccStore) => void, keysPut: readonly string[]): void {
    apply(this.lab.store);
    this.plain.put(keysPut, `v${this.valueCount}`);
  }

  private compact(revision: number): void {
    if (revision <= this.plain.compactRevision) return;
    this.plain.compactRevision = revision;
    this.lab.compact(revision);
  }

  /** Another member writes, deletes and compacts, and this one gets it all at once. */
  private snapshot(writes: number): void {
    const {lab, plain} = this;
    const batch = lab.batch.copy();
    const leader = MvccStore.open(batch);
    for (let i = 0; i < writes; i++) {
      const key = must(KEYS[i % KEYS.length], 'no key');
      leader.applyPut(putRequest(key, this.nextValue()));
      plain.put([key], `v${this.valueCount}`);
    }
    if (writes > 4) {
      leader.applyDeleteRange(deleteRangeRequest('a', {rangeEnd: 'b'}));
      plain.delete('a', 'b');
    }
    reached.snapshots++;
    lab.receiveSnapshot(batch);
  }

  private create(command: Extract<Command, {do: 'create'}>): void {
    const {stream, key, rangeEnd, back, prevKv, fragment, filter: filters} = command;
    if (rangeEnd !== '' && rangeEnd !== '\0' && key >= rangeEnd) return;
    const startRevision = back === 0 ? 0 : Math.max(1, this.plain.revision + 10 - back);
    reached.future += startRevision > this.plain.revision ? 1 : 0;
    const given = {rangeEnd, startRevision, prevKv, fragment, filters, progressNotify: false, watchId: 0};
    this.client(stream).create(key, given);
    this.asked[stream]?.push({key, ...given});
  }

  /** Everybody reads, and all that is under way arrives. */
  finish(): void {
    for (const client of this.clients) client.read();
    this.lab.wait(2_000);
  }
}

/** What a watch heard, and what it ought to have heard. */
function checkWatch(plain: Plain, asked: WatchCreateRequest, responses: readonly WatchResponse[]): void {
  const created = must(responses[0], 'no answer to a create');
  expect([created.created, created.canceled]).toEqual([true, false]);
  const from = asked.startRevision === 0 ? (created.header?.revision ?? 0) + 1 : asked.startRevision;
  const expected = plain.changes.filter(
    ({revision, type, key}) =>
      revision >= from && inRange(key, asked.key, asked.rangeEnd) && !asked.filters.includes(`no-${type}`),
  );
  const heard = responses.flatMap(({events}) => events);
  const isOver = responses.some(({canceled}) => canceled);
  const isCancelled = responses.some(({canceled, compactRevision}) => canceled && compactRevision === 0);
  if (!isOver) expect(heard.length).toBe(expected.length);
  for (const [i, event] of heard.entries()) {
    const change = must(expected[i], 'an event too many');
    const {type, kv} = event;
    expect([type, kv.key, kv.modRevision, kv.value]).toEqual([type, change.key, change.revision, change.value]);
    expect(type).toBe(change.type);
    checkPrevKv(plain, asked, change, event.prevKv, isCancelled);
  }
  checkWhole(responses);
  const compaction = responses.findIndex(({compactRevision}) => compactRevision !== 0);
  if (compaction >= 0) {
    reached.compacted++;
    const {compactRevision} = must(responses[compaction], 'just found');
    expect(compactRevision).toBeLessThanOrEqual(plain.compactRevision);
    // It was behind: the next revision it waited for is compacted.
    expect(Math.max(from, 1 + (heard.at(-1)?.kv.modRevision ?? 0))).toBeLessThan(compactRevision);
    expect(responses.slice(compaction + 1).flatMap(({events}) => events)).toEqual([]);
  }
}

function checkPrevKv(
  plain: Plain,
  asked: WatchCreateRequest,
  change: Change,
  prevKv: {readonly value: string; readonly modRevision: number} | undefined,
  isCancelled: boolean,
): void {
  if (!asked.prevKv || change.before === undefined) return expect(prevKv).toBeUndefined();
  if (prevKv !== undefined) {
    return expect([prevKv.value, prevKv.modRevision]).toEqual([change.before.value, change.before.revision]);
  }
  // Compacted by now, or the watch was cancelled while the event was under way: etcd then has forgotten what it asked for.
  if (!isCancelled) expect(change.revision - 1).toBeLessThan(plain.compactRevision);
}

/** Pieces put together, the revisions of one message end before those of the next begin. */
function checkWhole(responses: readonly WatchResponse[]): void {
  let last = 0;
  let isPiece = false;
  for (const {events, fragment, header} of responses) {
    reached.fragments += fragment ? 1 : 0;
    const first = events[0]?.kv.modRevision;
    if (first === undefined) continue;
    reached.batches += events.at(-1)?.kv.modRevision === first ? 0 : 1;
    if (!isPiece) expect(first).toBeGreaterThan(last);
    last = must(events.at(-1), 'has a first').kv.modRevision;
    expect(last).toBeLessThanOrEqual(header?.revision ?? 0);
    isPiece = fragment;
  }
  expect(isPiece).toBe(false);
}

/**
 * Nothing up to the revision of a progress notification comes behind it, and none is below a start asked for. Holds for watches
 * whose creation the client had heard of when it asked; a later one may be announced before an earlier notification, as in
 * etcd, because the two come on different queues. The nth notification answers the nth request or a later one.
 */
function checkProgress(
  asked: readonly WatchCreateRequest[],
  known: readonly number[],
  responses: readonly WatchResponse[],
): void {
  const told = new Map<number, number>();
  let answerCount = 0;
  for (const {watchId, events, header, created, canceled} of responses) {
    for (const {kv} of events) expect(kv.modRevision).toBeGreaterThan(told.get(watchId) ?? 0);
    if (created || canceled || events.length > 0) continue;
    const knownCount = must(known[answerCount++], 'more answers than requests');
    const revision = header?.revision ?? 0;
    for (let id = 0; id < knownCount; id++) {
      told.set(id, revision);
      // Cancelled ones do not count.
      const isLiving = responses.every((response) => response.watchId !== id || !response.canceled);
      if (isLiving) expect(revision).toBeGreaterThanOrEqual(asked[id]?.startRevision ?? 0);
    }
  }
  reached.progress += answerCount;
}

function promises(release: string, behaviours: Partial<WatchBehaviours>): fc.IPropertyWithHooks<[Command[], number]> {
  return fc.property(fc.array(commands, {maxLength: 120, size: 'max'}), fc.nat(), (plan, seed) => {
    const run = new Run(release, seed, behaviours);
    for (const command of plan) run.do(command);
    run.finish();
    expect(run.lab.store.currentRevision).toBe(run.plain.revision);
    for (const [stream, client] of run.clients.entries()) {
      const asked = must(run.asked[stream], 'no such stream');
      const created = client.responses.filter((response) => response.created);
      expect(created.map(({watchId}) => watchId)).toEqual(asked.map((_, id) => id));
      for (const [id, request] of asked.entries()) {
        const own = client.responses.filter(({watchId}) => watchId === id);
        checkWatch(run.plain, request, own);
      }
      checkProgress(asked, must(run.known[stream], 'no such stream'), client.responses);
    }
    expect(run.lab.watchable.counts.slowWatchers).toBe(0);
  });
}

test.each(['3.4.45', '3.5.30', '3.6.2', '3.7.1'])('%s: every event once, in order, whole', (release) => {
  fc.assert(promises(release, {}), {numRuns: 120});
});

// Each known defect breaks a promise, and so would one of ours.
test.each([
  ['15220', {requestedProgress: 'at-once'}],
  ['15271', {syncedAdvance: false}],
  ['17529', {compactedRetry: false}],
  ['20221-progress', {progressAwaitsStart: false}],
  ['20221-events', {restoreKeepsFuture: false}],
] as [string, Partial<WatchBehaviours>][])('%s is found', (_issue, behaviours) => {
  const {failed} = fc.check(promises('3.7.1', behaviours), {numRuns: 3000, seed: 3, endOnFailure: true});
  expect(failed).toBe(true);
});

test('one seed, one course', () => {
  const course = () => {
    const run = new Run('3.7.1', 5);
    const plan = fc.sample(fc.array(commands, {minLength: 100, maxLength: 100}), {seed: 11, numRuns: 3}).flat();
    for (const command of plan) run.do(command);
    run.finish();
    return [run.lab.world.digest(), ...run.clients.flatMap((client) => client.responses.map(describe))];
  };
  expect(course()).toEqual(course());
});

afterAll(() => {
  for (const [what, count] of Object.entries(reached)) expect([what, count > 0]).toEqual([what, true]);
});
