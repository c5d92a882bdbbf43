// checkers/linearizable/revision.ts: linearizability of a history of etcd, by the order that etcd itself tells.
// Answered operations have places (revision-index.ts). One pass replays them on a model of the store and recomputes every
// answer. A revision that no answered write claims was made by an unanswered one: where only one can have made it, it
// did; where several can, the most promising is tried, then others (choices.ts); and where that does not end well, the
// search decides over the smallest stretch that holds the doubt: from the last place where the store was certain.
// Promise: ok means that an order was found that explains every answer; violation, that none exists; unknown, that the
// budget ran out. checkCalls with etcdModel says the same wherever it ends, only much later.
import {assert} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import type {KeyValue, KvResponse, KvStep, Operation} from '../../history/operation.ts';
import {describeResponse} from '../models/describe-operation.ts';
import {equalResponses, evaluate, type KvChange} from '../models/etcd-kv.ts';
import {etcdModel} from '../models/etcd-search.ts';
import {ReplayStore} from '../models/replay-store.ts';
import type {Call} from '../porcupine/model.ts';
import {searchPartition} from '../porcupine/search.ts';
import {Choices} from './choices.ts';
import {Evidence, forEachPut} from './evidence.ts';
import {areTwins, findCandidates, mayClaim, rankCandidates} from './holes.ts';
import {type Answered, buildIndex, nameOf, type RevisionIndex, type Violation} from './revision-index.ts';
import {Taint} from './taint.ts';

export interface SweepOptions {
  /** Steps of the search over all doubtful stretches together. */
  readonly stepsMax: number;
  /** Place serializable reads too: anywhere up to their return. */
  readonly withSerializable?: boolean | undefined;
  /** The store before the first operation; default: fresh, at revision 1. */
  readonly initial?: {readonly revision: number; readonly kvs: readonly KeyValue[]} | undefined;
}

export type SweepResult =
  /** `store` holds every revision; `filled` tells which unanswered write was taken for which hole. */
  | {
      readonly kind: 'ok';
      readonly steps: number;
      readonly store: ReplayStore;
      readonly filled: ReadonlyMap<Operation, number>;
    }
  | {readonly kind: 'violation'; readonly steps: number; readonly violation: Violation}
  | {readonly kind: 'unknown'; readonly steps: number; readonly message: string};

/** Operation ids of a linearization that a violation shows at most: the last ones before it. */
const ORDER_SIZE_MAX = 200;
const PARTIALS_MAX = 8;

/** Judges the history by revisions. Operations in order of ids. */
export function checkByRevision(operations: readonly Operation[], options: SweepOptions): SweepResult {
  const {initial, withSerializable = false} = options;
  const built = buildIndex(operations, {baseRevision: initial?.revision ?? 1, withSerializable});
  if ('violation' in built) return {kind: 'violation', steps: 0, violation: built.violation};
  const keys = new Set<ByteString>();
  for (const {request} of operations) forEachPut(request, (key) => keys.add(key));
  return new Sweep(built.index, new ReplayStore(keys, initial?.revision, initial?.kvs), options.stepsMax).run();
}

/** Other choices are tried with this part of the steps at most; the search, which can also prove a violation, has the rest. */
const RETRY_SHARE = 4;

type UnansweredOrNot = Call<Operation, KvResponse>;

/** Something that does not fit the store as replayed. */
interface Misfit {
  /** In every order that explains what came before? */
  readonly isCertain: boolean;
  /** What was asked; undefined where nothing fills a hole. */
  readonly request: KvStep | undefined;
  readonly violation: Violation;
}

class Sweep {
  private readonly index: RevisionIndex;
  private readonly store: ReplayStore;
  private readonly stepsMax: number;
  private readonly taint = new Taint();
  private readonly choices: Choices;
  private knownEvidence: Evidence | undefined;
  /** Offsets of unanswered writes that fill a hole in every order. */
  private readonly certain = new Map<Operation, number>();
  /** Offsets of unanswered writes as the replay stands, certain or chosen. */
  private readonly used = new Map<Operation, number>();
  private readonly filledBy: (Operation | undefined)[] = [];
  private steps = 0;
  /** The offset of the first choice; 0 while none was made. */
  private firstChoice = 0;
  /** The last offset after which the store was certain. */
  private cleanOffset = 0;

