// server-core/mvcc/store-state.ts: what reading, writing, compacting and restoring share: the store's data.
import {assert} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import type {LeaseId} from '../../base/ids.ts';
import type {BatchTx} from '../backend/types.ts';
import type {KeyValue} from '../etcdserverpb/types.ts';
import type {MvccBehaviours} from './behaviours.ts';
import {mvccBehaviours} from './behaviours.ts';
import {StoreCounts} from './counts.ts';
import type {KeyRevision} from './key-index.ts';
import {LiveDigest} from './live-digest.ts';
import {TreeIndex} from './tree-index.ts';

/** What the store asks of the lessor. etcd: lease.Lessor, as mvcc uses it. */
export interface Lessor {
  /** Is there such a lease? */
  exists(lease: LeaseId): boolean;
  attach(lease: LeaseId, key: ByteString): void;
  detach(lease: LeaseId, key: ByteString): void;
}

export interface StoreOptions {
  /** Without a lessor leases are kept with their keys and mean nothing. */
  readonly lessor?: Lessor;
  /** Told of every transaction that changed something. A deletion is a pair with a key and a modRevision only. */
  readonly changed?: (revision: number, changes: readonly KeyValue[]) => void;
  /** What the release does differently; by default the newest's. */
  readonly behaviours?: MvccBehaviours;
}

/** The behaviours where nobody names others. */
export const NEWEST_BEHAVIOURS: MvccBehaviours = mvccBehaviours('3.7.0');

/** The behaviours in force. */
export const behavioursOf = ({behaviours}: StoreOptions): MvccBehaviours => behaviours ?? NEWEST_BEHAVIOURS;

/** Before the first transaction. */
export const FIRST_REVISION = 1;
/** Nothing has ever been compacted. */
export const NEVER_COMPACTED = -1;

export interface StoreState {
  readonly options: StoreOptions;
  batch: BatchTx;
  index: TreeIndex;
  live: LiveDigest;
  readonly counts: StoreCounts;
  /**
   * Visible revisions that compaction has removed from the backend; undefined, as it should be, for none. etcd loses one when a
   * transaction deletes and puts a key, which its validation misses for a deletion without end, and is then compacted to.
   */
  lost: Set<KeyRevision> | undefined;
  /** Of the last transaction that changed something. Invariant: compactRevision <= currentRevision. */
  currentRevision: number;
  /** Of the last compaction asked for, whether or not it is finished; or NEVER_COMPACTED. */
  compactRevision: number;
  /** Transactions do not overlap. */
  isWriting: boolean;
}

/** An empty store over the batch. */
export function emptyState(batch: BatchTx, options: StoreOptions, counts = new StoreCounts()): StoreState {
  return {
    options,
    batch,
    index: new TreeIndex(),
    live: new LiveDigest(),
    counts,
    lost: undefined,
    currentRevision: FIRST_REVISION,
    compactRevision: NEVER_COMPACTED,
    isWriting: false,
  };
}

/** What must hold between two transactions. */
export function checkStoreState(state: StoreState): void {
  assert(!state.isWriting, 'a write transaction was not ended');
  assert(state.compactRevision <= state.currentRevision, 'compacted past the current revision', {
    compactRevision: state.compactRevision,
    currentRevision: state.currentRevision,
  });
}
