// tools/oracle.ts: runs files whose right answers are known. `npm run oracle -- raft <dir> [--rewrite]`
// raft: data-driven files of etcd's raft library (interaction, confchange, quorum), searched recursively. Each failing file is
// printed with its first difference; the last line is 'N passed, M failed'.
// Exit codes: 0 all passed, 1 some failed, 2 bad usage, a missing directory or a file that cannot be read as such.
import {readdirSync, readFileSync, realpathSync, statSync, writeFileSync} from 'node:fs';
import {join, resolve, sep} from 'node:path';
import {InputError} from '../base/input-error.ts';
import {describeDifference, rewriteSuiteFile, runSuiteFile} from '../server-core/raft/lab/runners.ts';

const USAGE = 'usage: npm run oracle -- raft <dir> [--rewrite]';

/** Runs the tool; lines go to `print`. Returns the exit code. */
export function runOracle(args: readonly string[], print: (line: string) => void): number {
  try {
    const options = args.filter((arg) => arg.startsWith('--'));
    const [suite, directory, ...more] = args.filter((arg) => !arg.startsWith('--'));
    const unknown = options.find((option) => option !== '--rewrite');
    if (unknown !== undefined) throw new InputError(`unknown option ${unknown}; ${USAGE}`);
    if (suite !== 'raft' || directory === undefined || more.length > 0) throw new InputError(USAGE);
    const files = filesBelow(directory);
    return options.includes('--rewrite') ? rewriteAll(directory, files, print) : runAll(files, print);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    print(error.message);
    return 2;
  }
}

/** Every file below a directory (or the file itself), in order of names; hidden ones and README.md are no test data. */
function filesBelow(path: string): string[] {
  const stat = statSync(path, {throwIfNoEntry: false});
  if (stat === undefined) throw new InputError(`no such directory: ${path}`);
  if (stat.isFile()) return [path];
  const names = readdirSync(path).filter((name) => !name.startsWith('.') && name !== 'README.md');
  const files = names.sort().flatMap((name) => filesBelow(join(path, name)));
  if (files.length === 0) throw new InputError(`no files in ${path}`);
  return files;
}

function runAll(files: readonly string[], print: (line: string) => void): number {
  let failed = 0;
  for (const file of files) {
    const difference = withFileName(file, () => runSuiteFile(file, readText(file)));
    if (difference === undefined) continue;
    failed++;
    print(`FAIL ${describeDifference(file, difference)}`);
  }
  print(`${files.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** An InputError from inside a file names the file. */
function withFileName<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof InputError) || error.message.startsWith(file)) throw error;
    throw new InputError(`${file}: ${error.message}`);
  }
}

/** Bytes that are no UTF-8 are no test data. */
function readText(file: string): string {
  try {
    return new TextDecoder('utf-8', {fatal: true}).decode(readFileSync(file));
  } catch {
    throw new InputError(`${file}: not a text file`);
  }
}

function rewriteAll(directory: string, files: readonly string[], print: (line: string) => void): number {
  const inside = realpathSync(directory);
  const shared = realSharedFolders();
  if (shared.some((folder) => inside === folder || inside.startsWith(folder + sep))) {
    throw new InputError(`${directory} belongs to the oracle: its expected outputs are not ours to rewrite`);
  }
  for (const file of files) {
    const text = readText(file);
    const rewritten = withFileName(file, () => rewriteSuiteFile(file, text));
    if (rewritten === text) continue;
    writeFileSync(file, rewritten);
    print(`rewrote ${file}`);
  }
  return 0;
}

function realSharedFolders(): string[] {
  const candidates = [resolve(import.meta.dirname, '../../shared'), process.env['ETCDSIM_ORACLES'] ?? ''];
  return candidates
    .filter((path) => path !== '' && statSync(path, {throwIfNoEntry: false}) !== undefined)
    .map((path) => realpathSync(path));
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === realpathSync(import.meta.filename)) {
  process.exitCode = runOracle(process.argv.slice(2), (line) => console.log(line));
}
