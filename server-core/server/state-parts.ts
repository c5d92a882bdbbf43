// server-core/server/state-parts.ts: leases, users and watches of one member, put between the applier and the calls.
// etcd: EtcdServer's lessor, authStore and watchable kv, as NewServer makes them. Each part knows the server through a port only;
// here the ports are filled.
import type {ByteString} from '../../base/byte-string.ts';
import type {LeaseId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {applyAuth} from '../auth/apply.ts';
import {checkApply} from '../auth/apply-checks.ts';
import type {AuthBehaviours, GuardedCall} from '../auth/behaviours.ts';
import {authBehavioursOf} from '../auth/behaviours.ts';
import {callerOf, checkRead, guardCall, isAuthError, staleRead} from '../auth/call-checks.ts';
import type {AuthBody, AuthEnv, AuthInfo, LeaseKeys, TokenHost} from '../auth/ports.ts';
import {AuthStore} from '../auth/store.ts';
import {makeTokenProvider} from '../auth/token-options.ts';
import type {TokenProvider} from '../auth/tokens.ts';
import type {Backend} from '../backend/backend.ts';
import type {RaftRequestBody, RequestHeader} from '../etcdserverpb/raft-request.ts';
import type {KeyValue} from '../etcdserverpb/types.ts';
import {applyCheckpoint, applyGrant, applyRevoke} from '../lease/apply.ts';
import {leaseBehavioursOf} from '../lease/behaviours.ts';
import {Lessor, minLeaseTtl, qualifyLessorOptions} from '../lease/lessor.ts';
import {ServerEnded} from '../membership/process-end.ts';
import type {MvccStore} from '../mvcc/store.ts';
import {watchBehaviours} from '../watch/behaviours.ts';
import {WatchableStore} from '../watch/watchable-store.ts';
import type {AuthPort, LeasePort, ReadBody, WatchPort} from './applier.ts';
import type {ServerConfig} from './config.ts';
import {requestTimeoutUs} from './config.ts';
import type {ServerError} from './errors.ts';
import type {Answer} from './proposer.ts';

export interface StatePartsHost {
  readonly env: Env;
  readonly config: ServerConfig;
  readonly backend: () => Backend;
  readonly store: () => MvccStore;
  /** Until the entry of that index is applied. */
  readonly untilApplied: (index: number) => Fiber<void>;
  /** The entry that is being applied. */
  readonly applyingIndex: () => number;
  /** Remaining TTLs go into the database: by flag, or because the cluster version is 3.6. */
  readonly storesCheckpoints: () => boolean;
}

export class StateParts implements LeaseKeys, TokenHost {
  readonly lessor: Lessor;
  readonly auth: AuthStore;
  readonly watchable: WatchableStore;
  private readonly host: StatePartsHost;

  constructor(host: StatePartsHost, backend: Backend) {
    this.host = host;
    const {env, config} = host;
    const {release, electionTicks, tickMs} = config;
    this.lessor = new Lessor(
      env,
      backend.batch,
      qualifyLessorOptions({
        behaviours: leaseBehavioursOf(release),
        minTtl: minLeaseTtl({electionTicks, tickUs: tickMs * 1000}),
        expiredRetryUs: requestTimeoutUs(config),
        storesCheckpoints: host.storesCheckpoints,
      }),
    );
    const authEnv = {clock: env.clock, random: env.random.stream('auth')};
    const behaviours = authBehavioursOf(release);
    this.auth = new AuthStore({
      env: authEnv,
      host: {
        forceCommit: () => env.spawn('auth-commit', this.host.backend().commit()),
        saveConsistentIndex: () => undefined,
      },
      behaviours,
      storage: storageOf(backend),
      tokens: tokensOf(authEnv, config, behaviours),
      bcryptCost: config.bcryptCost,
    });
    this.watchable = new WatchableStore(env, watchBehaviours(release));
  }

  /** The keys under a lease; undefined when there is no such lease. */
  keysOf(lease: LeaseId): Iterable<ByteString> | undefined {
    return this.lessor.lookup(lease)?.keys();
  }

  *untilApplied(index: number): Fiber<void> {
    yield* this.host.untilApplied(index);
  }

  /** Whom a token belongs to; undefined: nobody, or auth is off. */
  *identify(token: string | undefined): Fiber<AuthInfo | ServerError | undefined> {
    return yield* callerOf(this.auth, this, token);
  }

  /** May the owner of the token make such a call in this release? */
  *permit(call: GuardedCall, token: string | undefined): Fiber<ServerError | undefined> {
    return yield* guardCall(this.auth, this, call, token);
  }

  /** The leases as the applier needs them. */
  get leasePort(): LeasePort {
    const {lessor} = this;
    return {
      exists: (lease) => lessor.exists(lease),
      attach: (lease, key) => lessor.attach(lease, key),
      detach: (lease, key) => lessor.detach(lease, key),
      apply: (body) => this.applyLease(body),
      restore: (backend) => lessor.recover(backend.batch),
    };
  }

  private applyLease(body: RaftRequestBody): Answer<object> | undefined {
    const target = {lessor: this.lessor, store: this.host.store()};
    switch (body.kind) {
      case 'lease-grant':
        return applyGrant(target, body.request);
      case 'lease-revoke':
        return applyRevoke(target, body.request);
      case 'lease-checkpoint':
        return applyCheckpoint(target, body.request);
      default:
        return undefined;
    }
  }

  /** The users as the applier needs them. */
  get authPort(): AuthPort {
    const {auth} = this;
    return {
      get isEnabled() {
        return auth.enabled;
      },
      checkApply: (header: RequestHeader | undefined, body: RaftRequestBody) => checkApply(auth, header, body, this),
      serialize: (token, body, read) => this.serialize(token, body, read),
      apply: (body) => (isAuthBody(body) ? applyAuth(auth, body, this.appliedEntry()) : undefined),
      restore: (backend) => auth.recover(storageOf(backend)),
    };
  }

  private appliedEntry() {
    return {index: this.host.applyingIndex(), kvRevision: this.host.store().currentRevision};
  }

  /** etcd: doSerialize. */
  private *serialize<R>(token: string | undefined, body: ReadBody, read: () => Answer<R>): Fiber<Answer<R>> {
    const {auth} = this;
    const caller = yield* callerOf(auth, this, token);
    if (isAuthError(caller)) return caller;
    const refused = checkRead(auth, caller, body, this);
    if (refused !== undefined) return refused;
    return staleRead(auth, caller) ?? read();
  }

  /** The watches as the applier needs them. */
  get watchPort(): WatchPort {
    const {watchable} = this;
    let isFirst = true;
    return {
      changed: (revision: number, changes: readonly KeyValue[]) => watchable.changed(revision, changes),
      restored: (store, backend) => {
        watchable.attach(store, backend.batch);
        if (!isFirst) watchable.restored();
        isFirst = false;
      },
    };
  }
}

function storageOf(backend: Backend) {
  return {batch: backend.batch, reads: () => backend.reads};
}

function tokensOf(env: AuthEnv, config: ServerConfig, behaviours: AuthBehaviours): TokenProvider {
  const {authToken, authTokenTtl, authKeys} = config;
  const options = {authToken, authTokenTtlUs: authTokenTtl * 1_000_000, files: authKeys};
  const made = makeTokenProvider(env, options, behaviours);
  if (made.kind === 'refused') throw new ServerEnded(made.message);
  return made.provider;
}

function isAuthBody(body: RaftRequestBody): body is AuthBody {
  return body.kind === 'authenticate' || body.kind.startsWith('auth-');
}
