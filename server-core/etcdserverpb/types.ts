// server-core/etcdserverpb/types.ts: the KV service's requests and responses, and the stored key-value pair, as plain objects.
// Source: etcd api/etcdserverpb/rpc.proto and api/mvccpb/kv.proto at v3.6.0. Every field is present (proto3's zero where it
// is not set), so that all objects of a type have one shape; the functions here fill in what a caller leaves out.
// Revisions, versions, limits and counts are exact integers; keys and values are byte strings.
import type {ByteString} from '../../base/byte-string.ts';
import type {ClusterId, LeaseId, MemberId} from '../../base/ids.ts';
import {NO_MEMBER, toId64} from '../../base/ids.ts';

/** No lease: zero. */
export const NO_LEASE: LeaseId = toId64(0) as LeaseId;

/** The number of an enum value that this release does not know. proto3 enums are open: it travels on unchanged. */
export type UnknownEnumValue = number;

/** mvccpb.KeyValue. */
export interface KeyValue {
  readonly key: ByteString;
  /** Revision of the last creation of the key. */
  readonly createRevision: number;
  /** Revision of the last change. */
  readonly modRevision: number;
  /** Changes since the creation, counted from 1. */
  readonly version: number;
  readonly value: ByteString;
  readonly lease: LeaseId;
}

/** mvccpb.Event. A deletion's `kv` holds the key and, as modRevision, the revision of the deletion. */
export interface Event {
  readonly type: 'put' | 'delete';
  readonly kv: KeyValue;
  readonly prevKv: KeyValue | undefined;
}

/** ResponseHeader. The store knows the revision only; the server fills in the rest of the outermost header. */
export interface ResponseHeader {
  readonly clusterId: ClusterId;
  readonly memberId: MemberId;
  readonly revision: number;
  readonly raftTerm: number;
}

export type SortOrder = 'none' | 'ascend' | 'descend' | UnknownEnumValue;
export type SortTarget = 'key' | 'version' | 'create' | 'mod' | 'value' | UnknownEnumValue;

export interface RangeRequest {
  readonly key: ByteString;
  /** '' for the one key, '\0' for every key from `key` on, otherwise the first key behind the range. */
  readonly rangeEnd: ByteString;
  /** 0: no limit. */
  readonly limit: number;
  /** 0 or less: the current one. */
  readonly revision: number;
  readonly sortOrder: SortOrder;
  readonly sortTarget: SortTarget;
  readonly serializable: boolean;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  /** The four bounds are inclusive; 0: no bound. */
  readonly minModRevision: number;
  readonly maxModRevision: number;
  readonly minCreateRevision: number;
  readonly maxCreateRevision: number;
}

export interface RangeResponse {
  readonly header: ResponseHeader;
  readonly kvs: readonly KeyValue[];
  /** The limit cut something off. */
  readonly more: boolean;
  /** Keys in the range, whatever the limit and the bounds. */
  readonly count: number;
}

export interface PutRequest {
  readonly key: ByteString;
  readonly value: ByteString;
  readonly lease: LeaseId;
  readonly prevKv: boolean;
  /** Keep the value the key has. */
  readonly ignoreValue: boolean;
  /** Keep the lease the key has. */
  readonly ignoreLease: boolean;
}

export interface PutResponse {
  readonly header: ResponseHeader;
  readonly prevKv: KeyValue | undefined;
}

export interface DeleteRangeRequest {
  readonly key: ByteString;
  /** As in RangeRequest. */
  readonly rangeEnd: ByteString;
  readonly prevKv: boolean;
}

export interface DeleteRangeResponse {
  readonly header: ResponseHeader;
  readonly deleted: number;
  readonly prevKvs: readonly KeyValue[];
}

export type CompareResult = 'equal' | 'greater' | 'less' | 'not-equal' | UnknownEnumValue;
export type CompareTarget = 'version' | 'create' | 'mod' | 'value' | 'lease' | UnknownEnumValue;

/** Compare.target_union: what the target is compared with. On the wire it is free to disagree with the target. */
export type CompareOperand =
  | {readonly kind: 'version' | 'create' | 'mod'; readonly number: number}
  | {readonly kind: 'value'; readonly value: ByteString}
  | {readonly kind: 'lease'; readonly lease: LeaseId};

