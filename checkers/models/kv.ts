// checkers/models/kv.ts: Porcupine's key-value store: get, put and append on text; an absent key reads as ''.
// Two variants that must agree: partitioned by key (fast), and the whole store as one object (what partitioning is
// checked against). A text carries its hash, so that an append costs the appended characters.
import {hashText} from '../../base/digest.ts';
import type {KvInput, KvOutput} from '../../history/readers/porcupine-kv.ts';
import type {Call, Model, Partition} from '../porcupine/model.ts';

/** A value and the FNV hash of its characters. */
export interface HashedText {
  readonly text: string;
  readonly hash: number;
}

const EMPTY: HashedText = {text: '', hash: hashText('')};

/** One key at a time. */
export const kvByKeyModel: Model<HashedText, KvInput, KvOutput> = {
  init: () => EMPTY,
  step: stepText,
  equal: (a, b) => a.hash === b.hash && a.text === b.text,
  hash: (state) => state.hash,
  describe: describeKv,
  leavesState: (input) => input.kind === 'get',
  twinKey: (input) =>
    input.kind === 'get' ? undefined : `${input.kind} ${input.key.length} ${input.key}${input.value}`,
  partition: partitionByKey,
};

/** Every key of the history at once. State: the values in order of `keys`. */
export function kvWholeModel(keys: readonly string[]): Model<readonly HashedText[], KvInput, KvOutput> {
  const places = new Map(keys.map((key, place) => [key, place]));
  return {
    init: () => keys.map(() => EMPTY),
    step(state, input, output) {
      const place = places.get(input.key);
      if (place === undefined) return undefined;
      const before = state[place] as HashedText;
      const after = stepText(before, input, output);
      if (after === undefined || after === before) return after && state;
      const next = state.slice();
      next[place] = after;
      return next;
    },
    equal: (a, b) => a.every((value, place) => isSameText(value, b[place] as HashedText)),
    hash(state) {
      let hash = 0;
      for (let place = 0; place < state.length; place++) {
        hash = Math.imul(hash ^ (state[place] as HashedText).hash, 0x01000193) + place;
      }
      return hash;
    },
    describe: describeKv,
    leavesState: (input) => input.kind === 'get',
    twinKey: kvByKeyModel.twinKey as (input: KvInput) => string | undefined,
  };
}

/** The keys of a history, sorted. */
export function keysOf(calls: readonly Call<KvInput, KvOutput>[]): string[] {
  return [...new Set(calls.map((call) => call.input.key))].sort();
}

function isSameText(a: HashedText, b: HashedText): boolean {
  return a === b || (a.hash === b.hash && a.text === b.text);
}

function stepText(state: HashedText, input: KvInput, output: KvOutput | undefined): HashedText | undefined {
  switch (input.kind) {
    case 'get':
      return output === undefined || output.value === state.text ? state : undefined;
    case 'put':
      return {text: input.value, hash: hashText(input.value)};
    case 'append':
      return {text: state.text + input.value, hash: hashText(input.value, state.hash)};
  }
}

function partitionByKey(calls: readonly Call<KvInput, KvOutput>[]): Partition<KvInput, KvOutput>[] {
  const byKey = new Map<string, Call<KvInput, KvOutput>[]>();
  for (const call of calls) {
    const list = byKey.get(call.input.key);
    if (list === undefined) byKey.set(call.input.key, [call]);
    else list.push(call);
  }
  return [...byKey].map(([key, part]) => ({key, calls: part})).sort((a, b) => (a.key < b.key ? -1 : 1));
}

const TEXT_SHOWN_MAX = 60;

function describeKv(input: KvInput, output: KvOutput | undefined): string {
  const key = JSON.stringify(input.key);
  if (input.kind === 'get') return `get ${key} -> ${output === undefined ? 'no answer' : quoteText(output.value)}`;
  return `${input.kind} ${key} ${quoteText(input.value)}${output === undefined ? ' -> no answer' : ''}`;
}

function quoteText(text: string): string {
  return JSON.stringify(text.length <= TEXT_SHOWN_MAX ? text : `…${text.slice(-TEXT_SHOWN_MAX)}`);
}
