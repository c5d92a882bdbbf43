// server-core/mvcc/test-model.ts: the store said plainly, for tests: one whole map of pairs a revision, and nothing clever.
// It shares the request types with the store and no code. Sorting is a stable sort, which is etcd's order up to 12 pairs.
import type {
  Compare,
  DeleteRangeRequest,
  KeyValue,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from '../etcdserverpb/types.ts';
import {NO_LEASE} from '../etcdserverpb/types.ts';

type Pairs = ReadonlyMap<string, KeyValue>;

/** An answer in few words, to be compared with the store's. */
export type PlainAnswer =
  | {readonly error: 'compacted' | 'future' | 'key not found'}
  | {
      readonly revision: number;
      readonly kvs?: readonly KeyValue[];
      readonly count?: number;
      readonly more?: boolean;
      readonly succeeded?: boolean;
      readonly responses?: readonly PlainAnswer[];
    };

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const byNumber = (a: number, b: number): number => a - b;

function isInRange(key: string, from: string, end: string): boolean {
  if (end === '') return key === from;
  return key >= from && (end === '\0' || key < end);
}

function pairsIn(pairs: Pairs, from: string, end: string): KeyValue[] {
  return [...pairs.values()].filter(({key}) => isInRange(key, from, end)).toSorted((a, b) => byText(a.key, b.key));
}

const FIELDS = {version: 'version', create: 'createRevision', mod: 'modRevision'} as const;

export class PlainStore {
  /** By revision; the first two are empty. */
  readonly history: Pairs[] = [new Map(), new Map()];
  compactRevision = -1;

  get revision(): number {
    return this.history.length - 1;
  }

  get pairs(): Pairs {
    return this.history[this.revision] ?? new Map();
  }

  compact(revision: number): PlainAnswer {
    if (revision <= this.compactRevision) return {error: 'compacted'};
    if (revision > this.revision) return {error: 'future'};
    this.compactRevision = revision;
    return {revision: this.revision};
  }

  range(request: RangeRequest): PlainAnswer {
    return this.rangeIn(this.pairs, this.revision, request);
  }

  private rangeIn(now: Pairs, revisionNow: number, request: RangeRequest): PlainAnswer {
    if (request.revision > revisionNow) return {error: 'future'};
    const at = request.revision > 0 ? request.revision : revisionNow;
    if (at < this.compactRevision) return {error: 'compacted'};
    const pairs = at === revisionNow ? now : (this.history[at] ?? new Map());
    const all = pairsIn(pairs, request.key, request.rangeEnd);
    if (request.countOnly) return {revision: revisionNow, kvs: [], count: all.length, more: false};
    const {minModRevision, maxModRevision, minCreateRevision, maxCreateRevision, limit, sortTarget, sortOrder} =
      request;
    const isBounded = minModRevision + maxModRevision + minCreateRevision + maxCreateRevision !== 0;
    let kvs = all.filter(
      (kv) =>
        kv.modRevision >= minModRevision &&
        kv.createRevision >= minCreateRevision &&
        (maxModRevision === 0 || kv.modRevision <= maxModRevision) &&
        (maxCreateRevision === 0 || kv.createRevision <= maxCreateRevision),
    );
    // Without an order the limit comes before the sort by target, and one pair too many is still sorted in.
    if (limit > 0 && sortOrder === 'none' && !isBounded) kvs = kvs.slice(0, limit + 1);
    const sign = sortOrder === 'descend' ? -1 : 1;
    kvs = kvs.toSorted((a, b) => {
      if (sortTarget === 'key') return sign * byText(a.key, b.key);
      if (sortTarget === 'value') return sign * byText(a.value, b.value);
      const field = FIELDS[sortTarget as keyof typeof FIELDS];
      return sign * byNumber(a[field], b[field]);
    });
    const more = limit > 0 && kvs.length > limit;
    if (more) kvs = kvs.slice(0, limit);
    if (request.keysOnly) {
      // 3.7 answers from its index, which knows no leases.
      kvs = kvs.map((kv) => ({...kv, value: '', lease: request.sortTarget === 'value' ? kv.lease : NO_LEASE}));
    }
    return {revision: revisionNow, kvs, count: all.length, more};
  }

  put(request: PutRequest): PlainAnswer {
    return this.commit((work) => work.put(request));
  }

  deleteRange(request: DeleteRangeRequest): PlainAnswer {
    return this.commit((work) => work.deleteRange(request));
  }

  txn(request: TxnRequest): PlainAnswer {
    const before = this.pairs;
    const refusal = this.refusalOf(before, request);
    if (refusal !== undefined) return refusal;
    return this.commit((work) => {
      const responses = work.run(before, request);
      return {revision: work.revision, succeeded: holds(before, request), responses};
    });
  }

  private commit(run: (work: Work) => PlainAnswer): PlainAnswer {
    const work = new Work(this.pairs, this.revision, (now, revision, request) => this.rangeIn(now, revision, request));
    const answer = run(work);
    if (work.isChanged && !('error' in answer)) this.history.push(work.pairs);
    return answer;
  }

  private refusalOf(before: Pairs, request: TxnRequest): PlainAnswer | undefined {
    for (const op of holds(before, request) ? request.success : request.failure) {
      if (op.kind === 'txn') {
        const refusal = this.refusalOf(before, op.request);
        if (refusal !== undefined) return refusal;
      }
      if (op.kind === 'put' && (op.request.ignoreValue || op.request.ignoreLease) && !before.has(op.request.key)) {
        return {error: 'key not found'};
      }
      if (op.kind !== 'range' || op.request.revision === 0) continue;
      if (op.request.revision > this.revision) return {error: 'future'};
      if (op.request.revision < this.compactRevision) return {error: 'compacted'};
    }
    return undefined;
  }
}

function holds(before: Pairs, request: TxnRequest): boolean {
  return request.compare.every((compare) => {
    const found = pairsIn(before, compare.key, compare.rangeEnd);
    if (found.length > 0) return found.every((kv) => compareHolds(compare, kv));
    const absent = {key: '', createRevision: 0, modRevision: 0, version: 0, value: '', lease: NO_LEASE};
    return compare.target !== 'value' && compareHolds(compare, absent);
  });
}

function compareHolds({target, operand, result}: Compare, kv: KeyValue): boolean {
  let order = 0;
  if (target === 'value') order = byText(kv.value, operand?.kind === 'value' ? operand.value : '');
  else if (target === 'lease') order = byText(kv.lease, operand?.kind === 'lease' ? operand.lease : NO_LEASE);
  else if (typeof target === 'string') {
    const isSame = operand?.kind === target;
    order = byNumber(kv[FIELDS[target]], isSame && 'number' in operand ? operand.number : 0);
  }
  return {equal: order === 0, 'not-equal': order !== 0, greater: order > 0, less: order < 0}[result] ?? true;
}

/** A transaction on a copy of the newest map. */
class Work {
  readonly pairs: Map<string, KeyValue>;
  isChanged = false;
  private readonly next: number;
  private readonly range: (now: Pairs, revision: number, request: RangeRequest) => PlainAnswer;

  constructor(
    pairs: Pairs,
    current: number,
    range: (now: Pairs, revision: number, request: RangeRequest) => PlainAnswer,
  ) {
    this.pairs = new Map(pairs);
    this.next = current + 1;
    this.range = range;
  }

  get revision(): number {
    return this.isChanged ? this.next : this.next - 1;
  }

  put({key, value, lease, prevKv, ignoreValue, ignoreLease}: PutRequest): PlainAnswer {
    const old = this.pairs.get(key);
    if ((ignoreValue || ignoreLease) && old === undefined) return {error: 'key not found'};
    this.isChanged = true;
    this.pairs.set(key, {
      key,
      createRevision: old?.createRevision ?? this.next,
      modRevision: this.next,
      version: (old?.version ?? 0) + 1,
      value: ignoreValue ? (old?.value ?? '') : value,
      lease: ignoreLease ? (old?.lease ?? NO_LEASE) : lease,
    });
    return {revision: this.next, kvs: prevKv && old !== undefined ? [old] : []};
  }

  deleteRange({key, rangeEnd, prevKv}: DeleteRangeRequest): PlainAnswer {
    const gone = pairsIn(this.pairs, key, rangeEnd);
    for (const kv of gone) this.pairs.delete(kv.key);
    if (gone.length > 0) this.isChanged = true;
    return {revision: this.revision, kvs: prevKv ? gone : [], count: gone.length};
  }

  /** Comparisons look at the map before the whole transaction, ops at what is there by now. */
  run(before: Pairs, request: TxnRequest): PlainAnswer[] {
    const ops = holds(before, request) ? request.success : request.failure;
    return ops.map((op: RequestOp): PlainAnswer => {
      if (op.kind === 'put') return this.put(op.request);
      if (op.kind === 'delete-range') return this.deleteRange(op.request);
      if (op.kind === 'range') return this.range(this.pairs, this.revision, op.request);
      if (op.kind === 'none') throw new Error('an op without a request passed the validation');
      // A nested header carries no revision.
      return {revision: 0, succeeded: holds(before, op.request), responses: this.run(before, op.request)};
    });
  }
}
