// Reproductions of errata/confirmed-on-real-kv.md on whole simulated clusters, with the answers and hashes that real servers gave.
import {describe, expect, test} from 'vitest';
import {Talk} from './talk.ts';

const OBSERVED = ['3.3.25', '3.4.23', '3.5.16'];
const NO_LEASE = '0000000000000000';
const put = (key: string, value: string) => ({
  kind: 'put',
  request: {key, value, lease: NO_LEASE, prevKv: false, ignoreValue: false, ignoreLease: false},
});
const range = (key: string, revision: number) => ({
  kind: 'range',
  request: {
    key,
    rangeEnd: '',
    limit: 0,
    revision,
    sortOrder: 'none',
    sortTarget: 'key',
    serializable: false,
    keysOnly: false,
    countOnly: false,
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
  },
});
const hashes = (talk: Talk) =>
  [0, 1, 2].map((member) => {
    const {header, hash} = talk.ok('Maintenance/HashKV', {}, member) as {header: {revision: number}; hash: number};
    return `${header.revision} ${hash}`;
  });

describe.each(OBSERVED)('18667: a failing range inside a transaction, %s', (release) => {
  const talk = new Talk({release, memberCount: 3});

  test('members differ by what the proposer refuses and the others carry out', () => {
    for (let i = 0; i < 6; i++) talk.ok('KV/Put', {key: `k${i}`, value: `v${i}`});
    talk.ok('KV/Compact', {revision: 5});
    talk.cluster.advance(2_000_000);
    expect(hashes(talk)).toEqual(['7 2898211589', '7 2898211589', '7 2898211589']);
    expect(talk.say('KV/Txn', {success: [put('foo', 'bar'), range('k0', 100)]})).toBe(
      '11 etcdserver: mvcc: required revision is a future revision',
    );
    talk.cluster.advance(500_000);
    expect(hashes(talk)).toEqual(['7 2898211589', '8 1108948748', '8 1108948748']);
    expect(talk.say('KV/Txn', {success: [put('foo2', 'bar'), range('k0', 2)]})).toBe(
      '11 etcdserver: mvcc: required revision has been compacted',
    );
    talk.cluster.advance(500_000);
    expect(hashes(talk)).toEqual(['7 2898211589', '9 4121583760', '9 4121583760']);
    expect(talk.ok('KV/Range', {key: 'foo'})).toMatchObject({count: 0, header: {revision: 7}});
    expect(talk.ok('KV/Range', {key: 'foo'}, 1)).toMatchObject({count: 1, header: {revision: 9}});
  });
});

test('18667 is mended in 3.7: nobody carries out what one member refuses', () => {
  const talk = new Talk({release: '3.7.0', memberCount: 3});
  talk.ok('KV/Put', {key: 'a', value: '1'});
  talk.say('KV/Txn', {success: [put('foo', 'bar'), range('a', 100)]});
  talk.cluster.advance(500_000);
  expect(new Set(hashes(talk)).size).toBe(1);
});

describe.each(OBSERVED)('18667 with permissions: a range that is not permitted, %s', (release) => {
  test('is refused where it was proposed, and the put beside it is carried out by the others', () => {
    const talk = new Talk({release, memberCount: 3});
    for (const name of ['root', 'alice']) talk.ok('Auth/UserAdd', {name, password: name});
    for (const name of ['root', 'ra']) talk.ok('Auth/RoleAdd', {name});
    talk.ok('Auth/RoleGrantPermission', {name: 'ra', perm: {type: 'readwrite', key: 'a', rangeEnd: 'b'}});
    talk.ok('Auth/UserGrantRole', {user: 'root', role: 'root'});
    talk.ok('Auth/UserGrantRole', {user: 'alice', role: 'ra'});
    talk.ok('Auth/AuthEnable');
    talk.token = (talk.ok('Auth/Authenticate', {name: 'alice', password: 'alice'}) as {token: string}).token;
    expect(talk.say('KV/Txn', {success: [range('secret', 0), put('a1', 'x')]})).toBe('7 etcdserver: permission denied');
    talk.cluster.advance(500_000);
    talk.token = (talk.ok('Auth/Authenticate', {name: 'root', password: 'root'}) as {token: string}).token;
    expect(hashes(talk).map((told) => told.split(' ')[0])).toEqual(['1', '2', '2']);
  });
});

describe.each(OBSERVED)('an alarm from before a restart, %s', (release) => {
  test('is looked at before permissions', () => {
    const talk = new Talk({release});
    for (const name of ['root', 'alice']) talk.ok('Auth/UserAdd', {name, password: name});
    talk.ok('Auth/RoleAdd', {name: 'root'});
    talk.ok('Auth/UserGrantRole', {user: 'root', role: 'root'});
    talk.ok('Maintenance/Alarm', {action: 'activate', memberId: '0000000000000063', alarm: 'nospace'});
    talk.ok('Auth/AuthEnable');
    talk.token = (talk.ok('Auth/Authenticate', {name: 'alice', password: 'alice'}) as {token: string}).token;
    expect(talk.say('KV/Put', {key: 'k', value: 'v'})).toBe('8 etcdserver: mvcc: database space exceeded');
  });
});

