// tools/plants.ts: `npm run plants`: proof that the checks bite. Each deliberate defect must be found within 200 seeds, and 2,000 seeds
// without a defect must find nothing. Prints how many seeds and seconds each took, and which check found it.
// Options: --only <name>, --clean <seeds without a defect> (0: skip that part, and say so), --jobs <threads>, --json.
import {parseArgs} from 'node:util';
import {InputError} from '../base/input-error.ts';
import type {Job, JobResult} from '../campaign/job.ts';
import {runPool} from '../campaign/pool.ts';
import {CampaignSummary} from '../campaign/summary.ts';
import {tableLines} from '../cli/table.ts';
import {parseCount} from '../cli/values.ts';
import {SCENARIOS} from '../scenarios/catalog.ts';
import type {Plant} from '../scenarios/plants.ts';
import {findPlant, PLANTS} from '../scenarios/plants.ts';

const SEEDS_MAX = 200;
const CLEAN_SEEDS = 2_000;

interface PlantRow {
  readonly plant: string;
  readonly scenario: string;
  readonly found: boolean;
  /** Seeds tried until found, the one that found it included. */
  readonly seeds: number;
  readonly seconds: number;
  readonly check: string;
  readonly message: string;
  readonly reproduce: string;
}

const elapsed = (sinceMs: number): number => Math.round((performance.now() - sinceMs) / 10) / 100;

async function searchPlant(plant: Plant, threadCount: number): Promise<PlantRow> {
  const startedMs = performance.now();
  let first: JobResult | undefined;
  function* jobs(): Generator<Job> {
    for (let seed = 1; seed <= SEEDS_MAX; seed++) {
      yield {scenario: plant.scenario, seed, plant: plant.name, overrides: [], twice: false, wantRecord: false};
    }
  }
  await runPool({
    jobs: jobs(),
    threadCount,
    stop: () => first !== undefined,
    onResult: (result) => {
      if (result.verdict === 'violation' && (first === undefined || result.seed < first.seed)) first = result;
    },
  });
  const finding = first?.findings.find(({kind}) => kind === 'violation');
  return {
    plant: plant.name,
    scenario: plant.scenario,
    found: first !== undefined,
    seeds: first?.seed ?? SEEDS_MAX,
    seconds: elapsed(startedMs),
    check: finding?.check ?? 'not found',
    message: finding?.message ?? '',
    reproduce: `bin/etcdsim run ${plant.scenario} --seed ${first?.seed ?? 1} --plant ${plant.name}`,
  };
}

async function runClean(seedCount: number, threadCount: number) {
  const startedMs = performance.now();
  const names = SCENARIOS.map(({name}) => name);
  const summary = new CampaignSummary(names);
  function* jobs(): Generator<Job> {
    for (let i = 0; i < seedCount; i++) {
      const scenario = names[i % names.length] ?? '';
      yield {scenario, seed: 1 + Math.floor(i / names.length), overrides: [], twice: false, wantRecord: false};
    }
  }
  await runPool({jobs: jobs(), threadCount, onResult: (result) => summary.add(result)});
  const {failures} = summary;
  return {seeds: seedCount, findings: failures.length, seconds: elapsed(startedMs), failures: failures.slice(0, 10)};
}

async function main(): Promise<number> {
  const {values} = parseArgs({
    options: {
      only: {type: 'string'},
      clean: {type: 'string', default: String(CLEAN_SEEDS)},
      jobs: {type: 'string', default: '2'},
      json: {type: 'boolean', default: false},
    },
  });
  const plants = values.only === undefined ? PLANTS : [findPlant(values.only)];
  const threadCount = parseCount(values.jobs, '--jobs', 1, 256);
  const cleanSeeds = parseCount(values.clean, '--clean', 0, 1_000_000);
  const rows: PlantRow[] = [];
  for (const plant of plants) rows.push(await searchPlant(plant, threadCount));
  const clean = cleanSeeds === 0 ? undefined : await runClean(cleanSeeds, threadCount);
  if (values.json) console.log(JSON.stringify({plants: rows, clean}));
  else {
    const cells = rows.map((row) => [row.plant, row.scenario, String(row.seeds), `${row.seconds} s`, row.check]);
    for (const line of tableLines(['plant', 'scenario', 'seeds', 'time', 'found by'], cells)) console.log(line);
    for (const row of rows) console.log(`\n${row.plant}: ${row.message || 'NOT FOUND'}\n  again: ${row.reproduce}`);
    if (clean === undefined) console.log('\nwithout a plant: skipped (--clean 0)');
    else {
      console.log(`\nwithout a plant: ${clean.seeds} seeds, ${clean.findings} findings, ${clean.seconds} s`);
      for (const {scenario, seed, check, message} of clean.failures)
        console.log(`  ${scenario} seed ${seed}: ${check}: ${message}`);
    }
  }
  return rows.every(({found}) => found) && (clean?.findings ?? 0) === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof InputError) && !(error instanceof TypeError)) throw error;
  console.error(`plants: ${(error as Error).message}`);
  process.exitCode = 2;
}
