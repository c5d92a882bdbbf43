// What real servers answered, step by step. Source: shared/errata/confirmed-on-real-kv.md; 3.5.30 stands for all that is mended.
// Releases that were not run for it are there where the source says what they do.
import {describe, expect, test} from 'vitest';
import {putRequest} from '../etcdserverpb/types.ts';
import {MvccStore} from '../mvcc/store.ts';
import {TestBatch} from '../mvcc/test-batch.ts';
import {WatchLab} from './test-lab.ts';

const OLD = ['3.3.25', '3.4.23'];
const REAL = ['3.3.25', '3.4.23', '3.5.16', '3.5.30'];
const ALL = [...REAL, '3.6.0', '3.6.9', '3.7.1'];

/** The events on h from 5 to 24, in one message. */
const HISTORY = Array.from({length: 20}, (_, i) => `P:h@${i + 5}`).join(' ');

/** Compact revision 3, current revision 24, h put at 5 to 24. */
function labAt24(release: string): WatchLab {
  const lab = new WatchLab({release});
  lab.put('d');
  lab.delete('d');
  lab.put('other');
  lab.compact(3);
  for (let i = 0; i < 20; i++) lab.put('h');
  return lab;
}

describe('15220, 17557, 20221: requested progress', () => {
  test.each([
    ...['3.3.25', '3.4.23', '3.4.24', '3.5.7'].map((release) => [release, ['-1 progress rev 24'], []]),
    ...['3.4.26', '3.4.30', '3.5.8', '3.5.12'].map((release) => [release, [], ['-1 progress rev 24']]),
    ...['3.4.31', '3.5.13', '3.5.16', '3.5.30', '3.6.0', '3.7.1'].map((release) => [release, [], []]),
  ] as [string, string[], string[]][])('%s: of a watch with a past', (release, early, behindEvents) => {
    const lab = labAt24(release);
    const client = lab.client();
    client.create('h', {startRevision: 4});
    client.progress();
    lab.wait(600);
    expect(client.lines()).toEqual(['0 created rev 24', ...early, `0 ${HISTORY} rev 24`, ...behindEvents]);
    client.progress();
    lab.settle();
    expect(client.lines()).toEqual(['-1 progress rev 24']);
  });

  test.each([
    ...['3.3.25', '3.4.23'].map((release) => [release, 3]),
    // The first one holds back all others, because a quiet watch never sends what it waits for: 17557.
    ...['3.4.26', '3.4.30', '3.5.8', '3.5.12'].map((release) => [release, 0]),
    ...['3.5.16', '3.5.30', '3.6.0', '3.7.1'].map((release) => [release, 2]),
  ] as [string, number][])('%s: three requests on a quiet watch get %i answers', (release, count) => {
    const lab = labAt24(release);
    const client = lab.client();
    client.create('quiet', {startRevision: 4});
    client.progress();
    for (let i = 0; i < 2; i++) {
      lab.wait(300);
      client.progress();
    }
    lab.wait(300);
    expect(client.lines()).toEqual(['0 created rev 24', ...Array<string>(count).fill('-1 progress rev 24')]);
  });

  test.each([
    ...['3.3.25', '3.4.23', '3.5.16', '3.5.21', '3.6.1'].map((release) => [release, ['-1 progress rev 24']]),
    ...['3.4.38', '3.5.22', '3.5.30', '3.6.2', '3.7.1'].map((release) => [release, []]),
  ] as [string, string[]][])('%s: of a watch from a future revision', (release, answers) => {
    const lab = labAt24(release);
    const client = lab.client();
    client.create('h', {startRevision: 124});
    lab.settle();
    client.progress();
    lab.wait(300);
    expect(client.lines()).toEqual(['0 created rev 24', ...answers]);
  });

  test.each([
    ...['3.3.13', '3.4.25', '3.5.8', '3.5.16', '3.5.30', '3.7.1'].map((release) => [release, []]),
    ...['3.3.14', '3.3.25', '3.4.23', '3.5.7'].map((release) => [release, ['-1 progress rev 24']]),
  ] as [string, string[]][])('%s: on a stream without a watch', (release, answers) => {
    const lab = labAt24(release);
    const client = lab.client();
    client.progress();
    lab.wait(300);
    expect(client.lines()).toEqual(answers);
  });
});

