// server-core/server/applier.ts: one request onto the state machine. etcd 3.6: server/etcdserver/apply; 3.3-3.5: etcdserver/apply.go.
// Holds the backend and all that lies over it: store, leases, users, alarms, watches; a received snapshot replaces them at once.
// etcd wraps appliers: alarms and quota around auth around the backend. Here the layers are asked one after the other.
import type {MemberId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber, Waitable} from '../../env/fiber.ts';
import {condition, Signal, sleepUs} from '../../env/fiber.ts';
import type {Backend} from '../backend/backend.ts';
import type {AlarmRequest, AlarmResponse} from '../etcdserverpb/maintenance-messages.ts';
import type {InternalRaftRequest, RaftRequestBody, RequestHeader} from '../etcdserverpb/raft-request.ts';
import type {
  CompactionRequest,
  KeyValue,
  RangeRequest,
  RangeResponse,
  RequestOp,
  TxnRequest,
  TxnResponse,
} from '../etcdserverpb/types.ts';
import {revisionHeader} from '../etcdserverpb/types.ts';
import type {Cluster} from '../membership/cluster.ts';
import type {MvccBehaviours} from '../mvcc/behaviours.ts';
import type {Refusal} from '../mvcc/errors.ts';
import {isRefusal} from '../mvcc/errors.ts';
import {knownDeleteRange, knownPut, knownRange, knownTxn} from '../mvcc/known-fields.ts';
import {MvccStore} from '../mvcc/store.ts';
import type {Lessor} from '../mvcc/store-state.ts';
import {AlarmStore} from './alarms.ts';
import type {ServerBehaviours} from './behaviours.ts';
import type {ServerError} from './errors.ts';
import {ERR_CORRUPT, ERR_NO_SPACE} from './errors.ts';
import type {Answer} from './proposer.ts';
import {Quota} from './quota.ts';

/** What the applier asks of the auth store. */
export interface AuthPort {
  readonly isEnabled: boolean;
  /** May the requester of a proposed request do this? Asked when it is applied. etcd: authApplierV3. */
  checkApply(header: RequestHeader | undefined, body: RaftRequestBody): ServerError | undefined;
  /** Reads with the permissions of a token's owner. etcd: doSerialize. */
  serialize<R>(token: string | undefined, body: ReadBody, read: () => Answer<R>): Fiber<Answer<R>>;
  /** Carries out one of the auth service's requests; undefined for any other. */
  apply(body: RaftRequestBody): Answer<object> | undefined;
  restore(backend: Backend): void;
}

/** What the applier asks of the leases. */
export interface LeasePort extends Lessor {
  /** Carries out a grant, a revocation or a checkpoint; undefined for any other. */
  apply(body: RaftRequestBody): Answer<object> | undefined;
  /** Reads the leases of another backend; their keys are attached by the store that is opened next. */
  restore(backend: Backend): void;
}

/** What the applier tells of changes. */
export interface WatchPort {
  changed(revision: number, changes: readonly KeyValue[]): void;
  /** The store has been replaced by what a snapshot brought. */
  restored(store: MvccStore, backend: Backend): void;
}

/** Requests that are answered without raft. */
export type ReadBody = Extract<RaftRequestBody, {kind: 'range' | 'txn'}>;

export interface ApplierParts {
  readonly env: Env;
  readonly id: MemberId;
  readonly backend: Backend;
  readonly cluster: Cluster;
  readonly behaviours: ServerBehaviours;
  readonly mvcc: MvccBehaviours;
  readonly quotaBytes: number;
  readonly auth: AuthPort;
  readonly leases: LeasePort;
  readonly watches: WatchPort;
}

export class Applier {
  backend: Backend;
  readonly store: MvccStore;
  readonly alarms: AlarmStore;
  readonly quota: Quota;
  private readonly parts: ApplierParts;
  private readonly compacted = new Signal();
  private isCompacting = false;
  /** Whether an alarm that was raised in this life has taken the permission checks away: ServerBehaviours.alarmsBypassAuth. */
  private bypassesAuth = false;

  constructor(parts: ApplierParts) {
    this.parts = parts;
    const {backend, leases, watches, quotaBytes, behaviours} = parts;
    this.backend = backend;
    this.store = MvccStore.open(backend.batch, {
      lessor: leases,
      changed: (revision, changes) => watches.changed(revision, changes),
      behaviours: parts.mvcc,
    });
    this.alarms = new AlarmStore(backend.batch);
    const sizeBytes = () => this.backend.sizeBytes;
    this.quota = new Quota({quotaBytes, passesReads: behaviours.quotaPassesReads, sizeBytes});
    watches.restored(this.store, backend);
    this.startCompaction();
  }

