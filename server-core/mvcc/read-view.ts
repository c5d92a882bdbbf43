// server-core/mvcc/read-view.ts: the pairs of a key or a range at a revision. etcd: kvstore_txn.go (rangeKeys), kv.go (ReadView).
import {assert} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import type {KeyValue} from '../etcdserverpb/types.ts';
import type {MvccBehaviours} from './behaviours.ts';
import {ERR_COMPACTED, ERR_FUTURE_REVISION, type Refusal} from './errors.ts';
import type {KeyRevision} from './key-index.ts';
import type {StoreState} from './store-state.ts';

export interface RangeOptions {
  /** 0 or less: the view's own. */
  readonly revision: number;
  /** 0 or less: no limit. */
  readonly limit: number;
  /** Only the count is wanted. */
  readonly countOnly: boolean;
}

/** The newest pairs, all of them. */
export const NEWEST: RangeOptions = Object.freeze({revision: 0, limit: 0, countOnly: false});

export interface RangeResult {
  /** In key order. The caller's own list. */
  readonly kvs: KeyValue[];
  /** Keys in the range, whatever the limit. */
  readonly count: number;
  /** The view's revision. */
  readonly revision: number;
}

/** What a transaction, or a reader between transactions, sees. */
export interface ReadView {
  /** The compact revision: reads below it are refused. etcd: FirstRev. */
  readonly firstRevision: number;
  /** The revision at which the view was opened. etcd: Rev. */
  readonly revision: number;
  readonly behaviours: MvccBehaviours;
  range(key: ByteString, rangeEnd: ByteString, options: RangeOptions): RangeResult | Refusal;
}

/** Reads at options.revision, or at the newest one, `viewRevision`. Range ends are those of the requests. */
export function rangeKeys(
  state: StoreState,
  key: ByteString,
  rangeEnd: ByteString,
  viewRevision: number,
  options: RangeOptions,
): RangeResult | Refusal {
  state.counts.ranges++;
  if (options.revision > viewRevision) return ERR_FUTURE_REVISION;
  const atRevision = options.revision <= 0 ? viewRevision : options.revision;
  if (atRevision < state.compactRevision) return ERR_COMPACTED;
  if (options.countOnly) {
    return {kvs: [], count: state.index.count(key, rangeEnd, atRevision), revision: viewRevision};
  }
  if (rangeEnd === '') {
    const revision = state.index.get(key, atRevision);
    if (state.lost !== undefined) assertStored(state.lost, revision);
    const kv = revision?.kv;
    return kv === undefined
      ? {kvs: [], count: 0, revision: viewRevision}
      : {kvs: [kv], count: 1, revision: viewRevision};
  }
  const {found, total} = state.index.revisions(key, rangeEnd, atRevision, options.limit);
  const kvs: KeyValue[] = [];
  for (const revision of found) {
    if (state.lost !== undefined) assertStored(state.lost, revision);
    if (revision.kv !== undefined) kvs.push(revision.kv);
  }
  return {kvs, count: total, revision: viewRevision};
}

/** etcd reads the backend here, and ends the process when the index names what is not there. */
function assertStored(lost: ReadonlySet<KeyRevision>, revision: KeyRevision | undefined): void {
  assert(revision === undefined || !lost.has(revision), 'range failed to find revision pair', {
    main: revision?.main,
    sub: revision?.sub,
  });
}
