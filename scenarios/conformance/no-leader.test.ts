// What a member says whose two peers are gone: errata/confirmed-on-real-kv.md, "No leader", row by row, with its times.
import {describe, expect, test} from 'vitest';
import type {Said} from './talk.ts';
import {Talk} from './talk.ts';

const LEASE = '0000000000000700';
const TIMED_OUT = '14 etcdserver: request timed out';

const WATCH_K = {
  create: {
    key: 'k',
    rangeEnd: '',
    startRevision: 0,
    progressNotify: false,
    filters: [],
    prevKv: false,
    watchId: 0,
    fragment: false,
  },
};

/** Three members with a lease and a key, of which two are stopped as by SIGSTOP. */
function bereaved(release: string): Talk {
  const talk = new Talk({release, memberCount: 3});
  talk.ok('Lease/LeaseGrant', {ttl: 600, id: LEASE});
  talk.ok('KV/Put', {key: 'k', value: 'v'});
  talk.cluster.advance(1_000_000);
  for (const host of ['host2', 'host3']) talk.cluster.world.machine(host).pause();
  return talk;
}

/** The answer, and after how many tenths of a second it came. */
function timed(talk: Talk, name: string, request: object = {}): [Said, number] {
  const startUs = talk.cluster.nowUs;
  const said = talk.say(name, request);
  return [said, Math.round((talk.cluster.nowUs - startUs) / 100_000) / 10];
}

describe.each([
  ['3.3.25', TIMED_OUT, '2 etcdserver: request timed out'],
  ['3.4.23', '2 context deadline exceeded', '2 context deadline exceeded'],
  ['3.5.16', '4 context deadline exceeded', '4 context deadline exceeded'],
  ['3.5.30', '4 context deadline exceeded', '4 context deadline exceeded'],
])('no leader, %s', (release, later, alarm) => {
  const talk = bereaved(release);

  test('the first put after the loss waits for seven seconds', () => {
    expect(timed(talk, 'KV/Put', {key: 'a', value: '1'})).toEqual([TIMED_OUT, 7]);
  });

  test.each([
    ['KV/Put', {key: 'b', value: '1'}, later],
    ['Lease/LeaseGrant', {ttl: 60}, later],
    ['KV/Compact', {revision: 2}, later],
    ['Maintenance/Alarm', {action: 'get'}, alarm],
    ['KV/Range', {key: 'k'}, TIMED_OUT],
    ['Lease/LeaseTimeToLive', {id: LEASE}, '14 etcdserver: no leader'],
  ])('%s %j after seven seconds', (name, request, answer) => {
    expect(timed(talk, name, request)).toEqual([answer, 7]);
  });

  test('a lease is kept alive for seven seconds in vain', () => {
    const stream = talk.stream('Lease/LeaseKeepAlive');
    stream.send({id: LEASE});
    expect(stream.heard(6_900)).toEqual([]);
    expect(stream.heard(200)).toEqual(['14 etcdserver: no leader']);
  });

  test('the list of members is linearizable from 3.5 on', () => {
    const [said, seconds] = timed(talk, 'Cluster/MemberList', {linearizable: true});
    if (release.startsWith('3.5')) expect([said, seconds]).toEqual([TIMED_OUT, 7]);
    else {
      expect((said as {members: unknown[]}).members).toHaveLength(3);
      expect(seconds).toBe(0);
    }
  });

  test('what needs no leader is answered at once', () => {
    expect(timed(talk, 'KV/Range', {key: 'k', serializable: true})).toMatchObject([{count: 1}, 0]);
    expect(timed(talk, 'Maintenance/HashKV')).toMatchObject([{header: {revision: 2}}, 0]);
    const [members, seconds] = timed(talk, 'Cluster/MemberList', {linearizable: false});
    expect([(members as {members: unknown[]}).members.length, seconds]).toEqual([3, 0]);
    const watch = talk.stream('Watch/Watch');
    watch.send(WATCH_K);
    expect(watch.heard()).toMatchObject([{created: true}]);
  });

  test('who asks for a leader is refused at once', () => {
    talk.requiresLeader = true;
    expect(timed(talk, 'KV/Range', {key: 'k'})).toEqual(['14 etcdserver: no leader', 0]);
    expect(timed(talk, 'KV/Range', {key: 'k', serializable: true})).toEqual(['14 etcdserver: no leader', 0]);
    const watch = talk.stream('Watch/Watch');
    watch.send(WATCH_K);
    expect(watch.heard()).toEqual(['14 etcdserver: no leader']);
    talk.requiresLeader = false;
  });

  test('/health, /livez and /readyz', () => {
    const is35 = release.startsWith('3.5');
    const sick = is35 ? '{"health":"false","reason":"RAFT NO LEADER"}\n' : '{"health":"false"}\n';
    const ask = (path: string) => talk.cluster.http(0, 'client', 'GET', path);
    expect(ask('/health')).toEqual({status: 503, body: sick});
    expect(ask('/health?serializable=true').status).toBe(is35 ? 200 : 503);
    expect(ask('/livez')).toEqual(is35 ? {status: 200, body: 'ok\n'} : {status: 404, body: '404 page not found\n'});
    const ready = ask('/readyz');
    expect(ready.status).toBe(is35 ? 503 : 404);
    if (is35) expect(ready.body).toContain('[-]linearizable_read failed: range error: etcdserver: request timed out\n');
  });

  test('the peers come back, and with them a leader', () => {
    for (const host of ['host2', 'host3']) talk.cluster.world.machine(host).resume();
    talk.cluster.advance(5_000_000);
    expect(talk.say('KV/Put', {key: 'c', value: '1'})).toMatchObject({header: {}});
  });
});

test('a watch that asked for a leader ends when there is none; another goes on', () => {
  const talk = new Talk({release: '3.5.16', memberCount: 3});
  const plain = talk.stream('Watch/Watch');
  plain.send(WATCH_K);
  talk.requiresLeader = true;
  const strict = talk.stream('Watch/Watch');
  strict.send(WATCH_K);
  expect([...plain.heard(), ...strict.heard()]).toMatchObject([{created: true}, {created: true}]);
  for (const host of ['host2', 'host3']) talk.cluster.world.machine(host).pause();
  expect(strict.heard(10_000)).toEqual(['14 etcdserver: no leader']);
  expect(plain.heard()).toEqual([]);
});
