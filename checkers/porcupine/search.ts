// checkers/porcupine/search.ts: is there an order of one partition's calls that the model allows?
// Wing and Gong's search with Lowe's cache (as Porcupine), over flat arrays: try every call that began before the first
// missing return; go back when none fits. Differences from Porcupine, none of which changes a verdict:
// - a call without an answer need not be placed at all, and is tried only where it would change the state;
// - a call that leaves the state (a read) is placed as soon as it fits and never taken back alone: whatever order
//   follows without it is also possible with it here, because it began early enough and changes nothing;
// - of interchangeable unanswered calls (twins) only the earliest unplaced one is tried;
// - a configuration is the first missing return and a bit for each lane instead of a bit for each call.
// Promise: deterministic; ends after stepsMax tries with the verdict unknown, never by wall time.
import {type EventOrder, isAnswered, NEVER, orderEvents} from './events.ts';
import type {Call, Model} from './model.ts';
import {NO_ROW, SeenTable} from './seen.ts';
import {StateTable, StepMemo} from './state-table.ts';

/** Answers in place of a writer's number. */
const PLACED = -1;
const STUCK = -2;
const EXHAUSTED = -3;
const NEW_CONFIGURATION = -4;

/** Partial linearizations kept for a report at most. */
const PARTIALS_MAX = 16;

/** How one partition ended. Sequences hold places in the list of calls that was searched. */
export interface SearchResult<State> {
  readonly kind: 'ok' | 'violation' | 'unknown';
  /** Tries spent. */
  readonly steps: number;
  /** ok: the whole order. Otherwise the longest order found. */
  readonly linearization: readonly number[];
  /** The state after `linearization` where kind is ok. */
  readonly state: State | undefined;
  /** The call whose return the longest order could not get past. */
  readonly stuckAt: number | undefined;
  /** Longest orders such that every call that was ever placed is in one of them; longest first, at most PARTIALS_MAX. */
  readonly partials: readonly (readonly number[])[];
}

/** Searches one partition from the model's initial state, or from the state given. */
export function searchPartition<State, Input, Output>(
  model: Model<State, Input, Output>,
  calls: readonly Call<Input, Output>[],
  stepsMax: number,
  from: State = model.init(),
): SearchResult<State> {
  const search = new Search(model, calls, from);
  search.advance(stepsMax);
  return search.result();
}

/** A search that can be halted and resumed. */
export class Search<State, Input, Output> {
  private readonly model: Model<State, Input, Output>;
  private readonly calls: readonly Call<Input, Output>[];
  private readonly order: EventOrder;
  private readonly states: StateTable<State>;
  private readonly memo: StepMemo;
  private readonly seen: SeenTable;

  /** Doubly linked lists over calls; the sentinel is `count`. Readers leave the state, writers may change it. */
  private readonly nextReader: Int32Array;
  private readonly nextWriter: Int32Array;
  private readonly nextReturn: Int32Array;
  private readonly previous: Int32Array;
  private readonly previousReturn: Int32Array;
  private readonly isReader: Uint8Array;
  /** The twin that began before this one, or -1. */
  private readonly earlierTwin: Int32Array;
  private readonly isPlaced: Uint8Array;

  private readonly lanes: Int32Array;
  private readonly zobrist: Int32Array;

  /** Calls placed, and for each the state and row before it. */
  private readonly stack: Int32Array;
  private readonly stateBefore: Int32Array;
  private readonly rowBefore: Int32Array;
  /** The longest depth reached over the prefix up to here since it was placed; never grows along the stack. */
  private readonly bestOver: Int32Array;
  private readonly longestDepth: Int32Array;
  private readonly longestRow: Int32Array;

  private depth = 0;
  private state: number;
  private row = NO_ROW;
  private lanesHash = 0;
  private steps = 0;
  private kind: 'ok' | 'violation' | 'unknown' = 'unknown';
  /** The writer to try next in this configuration, or NEW_CONFIGURATION. */
  private nextToTry = NEW_CONFIGURATION;
  private deepest = -1;
  private deepestRow = NO_ROW;
  private deepestFrontier = -1;

  constructor(model: Model<State, Input, Output>, calls: readonly Call<Input, Output>[], from: State) {
    this.model = model;
    this.calls = calls;
    this.order = orderEvents(calls);
    const {count, laneCount} = this.order;
    this.states = new StateTable<State>(model);
    this.state = this.states.intern(from);
    this.memo = new StepMemo(count);
    this.seen = new SeenTable(laneCount, count);
    this.nextReader = new Int32Array(count + 1);
    this.nextWriter = new Int32Array(count + 1);
    this.nextReturn = new Int32Array(count + 1);
    this.previous = new Int32Array(count + 1);
    this.previousReturn = new Int32Array(count + 1);
    this.isReader = new Uint8Array(count + 1);
    this.earlierTwin = new Int32Array(count).fill(-1);
    this.isPlaced = new Uint8Array(count);
    this.lanes = new Int32Array((laneCount + 31) >>> 5);
    this.zobrist = zobristNumbers(count);
    this.stack = new Int32Array(count);
    this.stateBefore = new Int32Array(count);
    this.rowBefore = new Int32Array(count);
    this.bestOver = new Int32Array(count);
    this.longestDepth = new Int32Array(count);
    this.longestRow = new Int32Array(count).fill(NO_ROW);
    this.link();
  }

