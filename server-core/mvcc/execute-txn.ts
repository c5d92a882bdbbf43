// server-core/mvcc/execute-txn.ts: compare, then, else. etcd: server/etcdserver/txn/txn.go (Txn).
// Three passes: all comparisons, those of nested transactions too, look at the store as it was before the transaction; then
// the operations of the branches taken are checked; only then are they carried out, and from there on nothing may fail.
import {assert} from '../../base/assert.ts';
import type {Compare, PutRequest, RangeRequest, RequestOp, ResponseOp, TxnRequest} from '../etcdserverpb/types.ts';
import {NO_LEASE, revisionHeader, type TxnResponse} from '../etcdserverpb/types.ts';
import {isSatisfied} from './compare.ts';
import {
  ERR_COMPACTED,
  ERR_FUTURE_REVISION,
  ERR_KEY_NOT_FOUND,
  ERR_LEASE_NOT_FOUND,
  isRefusal,
  type Refusal,
} from './errors.ts';
import {executeDeleteRange, executePut, executeRange} from './execute.ts';
import {NEWEST, type ReadView} from './read-view.ts';
import type {Lessor, StoreOptions} from './store-state.ts';
import {behavioursOf} from './store-state.ts';
import type {WriteTxn} from './write-txn.ts';

/** The way a transaction goes. */
export interface Branch {
  readonly succeeded: boolean;
  readonly ops: readonly RequestOp[];
  /** The ways of the nested transactions among the ops, in order. */
  readonly nested: readonly Branch[];
}

const NONE: readonly Branch[] = [];

/** Evaluates the comparisons. etcd: compareToPath. */
export function chooseBranch(view: ReadView, request: TxnRequest): Branch {
  const succeeded = allHold(view, request.compare);
  const ops = succeeded ? request.success : request.failure;
  let nested: Branch[] | undefined;
  for (const op of ops) {
    if (op.kind !== 'txn') continue;
    nested ??= [];
    nested.push(chooseBranch(view, op.request));
  }
  return {succeeded, ops, nested: nested ?? NONE};
}

function allHold(view: ReadView, compares: readonly Compare[]): boolean {
  for (const compare of compares) {
    const result = view.range(compare.key, compare.rangeEnd, NEWEST);
    if (isRefusal(result)) return false;
    if (!isSatisfied(compare, result.kvs, view.behaviours.comparesWithAbsentOperand)) return false;
  }
  return true;
}

/** What would be refused of the branch, before any of it is carried out. etcd: checkTxn. */
export function checkBranch(view: ReadView, branch: Branch, options: StoreOptions): Refusal | undefined {
  const {lessor} = options;
  if (behavioursOf(options).txnCheckOrder !== 'puts-first') return checkOps(view, branch, lessor, 'all');
  return checkOps(view, branch, lessor, 'put') ?? checkOps(view, branch, lessor, 'range');
}

function checkOps(
  view: ReadView,
  branch: Branch,
  lessor: Lessor | undefined,
  kinds: 'all' | 'put' | 'range',
): Refusal | undefined {
  let nestedIndex = 0;
  for (const op of branch.ops) {
    let refusal: Refusal | undefined;
    if (op.kind === 'txn') refusal = checkOps(view, branch.nested[nestedIndex++] as Branch, lessor, kinds);
    else if (op.kind === 'range' && kinds !== 'put') refusal = checkRange(view, op.request);
    else if (op.kind === 'put' && kinds !== 'range') refusal = checkPut(view, op.request, lessor);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function checkRange(view: ReadView, {revision}: RangeRequest): Refusal | undefined {
  if (revision === 0) return undefined;
  if (revision > view.revision) return ERR_FUTURE_REVISION;
  if (revision < view.firstRevision) return ERR_COMPACTED;
  return undefined;
}

function checkPut(view: ReadView, request: PutRequest, lessor: Lessor | undefined): Refusal | undefined {
  if (request.ignoreValue || request.ignoreLease) {
    const result = view.range(request.key, '', NEWEST);
    if (isRefusal(result)) return result;
    if (result.kvs.length === 0) return ERR_KEY_NOT_FOUND;
  }
  return checkLease(request, lessor);
}

/** A put may only name a lease that exists. */
export function checkLease({lease}: PutRequest, lessor: Lessor | undefined): Refusal | undefined {
  if (lease === NO_LEASE || lessor === undefined || lessor.exists(lease)) return undefined;
  return ERR_LEASE_NOT_FOUND;
}

/** Carries out a branch that was checked. etcd: executeTxn. */
export function executeBranch(txn: WriteTxn, branch: Branch): TxnResponse {
  const {revision} = txn;
  const responses = executeOps(txn, branch);
  const isExpectedToChange = txn.behaviours.txnRevision === 'expected' && branch.ops.some(({kind}) => kind !== 'range');
  const header = revisionHeader(isExpectedToChange ? revision + 1 : txn.revisionAfter);
  return {header, succeeded: branch.succeeded, responses};
}

function executeOps(txn: WriteTxn, branch: Branch): ResponseOp[] {
  const responses: ResponseOp[] = [];
  let nestedIndex = 0;
  for (const op of branch.ops) {
    if (op.kind === 'txn') {
      const nested = branch.nested[nestedIndex++] as Branch;
      // etcd leaves the revision of a nested transaction's header at zero.
      const response = {header: revisionHeader(0), succeeded: nested.succeeded, responses: executeOps(txn, nested)};
      responses.push({kind: 'txn', response});
    } else responses.push(executeOp(txn, op));
  }
  return responses;
}

function executeOp(txn: WriteTxn, op: Exclude<RequestOp, {kind: 'txn'}>): ResponseOp {
  switch (op.kind) {
    case 'range': {
      const response = executeRange(txn, op.request);
      // etcd panics here: a transaction half done cannot be taken back.
      assert(!isRefusal(response), 'a checked range failed inside a transaction', response);
      return {kind: 'range', response};
    }
    case 'put': {
      const response = executePut(txn, op.request);
      assert(!isRefusal(response), 'a checked put failed inside a transaction', response);
      return {kind: 'put', response};
    }
    case 'delete-range':
      return {kind: 'delete-range', response: executeDeleteRange(txn, op.request)};
    case 'none':
      return op;
  }
}
