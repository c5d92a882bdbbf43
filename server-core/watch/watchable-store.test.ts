// Groups, victims, rounds and beats of the watchable store, through whole Watch calls.
import {describe, expect, test} from 'vitest';
import type {TestClient} from './test-lab.ts';
import {WatchLab} from './test-lab.ts';

const revisionsOf = (client: TestClient, watchId = 0): number[] =>
  client.responses
    .filter((response) => response.watchId === watchId)
    .flatMap(({events}) => events.map(({kv}) => kv.modRevision));
const upTo = (first: number, last: number) => Array.from({length: last - first + 1}, (_, i) => first + i);

test('from now, from the past, from the future; ranges, prefixes and everything from a key', () => {
  const lab = new WatchLab();
  lab.put('a');
  lab.putAll(['b', 'c']);
  const client = lab.client();
  client.create('a');
  client.create('a', {rangeEnd: 'c', startRevision: 2});
  client.create('b', {rangeEnd: '\0', startRevision: 6});
  client.create('', {rangeEnd: '\0', startRevision: 3});
  lab.wait(150);
  lab.put('a');
  lab.delete('a', 'z');
  lab.put('z');
  lab.put('\0');
  lab.settle();
  const lines = client.lines();
  const of = (id: number) => lines.filter((line) => line.startsWith(`${id} `));
  expect(of(0)).toEqual(['0 created rev 3', '0 P:a@4 rev 4', '0 D:a@5 rev 5']);
  expect(of(1)).toEqual(['1 created rev 3', '1 P:a@2 P:b@3 rev 3', '1 P:a@4 rev 4', '1 D:a@5 D:b@5 rev 5']);
  expect(of(2)).toEqual(['2 created rev 3', '2 P:z@6 rev 6']);
  expect(of(3)).toEqual([
    '3 created rev 3',
    '3 P:b@3 P:c@3 rev 3',
    '3 P:a@4 rev 4',
    '3 D:a@5 D:b@5 D:c@5 rev 5',
    '3 P:z@6 rev 6',
    '3 P:\0@7 rev 7',
  ]);
});

test('filters, and the pair before', () => {
  const lab = new WatchLab();
  const client = lab.client();
  client.create('k', {filters: ['no-put'], prevKv: true});
  client.create('k', {filters: ['no-delete'], prevKv: true});
  client.create('k', {filters: ['no-put', 'no-delete', 9]});
  client.create('k', {filters: [9]});
  lab.settle();
  client.lines();
  lab.put('k', 'one');
  lab.put('k', 'two');
  lab.delete('k');
  lab.put('k', 'three');
  lab.settle();
  const lines = client.lines();
  const of = (id: number) => lines.filter((line) => line.startsWith(`${id} `));
  expect(of(0)).toEqual(['0 D:k@4(two@3) rev 4']);
  expect(of(1)).toEqual(['1 P:k@2 rev 2', '1 P:k@3(one@2) rev 3', '1 P:k@5 rev 5']);
  expect(of(2)).toEqual([]);
  expect(of(3).length).toBe(4);
});

test('the pair before is not there when it is compacted', () => {
  const lab = new WatchLab();
  for (const value of ['one', 'two', 'three']) lab.put('k', value);
  lab.compact(3);
  const client = lab.client();
  client.create('k', {startRevision: 3, prevKv: true});
  lab.wait(150);
  expect(client.lines()).toEqual(['0 created rev 4', '0 P:k@3 P:k@4(two@3) rev 4']);
});

test.each([
  ['3.3.25', '0 P:a@3(old@2) rev 3'],
  ['3.4.19', '0 P:a@3(old@2) rev 3'],
  ['3.4.23', '0 P:a@3 rev 3'],
  ['3.5.16', '0 P:a@3 rev 3'],
])('%s: a key deleted and made anew in one transaction', (release, line) => {
  const lab = new WatchLab({release});
  lab.put('a', 'old');
  const client = lab.client();
  client.create('a', {prevKv: true, filters: ['no-delete']});
  lab.settle();
  client.lines();
  const txn = lab.store.write();
  txn.deleteRange('a', '');
  txn.put('a', 'new', '0000000000000000' as never);
  txn.end();
  lab.settle();
  expect(client.lines()).toEqual([line]);
});