describe.each(OBSERVED)('11456: a lock whose session ended while it waited, %s', (release) => {
  test('is answered with a key that is not there, or refused', () => {
    const talk = new Talk({release});
    talk.ok('Lease/LeaseGrant', {ttl: 600, id: '000000000000000a'});
    talk.ok('Lease/LeaseGrant', {ttl: 2, id: '000000000000000b'});
    expect(talk.ok('Lock/Lock', {name: 'lk', lease: '000000000000000a'})).toMatchObject({key: 'lk/a'});
    const waiting = talk.begin('Lock/Lock', {name: 'lk', lease: '000000000000000b'});
    talk.cluster.advance(6_000_000);
    expect(talk.ok('KV/Range', {key: 'lk/', rangeEnd: 'lk0', keysOnly: true})).toMatchObject({count: 1});
    expect(waiting()).toBeUndefined();
    talk.ok('Lock/Unlock', {key: 'lk/a'});
    talk.cluster.advance(1_000_000);
    if (release === '3.5.16') expect(waiting()).toBe('2 mutex: session is expired');
    else expect(waiting()).toMatchObject({key: 'lk/b', header: {revision: 5}});
  });
});

describe.each(OBSERVED)('13435, 22140: the quota, %s', (release) => {
  const value = 'x'.repeat(500 * 1024);
  const isOld = release === '3.3.25';

  test('the fifth put is refused; reads and deletions pass, but not on 3.3', () => {
    const talk = new Talk({release, options: {quotaBackendBytes: 4_194_304}});
    const answers = [];
    for (let i = 0; i < 5; i++) {
      answers.push(talk.say('KV/Put', {key: `k${i}`, value}));
      talk.cluster.advance(250_000);
    }
    expect(answers.slice(0, 4).every((answer) => typeof answer === 'object')).toBe(true);
    expect(answers[4]).toBe('8 etcdserver: mvcc: database space exceeded');
    const {alarms} = talk.ok('Maintenance/Alarm', {action: 'get'}) as {alarms: {alarm: string}[]};
    expect(alarms).toMatchObject([{alarm: 'nospace'}]);
    expect(talk.say('Lease/LeaseGrant', {ttl: 60})).toBe('8 etcdserver: mvcc: database space exceeded');
    expect(talk.ok('KV/Range', {key: 'k0', countOnly: true})).toMatchObject({count: 1});
    const readOnly = talk.say('KV/Txn', {success: [range('k0', 0)]});
    if (isOld) expect(readOnly).toBe('8 etcdserver: mvcc: database space exceeded');
    else expect(readOnly).toMatchObject({succeeded: true});
    expect(talk.ok('KV/DeleteRange', {key: 'k0'})).toMatchObject({deleted: 1});
    const body = talk.cluster.http(0, 'client', 'GET', '/health');
    expect(body.status).toBe(503);
    if (release === '3.5.16') expect(body.body).toBe('{"health":"false","reason":"ALARM NOSPACE"}\n');
    const excluded = talk.cluster.http(0, 'client', 'GET', '/health?exclude=NOSPACE').status;
    expect(excluded).toBe(isOld ? 503 : 200);
  });

  test('nested puts pass the quota unseen from 3.4 on', () => {
    const talk = new Talk({release, options: {quotaBackendBytes: 4_194_304}});
    let accepted = 0;
    for (let i = 0; i < 14; i++) {
      const nested = {kind: 'txn', request: {compare: [], success: [put('f', value)], failure: []}};
      if (typeof talk.say('KV/Txn', {success: [nested]}) === 'object') accepted++;
      talk.cluster.advance(250_000);
    }
    expect(accepted).toBe(isOld ? 4 : 14);
  });
});

describe.each(OBSERVED)('HashKV at the compact revision (14325), %s', (release) => {
  test('is refused, or answered with the hash that the compaction left', () => {
    const talk = new Talk({release});
    for (let i = 0; i < 6; i++) talk.ok('KV/Put', {key: 'a', value: String(i)});
    talk.ok('KV/Compact', {revision: 5, physical: true});
    const said = talk.say('Maintenance/HashKV', {revision: 5});
    if (release === '3.5.16') expect(said).toMatchObject({compactRevision: -1});
    else expect(said).toBe('11 etcdserver: mvcc: required revision has been compacted');
  });
});

