// Tokens: when a client asks for one, sends it, throws it away. By script, then against members with auth.
import {describe, expect, test} from 'vitest';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs, until} from '../../env/fiber.ts';
import {World} from '../../sim/world.ts';
import type {CallFailure} from '../api/payloads.ts';
import {
  authEnableRequest,
  authenticateResponse,
  authRoleAddRequest,
  authRoleGrantPermissionRequest,
  authUserAddRequest,
  authUserGrantRoleRequest,
  permission,
} from '../etcdserverpb/auth-messages.ts';
import {putRequest, rangeRequest} from '../etcdserverpb/types.ts';
import {Client} from './client.ts';
import type {User} from './credentials.ts';
import {runClient, ScriptedServer, SECOND, TestMembers} from './test-servers.ts';
import type {WatchHandle} from './watcher.ts';
import {Watcher} from './watcher.ts';

const user: User = {name: 'u', password: 'p'};
const NOT_ENABLED: CallFailure = {
  code: 'FailedPrecondition',
  message: 'etcdserver: authentication is not enabled',
};
const INVALID_TOKEN: CallFailure = {code: 'Unauthenticated', message: 'etcdserver: invalid auth token'};
const OLD_REVISION: CallFailure = {code: 'InvalidArgument', message: 'etcdserver: revision of auth store is old'};
const USER_EMPTY: CallFailure = {code: 'InvalidArgument', message: 'etcdserver: user name is empty'};

