// scenarios/run-scenario.ts: a scenario and a seed to a run record: draw the plan, change it as asked, run it.
import type {RunRecord} from '../history/run-record.ts';
import {SCENARIOS} from './catalog.ts';
import {drawPlan} from './draw.ts';
import type {PlanOverride} from './overrides.ts';
import {applyOverrides} from './overrides.ts';
import type {Plan} from './plan.ts';
import {runPlan} from './run.ts';
import {findScenario} from './scenario.ts';

export interface RunScenarioOptions {
  readonly seed: number;
  readonly plant?: string | undefined;
  readonly overrides?: readonly PlanOverride[];
}

/** The plan of a seed, with overrides; InputError for an unknown scenario or an override that does not fit. */
export function planOf(scenarioName: string, {seed, overrides = []}: RunScenarioOptions): Plan {
  return applyOverrides(drawPlan(findScenario(SCENARIOS, scenarioName).plans, seed), overrides);
}

/** Runs one seed and judges it. */
export function runScenario(scenarioName: string, options: RunScenarioOptions): RunRecord {
  const plan = planOf(scenarioName, options);
  const {seed, plant, overrides} = options;
  return runPlan(plan, {seed, plant, overrides}).record;
}
