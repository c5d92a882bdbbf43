// checkers/porcupine/check.ts: a whole history judged partition by partition, and told as findings.
// The budget is one number of steps for the whole history. A partition that runs out of it is a finding of kind unknown:
// out of budget is not a pass. Once a violation is known, partitions too hard for the rounds so far stay unknown.
import {type Finding, type VerdictKind, verdictOf} from '../../history/verdict.ts';
import type {Call, Model, Partition} from './model.ts';
import {Search, type SearchResult} from './search.ts';

/** Steps (tries of one call in one state) spent on one history at most, unless told otherwise. */
export const STEPS_MAX_DEFAULT = 50_000_000;

/** Steps for each partition in the first round, and how much more it gets in each later one. */
const FIRST_SHARE = 16_384;
const SHARE_GROWTH = 8;
/** A halted search that holds more than this (16 MiB) starts anew in the next round. */
const HALTED_WORD_COUNT_MAX = 1 << 22;

/** Findings of one history at most, violations first. */
const FINDINGS_MAX = 100;
/** Ids of one partial linearization that a finding keeps: the last ones, where it fails. */
const LINEARIZATION_SIZE_MAX = 2_000;

export interface CheckOptions {
  /** Steps for the whole history. */
  readonly stepsMax: number;
}

export interface CheckResult {
  readonly verdict: VerdictKind;
  readonly findings: readonly Finding[];
  readonly steps: number;
  readonly partitionCount: number;
}

/** Judges a history by a model. Ids in findings are those of the calls. */
export function checkCalls<State, Input, Output>(
  model: Model<State, Input, Output>,
  calls: readonly Call<Input, Output>[],
  options: CheckOptions = {stepsMax: STEPS_MAX_DEFAULT},
): CheckResult {
  const partitions = model.partition?.(calls) ?? [{key: '', calls}];
  const results: SearchResult<State>[] = [];
  const halted: (Search<State, Input, Output> | undefined)[] = [];
  let steps = 0;
  // Every partition gets a small budget before any gets a large one: a violation that is easy to see is not hidden
  // behind a partition that is hard to judge.
  for (let share = FIRST_SHARE; ; share *= SHARE_GROWTH) {
    let openCount = 0;
    for (const [place, partition] of partitions.entries()) {
      if (results[place] !== undefined && results[place].kind !== 'unknown') continue;
      const search = halted[place] ?? new Search(model, partition.calls, model.init());
      const before = halted[place] === undefined ? 0 : (results[place]?.steps ?? 0);
      search.advance(Math.min(share, before + Math.max(0, options.stepsMax - steps)));
      const result = search.result();
      steps += result.steps - before;
      results[place] = result;
      if (result.kind === 'unknown') openCount++;
      halted[place] = result.kind === 'unknown' && search.wordCount() <= HALTED_WORD_COUNT_MAX ? search : undefined;
    }
    if (openCount === 0 || steps >= options.stepsMax || share >= options.stepsMax) break;
    if (results.some((result) => result.kind === 'violation')) break;
  }
  const findings: Finding[] = [];
  const byWeight = partitions.map((partition, place) => ({partition, result: results[place] as SearchResult<State>}));
  byWeight.sort((a, b) => weightOf(b.result) - weightOf(a.result)); // stable: partitions stay in order within a kind
  for (const {partition, result} of byWeight) {
    if (result.kind !== 'ok' && findings.length < FINDINGS_MAX) findings.push(describeResult(model, partition, result));
  }
  return {verdict: verdictOf(findings), findings, steps, partitionCount: partitions.length};
}

/** Violations before unknowns. */
function weightOf<State>(result: SearchResult<State>): number {
  return result.kind === 'violation' ? 2 : result.kind === 'unknown' ? 1 : 0;
}

/** A search that did not end well, as a finding with the ids of the calls. */
export function describeResult<State, Input, Output>(
  model: Model<State, Input, Output>,
  {key, calls}: Partition<Input, Output>,
  result: SearchResult<State>,
): Finding {
  const where = key === '' ? '' : ` of key ${JSON.stringify(key)}`;
  const idOf = (place: number) => (calls[place] as Call<Input, Output>).id;
  const shared = {
    check: 'linearizability',
    linearizations: result.partials.map((partial) => partial.slice(-LINEARIZATION_SIZE_MAX).map(idOf)),
    ...(key === '' ? {} : {key}),
  };
  if (result.kind === 'unknown') {
    return {...shared, kind: 'unknown', message: `no verdict on the history${where} within ${result.steps} steps`};
  }
  const stuck = result.stuckAt === undefined ? undefined : calls[result.stuckAt];
  const placed = `at most ${result.linearization.length} of ${calls.length} operations${where} can be put in order`;
  if (stuck === undefined) return {...shared, kind: 'violation', message: `not linearizable: ${placed}`};
  const what = model.describe(stuck.input, stuck.output);
  return {
    ...shared,
    kind: 'violation',
    message: `not linearizable: ${placed}, and operation ${stuck.id} of client ${stuck.client}, ${what}, fits none of them`,
    operations: [stuck.id],
  };
}