  /** Fills the three lists in order of calls and of returns. */
  private link(): void {
    const {order, model} = this;
    const {count} = order;
    const twins = new Map<string, number>();
    let lastReader = count;
    let lastWriter = count;
    for (let op = 0; op < count; op++) {
      const call = this.callOf(op);
      const answered = isAnswered(call);
      if (answered && model.leavesState?.(call.input, call.output as Output) === true) {
        this.isReader[op] = 1;
        this.nextReader[lastReader] = op;
        this.previous[op] = lastReader;
        lastReader = op;
        continue;
      }
      this.nextWriter[lastWriter] = op;
      this.previous[op] = lastWriter;
      lastWriter = op;
      const twin = answered ? undefined : model.twinKey?.(call.input);
      if (twin === undefined) continue;
      this.earlierTwin[op] = twins.get(twin) ?? -1;
      twins.set(twin, op);
    }
    this.nextReader[lastReader] = count;
    this.nextWriter[lastWriter] = count;
    let last = count;
    for (const op of order.byReturn) {
      this.nextReturn[last] = op;
      this.previousReturn[op] = last;
      last = op;
    }
    this.nextReturn[last] = count;
    this.previousReturn[count] = last;
  }

  /** Goes on until `stepsMax` tries were made in all, or to the end; then result() tells how it stands. */
  advance(stepsMax: number): void {
    const {count} = this.order;
    while (this.kind === 'unknown' && this.steps <= stepsMax && !this.seen.isFull()) {
      let writer = this.nextToTry;
      if (writer === NEW_CONFIGURATION) writer = this.enter();
      if (this.nextReturn[count] === count) {
        this.kind = 'ok';
        return;
      }
      if (writer >= 0) writer = this.tryWriters(writer);
      this.nextToTry = writer === PLACED ? NEW_CONFIGURATION : this.goBack();
      if (this.nextToTry === EXHAUSTED) this.kind = 'violation';
    }
  }

  /** Memory held by the configurations seen, in 32-bit words. */
  wordCount(): number {
    return this.seen.wordCount();
  }

  /** In a new configuration: places every reader that fits; answers with the first writer to try, or STUCK. */
  private enter(): number {
    const {order, nextReader} = this;
    const sentinel = order.count;
    for (;;) {
      const frontier = this.nextReturn[sentinel] as number;
      if (frontier === sentinel) return this.nextWriter[sentinel] as number;
      const limit = order.returnAt[frontier] as number;
      let placed = false;
      let op = nextReader[sentinel] as number;
      while (op !== sentinel && (order.callAt[op] as number) < limit) {
        const next = nextReader[op] as number;
        if (this.stepTo(op) === this.state) {
          // The same configuration with this reader placed was tried before: nothing new can follow.
          if (!this.place(op, this.state)) return STUCK;
          placed = true;
          if (op === frontier) break; // the limit has moved
        }
        op = next;
      }
      if (!placed || op !== frontier) return this.nextWriter[sentinel] as number;
    }
  }

  /** Tries writers from here on; PLACED when one was, STUCK when none fits. */
  private tryWriters(from: number): number {
    const {order, nextWriter, nextReturn} = this;
    const sentinel = order.count;
    const limit = order.returnAt[nextReturn[sentinel] as number] as number;
    for (let op = from; op !== sentinel && (order.callAt[op] as number) < limit; op = nextWriter[op] as number) {
      if ((order.returnAt[op] as number) === NEVER) {
        const twin = this.earlierTwin[op] as number;
        if (twin >= 0 && this.isPlaced[twin] === 0) continue;
      }
      const next = this.stepTo(op);
      if (next < 0 || (next === this.state && (order.returnAt[op] as number) === NEVER)) continue;
      if (this.place(op, next)) return PLACED;
    }
    return STUCK;
  }

  /** Takes back readers and the last writer; answers with the writer to try next, or EXHAUSTED. */
  private goBack(): number {
    this.noteLongest();
    while (this.depth > 0) {
      const op = this.stack[this.depth - 1] as number;
      this.takeBack(op);
      if (this.isReader[op] === 0) return this.nextWriter[op] as number;
    }
    return EXHAUSTED;
  }

  /** The number of the state after op, or -1. */
  private stepTo(op: number): number {
    this.steps++;
    const known = this.memo.get(op, this.state);
    if (known !== -2) return known;
    const call = this.callOf(op);
    const output = (this.order.returnAt[op] as number) === NEVER ? undefined : call.output;
    const next = this.model.step(this.states.get(this.state), call.input, output);
    const id = next === undefined ? -1 : this.states.intern(next);
    this.memo.set(op, this.state, id);
    return id;
  }

