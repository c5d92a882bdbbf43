// cli/main.ts: the command line. Exit codes: 0 all checks passed, 1 a violation was found, 2 bad usage or bad input, 3 no verdict
// within the budget. A user's mistake gets one line; a stack trace means that etcdsim itself is broken.
import {availableParallelism} from 'node:os';
import {Command, CommanderError, Option} from 'commander';
import {CODE_VERSION} from '../base/code-version.ts';
import {InputError} from '../base/input-error.ts';
import {addDataDir} from './data-dir-program.ts';
import {addErrata} from './errata-program.ts';
import {EXIT_INPUT} from './exit-code.ts';
import {addReal} from './real-program.ts';

const EXIT_CODES = `
Exit codes: 0 all checks passed, 1 a violation was found, 2 bad usage or bad input, 3 no verdict within the budget`;

const collect = (value: string, before: readonly string[]): string[] => [...before, value];

/** Sets the exit code from what a command returns. */
const exits =
  <A extends unknown[]>(act: (...given: A) => number | Promise<number>) =>
  async (...given: A): Promise<void> => {
    process.exitCode = await act(...given);
  };

function makeProgram(): Command {
  const program = new Command('etcdsim')
    .description('A deterministic cluster simulator and correctness tester for etcd.')
    .version(CODE_VERSION)
    .addHelpText('after', EXIT_CODES)
    .showHelpAfterError('(see --help)')
    .exitOverride();
  addRun(program);
  addScenarios(program);
  addReplay(program);
  addCheck(program);
  addReport(program);
  addCompare(program);
  addDataDir(program, exits);
  addErrata(program, exits);
  addReal(program, exits);
  program
    .command('demo', {hidden: true})
    .description('what `npm start` shows')
    .option('--jobs <n>', 'threads', String(Math.min(2, availableParallelism())))
    .action(exits(async (given: {jobs: string}) => (await import('./demo-command.ts')).demoCommand(given)));
  return program;
}

function addRun(program: Command): void {
  program
    .command('run')
    .description('run scenarios: one seed, or many')
    .argument('[scenario...]', "names as `etcdsim scenarios` lists them, or 'all'; none with --plan")
    .option('--seed <n>', 'one seed; drawn and printed when not given')
    .option('--seeds <a..b>', 'many seeds')
    .option('--jobs <n>', 'threads', '1')
    .addOption(new Option('--members <n>', 'members of the cluster').choices(['1', '3', '5']))
    .option('--release <x.y.z>', 'release the members play')
    .option('--path <a,b,…>', 'releases that the cluster goes through, in order, as in 3.4.23,3.5.16,3.6.0')
    .option('--history <name>', 'what the cluster has been through before: fresh, promoted-learner, …')
    .option('--plan <file>', 'an own plan, as `scenarios show --json` prints one, or that of a run record')
    .option('--for <duration>', 'length of the phase with faults, as in 60s')
    .option('--set <path=value>', 'change the drawn plan; may be repeated', collect, [])
    .option('--plant <name>', 'switch a deliberate defect on')
    .option('--out <folder>', 'where records and pages go (default: etcdsim-out, when something is found)')
    .option('--junit <file>', 'write a JUnit report')
    .option('--digests', 'print the digest of every run')
    .option('--twice', 'run each seed twice and compare digests')
    .option('--trace', 'print every event of the run')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExample: etcdsim run swarm --seeds 1..500 --jobs 2 --twice')
    .action(exits(async (names: string[], given) => (await import('./run-command.ts')).runCommand(names, given)));
}

function addScenarios(program: Command): void {
  const scenarios = program
    .command('scenarios')
    .description('list the scenarios')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExample: etcdsim scenarios show swarm --seed 7')
    .action(exits(async (given) => (await import('./scenarios-command.ts')).scenariosCommand(given)));
  scenarios
    .command('show')
    .description('one scenario, and the plan that a seed draws')
    .argument('<name>')
    .option('--seed <n>', 'the seed', '1')
    .option('--path <a,b,…>', 'releases that the cluster goes through, in order')
    .option('--history <name>', 'what the cluster has been through before')
    .option('--json', 'one JSON document on standard output')
    .action(
      exits(async (name: string, _given, command: Command) =>
        (await import('./scenarios-command.ts')).scenarioShowCommand(name, command.optsWithGlobals()),
      ),
    );
}

function addReplay(program: Command): void {
  program
    .command('replay')
    .description('run a record again: the same events, the same digest')
    .argument('<run.json>')
    .option('--until-event <n>', 'stop behind that event')
    .option('--trace', 'print every event')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExample: etcdsim replay etcdsim-out/swarm-7/run.json --until-event 120345 --trace')
    .action(exits(async (path: string, given) => (await import('./replay-command.ts')).replayCommand(path, given)));
}

function addCheck(program: Command): void {
  program
    .command('check')
    .description('judge recorded histories')
    .argument('<file...>', 'files, or folders of them')
    .option('--format <name>', 'auto, jepsen, porcupine-kv or etcdsim', 'auto')
    .option('--model <name>', 'model to judge by (default: what the format is about)')
    .option('--budget <steps>', 'steps of the search before the verdict is unknown')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExample: etcdsim check ../shared/data/jepsen-etcd/etcd_005.log')
    .action(exits(async (paths: string[], given) => (await import('./check-command.ts')).checkCommand(paths, given)));
}

function addCompare(program: Command): void {
  program
    .command('compare')
    .description('ask a real etcd and a simulated cluster the same, and look for a difference')
    .option('--etcd <path>', 'an etcd binary, or a folder with one')
    .option('--release <x.y.z>', 'the release that is simulated (default: what the binary says it is)')
    .option('--members <1|3>', 'members of both clusters', '1')
    .option('--seed <n>', 'the seed of the sequence (default: drawn, and printed)')
    .option('--seeds <a..b>', 'several sequences')
    .option('--ops <n>', 'operations in a sequence', '2000')
    .option('--no-shrink', 'do not look for the smallest sequence with a difference')
    .addOption(new Option('--self', 'two real clusters, to see what may differ').hideHelp())
    .option('--rules', 'print what is not compared, and why')
    .option('--json', 'one JSON document on standard output')
    .addHelpText('after', '\nExample: etcdsim compare --etcd ~/.cache/real-etcd/3.5.16 --members 3 --seed 7 --ops 500')
    .action(exits(async (given) => (await import('./compare-command.ts')).compareCommand(given)));
}

function addReport(program: Command): void {
  program
    .command('report')
    .description('make the page of a run')
    .argument('<run.json>')
    .option('--out <file.html>', 'where to put it (default: beside the record)')
    .option('--open', 'open it in the browser')
    .addHelpText('after', '\nExample: etcdsim report etcdsim-out/swarm-7/run.json --open')
    .action(exits(async (path: string, given) => (await import('./report-command.ts')).reportCommand(path, given)));
}

try {
  await makeProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_INPUT;
  else if (error instanceof InputError) {
    console.error(`etcdsim: ${error.message}`);
    process.exitCode = EXIT_INPUT;
  } else throw error;
}