  constructor(index: RevisionIndex, store: ReplayStore, stepsMax: number) {
    this.index = index;
    this.store = store;
    this.stepsMax = stepsMax;
    this.choices = new Choices(store.keys);
  }

  run(): SweepResult {
    const {span} = this.index;
    let visited = -1;
    for (let offset = 0; offset <= span; offset++) {
      if (offset > visited) visited = offset;
      else this.steps += 1 + (this.index.writeAt[offset] === -1 ? this.index.unknowns.length : 0);
      let misfit = this.visitWrite(offset) ?? this.visitReads(offset);
      while (misfit !== undefined) {
        if (misfit.isCertain) return {kind: 'violation', steps: this.steps, violation: misfit.violation};
        const mayRetry = this.steps < this.stepsMax / RETRY_SHARE;
        const retried = mayRetry ? this.choices.retry(misfit.request, this.cleanOffset) : undefined;
        if (retried !== undefined) {
          this.steps++;
          this.rewind(retried.offset - 1);
          this.taint.restore(retried.taint);
          this.apply(retried.candidate.operation, retried.candidate.changes, retried.offset);
          offset = retried.offset;
          misfit = this.visitReads(offset);
          continue;
        }
        // The stretch ends with an answer: a hole at its end would not have to be filled.
        offset = Math.max(offset, visited);
        while (this.isEmptyHole(offset)) offset++;
        visited = offset;
        const ended = this.searchAgain(offset, misfit);
        if (ended !== undefined) return ended;
        misfit = undefined;
      }
      if (this.taint.isClean()) this.cleanOffset = offset;
    }
    return {kind: 'ok', steps: this.steps, store: this.store, filled: this.used};
  }

  private visitWrite(offset: number): Misfit | undefined {
    const place = this.index.writeAt[offset] as number;
    if (place >= 0) return this.verify(this.index.answered[place] as Answered);
    return offset === 0 ? undefined : this.fillHole(offset);
  }

  private visitReads(offset: number): Misfit | undefined {
    const {index} = this;
    const to = index.readsFrom[offset + 1] as number;
    for (let i = index.readsFrom[offset] as number; i < to; i++) {
      const misfit = this.verify(index.answered[index.reads[i] as number] as Answered);
      if (misfit !== undefined) return misfit;
    }
    return undefined;
  }

  /** Recomputes an answer, and applies it where it is a write. */
  private verify(entry: Answered): Misfit | undefined {
    const {store, taint} = this;
    const {request} = entry.operation;
    const effect = evaluate(store, request);
    const fits =
      effect !== undefined &&
      effect.changes.length > 0 === entry.isWrite &&
      equalResponses(effect.response, entry.response);
    if (fits) {
      if (entry.isWrite) store.append(effect.changes);
      assert(store.revision === entry.response.revision, 'replayed at another revision', {id: entry.operation.id});
      if (!taint.isClean()) taint.clear(request, entry.response);
      return undefined;
    }
    const expected = effect === undefined ? 'refuses this' : `answers ${describeResponse(effect.response)}`;
    const where = entry.isWrite ? `before it, at revision ${store.revision},` : `at revision ${store.revision}`;
    return {
      request,
      isCertain: !taint.touches(request),
      violation: {
        message: `${nameOf(entry)} does not fit: the store ${where} ${expected}`,
        operations: [entry.operation.id, ...this.lastWritersOf(request)],
        linearizations: [this.orderBefore(entry.offset - (entry.isWrite ? 1 : 0))],
      },
    };
  }

