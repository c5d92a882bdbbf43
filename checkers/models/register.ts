// checkers/models/register.ts: one register with read, write and compare-and-set, as Jepsen drives etcd.
// Modelled: nil before the first write; unanswered calls, whose effect follows from the state they meet.
import type {RegisterInput, RegisterOutput} from '../../history/readers/jepsen-log.ts';
import type {Model} from '../porcupine/model.ts';

/** Null: nil, nothing was written yet. */
export type RegisterState = number | null;

export const registerModel: Model<RegisterState, RegisterInput, RegisterOutput> = {
  init: () => null,
  step: stepRegister,
  equal: (a, b) => a === b,
  hash: (state) => (state === null ? -1 : state | 0),
  describe: describeRegister,
  leavesState: (input, output) => input.kind === 'read' || (output.kind === 'cas' && !output.done),
  twinKey,
};

function stepRegister(
  state: RegisterState,
  input: RegisterInput,
  output: RegisterOutput | undefined,
): RegisterState | undefined {
  switch (input.kind) {
    case 'read':
      if (output === undefined) return state;
      return output.kind === 'read' && output.value === state ? state : undefined;
    case 'write':
      return output === undefined || output.kind === 'write' ? input.value : undefined;
    case 'cas': {
      const done = state === input.from;
      if (output !== undefined && (output.kind !== 'cas' || output.done !== done)) return undefined;
      return done ? input.to : state;
    }
  }
}

function twinKey(input: RegisterInput): string {
  switch (input.kind) {
    case 'read':
      return 'read';
    case 'write':
      return `write ${input.value}`;
    case 'cas':
      return `cas ${input.from} ${input.to}`;
  }
}

function describeRegister(input: RegisterInput, output: RegisterOutput | undefined): string {
  switch (input.kind) {
    case 'read':
      return `read -> ${output?.kind === 'read' ? (output.value ?? 'nil') : 'no answer'}`;
    case 'write':
      return `write ${input.value}${output === undefined ? ' -> no answer' : ''}`;
    case 'cas': {
      const answer = output?.kind === 'cas' ? (output.done ? 'ok' : 'failed') : 'no answer';
      return `cas ${input.from} to ${input.to} -> ${answer}`;
    }
  }
}
