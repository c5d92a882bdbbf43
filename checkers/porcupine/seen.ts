// checkers/porcupine/seen.ts: which configurations the search has been in, and how it came there.
// A configuration is (first missing return, parity of each lane, state); see events.ts for why that tells the set of
// linearized calls exactly. Rows lie in one Int32Array; a hash only finds candidates, equality is always verified, so no
// collision can cut off a part of the search. Each row also keeps its call and its parent: the rows are the tree of
// all partial linearizations.

const HASH = 0;
const FRONTIER = 1;
const STATE = 2;
const CALL = 3;
const PARENT = 4;
const MASK = 5;

/** Rows stop growing here (256 MiB); the search then ends as out of budget. */
const WORD_COUNT_MAX = 1 << 26;

export const NO_ROW = -1;

export class SeenTable {
  private readonly stride: number;
  private readonly maskWordCount: number;
  private rows: Int32Array;
  private rowCount = 0;
  /** Open addressing: row + 1, 0 where empty. */
  private slots = new Int32Array(512);

  constructor(laneCount: number, callCount: number) {
    this.maskWordCount = (laneCount + 31) >>> 5;
    this.stride = MASK + this.maskWordCount;
    this.rows = new Int32Array(this.stride * Math.max(16, Math.min(callCount + 1, 1 << 16)));
  }

  /** Memory held, in 32-bit words. */
  wordCount(): number {
    return this.rows.length + this.slots.length;
  }

  /** No room for another row. */
  isFull(): boolean {
    return (this.rowCount + 1) * this.stride > WORD_COUNT_MAX;
  }

  /** Adds a configuration; NO_ROW when it is known. `lanes` are the parities, `lanesHash` their incremental hash. */
  add(frontier: number, state: number, lanes: Int32Array, lanesHash: number, call: number, parent: number): number {
    let hash = lanesHash ^ Math.imul(state + 1, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    hash ^= hash >>> 13;
    const mask = this.slots.length - 1;
    let at = hash & mask;
    for (;;) {
      const row = (this.slots[at] as number) - 1;
      if (row < 0) break;
      if (this.isSame(row * this.stride, hash, frontier, state, lanes)) return NO_ROW;
      at = (at + 1) & mask;
    }
    const row = this.rowCount++;
    this.slots[at] = row + 1;
    if ((row + 1) * this.stride > this.rows.length) this.growRows();
    const {rows} = this;
    const base = row * this.stride;
    rows[base + HASH] = hash;
    rows[base + FRONTIER] = frontier;
    rows[base + STATE] = state;
    rows[base + CALL] = call;
    rows[base + PARENT] = parent;
    for (let i = 0; i < this.maskWordCount; i++) rows[base + MASK + i] = lanes[i] as number;
    if (this.rowCount * 2 > this.slots.length) this.growSlots();
    return row;
  }

  /** The calls on the way to a row, first to last. */
  path(row: number): number[] {
    const calls: number[] = [];
    for (let at = row; at !== NO_ROW; at = this.rows[at * this.stride + PARENT] as number) {
      calls.push(this.rows[at * this.stride + CALL] as number);
    }
    return calls.reverse();
  }

  private isSame(base: number, hash: number, frontier: number, state: number, lanes: Int32Array): boolean {
    const {rows} = this;
    if (rows[base + HASH] !== hash || rows[base + STATE] !== state || rows[base + FRONTIER] !== frontier) return false;
    for (let i = 0; i < this.maskWordCount; i++) if (rows[base + MASK + i] !== lanes[i]) return false;
    return true;
  }

  private growRows(): void {
    const rows = new Int32Array(this.rows.length * 2);
    rows.set(this.rows);
    this.rows = rows;
  }

  private growSlots(): void {
    const slots = new Int32Array(this.slots.length * 4);
    const mask = slots.length - 1;
    for (let row = 0; row < this.rowCount; row++) {
      let at = (this.rows[row * this.stride + HASH] as number) & mask;
      while (slots[at] !== 0) at = (at + 1) & mask;
      slots[at] = row + 1;
    }
    this.slots = slots;
  }
}
