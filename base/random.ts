// base/random.ts: named random streams on seedrandom's xor128.
// A stream is made from (seed, name), so a new draw in one part never shifts another and old seeds keep their meaning.
// Odds are ratios of whole numbers: no float arithmetic whose last digit may differ between engines.
import xor128 from 'seedrandom/lib/xor128.js';
import {assert} from './assert.ts';
import {digestText} from './digest.ts';

/** A chance of numerator in denominator. */
export interface Ratio {
  readonly numerator: number;
  readonly denominator: number;
}

/** One stream of numbers. Equal names from equal seeds give equal streams. */
export class Random {
  private readonly path: string;
  private readonly next: () => number;

  private constructor(path: string) {
    this.path = path;
    const generator = xor128(digestText(path) + digestText(`${path}#`));
    this.next = () => generator.int32();
  }

  /** The root of all streams of a run. The seed is a whole number or any text. */
  static fromSeed(seed: number | string): Random {
    return new Random(`seed:${seed}`);
  }

  /** The stream of that name below this one; asking twice gives two equal streams, so ask once. */
  stream(name: string): Random {
    return new Random(`${this.path}/${name}`);
  }

  /** A 32-bit signed integer. */
  int32(): number {
    return this.next() | 0;
  }

  /** A whole number from 0 to countMax - 1; countMax at most 2^32. */
  below(countMax: number): number {
    assert(countMax > 0 && countMax <= 0x1_0000_0000, 'below() takes 1 to 2^32', {countMax});
    // The high bits times the range: unbiased enough (error below countMax / 2^32) and exact in doubles up to 2^53
    // because the product of two 32-bit numbers is split.
    const draw = this.next() >>> 0;
    const high = Math.floor(draw / 0x10000) * countMax;
    const low = (draw & 0xffff) * countMax;
    return Math.floor((high + Math.floor(low / 0x10000)) / 0x10000);
  }

  /** A whole number from min to max, both included. */
  between(min: number, max: number): number {
    assert(min <= max, 'between() takes its bounds in order', {min, max});
    return min + this.below(max - min + 1);
  }

  /** True with the chance given. */
  chance({numerator, denominator}: Ratio): boolean {
    return this.below(denominator) < numerator;
  }

  /** One of the items; the list must not be empty. */
  pick<T>(items: readonly T[]): T {
    assert(items.length > 0, 'pick() from nothing');
    return items[this.below(items.length)] as T;
  }

  /** One of the items, by weight (whole numbers, at least one above 0). */
  pickWeighted<T>(items: readonly {readonly item: T; readonly weight: number}[]): T {
    let total = 0;
    for (const {weight} of items) total += weight;
    let draw = this.below(total);
    for (const {item, weight} of items) {
      if (draw < weight) return item;
      draw -= weight;
    }
    throw new Error('unreachable: weights changed while drawing');
  }

  /** A shuffled copy (Fisher and Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const copy = [...items];
    for (let i = copy.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = copy[i] as T;
      copy[i] = copy[j] as T;
      copy[j] = held;
    }
    return copy;
  }
}