export interface Compare {
  readonly result: CompareResult;
  readonly target: CompareTarget;
  readonly key: ByteString;
  /** Absent counts as zero or empty. */
  readonly operand: CompareOperand | undefined;
  /** As in RangeRequest: every key of the range must satisfy the comparison. */
  readonly rangeEnd: ByteString;
}

/** RequestOp; 'none' is an op with no request in it, which the validation refuses. */
export type RequestOp =
  | {readonly kind: 'range'; readonly request: RangeRequest}
  | {readonly kind: 'put'; readonly request: PutRequest}
  | {readonly kind: 'delete-range'; readonly request: DeleteRangeRequest}
  | {readonly kind: 'txn'; readonly request: TxnRequest}
  | {readonly kind: 'none'};

export type ResponseOp =
  | {readonly kind: 'range'; readonly response: RangeResponse}
  | {readonly kind: 'put'; readonly response: PutResponse}
  | {readonly kind: 'delete-range'; readonly response: DeleteRangeResponse}
  | {readonly kind: 'txn'; readonly response: TxnResponse}
  | {readonly kind: 'none'};

export interface TxnRequest {
  /** All must hold for `success` to be taken. */
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export interface TxnResponse {
  readonly header: ResponseHeader;
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOp[];
}

export interface CompactionRequest {
  readonly revision: number;
  /** Answer only when the compacted revisions are gone from the backend. */
  readonly physical: boolean;
}

export interface CompactionResponse {
  readonly header: ResponseHeader;
}

const NO_CLUSTER = toId64(0) as ClusterId;

/** A header as the store leaves it. */
export function revisionHeader(revision: number): ResponseHeader {
  return {clusterId: NO_CLUSTER, memberId: NO_MEMBER, revision, raftTerm: 0};
}

type Options<Request, Given extends keyof Request> = Partial<Omit<Request, Given>>;

/** A range request; what is not given is proto3's zero. */
export function rangeRequest(key: ByteString, options: Options<RangeRequest, 'key'> = {}): RangeRequest {
  return {
    key,
    rangeEnd: options.rangeEnd ?? '',
    limit: options.limit ?? 0,
    revision: options.revision ?? 0,
    sortOrder: options.sortOrder ?? 'none',
    sortTarget: options.sortTarget ?? 'key',
    serializable: options.serializable ?? false,
    keysOnly: options.keysOnly ?? false,
    countOnly: options.countOnly ?? false,
    minModRevision: options.minModRevision ?? 0,
    maxModRevision: options.maxModRevision ?? 0,
    minCreateRevision: options.minCreateRevision ?? 0,
    maxCreateRevision: options.maxCreateRevision ?? 0,
  };
}

/** A put request; what is not given is proto3's zero. */
export function putRequest(
  key: ByteString,
  value: ByteString,
  options: Options<PutRequest, 'key' | 'value'> = {},
): PutRequest {
  return {
    key,
    value,
    lease: options.lease ?? NO_LEASE,
    prevKv: options.prevKv ?? false,
    ignoreValue: options.ignoreValue ?? false,
    ignoreLease: options.ignoreLease ?? false,
  };
}

/** A delete-range request; what is not given is proto3's zero. */
export function deleteRangeRequest(
  key: ByteString,
  options: Options<DeleteRangeRequest, 'key'> = {},
): DeleteRangeRequest {
  return {key, rangeEnd: options.rangeEnd ?? '', prevKv: options.prevKv ?? false};
}

/** A transaction; lists not given are empty. */
export function txnRequest(lists: Partial<TxnRequest>): TxnRequest {
  return {compare: lists.compare ?? [], success: lists.success ?? [], failure: lists.failure ?? []};
}

/** A comparison whose target is that of its operand, as clientv3.Compare makes it. */
export function compare(
  key: ByteString,
  result: CompareResult,
  operand: CompareOperand,
  rangeEnd: ByteString = '',
): Compare {
  return {result, target: operand.kind, key, operand, rangeEnd};
}
