// checkers/testing/random-history.ts: histories of etcd as a linearizable cluster would give them, for tests and benchmarks.
// Every operation gets a call, a moment of effect and a return; effects happen in order of their moments on the model
// of the store, and that is what the answers tell. Unanswered operations take effect late, or never. Deterministic in
// the seed. What is planted on top (corruptHistory) may or may not break linearizability: only a checker can tell.
import {Random, type Ratio} from '../../base/random.ts';
import type {Compare, KeyValue, KvRequest, KvResponse, KvStep, Operation, Outcome} from '../../history/operation.ts';
import {evaluate, type KvSnapshot} from '../models/etcd-kv.ts';
import {ReplayStore} from '../models/replay-store.ts';

export interface HistoryOptions {
  readonly seed: number | string;
  readonly clientCount: number;
  readonly operationCount: number;
  readonly keyCount: number;
  /** How many operations get no answer. */
  readonly unknown: Ratio;
  /** Of the requests, in hundredths: what is left over are puts. */
  readonly rangePercent: number;
  readonly txnPercent: number;
  readonly deletePercent: number;
  readonly serializable: Ratio;
  /** Values are drawn from this many; 0: every value is unique. */
  readonly valueCount: number;
}

interface Draft {
  readonly id: number;
  readonly client: number;
  readonly callUs: number;
  readonly effectUs: number;
  readonly returnUs: number | undefined;
  readonly fate: 'ok' | 'late' | 'never';
}

/** A linearizable history, in order of ids. */
export function randomHistory(options: HistoryOptions): Operation[] {
  const random = Random.fromSeed(options.seed).stream('history');
  const drafts = drawTimes(options, random);
  const keys = Array.from({length: options.keyCount}, (_, i) => `k${i}`);
  const store = new ReplayStore(keys);
  const operations: (Operation | undefined)[] = drafts.map(() => undefined);
  for (const draft of [...drafts].sort((a, b) => a.effectUs - b.effectUs || a.id - b.id)) {
    const {id, client, callUs, returnUs, fate} = draft;
    const request = drawRequest(options, keys, store, random, id);
    const isOld = request.serializable === true;
    const view = isOld ? (store.at(Math.max(1, store.revision - random.below(4))) ?? store) : store;
    const effect = fate === 'never' ? undefined : evaluate(view, request);
    if (effect !== undefined && effect.changes.length > 0) store.append(effect.changes);
    let outcome: Outcome;
    if (fate !== 'ok') {
      outcome = returnUs === undefined ? {kind: 'open'} : {kind: 'error', error: 'timeout', effect: 'unknown'};
    } else if (effect === undefined) {
      outcome = {kind: 'error', error: 'future revision', effect: 'none'};
    } else {
      // How old is drawn anew for each old read, so each comes from a member of its own.
      const member = isOld ? `old${id}` : `m${client % 3}`;
      const response: KvResponse = {...effect.response, revision: view.revision, member};
      outcome = {kind: 'ok', response};
    }
    operations[id] = {id, client, request, callUs, returnUs, outcome};
  }
  return operations.filter((operation) => operation !== undefined);
}

function drawTimes({clientCount, operationCount, unknown}: HistoryOptions, random: Random): Draft[] {
  const freeUs = Array.from({length: clientCount}, () => random.below(100));
  const raw: Omit<Draft, 'id'>[] = [];
  for (let i = 0; i < operationCount; i++) {
    const client = i % clientCount;
    const callUs = (freeUs[client] as number) + random.below(20);
    const effectUs = callUs + random.below(100);
    const returnUs = effectUs + random.below(100);
    freeUs[client] = returnUs + 1;
    if (!random.chance(unknown)) {
      raw.push({client, callUs, effectUs, returnUs, fate: 'ok'});
      continue;
    }
    const fate = random.chance({numerator: 1, denominator: 2}) ? 'late' : 'never';
    const isOpen = random.chance({numerator: 1, denominator: 4});
    const lateUs = effectUs + random.below(400);
    raw.push({client, callUs, effectUs: lateUs, returnUs: isOpen ? undefined : returnUs, fate});
  }
  return raw.sort((a, b) => a.callUs - b.callUs || a.client - b.client).map((draft, id) => ({id, ...draft}));
}

function drawRequest(
  options: HistoryOptions,
  keys: readonly string[],
  store: KvSnapshot,
  random: Random,
  id: number,
): KvRequest {
  const {rangePercent, txnPercent, deletePercent} = options;
  const draw = random.below(100);
  if (draw < rangePercent) {
    const request = drawRange(keys, store, random);
    return random.chance(options.serializable) ? {...request, serializable: true} : request;
  }
  if (draw < rangePercent + txnPercent) return drawTxn(options, keys, store, random, id, 0);
  if (draw < rangePercent + txnPercent + deletePercent) {
    const prevKv = random.below(2) === 0;
    return {kind: 'delete-range', ...drawKeys(keys, random), prevKv};
  }
  return drawPut(options, random.pick(keys), random, id);
}

