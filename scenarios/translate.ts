// scenarios/translate.ts: between the words of history/ and those of server-core/, which share no types on purpose.
import {assert, unreachable} from '../base/assert.ts';
import type {Compare, KeyValue, KvRequest, KvResponse, KvStep, Outcome, StepResponse} from '../history/operation.ts';
import {isReadOnly} from '../history/operation.ts';
import type {Call, CallResult} from '../server-core/client/client.ts';
import {sizeDeleteRangeRequest, sizePutRequest, sizeRangeRequest} from '../server-core/etcdserverpb/kv-codec.ts';
import type {RaftRequestBody} from '../server-core/etcdserverpb/raft-request.ts';
import {sizeTxnRequest} from '../server-core/etcdserverpb/txn-codec.ts';
import type * as pb from '../server-core/etcdserverpb/types.ts';
import {compare, deleteRangeRequest, putRequest, rangeRequest, txnRequest} from '../server-core/etcdserverpb/types.ts';

/** The call that a client makes for a request. */
export function callOf(request: KvRequest): Call {
  switch (request.kind) {
    case 'range': {
      const message = rangeOf(request, request.serializable ?? false);
      return {method: '/etcdserverpb.KV/Range', request: message, sizeBytes: sizeRangeRequest(message)};
    }
    case 'put': {
      const message = putOf(request);
      return {method: '/etcdserverpb.KV/Put', request: message, sizeBytes: sizePutRequest(message)};
    }
    case 'delete-range': {
      const message = deleteOf(request);
      return {
        method: '/etcdserverpb.KV/DeleteRange',
        request: message,
        sizeBytes: sizeDeleteRangeRequest(message),
      };
    }
    case 'txn': {
      const message = txnOf(request, request.serializable ?? false);
      return {method: '/etcdserverpb.KV/Txn', request: message, sizeBytes: sizeTxnRequest(message)};
    }
    default:
      return unreachable(request);
  }
}

const rangeOf = (request: Extract<KvStep, {kind: 'range'}>, serializable: boolean): pb.RangeRequest =>
  rangeRequest(request.key, {
    rangeEnd: request.end ?? '',
    revision: request.revision ?? 0,
    limit: request.limit ?? 0,
    countOnly: request.countOnly ?? false,
    serializable,
  });

const putOf = (request: Extract<KvStep, {kind: 'put'}>): pb.PutRequest =>
  putRequest(request.key, request.value, {prevKv: request.prevKv ?? false});

const deleteOf = (request: Extract<KvStep, {kind: 'delete-range'}>): pb.DeleteRangeRequest =>
  deleteRangeRequest(request.key, {rangeEnd: request.end ?? '', prevKv: request.prevKv ?? false});

function txnOf(request: Extract<KvStep, {kind: 'txn'}>, serializable: boolean): pb.TxnRequest {
  const op = (step: KvStep) => opOf(step, serializable);
  return txnRequest({
    compare: request.compare.map(compareOf),
    success: request.success.map(op),
    failure: request.failure.map(op),
  });
}

function opOf(step: KvStep, serializable: boolean): pb.RequestOp {
  switch (step.kind) {
    case 'range':
      return {kind: 'range', request: rangeOf(step, serializable)};
    case 'put':
      return {kind: 'put', request: putOf(step)};
    case 'delete-range':
      return {kind: 'delete-range', request: deleteOf(step)};
    case 'txn':
      return {kind: 'txn', request: txnOf(step, serializable)};
  }
}

function compareOf({key, target, result, operand}: Compare): pb.Compare {
  if (target === 'value') {
    assert(typeof operand === 'string', 'a value is compared with a number', {key});
    return compare(key, result, {kind: 'value', value: operand});
  }
  assert(typeof operand === 'number', 'a number is compared with a value', {key});
  return compare(key, result, {kind: target, number: operand});
}

/** What the client was told, in the words of history/. */
export function outcomeOf(request: KvRequest, result: CallResult): Outcome {
  if (result.kind === 'error') {
    const error = `${result.code}: ${result.message}`;
    return {kind: 'error', error, effect: isReadOnly(request) ? 'none' : result.effect};
  }
  const {response, endpoint} = result;
  const {header} = response as {readonly header: pb.ResponseHeader};
  const body = responseOf(request.kind, response);
  const answered: KvResponse = {...body, revision: header.revision, member: endpoint.split(':')[0] ?? endpoint};
  return {kind: 'ok', response: answered};
}

function responseOf(kind: KvStep['kind'], response: object): StepResponse {
  switch (kind) {
    case 'range': {
      const {kvs, count, more} = response as pb.RangeResponse;
      return {kind, kvs: kvs.map(keyValueOf), count, more};
    }
    case 'put': {
      const {prevKv} = response as pb.PutResponse;
      return prevKv === undefined ? {kind} : {kind, prevKv: keyValueOf(prevKv)};
    }
    case 'delete-range': {
      const {deleted, prevKvs} = response as pb.DeleteRangeResponse;
      return prevKvs.length === 0 ? {kind, deleted} : {kind, deleted, prevKvs: prevKvs.map(keyValueOf)};
    }
    case 'txn': {
      const {succeeded, responses} = response as pb.TxnResponse;
      return {kind, succeeded, responses: responses.map(stepResponseOf)};
    }
  }
}

function stepResponseOf(op: pb.ResponseOp): StepResponse {
  assert(op.kind !== 'none', 'a transaction was answered with an empty response');
  return responseOf(op.kind, op.response);
}

/** A stored pair in the words of history/. */
export const keyValueOf = ({key, value, createRevision, modRevision, version}: pb.KeyValue): KeyValue => ({
  key,
  value,
  createRevision,
  modRevision,
  version,
});

/** A request out of the log in the words of history/; undefined when it is none of the key-value store's. */
export function stepOf(body: RaftRequestBody): KvStep | undefined {
  switch (body.kind) {
    case 'range':
    case 'put':
    case 'delete-range':
    case 'txn':
      return stepOfOp(body);
    default:
      return undefined;
  }
}

function stepOfOp(op: pb.RequestOp): KvStep {
  switch (op.kind) {
    case 'range': {
      const {key, rangeEnd, revision, limit, countOnly} = op.request;
      return {kind: 'range', key, end: rangeEnd === '' ? undefined : rangeEnd, revision, limit, countOnly};
    }
    case 'put': {
      const {key, value, prevKv} = op.request;
      return {kind: 'put', key, value, prevKv};
    }
    case 'delete-range': {
      const {key, rangeEnd, prevKv} = op.request;
      return {kind: 'delete-range', key, end: rangeEnd === '' ? undefined : rangeEnd, prevKv};
    }
    case 'txn': {
      const {compare: guards, success, failure} = op.request;
      return {
        kind: 'txn',
        compare: guards.map(guardOf),
        success: success.map(stepOfOp),
        failure: failure.map(stepOfOp),
      };
    }
    case 'none':
      return unreachable(op as never, 'an empty operation was applied');
  }
}

function guardOf({key, target, result, operand}: pb.Compare): Compare {
  assert(
    typeof target !== 'number' && target !== 'lease' && typeof result !== 'number',
    'a guard that no client here makes',
  );
  assert(operand !== undefined && operand.kind !== 'lease', 'a guard without an operand', {key});
  return {key, target, result, operand: operand.kind === 'value' ? operand.value : operand.number};
}
