// server-core/mvcc/store.ts: the multi-version store: every key at every revision since the last compaction.
// etcd: server/storage/mvcc (kvstore.go, kvstore_txn.go) and server/etcdserver/txn, which lies on top of it.
// All calls are synchronous; the apply loop makes the changes one after the other, readers come in between. Bytes go to the
// backend's batch, in etcd's format; committing it is the caller's: see compact() and compactionStep().
// Reads are answered from memory, which holds every decoded pair; the backend is read by restore, compaction and hashKv only.
// Not here: the watchable store around it, and the lessor, of which only its interface is known.
import type {ByteString} from '../../base/byte-string.ts';
import type {BatchTx} from '../backend/types.ts';
import type {
  CompactionRequest,
  CompactionResponse,
  DeleteRangeRequest,
  DeleteRangeResponse,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
} from '../etcdserverpb/types.ts';
import {revisionHeader} from '../etcdserverpb/types.ts';
import type {MvccBehaviours} from './behaviours.ts';
import {type Compaction, CompactionQueue, type CompactionStep} from './compaction.ts';
import type {StoreCounts} from './counts.ts';
import {ERR_COMPACTED, ERR_FUTURE_REVISION, isRefusal, type Refusal} from './errors.ts';
import {executeDeleteRange, executePut, executeRange} from './execute.ts';
import {checkBranch, checkLease, chooseBranch, executeBranch} from './execute-txn.ts';
import {type HashKv, HashStorage, hashBucket} from './hash.ts';
import {type RangeOptions, type RangeResult, type ReadView, rangeKeys} from './read-view.ts';
import {restoreState} from './restore.ts';
import {behavioursOf, checkStoreState, emptyState, type StoreOptions, type StoreState} from './store-state.ts';
import {WriteTxn} from './write-txn.ts';

/** The store between two transactions, as a view. */
class CurrentView implements ReadView {
  private readonly state: StoreState;

  constructor(state: StoreState) {
    this.state = state;
  }

  get revision(): number {
    return this.state.currentRevision;
  }

  get behaviours(): MvccBehaviours {
    return behavioursOf(this.state.options);
  }

  get firstRevision(): number {
    return this.state.compactRevision;
  }

  range(key: ByteString, rangeEnd: ByteString, options: RangeOptions): RangeResult | Refusal {
    return rangeKeys(this.state, key, rangeEnd, this.state.currentRevision, options);
  }
}

export class MvccStore {
  private state: StoreState;
  private view: ReadView;
  private compactions = new CompactionQueue();
  private readonly hashes = new HashStorage();

  private constructor(state: StoreState) {
    this.state = state;
    this.view = new CurrentView(state);
    this.fill();
  }

  /**
   * The store of a backend, empty or not; its buckets are made when they are missing, and the caller commits. A compaction that
   * was not finished is begun again: drive compactionStep().
   */
  static open(batch: BatchTx, options: StoreOptions = {}): MvccStore {
    batch.createBucket('key');
    batch.createBucket('meta');
    return new MvccStore(emptyState(batch, options));
  }

  /** Goes over to another backend, one received as a snapshot. Compactions under way are dropped. etcd: store.Restore. */
  restore(batch: BatchTx): void {
    checkStoreState(this.state);
    this.state = emptyState(batch, this.state.options, this.state.counts);
    this.view = new CurrentView(this.state);
    this.compactions = new CompactionQueue();
    this.fill();
  }

  private fill(): void {
    const unfinished = restoreState(this.state);
    if (unfinished !== undefined) this.compactions.begin(this.state, unfinished);
    checkStoreState(this.state);
  }

  /** Revision of the last transaction that changed something; 1 before the first. */
  get currentRevision(): number {
    return this.state.currentRevision;
  }

  /** Reads below it are refused; -1 before the first compaction. */
  get compactRevision(): number {
    return this.state.compactRevision;
  }

  /** Answers a range. Refused: a revision that is compacted or yet to come. */
  range(request: RangeRequest): RangeResponse | Refusal {
    return executeRange(this.view, request);
  }

  /** Carries out a put. Refused: an unknown lease; ignoreValue or ignoreLease on a key that does not exist. */
  applyPut(request: PutRequest): PutResponse | Refusal {
    const refusal = checkLease(request, this.state.options.lessor);
    if (refusal !== undefined) return refusal;
    const txn = this.write();
    const response = executePut(txn, request);
    txn.end();
    return response;
  }

