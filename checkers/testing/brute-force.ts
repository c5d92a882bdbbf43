// checkers/testing/brute-force.ts: linearizability by its definition, for histories of a few calls; what the search must equal.
// No cache, no lists, no short cuts: every order that respects real time is tried.
import type {Call, Model} from '../porcupine/model.ts';

/** Is there an order of all answered calls, with any of the unanswered ones, that the model allows? */
export function isLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  calls: readonly Call<Input, Output>[],
): boolean {
  return extend(model, model.init(), calls);
}

function extend<State, Input, Output>(
  model: Model<State, Input, Output>,
  state: State,
  left: readonly Call<Input, Output>[],
): boolean {
  if (left.every((call) => call.output === undefined)) return true;
  return left.some((call) => {
    if (left.some((other) => other.returnAt !== undefined && other.returnAt < call.callAt)) return false;
    const next = model.step(state, call.input, call.output);
    return (
      next !== undefined &&
      extend(
        model,
        next,
        left.filter((other) => other !== call),
      )
    );
  });
}
