// checkers/linearizable/choices.ts: which unanswered write was taken for a hole, and what else could have been.
// When something later does not fit, the newest choice that bears on it is changed; choices in between that do not are
// made anew (conflict-directed backjumping). A jump may pass over an order that fits: running out of choices proves
// nothing, the search decides then.
import type {ByteString} from '../../base/byte-string.ts';
import type {KvStep} from '../../history/operation.ts';
import type {Candidate} from './holes.ts';
import {dependsOn, forEachChangedKey} from './taint.ts';

interface Choice {
  readonly offset: number;
  readonly candidates: readonly Candidate[];
  /** The candidate to try next. */
  next: number;
  /** Tainted keys as they were after the choice. */
  readonly taint: readonly ByteString[];
  /** Keys that any candidate may change. */
  readonly keys: ReadonlySet<ByteString>;
}

/** The choice to go back to, and what to take instead. */
export interface Retry {
  readonly offset: number;
  readonly candidate: Candidate;
  readonly taint: readonly ByteString[];
}

export class Choices {
  private readonly known: readonly ByteString[];
  private readonly stack: Choice[] = [];

  /** `known`: all keys of the history, sorted. */
  constructor(known: readonly ByteString[]) {
    this.known = known;
  }

  /** The first candidate was taken at this offset; the others may be tried later. */
  push(offset: number, candidates: readonly Candidate[], taint: readonly ByteString[]): void {
    const keys = new Set<ByteString>();
    for (const {operation} of candidates) forEachChangedKey(operation.request, this.known, (key) => keys.add(key));
    this.stack.push({offset, candidates, next: 1, taint, keys});
  }

  /** Forgets choices behind an offset. */
  drop(offset: number): void {
    while ((this.stack[this.stack.length - 1]?.offset ?? 0) > offset) this.stack.pop();
  }

  /**
   * What to try instead, when the request (undefined: nothing at all) does not fit. Only choices behind the floor are
   * changed; undefined when none is left.
   */
  retry(request: KvStep | undefined, floor: number): Retry | undefined {
    const conflicting: KvStep[] = request === undefined ? [] : [request];
    for (;;) {
      const choice = this.stack[this.stack.length - 1];
      if (choice === undefined || choice.offset <= floor) return undefined;
      this.stack.pop();
      const {keys} = choice;
      if (request !== undefined && !conflicting.some((step) => dependsOn(step, keys, keys))) continue;
      const candidate = choice.candidates[choice.next];
      if (candidate !== undefined) {
        choice.next++;
        this.stack.push(choice);
        return {offset: choice.offset, candidate, taint: choice.taint};
      }
      for (const {operation} of choice.candidates) conflicting.push(operation.request);
    }
  }
}
