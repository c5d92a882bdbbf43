// Answers that real servers were seen to give (errata: confirmed-on-real-kv.md), release by release.
import {describe, expect, test} from 'vitest';
import type {LeaseId} from '../../base/ids.ts';
import {toId64} from '../../base/ids.ts';
import type {RaftRequestBody} from '../etcdserverpb/raft-request.ts';
import type {RequestOp, TxnRequest} from '../etcdserverpb/types.ts';
import {deleteRangeRequest, putRequest, rangeRequest} from '../etcdserverpb/types.ts';
import type {TestBatch} from '../mvcc/test-batch.ts';
import type {GuardedCall} from './behaviours.ts';
import {authBehavioursOf} from './behaviours.ts';
import {
  callerOf,
  checkLeaseLeases,
  checkLeaseRenew,
  checkLeaseTimeToLive,
  checkRead,
  guardCall,
  isAuthError,
  staleRead,
  watchRefusal,
} from './call-checks.ts';
import type {AuthError} from './ports.ts';
import {expectOk, finish, outcomeOf, REAL_RELEASES, TestServer, userAdd} from './test-auth.ts';

const DENIED = 'PermissionDenied etcdserver: permission denied';
const NOBODY_NAMED = 'InvalidArgument etcdserver: user name is empty';
const lease = (id: number): LeaseId => toId64(id) as LeaseId;
const put = (key: string, more: Partial<{prevKv: boolean; lease: LeaseId}> = {}): RequestOp => ({
  kind: 'put',
  request: putRequest(key, 'v', more),
});
const range = (key: string, rangeEnd = ''): RequestOp => ({kind: 'range', request: rangeRequest(key, {rangeEnd})});
const txn = (...success: RequestOp[]): {kind: 'txn'; request: TxnRequest} => ({
  kind: 'txn',
  request: {compare: [], success, failure: []},
});

/** The cluster of the CVE entries: alice with readwrite a..b, read k, write wo; lease 555 under secret2. */
function cveServer(release: string) {
  const server = new TestServer(release);
  server.setUp(
    {alice: ['ra'], carol: []},
    {
      ra: [
        ['readwrite', 'a', 'b'],
        ['read', 'k'],
        ['write', 'wo'],
      ],
    },
  );
  server.leases.set(lease(555), ['secret2', 'a2']);
  server.leases.set(lease(556), []);
  const tokens = {nobody: undefined, alice: server.login('alice', 'pw'), root: server.login('root', 'pw')};
  const may = (body: RaftRequestBody | RequestOp, who: keyof typeof tokens = 'alice'): string =>
    outcomeOf(server.mayApply(body as RaftRequestBody, server.caller(tokens[who])));
  const guard = (call: GuardedCall, who: keyof typeof tokens): string =>
    outcomeOf(finish(guardCall(server.store, server, call, tokens[who])));
  const watch = (who: keyof typeof tokens, key: string, end = ''): string | undefined =>
    watchRefusal(server.store, finish(callerOf(server.store, server, tokens[who])), key, end);
  return {server, tokens, may, guard, watch};
}

const FIXED = ['3.4.45', '3.5.30', '3.6.11', '3.7.1'];

