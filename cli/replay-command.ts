// cli/replay-command.ts: `etcdsim replay <run.json>`: the same run again, from its plan and seed, with its full trace if wanted.
import type {Job} from '../campaign/job.ts';
import {decodeRunRecord} from '../history/run-record.ts';
import {parsePlan} from '../scenarios/plan.ts';
import {findPlant} from '../scenarios/plants.ts';
import type {RunOutcome} from '../scenarios/run.ts';
import {runPlan} from '../scenarios/run.ts';
import {planOf} from '../scenarios/run-scenario.ts';
import {firstDifference, formatTraceLine} from '../sim/trace.ts';
import {exitCodeOf} from './exit-code.ts';
import {readText} from './files.ts';
import {parseCount} from './values.ts';

export interface ReplayArguments {
  readonly untilEvent?: string;
  readonly trace?: boolean;
  readonly json?: boolean;
}

/** Replays a record and says whether the digest is the recorded one; returns the exit code. */
export function replayCommand(path: string, given: ReplayArguments): number {
  const recorded = decodeRunRecord(readText(path), path);
  const plan = parsePlan(recorded.plan, path);
  if (recorded.plant !== undefined) findPlant(recorded.plant);
  const untilEvent =
    given.untilEvent === undefined
      ? undefined
      : parseCount(given.untilEvent, '--until-event', 1, Number.MAX_SAFE_INTEGER);
  const {seed, plant, overrides} = recorded;
  const options = {seed, plant, overrides: overrides ?? [], traced: given.trace ?? false, untilEvent};
  const outcome = runPlan(plan, options);
  if (given.json === true) console.log(JSON.stringify(outcome.record));
  else print(outcome);
  if (untilEvent !== undefined) {
    if (given.json !== true) console.log(`stopped behind event ${outcome.record.statistics.eventCount}`);
    return exitCodeOf(outcome.record.verdict);
  }
  const isSame = outcome.record.digest === recorded.digest;
  if (given.json !== true) {
    console.log(`digest ${outcome.record.digest}${isSame ? ', as recorded' : `, recorded was ${recorded.digest}`}`);
    if (!isSame)
      console.log(`the record was made by etcdsim ${recorded.codeVersion}: another version may run another way`);
  }
  return isSame ? exitCodeOf(outcome.record.verdict) : 1;
}

/** Runs a job again with full tracing and prints the trace. */
export function printTrace({scenario, seed, plant, overrides}: Job): void {
  printLines(runPlan(planOf(scenario, {seed, overrides}), {seed, plant, traced: true}));
}

/** The first event in which two runs of one seed differ; for a digest that was not the same twice. */
export function differenceLines({scenario, seed, plant, overrides}: Job): string[] {
  const run = () => runPlan(planOf(scenario, {seed, overrides}), {seed, plant, traced: true}).trace;
  const difference = firstDifference(run(), run());
  if (difference === undefined) return ['two traced runs were equal: run it again to catch the difference'];
  const {first = 'nothing', second = 'nothing'} = difference;
  return ['the first event that differs:', `  first run:  ${first}`, `  second run: ${second}`];
}

function print(outcome: RunOutcome): void {
  printLines(outcome);
  const {scenario, seed, verdict, findings} = outcome.record;
  console.log(`${scenario} seed ${seed}: ${verdict}`);
  for (const {check, message} of findings) console.log(`${check}: ${message}`);
}

function printLines({trace}: RunOutcome): void {
  for (const line of trace) console.log(formatTraceLine(line));
}
