// checkers/models/etcd-kv.ts: what etcd's key-value API answers and changes, as one pure function of a store and a request.
// Modelled: put, range (current and past revisions, limit, count only), delete-range, transactions with every compare
// target, nested; previous pairs; create revision, mod revision, version. Not modelled: leases, compaction, auth; a
// request that etcd would refuse has no answer here. Written from etcd's documentation of the API and from
// server/etcdserver/txn, independent of server-core on purpose: a wrong idea there must not hide here.
import type {ByteString} from '../../base/byte-string.ts';
import type {
  Compare,
  DeleteRangeRequest,
  KeyValue,
  KvStep,
  PutRequest,
  RangeRequest,
  StepResponse,
  TxnRequest,
} from '../../history/operation.ts';

/** The store as it was right after one revision. */
export interface KvSnapshot {
  readonly revision: number;
  get(key: ByteString): KeyValue | undefined;
  /** Live pairs of the keys from `key` on and below `end` (undefined: no end), in key order. */
  scan(key: ByteString, end: ByteString | undefined): readonly KeyValue[];
  /** The store at an earlier revision or this one; undefined where that is not known. */
  at(revision: number): KvSnapshot | undefined;
}

/** A key got a new pair, or (undefined) none. */
export interface KvChange {
  readonly key: ByteString;
  readonly kv: KeyValue | undefined;
}

/** What a request answers and changes. Changes: the last one of each key counts; none: the revision stays. */
export interface KvEffect {
  readonly response: StepResponse;
  readonly changes: readonly KvChange[];
}

const NO_CHANGES: readonly KvChange[] = [];
const PUT_DONE: StepResponse = {kind: 'put'};

/** Evaluates a request; undefined where etcd would refuse it (a revision in the future). */
export function evaluate(store: KvSnapshot, request: KvStep): KvEffect | undefined {
  switch (request.kind) {
    case 'range': {
      const response = range(store, request);
      return response && {response, changes: NO_CHANGES};
    }
    case 'put': {
      // The most frequent request, without the machinery of a transaction.
      const before = store.get(request.key);
      const response: StepResponse =
        request.prevKv === true && before !== undefined ? {kind: 'put', prevKv: before} : PUT_DONE;
      return {response, changes: [{key: request.key, kv: putPair(request, before, store.revision + 1)}]};
    }
    default: {
      const pending = new PendingTxn(store);
      const response = pending.run(request);
      return response && {response, changes: pending.changes()};
    }
  }
}

/** Does an answer show that the store was changed? (Delete of nothing, failed guard with no step: no.) */
export function isEffective(response: StepResponse): boolean {
  switch (response.kind) {
    case 'range':
      return false;
    case 'put':
      return true;
    case 'delete-range':
      return response.deleted > 0;
    case 'txn':
      return response.responses.some(isEffective);
  }
}

/** Are two answers the same? `undefined` and an empty list of previous pairs are. */
export function equalResponses(a: StepResponse, b: StepResponse): boolean {
  switch (a.kind) {
    case 'range':
      return b.kind === 'range' && a.count === b.count && a.more === b.more && equalLists(a.kvs, b.kvs);
    case 'put':
      return b.kind === 'put' && equalPairs(a.prevKv, b.prevKv);
    case 'delete-range':
      return b.kind === 'delete-range' && a.deleted === b.deleted && equalLists(a.prevKvs ?? [], b.prevKvs ?? []);
    case 'txn':
      return (
        b.kind === 'txn' &&
        a.succeeded === b.succeeded &&
        a.responses.length === b.responses.length &&
        a.responses.every((response, i) => equalResponses(response, b.responses[i] as StepResponse))
      );
  }
}

/** Are two pairs the same in every field, or both absent? */
export function equalPairs(a: KeyValue | undefined, b: KeyValue | undefined): boolean {
  if (a === b) return true;
  return (
    a !== undefined &&
    b !== undefined &&
    a.modRevision === b.modRevision &&
    a.key === b.key &&
    a.value === b.value &&
    a.createRevision === b.createRevision &&
    a.version === b.version
  );
}

function equalLists(a: readonly KeyValue[], b: readonly KeyValue[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!equalPairs(a[i], b[i])) return false;
  return true;
}

/** The end of a scan: a request's range end "\0" means no end. Call only where the request has an end. */
export function scanEnd(end: ByteString): ByteString | undefined {
  return end === '\0' ? undefined : end;
}

/** Does a request name a range rather than one key? */
export function hasEnd(end: ByteString | undefined): end is ByteString {
  return end !== undefined && end !== '';
}

