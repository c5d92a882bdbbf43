// server-core/lease/test-cluster.ts: members that are lessor, store and Lease service over one common log, for tests.
// There is no raft: a proposal is in the log once it is made, every member applies the log with a delay of its own, and the test
// says who leads, who believes to lead and who is stuck. Batches outlive restarts as if everything had been committed.
import {must} from '../../base/assert.ts';
import type {LeaseId} from '../../base/ids.ts';
import {toId64, toMemberId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber, FiberHandle} from '../../env/fiber.ts';
import {after, condition, Signal, select, sleepUs} from '../../env/fiber.ts';
import {Promised} from '../../env/sync.ts';
import {ProcessFailpoints} from '../../sim/failpoints.ts';
import {Bench} from '../../sim/testing.ts';
import type {ResponseHeader} from '../etcdserverpb/types.ts';
import {NO_LEASE, putRequest, rangeRequest} from '../etcdserverpb/types.ts';
import {isRefusal} from '../mvcc/errors.ts';
import {MvccStore} from '../mvcc/store.ts';
import {TestBatch} from '../mvcc/test-batch.ts';
import {applyCheckpoint, applyGrant, applyRevoke} from './apply.ts';
import type {LeaseBehaviours} from './behaviours.ts';
import {leaseBehavioursOf} from './behaviours.ts';
import type {Answer, AnswerError} from './errors.ts';
import {ERR_TIMEOUT, ok} from './errors.ts';
import {LeaseApi} from './lease-api.ts';
import {Lessor, minLeaseTtl, qualifyLessorOptions} from './lessor.ts';
import {runLessor} from './lessor-loop.ts';
import {handlePeerLease} from './peer-lease.ts';
import type {CallerPermissions, LeaseHost, LeasePath, LeaseProposal, PeerAnswer} from './ports.ts';
import {makeCheckpointer, runRevoker} from './revoker.ts';

export const SECOND = 1_000_000;
export const ELECTION_US = SECOND;
export const REQUEST_TIMEOUT_US = 7 * SECOND;
export const ERR_LATE: AnswerError = {
  kind: 'error',
  code: 'Unavailable',
  message: 'etcdserver: request timed out, waiting for the applied index took too long',
  effect: 'none',
};

/** An id from a signed number, as etcd's clients write them. */
export function leaseId(value: number): LeaseId {
  return toId64(BigInt.asUintN(64, BigInt(value)).toString(16)) as LeaseId;
}

type Entry = LeaseProposal | {readonly kind: 'put'; readonly key: string; readonly lease: LeaseId};

export interface ClusterOptions {
  readonly release: string;
  readonly members?: number;
  readonly checkpoints?: boolean;
  readonly storesCheckpoints?: boolean;
  readonly revokeRate?: number;
  readonly seed?: number;
}

/** Who asks, in these tests: 'root', or a name that auth knows. */
export type Caller = string;
const INTERNAL: Caller = 'root of this server';

export class TestCluster {
  readonly bench: Bench;
  readonly behaviours: LeaseBehaviours;
  readonly options: ClusterOptions;
  readonly members: TestMember[] = [];
  readonly log: Entry[] = [];
  readonly grown = new Signal();
  /** The member that leads; undefined: nobody. */
  leader: TestMember | undefined;

  constructor(options: ClusterOptions) {
    this.options = options;
    this.bench = new Bench(options.seed ?? 1, {starvedOneIn: 0});
    this.behaviours = leaseBehavioursOf(options.release);
    for (let i = 0; i < (options.members ?? 1); i++) this.members.push(new TestMember(this, i));
    this.elect(0);
  }

  member(index: number): TestMember {
    return must(this.members[index], 'no such member', {index});
  }

  /** The member leads from now on, and is promoted once it has applied the log as it is now. */
  elect(index: number): void {
    const elected = this.member(index);
    for (const member of this.members) if (member !== elected) member.stepDown();
    this.leader = elected;
    elected.becomeLeader();
  }

  /** As elect(), but the old leader does not hear of it. */
  electUnheard(index: number): void {
    this.leader = this.member(index);
    this.leader.becomeLeader();
  }

  nowUs(): number {
    return this.bench.clock.monotonicUs();
  }

  /** Runs until that many microseconds later. */
  pass(byUs: number): void {
    const untilUs = this.nowUs() + byUs;
    const handle = this.bench.spawn(sleepUs(this.bench.clock, byUs));
    while (this.nowUs() < untilUs || !handle.ended.ready()) if (!this.bench.kernel.step()) break;
    this.failOnPanic();
  }