describe.each(OBSERVED)('18089: a deletion exactly at the compact revision, %s', (release) => {
  test('is seen by a watch from there, or not', () => {
    const talk = new Talk({release});
    talk.ok('KV/Put', {key: 'd', value: '1'});
    talk.ok('KV/DeleteRange', {key: 'd'});
    talk.ok('KV/Put', {key: 'other', value: '1'});
    talk.ok('KV/Compact', {revision: 3});
    talk.cluster.advance(1_000_000);
    const watch = talk.stream('Watch/Watch');
    watch.send({
      create: {
        key: 'd',
        rangeEnd: '',
        startRevision: 3,
        progressNotify: false,
        filters: [],
        prevKv: false,
        watchId: 0,
        fragment: false,
      },
    });
    const heard = watch.heard(1_000);
    expect(heard[0]).toMatchObject({created: true, header: {revision: 4}});
    if (release === '3.5.16')
      expect(heard[1]).toMatchObject({events: [{type: 'delete', kv: {key: 'd', modRevision: 3}}]});
    else expect(heard).toHaveLength(1);
  });
});

describe.each(OBSERVED)('permissions on a whole server, %s', (release) => {
  const talk = new Talk({release});
  const login = (name: string) => {
    talk.token = undefined;
    const {token} = talk.ok('Auth/Authenticate', {name, password: name}) as {token: string};
    talk.token = token;
  };
  const foreign = {
    kind: 'txn',
    request: {compare: [], success: [range('secret', 0), put('secret', 'owned')], failure: []},
  };

  test('root, alice and what she may', () => {
    talk.ok('KV/Put', {key: 'secret', value: 's3cret'});
    for (const name of ['root', 'alice']) talk.ok('Auth/UserAdd', {name, password: name});
    talk.ok('Auth/RoleAdd', {name: 'root'});
    talk.ok('Auth/RoleAdd', {name: 'ra'});
    talk.ok('Auth/RoleGrantPermission', {name: 'ra', perm: {type: 'readwrite', key: 'a', rangeEnd: 'b'}});
    talk.ok('Auth/UserGrantRole', {user: 'root', role: 'root'});
    talk.ok('Auth/UserGrantRole', {user: 'alice', role: 'ra'});
    talk.ok('Auth/AuthEnable');
    expect(talk.say('KV/Put', {key: 'a1', value: 'x'})).toBe('3 etcdserver: user name is empty');
    login('alice');
    expect(talk.ok('KV/Put', {key: 'a1', value: 'x'})).toBeDefined();
    expect(talk.say('KV/Put', {key: 'c', value: 'x'})).toBe('7 etcdserver: permission denied');
    expect(talk.say('KV/Range', {key: 'secret'})).toBe('7 etcdserver: permission denied');
    talk.token = 'no such token';
    expect(talk.say('KV/Put', {key: 'a1', value: 'x'})).toBe('16 etcdserver: invalid auth token');
  });

  test('CVE-2026-33343: nested transactions are not looked into', () => {
    login('alice');
    expect(talk.ok('KV/Txn', {success: [foreign]})).toMatchObject({succeeded: true});
    login('root');
    expect(talk.ok('KV/Range', {key: 'secret'})).toMatchObject({kvs: [{value: 'owned'}]});
  });

  test('hash, hashKV and defragment tell the plain error', () => {
    login('alice');
    expect(talk.say('Maintenance/HashKV')).toBe('2 auth: permission denied');
    talk.token = undefined;
    expect(talk.say('Maintenance/Hash')).toBe('2 auth: user name is empty');
    login('root');
    expect(talk.say('Maintenance/HashKV')).toMatchObject({compactRevision: -1});
  });

  test('a leased key of a user expires although the revoke comes from the server itself', () => {
    login('root');
    talk.ok('Lease/LeaseGrant', {ttl: 2, id: '0000000000000700'});
    talk.ok('KV/Put', {key: 'leased', value: 'x', lease: '0000000000000700'});
    talk.cluster.advance(5_000_000);
    expect(talk.ok('KV/Range', {key: 'leased'})).toMatchObject({count: 0});
  });
});

describe('moving the leader', () => {
  test.each(OBSERVED)('%s: to an unknown member is refused, to a follower is done', (release) => {
    const talk = new Talk({release, memberCount: 3});
    const {leader} = talk.ok('Maintenance/Status') as {leader: string};
    const ids = [0, 1, 2].map(
      (m) => (talk.ok('Maintenance/Status', {}, m) as {header: {memberId: string}}).header.memberId,
    );
    const at = ids.indexOf(leader);
    const to = (at + 1) % 3;
    if (release !== '3.3.25') {
      expect(talk.say('Maintenance/MoveLeader', {targetId: '0000000000000001'}, at)).toBe(
        '9 etcdserver: bad leader transferee',
      );
    }
    expect(talk.say('Maintenance/MoveLeader', {targetId: ids[to]}, to)).toBe('9 etcdserver: not leader');
    talk.ok('Maintenance/MoveLeader', {targetId: ids[to]}, at);
    expect(talk.ok('Maintenance/Status', {}, at)).toMatchObject({leader: ids[to]});
  });
});