test('a slow reader becomes a victim, catches up in order and is synced again', () => {
  const lab = new WatchLab({behaviours: {streamCapacity: 4}});
  const client = lab.client(1);
  client.create('k');
  lab.settle();
  client.stopReading();
  for (let i = 0; i < 20; i++) {
    lab.put('k');
    lab.settle();
  }
  // One was taken in, one waits to be sent, four lie in the stream, the seventh made it a victim.
  expect(revisionsOf(client)).toEqual([2]);
  expect(lab.watchable.counts).toEqual({streams: 1, watchers: 1, slowWatchers: 1});
  client.read();
  lab.wait(15);
  expect(revisionsOf(client)).toEqual(upTo(2, 8));
  lab.wait(100);
  expect(revisionsOf(client)).toEqual(upTo(2, 21));
  expect(lab.watchable.counts.slowWatchers).toBe(0);
  lab.put('k');
  lab.settle();
  expect(client.responses.at(-1)?.events.length).toBe(1);
  expect(revisionsOf(client)).toEqual(upTo(2, 22));
});

test('one full stream holds up nobody else', () => {
  const lab = new WatchLab({behaviours: {streamCapacity: 2}});
  const [slow, quick] = [lab.client(), lab.client()];
  for (const client of [slow, quick]) client.create('k');
  lab.settle();
  slow.stopReading();
  for (let i = 0; i < 10; i++) {
    lab.put('k');
    lab.settle();
  }
  expect([revisionsOf(slow), revisionsOf(quick)]).toEqual([[], upTo(2, 11)]);
  slow.hangUp();
  lab.settle();
  expect(lab.watchable.counts).toEqual({streams: 1, watchers: 1, slowWatchers: 0});
});

test('a cancelled victim gets what lay in its stream, and no more', () => {
  const lab = new WatchLab({behaviours: {streamCapacity: 2}});
  const client = lab.client();
  client.create('k');
  lab.settle();
  client.stopReading();
  for (let i = 0; i < 10; i++) {
    lab.put('k');
    lab.settle();
  }
  client.cancel(0);
  lab.settle();
  expect(lab.watchable.counts).toEqual({streams: 1, watchers: 0, slowWatchers: 0});
  client.read();
  lab.wait(300);
  const seen = revisionsOf(client);
  expect(seen).toEqual(upTo(2, 1 + seen.length));
  expect(seen.length).toBeLessThanOrEqual(3);
  expect(client.lines().at(-1)).toMatch(/^0 (canceled rev 11|P:k@\d+ rev \d+)$/);
});

test('a long past comes in batches of a thousand revisions, a revision never in two', () => {
  const lab = new WatchLab();
  for (let i = 0; i < 2499; i++) lab.putAll(['k', 'l']);
  const client = lab.client();
  client.create('k', {rangeEnd: '\0', startRevision: 2});
  lab.wait(350);
  const batches = client.responses.filter(({events}) => events.length > 0);
  expect(batches.map(({events}) => events.length)).toEqual([2000, 2000, 998]);
  expect(batches.map(({header}) => header?.revision)).toEqual([2500, 2500, 2500]);
  expect(revisionsOf(client)).toEqual(upTo(2, 2500).flatMap((revision) => [revision, revision]));
});

test('a batch with more behind it that finds its stream full goes on behind it', () => {
  const lab = new WatchLab({behaviours: {streamCapacity: 1}});
  for (let i = 0; i < 2499; i++) lab.put('k');
  const client = lab.client();
  client.create('k', {startRevision: 2});
  client.create('k', {startRevision: 2});
  lab.settle();
  client.stopReading();
  lab.wait(300);
  lab.put('k');
  client.read();
  lab.wait(1000);
  expect(revisionsOf(client, 0)).toEqual(upTo(2, 2501));
  expect(revisionsOf(client, 1)).toEqual(upTo(2, 2501));
  // A delayed response bears the revision up to which the watch has seen all, the others the store's.
  expect(new Set(client.responses.map(({header}) => header?.revision))).toContain(1001);
});

