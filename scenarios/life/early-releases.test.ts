// What 3.0.17, 3.1.20 and 3.2.32 answer in their own way. Each was built from its tag and asked the same as the simulated one, in random
// sequences (etcdsim compare): these are the answers in which they differ from 3.3 and from each other.
import {describe, expect, test} from 'vitest';
import {Talk} from '../conformance/talk.ts';

const RELEASES = ['3.0.17', '3.1.20', '3.2.32', '3.3.25'] as const;
type Answers = readonly [unknown, unknown, unknown, unknown];
const LEASE = '0000000000000064';
const put = (key: string) => ({kind: 'put', request: {key, value: 'v', lease: '0000000000000000'}});

describe.each(RELEASES.map((release, index) => [release, index] as const))('%s', (release, index) => {
  const talk = new Talk({release});
  const expected = (...answers: Answers): unknown => answers[index];

  test('calls that came later are not there, in the words of gRPC of the day', () => {
    expect(talk.say('Lease/LeaseLeases')).toEqual(
      expected(
        '12 unknown method LeaseLeases',
        '12 unknown method LeaseLeases',
        '12 unknown method LeaseLeases',
        expect.objectContaining({leases: []}),
      ),
    );
    expect(talk.say('Maintenance/HashKV')).toEqual(
      expected(
        '12 unknown method HashKV',
        '12 unknown method HashKV',
        '12 unknown method HashKV',
        expect.objectContaining({compactRevision: expect.any(Number)}),
      ),
    );
    expect(talk.say('Maintenance/Downgrade')).toEqual(
      expected(
        '12 unknown method Downgrade',
        '12 unknown method Downgrade',
        '12 unknown method Downgrade',
        '12 unknown method Downgrade for service etcdserverpb.Maintenance',
      ),
    );
  });

  test('time-to-live: unknown, refused, or -1', () => {
    expect(talk.say('Lease/LeaseTimeToLive', {id: LEASE})).toEqual(
      expected(
        '12 unknown method LeaseTimeToLive',
        '5 etcdserver: requested lease not found',
        expect.objectContaining({ttl: -1}),
        expect.objectContaining({ttl: -1}),
      ),
    );
  });

  test('health: by hand up to 3.2, and blind for alarms', () => {
    talk.ok('KV/Put', {key: 'a', value: 'v'});
    const healthy = {status: 200, body: index < 3 ? '{"health": "true"}' : '{"health":"true"}'};
    expect(talk.cluster.http(0, 'client', 'GET', '/health')).toEqual(healthy);
    talk.ok('Maintenance/Alarm', {action: 'activate', memberId: '0000000000000001', alarm: 'nospace'});
    const withAlarm = index < 3 ? healthy : {status: 503, body: '{"health":"false"}\n'};
    expect(talk.cluster.http(0, 'client', 'GET', '/health')).toEqual(withAlarm);
    talk.ok('Maintenance/Alarm', {action: 'deactivate', memberId: '0000000000000001', alarm: 'nospace'});
  });

  test('a transaction that deletes nothing: 3.0 tells a revision that is not there yet', () => {
    const {header} = talk.ok('KV/Range', {key: 'a'}) as {header: {revision: number}};
    const nothing = {kind: 'delete-range', request: {key: 'nowhere', rangeEnd: '', prevKv: false}};
    const answer = talk.ok('KV/Txn', {success: [nothing]}) as {header: {revision: number}};
    expect(answer.header.revision - header.revision).toBe(index === 0 ? 1 : 0);
  });

  test('a missing operation, or one that is not known: passed over and fatal, or refused', () => {
    if (index < 2) return; // the process ends: the next test
    expect(talk.say('KV/Txn', {success: [{kind: 'none'}]})).toBe('3 etcdserver: key not found');
    const nested = {kind: 'txn', request: {compare: [], success: [put('b')], failure: []}};
    expect(talk.say('KV/Txn', {success: [nested]})).toEqual(
      index === 2 ? '3 etcdserver: key not found' : expect.objectContaining({succeeded: true}),
    );
  });

  test('a change of members is answered with the members from 3.2 on', () => {
    const grown = new Talk({release, options: {strictReconfigCheck: false}});
    const answer = grown.ok('Cluster/MemberAdd', {peerUrls: ['http://127.0.0.1:1']}) as {members: readonly unknown[]};
    expect(answer.members).toHaveLength(index < 2 ? 0 : 2);
  });

  test('bounds of a range by revision are passed over by 3.0', () => {
    const {kvs} = talk.ok('KV/Range', {key: 'a', minModRevision: 1_000}) as {kvs: readonly unknown[]};
    expect(kvs).toHaveLength(index === 0 ? 1 : 0);
  });

  test('auth: headers, tokens while it is off, names', () => {
    const added = talk.ok('Auth/UserAdd', {name: 'root', password: 'pw'}) as {header: object | undefined};
    expect(added.header === undefined).toBe(index === 0);
    const early = talk.say('Auth/Authenticate', {name: 'root', password: 'pw'});
    if (index === 0) expect(early).toMatchObject({token: expect.stringMatching(/^[A-Za-z]{16}\.\d+$/)});
    else expect(early).toBe('9 etcdserver: authentication is not enabled');
    expect(talk.say('Auth/Authenticate', {name: 'nobody', password: 'pw'})).toBe(
      index < 2
        ? '3 etcdserver: authentication failed, invalid user ID or password'
        : '9 etcdserver: authentication is not enabled',
    );
  });

  test('auth: who may do nothing reads it in other words', () => {
    talk.ok('Auth/RoleAdd', {name: 'root'});
    talk.ok('Auth/UserGrantRole', {user: 'root', role: 'root'});
    talk.ok('Auth/AuthEnable');
    expect(talk.say('KV/Put', {key: 'a', value: 'x'})).toBe(
      expected(
        '9 etcdserver: permission denied',
        '3 etcdserver: user name is empty',
        '3 etcdserver: user name is empty',
        '3 etcdserver: user name is empty',
      ),
    );
    const {token} = talk.ok('Auth/Authenticate', {name: 'root', password: 'pw'}) as {token: string};
    talk.token = token;
    expect(talk.say('Auth/UserDelete', {name: 'root'})).toEqual(
      index < 2 ? expect.any(Object) : '3 etcdserver: invalid auth management',
    );
  });
});

test.each(['3.0.17', '3.1.20'])('%s dies of an answer with nothing in it', (release) => {
  const talk = new Talk({release});
  const nested = {kind: 'txn', request: {compare: [], success: [], failure: []}};
  expect(() => talk.say('KV/Txn', {success: [nested]})).toThrow('nil pointer dereference');
});