function drawPut({valueCount}: HistoryOptions, key: string, random: Random, id: number): KvStep {
  const value = valueCount === 0 ? `v${id}` : `v${random.below(valueCount)}`;
  return {kind: 'put', key, value, prevKv: random.below(4) === 0};
}

function drawKeys(keys: readonly string[], random: Random): {readonly key: string; readonly end?: string} {
  const key = random.pick(keys);
  const draw = random.below(6);
  if (draw === 0) return {key, end: '\0'};
  if (draw === 1) return {key, end: random.pick(keys)};
  return {key};
}

function drawRange(keys: readonly string[], store: KvSnapshot, random: Random): KvStep {
  const draw = random.below(12);
  return {
    kind: 'range',
    ...drawKeys(keys, random),
    ...(draw === 0 ? {limit: 1 + random.below(3)} : {}),
    ...(draw === 1 ? {countOnly: true} : {}),
    ...(draw === 2 ? {revision: 1 + random.below(store.revision)} : {}),
  };
}

function drawTxn(
  options: HistoryOptions,
  keys: readonly string[],
  store: KvSnapshot,
  random: Random,
  id: number,
  depth: number,
): KvStep {
  const key = random.pick(keys);
  const steps = (): KvStep[] => {
    const drawn: KvStep[] = [];
    const draw = random.below(5);
    if (draw <= 2) drawn.push(drawPut(options, key, random, id));
    if (draw === 2) drawn.push({kind: 'range', key});
    if (draw === 3) drawn.push({kind: 'delete-range', key});
    if (draw === 4 && depth === 0) drawn.push(drawTxn(options, keys, store, random, id, 1));
    return drawn;
  };
  return {kind: 'txn', compare: [drawCompare(store.get(key), key, random)], success: steps(), failure: steps()};
}

function drawCompare(kv: KeyValue | undefined, key: string, random: Random): Compare {
  const result = random.pick(['equal', 'equal', 'equal', 'not-equal', 'greater', 'less'] as const);
  const off = random.below(4) === 0 ? 1 : 0;
  switch (random.below(4)) {
    case 0:
      return {key, target: 'value', result, operand: kv?.value ?? 'v0'};
    case 1:
      return {key, target: 'version', result, operand: (kv?.version ?? 0) + off};
    case 2:
      return {key, target: 'create', result, operand: (kv?.createRevision ?? 0) + off};
    default:
      return {key, target: 'mod', result, operand: (kv?.modRevision ?? 0) + off};
  }
}

/** The history with one small lie somewhere, or unchanged where the drawn lie does not apply. */
export function corruptHistory(operations: readonly Operation[], seed: number | string): Operation[] {
  const random = Random.fromSeed(seed).stream('corrupt');
  const at = random.below(operations.length);
  const changed = [...operations];
  const operation = changed[at] as Operation;
  const {outcome} = operation;
  if (outcome.kind !== 'ok') {
    changed[at] = {...operation, outcome: {kind: 'error', error: 'refused', effect: 'none'}};
    return changed;
  }
  const {response} = outcome;
  const answer = (lie: KvResponse): Operation => ({...operation, outcome: {kind: 'ok', response: lie}});
  switch (random.below(6)) {
    case 0:
      changed[at] = answer({...response, revision: Math.max(1, response.revision + random.pick([-2, -1, 1]))});
      break;
    case 1:
      changed[at] = {...operation, outcome: {kind: 'error', error: 'refused', effect: 'none'}};
      break;
    case 2:
      changed[at] = {...operation, outcome: {kind: 'error', error: 'timeout', effect: 'unknown'}};
      break;
    case 3:
      changed[at] = {...operation, returnUs: Math.max(operation.callUs, (operation.returnUs ?? 0) - random.below(150))};
      break;
    case 4:
      changed[at] = {...operation, callUs: Math.min(operation.returnUs ?? 0, operation.callUs + random.below(150))};
      break;
    default:
      changed[at] = answer(lieAbout(response, random));
  }
  return changed;
}

function lieAbout(response: KvResponse, random: Random): KvResponse {
  switch (response.kind) {
    case 'range': {
      const [first, ...rest] = response.kvs;
      if (first === undefined) return {...response, count: response.count + 1};
      const lies: readonly KeyValue[] = [
        {...first, value: 'v0'},
        {...first, modRevision: first.modRevision + random.pick([-1, 1])},
        {...first, version: first.version + 1},
      ];
      if (random.below(4) === 0) return {...response, kvs: rest};
      return {...response, kvs: [random.pick(lies), ...rest]};
    }
    case 'put':
      return response.prevKv === undefined ? response : {...response, prevKv: {...response.prevKv, value: 'v1'}};
    case 'delete-range':
      return {...response, deleted: response.deleted + random.pick(response.deleted > 0 ? [-1, 1] : [1])};
    case 'txn':
      return {...response, succeeded: !response.succeeded};
  }
}
