// server-core/auth/test-auth.ts: for tests: an auth store on memory alone, and a server of one member around it that is no more
// than the order in which etcd asks: API checks, proposal, checks at apply, apply.
import {must} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import type {LeaseId} from '../../base/ids.ts';
import {toId64} from '../../base/ids.ts';
import {Random} from '../../base/random.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {Permission} from '../etcdserverpb/auth-messages.ts';
import {authUserAddRequest, authUserChangePasswordRequest, userAddOptions} from '../etcdserverpb/auth-messages.ts';
import type {RaftRequestBody} from '../etcdserverpb/raft-request.ts';
import {requestHeader} from '../etcdserverpb/raft-request.ts';
import {TestBatch} from '../mvcc/test-batch.ts';
import {applyAuth} from './apply.ts';
import {checkApply} from './apply-checks.ts';
import {AuthApi} from './auth-api.ts';
import {authBehavioursOf} from './behaviours.ts';
import {callerOf, isAuthError} from './call-checks.ts';
import type {Answer, AuthBody, AuthError, AuthHost, AuthInfo} from './ports.ts';
import {AuthStore} from './store.ts';
import {makeTokenProvider} from './token-options.ts';
import type {TokenProvider} from './tokens.ts';

export const REAL_RELEASES = ['3.3.25', '3.4.23', '3.5.16'] as const;

/** A clock that stands still unless told. */
export class TestClock {
  nowUs = 5_000_000;
  monotonicUs(): number {
    return this.nowUs;
  }
  wallUs(): number {
    return 1_700_000_000_000_000 + this.nowUs;
  }
  advance(seconds: number): void {
    this.nowUs += seconds * 1_000_000;
  }
}

export interface TestServerOptions {
  readonly authToken?: string;
  readonly files?: ReadonlyMap<string, Uint8Array>;
  readonly seed?: number;
  readonly batch?: TestBatch;
  readonly bcryptCost?: number;
}

/** Runs a fiber that must not wait. */
export function finish<T>(fiber: Fiber<T>): T {
  const step = fiber.next();
  if (step.done !== true) throw new Error('the fiber waits');
  return step.value;
}

/** One member whose every proposal is applied at once. */
export class TestServer {
  readonly clock = new TestClock();
  readonly random: Random;
  readonly batch: TestBatch;
  readonly tokens: TokenProvider;
  readonly store: AuthStore;
  readonly api: AuthApi;
  readonly leases = new Map<LeaseId, ByteString[]>();
  /** What happens between a proposal and its apply. */
  beforeApply: () => void = () => undefined;
  forcedCommitCount = 0;
  savedIndexCount = 0;
  appliedIndex = 10;
  readonly release: string;

  constructor(release: string, options: TestServerOptions = {}) {
    this.release = release;
    this.random = Random.fromSeed(options.seed ?? 1);
    this.batch = options.batch ?? new TestBatch();
    const behaviours = authBehavioursOf(release);
    const config = {authToken: options.authToken ?? 'simple', authTokenTtlUs: 0, files: options.files ?? new Map()};
    const outcome = makeTokenProvider(this, config, behaviours);
    if (outcome.kind === 'refused') throw new Error(outcome.message);
    this.tokens = outcome.provider;
    this.store = new AuthStore({
      env: this,
      host: {
        forceCommit: () => void this.forcedCommitCount++,
        saveConsistentIndex: () => void this.savedIndexCount++,
      },
      behaviours,
      storage: {batch: this.batch},
      tokens: this.tokens,
      bcryptCost: options.bcryptCost ?? 4,
    });
    const host: AuthHost = {
      propose: (body, token) => this.propose(body, token),
      linearizableReadNotify: () => noError(),
    };
    this.api = new AuthApi({env: this, store: this.store, host});
  }

  // biome-ignore lint/correctness/useYield: a fiber that need not wait
  *untilApplied(index: number): Fiber<void> {
    if (index > this.appliedIndex) throw new Error(`waits for index ${index}`);
  }

  /** processInternalRaftRequestOnce and the apply of the entry. */
  *propose(body: AuthBody, token: string | undefined): Fiber<Answer<object>> {
    const caller = yield* callerOf(this.store, this, token);
    if (isAuthError(caller)) return caller;
    return this.apply(body, caller);
  }

  /** An entry by a caller. */
  apply(body: AuthBody, caller: AuthInfo | undefined): Answer<object> {
    this.beforeApply();
    this.appliedIndex++;
    const refused = this.mayApply(body, caller);
    return refused ?? applyAuth(this.store, body, {index: this.appliedIndex, kvRevision: 7});
  }

  /** The check at apply alone, for requests that are not auth's. */
  mayApply(body: RaftRequestBody, caller: AuthInfo | undefined): AuthError | undefined {
    const header = {
      ...requestHeader(toId64(1)),
      username: caller?.username ?? '',
      authRevision: caller?.revision ?? 0,
    };
    return checkApply(this.store, header, body, {keysOf: (lease) => this.leases.get(lease)});
  }

  /** Whom a token belongs to, who must be somebody. */
  caller(token: string | undefined): AuthInfo | undefined {
    const caller = finish(callerOf(this.store, this, token));
    if (isAuthError(caller)) throw new Error(caller.message);
    return caller;
  }

  login(name: ByteString, password: ByteString): string {
    const answer = finish(this.api.authenticate({name, password}, undefined));
    if (answer.kind === 'error') throw new Error(answer.message);
    return answer.response.token;
  }

  /** Users with password `pw` and their roles; role root for root. Then auth on. */
  setUp(users: Readonly<Record<string, readonly string[]>>, roles: Readonly<Record<string, readonly Grant[]>>): void {
    for (const [role, grants] of Object.entries(roles)) {
      expectOk(finish(this.api.roleAdd({name: role}, undefined)));
      for (const grant of grants) this.grant(role, grant);
    }
    for (const [name, itsRoles] of Object.entries({root: ['root'], ...users})) {
      expectOk(finish(this.api.userAdd(userAdd(name, 'pw'), undefined)));
      for (const role of itsRoles) expectOk(finish(this.api.userGrantRole({user: name, role}, undefined)));
    }
    expectOk(finish(this.api.authEnable(undefined)));
  }

  grant(role: string, [type, key, rangeEnd = '']: Grant, token?: string): void {
    expectOk(finish(this.api.roleGrantPermission({name: role, perm: {type, key, rangeEnd}}, token)));
  }
}

/** Type, key, end. */
export type Grant = readonly [Permission['type'], ByteString, ByteString?];

/** A request to add a user. */
export function userAdd(name: ByteString, password: ByteString, noPassword?: boolean) {
  const options = noPassword === undefined ? undefined : userAddOptions.make({noPassword});
  return authUserAddRequest.make({name, password, options});
}

export function passwordChange(name: ByteString, password: ByteString, hashedPassword = '') {
  return authUserChangePasswordRequest.make({name, password, hashedPassword});
}

/** The response, which there must be. */
export function expectOk<Response>(answer: Answer<Response>): Response {
  if (answer.kind === 'error') throw new Error(`${answer.code} ${answer.message}`);
  return must(answer.response, 'an answer has a response');
}

/** `ok`, or code and message as the table of observations writes them. */
export function outcomeOf(answer: Answer<object> | AuthError | undefined): string {
  return answer === undefined || answer.kind === 'ok' ? 'ok' : `${answer.code} ${answer.message}`;
}

// biome-ignore lint/correctness/useYield: a fiber that need not wait
function* noError(): Fiber<undefined> {
  return undefined;
}
