// reports/describe.ts: requests and answers as one line of text, as etcd's users would say them.
// Long values and long lists are cut at a limit that the caller gives; the cut is visible, and the run record has the rest.
import {unreachable} from '../base/assert.ts';
import {type ByteString, describeBytes} from '../base/byte-string.ts';
import type {Compare, KeyValue, KvRequest, KvStep, Operation, StepResponse} from '../history/operation.ts';
import {isReadOnly} from '../history/operation.ts';

/** What an operation does, as the page colours and filters it. */
export const KINDS = ['get', 'range', 'put', 'delete', 'txn', 'read-only txn'] as const;
export type OperationKind = (typeof KINDS)[number];

/** How much of a value (bytes) and of a list (items) is shown. */
export interface TextLimits {
  readonly valueSizeMax: number;
  readonly itemCountMax: number;
}

export const FULL_TEXT: TextLimits = {valueSizeMax: 256, itemCountMax: 64};

const SIGNS: Readonly<Record<Compare['result'], string>> = {equal: '=', 'not-equal': '≠', greater: '>', less: '<'};

/** The kind of a request. */
export function kindOf(request: KvStep): OperationKind {
  switch (request.kind) {
    case 'range':
      return request.end === undefined ? 'get' : 'range';
    case 'put':
      return 'put';
    case 'delete-range':
      return 'delete';
    case 'txn':
      return isReadOnly(request) ? 'read-only txn' : 'txn';
    default:
      return unreachable(request);
  }
}

/** A longer run of one byte at the end of a value, as padding makes it, is counted: `1.42.×60`. */
const RUN_SIZE_MIN = 8;

/** A value, cut where it is longer than the limit: `abc…(64 bytes)`. */
export function describeValue(value: ByteString, {valueSizeMax}: TextLimits): string {
  if (value === '') return '""';
  const runSize = trailingRun(value);
  const isPadded = runSize >= RUN_SIZE_MIN;
  const shown = isPadded ? value.slice(0, value.length - runSize + 1) : value;
  if (shown.length > valueSizeMax) return `${describeBytes(value.slice(0, valueSizeMax))}…(${value.length} bytes)`;
  return isPadded ? `${describeBytes(shown)}×${runSize}` : describeBytes(value);
}

function trailingRun(value: ByteString): number {
  const last = value.charCodeAt(value.length - 1);
  let from = value.length - 1;
  while (from > 0 && value.charCodeAt(from - 1) === last) from--;
  return value.length - from;
}

/** `k`, or `[k, l)`, or `[k, ∞)`. */
export function describeKeys(key: ByteString, end: ByteString | undefined): string {
  if (end === undefined) return describeBytes(key) || '""';
  return `[${describeBytes(key)}, ${end === '\0' ? '∞' : describeBytes(end)})`;
}

/** `k = v @12 v3`: value, mod revision, version. */
export function describeKeyValue({key, value, modRevision, version}: KeyValue, limits: TextLimits): string {
  return `${describeBytes(key)} = ${describeValue(value, limits)} @${modRevision} v${version}`;
}

/** A request in one line. */
export function describeRequest(request: KvRequest, limits: TextLimits): string {
  return describeStep(request, limits) + (request.serializable ? ' (serializable)' : '');
}

function describeStep(step: KvStep, limits: TextLimits): string {
  switch (step.kind) {
    case 'range': {
      const words = [step.end === undefined ? 'get' : 'range', describeKeys(step.key, step.end)];
      if (step.revision) words.push(`at revision ${step.revision}`);
      if (step.limit) words.push(`limit ${step.limit}`);
      if (step.countOnly) words.push('count only');
      return words.join(' ');
    }
    case 'put':
      return `put ${describeKeys(step.key, undefined)} = ${describeValue(step.value, limits)}${step.prevKv ? ' +prev' : ''}`;
    case 'delete-range':
      return `delete ${describeKeys(step.key, step.end)}${step.prevKv ? ' +prev' : ''}`;
    case 'txn': {
      const guards = cut(step.compare, limits, (compare) => describeCompare(compare, limits));
      const branch = (steps: readonly KvStep[]) =>
        steps.length === 0 ? 'nothing' : cut(steps, limits, (inner) => bracketed(inner, limits), '; ');
      return `txn if ${guards || 'true'} then ${branch(step.success)} else ${branch(step.failure)}`;
    }
    default:
      return unreachable(step);
  }
}

function bracketed(step: KvStep, limits: TextLimits): string {
  return step.kind === 'txn' ? `(${describeStep(step, limits)})` : describeStep(step, limits);
}

function describeCompare({key, target, result, operand}: Compare, limits: TextLimits): string {
  const right = typeof operand === 'number' ? String(operand) : describeValue(operand, limits);
  return `${target}(${describeKeys(key, undefined)}) ${SIGNS[result]} ${right}`;
}

function cut<T>(items: readonly T[], {itemCountMax}: TextLimits, text: (item: T) => string, separator = ', '): string {
  const shown = items.slice(0, itemCountMax).map(text);
  if (items.length > itemCountMax) shown.push(`… ${items.length - itemCountMax} more`);
  return shown.join(separator);
}

/** An answer in one line; the header's revision and member are told elsewhere. `single`: the request named one key. */
export function describeResponse(response: StepResponse, limits: TextLimits, single: boolean): string {
  switch (response.kind) {
    case 'range': {
      const {kvs, count, more} = response;
      const [first] = kvs;
      if (single && count === 0) return 'no such key';
      if (single && first !== undefined) return describeKeyValue(first, limits);
      const head = `${count} ${count === 1 ? 'key' : 'keys'}${more ? ', more to come' : ''}`;
      return kvs.length === 0 ? head : `${head}: ${cut(kvs, limits, (pair) => describeKeyValue(pair, limits))}`;
    }
    case 'put':
      return response.prevKv === undefined ? 'stored' : `stored; before: ${describeKeyValue(response.prevKv, limits)}`;
    case 'delete-range': {
      const head = `deleted ${response.deleted}`;
      const {prevKvs = []} = response;
      return prevKvs.length === 0 ? head : `${head}: ${cut(prevKvs, limits, (pair) => describeKeyValue(pair, limits))}`;
    }
    case 'txn': {
      const inner = cut(response.responses, limits, (one) => describeResponse(one, limits, false), '; ');
      return `${response.succeeded ? 'guards held' : 'guards failed'}${inner === '' ? '' : `: ${inner}`}`;
    }
    default:
      return unreachable(response);
  }
}

/** How an operation ended, in one line. */
export function describeOutcome({request, outcome}: Operation, limits: TextLimits): string {
  switch (outcome.kind) {
    case 'ok':
      return describeResponse(outcome.response, limits, request.kind === 'range' && request.end === undefined);
    case 'error': {
      const error = outcome.error.replace(/\s+/g, ' ').trim();
      return `${error} (${outcome.effect === 'none' ? 'without effect' : 'effect unknown'})`;
    }
    case 'open':
      return 'no answer before the end of the run (effect unknown)';
    default:
      return unreachable(outcome);
  }
}
