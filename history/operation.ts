// history/operation.ts: what clients asked and what they were told, as a checker sees it.
// These types are not server-core's on purpose: a wrong idea there must not hide here. scenarios/ translates.
// Keys and values are byte strings (one character a byte). Times are whole microseconds of virtual time.
import type {ByteString} from '../base/byte-string.ts';

/** One key-value pair as etcd reports it (mvccpb.KeyValue). Revisions count from 2 in a fresh store. */
export interface KeyValue {
  readonly key: ByteString;
  readonly value: ByteString;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
}

/** Reads [key, end); end undefined: one key; end "\0": all keys from key on. */
export interface RangeRequest {
  readonly kind: 'range';
  readonly key: ByteString;
  readonly end?: ByteString | undefined;
  /** 0 or absent: the newest revision. */
  readonly revision?: number | undefined;
  /** At most that many pairs; 0 or absent: all. `count` in the answer is not limited. */
  readonly limit?: number | undefined;
  readonly countOnly?: boolean | undefined;
}

export interface PutRequest {
  readonly kind: 'put';
  readonly key: ByteString;
  readonly value: ByteString;
  readonly prevKv?: boolean | undefined;
}

export interface DeleteRangeRequest {
  readonly kind: 'delete-range';
  readonly key: ByteString;
  readonly end?: ByteString | undefined;
  readonly prevKv?: boolean | undefined;
}

/** One guard of a transaction: the target of the key compared with the operand. An absent key has 0 in every number and fails every value guard. */
export interface Compare {
  readonly key: ByteString;
  readonly target: 'version' | 'create' | 'mod' | 'value';
  readonly result: 'equal' | 'not-equal' | 'greater' | 'less';
  readonly operand: number | ByteString;
}

/** All guards hold: `success` in order, else `failure`, as one revision. */
export interface TxnRequest {
  readonly kind: 'txn';
  readonly compare: readonly Compare[];
  readonly success: readonly KvStep[];
  readonly failure: readonly KvStep[];
}

/** What a transaction may hold; transactions nest. */
export type KvStep = RangeRequest | PutRequest | DeleteRangeRequest | TxnRequest;

/** What a client asked. Serializable applies to reads and read-only transactions: the answer may be old. */
export type KvRequest = KvStep & {readonly serializable?: boolean | undefined};

export interface RangeResponse {
  readonly kind: 'range';
  readonly kvs: readonly KeyValue[];
  readonly count: number;
  readonly more: boolean;
}
export interface PutResponse {
  readonly kind: 'put';
  readonly prevKv?: KeyValue | undefined;
}
export interface DeleteRangeResponse {
  readonly kind: 'delete-range';
  readonly deleted: number;
  readonly prevKvs?: readonly KeyValue[] | undefined;
}
export interface TxnResponse {
  readonly kind: 'txn';
  readonly succeeded: boolean;
  readonly responses: readonly StepResponse[];
}
export type StepResponse = RangeResponse | PutResponse | DeleteRangeResponse | TxnResponse;

/** The header's revision and member (name of the server that answered), and the body. */
export type KvResponse = StepResponse & {
  readonly revision: number;
  readonly member: string;
};

/** How an operation ended for the client. An unknown effect: it may have taken place, may still, or never will. */
export type Outcome =
  | {readonly kind: 'ok'; readonly response: KvResponse}
  | {readonly kind: 'error'; readonly error: string; readonly effect: 'none' | 'unknown'}
  /** Still open when the run ended: effect unknown. */
  | {readonly kind: 'open'};

/** One call. `id` counts from 0 in order of calls; `client` counts from 0. */
export interface Operation {
  readonly id: number;
  readonly client: number;
  readonly request: KvRequest;
  readonly callUs: number;
  /** When the client knew the outcome; undefined exactly when the outcome is open. */
  readonly returnUs: number | undefined;
  readonly outcome: Outcome;
}

/** Does the request change nothing, whatever the store holds? */
export function isReadOnly(request: KvStep): boolean {
  switch (request.kind) {
    case 'range':
      return true;
    case 'put':
    case 'delete-range':
      return false;
    case 'txn':
      return request.success.every(isReadOnly) && request.failure.every(isReadOnly);
  }
}

/** May the operation have taken effect without the client knowing its answer? */
export function isEffectUnknown(operation: Operation): boolean {
  const {outcome} = operation;
  return outcome.kind === 'open' || (outcome.kind === 'error' && outcome.effect === 'unknown');
}
