// scenarios/run-scenario.ts: a scenario and a seed to a run record: draw the plan, change it as asked, run it.
import type * as fc from 'fast-check';
import {InputError} from '../base/input-error.ts';
import type {RunRecord} from '../history/run-record.ts';
import {SCENARIOS} from './catalog.ts';
import {drawPlan} from './draw.ts';
import type {PlanOverride} from './overrides.ts';
import {applyOverrides} from './overrides.ts';
import type {Plan} from './plan.ts';
import {runPlan} from './run.ts';
import type {LifeChoice, Scenario} from './scenario.ts';
import {findScenario} from './scenario.ts';

export interface RunScenarioOptions {
  readonly seed: number;
  readonly plant?: string | undefined;
  readonly overrides?: readonly PlanOverride[];
}

/** The plan of a seed, with overrides; InputError for an unknown scenario or an override that does not fit. */
export function planOf(scenarioName: string, {seed, overrides = []}: RunScenarioOptions): Plan {
  const scenario = findScenario(SCENARIOS, scenarioName);
  const {choice, rest} = splitOverrides(scenario, overrides);
  return applyOverrides(drawPlan(arbitraryOf(scenario, choice), seed), rest);
}

function arbitraryOf(scenario: Scenario, choice: LifeChoice): fc.Arbitrary<Plan> {
  if (scenario.plansFor !== undefined) return scenario.plansFor(choice);
  if (choice.path === undefined && choice.history === undefined) return scenario.plans;
  const option = choice.path === undefined ? '--history' : '--path';
  throw new InputError(
    `${option}: ${scenario.name} has no path of releases; rolling-upgrade has one (all: etcdsim scenarios)`,
  );
}

/** `path`, `history` and, where there is a path, the number of members decide what is drawn; all others change what was drawn. */
function splitOverrides(
  {plansFor, name}: Scenario,
  overrides: readonly PlanOverride[],
): {readonly choice: LifeChoice; readonly rest: readonly PlanOverride[]} {
  let choice: LifeChoice = {};
  const rest: PlanOverride[] = [];
  for (const override of overrides) {
    const {path, value} = override;
    if (path === 'path') choice = {...choice, path: pathOf(value)};
    else if (path === 'history') choice = {...choice, history: String(value)};
    else if (path === 'cluster.memberCount' && plansFor !== undefined)
      choice = {...choice, memberCount: countOf(value)};
    else if (path === 'cluster.release' && plansFor !== undefined) {
      throw new InputError(
        `--release: ${name} goes through several; name them with --path, as in --path 3.4.23,3.5.16`,
      );
    } else rest.push(override);
  }
  return {choice, rest};
}

/** `3.4.23,3.5.16` or a JSON list of them. */
function pathOf(value: unknown): string[] {
  const parts: readonly unknown[] = Array.isArray(value) ? value : String(value).split(',');
  return parts.map((part) => String(part).trim());
}

function countOf(value: unknown): 1 | 3 | 5 {
  if (value === 1 || value === 3 || value === 5) return value;
  throw new InputError(`--members ${String(value)}: 1, 3 or 5`);
}

/** Runs one seed and judges it. */
export function runScenario(scenarioName: string, options: RunScenarioOptions): RunRecord {
  const plan = planOf(scenarioName, options);
  const {seed, plant, overrides} = options;
  return runPlan(plan, {seed, plant, overrides}).record;
}
