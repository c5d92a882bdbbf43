// reports/key-index.ts: which keys an operation may touch, as a number: operations that touch the same keys share a set.
// Sets are small by construction: one that covers more than KEY_COUNT_MAX keys is the set 0, which matches any key.
import {type ByteString, compareByteStrings} from '../base/byte-string.ts';
import type {KvStep, Operation} from '../history/operation.ts';
import {isCovered, namedRanges} from './known-store.ts';

const KEY_COUNT_MAX = 32;
const SET_COUNT_MAX = 4096;

export class KeyIndex {
  /** Every key that is named as a key of its own, in byte order. */
  readonly keys: readonly ByteString[];
  private readonly positions: ReadonlyMap<ByteString, number>;
  private readonly made: (readonly number[])[] = [[]];
  private readonly byText = new Map<string, number>();
  /** Most requests name one key: their sets without a search. */
  private readonly singles = new Map<ByteString, number>();

  constructor(operations: readonly Operation[]) {
    const names = new Set<ByteString>();
    for (const {request, outcome} of operations) {
      for (const [key, end] of namedRanges(request)) if (end === undefined) names.add(key);
      if (outcome.kind === 'ok' && outcome.response.kind === 'range') {
        for (const {key} of outcome.response.kvs) names.add(key);
      }
    }
    this.keys = [...names].sort(compareByteStrings);
    this.positions = new Map(this.keys.map((key, position) => [key, position]));
    for (const {request} of operations) this.setOf(request);
  }

  /** The sets, as positions in `keys`; the first is the one that matches any key. */
  get sets(): readonly (readonly number[])[] {
    return this.made;
  }

  /** The position of the request's set. */
  setOf(request: KvStep): number {
    if (request.kind === 'txn' || (request.kind !== 'put' && request.end !== undefined))
      return this.setOfRanges(request);
    let single = this.singles.get(request.key);
    if (single === undefined) {
      single = this.setOfRanges(request);
      this.singles.set(request.key, single);
    }
    return single;
  }

  private setOfRanges(request: KvStep): number {
    const found = new Set<number>();
    for (const [key, end] of namedRanges(request)) {
      if (end === undefined) {
        const position = this.positions.get(key);
        if (position !== undefined) found.add(position);
        continue;
      }
      for (let at = this.lowerBound(key); at < this.keys.length && found.size <= KEY_COUNT_MAX; at++) {
        if (!isCovered(this.keys[at] ?? '', key, end)) break;
        found.add(at);
      }
    }
    if (found.size > KEY_COUNT_MAX) return 0;
    const positions = [...found].sort((a, b) => a - b);
    const text = positions.join();
    const known = this.byText.get(text);
    if (known !== undefined) return known;
    if (this.made.length >= SET_COUNT_MAX && positions.length !== 1) return 0;
    this.made.push(positions);
    this.byText.set(text, this.made.length - 1);
    return this.made.length - 1;
  }

  private lowerBound(key: ByteString): number {
    let low = 0;
    let high = this.keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.keys[middle] ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