  /** Puts an unanswered write where no answered one is. */
  private fillHole(offset: number): Misfit | undefined {
    const {index, store, taint, evidence, certain, used} = this;
    const context = {index, store, taint, evidence, certain, used};
    const {fitting, elsewhere} = findCandidates(context, offset);
    const [first] = fitting;
    if (first === undefined) {
      const revision = index.baseRevision + offset;
      const shows = this.firstBehind(offset);
      return {
        request: undefined,
        isCertain: elsewhere.length === 0,
        violation: {
          message: `revision ${revision} was made by no write: none without an answer can have made it, but it is told by ${nameOf(shows)}`,
          operations: [shows.operation.id],
          linearizations: [this.orderBefore(offset - 1)],
        },
      };
    }
    if (elsewhere.length === 0 && (fitting.length === 1 || areTwins(evidence, fitting))) {
      certain.set(first.operation, offset);
      // Who it was is certain; what it changed is not where it depends on what is not.
      if (taint.touches(first.operation.request)) taint.add(first.operation.request, store.keys);
      this.apply(first.operation, first.changes, offset);
      return undefined;
    }
    if (this.firstChoice === 0) this.firstChoice = offset;
    for (const {operation} of fitting) taint.add(operation.request, store.keys);
    for (const operation of elsewhere) taint.add(operation.request, store.keys);
    const ranked = rankCandidates(context, fitting);
    const [chosen = first] = ranked;
    this.choices.push(offset, ranked, taint.save());
    this.apply(chosen.operation, chosen.changes, offset);
    return undefined;
  }

  /** Takes back everything behind an offset. */
  private rewind(offset: number): void {
    this.store.truncate(this.index.baseRevision + offset);
    for (const [operation, at] of this.used) if (at > offset) this.used.delete(operation);
  }

  private apply(operation: Operation, changes: readonly KvChange[], offset: number): void {
    this.store.append(changes);
    this.used.set(operation, offset);
    this.filledBy[offset] = operation;
  }

  /**
   * Other choices did not help. The search decides from the place where the store was certain, with everything that may
   * be unused there; where that says too little, from before the first choice.
   */
  private searchAgain(to: number, misfit: Misfit): SweepResult | undefined {
    for (const from of [this.cleanOffset, this.firstChoice - 1]) {
      const isWhole = from === this.firstChoice - 1;
      const {result, calls} = this.searchStretch(from, to);
      if (result.kind === 'unknown') {
        const revisions = `${this.index.baseRevision + from} to ${this.index.baseRevision + to}`;
        const message = `no verdict on revisions ${revisions} within ${this.steps} steps`;
        return {kind: 'unknown', steps: this.steps, message};
      }
      if (result.kind === 'violation') {
        // The start of a short stretch is certain, but its past need not be.
        if (!isWhole && readsPast(calls)) continue;
        const before = this.orderBefore(from);
        const idOf = (place: number) => (calls[place] as UnansweredOrNot).id;
        const linearizations = result.partials
          .slice(0, PARTIALS_MAX)
          .map((partial) => [...before, ...partial.map(idOf)].slice(-ORDER_SIZE_MAX));
        const stuck = calls[result.stuckAt ?? -1];
        const violation =
          stuck === undefined
            ? misfit.violation
            : {
                message: `${nameOf({operation: stuck.input})} fits no order, whichever unanswered writes took effect`,
                operations: [stuck.id],
              };
        return {kind: 'violation', steps: this.steps, violation: {...violation, linearizations}};
      }
      // A short stretch may use again what was chosen before it: then only the whole doubt can tell.
      const usesTwice = result.linearization.some((place) => this.isUsedBefore(calls[place] as UnansweredOrNot, from));
      if (!usesTwice || isWhole) return this.adopt(calls, result.linearization, from, to);
    }
    return undefined;
  }

  private isUsedBefore({input}: UnansweredOrNot, from: number): boolean {
    return (this.used.get(input) ?? from + 1) <= from;
  }

  private searchStretch(from: number, to: number) {
    const {index, evidence, certain} = this;
    const {baseRevision} = index;
    const calls = this.callsOfStretch(from, to);
    const base = this.store.at(baseRevision + from) ?? this.store;
    const model = etcdModel({
      base,
      mayTakeEffectAt(operation, revision) {
        const offset = revision - baseRevision;
        if (offset > to || index.writeAt[offset] !== -1) return false;
        const known = certain.get(operation);
        if (known !== undefined) return known === offset;
        return operation.callUs <= (index.deadlineUs[offset] as number) && mayClaim(evidence, operation, revision);
      },
      mayChange: (revision, changes) => evidence.shows(changes, revision),
      twinKey: (operation) => (certain.has(operation) ? undefined : evidence.twinKey(operation)),
    });
    const result = searchPartition(model, calls, Math.max(0, this.stepsMax - this.steps));
    this.steps += result.steps;
    return {calls, result};
  }