/** Gives tokens t1, t2, …; `refuses` may refuse the n-th other call (from 1), `logins` the n-th authentication. */
function authServer(
  world: World,
  refuses: (call: number) => CallFailure | undefined,
  logins: (login: number) => CallFailure | undefined = () => undefined,
) {
  const log: string[] = [];
  let [calls, tokens] = [0, 0];
  new ScriptedServer(world, 's', (payload, connection) => {
    if (payload.kind === 'open') log.push(`open ${payload.metadata?.token ?? '-'}`);
    if (payload.kind !== 'call') return;
    const method = payload.method.replace(/^.*\//, '');
    log.push(`${method} ${payload.metadata?.token ?? '-'}`);
    const isLogin = method === 'Authenticate';
    const failure = isLogin ? logins(++tokens) : refuses(++calls);
    if (failure !== undefined) connection.fail(payload.id, failure.code, failure.message);
    else connection.reply(payload.id, isLogin ? authenticateResponse.make({token: `t${tokens}`}) : {});
  });
  return log;
}

const put = (client: Client) =>
  client.call({method: '/etcdserverpb.KV/Put', request: putRequest('k', 'v'), sizeBytes: 5});

/** Logs in and puts so many times; the codes of the answers. */
function loginAndPut(world: World, release: string, who: User | 'nobody' = user, puts = 1): string[] {
  const options = {endpoints: ['s:2379', 's:2379'], release, ...(who === 'nobody' ? {} : {user: who})};
  return runClient(world, options, function* (client) {
    const failure = yield* client.login();
    const told = [failure?.message ?? 'logged in'];
    for (let i = 0; i < puts; i++) {
      const result = yield* put(client);
      told.push(result.kind === 'ok' ? 'ok' : `${result.message} ${result.effect}`);
    }
    return told;
  });
}

describe('by script', () => {
  test.each(['3.3.25', '3.4.23', '3.5.16', '3.6.0'])('%s: the token goes with each call', (release) => {
    const world = new World({seed: 1});
    const log = authServer(world, () => undefined);
    expect(loginAndPut(world, release, user, 2)).toEqual(['logged in', 'ok', 'ok']);
    expect(log).toEqual(['Authenticate -', 'Put t1', 'Put t1']);
  });

  test.each([
    ['3.3.25', INVALID_TOKEN, ['Put t1', 'Authenticate t1', 'Put t2'], 'ok'],
    ['3.4.23', INVALID_TOKEN, ['Put t1', 'Authenticate -', 'Put t2'], 'ok'],
    ['3.5.16', INVALID_TOKEN, ['Put t1', 'Authenticate -', 'Put t2'], 'ok'],
    ['3.6.0', INVALID_TOKEN, ['Put t1', 'Authenticate t1', 'Put t2'], 'ok'],
    ['3.3.25', OLD_REVISION, ['Put t1'], `${OLD_REVISION.message} none`],
    ['3.4.23', OLD_REVISION, ['Put t1', 'Authenticate -', 'Put t2'], 'ok'],
    ['3.5.16', USER_EMPTY, ['Put t1', 'Authenticate -', 'Put t2'], 'ok'],
    ['3.3.25', USER_EMPTY, ['Put t1'], `${USER_EMPTY.message} none`],
  ] as const)('%s, %o: asks for a new token, or does not', (release, refusal, want, outcome) => {
    const world = new World({seed: 1});
    const log = authServer(world, (call) => (call === 1 ? refusal : undefined));
    expect(loginAndPut(world, release)).toEqual(['logged in', outcome]);
    expect(log.slice(1)).toEqual(want);
  });

  test('without a user an old auth revision is merely tried again', () => {
    const world = new World({seed: 1});
    const log = authServer(world, (call) => (call === 1 ? OLD_REVISION : undefined));
    expect(loginAndPut(world, '3.5.16', 'nobody')).toEqual(['logged in', 'ok']);
    expect(log).toEqual(['Put -', 'Put -']);
  });

  test.each([
    ['3.4.23', ['Authenticate -', 'Put -', 'Authenticate -', 'Put -']],
    ['3.5.16', ['Authenticate -', 'Put -', 'Authenticate -', 'Put t2']],
  ])('%s: a client made while auth was off sends a token later: %o', (release, want) => {
    const world = new World({seed: 1});
    const log = authServer(
      world,
      (call) => (call <= 1 ? USER_EMPTY : undefined),
      (login) => (login === 1 ? NOT_ENABLED : undefined),
    );
    expect(loginAndPut(world, release)[0]).toBe('logged in');
    expect(log.slice(0, 4)).toEqual(want);
  });

  test.each([
    ['3.4.23', 1],
    ['3.5.16', 1],
  ])('%s: a wrong password means that there is no client', (release) => {
    const world = new World({seed: 1});
    const wrong: CallFailure = {
      code: 'InvalidArgument',
      message: 'etcdserver: authentication failed, invalid user ID or password',
    };
    authServer(
      world,
      () => undefined,
      () => wrong,
    );
    expect(loginAndPut(world, release, user, 0)).toEqual([wrong.message]);
  });

  test('the first token is waited for as long as the dial timeout says', () => {
    const world = new World({seed: 1});
    world.addMachine('s').start('idle', (env) => sleepUs(env.clock, 200 * SECOND));
    const options = {endpoints: ['s:2379'], user, dialTimeoutUs: 2 * SECOND};
    const [failure, seconds] = runClient(world, options, function* (client, env) {
      const beforeUs = env.clock.monotonicUs();
      const told = yield* client.login();
      return [told, Math.round((env.clock.monotonicUs() - beforeUs) / SECOND)] as const;
    });
    expect([failure?.message, seconds]).toEqual(['context deadline exceeded', 2]);
  });

  test.each([
    ['3.3.25', ['open t1']],
    ['3.4.23', ['Authenticate t1', 'open t2']],
    ['3.6.0', ['Authenticate t1', 'open t2']],
  ])('%s: a stream is opened with what it has, or with a new token: %o', (release, want) => {
    const world = new World({seed: 1});
    const log = authServer(world, () => undefined);
    runClient(world, {endpoints: ['s:2379'], release, user}, function* (client, env) {
      yield* client.login();
      new Watcher(client).watch({key: 'k'});
      yield* sleepUs(env.clock, SECOND);
    });
    expect(log.slice(1)).toEqual(want);
  });
});

test.each(['3.4.23', '3.5.16', '3.6.0'])(
  '%s: a client with a user goes on over restarts and expired tokens',
  (release) => {
    const members = new TestMembers(3, release, 5, {bcryptCost: 4, authTokenTtl: 3});
    members.world.runUntil(4 * SECOND);
    const {endpoints} = members;
    const setUp = runClient(members.world, {endpoints, release}, function* (client) {
      const failures: string[] = [];
      const perm = permission.make({type: 'readwrite', key: 'a', rangeEnd: 'b'});
      const calls = [
        ['/etcdserverpb.Auth/UserAdd', authUserAddRequest.make({name: 'root', password: 'r'})],
        ['/etcdserverpb.Auth/UserGrantRole', authUserGrantRoleRequest.make({user: 'root', role: 'root'})],
        ['/etcdserverpb.Auth/UserAdd', authUserAddRequest.make({name: 'u', password: 'p'})],
        ['/etcdserverpb.Auth/RoleAdd', authRoleAddRequest.make({name: 'r'})],
        ['/etcdserverpb.Auth/RoleGrantPermission', authRoleGrantPermissionRequest.make({name: 'r', perm})],
        ['/etcdserverpb.Auth/UserGrantRole', authUserGrantRoleRequest.make({user: 'u', role: 'r'})],
        ['/etcdserverpb.Auth/AuthEnable', authEnableRequest.make()],
      ] as const;
      for (const [method, request] of calls) {
        const result = yield* client.ask(method, request);
        if (result.kind === 'error') failures.push(`${method}: ${result.message}`);
      }
      return failures;
    });
    expect(setUp).toEqual([]);
    const told: string[] = [];
    const watched: string[] = [];
    members.world.addMachine('user').start('client', function* (env) {
      const client = new Client(env, {endpoints, requestTimeoutUs: 5 * SECOND, release, user});
      client.start();
      told.push((yield* client.login())?.message ?? 'logged in');
      const watch = new Watcher(client).watch({key: 'a', startRevision: 1});
      env.spawn('watch', collect(watch, watched));
      for (let i = 0; i < 12; i++) {
        yield* client.call({method: '/etcdserverpb.KV/Put', request: putRequest('a', `${i}`), sizeBytes: 5});
        const request = rangeRequest(i === 11 ? 'z' : 'a');
        const result = yield* client.call({method: '/etcdserverpb.KV/Range', request, sizeBytes: 5});
        told.push(result.kind === 'ok' ? 'ok' : result.message);
        yield* sleepUs(env.clock, SECOND);
      }
    });
    members.world.runUntil(members.world.nowUs + SECOND);
    members.crashInTurn(3, 500_000, 3 * SECOND);
    members.world.runUntil(members.world.nowUs + 20 * SECOND);
    expect(told).toEqual(['logged in', ...Array.from({length: 11}, () => 'ok'), 'etcdserver: permission denied']);
    // A write may be lost with the member that it was sent to; the watch goes on with a new token each time.
    expect(watched.length).toBeGreaterThan(8);
    expect(watched.every((value, i) => i === 0 || Number(value) > Number(watched[i - 1]))).toBe(true);
  },
);

/** The values of all changes, and how it ended if it did. */
function* collect(watch: WatchHandle, values: string[]): Fiber<void> {
  for (;;) {
    const event = yield* until(watch.receive);
    if (event.kind === 'events') values.push(...event.events.map(({kv}) => kv.value));
    if (event.kind !== 'ended') continue;
    values.push(event.end.kind);
    return;
  }
}