describe.each([...REAL_RELEASES, ...FIXED])('who may do what with keys, %s', (release) => {
  const isFixed = FIXED.includes(release);

  test('plain requests', () => {
    const {may} = cveServer(release);
    expect(may(range('secret'))).toBe(DENIED);
    expect(may(range('k'))).toBe('ok');
    expect(may(range('k', '\0'))).toBe(DENIED);
    expect(may(range('a', 'b'))).toBe('ok');
    expect(may(range('a', 'c'))).toBe(DENIED);
    expect(may(put('a1'))).toBe('ok');
    expect(may(put('k'))).toBe(DENIED);
    expect(may(put('wo'))).toBe('ok');
    expect(may(put('wo', {prevKv: true}))).toBe(DENIED);
    expect(may(put('a1', {lease: lease(555)}))).toBe(DENIED);
    expect(may(put('a1', {lease: lease(556)}))).toBe('ok');
    expect(may({kind: 'delete-range', request: deleteRangeRequest('a', {rangeEnd: 'b', prevKv: true})})).toBe('ok');
    expect(may({kind: 'delete-range', request: deleteRangeRequest('wo')})).toBe('ok');
    expect(may({kind: 'delete-range', request: deleteRangeRequest('wo', {prevKv: true})})).toBe(DENIED);
    expect(may(put('a1'), 'nobody')).toBe(NOBODY_NAMED);
    expect(may(range('secret', '\0'), 'root')).toBe('ok');
  });

  test('CVE-2026-33343: what is nested in a txn', () => {
    const {may} = cveServer(release);
    expect(may(txn(range('secret')))).toBe(DENIED);
    expect(may(txn(txn(range('secret'), put('secret'))))).toBe(isFixed ? DENIED : 'ok');
    expect(may(txn(txn(range('a'), put('a'))))).toBe('ok');
  });

  test('CVE-2026-44283: puts in a txn', () => {
    const {may} = cveServer(release);
    expect(may(txn(put('wo', {prevKv: true})))).toBe(isFixed ? DENIED : 'ok');
    expect(may(txn(put('a2', {lease: lease(555)})))).toBe(isFixed ? DENIED : 'ok');
    expect(may(txn({kind: 'delete-range', request: deleteRangeRequest('wo', {prevKv: true})}))).toBe(DENIED);
  });

  test('compares and both branches are looked at', () => {
    const {may} = cveServer(release);
    const compare = [{result: 'equal', target: 'version', key: 'secret', operand: undefined, rangeEnd: ''} as const];
    expect(may({kind: 'txn', request: {compare, success: [], failure: []}})).toBe(DENIED);
    expect(may({kind: 'txn', request: {compare: [], success: [], failure: [put('secret')]}})).toBe(DENIED);
  });

  test('GHSA-xg4h: an open-ended watch by a reader of one key', () => {
    const {watch} = cveServer(release);
    const reason = 'rpc error: code = PermissionDenied desc = etcdserver: permission denied';
    expect(watch('alice', 'k')).toBeUndefined();
    expect(watch('alice', 'k', 'z')).toBe(reason);
    expect(watch('alice', 'secret')).toBe(reason);
    expect(watch('alice', 'k', '\0')).toBe(release === '3.7.1' ? reason : undefined);
  });
});

describe('a refused watch says why', () => {
  test.each([
    ['3.3.25', 'rpc error: code = PermissionDenied desc = etcdserver: permission denied'],
    ['3.4.23', 'rpc error: code = InvalidArgument desc = etcdserver: user name is empty'],
    ['3.5.16', 'rpc error: code = InvalidArgument desc = etcdserver: user name is empty'],
    ['3.5.30', 'rpc error: code = InvalidArgument desc = etcdserver: user name is empty'],
  ])('without a token, %s', (release, reason) => {
    expect(cveServer(release).watch('nobody', 'k')).toBe(reason);
  });

  test('with a bad token', () => {
    const {server} = cveServer('3.5.16');
    const caller = finish(callerOf(server.store, server, 'bad.1'));
    expect(watchRefusal(server.store, caller, 'k', '')).toBe(
      'rpc error: code = Unauthenticated desc = etcdserver: invalid auth token',
    );
  });
});

const ALL_CALLS: readonly GuardedCall[] = [
  'member-list',
  'alarm-get',
  'alarm-change',
  'compact',
  'lease-grant',
  'lease-time-to-live',
  'lease-revoke',
  'status',
  'move-leader',
];

