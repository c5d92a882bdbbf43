// tools/upgrades.ts: `npm run upgrades`: the README's table of upgrade paths. Each row is one path, walked from several seeds under
// traffic and judged; the row says how many runs were right and, where one was not, which check spoke first.
// Options: --seeds <how many> (20), --jobs <threads> (1), --json. Exit code 1: a path came out otherwise than this table expects.
import {parseArgs} from 'node:util';
import {InputError} from '../base/input-error.ts';
import type {JobResult} from '../campaign/job.ts';
import {runPool} from '../campaign/pool.ts';
import {tableLines} from '../cli/table.ts';
import {parseCount} from '../cli/values.ts';

/** A way that operators go, or were told not to go. */
interface Path {
  readonly scenario: string;
  readonly path: string;
  readonly history: string;
  /** What etcd's documentation and issues say of it: `bug` paths must be found by some seed, the others by none. */
  readonly known: 'safe' | 'bug';
}

const PATHS: readonly Path[] = [
  {scenario: 'rolling-upgrade', path: '3.1.20,3.2.32', history: 'fresh', known: 'safe'},
  {scenario: 'rolling-upgrade', path: '3.2.32,3.3.25', history: 'fresh', known: 'safe'},
  {scenario: 'rolling-upgrade', path: '3.3.25,3.4.23,3.5.16', history: 'fresh', known: 'safe'},
  {scenario: 'rolling-upgrade', path: '3.4.45,3.5.33,3.6.14', history: 'replaced-member', known: 'safe'},
  {scenario: 'rolling-upgrade', path: '3.6.14,3.7.1', history: 'restored', known: 'safe'},
  // What 3.5 members wrote in the v2 form is in the log still when 3.7 reads it: open upstream, errata UM-16.
  {scenario: 'rolling-upgrade', path: '3.5.33,3.6.14,3.7.1', history: 'fresh', known: 'bug'},
  // What health checks before 3.4.29 leave in the log ends 3.6: errata UM-10.
  {scenario: 'rolling-upgrade', path: '3.4.23,3.5.33,3.6.14', history: 'fresh', known: 'bug'},
  {scenario: 'rolling-upgrade', path: '3.5.19,3.6.14', history: 'promoted-learner', known: 'bug'},
  {scenario: 'rolling-upgrade', path: '3.5.26,3.6.14', history: 'promoted-learner', known: 'safe'},
  {scenario: 'rolling-downgrade', path: '3.6.14,3.5.33', history: 'fresh', known: 'safe'},
  {scenario: 'upgrade-then-rollback', path: '3.5.33,3.6.14', history: 'fresh', known: 'safe'},
];

interface PathRow extends Path {
  readonly runs: number;
  readonly ok: number;
  readonly operations: number;
  /** Of the first seed with a finding; empty: none. */
  readonly finding: string;
  readonly reproduce: string;
}

async function walk(path: Path, seeds: number, threadCount: number): Promise<PathRow> {
  const overrides = [
    {path: 'path', value: path.path},
    {path: 'history', value: path.history},
  ];
  const results: JobResult[] = [];
  const jobs = Array.from({length: seeds}, (_, index) => index + 1).map((seed) => ({
    scenario: path.scenario,
    seed,
    overrides,
    twice: false,
    wantRecord: false,
  }));
  await runPool({jobs, threadCount, onResult: (result) => results.push(result)});
  results.sort((a, b) => a.seed - b.seed);
  const first = results.find(({verdict}) => verdict !== 'ok');
  const finding = first?.findings.find(({kind}) => kind === 'violation');
  return {
    ...path,
    runs: results.length,
    ok: results.filter(({verdict}) => verdict === 'ok').length,
    operations: results.reduce((sum, {operationCount}) => sum + operationCount, 0),
    finding: first === undefined ? '' : `${finding?.check ?? first.verdict}: ${finding?.message ?? ''}`,
    reproduce: `bin/etcdsim run ${path.scenario} --path ${path.path} --history ${path.history} --seed ${first?.seed ?? 1}`,
  };
}

const asExpected = ({known, ok, runs}: PathRow): boolean => (known === 'bug' ? ok < runs : ok === runs);

function report(rows: readonly PathRow[]): string[] {
  const cells = rows.map(({scenario, path, history, runs, ok, operations, known}) => {
    const verdict = ok === runs ? 'clean' : known === 'bug' ? 'found' : 'NOT CLEAN';
    return [scenario, path.replaceAll(',', ' -> '), history, `${ok}/${runs}`, String(operations), verdict];
  });
  const lines = tableLines(['scenario', 'path', 'history', 'ok', 'operations', 'verdict'], cells);
  for (const {finding, reproduce} of rows) if (finding !== '') lines.push('', finding, `  again: ${reproduce}`);
  return lines;
}

async function main(): Promise<number> {
  const {values} = parseArgs({
    options: {seeds: {type: 'string'}, jobs: {type: 'string'}, json: {type: 'boolean', default: false}},
  });
  const seeds = parseCount(values.seeds ?? '20', '--seeds', 1, 10_000);
  const threadCount = parseCount(values.jobs ?? '1', '--jobs', 1, 64);
  const rows: PathRow[] = [];
  for (const path of PATHS) rows.push(await walk(path, seeds, threadCount));
  if (values.json) console.log(JSON.stringify(rows, undefined, 2));
  else for (const line of report(rows)) console.log(line);
  return rows.every(asExpected) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof InputError || (error instanceof TypeError && 'code' in error))) throw error;
  console.error(`upgrades: ${error.message}`);
  process.exitCode = 2;
}