  /** Runs until every member has applied the log as it is by then. */
  settle(): void {
    while (this.members.some(({appliedCount}) => appliedCount < this.log.length)) if (!this.bench.kernel.step()) break;
    this.failOnPanic();
  }

  /** Runs one fiber to its end while everything else goes on. */
  finish<T>(fiber: Fiber<T>): T {
    return this.finishAll([fiber])[0] as T;
  }

  /** Runs fibers side by side to their ends. */
  finishAll<T>(fibers: readonly Fiber<T>[]): T[] {
    const handles = fibers.map((fiber) => this.bench.spawn(fiber));
    const limitUs = this.nowUs() + 600 * SECOND;
    while (handles.some(({ended}) => !ended.ready())) {
      if (!this.bench.kernel.step() || this.nowUs() > limitUs) break;
    }
    this.failOnPanic();
    return handles.map(({ended}) => {
      const end = must(ended.ready() ? ended.take() : undefined, 'the fiber waits for something that never comes');
      if (end.kind !== 'returned') throw new Error('the fiber was cancelled');
      return end.value;
    });
  }

  private failOnPanic(): void {
    if (this.bench.end?.how === 'panic') throw this.bench.end.error;
  }

  // Short cuts through member 0 or the one named.

  grant(id: number, ttl: number, at = 0) {
    return this.finish(this.member(at).api.grant({id: leaseId(id), ttl}, 'root'));
  }

  revoke(id: number, at = 0) {
    return this.finish(this.member(at).api.revoke({id: leaseId(id)}, 'root'));
  }

  renew(id: number, at = 0) {
    return this.finish(this.member(at).api.renew(leaseId(id), 'root'));
  }

  put(key: string, id: number, at = 0) {
    return this.finish(this.member(at).propose({kind: 'put', key, lease: leaseId(id)}));
  }

  /** A put without a lease that nobody waits for. */
  append(key: string): void {
    this.log.push({kind: 'put', key, lease: NO_LEASE});
    this.grown.notify();
  }

  ttl(id: number, at = 0): number {
    const answer = this.finish(this.member(at).api.timeToLive({id: leaseId(id), keys: false}, 'root'));
    if (answer.kind === 'error') throw new Error(answer.message);
    return answer.response.ttl;
  }
}

interface Running {
  readonly lessor: Lessor;
  readonly store: MvccStore;
  readonly host: LeaseHost<Caller>;
  readonly api: LeaseApi<Caller>;
}

export class TestMember {
  readonly cluster: TestCluster;
  readonly index: number;
  readonly batch = new TestBatch();
  readonly failpoints: ProcessFailpoints;
  readonly auth = new TestAuth();
  readonly marks = new Set<string>();
  appliedCount = 0;
  /** Believes to lead: true of a deposed leader, too, until it hears of it. */
  believesToLead = false;
  /** Applies nothing while true. */
  isStuck = false;
  /** How long an entry takes from the log to this member's apply. */
  applyDelayUs = 200;
  /** The raft tick is fresh. */
  hasTicked = true;
  confirmations = 0;
  fastKeepAlive = true;
  /** Every proposal of this member is dropped and times out. */
  isCutOff = false;
  readonly proposed: LeaseProposal[] = [];
  private promoteAt: number | undefined;
  private readonly results = new Map<number, Promised<Answer<unknown>>>();
  private readonly applied = new Signal();
  private fibers: FiberHandle<unknown>[] = [];
  private readonly env: Env;
  private running: Running;

  constructor(cluster: TestCluster, index: number) {
    this.cluster = cluster;
    this.index = index;
    const {bench} = cluster;
    this.failpoints = new ProcessFailpoints(bench.clock, () => undefined);
    this.env = {
      name: `m${index}`,
      clock: bench.clock,
      choose: (countMax: number) => bench.choose(countMax),
      failpoints: this.failpoints,
      trace: {enabled: false, event: () => undefined, mark: (name: string) => this.marks.add(name)},
      spawn: <T>(_name: string, fiber: Fiber<T>) => this.spawn(fiber),
    } as unknown as Env; // disk and network are not asked for here
    this.running = this.boot();
  }

  get lessor(): Lessor {
    return this.running.lessor;
  }

  get store(): MvccStore {
    return this.running.store;
  }

  get host(): LeaseHost<Caller> {
    return this.running.host;
  }