describe('CVE-2026-33413: calls that were open', () => {
  test.each(REAL_RELEASES)('%s: to nobody and alice alike', (release) => {
    const {server, tokens, guard} = cveServer(release);
    for (const call of ALL_CALLS)
      expect([call, guard(call, 'nobody'), guard(call, 'alice')]).toEqual([call, 'ok', 'ok']);
    const {store} = server;
    expect(checkLeaseRenew(store, undefined, ['secret2'])).toBeUndefined();
    expect(checkLeaseLeases(store, server.caller(tokens.alice), [['secret2']])).toBeUndefined();
  });

  test.each(['3.4.45', '3.5.30', '3.6.11'])('%s: named, or admin', (release) => {
    const {server, tokens, guard} = cveServer(release);
    const named: GuardedCall[] = ['member-list', 'alarm-get', 'lease-grant', 'lease-time-to-live', 'lease-revoke'];
    for (const call of ALL_CALLS) {
      const expected = [call, NOBODY_NAMED, named.includes(call) ? 'ok' : DENIED, 'ok'];
      expect([call, guard(call, 'nobody'), guard(call, 'alice'), guard(call, 'root')]).toEqual(expected);
    }
    const {store} = server;
    const [alice, root] = [server.caller(tokens.alice), server.caller(tokens.root)];
    expect(outcomeOf(checkLeaseRenew(store, undefined, ['secret2']))).toBe(NOBODY_NAMED);
    expect(outcomeOf(checkLeaseRenew(store, alice, ['secret2']))).toBe(DENIED);
    expect(outcomeOf(checkLeaseRenew(store, alice, ['a1', 'wo']))).toBe('ok');
    expect(outcomeOf(checkLeaseRenew(store, root, ['secret2']))).toBe('ok');
    expect(outcomeOf(checkLeaseLeases(store, alice, [['a1'], ['secret2']]))).toBe(DENIED);
    expect(outcomeOf(checkLeaseLeases(store, root, [['secret2']]))).toBe('ok');
  });

  test('lists were shut to plain users for one release', () => {
    expect(authBehavioursOf('3.5.28').guards['member-list']).toBe('admin');
    expect(authBehavioursOf('3.5.29').guards['member-list']).toBe('named');
    expect(authBehavioursOf('3.6.9').guards['alarm-get']).toBe('admin');
    expect(authBehavioursOf('3.6.12').guards.status).toBe('named');
    expect(authBehavioursOf('3.6.0').guards.status).toBe('admin');
  });

  test.each(REAL_RELEASES)('%s: revoke of a foreign lease with keys', (release) => {
    const {may} = cveServer(release);
    expect(may({kind: 'lease-revoke', request: {id: lease(555)}}, 'nobody')).toBe(NOBODY_NAMED);
    expect(may({kind: 'lease-revoke', request: {id: lease(555)}})).toBe(DENIED);
    expect(may({kind: 'lease-revoke', request: {id: lease(556)}}, 'nobody')).toBe('ok');
    expect(may({kind: 'lease-revoke', request: {id: lease(999)}}, 'nobody')).toBe('ok');
    expect(may({kind: 'lease-revoke', request: {id: lease(555)}}, 'root')).toBe('ok');
  });
});

test.each([
  ['3.3.25', 'ok'],
  ['3.4.23', 'ok'],
  ['3.5.16', DENIED],
  ['3.5.30', DENIED],
])('CVE-2023-32082: keys of a foreign lease, %s', (release, expected) => {
  const {server, tokens} = cveServer(release);
  const caller = server.caller(tokens.alice);
  expect(outcomeOf(checkLeaseTimeToLive(server.store, caller, ['secret2', 'a2']))).toBe(expected);
  expect(outcomeOf(checkLeaseTimeToLive(server.store, caller, ['a2']))).toBe('ok');
});

test.each([
  ['3.3.25', 'ok'],
  ['3.4.23', 'ok'],
  ['3.5.16', 'InvalidArgument etcdserver: invalid auth management'],
  ['3.6.0', 'InvalidArgument etcdserver: invalid auth management'],
])('15294: grants of x..x, x..b and an empty key, %s', (release, expected) => {
  const server = new TestServer(release);
  expectOk(finish(server.api.roleAdd({name: 'r'}, undefined)));
  for (const [key, rangeEnd] of [
    ['x', 'x'],
    ['x', 'b'],
    ['', ''],
  ] as const) {
    const perm = {type: 'read', key, rangeEnd} as const;
    expect(outcomeOf(finish(server.api.roleGrantPermission({name: 'r', perm}, undefined)))).toBe(expected);
  }
});

describe('maintenance', () => {
  test.each(REAL_RELEASES)('%s: errors without a code of their own', (release) => {
    const {guard} = cveServer(release);
    for (const call of ['hash', 'hash-kv', 'defragment', 'snapshot'] as const) {
      expect(guard(call, 'nobody')).toBe('Unknown auth: user name is empty');
      expect(guard(call, 'alice')).toBe('Unknown auth: permission denied');
      expect(guard(call, 'root')).toBe('ok');
    }
    expect(guard('member-change', 'nobody')).toBe(NOBODY_NAMED);
    expect(guard('member-change', 'alice')).toBe(DENIED);
  });

  test('3.6: as everywhere', () => {
    const {guard} = cveServer('3.6.0');
    expect(guard('hash', 'nobody')).toBe(NOBODY_NAMED);
    expect(guard('snapshot', 'alice')).toBe(DENIED);
  });
});