  /** Another backend takes the place of this one. */
  replace(backend: Backend): void {
    const {leases, auth, watches} = this.parts;
    this.backend = backend;
    leases.restore(backend);
    this.store.restore(backend.batch);
    this.alarms.restore(backend.batch);
    this.bypassesAuth = false;
    auth.restore(backend);
    watches.restored(this.store, backend);
    this.startCompaction();
  }

  /** Waits while a commit holds reads up; then read without waiting. */
  *readable(): Fiber<void> {
    yield* this.backend.readTx();
  }

  /** Answers a read as the owner of a token may see it. */
  *serialize<R>(token: string | undefined, body: ReadBody, read: () => Answer<R>): Fiber<Answer<R>> {
    const {auth} = this.parts;
    return auth.isEnabled || token !== undefined ? yield* auth.serialize(token, body, read) : read();
  }

  /** Answers a range that needs no raft. */
  range(request: RangeRequest): Answer<RangeResponse> {
    return answerOf(this.store.range(request));
  }

  /** Answers a transaction that only reads. */
  readOnlyTxn(request: TxnRequest): Answer<TxnResponse> {
    return answerOf(this.store.applyTxn(request));
  }

  /**
   * Carries out an entry's request; undefined when this release knows nothing of what it asks. The batch lock is held.
   * `isAwaited`: a client of this member waits for the answer. etcd: applyEntryNormal's needResult.
   */
  apply({header, body: asked}: InternalRaftRequest, isAwaited: boolean): Answer<object> | undefined {
    if (!isAwaited && hasNoEffect(asked)) return {kind: 'ok', response: {}};
    return this.applyKnown(header, this.known(asked), isAwaited);
  }

  /** The request as far as this release understands it. */
  private known(body: RaftRequestBody): RaftRequestBody {
    const {knownFields} = this.parts.mvcc;
    if (knownFields === undefined) return body;
    switch (body.kind) {
      case 'range':
        return {kind: 'range', request: knownRange(knownFields, body.request)};
      case 'put':
        return {kind: 'put', request: knownPut(knownFields, body.request)};
      case 'delete-range':
        return {kind: 'delete-range', request: knownDeleteRange(knownFields, body.request)};
      case 'txn':
        return {kind: 'txn', request: knownTxn(knownFields, body.request)};
      default:
        return body;
    }
  }

  private applyKnown(
    header: RequestHeader | undefined,
    asked: RaftRequestBody,
    isAwaited: boolean,
  ): Answer<object> | undefined {
    const {auth, behaviours} = this.parts;
    // Before permissions are looked at: what only a range forbids is refused here and carried out elsewhere (18667).
    const strips = !isAwaited && behaviours.stripsRangesOfForeignTxns && asked.kind === 'txn';
    const body: RaftRequestBody = strips ? {kind: 'txn', request: withoutRanges(asked.request)} : asked;
    const alarm = this.refusedByAlarm(body);
    if (alarm !== undefined) return alarm;
    if (auth.isEnabled && !this.bypassesAuth) {
      const refused = auth.checkApply(header, body);
      if (refused !== undefined) return refused;
    }
    const isBeyondQuota = this.isBeyondQuota(body);
    const answer = this.carryOut(body);
    // quotaApplierV3: the request is carried out, and its client told that there is no room.
    return isBeyondQuota && answer?.kind === 'ok' ? ERR_NO_SPACE : answer;
  }

  private get isCorrupt(): boolean {
    return this.parts.behaviours.knowsCorruption && this.alarms.has('corrupt');
  }

  private refusedByAlarm(body: RaftRequestBody): ServerError | undefined {
    switch (body.kind) {
      case 'put':
      case 'lease-grant':
        if (this.isCorrupt) return ERR_CORRUPT;
        return this.alarms.has('nospace') ? ERR_NO_SPACE : undefined;
      case 'txn':
        if (this.isCorrupt) return ERR_CORRUPT;
        return this.alarms.has('nospace') && this.quota.growsWith(body.request) ? ERR_NO_SPACE : undefined;
      case 'range':
      case 'delete-range':
      case 'compaction':
      case 'lease-revoke':
        return this.isCorrupt ? ERR_CORRUPT : undefined;
      default:
        return undefined;
    }
  }