  get api(): LeaseApi<Caller> {
    return this.running.api;
  }

  private spawn<T>(fiber: Fiber<T>): FiberHandle<T> {
    const handle = this.cluster.bench.spawn(fiber);
    this.fibers.push(handle as FiberHandle<unknown>);
    return handle;
  }

  private boot(): Running {
    const {behaviours, options} = this.cluster;
    const lessorOptions = qualifyLessorOptions({
      behaviours,
      minTtl: minLeaseTtl({electionTicks: 10, tickUs: 100_000}),
      expiredRetryUs: REQUEST_TIMEOUT_US,
      storesCheckpoints: () => options.storesCheckpoints === true,
      ...(options.revokeRate === undefined ? {} : {revokeRate: options.revokeRate}),
    });
    const lessor = new Lessor(this.env, this.batch, lessorOptions);
    const store = MvccStore.open(this.batch, {lessor});
    lessor.setStore(store);
    const host = this.makeHost(lessor);
    if (options.checkpoints === true) lessor.setCheckpointer(makeCheckpointer(host));
    this.spawn(runLessor(this.env, lessor));
    this.spawn(runRevoker(host));
    this.spawn(this.applyLoop());
    return {lessor, store, host, api: new LeaseApi(host)};
  }

  /** kill -9 and a new start from what is stored; entries from `replayFrom` on are applied again. */
  restart(replayFrom = this.appliedCount): void {
    for (const fiber of this.fibers) fiber.cancel();
    this.fibers = [];
    this.results.clear();
    this.believesToLead = false;
    this.promoteAt = undefined;
    this.appliedCount = replayFrom;
    if (this.cluster.leader === this) this.cluster.leader = undefined;
    this.running = this.boot();
  }

  becomeLeader(): void {
    this.believesToLead = true;
    this.promoteAt = this.cluster.log.length;
    this.cluster.grown.notify();
  }

  /** Hears that it does not lead. */
  stepDown(): void {
    this.believesToLead = false;
    this.promoteAt = undefined;
    this.lessor.demote();
  }

  setStuck(isStuck: boolean): void {
    this.isStuck = isStuck;
    this.cluster.grown.notify();
  }

  private *applyLoop(): Fiber<never> {
    const {log, grown, bench} = this.cluster;
    for (;;) {
      while (this.isStuck || (this.appliedCount >= log.length && this.promoteAt === undefined)) yield grown;
      if (this.promoteAt !== undefined && this.appliedCount >= this.promoteAt) {
        this.promoteAt = undefined;
        this.lessor.promote(ELECTION_US);
        continue;
      }
      yield* sleepUs(bench.clock, this.applyDelayUs);
      if (this.isStuck) continue;
      const at = this.appliedCount++;
      const result = this.apply(must(log[at], 'no such entry'));
      this.results.get(at)?.resolve(result);
      this.results.delete(at);
      this.applied.notify();
    }
  }

  private apply(entry: Entry): Answer<unknown> {
    switch (entry.kind) {
      case 'lease-grant':
        return applyGrant(this, entry.request);
      case 'lease-revoke':
        return applyRevoke(this, entry.request);
      case 'lease-checkpoint':
        return applyCheckpoint(this, entry.request);
      default: {
        const answer = this.store.applyPut(putRequest(entry.key, 'v', {lease: entry.lease}));
        return isRefusal(answer) ? answer : ok(answer);
      }
    }
  }

  *propose<Response>(entry: Entry, caller?: Caller): Fiber<Answer<Response>> {
    const {cluster} = this;
    if (entry.kind !== 'put') this.proposed.push(entry);
    if (caller === INTERNAL && this.auth.refusesInternalToken) return ERR_BAD_TOKEN;
    if (this.isCutOff) {
      yield* sleepUs(cluster.bench.clock, REQUEST_TIMEOUT_US);
      return ERR_TIMEOUT;
    }
    const result = new Promised<Answer<unknown>>();
    this.results.set(cluster.log.length, result);
    cluster.log.push(entry);
    cluster.grown.notify();
    const outcome = yield* select(this.env, {result, late: after(cluster.bench.clock, REQUEST_TIMEOUT_US)});
    return outcome.kind === 'late' ? ERR_TIMEOUT : (outcome.value as Answer<Response>);
  }