  /** Places op with the state after it; false when that configuration was there before. */
  private place(op: number, next: number): boolean {
    const {order} = this;
    const sentinel = order.count;
    const frontier = this.nextReturn[sentinel] as number;
    const lane = order.lane[op] as number;
    const word = lane >>> 5;
    const bit = 1 << (lane & 31);
    const frontierAfter = op === frontier ? (this.nextReturn[op] as number) : frontier;
    this.lanes[word] = (this.lanes[word] as number) ^ bit;
    const hash = this.lanesHash ^ (this.zobrist[op] as number);
    const row = this.seen.add(frontierAfter, next, this.lanes, hash, op, this.row);
    if (row === NO_ROW) {
      this.lanes[word] = (this.lanes[word] as number) ^ bit;
      return false;
    }
    this.lanesHash = hash;
    this.stack[this.depth] = op;
    this.stateBefore[this.depth] = this.state;
    this.rowBefore[this.depth] = this.row;
    this.bestOver[this.depth] = 0;
    this.depth++;
    this.state = next;
    this.row = row;
    this.isPlaced[op] = 1;
    this.unlink(op);
    return true;
  }

  private unlink(op: number): void {
    const list = this.isReader[op] === 1 ? this.nextReader : this.nextWriter;
    const before = this.previous[op] as number;
    const after = list[op] as number;
    list[before] = after;
    if (after !== this.order.count) this.previous[after] = before;
    if ((this.order.returnAt[op] as number) === NEVER) return;
    const returnBefore = this.previousReturn[op] as number;
    const returnAfter = this.nextReturn[op] as number;
    this.nextReturn[returnBefore] = returnAfter;
    this.previousReturn[returnAfter] = returnBefore;
  }

  private takeBack(op: number): void {
    const list = this.isReader[op] === 1 ? this.nextReader : this.nextWriter;
    const after = list[op] as number;
    list[this.previous[op] as number] = op;
    if (after !== this.order.count) this.previous[after] = op;
    if ((this.order.returnAt[op] as number) !== NEVER) {
      this.nextReturn[this.previousReturn[op] as number] = op;
      this.previousReturn[this.nextReturn[op] as number] = op;
    }
    const lane = this.order.lane[op] as number;
    this.lanes[lane >>> 5] = (this.lanes[lane >>> 5] as number) ^ (1 << (lane & 31));
    this.lanesHash ^= this.zobrist[op] as number;
    this.isPlaced[op] = 0;
    this.depth--;
    this.state = this.stateBefore[this.depth] as number;
    this.row = this.rowBefore[this.depth] as number;
  }

  /** Remembers, for each call placed, the longest order it was in. Stops where the rest of the stack knows as long a one. */
  private noteLongest(): void {
    const {depth} = this;
    if (depth > this.deepest) {
      this.deepest = depth;
      this.deepestRow = this.row;
      this.deepestFrontier = this.nextReturn[this.order.count] as number;
    }
    for (let at = depth - 1; at >= 0 && (this.bestOver[at] as number) < depth; at--) {
      this.bestOver[at] = depth;
      const op = this.stack[at] as number;
      if (depth <= (this.longestDepth[op] as number)) continue;
      this.longestDepth[op] = depth;
      this.longestRow[op] = this.row;
    }
  }

  /** How the search ended, or 'unknown' where it was halted. */
  result(): SearchResult<State> {
    const {kind, steps} = this;
    if (kind === 'ok') {
      const linearization = Array.from(this.stack.subarray(0, this.depth), (op) => this.order.source[op] as number);
      const state = this.states.get(this.state);
      return {kind, steps, linearization, state, stuckAt: undefined, partials: [linearization]};
    }
    this.noteLongest();
    const rows = [...new Set(this.longestRow)].filter((row) => row !== NO_ROW);
    const depthOf = new Map<number, number>();
    this.longestRow.forEach((row, op) => {
      if (row !== NO_ROW) depthOf.set(row, this.longestDepth[op] as number);
    });
    rows.sort((a, b) => (depthOf.get(b) ?? 0) - (depthOf.get(a) ?? 0) || a - b);
    const stuck = this.deepestFrontier;
    return {
      kind,
      steps,
      linearization: this.sourcePath(this.deepestRow),
      state: undefined,
      stuckAt: stuck < 0 || stuck === this.order.count ? undefined : (this.order.source[stuck] as number),
      partials: rows.slice(0, PARTIALS_MAX).map((row) => this.sourcePath(row)),
    };
  }

  private sourcePath(row: number): number[] {
    return this.seen.path(row).map((op) => this.order.source[op] as number);
  }

  private callOf(op: number): Call<Input, Output> {
    return this.calls[this.order.source[op] as number] as Call<Input, Output>;
  }
}

/** A fixed random-looking number for each call (xorshift32). */
function zobristNumbers(count: number): Int32Array {
  const numbers = new Int32Array(count);
  let x = 0x2545f491;
  for (let i = 0; i < count; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    numbers[i] = x;
  }
  return numbers;
}