describe('a follower that receives a snapshot', () => {
  /** Five events, then 7000 puts of which every 50th counts; the follower gets some 550 one by one and the rest as a snapshot. */
  function restoredFollower(release: string) {
    const lab = new WatchLab({release});
    const leaderBatch = new TestBatch();
    const leader = MvccStore.open(leaderBatch);
    const put = (key: string, hasFollower: boolean) => {
      leader.applyPut(putRequest(key, 'v'));
      if (hasFollower) lab.put(key);
    };
    const a = lab.client();
    const b = lab.client();
    a.create('w/', {rangeEnd: 'w0'});
    lab.settle();
    for (let i = 0; i < 5; i++) put(`w/${i}`, true);
    lab.settle();
    b.create('w/', {rangeEnd: 'w0', startRevision: 7506});
    lab.settle();
    for (let i = 0; i < 7000; i++) {
      put(i % 50 === 0 ? 'w/s' : 'q', i < 550);
      if (i < 550 && i % 50 === 0) lab.settle();
    }
    lab.receiveSnapshot(leaderBatch);
    lab.wait(2000);
    for (let i = 0; i < 10; i++) lab.put('w/after');
    lab.wait(300);
    const revisions = (client: typeof a) =>
      client.responses.flatMap(({events}) => events.map(({kv}) => kv.modRevision));
    return {
      seenByA: revisions(a),
      seenByB: revisions(b),
      canceled: [...a.responses, ...b.responses].some((r) => r.canceled),
    };
  }

  test.each(OLD)('15271, %s: a watch hears everything again from where it once was synced', (release) => {
    const {seenByA, canceled} = restoredFollower(release);
    expect(seenByA.length).toBe(171);
    expect(seenByA.slice(0, 7)).toEqual([2, 3, 4, 5, 6, 7, 57]);
    expect(seenByA.slice(16, 21)).toEqual([2, 3, 4, 5, 6]);
    expect(canceled).toBe(false);
  });

  test.each(ALL.filter((release) => !OLD.includes(release)))('15271, %s: a watch goes on where it was', (release) => {
    const {seenByA} = restoredFollower(release);
    expect(seenByA.length).toBe(155);
    expect(seenByA.every((revision, i) => i === 0 || revision > (seenByA[i - 1] ?? 0))).toBe(true);
  });

  const later = Array.from({length: 10}, (_, i) => 7007 + i);
  test.each([
    ...['3.3.25', '3.4.23', '3.5.16', '3.6.1'].map((release) => [release, later]),
    ...['3.4.38', '3.5.22', '3.5.30', '3.6.2', '3.7.1'].map((release) => [release, []]),
  ] as [string, number[]][])('20221, %s: a watch from 7506', (release, expected) => {
    expect(restoredFollower(release).seenByB).toEqual(expected);
  });
});

test.each(ALL)('17529, %s: a compacted watch finds its stream full', (release) => {
  const lab = new WatchLab({release});
  for (let i = 0; i < 4; i++) lab.put('fill');
  const client = lab.client(20);
  client.create('big');
  lab.settle();
  client.stopReading();
  lab.put('x');
  lab.put('x');
  for (let i = 0; i < 1300; i++) {
    lab.put('big');
    lab.settle();
    if (i % 200 === 199) lab.compact(lab.store.currentRevision - 1);
  }
  lab.compact(1307);
  client.create('x', {startRevision: 6});
  lab.wait(1500);
  client.read();
  lab.settle();
  lab.wait(300);
  lab.put('x');
  lab.wait(300);
  const lines = client.lines();
  const quiet = OLD.includes(release) ? ['1 P:x@1308 rev 1308'] : ['1 canceled compact 1307 rev 0'];
  expect(lines.filter((line) => line.startsWith('1 '))).toEqual(['1 created rev 1307', ...quiet]);
  const ofBig = lines.filter((line) => line.startsWith('0 '));
  expect(ofBig.at(-1)).toBe('0 canceled compact 1307 rev 0');
  // What the client took in unread, what lies in the stream, the one being sent and the one the victim kept.
  expect(ofBig.filter((line) => line.includes('P:big')).length).toBe(20 + 128 + 1 + 1);
});

describe('14296: a create is denied', () => {
  const message = 'rpc error: code = PermissionDenied desc = etcdserver: permission denied';
  test.each([
    ...ALL.map((release) => [release, -1, ['0 P:k@2 rev 2', '0 P:k@3 rev 3']]),
    // The stream forgets watch 0, whose id the refusal bears.
    ...['3.4.8', '3.4.21', '3.5.0', '3.5.5'].map((release) => [release, 0, []]),
  ] as [string, number, string[]][])('%s', (release, id, events) => {
    const isPermitted = ({key}: {key: string}) => (key === 'secret' ? {message} : undefined);
    const lab = new WatchLab({release, isPermitted});
    const client = lab.client();
    client.create('k');
    lab.settle();
    client.create('secret');
    lab.settle();
    lab.put('k');
    lab.put('k');
    lab.settle();
    expect(client.lines()).toEqual(['0 created rev 1', `${id} created canceled "${message}" rev 1`, ...events]);
  });

  test.each([
    ['3.3.22', false],
    ['3.3.23', true],
    ['3.4.7', false],
    ['3.4.8', true],
    ['3.7.1', true],
  ])('%s hears the next request: %s', (release, isHeard) => {
    const lab = new WatchLab({
      release,
      isPermitted: ({key}) => (key === 'no' ? {message} : undefined),
    });
    const client = lab.client();
    client.create('no');
    lab.settle();
    client.create('k');
    lab.settle();
    expect(client.lines().length).toBe(isHeard ? 2 : 1);
  });

  test('auth is asked about the request as it came, with the smallest key for none', () => {
    const asked: string[] = [];
    const lab = new WatchLab({
      isPermitted: ({key, rangeEnd}) => {
        asked.push(`${key}..${rangeEnd}`);
        return undefined;
      },
    });
    const client = lab.client();
    client.create('k', {rangeEnd: '\0'});
    client.create('', {rangeEnd: 'z'});
    lab.settle();
    expect(asked).toEqual(['k..\0', '\0..z']);
    lab.put('zz');
    lab.settle();
    expect(client.linesOf(0)).toEqual(['0 created rev 1', '0 P:zz@2 rev 2']);
  });
});

