// server-core/mvcc/write-txn.ts: one transaction that may change the store. etcd: kvstore_txn.go (storeTxnWrite).
// All changes of a transaction share one main revision and are numbered by sub revisions from 0; a transaction without
// changes takes no revision. Reads inside see the changes made so far.
import {assert} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import type {LeaseId} from '../../base/ids.ts';
import {encodeKeyValue} from '../etcdserverpb/kv-codec.ts';
import type {KeyValue} from '../etcdserverpb/types.ts';
import {NO_LEASE} from '../etcdserverpb/types.ts';
import type {MvccBehaviours} from './behaviours.ts';
import type {Refusal} from './errors.ts';
import type {RangeOptions, RangeResult, ReadView} from './read-view.ts';
import {rangeKeys} from './read-view.ts';
import {revisionKey, tombstoneKey} from './revision.ts';
import type {StoreState} from './store-state.ts';
import {behavioursOf} from './store-state.ts';

export class WriteTxn implements ReadView {
  /** The current revision when the transaction began; its changes get the next one. */
  readonly revision: number;
  private readonly state: StoreState;
  private readonly changes: KeyValue[] = [];
  private readonly operationsBefore: number;

  /** `operationsBefore`: those the store had counted when the transaction began, if it began with reads. */
  constructor(state: StoreState, operationsBefore = state.counts.operations) {
    assert(!state.isWriting, 'write transactions overlap');
    state.isWriting = true;
    this.state = state;
    this.revision = state.currentRevision;
    this.operationsBefore = operationsBefore;
  }

  get behaviours(): MvccBehaviours {
    return behavioursOf(this.state.options);
  }

  get firstRevision(): number {
    return this.state.compactRevision;
  }

  /** Has anything been changed? */
  get hasChanges(): boolean {
    return this.changes.length > 0;
  }

  /** The revision that holds after the transaction, as far as it has come. */
  get revisionAfter(): number {
    return this.changes.length > 0 ? this.revision + 1 : this.revision;
  }

  range(key: ByteString, rangeEnd: ByteString, options: RangeOptions): RangeResult | Refusal {
    return rangeKeys(this.state, key, rangeEnd, this.revisionAfter, options);
  }

  /** Stores a pair. The lease, if any, must exist. */
  put(key: ByteString, value: ByteString, lease: LeaseId): void {
    const {state} = this;
    const {counts} = state;
    counts.puts++;
    counts.putSizeBytes += key.length + value.length;
    const main = this.revision + 1;
    const sub = this.changes.length;
    const index = state.index.findOrMake(key);
    const before = index.get(main)?.kv;
    const kv: KeyValue = {
      // The index's own copy of the key, so that one text serves all revisions.
      key: index.key,
      createRevision: before === undefined ? main : before.createRevision,
      modRevision: main,
      version: before === undefined ? 1 : before.version + 1,
      value,
      lease,
    };
    state.batch.put('key', revisionKey(main, sub), encodeKeyValue(kv));
    index.put({main, sub, kv, previous: undefined});
    if (before !== undefined) state.live.subtract(before);
    state.live.add(kv);
    this.changes.push(kv);
    this.moveLease(key, before === undefined ? NO_LEASE : before.lease, lease);
  }

  /** Deletes what a range shows, in key order; returns how many keys that were. */
  deleteRange(key: ByteString, rangeEnd: ByteString): number {
    this.state.counts.deletes++;
    const deleted: KeyValue[] = [];
    if (rangeEnd === '') {
      const kv = this.state.index.get(key, this.revision + 1)?.kv;
      if (kv !== undefined) deleted.push(kv);
    } else {
      const {found} = this.state.index.revisions(key, rangeEnd, this.revision + 1, 0);
      for (const {kv} of found) if (kv !== undefined) deleted.push(kv);
    }
    for (const kv of deleted) this.delete(kv);
    return deleted.length;
  }

  private delete(kv: KeyValue): void {
    const {state} = this;
    const main = this.revision + 1;
    const sub = this.changes.length;
    const {key} = kv;
    const stored: KeyValue = {key, createRevision: 0, modRevision: 0, version: 0, value: '', lease: NO_LEASE};
    state.batch.put('key', tombstoneKey(main, sub), encodeKeyValue(stored));
    const isDone = state.index.find(key)?.tombstone({main, sub, kv: undefined, previous: undefined});
    assert(isDone === true, 'an existing key could not be deleted', {key, main, sub});
    state.live.subtract(kv);
    this.changes.push({...stored, modRevision: main});
    this.moveLease(key, kv.lease, NO_LEASE);
  }

  private moveLease(key: ByteString, from: LeaseId, to: LeaseId): void {
    const {lessor} = this.state.options;
    if (lessor === undefined || from === to) return;
    if (from !== NO_LEASE) lessor.detach(from, key);
    if (to !== NO_LEASE) lessor.attach(to, key);
  }

  /** Ends the transaction: its changes, if any, become the next revision. */
  end(): void {
    const {state, changes} = this;
    assert(state.isWriting, 'a write transaction was ended twice');
    state.isWriting = false;
    state.counts.txnEnded(this.operationsBefore);
    if (changes.length === 0) return;
    state.currentRevision = this.revision + 1;
    state.options.changed?.(state.currentRevision, changes);
  }
}