describe('tokens and the switch', () => {
  test.each(REAL_RELEASES)('%s: a token nobody gave', (release) => {
    const {server} = cveServer(release);
    const caller = finish(callerOf(server.store, server, 'nonsense'));
    expect(isAuthError(caller) && outcomeOf(caller)).toBe('Unauthenticated etcdserver: invalid auth token');
  });

  test.each([
    ['3.3.25', 'Unauthenticated etcdserver: invalid auth token'],
    ['3.4.23', 'Unauthenticated etcdserver: invalid auth token'],
    ['3.5.16', 'ok'],
  ])('%s: while auth is off', (release, expected) => {
    const server = new TestServer(release);
    const caller = finish(callerOf(server.store, server, 'abc.1'));
    expect(outcomeOf(isAuthError(caller) ? caller : undefined)).toBe(expected);
    expect(outcomeOf(finish(server.api.userAdd(userAdd('u', 'p'), 'abc.1')))).toBe(expected);
  });

  test.each([
    ['3.3.25', 'Unauthenticated etcdserver: invalid auth token'],
    ['3.4.23', 'Unauthenticated etcdserver: invalid auth token'],
    ['3.5.16', 'ok'],
  ])('%s: asking for a new token with a bad one', (release, expected) => {
    const {server} = cveServer(release);
    const answer = finish(server.api.authenticate({name: 'alice', password: 'pw'}, 'bad.1'));
    expect(outcomeOf(answer)).toBe(expected);
  });

  test.each([
    ['3.3.25', 'Unimplemented unknown method AuthStatus for service etcdserverpb.Auth'],
    ['3.4.23', 'Unimplemented unknown method AuthStatus for service etcdserverpb.Auth'],
    ['3.4.45', 'Unimplemented unknown method AuthStatus for service etcdserverpb.Auth'],
    ['3.5.16', 'ok'],
  ])('%s: AuthStatus', (release, expected) => {
    const answer = finish(new TestServer(release).api.authStatus(undefined));
    expect(outcomeOf(answer)).toBe(expected);
    if (answer.kind === 'ok') expect(answer.response).toMatchObject({enabled: false, authRevision: 1});
  });

  test('users see themselves and their roles, nothing else', () => {
    const {server, tokens} = cveServer('3.5.16');
    const {api} = server;
    const outcomes = [
      api.userGet({name: 'alice'}, tokens.alice),
      api.userGet({name: 'root'}, tokens.alice),
      api.roleGet({role: 'ra'}, tokens.alice),
      api.roleGet({role: 'root'}, tokens.alice),
      api.userList(tokens.alice),
      api.roleList(undefined),
      api.authStatus(tokens.alice),
      api.userAdd(userAdd('u', 'p'), tokens.alice),
      api.authDisable(undefined),
    ].map((fiber) => outcomeOf(finish<Parameters<typeof outcomeOf>[0]>(fiber)));
    expect(outcomes).toEqual(['ok', DENIED, 'ok', DENIED, DENIED, NOBODY_NAMED, DENIED, DENIED, NOBODY_NAMED]);
  });
});

/** A member takes over what a peer stored, as by a snapshot. */
function recoverFrom(server: TestServer, peer: {readonly batch: TestBatch}): void {
  server.store.recover({batch: peer.batch.copy()});
}

