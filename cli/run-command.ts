// cli/run-command.ts: `etcdsim run`: one seed, or many of one, some or all scenarios.
import {randomInt} from 'node:crypto';
import {InputError} from '../base/input-error.ts';
import type {Job, JobResult} from '../campaign/job.ts';
import {junitXml} from '../campaign/junit.ts';
import {runPool} from '../campaign/pool.ts';
import {CampaignSummary} from '../campaign/summary.ts';
import {SCENARIOS} from '../scenarios/catalog.ts';
import type {PlanOverride} from '../scenarios/overrides.ts';
import {PLAN_FILE, parseOverride} from '../scenarios/overrides.ts';
import {parsePlan} from '../scenarios/plan.ts';
import {findPlant} from '../scenarios/plants.ts';
import {planOf} from '../scenarios/run-scenario.ts';
import {findScenario} from '../scenarios/scenario.ts';
import {checkRelease} from '../server-core/release/released.ts';
import {exitCodeOf} from './exit-code.ts';
import {readText, writeText} from './files.ts';
import {campaignLines, runLines} from './print-run.ts';
import {Progress} from './progress.ts';
import {differenceLines, printTrace} from './replay-command.ts';
import {optionsLine, reproduceLine} from './reproduce.ts';
import {saveCampaign, saveFailure, saveRecord} from './save.ts';
import type {SeedRange} from './values.ts';
import {parseCount, parseDurationUs, parseSeed, parseSeeds} from './values.ts';

/** The options as commander hands them over. */
export interface RunArguments {
  readonly seed?: string;
  readonly seeds?: string;
  readonly jobs: string;
  readonly members?: string;
  readonly release?: string;
  readonly path?: string;
  readonly history?: string;
  readonly plan?: string;
  readonly for?: string;
  readonly set: readonly string[];
  readonly plant?: string;
  readonly out?: string;
  readonly junit?: string;
  readonly digests?: boolean;
  readonly twice?: boolean;
  readonly trace?: boolean;
  readonly json?: boolean;
}

/** Where records go when something was found and --out does not say. */
const DEFAULT_OUT = 'etcdsim-out';
/** Records and pages are kept for so many failures of one campaign; the table counts all. */
const SAVED_FAILURES_MAX = 20;

/** Runs and prints; returns the exit code. */
export async function runCommand(names: readonly string[], given: RunArguments): Promise<number> {
  const own = given.plan === undefined ? undefined : readPlan(given.plan);
  if (own !== undefined && names.length > 0) throw new InputError('give a scenario or --plan, not both');
  if (own !== undefined && (given.path ?? given.history) !== undefined)
    throw new InputError('--path and --history draw steps; the steps of --plan are those of its file');
  if (own === undefined && names.length === 0)
    throw new InputError("name a scenario, 'all', or a plan with --plan; there are those of `etcdsim scenarios`");
  const scenarios = scenarioNames(own === undefined ? names : [own.scenario]);
  const overrides = [...(own === undefined ? [] : [own.override]), ...overridesOf(given)];
  if (given.plant !== undefined) findPlant(given.plant);
  if (given.seed !== undefined && given.seeds !== undefined) throw new InputError('give --seed or --seeds, not both');
  const threadCount = parseCount(given.jobs, '--jobs', 1, 256);
  const first = given.seed === undefined ? randomInt(2 ** 31) : parseSeed(given.seed);
  const range = given.seeds === undefined ? {first, last: first} : parseSeeds(given.seeds);
  for (const scenario of scenarios) planOf(scenario, {seed: range.first, overrides}); // refuses a bad override before anything runs
  const base = {plant: given.plant, overrides, twice: given.twice ?? false};
  if (range.first === range.last && scenarios.length === 1) {
    return runOne({...base, scenario: scenarios[0] ?? '', seed: range.first, wantRecord: true}, given);
  }
  if (given.trace === true) throw new InputError('--trace goes with one scenario and one seed');
  return runMany(scenarios, range, base, threadCount, given);
}

/** A plan, alone or as `plan` of a larger document. */
function readPlan(file: string): {readonly scenario: string; readonly override: PlanOverride} {
  let json: unknown;
  try {
    json = JSON.parse(readText(file));
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new InputError(`${file}: not JSON: ${error.message.replaceAll(/\s+/g, ' ')}`);
    throw error;
  }
  const wrapped = typeof json === 'object' && json !== null && 'plan' in json ? json.plan : undefined;
  const plan = parsePlan(wrapped ?? json, file);
  return {scenario: plan.scenario, override: {path: `${PLAN_FILE}${file}`, value: plan}};
}