  private *caughtUp(): Fiber<AnswerError | undefined> {
    const index = this.cluster.log.length;
    const outcome = yield* select(this.env, {
      applied: condition(this.applied, () => this.appliedCount >= index),
      late: after(this.cluster.bench.clock, SECOND),
    });
    return outcome.kind === 'late' ? ERR_LATE : undefined;
  }

  private *confirm(): Fiber<boolean> {
    this.confirmations++;
    yield* sleepUs(this.cluster.bench.clock, 300);
    return this.cluster.leader === this;
  }

  private *ask(path: LeasePath, body: Uint8Array): Fiber<PeerAnswer | undefined> {
    yield* sleepUs(this.cluster.bench.clock, 500);
    const {leader} = this.cluster;
    return leader === undefined ? undefined : yield* handlePeerLease(leader.host, path, body);
  }

  private *waitLeader(untilUs: number): Fiber<AnswerError | undefined> {
    while (this.cluster.leader === undefined) {
      if (this.cluster.nowUs() >= untilUs) {
        return {kind: 'error', code: 'Unavailable', message: 'etcdserver: no leader', effect: 'none'};
      }
      yield* sleepUs(this.cluster.bench.clock, ELECTION_US);
    }
    return undefined;
  }

  private makeHost(lessor: Lessor): LeaseHost<Caller> {
    let nextId = 0x694d_0000 + this.index * 0x100;
    return {
      env: this.env,
      lessor,
      behaviours: this.cluster.behaviours,
      auth: this.auth,
      requestTimeoutUs: REQUEST_TIMEOUT_US,
      fastKeepAlive: this.fastKeepAlive,
      propose: (body, caller) => this.propose(body, caller),
      asRoot: () => INTERNAL,
      isLeader: () => this.believesToLead,
      waitLeader: (untilUs) => this.waitLeader(untilUs),
      waitAppliedIndex: () => this.caughtUp(),
      confirmLeadership: () => this.confirm(),
      hasTicked: () => this.hasTicked,
      askLeader: (path, body) => this.ask(path, body),
      header: () => ({
        clusterId: toId64(0xc) as ResponseHeader['clusterId'],
        memberId: toMemberId(this.index + 1),
        revision: this.store.currentRevision,
        raftTerm: 2,
      }),
      drawId: () => leaseId(nextId++),
    };
  }

  /** Live keys by the lease they name. */
  keysByLease(): Map<LeaseId, string[]> {
    const found = new Map<LeaseId, string[]>();
    const answer = this.store.range(rangeRequest('\0', {rangeEnd: '\0'}));
    if (isRefusal(answer)) throw new Error(answer.message);
    for (const {key, lease} of answer.kvs) {
      const keys = found.get(lease);
      if (keys === undefined) found.set(lease, [key]);
      else keys.push(key);
    }
    return found;
  }

  keyCount(): number {
    let count = 0;
    for (const keys of this.keysByLease().values()) count += keys.length;
    return count;
  }
}

/** Auth as the test sets it: off at first. */
export class TestAuth {
  enabled = false;
  /** Issue 13172: no token provider runs on this member. */
  refusesInternalToken = false;
  revisionNow = 1;
  /** What each named user may read and write. */
  readonly users = new Map<string, {readonly range: readonly string[]; readonly put: readonly string[]}>();

  isEnabled(): boolean {
    return this.enabled;
  }

  revision(): number {
    return this.revisionNow;
  }

  permissionsOf(caller: Caller): CallerPermissions | AnswerError {
    if (caller === 'root' || caller === INTERNAL)
      return {kind: 'permissions', admin: granted, range: granted, put: granted};
    const user = this.users.get(caller);
    if (user === undefined) return ERR_NO_USER;
    return {
      kind: 'permissions',
      admin: () => ERR_DENIED,
      range: (key) => (user.range.includes(key) ? undefined : ERR_DENIED),
      put: (key) => (user.put.includes(key) ? undefined : ERR_DENIED),
    };
  }
}

const granted = (): undefined => undefined;

const ERR_BAD_TOKEN: AnswerError = {
  kind: 'error',
  code: 'Unauthenticated',
  message: 'etcdserver: invalid auth token',
  effect: 'none',
};
export const ERR_NO_USER: AnswerError = {
  kind: 'error',
  code: 'InvalidArgument',
  message: 'etcdserver: user name is empty',
  effect: 'none',
};
export const ERR_DENIED: AnswerError = {
  kind: 'error',
  code: 'PermissionDenied',
  message: 'etcdserver: permission denied',
  effect: 'none',
};
