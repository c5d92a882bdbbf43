// What members do when their data has come apart, which issue 18667 brings about here: a transaction whose range cannot be answered is
// refused by the member that was asked and carried out by the others. Answers of real servers: errata, rows of 14272.
import {describe, expect, test} from 'vitest';
import type {MemberId} from '../../base/ids.ts';
import {NO_MEMBER} from '../../base/ids.ts';
import {putRequest, rangeRequest, txnRequest} from '../etcdserverpb/types.ts';
import {askPeer} from '../rafthttp/peer-http.ts';
import type {ServerConfigInput} from '../server/config.ts';
import {Lab, three} from '../server/test-lab.ts';
import {HASH_KV_PATH} from './peer-hash.ts';

const names = three.map(({name}) => name);
const leaderOf = (lab: Lab): string => names.find((name) => lab.server(name).isLeader) ?? '';
const followersOf = (lab: Lab): string[] => names.filter((name) => !lab.server(name).isLeader);
const alarmsOf = (lab: Lab): MemberId[] =>
  lab
    .server(leaderOf(lab))
    .applier.alarms.list('corrupt')
    .map(({memberId}) => memberId);

/** One revision that the member which is asked does not have. */
function comeApart(lab: Lab, name: string): void {
  const {kv} = lab.server(name);
  const success = [
    {kind: 'put', request: putRequest('apart', 'x')},
    {kind: 'range', request: {...rangeRequest('a'), revision: 1_000}},
  ] as const;
  expect(lab.run(() => kv.txn(txnRequest({success})))).toMatchObject({kind: 'error'});
  lab.pass(0.2);
}

function put(lab: Lab, key: string): void {
  const {kv} = lab.server(leaderOf(lab));
  expect(lab.run(() => kv.put(putRequest(key, 'v')))).toMatchObject({kind: 'ok'});
  lab.pass(0.2);
}

function started(release: string, options: Partial<ServerConfigInput>): Lab {
  const lab = new Lab(three);
  lab.startAll(release, options);
  put(lab, 'a');
  return lab;
}

describe.each([
  ['3.3.25', 'peer'],
  ['3.4.22', 'peer'],
  ['3.4.23', 'nobody'],
  ['3.5.6', 'peer'],
  ['3.5.16', 'nobody'],
  ['3.6.0', 'peer'],
])('the periodic check of %s', (release, blames) => {
  const named = (lab: Lab, name: string) => (blames === 'nobody' ? NO_MEMBER : lab.server(name).id);

  test('a leader that lacks a revision: a healthy follower is ahead of it, and gets the blame', () => {
    const lab = started(release, {corruptCheckMs: 20_000});
    comeApart(lab, leaderOf(lab));
    put(lab, 'b');
    lab.pass(25);
    const [first = ''] = followersOf(lab).sort((a, b) => (lab.server(a).id < lab.server(b).id ? -1 : 1));
    expect(alarmsOf(lab)).toEqual([named(lab, first)]);
    const {kv} = lab.server(leaderOf(lab));
    expect(lab.run(() => kv.put(putRequest('c', 'v')))).toMatchObject({
      code: 'DataLoss',
      message: 'etcdserver: corrupt cluster',
    });
    expect(lab.run(() => kv.range(rangeRequest('a')))).toMatchObject({kind: 'ok'});
  });

  test('a follower that lacks a revision is not found, until revisions are level', () => {
    const lab = started(release, {corruptCheckMs: 20_000});
    const [apart = '', healthy = ''] = followersOf(lab);
    comeApart(lab, apart);
    put(lab, 'b');
    lab.pass(25);
    expect(alarmsOf(lab)).toEqual([]);
    comeApart(lab, healthy);
    comeApart(lab, leaderOf(lab));
    lab.pass(25);
    expect(alarmsOf(lab)).toEqual([named(lab, apart)]);
  });
});

test('healthy members find nothing, and nobody looks unless told to', () => {
  for (const options of [{corruptCheckMs: 1_000, compactHashCheck: true, compactHashCheckMs: 1_000}, {}]) {
    const lab = started('3.6.0', options);
    put(lab, 'b');
    const {kv} = lab.server(leaderOf(lab));
    lab.run(() => kv.compact({revision: 2, physical: false}));
    if (Object.keys(options).length === 0) comeApart(lab, leaderOf(lab));
    lab.pass(10);
    expect(alarmsOf(lab)).toEqual([]);
  }
});