test('more unsynced watchers than a round takes are all served; compacted ones are told, maybe twice', () => {
  const lab = new WatchLab({behaviours: {streamCapacity: 5000}});
  for (let i = 0; i < 10; i++) lab.put('k');
  lab.compact(5);
  const client = lab.client();
  for (let i = 0; i < 1300; i++) {
    client.create('k', {startRevision: i % 10 === 0 ? 3 : 6});
    if (i % 500 === 0) lab.settle();
  }
  lab.wait(10_000);
  expect(lab.watchable.counts).toEqual({streams: 1, watchers: 1170, slowWatchers: 0});
  for (let id = 0; id < 1300; id++) {
    const own = client.responses.filter((response) => response.watchId === id && !response.created);
    if (id % 10 !== 0) expect(own.flatMap(({events}) => events.map(({kv}) => kv.modRevision))).toEqual(upTo(6, 11));
    else expect(own.map(({compactRevision}) => compactRevision)).toEqual(own.map(() => 5));
    expect(own.length).toBeGreaterThan(0);
  }
});

describe('the beat', () => {
  test('nothing happens while all watchers are synced or stuck', () => {
    const lab = new WatchLab({behaviours: {streamCapacity: 1}});
    const [client, stuck] = [lab.client(), lab.client()];
    for (let i = 0; i < 50; i++) client.create(`k${i}`, {rangeEnd: i % 2 === 0 ? '' : '\0'});
    stuck.create('k');
    lab.wait(500);
    stuck.stopReading();
    for (let i = 0; i < 5; i++) lab.put('k');
    lab.wait(500);
    expect(lab.watchable.counts.slowWatchers).toBe(1);
    expect(lab.eventsWhileIdle(60_000)).toBe(0);
  });

  test('an unsynced watcher waits for the next 100 ms, wherever it came in between', () => {
    const lab = new WatchLab();
    lab.put('k');
    for (let i = 0; i < 5; i++) {
      lab.wait(137);
      const client = lab.client();
      client.create('k', {startRevision: 2});
      lab.settle();
      const begin = lab.world.nowUs;
      while (client.responses.length < 2) lab.wait(1);
      expect(lab.world.nowUs - begin).toBeLessThanOrEqual(101_000);
      // The first round was at the start, one millisecond into the run.
      expect(lab.world.nowUs % 100_000).toBeLessThan(3_000);
    }
  });
});

describe('progress notifications', () => {
  test('come with the interval and some, for quiet watches that asked, and not right behind events', () => {
    const lab = new WatchLab({progressIntervalUs: 1_000_000});
    const client = lab.client();
    client.create('k', {progressNotify: true});
    client.create('k');
    client.create('l', {progressNotify: true});
    lab.wait(100);
    lab.put('k');
    lab.wait(1000);
    const lines = client.lines();
    expect(lines.filter((line) => line.includes('progress'))).toEqual(['2 progress rev 2']);
    lab.wait(1000);
    expect(client.lines()).toEqual(['0 progress rev 2', '2 progress rev 2']);
    client.cancel(2);
    lab.wait(3300);
    expect(client.lines()).toEqual(['2 canceled rev 2', ...Array<string>(3).fill('0 progress rev 2')]);
    client.cancel(0);
    lab.settle();
    // The timer that was set before is the last one.
    expect(lab.eventsWhileIdle(60_000)).toBeLessThanOrEqual(1);
  });

  test('3.3 keeps the interval to the point; the default is ten minutes', () => {
    const lab = new WatchLab({release: '3.3.25'});
    const client = lab.client();
    lab.settle();
    client.create('k', {progressNotify: true});
    lab.wait(599_998);
    expect(client.lines()).toEqual(['0 created rev 1']);
    lab.wait(2);
    expect(client.lines()).toEqual(['0 progress rev 1']);
  });

  test('a watch that wants them late does not get those of before', () => {
    const lab = new WatchLab({progressIntervalUs: 1_000_000, release: '3.3.25'});
    const client = lab.client();
    client.create('k');
    lab.wait(2_500);
    client.create('k', {progressNotify: true});
    lab.wait(400);
    expect(client.lines()).toEqual(['0 created rev 1', '1 created rev 1']);
    lab.wait(101);
    expect(client.lines()).toEqual(['1 progress rev 1']);
  });

  test('an interval below 100 ms counts as 100 ms', () => {
    const lab = new WatchLab({progressIntervalUs: 1, release: '3.3.25'});
    const client = lab.client();
    client.create('k', {progressNotify: true});
    lab.wait(1_001);
    expect(client.lines().filter((line) => line.includes('progress')).length).toBe(10);
  });

  test.each([
    ['3.5.16', 5],
    ['3.7.1', 0],
  ])('%s: a watch from a future revision gets %i of them', (release, count) => {
    const lab = new WatchLab({progressIntervalUs: 1_000_000, release});
    const client = lab.client();
    client.create('k', {progressNotify: true, startRevision: 100});
    lab.wait(5_600);
    expect(client.lines().filter((line) => line.includes('progress')).length).toBe(count);
  });

  test('a compacted watch silences requested progress on its stream until it is cancelled', () => {
    const lab = new WatchLab();
    for (let i = 0; i < 5; i++) lab.put('k');
    lab.compact(4);
    const client = lab.client();
    client.create('k');
    client.create('k', {startRevision: 2});
    lab.wait(200);
    client.progress();
    lab.wait(200);
    expect(client.lines()).toEqual(['0 created rev 6', '1 created rev 6', '1 canceled compact 4 rev 0']);
    client.cancel(1);
    client.progress();
    lab.settle();
    expect(client.lines().toSorted()).toEqual(['-1 progress rev 6', '1 canceled rev 6']);
  });
});

