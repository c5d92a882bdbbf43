// server-core/client/concurrency.ts: locks and elections as clients make them out of keys, leases and watches.
// etcd: client/v3/concurrency mutex.go, election.go. The key that was created first holds the lock or leads; each waiter waits for
// the one before it. What the servers' own Lock and Election services do is server-core/concurrency.
// Not promised, as in etcd: that a holder whose session has ended knows it. `isOwner` is the guard to put into transactions.
import {must} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {Compare, KeyValue, ResponseHeader, TxnResponse} from '../etcdserverpb/types.ts';
import {compare, rangeRequest} from '../etcdserverpb/types.ts';
import {CallContext} from './call-context.ts';
import type {Failure} from './client.ts';
import {
  deleteKey,
  deleteOp,
  firstCreated,
  get,
  getOp,
  ifCreatedAt,
  pairsOf,
  putOp,
  recipeFailure,
  sessionKey,
  transact,
  waitDeletes,
} from './recipe-calls.ts';
import type {Session} from './session.ts';

export const ERR_LOCKED = recipeFailure('mutex: Locked by another session');
export const ERR_SESSION_EXPIRED = recipeFailure('mutex: session is expired');
export const ERR_LOCK_RELEASED = recipeFailure('mutex: lock has already been released');
export const ERR_NOT_LEADER = recipeFailure('election: not leader');
export const ERR_NO_LEADER = recipeFailure('election: no leader');

/** What a mutex has for its key once it is released. */
const NO_KEY = '\0';
/** Cleaning up goes on without the caller's deadline. Go: client.Ctx(). */
const background = (session: Session): CallContext =>
  new CallContext(session.recipe.client.env.clock, {cancelled: session.recipe.client.closed});

/** A lock that a session may hold. */
export class Mutex {
  private readonly session: Session;
  private readonly prefix: ByteString;
  private myKey: ByteString = '';
  private myRevision = -1;
  private lockedHeader: ResponseHeader | undefined;

  constructor(session: Session, name: ByteString) {
    this.session = session;
    this.prefix = `${name}/`;
  }

  /** The key that stands for this holder or waiter; '' before, '\0' behind. */
  get key(): ByteString {
    return this.myKey;
  }

  /** The header of the answer by which the lock was got. */
  get header(): ResponseHeader | undefined {
    return this.lockedHeader;
  }

  /** A guard that holds while the lock is held. */
  isOwner(): Compare {
    return compare(this.myKey, 'equal', {kind: 'create', number: this.myRevision});
  }

  /** Takes the lock if it is free. */
  *tryLock(context: CallContext): Fiber<Failure | undefined> {
    const acquired = yield* this.acquire(context);
    if ('kind' in acquired) return acquired;
    if (this.isFirst(acquired)) return undefined;
    const deleted = yield* deleteKey(this.session.recipe, this.myKey, context);
    if (deleted.kind === 'error') return deleted;
    this.forget();
    return ERR_LOCKED;
  }

  /** Waits for the lock; a waiter that gives up takes its key away. */
  *lock(context: CallContext): Fiber<Failure | undefined> {
    const {recipe} = this.session;
    const acquired = yield* this.acquire(context);
    if ('kind' in acquired) return acquired;
    if (this.isFirst(acquired)) return undefined;
    const waited = yield* waitDeletes(recipe, this.prefix, this.myRevision - 1, context);
    if (waited.kind === 'error') return yield* this.giveUp(waited);
    if (!recipe.client.behaviours.mutexConfirmsItsKey) {
      this.lockedHeader = waited.response.header;
      return undefined;
    }
    const mine = yield* get(recipe, rangeRequest(this.myKey), context);
    if (mine.kind === 'error') return yield* this.giveUp(mine);
    if (mine.response.kvs.length === 0) return ERR_SESSION_EXPIRED;
    this.lockedHeader = mine.response.header;
    return undefined;
  }

  /** Releases the lock, or takes a waiting key away. */
  *unlock(context: CallContext): Fiber<Failure | undefined> {
    const {recipe} = this.session;
    const isHeld = this.myKey !== '' && this.myKey !== NO_KEY && this.myRevision > 0;
    if (!isHeld && recipe.client.behaviours.mutexRefusesDoubleUnlock) return ERR_LOCK_RELEASED;
    const deleted = yield* deleteKey(recipe, this.myKey, context);
    if (deleted.kind === 'error') return deleted;
    this.forget();
    return undefined;
  }