  /** Carries out a deletion. */
  applyDeleteRange(request: DeleteRangeRequest): DeleteRangeResponse {
    const txn = this.write();
    const response = executeDeleteRange(txn, request);
    txn.end();
    return response;
  }

  /** Carries out a transaction, also one that only reads. Refused as a whole, for what applyPut and range refuse. */
  applyTxn(request: TxnRequest): TxnResponse | Refusal {
    const {counts} = this.state;
    const operationsBefore = counts.operations;
    const branch = chooseBranch(this.view, request);
    const refusal = checkBranch(this.view, branch, this.state.options);
    // What is compared and checked counts as a transaction of its own, unless nothing but reading follows.
    const isOver = refusal !== undefined || !isReadOnly(request);
    if (isOver) counts.txnEnded(operationsBefore);
    if (refusal !== undefined) return refusal;
    const txn = new WriteTxn(this.state, isOver ? counts.operations : operationsBefore);
    const response = executeBranch(txn, branch);
    txn.end();
    return response;
  }

  /** Begins a transaction by hand, for the lessor's deletions. It must be ended before anything else changes the store. */
  write(): WriteTxn {
    return new WriteTxn(this.state);
  }

  /**
   * Moves the compact revision; reads below it are refused from now on. The caller commits the backend at once, answers a
   * physical request only when `isFinished`, and drives compactionStep(). Refused: not above the last one, or yet to come.
   */
  compact(revision: number): Compaction | Refusal {
    return this.compactions.begin(this.state, revision);
  }

  /** compact() as a request. */
  applyCompaction(
    request: CompactionRequest,
  ): {readonly response: CompactionResponse; readonly compaction: Compaction} | Refusal {
    const compaction = this.compact(request.revision);
    if (isRefusal(compaction)) return compaction;
    return {response: {header: revisionHeader(this.state.currentRevision)}, compaction};
  }

  /** What the store has done since the process began. */
  get counts(): Readonly<StoreCounts> {
    return this.state.counts;
  }

  /** How many keys there are now. etcd: keysGauge. */
  get keyCount(): number {
    return this.state.live.count;
  }

  /** Is there anything for compactionStep() to do? */
  get hasCompaction(): boolean {
    return !this.compactions.isEmpty;
  }

  /** Has everything been removed that a compaction to that revision removes? */
  isCompactedTo(revision: number): boolean {
    return this.compactions.isDoneTo(revision);
  }

  /** One batch of the removal, `limit` revisions long. When it has not finished the compaction, the caller commits and pauses. */
  compactionStep(limit: number): CompactionStep | undefined {
    return this.compactions.step(this.state, this.hashes, limit);
  }

  /** The hash of everything up to a revision (0: the current one). etcd: HashByRev. */
  hashKv(revision: number): HashKv | Refusal {
    const {state} = this;
    const {keepsCompactionHashes, hashesAtCompactRevision} = behavioursOf(state.options);
    const stored = keepsCompactionHashes ? this.hashes.find(revision) : undefined;
    if (stored !== undefined) return stored;
    if (revision > 0 && revision < state.compactRevision) return ERR_COMPACTED;
    if (revision > 0 && revision === state.compactRevision && !hashesAtCompactRevision) return ERR_COMPACTED;
    if (revision > state.currentRevision) return ERR_FUTURE_REVISION;
    const atRevision = revision === 0 ? state.currentRevision : revision;
    return hashBucket(state.batch, state.compactRevision, atRevision, state.index.keep(atRevision));
  }

  /** The hashes of the last ten finished compactions, by revision. */
  compactionHashes(): readonly HashKv[] {
    return this.hashes.list();
  }

  /** A digest of the live pairs and of the current and compact revisions: equal on members at one applied index. */
  stateDigest(): string {
    return this.state.live.hex(this.state.currentRevision, this.state.compactRevision);
  }
}

/** Neither branch does anything but read. etcd: isTxnReadonly. */
function isReadOnly({success, failure}: TxnRequest): boolean {
  return success.every(({kind}) => kind === 'range') && failure.every(({kind}) => kind === 'range');
}
