// server-core/server/read-only.ts: which transactions need no raft. etcd: server/etcdserver/txn/txn.go IsTxnReadonly, IsTxnSerializable.
import type {RequestOp, TxnRequest} from '../etcdserverpb/types.ts';

/** Every operation, on either side, is a range. A nested transaction counts as a write, whatever is in it, as in etcd. */
export function isTxnReadOnly({success, failure}: TxnRequest): boolean {
  return success.every(isRange) && failure.every(isRange);
}

/** Every operation is a serializable range. */
export function isTxnSerializable({success, failure}: TxnRequest): boolean {
  return [...success, ...failure].every((op) => op.kind === 'range' && op.request.serializable);
}

const isRange = ({kind}: RequestOp): boolean => kind === 'range';