function range(store: KvSnapshot, request: RangeRequest): StepResponse | undefined {
  const revision = request.revision ?? 0;
  const view = revision > 0 ? (revision > store.revision ? undefined : store.at(revision)) : store;
  if (view === undefined) return undefined;
  let found: readonly KeyValue[];
  if (hasEnd(request.end)) {
    found = view.scan(request.key, scanEnd(request.end));
  } else {
    const kv = view.get(request.key);
    found = kv === undefined ? [] : [kv];
  }
  const count = found.length;
  if (request.countOnly === true) return {kind: 'range', kvs: [], count, more: false};
  const limit = request.limit ?? 0;
  if (limit === 0 || count <= limit) return {kind: 'range', kvs: found, count, more: false};
  return {kind: 'range', kvs: found.slice(0, limit), count, more: true};
}

function putPair(request: PutRequest, before: KeyValue | undefined, revision: number): KeyValue {
  return {
    key: request.key,
    value: request.value,
    createRevision: before === undefined ? revision : before.createRevision,
    modRevision: revision,
    version: before === undefined ? 1 : before.version + 1,
  };
}

/** A guard on a store. An absent key has 0 in every number and fails every value guard. etcd: txn.applyCompare. */
export function holds(store: KvSnapshot, {key, target, result, operand}: Compare): boolean {
  const kv = store.get(key);
  if (target === 'value') return kv !== undefined && holdsBetween(kv.value, result, String(operand));
  const actual =
    kv === undefined ? 0 : target === 'version' ? kv.version : target === 'create' ? kv.createRevision : kv.modRevision;
  return holdsBetween(actual, result, Number(operand));
}

function holdsBetween<T extends number | string>(actual: T, result: Compare['result'], operand: T): boolean {
  switch (result) {
    case 'equal':
      return actual === operand;
    case 'not-equal':
      return actual !== operand;
    case 'greater':
      return actual > operand;
    case 'less':
      return actual < operand;
  }
}

/** A transaction under way: the store before it, and what its steps have changed so far, all at one new revision. */
class PendingTxn implements KvSnapshot {
  private readonly before: KvSnapshot;
  private readonly changed = new Map<ByteString, KeyValue | undefined>();

  constructor(before: KvSnapshot) {
    this.before = before;
  }

  get revision(): number {
    return this.before.revision;
  }

  get(key: ByteString): KeyValue | undefined {
    return this.changed.has(key) ? this.changed.get(key) : this.before.get(key);
  }

  scan(key: ByteString, end: ByteString | undefined): readonly KeyValue[] {
    const found = this.before.scan(key, end);
    return this.changed.size === 0 ? found : overlay(found, this.changed, key, end);
  }

  /** A past revision shows nothing of the transaction. */
  at(revision: number): KvSnapshot | undefined {
    return this.before.at(revision);
  }

  changes(): readonly KvChange[] {
    if (this.changed.size === 0) return NO_CHANGES;
    return Array.from(this.changed, ([key, kv]) => ({key, kv}));
  }

  run(request: KvStep): StepResponse | undefined {
    switch (request.kind) {
      case 'range':
        return range(this, request);
      case 'put':
        return this.put(request);
      case 'delete-range':
        return this.deleteRange(request);
      case 'txn':
        return this.txn(request);
    }
  }

  private put(request: PutRequest): StepResponse {
    const before = this.get(request.key);
    this.changed.set(request.key, putPair(request, before, this.before.revision + 1));
    return request.prevKv === true && before !== undefined ? {kind: 'put', prevKv: before} : PUT_DONE;
  }

  private deleteRange(request: DeleteRangeRequest): StepResponse {
    const single = this.get(request.key);
    const gone = hasEnd(request.end)
      ? this.scan(request.key, scanEnd(request.end))
      : single === undefined
        ? []
        : [single];
    for (const {key} of gone) this.changed.set(key, undefined);
    if (request.prevKv !== true) return {kind: 'delete-range', deleted: gone.length};
    return {kind: 'delete-range', deleted: gone.length, prevKvs: gone};
  }

  /** Guards look at the store as it was before the outermost transaction, nested ones too. etcd: txn.compareToPath. */
  private txn(request: TxnRequest): StepResponse | undefined {
    const succeeded = request.compare.every((compare) => holds(this.before, compare));
    const responses: StepResponse[] = [];
    for (const step of succeeded ? request.success : request.failure) {
      const response = this.run(step);
      if (response === undefined) return undefined;
      responses.push(response);
    }
    return {kind: 'txn', succeeded, responses};
  }
}

/** The pairs found below, as changed by what lies on top, in key order. */
export function overlay(
  found: readonly KeyValue[],
  changed: ReadonlyMap<ByteString, KeyValue | undefined>,
  key: ByteString,
  end: ByteString | undefined,
): readonly KeyValue[] {
  const merged = found.filter((kv) => !changed.has(kv.key));
  const kept = merged.length;
  for (const [changedKey, kv] of changed) {
    if (kv !== undefined && changedKey >= key && (end === undefined || changedKey < end)) merged.push(kv);
  }
  if (merged.length > kept) merged.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return merged;
}
