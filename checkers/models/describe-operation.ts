// checkers/models/describe-operation.ts: an operation on etcd's store in one short line, for findings.
import {type ByteString, describeBytes} from '../../base/byte-string.ts';
import type {KvStep, Operation, StepResponse} from '../../history/operation.ts';
import {hasEnd} from './etcd-kv.ts';

const TEXT_SHOWN_MAX = 16;
const PAIRS_SHOWN_MAX = 4;

/** As `put a=1 -> revision 7`. */
export function describeOperation({request, outcome}: Operation): string {
  const what = `${request.serializable === true ? 'serializable ' : ''}${describeRequest(request)}`;
  switch (outcome.kind) {
    case 'ok':
      return `${what} -> ${describeResponse(outcome.response)} at revision ${outcome.response.revision}`;
    case 'error':
      return `${what} -> ${outcome.error}`;
    case 'open':
      return `${what} -> no answer`;
  }
}

/** The request alone. */
export function describeRequest(request: KvStep): string {
  switch (request.kind) {
    case 'range': {
      const at = (request.revision ?? 0) > 0 ? ` at revision ${request.revision}` : '';
      const limit = (request.limit ?? 0) > 0 ? ` limit ${request.limit}` : '';
      return `${request.countOnly === true ? 'count' : 'get'} ${describeKeys(request.key, request.end)}${at}${limit}`;
    }
    case 'put':
      return `put ${quote(request.key)}=${quote(request.value)}`;
    case 'delete-range':
      return `delete ${describeKeys(request.key, request.end)}`;
    case 'txn': {
      const guards = request.compare.map(
        ({key, target, result, operand}) => `${target}(${quote(key)}) ${result} ${operand}`,
      );
      const branch = (steps: readonly KvStep[]) => steps.map(describeRequest).join('; ') || 'nothing';
      return `txn if ${guards.join(' and ') || 'true'} then ${branch(request.success)} else ${branch(request.failure)}`;
    }
  }
}

/** The answer alone, without its revision. */
export function describeResponse(response: StepResponse): string {
  switch (response.kind) {
    case 'range': {
      const pairs = response.kvs
        .slice(0, PAIRS_SHOWN_MAX)
        .map(({key, value, modRevision}) => `${quote(key)}=${quote(value)}@${modRevision}`);
      const rest = response.count > pairs.length ? ` of ${response.count}` : '';
      return `[${pairs.join(', ')}]${rest}`;
    }
    case 'put':
      return response.prevKv === undefined
        ? 'ok'
        : `ok, before ${quote(response.prevKv.value)}@${response.prevKv.modRevision}`;
    case 'delete-range':
      return `deleted ${response.deleted}`;
    case 'txn': {
      const answers = response.responses.map(describeResponse).join('; ');
      return `${response.succeeded ? 'then' : 'else'}${answers === '' ? '' : ` ${answers}`}`;
    }
  }
}

function describeKeys(key: ByteString, end: ByteString | undefined): string {
  if (!hasEnd(end)) return quote(key);
  return end === '\0' ? `${quote(key)} and all after it` : `${quote(key)} to ${quote(end)}`;
}

function quote(bytes: ByteString): string {
  const text = describeBytes(bytes);
  return text.length <= TEXT_SHOWN_MAX ? text : `${text.slice(0, TEXT_SHOWN_MAX)}…`;
}
