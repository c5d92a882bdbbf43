// cli/demo-command.ts: `npm start`: what etcdsim does, in less than a minute: all scenarios, a page to open, and one planted defect found.
import {InputError} from '../base/input-error.ts';
import type {Job, JobResult} from '../campaign/job.ts';
import {runPool} from '../campaign/pool.ts';
import {SCENARIOS} from '../scenarios/catalog.ts';
import {PLANTS} from '../scenarios/plants.ts';
import {runLines} from './print-run.ts';
import {runCommand} from './run-command.ts';
import {saveRecord} from './save.ts';

const SEEDS = '1..20';
const PLANT = 'ack-before-fsync';
const PLANT_SEEDS_MAX = 200;
const OUT = 'etcdsim-out';

/** Returns the exit code: 0 when the healthy code passes and the planted defect is found. */
export async function demoCommand({jobs}: {readonly jobs: string}): Promise<number> {
  console.log(`etcdsim: ${SCENARIOS.length} scenarios, seeds ${SEEDS} each, on ${jobs} threads`);
  const code = await runCommand(['all'], {seeds: SEEDS, jobs, set: [], out: OUT});
  console.log('\nOne of these runs as a page:');
  const shown = await search([{scenario: 'swarm', seed: 3, overrides: [], twice: false, wantRecord: true}], () => true);
  console.log(`  ${shown === undefined ? 'none' : (await saveRecord(shown, OUT))?.page}`);
  console.log(`\nThe same with a planted defect (${PLANT}: ${PLANTS.find(({name}) => name === PLANT)?.summary}):`);
  const found = await search(plantJobs(), ({verdict}) => verdict === 'violation');
  if (found === undefined) {
    console.log(`not found within ${PLANT_SEEDS_MAX} seeds`);
    return 1;
  }
  const job: Job = {
    scenario: found.scenario,
    seed: found.seed,
    plant: PLANT,
    overrides: [],
    twice: false,
    wantRecord: true,
  };
  for (const line of runLines(found, job, await saveRecord(found, OUT))) console.log(line);
  return code;
}

function* plantJobs(): Generator<Job> {
  const scenario = PLANTS.find(({name}) => name === PLANT)?.scenario;
  if (scenario === undefined) throw new InputError(`no plant ${PLANT}`);
  for (let seed = 1; seed <= PLANT_SEEDS_MAX; seed++) {
    yield {scenario, seed, plant: PLANT, overrides: [], twice: false, wantRecord: true};
  }
}

/** The first result that satisfies. */
async function search(jobs: Iterable<Job>, holds: (result: JobResult) => boolean): Promise<JobResult | undefined> {
  let found: JobResult | undefined;
  await runPool({
    jobs,
    threadCount: 1,
    stop: () => found !== undefined,
    onResult: (result) => {
      if (holds(result)) found ??= result;
    },
  });
  return found;
}
