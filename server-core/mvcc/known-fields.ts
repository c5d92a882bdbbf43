// server-core/mvcc/known-fields.ts: requests as a release from before 3.3 understands them. Its decoder drops fields that came later, and
// an operation that it does not know is left as one without a request; enum values that it has no word for travel on as numbers.
// Asked twice: where a call comes in (what such a member proposes never had the field) and where an entry is applied (a newer member
// may have proposed it). From 3.3 on nothing is dropped, and nothing is looked at. etcd: rpc.proto of the tags v3.0.0 to v3.3.0.
import type {
  Compare,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from '../etcdserverpb/types.ts';
import {isSince} from '../release/release.ts';

/** What a release knows of requests. */
export interface KnownFields {
  /** Bounds of ranges by revision; and not-equal as a relation: 3.1.0. */
  readonly revisionBounds: boolean;
  /** filters of watches: 3.1.0. */
  readonly watchFilters: boolean;
  /** prev_kv of puts, deletions and watches: 3.0.11. */
  readonly prevKv: boolean;
  /** ignore_value and ignore_lease: 3.2.0. */
  readonly keptParts: boolean;
  /** Nested transactions, comparisons of ranges, and leases as their target: 3.3.0. */
  readonly nestedTxns: boolean;
}

/** What the release knows; undefined from 3.3 on, where that is everything. */
export function knownFieldsOf(release: string): KnownFields | undefined {
  if (isSince(release, '3.3.0')) return undefined;
  return Object.freeze({
    revisionBounds: isSince(release, '3.1.0'),
    watchFilters: isSince(release, '3.1.0'),
    prevKv: isSince(release, '3.0.11', '3.1.0'),
    keptParts: isSince(release, '3.2.0'),
    nestedTxns: false,
  });
}

/** Numbers on the wire of what has no word before 3.1 and 3.3. */
const NOT_EQUAL = 3;
const LEASE_TARGET = 4;

const EMPTY_OP: RequestOp = Object.freeze({kind: 'none'});

export function knownRange(known: KnownFields | undefined, request: RangeRequest): RangeRequest {
  if (known === undefined || known.revisionBounds) return request;
  return {...request, minModRevision: 0, maxModRevision: 0, minCreateRevision: 0, maxCreateRevision: 0};
}

export function knownPut(known: KnownFields | undefined, request: PutRequest): PutRequest {
  if (known === undefined || (known.keptParts && known.prevKv)) return request;
  const {key, value, lease, prevKv, ignoreValue, ignoreLease} = request;
  return {
    key,
    value,
    lease,
    prevKv: prevKv && known.prevKv,
    ignoreValue: ignoreValue && known.keptParts,
    ignoreLease: ignoreLease && known.keptParts,
  };
}

export function knownDeleteRange(known: KnownFields | undefined, request: DeleteRangeRequest): DeleteRangeRequest {
  return known === undefined || known.prevKv ? request : {...request, prevKv: false};
}

export function knownTxn(known: KnownFields | undefined, request: TxnRequest): TxnRequest {
  if (known === undefined) return request;
  const ops = (list: readonly RequestOp[]) => list.map((op) => knownOp(known, op));
  return {
    compare: request.compare.map((compare) => knownCompare(known, compare)),
    success: ops(request.success),
    failure: ops(request.failure),
  };
}

function knownOp(known: KnownFields, op: RequestOp): RequestOp {
  switch (op.kind) {
    case 'range':
      return {kind: 'range', request: knownRange(known, op.request)};
    case 'put':
      return {kind: 'put', request: knownPut(known, op.request)};
    case 'delete-range':
      return {kind: 'delete-range', request: knownDeleteRange(known, op.request)};
    case 'txn':
      return known.nestedTxns ? op : EMPTY_OP;
    case 'none':
      return op;
  }
}

function knownCompare(known: KnownFields, {result, target, key, operand, rangeEnd}: Compare): Compare {
  const knowsLeases = known.nestedTxns;
  return {
    result: result === 'not-equal' && !known.revisionBounds ? NOT_EQUAL : result,
    target: target === 'lease' && !knowsLeases ? LEASE_TARGET : target,
    key,
    operand: operand?.kind === 'lease' && !knowsLeases ? undefined : operand,
    rangeEnd: known.nestedTxns ? rangeEnd : '',
  };
}
