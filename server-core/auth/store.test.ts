import {describe, expect, test} from 'vitest';
import type {Fiber} from '../../env/fiber.ts';
import {ERR_PERMISSION_DENIED} from './errors.ts';
import type {Answer} from './ports.ts';
import {expectOk, finish, outcomeOf, passwordChange, REAL_RELEASES, TestServer, userAdd} from './test-auth.ts';

const outcome = (fiber: Fiber<Answer<object>>): string => outcomeOf(finish(fiber));
const NEWER = ['3.6.0', '3.6.14', '3.7.1'] as const;
const ALL = [...REAL_RELEASES, ...NEWER] as const;

describe.each(ALL)('users and roles of %s', (release) => {
  test('a new store is off, at revision 1, and commits it', () => {
    const server = new TestServer(release);
    expect([server.store.enabled, server.store.revision, server.forcedCommitCount]).toEqual([false, 1, 1]);
    expect(server.batch.get('auth', 'authRevision')).toEqual(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1));
    expect(server.batch.get('auth', 'authEnabled')).toBeUndefined();
  });

  test('every change moves the revision by one; what is refused or changes nothing does not', () => {
    const server = new TestServer(release);
    const {api, store} = server;
    const steps: [string, Fiber<Answer<object>>, number][] = [
      ['ok', api.userAdd(userAdd('u', 'p'), undefined), 2],
      ['FailedPrecondition etcdserver: user name already exists', api.userAdd(userAdd('u', 'p'), undefined), 2],
      ['InvalidArgument etcdserver: user name is empty', api.userAdd(userAdd('', 'p'), undefined), 2],
      ['ok', api.roleAdd({name: 'r'}, undefined), 3],
      ['FailedPrecondition etcdserver: role name already exists', api.roleAdd({name: 'r'}, undefined), 3],
      ['ok', api.userGrantRole({user: 'u', role: 'r'}, undefined), 4],
      ['ok', api.userGrantRole({user: 'u', role: 'r'}, undefined), 4],
      ['ok', api.userGrantRole({user: 'u', role: 'root'}, undefined), 5],
      ['FailedPrecondition etcdserver: role name not found', api.userGrantRole({user: 'u', role: 'x'}, undefined), 5],
      ['FailedPrecondition etcdserver: user name not found', api.userGrantRole({user: 'x', role: 'r'}, undefined), 5],
      ['ok', api.roleGrantPermission({name: 'r', perm: {type: 'read', key: 'k', rangeEnd: ''}}, undefined), 6],
      ['ok', api.roleGrantPermission({name: 'r', perm: {type: 'read', key: 'k', rangeEnd: ''}}, undefined), 7],
      [
        'FailedPrecondition etcdserver: role name not found',
        api.roleGrantPermission({name: 'x', perm: {type: 'read', key: 'k', rangeEnd: ''}}, undefined),
        7,
      ],
      [
        'FailedPrecondition etcdserver: permission is not granted to the role',
        api.roleRevokePermission({role: 'r', key: 'k', rangeEnd: 'z'}, undefined),
        7,
      ],
      ['ok', api.roleRevokePermission({role: 'r', key: 'k', rangeEnd: ''}, undefined), 8],
      [
        'FailedPrecondition etcdserver: role name not found',
        api.roleRevokePermission({role: 'x', key: 'k', rangeEnd: ''}, undefined),
        8,
      ],
      ['ok', api.userChangePassword(passwordChange('u', 'q'), undefined), 9],
      [
        'FailedPrecondition etcdserver: user name not found',
        api.userChangePassword(passwordChange('x', 'q'), undefined),
        9,
      ],
      [
        'FailedPrecondition etcdserver: role is not granted to the user',
        api.userRevokeRole({name: 'u', role: 'x'}, undefined),
        9,
      ],
      ['FailedPrecondition etcdserver: user name not found', api.userRevokeRole({name: 'x', role: 'r'}, undefined), 9],
      ['ok', api.roleDelete({role: 'r'}, undefined), 10],
      ['FailedPrecondition etcdserver: role name not found', api.roleDelete({role: 'r'}, undefined), 10],
      ['ok', api.userRevokeRole({name: 'u', role: 'root'}, undefined), 11],
      ['ok', api.userDelete({name: 'u'}, undefined), 12],
      ['FailedPrecondition etcdserver: user name not found', api.userDelete({name: 'u'}, undefined), 12],
      ['FailedPrecondition etcdserver: user name not found', api.userGet({name: 'u'}, undefined), 12],
      ['FailedPrecondition etcdserver: role name not found', api.roleGet({role: 'r'}, undefined), 12],
      ['FailedPrecondition etcdserver: user name not found', api.userGet({name: ''}, undefined), 12],
    ];
    for (const [expected, fiber, revision] of steps) {
      expect([outcome(fiber), store.revision]).toEqual([expected, revision]);
    }
    const saves = release === '3.3.25' || release === '3.4.23';
    expect(server.savedIndexCount).toBe(saves ? 11 : 0);
  });

  test('enable wants user root with role root; then neither can be taken away', () => {
    const server = new TestServer(release);
    const {api, store} = server;
    expect(outcome(api.authenticate({name: 'root', password: 'pw'}, undefined))).toBe(
      'FailedPrecondition etcdserver: authentication is not enabled',
    );
    expect(outcome(api.authEnable(undefined))).toBe('FailedPrecondition etcdserver: root user does not exist');
    expectOk(finish(api.userAdd(userAdd('root', 'pw'), undefined)));
    expect(outcome(api.authEnable(undefined))).toBe('FailedPrecondition etcdserver: root user does not have root role');
    expectOk(finish(api.userGrantRole({user: 'root', role: 'root'}, undefined)));
    expectOk(finish(api.authEnable(undefined)));
    expect([store.enabled, store.revision]).toEqual([true, 3]);
    expect(server.batch.get('auth', 'authEnabled')).toEqual(Uint8Array.of(1));
    const root = server.login('root', 'pw');
    expect(outcome(api.userDelete({name: 'root'}, root))).toBe('InvalidArgument etcdserver: invalid auth management');
    expect(outcome(api.userRevokeRole({name: 'root', role: 'root'}, root))).toBe(
      'InvalidArgument etcdserver: invalid auth management',
    );
    expect(outcome(api.roleDelete({role: 'root'}, root))).toBe('InvalidArgument etcdserver: invalid auth management');
    expectOk(finish(api.authEnable(root)));
    expectOk(finish(api.authDisable(root)));
    expect([store.enabled, store.revision]).toEqual([false, 4]);
    expect(server.batch.get('auth', 'authEnabled')).toEqual(Uint8Array.of(0));
  });

  test('passwords are checked by bcrypt; a new one takes the tokens away', () => {
    const server = new TestServer(release);
    const {api} = server;
    server.setUp({alice: []}, {});
    const [root, alice] = [server.login('root', 'pw'), server.login('alice', 'pw')];
    expect(outcome(api.authenticate({name: 'alice', password: 'wrong'}, undefined))).toBe(
      'InvalidArgument etcdserver: authentication failed, invalid user ID or password',
    );
    expect(outcome(api.authenticate({name: 'nobody', password: 'pw'}, undefined))).toBe(
      'InvalidArgument etcdserver: authentication failed, invalid user ID or password',
    );
    expect(server.caller(alice)?.username).toBe('alice');
    expectOk(finish(api.userChangePassword(passwordChange('alice', 'new'), root)));
    expect(() => server.caller(alice)).toThrow('etcdserver: invalid auth token');
    expect(server.caller(server.login('alice', 'new'))?.username).toBe('alice');
  });

  test('lists are sorted by name; a deleted role is gone from its users', () => {
    const server = new TestServer(release);
    const {api} = server;
    for (const name of ['b', 'a', 'c']) expectOk(finish(api.roleAdd({name}, undefined)));
    for (const name of ['z', 'y']) expectOk(finish(api.userAdd(userAdd(name, 'p'), undefined)));
    for (const role of ['c', 'a', 'b']) expectOk(finish(api.userGrantRole({user: 'z', role}, undefined)));
    expect(expectOk(finish(api.roleList(undefined))).roles).toEqual(['a', 'b', 'c']);
    expect(expectOk(finish(api.userList(undefined))).users).toEqual(['y', 'z']);
    expect(expectOk(finish(api.userGet({name: 'z'}, undefined))).roles).toEqual(['a', 'b', 'c']);
    expectOk(finish(api.roleDelete({role: 'b'}, undefined)));
    expect(expectOk(finish(api.userGet({name: 'z'}, undefined))).roles).toEqual(['a', 'c']);
  });

  test('a user who was deleted and added again has nothing of before', () => {
    const server = new TestServer(release);
    server.setUp({alice: ['ra']}, {ra: [['readwrite', 'a', 'b']]});
    const root = server.login('root', 'pw');
    const may = () => outcomeOf(server.store.isPutPermitted({username: 'alice', revision: 99}, 'a1'));
    expect(may()).toBe('ok');
    expectOk(finish(server.api.userDelete({name: 'alice'}, root)));
    expectOk(finish(server.api.userAdd(userAdd('alice', 'pw'), root)));
    expect(may()).toBe('PermissionDenied etcdserver: permission denied');
  });

  test('a second range of one key is not found when it is granted again, and is there twice', () => {
    const server = new TestServer(release);
    expectOk(finish(server.api.roleAdd({name: 'r'}, undefined)));
    for (const end of ['b', 'c', 'c']) server.grant('r', ['read', 'a', end]);
    const {perm} = expectOk(finish(server.api.roleGet({role: 'r'}, undefined)));
    expect(perm.map(({rangeEnd}) => rangeEnd)).toEqual(['b', 'c', 'c']);
    expectOk(finish(server.api.roleRevokePermission({role: 'r', key: 'a', rangeEnd: 'c'}, undefined)));
    expect(expectOk(finish(server.api.roleGet({role: 'r'}, undefined))).perm).toHaveLength(1);
  });

  test('a role keeps permissions by key; the same range gets the new type', () => {
    const server = new TestServer(release);
    expectOk(finish(server.api.roleAdd({name: 'r'}, undefined)));
    server.grant('r', ['read', 'k', 'm']);
    server.grant('r', ['write', 'a']);
    server.grant('r', ['readwrite', 'k', 'm']);
    server.grant('r', ['read', 'c', '\0']);
    const {perm} = expectOk(finish(server.api.roleGet({role: 'r'}, undefined)));
    expect(perm).toEqual([
      {type: 'write', key: 'a', rangeEnd: ''},
      {type: 'read', key: 'c', rangeEnd: '\0'},
      {type: 'readwrite', key: 'k', rangeEnd: 'm'},
    ]);
  });
});

