// checkers/porcupine/state-table.ts: each distinct state once, as a small integer.
// Interning makes equality of states an integer comparison, and lets the answer of a step be remembered by (call, state).
import type {Model} from './model.ts';

/** States by number, from 0 in order of appearance. */
export class StateTable<State> {
  private readonly model: Pick<Model<State, never, never>, 'equal' | 'hash'>;
  private readonly states: State[] = [];
  private readonly hashes: number[] = [];
  /** Open addressing: state number + 1, 0 where empty. */
  private slots = new Int32Array(256);

  constructor(model: Pick<Model<State, never, never>, 'equal' | 'hash'>) {
    this.model = model;
  }

  get(id: number): State {
    return this.states[id] as State;
  }

  /** The number of this state, new or known. */
  intern(state: State): number {
    const hash = scramble(this.model.hash(state));
    const mask = this.slots.length - 1;
    let at = hash & mask;
    for (;;) {
      const id = (this.slots[at] as number) - 1;
      if (id < 0) break;
      if (this.hashes[id] === hash && this.model.equal(this.states[id] as State, state)) return id;
      at = (at + 1) & mask;
    }
    const id = this.states.length;
    this.states.push(state);
    this.hashes.push(hash);
    this.slots[at] = id + 1;
    if (this.states.length * 2 > this.slots.length) this.grow();
    return id;
  }

  private grow(): void {
    const slots = new Int32Array(this.slots.length * 4);
    const mask = slots.length - 1;
    for (let id = 0; id < this.hashes.length; id++) {
      let at = (this.hashes[id] as number) & mask;
      while (slots[at] !== 0) at = (at + 1) & mask;
      slots[at] = id + 1;
    }
    this.slots = slots;
  }
}

/** What a step answered, by (call, state); a collision forgets the older answer, so memory is fixed. */
export class StepMemo {
  private readonly calls: Int32Array;
  private readonly states: Int32Array;
  private readonly nexts: Int32Array;
  private readonly shift: number;

  /** `callCount` sizes the memo. */
  constructor(callCount: number) {
    let bits = 8;
    while (bits < 16 && 1 << bits < callCount * 8) bits++;
    this.calls = new Int32Array(1 << bits).fill(-1);
    this.states = new Int32Array(1 << bits);
    this.nexts = new Int32Array(1 << bits);
    this.shift = 32 - bits;
  }

  /** The remembered next state, -1 for "cannot have happened", -2 where nothing is remembered. */
  get(call: number, state: number): number {
    const at = (Math.imul(call, 0x9e3779b1) ^ Math.imul(state, 0x85ebca77)) >>> this.shift;
    return this.calls[at] === call && this.states[at] === state ? (this.nexts[at] as number) : -2;
  }

  set(call: number, state: number, next: number): void {
    const at = (Math.imul(call, 0x9e3779b1) ^ Math.imul(state, 0x85ebca77)) >>> this.shift;
    this.calls[at] = call;
    this.states[at] = state;
    this.nexts[at] = next;
  }
}

function scramble(hash: number): number {
  let h = hash | 0;
  h = Math.imul(h ^ (h >>> 16), 0x45d9f3b);
  return h ^ (h >>> 15);
}
