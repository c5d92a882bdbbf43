// checkers/models/set.ts: a set of whole numbers with add, remove, contains and read.
// Modelled: what add and remove answer (did it change the set); unanswered calls. State: the members, ascending.
import type {Model} from '../porcupine/model.ts';

export type SetInput =
  | {readonly kind: 'add' | 'remove' | 'contains'; readonly value: number}
  /** Answers with all members. */
  | {readonly kind: 'read'};

/** `changed`: add put a new member in, remove took one out. */
export type SetOutput =
  | {readonly kind: 'changed'; readonly changed: boolean}
  | {readonly kind: 'contains'; readonly contains: boolean}
  | {readonly kind: 'read'; readonly values: readonly number[]};

export const setModel: Model<readonly number[], SetInput, SetOutput> = {
  init: () => [],
  step: stepSet,
  equal: isSameList,
  hash: (state) => state.reduce((hash, value) => Math.imul(hash ^ value, 0x01000193), 0x811c9dc5),
  describe: describeSet,
  leavesState: (input, output) =>
    input.kind === 'read' || input.kind === 'contains' || (output.kind === 'changed' && !output.changed),
  twinKey: (input) => (input.kind === 'add' || input.kind === 'remove' ? `${input.kind} ${input.value}` : undefined),
};

function stepSet(
  state: readonly number[],
  input: SetInput,
  output: SetOutput | undefined,
): readonly number[] | undefined {
  if (input.kind === 'read') {
    if (output === undefined) return state;
    if (output.kind !== 'read') return undefined;
    return isSameList(
      state,
      [...output.values].sort((a, b) => a - b),
    )
      ? state
      : undefined;
  }
  const isMember = state.includes(input.value);
  if (input.kind === 'contains') {
    return output === undefined || (output.kind === 'contains' && output.contains === isMember) ? state : undefined;
  }
  const changes = isMember === (input.kind === 'remove');
  if (output !== undefined && (output.kind !== 'changed' || output.changed !== changes)) return undefined;
  if (!changes) return state;
  if (isMember) return state.filter((value) => value !== input.value);
  return [...state, input.value].sort((a, b) => a - b);
}

function isSameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

function describeSet(input: SetInput, output: SetOutput | undefined): string {
  const what = input.kind === 'read' ? 'read' : `${input.kind} ${input.value}`;
  if (output === undefined) return `${what} -> no answer`;
  switch (output.kind) {
    case 'changed':
      return `${what} -> ${output.changed ? 'changed' : 'unchanged'}`;
    case 'contains':
      return `${what} -> ${output.contains ? 'yes' : 'no'}`;
    case 'read':
      return `${what} -> {${output.values.join(', ')}}`;
  }
}