describe('20693: a watch from a revision below zero', () => {
  const refusal = '-1 created canceled "etcdserver: mvcc: required revision has been compacted" rev';
  const isMended = (release: string) => ['3.5.30', '3.6.9', '3.7.1', '3.4.38', '3.5.24'].includes(release);
  test.each([...ALL, '3.4.37', '3.4.38', '3.5.23', '3.5.24', '3.6.5'])('%s', (release) => {
    const lab = new WatchLab({release});
    for (let i = 0; i < 3; i++) lab.put('h');
    const client = lab.client();
    client.create('h', {startRevision: -1});
    lab.wait(200);
    lab.put('h');
    lab.settle();
    expect(client.lines()).toEqual(isMended(release) ? [`${refusal} 4`] : ['0 created rev 4', '0 P:h@5 rev 5']);
    lab.compact(3);
    const second = lab.client();
    second.create('h', {startRevision: -1});
    lab.wait(200);
    expect(second.lines()).toEqual(
      isMended(release) ? [`${refusal} 5`] : ['0 created rev 5', '0 canceled compact 3 rev 0'],
    );
  });
});

describe('answers that differ or do not', () => {
  test.each(ALL)('%s: a chosen id twice', (release) => {
    const lab = new WatchLab({release});
    const client = lab.client();
    client.create('k', {watchId: 7});
    client.create('k', {watchId: 7});
    lab.settle();
    expect(client.lines()).toEqual(
      release.startsWith('3.3')
        ? ['0 created rev 1', '1 created rev 1']
        : ['7 created rev 1', '-1 created canceled "mvcc: duplicate watch ID provided on the WatchStream" rev 1'],
    );
  });

  test.each(ALL)('%s: a range that ends before it begins', (release) => {
    const lab = new WatchLab({release});
    const client = lab.client();
    client.create('z', {rangeEnd: 'a'});
    client.create('z', {rangeEnd: 'z'});
    lab.settle();
    const answer = release.startsWith('3.3')
      ? '-1 created canceled rev 1'
      : '-1 created canceled "mvcc: watcher range is empty" rev 1';
    expect(client.lines()).toEqual([answer, answer]);
  });

  test.each(ALL)('%s: from below the compact revision', (release) => {
    const lab = labAt24(release);
    const client = lab.client();
    client.create('h', {startRevision: 1});
    lab.wait(200);
    expect(client.lines()).toEqual(['0 created rev 24', '0 canceled compact 3 rev 0']);
  });

  test.each(ALL)('%s: cancelling a watch, one that is not there, and a compacted one', (release) => {
    const lab = labAt24(release);
    const client = lab.client();
    client.create('h');
    client.create('h', {startRevision: 1});
    lab.wait(200);
    client.lines();
    for (const id of [5, 0, 0, 1]) client.cancel(id);
    lab.settle();
    lab.put('h');
    lab.wait(200);
    expect(client.lines()).toEqual(['0 canceled rev 24', '1 canceled rev 24']);
    client.hangUp();
    lab.settle();
    expect(lab.watchable.counts).toEqual({streams: 0, watchers: 0, slowWatchers: 0});
  });

  test.each([
    ['3.3.25', {code: 'Unavailable', message: 'etcdserver: no leader'}],
    ['3.4.15', {code: 'Unavailable', message: 'etcdserver: no leader'}],
    ['3.4.16', {code: 'Canceled', message: 'etcdserver: watch canceled'}],
    ['3.5.16', {code: 'Canceled', message: 'etcdserver: watch canceled'}],
  ])('%s: the end of a call', (release, end) => {
    const lab = new WatchLab({release});
    const client = lab.client();
    client.create('k');
    client.closeSending();
    lab.wait(200);
    lab.put('k');
    lab.settle();
    // A client that sends no more is still told.
    expect(client.lines()).toEqual(['0 created rev 1', '0 P:k@2 rev 2']);
    expect(client.end).toBeUndefined();
    client.hangUp();
    lab.settle();
    expect(client.end).toEqual(end);
  });
});
