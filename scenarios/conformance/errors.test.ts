// What real servers 3.3.25, 3.4.23 and 3.5.16 answered (errata/confirmed-on-real-kv.md, "Errors equal on all four" and "Errors and
// answers that differ"), asked of the simulated ones. 3.6 and 3.7 by their documented differences.
import {describe, expect, test} from 'vitest';
import {Talk} from './talk.ts';

const RELEASES = ['3.3.25', '3.4.23', '3.5.16', '3.6.0', '3.7.0'];
const OLDER = ['3.3.25', '3.4.23', '3.5.16'];
const put = (key: string, value = 'v') => ({
  kind: 'put',
  request: {key, value, lease: NO_LEASE, prevKv: false, ignoreValue: false, ignoreLease: false},
});
const NO_LEASE = '0000000000000000';
const LEASE_77 = '000000000000004d';
const ops = (count: number) => Array.from({length: count}, (_, index) => put(`k${index}`));

describe.each(RELEASES)('%s', (release) => {
  const talk = new Talk({release});
  const isNew = !OLDER.includes(release);

  test('identity: ids follow from name, URL and token', () => {
    const {header} = talk.ok('KV/Range', {key: 'a'}) as {header: {memberId: string; revision: number}};
    expect(header).toMatchObject({memberId: 'd50373de1f402b3e', revision: 1, raftTerm: 2});
  });

  test('KV requests that are refused', () => {
    talk.ok('KV/Put', {key: 'a', value: '1'});
    expect(talk.say('KV/Put', {value: 'v'})).toBe('3 etcdserver: key is not provided');
    expect(talk.say('KV/Range', {})).toBe('3 etcdserver: key is not provided');
    expect(talk.say('KV/DeleteRange', {})).toBe('3 etcdserver: key is not provided');
    expect(talk.say('KV/Range', {key: 'a', revision: 99})).toBe(
      '11 etcdserver: mvcc: required revision is a future revision',
    );
    expect(talk.say('KV/Compact', {revision: 99})).toBe('11 etcdserver: mvcc: required revision is a future revision');
    expect(talk.say('KV/Put', {key: 'a', value: 'x', ignoreValue: true})).toBe('3 etcdserver: value is provided');
    expect(talk.say('KV/Put', {key: 'a', lease: LEASE_77, ignoreLease: true})).toBe('3 etcdserver: lease is provided');
    expect(talk.say('KV/Put', {key: 'new', ignoreValue: true})).toBe('3 etcdserver: key not found');
    expect(talk.say('KV/Put', {key: 'a', value: '1', lease: LEASE_77})).toBe('5 etcdserver: requested lease not found');
    expect(talk.say('KV/Range', {key: 'a', revision: -1})).toMatchObject({count: 1});
  });

  test('compaction: at or below the compact revision, also 0 and negative', () => {
    talk.ok('KV/Put', {key: 'a', value: '2'});
    const {header} = talk.ok('KV/Put', {key: 'a', value: '3'}) as {header: {revision: number}};
    talk.ok('KV/Compact', {revision: header.revision - 1});
    for (const revision of [header.revision - 1, 1, 0, -5]) {
      expect(talk.say('KV/Compact', {revision})).toBe('11 etcdserver: mvcc: required revision has been compacted');
    }
    expect(talk.say('KV/Range', {key: 'a', revision: 1})).toBe(
      '11 etcdserver: mvcc: required revision has been compacted',
    );
  });

  test('transactions that are refused', () => {
    const twice = {success: [put('x'), put('x')]};
    expect(talk.say('KV/Txn', twice)).toBe('3 etcdserver: duplicate key given in txn request');
    expect(talk.say('KV/Txn', {success: ops(129)})).toBe('3 etcdserver: too many operations in txn request');
    expect(talk.say('KV/Txn', {success: ops(128)})).toMatchObject({succeeded: true});
    expect(talk.say('KV/Txn', {success: [put('x')], failure: [put('x')]})).toMatchObject({succeeded: true});
    expect(talk.say('KV/Txn', {success: [{kind: 'none'}]})).toBe('3 etcdserver: key not found');
  });

  test('requests that are too large', () => {
    expect(talk.say('KV/Put', {key: 'big', value: 'x'.repeat(1_600 * 1024)})).toBe(
      '3 etcdserver: request is too large',
    );
    expect(talk.say('KV/Put', {key: 'big', value: 'x'.repeat(2_306_867)})).toBe(
      '8 grpc: received message larger than max (2306877 vs. 2097152)',
    );
  });

  test('an unknown sort order passes in older releases', () => {
    const said = talk.say('KV/Range', {key: 'a', sortOrder: 7});
    if (isNew) expect(said).toBe('3 etcdserver: invalid sort option');
    else expect(said).toMatchObject({count: 1});
  });

  test('leases', () => {
    expect(talk.ok('Lease/LeaseTimeToLive', {id: LEASE_77})).toMatchObject({ttl: -1, grantedTtl: 0});
    expect(talk.say('Lease/LeaseRevoke', {id: LEASE_77})).toBe('5 etcdserver: requested lease not found');
    expect(talk.say('Lease/LeaseGrant', {ttl: 9_000_000_001})).toBe('11 etcdserver: too large lease TTL');
    expect(talk.ok('Lease/LeaseGrant', {ttl: 1, id: '0000000000000001'})).toMatchObject({ttl: 2});
    expect(talk.ok('Lease/LeaseGrant', {ttl: 0})).toMatchObject({ttl: 2});
    talk.ok('Lease/LeaseGrant', {ttl: 600, id: LEASE_77});
    expect(talk.say('Lease/LeaseGrant', {ttl: 600, id: LEASE_77})).toBe('9 etcdserver: lease already exists');
    const keepAlive = talk.stream('Lease/LeaseKeepAlive');
    keepAlive.send({id: LEASE_77});
    keepAlive.send({id: '0000000000000999'});
    expect(keepAlive.heard()).toMatchObject([
      {id: LEASE_77, ttl: 600},
      {id: '0000000000000999', ttl: 0},
    ]);
  });

  test('a lease expires and takes its keys along', () => {
    talk.ok('Lease/LeaseGrant', {ttl: 2, id: '0000000000000002'});
    talk.ok('KV/Put', {key: 'leased', value: 'x', lease: '0000000000000002'});
    talk.cluster.advance(1_500_000);
    expect(talk.ok('KV/Range', {key: 'leased'})).toMatchObject({count: 1});
    talk.cluster.advance(2_500_000);
    expect(talk.ok('KV/Range', {key: 'leased'})).toMatchObject({count: 0});
    expect(talk.ok('Lease/LeaseTimeToLive', {id: '0000000000000002'})).toMatchObject({ttl: -1});
  });

  test('alarms: raised, told, taken back', () => {
    const own = (talk.ok('Maintenance/Status') as {header: {memberId: string}}).header.memberId;
    expect(talk.ok('Maintenance/Alarm', {action: 'activate', memberId: own, alarm: 'nospace'})).toMatchObject({
      alarms: [{memberId: own, alarm: 'nospace'}],
    });
    expect(talk.say('KV/Put', {key: 'a', value: 'x'})).toBe('8 etcdserver: mvcc: database space exceeded');
    expect(talk.say('Lease/LeaseGrant', {ttl: 100})).toBe('8 etcdserver: mvcc: database space exceeded');
    expect(talk.ok('KV/Range', {key: 'a'})).toMatchObject({count: 1});
    expect(talk.ok('KV/DeleteRange', {key: 'nothing'})).toMatchObject({deleted: 0});
    const {errors} = talk.ok('Maintenance/Status') as {errors: string[]};
    const told = [`memberID:${BigInt(`0x${own}`)} alarm:NOSPACE${release === '3.7.0' ? '' : ' '}`];
    expect(errors).toEqual(release === '3.3.25' ? [] : told);
    talk.ok('Maintenance/Alarm', {action: 'deactivate', memberId: own, alarm: 'nospace'});
    expect(talk.ok('KV/Put', {key: 'a', value: 'x'})).toBeDefined();
  });

  test('users and roles before auth is on', () => {
    expect(talk.say('Auth/Authenticate', {name: 'root', password: 'x'})).toBe(
      '9 etcdserver: authentication is not enabled',
    );
    expect(talk.say('Auth/AuthEnable')).toBe('9 etcdserver: root user does not exist');
    expect(talk.say('Auth/UserAdd', {password: 'x'})).toBe('3 etcdserver: user name is empty');
    expect(talk.say('Auth/RoleGet', {role: 'none'})).toBe('9 etcdserver: role name not found');
  });

  test('member calls that are refused', () => {
    expect(talk.say('Cluster/MemberRemove', {id: '0000000000000001'})).toBe('5 etcdserver: member not found');
    expect(talk.say('Cluster/MemberAdd', {peerUrls: []})).toBe('3 etcdserver: given member URLs are invalid');
    expect(talk.say('Cluster/MemberAdd', {peerUrls: ['http://127.0.0.1:22901']})).toBe(
      '9 etcdserver: Peer URLs already exists',
    );
  });

  test('health', () => {
    const body = ['3.3.25', '3.4.23'].includes(release) ? '{"health":"true"}' : '{"health":"true","reason":""}';
    expect(talk.cluster.http(0, 'client', 'GET', '/health')).toEqual({status: 200, body});
    expect(talk.cluster.http(0, 'client', 'GET', '/livez')).toMatchObject(
      ['3.3.25', '3.4.23'].includes(release) ? {status: 404} : {status: 200, body: 'ok\n'},
    );
  });
});