describe.each([
  ['3.5.5', 'peer'],
  ['3.5.16', 'nobody'],
  ['3.6.0', 'minority'],
])('the check of compactions of %s', (release, blames) => {
  test.each(['leader', 'follower'])('the %s differs', (role) => {
    const lab = started(release, {compactHashCheck: true, compactHashCheckMs: 2_000});
    const [follower = '', other = ''] = followersOf(lab);
    const apart = role === 'leader' ? leaderOf(lab) : follower;
    comeApart(lab, apart);
    // Revisions are level again, and two members have had the same.
    const {kv} = lab.server(apart);
    lab.run(() => kv.put(putRequest('b', 'v')));
    for (const name of names) if (name !== apart) comeApart(lab, name);
    lab.run(() => kv.compact({revision: 3, physical: false}));
    lab.pass(5);
    const first = [follower, other].map((name) => lab.server(name).id).sort()[0];
    const wanted = {
      peer: role === 'leader' ? first : lab.server(apart).id,
      nobody: NO_MEMBER,
      minority: lab.server(apart).id,
    }[blames];
    expect(alarmsOf(lab)).toEqual([wanted]);
  });
});

describe.each(['3.3.25', '3.4.23', '3.5.16', '3.6.0'])('the initial check of %s', (release) => {
  const options = {initialCorruptCheck: true, snapshotCount: 5};

  test('a member that differs does not start; one that does not differ does', () => {
    const lab = started(release, options);
    lab.put(10);
    for (const name of names) {
      lab.kill(name);
      lab.start(name, release, options);
      lab.pass(4);
    }
    expect(lab.deaths).toEqual([]);
    const [apart = '', healthy = ''] = followersOf(lab);
    const {id} = lab.server(apart);
    comeApart(lab, apart);
    put(lab, 'b');
    comeApart(lab, healthy);
    comeApart(lab, leaderOf(lab));
    lab.kill(apart);
    lab.start(apart, release, options);
    lab.pass(4);
    const shown = id.replace(/^0+/, '');
    expect(lab.deaths).toEqual([expect.stringContaining(`${shown} found data inconsistency with peers`)]);
  });
});

describe('GET /members/hashkv', () => {
  const ask = (lab: Lab, path: string, body: string, method: 'GET' | 'POST' = 'GET') => {
    const {env} = lab.server('m1').corruption.host;
    const reply = lab.run(() => askPeer(env, 'm2:2380', {path, method, body: new TextEncoder().encode(body)}, 1e6));
    return `${reply?.status} ${new TextDecoder().decode(reply?.body)}`;
  };

  test.each([
    ['3.5.16', ''],
    ['3.6.0', ',"hash_revision":2'],
  ])('%s answers as the real one', (release, more) => {
    const lab = new Lab(three);
    lab.startAll(release);
    const {kv} = lab.server(leaderOf(lab));
    lab.run(() => kv.put(putRequest('a', 'a')));
    lab.pass(1);
    const answer = `200 {"header":{"revision":2},"hash":3407656708,"compact_revision":-1${more}}`;
    expect(ask(lab, HASH_KV_PATH, '{}')).toBe(answer);
    expect(ask(lab, HASH_KV_PATH, '{"revision":2}')).toBe(answer);
    expect(ask(lab, HASH_KV_PATH, '{"revision":9}')).toBe('400 mvcc: required revision is a future revision\n');
    expect(ask(lab, HASH_KV_PATH, 'x')).toBe('400 error unmarshalling request\n');
    expect(ask(lab, HASH_KV_PATH, '{}', 'POST')).toBe('405 Method Not Allowed\n');
    expect(ask(lab, `${HASH_KV_PATH}?x-etcd-cluster-id=abc`, '{}')).toBe('412 cluster ID mismatch\n');
    lab.run(() => kv.compact({revision: 2, physical: true}));
    lab.pass(1);
    expect(ask(lab, HASH_KV_PATH, '{"revision":1}')).toBe('400 mvcc: required revision has been compacted\n');
    expect(ask(lab, HASH_KV_PATH, '{"revision":2}')).toBe(answer);
  });

  test('3.3.25 has no such path', () => {
    const lab = new Lab(three);
    lab.startAll('3.3.25');
    expect(ask(lab, HASH_KV_PATH, '{}')).toBe('404 404 page not found\n');
  });
});