describe('members restored by a snapshot', () => {
  test.each([
    ['3.3.25', 'Unauthenticated etcdserver: invalid auth token'],
    ['3.4.18', 'Unauthenticated etcdserver: invalid auth token'],
    ['3.4.23', 'ok'],
    ['3.5.4', 'Unauthenticated etcdserver: invalid auth token'],
    ['3.5.16', 'ok'],
  ])('13172, %s: its own tokens, also the one that revokes leases', (release, expected) => {
    const leader = new TestServer(release);
    leader.setUp({alice: []}, {});
    const follower = new TestServer(release, {seed: 2});
    recoverFrom(follower, leader);
    const outcome = (token: string | undefined): string => {
      const caller = finish(callerOf(follower.store, follower, token));
      return outcomeOf(isAuthError(caller) ? caller : undefined);
    };
    expect(outcome(follower.login('alice', 'pw'))).toBe(expected);
    expect(outcome(follower.store.rootToken())).toBe(expected);
  });

  test.each([
    ['3.3.25', DENIED],
    ['3.4.18', DENIED],
    ['3.4.20', DENIED],
    ['3.4.23', 'ok'],
    ['3.5.5', DENIED],
    ['3.5.16', 'ok'],
  ])('13883, %s: permissions that were cached before', (release, expected) => {
    const leader = new TestServer(release);
    leader.setUp({alice: ['ra']}, {ra: [['readwrite', 'a', 'b']]});
    const follower = new TestServer(release, {seed: 2, batch: leader.batch.copy()});
    const alice = {username: 'alice', revision: 99};
    // The lazy cache fills here; the eager one of 3.4.20 was left empty by the start (14355).
    const before = outcomeOf(follower.store.isPutPermitted(alice, 'a1'));
    expect(before).toBe(release === '3.4.20' ? DENIED : 'ok');
    leader.grant('ra', ['readwrite', 'c', 'd'], leader.login('root', 'pw'));
    recoverFrom(follower, leader);
    expect(outcomeOf(follower.store.isPutPermitted(alice, 'c1'))).toBe(expected);
    expect(outcomeOf(leader.store.isPutPermitted(alice, 'c1'))).toBe('ok');
  });

  test.each([
    ['3.3.25', 'ok'],
    ['3.4.21', DENIED],
    ['3.4.23', 'ok'],
    ['3.5.5', DENIED],
    ['3.5.16', 'ok'],
  ])('14571, %s: users it never heard of', (release, expected) => {
    const leader = new TestServer(release);
    const follower = new TestServer(release, {seed: 2});
    leader.setUp({alice: ['ra']}, {ra: [['readwrite', 'a', 'b']]});
    recoverFrom(follower, leader);
    const alice = {username: 'alice', revision: leader.store.revision};
    expect(outcomeOf(follower.store.isPutPermitted(alice, 'a1'))).toBe(expected);
  });
});

describe('requests authorized at an older revision', () => {
  test.each([
    ['3.3.25', 'Unknown auth: revision in header is old'],
    ['3.4.23', 'InvalidArgument etcdserver: revision of auth store is old'],
    ['3.5.16', 'InvalidArgument etcdserver: revision of auth store is old'],
  ])('%s: at apply and after a read', (release, expected) => {
    const {server, tokens} = cveServer(release);
    const caller = server.caller(tokens.alice);
    server.grant('ra', ['read', 'new'], tokens.root);
    expect(outcomeOf(server.mayApply({kind: 'put', request: putRequest('a1', '')}, caller))).toBe(expected);
    expect(outcomeOf(staleRead(server.store, caller))).toBe(expected);
    expect(staleRead(server.store, server.caller(tokens.alice))).toBeUndefined();
    expect(staleRead(server.store, undefined)).toBeUndefined();
  });

  test('an admin whose revision is old still revokes a lease with keys, from 3.4.27 and 3.5.10', () => {
    const revoke = (release: string): string => {
      const {server} = cveServer(release);
      return outcomeOf(
        server.mayApply({kind: 'lease-revoke', request: {id: lease(555)}}, {username: 'root', revision: 1}),
      );
    };
    expect(revoke('3.4.23')).toBe('InvalidArgument etcdserver: revision of auth store is old');
    expect(revoke('3.5.16')).toBe('ok');
  });
});

test('reads of nobody, alice, root', () => {
  const {server, tokens} = cveServer('3.5.16');
  const leases = {keysOf: () => undefined};
  const read = (token: string | undefined, key: string): AuthError | undefined =>
    checkRead(server.store, server.caller(token), {kind: 'range', request: rangeRequest(key)}, leases);
  expect(outcomeOf(read(undefined, 'k'))).toBe(NOBODY_NAMED);
  expect(outcomeOf(read(tokens.alice, 'k'))).toBe('ok');
  expect(outcomeOf(read(tokens.alice, 'secret'))).toBe(DENIED);
  expect(outcomeOf(read(tokens.root, 'secret'))).toBe('ok');
  const both = txn(range('k'), range('secret'));
  expect(outcomeOf(checkRead(server.store, server.caller(tokens.alice), both, leases))).toBe(DENIED);
});