  /** Puts this session's key there and reads whose is first, in one transaction. etcd: tryAcquire. */
  private *acquire(context: CallContext): Fiber<TxnResponse | Failure> {
    const {recipe, lease} = this.session;
    this.myKey = sessionKey(this.prefix, lease);
    const owner = getOp(firstCreated(this.prefix));
    const mine = getOp(rangeRequest(this.myKey));
    const request = ifCreatedAt(this.myKey, 0, [putOp(this.myKey, '', lease), owner], [mine, owner]);
    const answer = yield* transact(recipe, request, context);
    if (answer.kind === 'error') return answer;
    const {response} = answer;
    this.myRevision = response.succeeded ? response.header.revision : createRevisionIn(response);
    return response;
  }

  private isFirst(acquired: TxnResponse): boolean {
    const first = pairsOf(acquired.responses[1])[0];
    if (first !== undefined && first.createRevision !== this.myRevision) return false;
    this.lockedHeader = acquired.header;
    return true;
  }

  private *giveUp(failure: Failure): Fiber<Failure> {
    yield* this.unlock(background(this.session));
    return failure;
  }

  private forget(): void {
    this.myKey = NO_KEY;
    this.myRevision = -1;
  }
}

/** The revision at which the key that a failed guard found was created. */
const createRevisionIn = (response: TxnResponse): number =>
  must(pairsOf(response.responses[0])[0], 'a key that exists is found').createRevision;

/** What an election tells: who leads, and at which revision that was. */
export interface Leadership {
  readonly header: ResponseHeader;
  readonly kv: KeyValue;
}

/** What a candidate holds. */
interface Candidacy {
  readonly key: ByteString;
  readonly revision: number;
  readonly session: Session;
}

/** An election that a session may stand in. */
export class Election {
  private readonly session: Session;
  private readonly prefix: ByteString;
  private candidacy: Candidacy | undefined;
  private lastHeader: ResponseHeader | undefined;

  constructor(session: Session, name: ByteString) {
    this.session = session;
    this.prefix = `${name}/`;
  }

  /** The candidate's key; undefined when not standing. */
  get key(): ByteString | undefined {
    return this.candidacy?.key;
  }

  /** The revision at which that key was created. */
  get revision(): number | undefined {
    return this.candidacy?.revision;
  }

  /** Of the last successful proposal. */
  get header(): ResponseHeader | undefined {
    return this.lastHeader;
  }

  /** Stands with this value and waits to lead. */
  *campaign(value: ByteString, context: CallContext): Fiber<Failure | undefined> {
    const {session} = this;
    const {recipe, lease} = session;
    const key = sessionKey(this.prefix, lease);
    const request = ifCreatedAt(key, 0, [putOp(key, value, lease)], [getOp(rangeRequest(key))]);
    const answer = yield* transact(recipe, request, context);
    if (answer.kind === 'error') return answer;
    const {response} = answer;
    if (response.succeeded) {
      this.candidacy = {key, revision: response.header.revision, session};
    } else {
      const revision = createRevisionIn(response);
      this.candidacy = {key, revision, session};
      if (pairsOf(response.responses[0])[0]?.value !== value) {
        const failure = yield* this.proclaim(value, context);
        if (failure !== undefined) {
          yield* this.resign(context);
          return failure;
        }
      }
    }
    const waited = yield* waitDeletes(recipe, this.prefix, this.candidacy.revision - 1, context);
    if (waited.kind === 'error') {
      if (context.ready()) yield* this.resign(background(session));
      else this.candidacy = undefined;
      return waited;
    }
    this.lastHeader = response.header;
    return undefined;
  }

  /** Tells a new value while leading. */
  *proclaim(value: ByteString, context: CallContext): Fiber<Failure | undefined> {
    const {candidacy} = this;
    if (candidacy === undefined) return ERR_NOT_LEADER;
    const {key, revision, session} = candidacy;
    const answer = yield* transact(
      session.recipe,
      ifCreatedAt(key, revision, [putOp(key, value, session.lease)]),
      context,
    );
    if (answer.kind === 'error') return answer;
    if (!answer.response.succeeded) {
      this.candidacy = undefined;
      return ERR_NOT_LEADER;
    }
    this.lastHeader = answer.response.header;
    return undefined;
  }

  /** Stands no more, leading or not. */
  *resign(context: CallContext): Fiber<Failure | undefined> {
    const {candidacy} = this;
    if (candidacy === undefined) return undefined;
    const {key, revision, session} = candidacy;
    const answer = yield* transact(session.recipe, ifCreatedAt(key, revision, [deleteOp(key)]), context);
    this.candidacy = undefined;
    if (answer.kind === 'error') return answer;
    this.lastHeader = answer.response.header;
    return undefined;
  }

  /** Who leads now. */
  *leader(context: CallContext): Fiber<Leadership | Failure> {
    const found = yield* get(this.session.recipe, firstCreated(this.prefix), context);
    if (found.kind === 'error') return found;
    const {header, kvs} = found.response;
    const kv = kvs[0];
    return kv === undefined ? ERR_NO_LEADER : {header, kv};
  }
}