  /** Answered operations at offsets above `from` up to `to`, timed by position; unanswered ones, possible all along. */
  private callsOfStretch(from: number, to: number): UnansweredOrNot[] {
    const {index} = this;
    const calls: UnansweredOrNot[] = [];
    const add = (operation: Operation, time: number, output: KvResponse | undefined) => {
      const returnAt = output === undefined ? undefined : time;
      calls.push({id: operation.id, client: operation.client, input: operation, output, callAt: time, returnAt});
    };
    for (const operation of index.unknowns) {
      if ((this.certain.get(operation) ?? to) > from) add(operation, -1, undefined);
    }
    for (let offset = from + 1; offset <= to; offset++) {
      const place = index.writeAt[offset] as number;
      if (place >= 0) {
        const {operation, response} = index.answered[place] as Answered;
        add(operation, offset * 2, response);
      }
      for (let i = index.readsFrom[offset] as number; i < (index.readsFrom[offset + 1] as number); i++) {
        const {operation, response} = index.answered[index.reads[i] as number] as Answered;
        add(operation, offset * 2 + 1, response);
      }
    }
    return calls;
  }

  /** Replays the order that the search found behind the offset `from`. */
  private adopt(calls: readonly UnansweredOrNot[], order: readonly number[], from: number, to: number): undefined {
    const {baseRevision} = this.index;
    this.rewind(from);
    this.choices.drop(from);
    for (const place of order) {
      const {input, output} = calls[place] as UnansweredOrNot;
      const changes = evaluate(this.store, input.request)?.changes ?? [];
      if (changes.length === 0) continue;
      if (output !== undefined) this.store.append(changes);
      else this.apply(input, changes, this.store.revision + 1 - baseRevision);
    }
    assert(this.store.revision === baseRevision + to, 'an adopted order ends at another revision', {to});
    // Another order may have used any of them.
    for (const {input, output} of calls) if (output === undefined) this.taint.add(input.request, this.store.keys);
  }

  private get evidence(): Evidence {
    this.knownEvidence ??= new Evidence(this.index, this.store.keys);
    return this.knownEvidence;
  }

  private isEmptyHole(offset: number): boolean {
    const {writeAt, readsFrom} = this.index;
    return writeAt[offset] === -1 && offset > 0 && readsFrom[offset] === readsFrom[offset + 1];
  }

  /** The first answered operation at or behind an offset. */
  private firstBehind(offset: number): Answered {
    const {index} = this;
    let at = offset;
    while (this.isEmptyHole(at)) at++;
    const write = index.writeAt[at] as number;
    return index.answered[write >= 0 ? write : (index.reads[index.readsFrom[at] as number] as number)] as Answered;
  }

  /** Ids of the last operations in the order as replayed, up to this offset. */
  private orderBefore(offset: number): number[] {
    const {index} = this;
    const ids: number[] = [];
    for (let at = offset; at >= 0 && ids.length < ORDER_SIZE_MAX; at--) {
      for (let i = (index.readsFrom[at + 1] as number) - 1; i >= (index.readsFrom[at] as number); i--) {
        ids.push((index.answered[index.reads[i] as number] as Answered).operation.id);
      }
      const write = index.writeAt[at] as number;
      const writer = write >= 0 ? (index.answered[write] as Answered).operation : this.filledBy[at];
      if (writer !== undefined) ids.push(writer.id);
    }
    return ids.slice(0, ORDER_SIZE_MAX).reverse();
  }

  /** Who wrote what the request's single key holds now, for the report. */
  private lastWritersOf(request: KvStep): number[] {
    if (request.kind === 'txn') return [];
    const kv = this.store.get(request.key);
    if (kv === undefined) return [];
    const offset = kv.modRevision - this.index.baseRevision;
    const write = this.index.writeAt[offset] ?? -1;
    const writer = write >= 0 ? this.index.answered[write]?.operation : this.filledBy[offset];
    return writer === undefined ? [] : [writer.id];
  }
}

function readsPast(calls: readonly Call<Operation, unknown>[]): boolean {
  return calls.some(({input}) => mentionsPast(input.request));
}

function mentionsPast(request: KvStep): boolean {
  if (request.kind === 'range') return (request.revision ?? 0) > 0;
  return request.kind === 'txn' && [...request.success, ...request.failure].some(mentionsPast);
}