  /** Asked with the size as it was before: a batch grows the file only when it is committed. */
  private isBeyondQuota(body: RaftRequestBody): boolean {
    if (body.kind === 'put') return !this.quota.hasRoomForPut(body.request);
    if (body.kind === 'txn') return !this.quota.hasRoomForTxn(body.request);
    return body.kind === 'lease-grant' && !this.quota.hasRoomForLease();
  }

  private carryOut(body: RaftRequestBody): Answer<object> | undefined {
    const {leases, auth} = this.parts;
    switch (body.kind) {
      case 'put':
        return answerOf(this.store.applyPut(body.request));
      case 'delete-range':
        return answerOf(this.store.applyDeleteRange(body.request));
      case 'txn':
        return answerOf(this.store.applyTxn(body.request));
      case 'range':
        return answerOf(this.store.range(body.request));
      case 'compaction':
        return this.compact(body.request);
      case 'alarm':
        return this.alarm(body.request);
      // The apply loop carries these out itself.
      case 'cluster-member-attr-set':
      case 'cluster-version-set':
      case 'downgrade-info-set':
      case 'downgrade-version-test':
      case 'none':
        return undefined;
      default:
        return this.withRevision(leases.apply(body) ?? auth.apply(body));
    }
  }

  /** Answers of leases and auth carry the revision that holds when they are applied. etcd: newHeader. */
  private withRevision(answer: Answer<object> | undefined): Answer<object> | undefined {
    if (answer?.kind !== 'ok') return answer;
    return {kind: 'ok', response: {...answer.response, header: revisionHeader(this.store.currentRevision)}};
  }

  /** etcd: applierV3backend.Alarm. */
  private alarm({action, memberId, alarm}: AlarmRequest): Answer<Partial<AlarmResponse>> {
    const {alarms} = this;
    switch (action) {
      case 'get':
        return {kind: 'ok', response: {alarms: alarms.list(alarm)}};
      case 'activate': {
        if (alarm === 'none') return {kind: 'ok', response: {alarms: []}};
        const isFirst = alarms.list(alarm).length === 0;
        const raised = alarms.activate(memberId, alarm);
        if (isFirst && this.parts.behaviours.alarmsBypassAuth) this.bypassesAuth = true;
        return {kind: 'ok', response: {alarms: [raised]}};
      }
      case 'deactivate': {
        const taken = alarms.deactivate(memberId, alarm);
        if (taken !== undefined && alarms.list(alarm).length === 0) this.bypassesAuth = false;
        return {kind: 'ok', response: {alarms: taken === undefined ? [] : [taken]}};
      }
      default:
        return {kind: 'ok', response: {alarms: []}};
    }
  }

  /** Ready once the backend holds nothing below that revision any more. */
  compactedTo(revision: number): Waitable<void> {
    return condition(this.compacted, () => this.store.isCompactedTo(revision));
  }

  private compact(request: CompactionRequest): Answer<object> {
    const result = this.store.applyCompaction(request);
    if (isRefusal(result)) return result;
    this.startCompaction();
    return {kind: 'ok', response: result.response};
  }

  private startCompaction(): void {
    if (this.isCompacting || !this.store.hasCompaction) return;
    this.isCompacting = true;
    this.parts.env.spawn('compaction', this.runCompaction());
  }

  /** Removes revisions batch by batch, beside everything else. etcd: scheduleCompaction. */
  private *runCompaction(): Fiber<void> {
    const {env, behaviours} = this.parts;
    // The mark that a compaction was scheduled must be durable before anything is removed.
    yield* this.backend.commit();
    while (this.store.hasCompaction) {
      yield* this.backend.lockOutsideApply();
      const step = this.store.compactionStep(behaviours.compactionBatch);
      yield* this.backend.unlock();
      this.compacted.notify();
      if (step?.compaction.isFinished === true) continue;
      yield* this.backend.commit();
      yield* sleepUs(env.clock, behaviours.compactionPauseUs);
    }
    this.isCompacting = false;
  }
}

/** Read-only requests are carried out only where somebody waits. etcd: noSideEffect. */
function hasNoEffect({kind}: RaftRequestBody): boolean {
  return kind === 'range' || kind === 'auth-user-get' || kind === 'auth-role-get' || kind === 'auth-status';
}

/** etcd: removeNeedlessRangeReqs, with the nested transactions left as they are. */
function withoutRanges(request: TxnRequest): TxnRequest {
  const kept = (ops: readonly RequestOp[]) => ops.filter(({kind}) => kind !== 'range');
  return {compare: request.compare, success: kept(request.success), failure: kept(request.failure)};
}

const answerOf = <Response extends object>(result: Response | Refusal): Answer<Response> =>
  isRefusal(result) ? result : {kind: 'ok', response: result};