function scenarioNames(names: readonly string[]): string[] {
  if (names.length === 1 && names[0] === 'all') return SCENARIOS.map(({name}) => name);
  return names.flatMap((name) => name.split(',')).map((name) => findScenario(SCENARIOS, name).name);
}

function overridesOf(given: RunArguments): PlanOverride[] {
  const overrides = given.set.map(parseOverride);
  if (given.members !== undefined) {
    overrides.push({path: 'cluster.memberCount', value: parseCount(given.members, '--members', 1, 5)});
  }
  if (given.release !== undefined)
    overrides.push({path: 'cluster.release', value: checkRelease(given.release, '--release')});
  if (given.path !== undefined) overrides.push({path: 'path', value: given.path});
  if (given.history !== undefined) overrides.push({path: 'history', value: given.history});
  if (given.for !== undefined) overrides.push({path: 'safetyUs', value: parseDurationUs(given.for, '--for')});
  return overrides;
}

async function runOne(job: Job, given: RunArguments): Promise<number> {
  let result: JobResult | undefined;
  await runPool({jobs: [job], threadCount: 1, onResult: (got) => (result = got)});
  if (result === undefined) throw new Error('the run gave no result');
  const saved =
    given.out !== undefined || result.verdict !== 'ok' ? await saveRecord(result, given.out ?? DEFAULT_OUT) : undefined;
  if (given.trace === true) printTrace(job);
  if (given.json === true) process.stdout.write(result.record ?? '');
  else {
    for (const line of runLines(result, job, saved)) console.log(line);
    if (result.otherDigest !== undefined) for (const line of differenceLines(job)) console.log(line);
  }
  return result.otherDigest === undefined ? exitCodeOf(result.verdict) : 1;
}

async function runMany(
  scenarios: readonly string[],
  range: SeedRange,
  base: Pick<Job, 'plant' | 'overrides' | 'twice'>,
  threadCount: number,
  given: RunArguments,
): Promise<number> {
  const summary = new CampaignSummary(scenarios);
  const seedCount = range.last - range.first + 1;
  const progress = new Progress(scenarios.length * seedCount);
  const startedMs = performance.now();
  await runPool({
    jobs: jobsOf(scenarios, range, base),
    threadCount,
    onResult: (result) => {
      summary.add(result);
      progress.add(result.findings.length > 0);
    },
  });
  progress.stop();
  const seconds = (performance.now() - startedMs) / 1000;
  const out = given.out ?? DEFAULT_OUT;
  const saved = [];
  for (const failure of summary.failures.slice(0, SAVED_FAILURES_MAX)) saved.push(await saveFailure(failure, out));
  const reproduce = (failure: {scenario: string; seed: number}) => reproduceLine(failure, base);
  const wantsPage = given.out !== undefined || summary.failures.length > 0;
  const page = wantsPage
    ? await saveCampaign(summary, {out, saved, reproduce, command: commandLine(scenarios, range, base)})
    : undefined;
  if (given.junit !== undefined) writeText(given.junit, junitXml(summary, reproduce));
  if (given.json === true) console.log(JSON.stringify(summaryJson(summary, seconds, reproduce)));
  else for (const line of campaignLines(summary, {seconds, saved, reproduce, page})) console.log(line);
  if (given.digests === true) for (const line of summary.digestLines()) console.log(line);
  return exitCodeOf(summary.verdict);
}

function* jobsOf(
  scenarios: readonly string[],
  {first, last}: SeedRange,
  base: Pick<Job, 'plant' | 'overrides' | 'twice'>,
): Generator<Job> {
  for (let seed = first; seed <= last; seed++) {
    for (const scenario of scenarios) yield {...base, scenario, seed, wantRecord: false};
  }
}

function summaryJson(
  summary: CampaignSummary,
  seconds: number,
  reproduce: (failure: {scenario: string; seed: number}) => string,
) {
  return {
    verdict: summary.verdict,
    seconds: Math.round(seconds * 1000) / 1000,
    scenarios: summary.scenarios,
    failures: summary.failures.map(({record: _record, ...failure}) => ({...failure, reproduce: reproduce(failure)})),
    marks: summary.marks,
  };
}

/** The command that runs all of it again. */
function commandLine(
  scenarios: readonly string[],
  {first, last}: SeedRange,
  base: Pick<Job, 'plant' | 'overrides'>,
): string {
  const names = scenarios.length === SCENARIOS.length ? 'all' : scenarios.join(' ');
  return ['bin/etcdsim run', names, `--seeds ${first}..${last}`, ...optionsLine(base)].join(' ');
}