describe('differences between releases', () => {
  test('who hashes: each member at apply up to 3.4, the API from 3.5', () => {
    const bodyOf = (release: string) => {
      const server = new TestServer(release);
      const requests: object[] = [];
      server.beforeApply = () => undefined;
      const proposed = server.propose.bind(server);
      server.propose = (body, token) => {
        requests.push(body.request);
        return proposed(body, token);
      };
      expectOk(finish(server.api.userAdd(userAdd('u', 'secret'), undefined)));
      return requests[0];
    };
    expect(bodyOf('3.4.23')).toMatchObject({password: 'secret', hashedPassword: ''});
    expect(bodyOf('3.5.16')).toMatchObject({password: ''});
    expect(bodyOf('3.5.16')).toMatchObject({hashedPassword: expect.stringMatching(/^[A-Za-z0-9+/]{80}$/)});
  });

  test('an entry of an older release with a bare password is hashed by newer ones as they apply it', () => {
    const server = new TestServer('3.5.16');
    const request = {name: 'root', password: 'old', hashedPassword: '', options: undefined};
    expectOk(server.apply({kind: 'auth-user-add', request}, undefined));
    expectOk(finish(server.api.userGrantRole({user: 'root', role: 'root'}, undefined)));
    expectOk(finish(server.api.authEnable(undefined)));
    expect(server.store.checkPassword('root', 'old').kind).toBe('ok');
  });

  test.each([
    ['3.4.23', 'ok'],
    ['3.5.16', 'Unknown bcrypt: password length exceeds 72 bytes'],
    ['3.7.1', 'Unknown bcrypt: password length exceeds 72 bytes'],
  ])('a password of 73 bytes in %s', (release, expected) => {
    expect(outcome(new TestServer(release).api.userAdd(userAdd('u', 'x'.repeat(73)), undefined))).toBe(expected);
    expect(outcome(new TestServer(release).api.userAdd(userAdd('u', 'x'.repeat(72)), undefined))).toBe('ok');
  });

  test('a hash that is no base64 is refused in the words for users without a password', () => {
    const server = new TestServer('3.5.16');
    expectOk(finish(server.api.userAdd(userAdd('u', 'p'), undefined)));
    expect(outcome(server.api.userChangePassword(passwordChange('u', '', '!'), undefined))).toBe(
      'Unknown auth: authentication failed, password was given for no password user',
    );
  });

  test('users without a password cannot authenticate; 3.3 knows no such users', () => {
    const answer = (release: string) => {
      const server = new TestServer(release);
      expectOk(finish(server.api.userAdd(userAdd('n', 'pw', true), undefined)));
      server.setUp({}, {});
      return outcome(server.api.authenticate({name: 'n', password: 'pw'}, undefined));
    };
    expect(answer('3.3.25')).toBe('ok');
    expect(answer('3.4.23')).toBe('Unknown auth: authentication failed, password was given for no password user');
    expect(answer('3.6.0')).toBe('Unknown auth: authentication failed, password was given for no password user');
  });

  test.each([
    ['3.5.16', []],
    ['3.6.0', [{type: 'readwrite', key: '', rangeEnd: '\0'}]],
  ])('role root as %s shows it', (release, perm) => {
    const server = new TestServer(release);
    expectOk(finish(server.api.roleAdd({name: 'root'}, undefined)));
    expect(expectOk(finish(server.api.roleGet({role: 'root'}, undefined))).perm).toEqual(perm);
  });

  test('a grant without a permission kills 3.3 and 3.4 as they apply it', () => {
    const grant = (release: string) => {
      const server = new TestServer(release);
      expectOk(finish(server.api.roleAdd({name: 'r'}, undefined)));
      return () => outcome(server.api.roleGrantPermission({name: 'r', perm: undefined}, undefined));
    };
    expect(grant('3.3.25')).toThrow('etcd panics here');
    expect(grant('3.4.23')).toThrow('etcd panics here');
    expect(grant('3.4.25')()).toBe('InvalidArgument etcdserver: permission not given');
    expect(grant('3.5.0')()).toBe('InvalidArgument etcdserver: permission not given');
  });

  test('a role with an empty name: refused, or the end of 3.3', () => {
    const add = (release: string) => () => outcome(new TestServer(release).api.roleAdd({name: ''}, undefined));
    expect(add('3.3.25')).toThrow('etcd panics here');
    expect(add('3.4.23')()).toBe('InvalidArgument etcdserver: role name is empty');
  });

  test('17158: from 3.5 on checks look at the read buffer, where a deleted user may still be', () => {
    const deletedButSeen = (release: string): string => {
      const server = new TestServer(release);
      server.setUp({alice: ['root']}, {});
      const before = server.batch.copy();
      const alice = {username: 'alice', revision: 99};
      server.store.recover({batch: server.batch, reads: () => before});
      expectOk(finish(server.api.userDelete({name: 'alice'}, server.login('root', 'pw'))));
      return outcomeOf(server.store.isAdminPermitted(alice));
    };
    expect(deletedButSeen('3.5.5')).toBe('ok');
    expect(deletedButSeen('3.4.23')).toBe('FailedPrecondition etcdserver: user name not found');
  });

  test('a revision is eight bytes, the highest first, and read back so', () => {
    const server = new TestServer('3.5.16');
    server.batch.put('auth', 'authRevision', Uint8Array.of(0, 0, 0, 1, 2, 0xff, 0xff, 0xff));
    const restarted = new TestServer('3.5.16', {batch: server.batch});
    expect(restarted.store.revision).toBe(0x1_02ff_ffff);
    expectOk(finish(restarted.api.roleAdd({name: 'r'}, undefined)));
    expect(server.batch.get('auth', 'authRevision')).toEqual(Uint8Array.of(0, 0, 0, 1, 3, 0, 0, 0));
  });

  test('a request in a user’s name who is gone is denied', () => {
    const server = new TestServer('3.5.16');
    server.setUp({}, {});
    expect(server.store.isPutPermitted({username: 'gone', revision: 3}, 'k')).toBe(ERR_PERMISSION_DENIED);
  });
});
