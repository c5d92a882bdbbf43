// reports/known-store.ts: what an order of operations tells about the store, for people who look at a counter-example.
// An order may begin in the middle of a run, so a key is unknown until an operation shows or writes it. Answers are
// taken at their word: the order was accepted by a checker. This judges nothing; checkers/ does.
import {type ByteString, describeBytes} from '../base/byte-string.ts';
import type {KvStep, Operation, StepResponse} from '../history/operation.ts';
import {describeValue, type TextLimits} from './describe.ts';

/** A key as far as it is known; `modRevision` is undefined where the write that made it was never answered. */
interface KnownValue {
  readonly value: ByteString;
  readonly modRevision: number | undefined;
}

const ABSENT = 'absent';

/** What is known of a store; missing entries are unknown. */
export class KnownStore {
  private readonly values = new Map<ByteString, KnownValue | typeof ABSENT>();
  private readonly keys: readonly ByteString[];

  /** `keys`: every key that the run names, sorted; ranges are resolved against them. */
  constructor(keys: readonly ByteString[]) {
    this.keys = keys;
  }

  /** Places the operation next. */
  place({request, outcome}: Operation): void {
    if (outcome.kind === 'ok') {
      const {response} = outcome;
      // An old read tells nothing about now.
      if (request.serializable || (request.kind === 'range' && request.revision)) return;
      this.answered(request, response, response.revision);
    } else this.unanswered(request);
  }

  private answered(step: KvStep, response: StepResponse, revision: number): void {
    if (step.kind === 'put') this.values.set(step.key, {value: step.value, modRevision: revision});
    else if (step.kind === 'delete-range') this.remove(step.key, step.end);
    else if (step.kind === 'range' && response.kind === 'range') {
      if (!step.limit && !step.countOnly && !step.revision) this.remove(step.key, step.end);
      for (const {key, value, modRevision} of response.kvs) {
        if (!step.revision) this.values.set(key, {value, modRevision});
      }
    } else if (step.kind === 'txn' && response.kind === 'txn') {
      const branch = response.succeeded ? step.success : step.failure;
      for (const [index, inner] of branch.entries()) {
        const answer = response.responses[index];
        if (answer !== undefined) this.answered(inner, answer, revision);
      }
    }
  }

  private unanswered(step: KvStep): void {
    if (step.kind === 'put') this.values.set(step.key, {value: step.value, modRevision: undefined});
    else if (step.kind === 'delete-range') this.remove(step.key, step.end);
    // Which branch was taken is not evaluated: what either may have written is unknown from here on.
    else if (step.kind === 'txn') this.forget(step);
  }

  private forget(step: KvStep): void {
    switch (step.kind) {
      case 'range':
        return;
      case 'put':
        this.values.delete(step.key);
        return;
      case 'delete-range':
        for (const key of this.covered(step.key, step.end)) this.values.delete(key);
        return;
      case 'txn':
        for (const inner of [...step.success, ...step.failure]) this.forget(inner);
    }
  }

  private remove(key: ByteString, end: ByteString | undefined): void {
    for (const one of this.covered(key, end)) this.values.set(one, ABSENT);
  }

  private covered(key: ByteString, end: ByteString | undefined): readonly ByteString[] {
    return end === undefined ? [key] : this.keys.filter((one) => isCovered(one, key, end));
  }

  /** The keys as they are known, in one line: `k1 = a @5, k2 absent, k3 unknown`. */
  describe(keys: readonly ByteString[], limits: TextLimits): string {
    const shown = keys.slice(0, limits.itemCountMax).map((key) => {
      const known = this.values.get(key);
      const name = describeBytes(key);
      if (known === undefined) return `${name} unknown`;
      if (known === ABSENT) return `${name} absent`;
      const at = known.modRevision === undefined ? '' : ` @${known.modRevision}`;
      return `${name} = ${describeValue(known.value, limits)}${at}`;
    });
    if (keys.length > shown.length) shown.push(`… ${keys.length - shown.length} more`);
    return shown.join(', ');
  }
}

/** Is `one` in [key, end)? An end of "\0" is no end. */
export function isCovered(one: ByteString, key: ByteString, end: ByteString): boolean {
  return one >= key && (end === '\0' || one < end);
}

/** The ranges that a request names, those inside transactions too: [key, end or undefined]. */
export function namedRanges(step: KvStep): (readonly [ByteString, ByteString | undefined])[] {
  if (step.kind === 'put') return [[step.key, undefined]];
  if (step.kind !== 'txn') return [[step.key, step.end]];
  const found: (readonly [ByteString, ByteString | undefined])[] = [];
  for (const {key} of step.compare) found.push([key, undefined]);
  for (const inner of step.success) found.push(...namedRanges(inner));
  for (const inner of step.failure) found.push(...namedRanges(inner));
  return found;
}
