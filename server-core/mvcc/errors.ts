// server-core/mvcc/errors.ts: what the store refuses, in the words clients get. etcd: api/v3rpc/rpctypes/error.go,
// v3rpc/util.go (which server error becomes which of them).

/** A request that was not carried out; nothing has changed. Has the shape of the server's own errors. */
export interface Refusal {
  readonly kind: 'error';
  readonly code: 'InvalidArgument' | 'OutOfRange' | 'NotFound';
  readonly message: string;
  readonly effect: 'none';
}

const refusal = (code: Refusal['code'], text: string): Refusal =>
  Object.freeze({kind: 'error', code, message: `etcdserver: ${text}`, effect: 'none'});

export const ERR_EMPTY_KEY = refusal('InvalidArgument', 'key is not provided');
export const ERR_KEY_NOT_FOUND = refusal('InvalidArgument', 'key not found');
export const ERR_VALUE_PROVIDED = refusal('InvalidArgument', 'value is provided');
export const ERR_LEASE_PROVIDED = refusal('InvalidArgument', 'lease is provided');
export const ERR_TOO_MANY_OPS = refusal('InvalidArgument', 'too many operations in txn request');
export const ERR_DUPLICATE_KEY = refusal('InvalidArgument', 'duplicate key given in txn request');
export const ERR_INVALID_SORT_OPTION = refusal('InvalidArgument', 'invalid sort option');
export const ERR_COMPACTED = refusal('OutOfRange', 'mvcc: required revision has been compacted');
export const ERR_FUTURE_REVISION = refusal('OutOfRange', 'mvcc: required revision is a future revision');
export const ERR_LEASE_NOT_FOUND = refusal('NotFound', 'requested lease not found');

/** Tells a refusal from a response. */
export function isRefusal(result: object): result is Refusal {
  return 'kind' in result && result.kind === 'error';
}
