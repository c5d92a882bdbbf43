// server-core/lease/lessor.ts: the leases of one member: what there is, whose keys are whose, when the leader lets them end.
// etcd: lease/lessor.go. Every member's lessor grants, revokes and checkpoints as the log says; only the primary, the leader's,
// knows when leases expire. It never revokes by itself: it reports what is expired, and the server proposes the revokes.
// Modelled beside today's etcd: what LeaseBehaviours names. Not modelled: etcd's own lock, so that a grant whose apply waits for the
// backend holds no renewal back, and the instant inside a revoke in which keys are deleted and the lease is still known (issue
// 14758): a revoke takes place at once, behind the applier's wait for the backend, during which renewals go on as they do there.
// Promise: a lease of the primary is not reported before its TTL, counted from its last grant, renewal or promotion, has passed.
import {assert, must} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import type {LeaseId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {condition, Signal, select} from '../../env/fiber.ts';
import {Channel} from '../../env/sync.ts';
import type {BatchTx} from '../backend/types.ts';
import type {LeaseCheckpoint, LeaseCheckpointRequest} from '../etcdserverpb/lease-messages.ts';
import {NO_LEASE} from '../etcdserverpb/types.ts';
import type {Lessor as StoreLessor} from '../mvcc/store-state.ts';
import type {LeaseBehaviours} from './behaviours.ts';
import type {Answer, AnswerError} from './errors.ts';
import {ERR_LEASE_EXISTS, ERR_LEASE_NOT_FOUND, ERR_LEASE_TTL_TOO_LARGE, ERR_NOT_PRIMARY, ok} from './errors.ts';
import {compareLeases, Lease, SECOND_US} from './lease.ts';
import {createLeaseBucket, deleteLease, putLease, readLeases} from './lease-bucket.ts';
import {spreadExpiries} from './promotion.ts';
import {ExpiryQueue, TimeHeap} from './time-heap.ts';

/** Seconds. etcd: MaxLeaseTTL. */
export const LEASE_TTL_MAX = 9_000_000_000;
/** How often the primary looks for what is due. etcd: runLoop. */
export const LOOK_INTERVAL_US = 500_000;
/** Batches of expired leases that wait for the server. */
const EXPIRED_BATCHES_MAX = 16;

/** What deletes the keys of a revoked lease: the store. etcd: RangeDeleter. */
export interface KeyDeleter {
  write(): {deleteRange(key: ByteString, rangeEnd: ByteString): number; end(): void};
}

/** Brings remaining TTLs into the log. An error ends the round; undefined also where raft had none of it. etcd: Checkpointer. */
export type Checkpointer = (request: LeaseCheckpointRequest) => Fiber<AnswerError | undefined>;

export interface LessorOptions {
  readonly behaviours: LeaseBehaviours;
  /** Seconds; shorter grants get it. See minLeaseTtl(). */
  readonly minTtl: number;
  /** How long after its report a lease that is still there is reported again. etcd passes the request timeout. */
  readonly expiredRetryUs: number;
  /** Leases a second; half of it is reported by one look. */
  readonly revokeRate: number;
  readonly checkpointIntervalUs: number;
  /** The --…lease-checkpoint-persist flag or feature, or a cluster version of 3.6; asked at each checkpoint. */
  readonly storesCheckpoints: () => boolean;
}

/** etcd's own figures where none are given: a lessor without a server retries after 3 s. */
export function qualifyLessorOptions(
  given: Partial<LessorOptions> & Pick<LessorOptions, 'behaviours' | 'minTtl'>,
): LessorOptions {
  const options = {
    expiredRetryUs: 3 * SECOND_US,
    revokeRate: 1_000,
    checkpointIntervalUs: 300 * SECOND_US,
    storesCheckpoints: () => false,
    ...given,
  };
  assert(options.expiredRetryUs > 0, 'expired leases would be reported without end', options);
  assert(options.revokeRate >= 2, 'one look must report at least one lease', options);
  return Object.freeze(options);
}

/** The shortest TTL, in seconds: one and a half election timeouts, rounded up. etcd: NewServer, minTTL. */
export function minLeaseTtl(options: {readonly electionTicks: number; readonly tickUs: number}): number {
  return Math.ceil((Math.floor((3 * options.electionTicks) / 2) * options.tickUs) / SECOND_US);
}

/** A time as the primary; a new one begins with each promotion. etcd: demotec. */
interface Primacy {
  isOver: boolean;
}

type LessorEnv = Pick<Env, 'clock' | 'choose' | 'failpoints' | 'trace'>;

export class Lessor implements StoreLessor {
  readonly options: LessorOptions;
  /** Batches of expired leases, for the server to revoke. etcd: ExpiredLeasesC. */
  readonly expired = new Channel<readonly LeaseId[]>(EXPIRED_BATCHES_MAX);
  /** Notified when something became due before nextLookUs. */
  readonly changes = new Signal();
  /** The monotonic time to which the loop sleeps; set by the loop. */
  nextLookUs = 0;
  private readonly env: LessorEnv;
  private batch: BatchTx;
  private leases = new Map<LeaseId, Lease>();
  private items = new Map<ByteString, LeaseId>();
  // Both queues run on the clock that behaviours.queueClock names.
  private readonly queue = new ExpiryQueue();
  private readonly checkpoints = new TimeHeap();
  private primacy: Primacy | undefined;
  private readonly demoted = new Signal();
  private isStopped = false;
  private deleter: KeyDeleter | undefined;
  private checkpointer: Checkpointer | undefined;

  /** The leases of a backend, empty or not; the bucket is made when it is missing, and the caller commits. */
  constructor(env: LessorEnv, batch: BatchTx, options: LessorOptions) {
    this.env = env;
    this.options = options;
    this.batch = batch;
    this.read();
  }

  /** Whose keys a revoke deletes; before it is set, nothing may be revoked. */
  setStore(deleter: KeyDeleter): void {
    this.deleter = deleter;
  }

  /** Turns checkpoints on. etcd: SetCheckpointer, behind the flag or feature of that name. */
  setCheckpointer(checkpointer: Checkpointer): void {
    assert(this.options.behaviours.hasCheckpoints, 'this release has no lease checkpoints');
    this.checkpointer = checkpointer;
  }

  /** Goes over to another backend, before the store does, which brings the keys. The caller commits. etcd: Recover. */
  recover(batch: BatchTx): void {
    this.batch = batch;
    this.leases = new Map();
    this.items = new Map();
    this.read();
  }

  private read(): void {
    const {behaviours, minTtl} = this.options;
    createLeaseBucket(this.batch);
    for (const {id, ttl, remainingTtl} of readLeases(this.batch, {all: behaviours.recoversNegativeIds})) {
      const remaining = behaviours.storesCheckpoints ? remainingTtl : 0;
      this.leases.set(id, new Lease(id, Math.max(ttl, minTtl), remaining));
    }
  }

  get isPrimary(): boolean {
    return this.primacy !== undefined;
  }

  get leaseCount(): number {
    return this.leases.size;
  }

  /** Grants a lease. Refused: id 0, a TTL above LEASE_TTL_MAX, an id in use. */
  grant(id: LeaseId, ttl: number): Answer<Lease> {
    if (id === NO_LEASE) return ERR_LEASE_NOT_FOUND;
    if (ttl > LEASE_TTL_MAX && this.options.behaviours.refusesHugeTtl) return ERR_LEASE_TTL_TOO_LARGE;
    if (this.leases.has(id)) return ERR_LEASE_EXISTS;
    const lease = new Lease(id, Math.max(ttl, this.options.minTtl));
    this.leases.set(id, lease);
    this.store(lease);
    if (this.primacy !== undefined) {
      this.beginTerm(lease, 0);
      this.scheduleCheckpoint(lease);
    }
    return ok(lease);
  }

  /** Drops a lease and deletes its keys, in key order, in one transaction with the stored lease. Refused: an unknown lease. */
  revoke(id: LeaseId): AnswerError | undefined {
    const lease = this.leases.get(id);
    if (lease === undefined) return ERR_LEASE_NOT_FOUND;
    const txn = must(this.deleter, 'a lease is revoked before there is a store').write();
    for (const key of lease.keys()) txn.deleteRange(key, '');
    this.leases.delete(id);
    this.queue.delete(id);
    deleteLease(this.batch, id);
    txn.end();
    lease.isRevoked = true;
    lease.revoked.notify();
    return undefined;
  }

  /** Records what was left of a lease, in seconds; 0 clears it. It counts from the next promotion on. Unknown leases are passed over. */
  checkpoint(id: LeaseId, remainingTtl: number): void {
    const lease = this.leases.get(id);
    if (lease === undefined) return;
    lease.remainingTtl = remainingTtl;
    if (this.options.behaviours.storesCheckpoints && this.options.storesCheckpoints()) this.store(lease);
    if (this.primacy !== undefined) this.scheduleCheckpoint(lease);
  }

  private store({id, ttl, remainingTtl}: Lease): void {
    putLease(this.batch, {id, ttl, remainingTtl});
  }

  /**
   * Begins a new term of a lease and answers its TTL. Refused: not the primary; unknown. An expired lease is about to be revoked:
   * this waits for it, or for the end of the primacy. etcd: Renew.
   */
  *renew(id: LeaseId): Fiber<Answer<number>> {
    const {primacy} = this;
    if (primacy === undefined) return ERR_NOT_PRIMARY;
    const lease = this.leases.get(id);
    if (lease === undefined) return ERR_LEASE_NOT_FOUND;
    // As it was when the lease was looked up: a checkpoint applied during the waits below does not count.
    const clears = this.checkpointer !== undefined && lease.remainingTtl > 0;
    if (lease.isExpired(this.nowUs())) return yield* this.outcomeOfExpired(lease, primacy);
    if (this.env.failpoints.armed) yield* this.env.failpoints.hit('beforeCheckpointInLeaseRenew');
    if (clears) {
      const failed = yield* this.clearCheckpoint(id);
      if (failed !== undefined) return failed;
    }
    // Without the second look the lease may have been revoked meanwhile, and the answer tells of a term it does not have.
    const current = this.options.behaviours.renewalLooksTwice ? this.leases.get(id) : lease;
    if (current === undefined) return ERR_LEASE_NOT_FOUND;
    if (current.isRevoked) this.env.trace.mark('lease: a revoked lease was renewed');
    this.beginTerm(current, 0);
    return ok(current.ttl);
  }

  private *outcomeOfExpired(lease: Lease, primacy: Primacy): Fiber<AnswerError> {
    this.env.trace.mark('lease: a renewal came after the end');
    const outcome = yield* select(this.env, {
      revoked: condition(lease.revoked, () => lease.isRevoked),
      demoted: condition(this.demoted, () => primacy.isOver || this.isStopped),
    });
    return outcome.kind === 'revoked' ? ERR_LEASE_NOT_FOUND : ERR_NOT_PRIMARY;
  }

  private *clearCheckpoint(id: LeaseId): Fiber<AnswerError | undefined> {
    return yield* must(this.checkpointer, 'no checkpointer')({checkpoints: [{id, remainingTtl: 0}]});
  }

  lookup(id: LeaseId): Lease | undefined {
    return this.leases.get(id);
  }

  exists(id: LeaseId): boolean {
    return this.leases.has(id);
  }

  /** Every lease, the one that ends first before the others; equal ends by id, where etcd leaves it to chance. */
  list(): Lease[] {
    return [...this.leases.values()].sort(compareLeases);
  }

  /** Puts a key under a lease. An unknown lease is passed over: a stored key may name one that did not come back (issue 12535). */
  attach(id: LeaseId, key: ByteString): void {
    const lease = this.leases.get(id);
    if (lease === undefined) return this.env.trace.mark('lease: a stored key names no lease');
    lease.attach(key);
    this.items.set(key, id);
  }

  detach(id: LeaseId, key: ByteString): void {
    const lease = this.leases.get(id);
    if (lease === undefined) return;
    lease.detach(key);
    this.items.delete(key);
  }

  /** The lease of a key, or NO_LEASE. */
  leaseOf(key: ByteString): LeaseId {
    return this.items.get(key) ?? NO_LEASE;
  }

  /** Becomes the primary: every lease begins a term, longer by `extendUs`, and crowded ends are spread. etcd: Promote. */
  promote(extendUs: number): void {
    const {behaviours, revokeRate} = this.options;
    this.primacy = {isOver: false};
    for (const lease of this.leases.values()) {
      this.beginTerm(lease, extendUs);
      if (behaviours.promotionSchedulesCheckpoints) this.scheduleCheckpoint(lease);
    }
    if (!behaviours.limitsRevocations || this.leases.size < revokeRate) return;
    this.env.trace.mark('lease: crowded ends were spread');
    for (const {lease, delayUs} of spreadExpiries(this.list(), this.nowUs(), revokeRate)) {
      this.beginTerm(lease, delayUs + extendUs);
      if (behaviours.promotionSchedulesCheckpoints) this.scheduleCheckpoint(lease);
    }
  }

  /** Stops being the primary; does nothing when it is not, but that leases have no end again. etcd: Demote. */
  demote(): void {
    for (const lease of this.leases.values()) lease.expiryUs = Number.POSITIVE_INFINITY;
    this.queue.clear();
    this.checkpoints.clear();
    if (this.primacy !== undefined) {
      this.primacy.isOver = true;
      this.primacy = undefined;
      this.demoted.notify();
    }
  }

  /** Lets renewals that wait go. etcd: Stop. */
  stop(): void {
    this.isStopped = true;
    this.demoted.notify();
  }

  private beginTerm(lease: Lease, extendUs: number): void {
    const nowUs = this.nowUs();
    lease.refresh(nowUs, extendUs);
    this.queue.set(lease.id, lease.expiryUs + this.queueNowUs() - nowUs);
    if (lease.expiryUs < this.nextLookUs) this.changes.notify();
  }

  /** As deadlines are counted. */
  private nowUs(): number {
    const {clock} = this.env;
    return this.options.behaviours.deadlineClock === 'wall' ? clock.wallUs() : clock.monotonicUs();
  }

  private queueNowUs(): number {
    const {clock} = this.env;
    return this.options.behaviours.queueClock === 'wall' ? clock.wallUs() : clock.monotonicUs();
  }

  private scheduleCheckpoint(lease: Lease): void {
    const {checkpointIntervalUs} = this.options;
    if (this.checkpointer === undefined || lease.termTtl <= Math.floor(checkpointIntervalUs / SECOND_US)) return;
    this.checkpoints.push(lease.id, this.queueNowUs() + checkpointIntervalUs);
    if (this.env.clock.monotonicUs() + checkpointIntervalUs < this.nextLookUs) this.changes.notify();
  }

  /**
   * When there may be something to do, as monotonic time; undefined: never as things are. With the queue on the wall clock, which
   * may jump, that is at once as long as it holds anything.
   */
  dueUs(): number | undefined {
    if (this.primacy === undefined) return undefined;
    const expiryUs = this.queue.peek()?.atUs;
    const checkpointUs = this.checkpoints.peek()?.atUs;
    if (expiryUs === undefined && checkpointUs === undefined) return undefined;
    if (this.options.behaviours.queueClock === 'wall') return this.env.clock.monotonicUs();
    return Math.min(expiryUs ?? Number.POSITIVE_INFINITY, checkpointUs ?? Number.POSITIVE_INFINITY);
  }

  /** Expired leases that were not reported within the retry interval, earliest first, at most half the rate. */
  findExpired(): LeaseId[] {
    const {behaviours, expiredRetryUs, revokeRate} = this.options;
    const ids: LeaseId[] = [];
    if (this.primacy === undefined) return ids;
    const nowUs = this.nowUs();
    const queueNowUs = this.queueNowUs();
    const retryUs = behaviours.expiredRetry === 'each-look' ? LOOK_INTERVAL_US : expiredRetryUs;
    const limit = behaviours.limitsRevocations ? Math.floor(revokeRate / 2) : Number.POSITIVE_INFINITY;
    while (ids.length < limit) {
      const head = this.queue.peek();
      if (head === undefined) break;
      const lease = this.leases.get(head.id);
      if (lease === undefined) {
        this.queue.delete(head.id);
        continue;
      }
      if (queueNowUs < head.atUs) break;
      this.queue.set(head.id, queueNowUs + retryUs);
      if (lease.isExpired(nowUs)) ids.push(head.id);
    }
    return ids;
  }

  /** Checkpoints that are due, at most `limit`. */
  findDueCheckpoints(limit: number): LeaseCheckpoint[] {
    const due: LeaseCheckpoint[] = [];
    if (this.primacy === undefined) return due;
    const nowUs = this.env.clock.monotonicUs();
    const queueNowUs = this.queueNowUs();
    while (due.length < limit) {
      const head = this.checkpoints.peek();
      if (head === undefined || head.atUs > queueNowUs) break;
      this.checkpoints.pop();
      const lease = this.leases.get(head.id);
      if (lease === undefined || lease.isDemoted || lease.isExpired(nowUs)) continue;
      const remainingTtl = Math.ceil((lease.expiryUs - nowUs) / SECOND_US);
      // A lease renewed just now has nothing to record and is not looked at again before its next checkpoint is scheduled.
      if (remainingTtl < lease.ttl) due.push({id: head.id, remainingTtl});
    }
    return due;
  }

  /** Sends due checkpoints; undefined where they are off. */
  get sendCheckpoints(): Checkpointer | undefined {
    return this.checkpointer;
  }

  /** What must hold between two calls. */
  check(): void {
    for (const [key, id] of this.items)
      assert(this.leases.has(id), 'a key is under a lease that is not there', {key, id});
    let keyCount = 0;
    for (const lease of this.leases.values()) {
      keyCount += lease.keyCount;
      assert(!lease.isRevoked, 'a revoked lease is still there', {id: lease.id});
    }
    assert(keyCount === this.items.size, 'keys and leases disagree', {keyCount, itemCount: this.items.size});
  }
}