test('ids: drawn ones pass over those in use, and a cancelled one is free again', () => {
  const lab = new WatchLab();
  const client = lab.client();
  for (const watchId of [1, 0, 0, 5, 1]) client.create('k', {watchId});
  lab.settle();
  expect(client.lines().map((line) => line.split(' ')[0])).toEqual(['1', '0', '2', '5', '-1']);
  client.cancel(1);
  client.create('k', {watchId: 1});
  client.create('k');
  lab.settle();
  expect(client.lines()).toEqual(['1 canceled rev 1', '1 created rev 1', '3 created rev 1']);
});

test('the failpoint in front of a response holds back what comes behind it', () => {
  const lab = new WatchLab();
  const client = lab.client();
  client.create('k');
  lab.settle();
  lab.delaySend(500);
  lab.put('k');
  lab.put('k');
  lab.wait(400);
  expect(client.lines()).toEqual(['0 created rev 1']);
  lab.wait(101);
  expect(client.lines()).toEqual(['0 P:k@2 rev 2', '0 P:k@3 rev 3']);
});

test('requests of no kind are passed over', () => {
  const lab = new WatchLab();
  const client = lab.client();
  client.ask({});
  client.create('k');
  lab.settle();
  expect(client.lines()).toEqual(['0 created rev 1']);
});

test('a stream that asks more than it reads is answered in the end', () => {
  const lab = new WatchLab();
  const client = lab.client();
  client.stopReading();
  for (let i = 0; i < 100; i++) client.create('k');
  lab.settle();
  // One is being sent, sixteen wait, and the receiving side holds the eighteenth.
  expect(lab.watchable.counts.watchers).toBe(18);
  client.read();
  lab.settle();
  expect(client.lines().length).toBe(100);
});

test('fragments: events of one transaction in several messages, for who asked', () => {
  const lab = new WatchLab({maxRequestBytes: 1000});
  const client = lab.client();
  client.create('k', {rangeEnd: 'l', fragment: true});
  client.create('k', {rangeEnd: 'l'});
  lab.settle();
  client.lines();
  const keys = Array.from({length: 8}, (_, i) => `k${i}`);
  lab.putAll(keys, 'v'.repeat(200_000));
  lab.settle();
  const [cut, whole] = [0, 1].map((id) => client.responses.filter(({watchId}) => watchId === id));
  expect(cut?.map(({events, fragment}) => [events.length, fragment])).toEqual([
    [2, true],
    [2, true],
    [2, true],
    [2, false],
  ]);
  expect(whole?.map(({events, fragment}) => [events.length, fragment])).toEqual([[8, false]]);
});
