// checkers/kv/persisted-order.ts: the order in which members applied what was committed tells which unanswered writes took effect.
// etcd's robustness tests read it from the members' WALs, for the same reason: dozens of writes without an answer, none of them ever
// read, can be ordered in more ways than any search can try. Used only where the history alone gave no verdict.
// Soundness: what is written down here as an answer is what the log says; a history that contradicts its own cluster's log is not
// explained away by it, because answered operations are still judged by their own answers.
import {must} from '../../base/assert.ts';
import type {KvStep, Operation} from '../../history/operation.ts';
import {isEffectUnknown, isReadOnly} from '../../history/operation.ts';
import {forEachPut} from '../linearizable/evidence.ts';
import {evaluate, isEffective} from '../models/etcd-kv.ts';
import {ReplayStore} from '../models/replay-store.ts';

/** A request as text: equal requests, equal texts, whatever fields were left out for their defaults. */
function textOf(step: KvStep): string {
  switch (step.kind) {
    case 'range':
      return JSON.stringify([
        'r',
        step.key,
        step.end ?? '',
        step.revision ?? 0,
        step.limit ?? 0,
        step.countOnly ?? false,
      ]);
    case 'put':
      return JSON.stringify(['p', step.key, step.value, step.prevKv ?? false]);
    case 'delete-range':
      return JSON.stringify(['d', step.key, step.end ?? '', step.prevKv ?? false]);
    case 'txn': {
      const guards = step.compare.map(({key, target, result, operand}) => [key, target, result, operand]);
      return JSON.stringify(['t', guards, step.success.map(textOf), step.failure.map(textOf)]);
    }
  }
}

/** Operations of one request, in the order in which they are claimed by what was applied. */
interface Claimants {
  /** Answered, by revision of the answer: `effective` ones own their revision. */
  readonly answered: Operation[];
  /** Unanswered, by time of call. */
  readonly unanswered: Operation[];
}

/**
 * The history with each unanswered write either answered as the log says or, when it is not in the log, as one that never took place.
 * `persisted`: every write request that was applied, in order. Undefined when the log does not fit the model of the store.
 */
export function narrowByPersistedOrder(
  operations: readonly Operation[],
  persisted: readonly KvStep[],
): Operation[] | undefined {
  const keys = new Set<string>();
  for (const step of persisted) forEachPut(step, (key) => keys.add(key));
  const store = new ReplayStore(keys);
  const claimants = claimantsOf(operations);
  let endUs = 0;
  for (const {callUs, returnUs} of operations) endUs = Math.max(endUs, callUs, returnUs ?? 0);
  const known = new Map<Operation, Operation>();
  for (const request of persisted) {
    const effect = evaluate(store, request);
    if (effect === undefined) return undefined;
    if (effect.changes.length > 0) store.append(effect.changes);
    const operation = claim(claimants.get(textOf(request)), store.revision, effect.changes.length > 0);
    if (operation === undefined) continue;
    const response = {...effect.response, revision: store.revision, member: 'log'};
    known.set(operation, {...operation, returnUs: endUs + 1, outcome: {kind: 'ok', response}});
  }
  return operations.map((operation) => {
    if (!isOpenWrite(operation)) return operation;
    return known.get(operation) ?? neverTookPlace(operation, endUs);
  });
}

/** The unanswered operation that an applied request is; undefined when it is an answered one, or nobody's. */
function claim(claimants: Claimants | undefined, revision: number, isEffect: boolean): Operation | undefined {
  if (claimants === undefined) return undefined;
  const {answered, unanswered} = claimants;
  const index = answered.findIndex(({outcome}) => {
    if (outcome.kind !== 'ok' || outcome.response.revision !== revision) return false;
    return isEffective(outcome.response) === isEffect;
  });
  if (index >= 0) {
    answered.splice(index, 1);
    return undefined;
  }
  // Equal requests are interchangeable but for when they were called; the earliest call fits wherever a later one would.
  return unanswered.shift();
}

const isOpenWrite = (operation: Operation): boolean => isEffectUnknown(operation) && !isReadOnly(operation.request);

function claimantsOf(operations: readonly Operation[]): Map<string, Claimants> {
  const found = new Map<string, Claimants>();
  const of = (operation: Operation): Claimants => {
    const text = textOf(operation.request);
    if (!found.has(text)) found.set(text, {answered: [], unanswered: []});
    return must(found.get(text), 'just set');
  };
  for (const operation of operations) {
    if (isReadOnly(operation.request)) continue;
    if (isOpenWrite(operation)) of(operation).unanswered.push(operation);
    else if (operation.outcome.kind === 'ok') of(operation).answered.push(operation);
  }
  for (const {unanswered} of found.values()) unanswered.sort((a, b) => a.callUs - b.callUs || a.id - b.id);
  return found;
}

function neverTookPlace(operation: Operation, endUs: number): Operation {
  const outcome = {kind: 'error', error: 'not in the log', effect: 'none'} as const;
  return {...operation, returnUs: operation.returnUs ?? endUs + 1, outcome};
}
