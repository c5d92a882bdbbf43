// checkers/porcupine/model.ts: what the search must know about an object to judge a history of it.
import type {RecordedCall} from '../../history/readers/recorded-call.ts';

/** One operation as the search sees it. */
export type Call<Input, Output> = RecordedCall<Input, Output>;

/** Calls that can be judged alone because they share no state with the rest (Herlihy and Wing: locality). */
export interface Partition<Input, Output> {
  /** For people: the key, or '' where the history is one part. */
  readonly key: string;
  readonly calls: readonly Call<Input, Output>[];
}

/** A sequential object as pure functions. States are immutable. */
export interface Model<State, Input, Output> {
  init(): State;
  /** The state after the call answered so; undefined: could not have happened. Output undefined: any answer is possible. */
  step(state: State, input: Input, output: Output | undefined): State | undefined;
  equal(a: State, b: State): boolean;
  /** A 32-bit integer; equal states, equal hashes. */
  hash(state: State): number;
  describe(input: Input, output: Output | undefined): string;
  /** True when the call, answered so, leaves every state in which it is possible as it was: a read, a failed compare-and-set. */
  leavesState?(input: Input, output: Output): boolean;
  /** Unanswered calls with equal twin keys are interchangeable: none can be told from another by any later answer. */
  twinKey?(input: Input): string | undefined;
  /** Without it the history is one part. */
  partition?(calls: readonly Call<Input, Output>[]): readonly Partition<Input, Output>[];
}
