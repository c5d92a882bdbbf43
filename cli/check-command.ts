// cli/check-command.ts: `etcdsim check <file…>`: judges recorded histories: Jepsen logs, Porcupine KV logs, etcdsim's own records.
import {readdirSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {InputError} from '../base/input-error.ts';
import type {CheckedHistory, HistoryFormat, HistoryModel} from '../checkers/check-history.ts';
import {createHistoryChecker} from '../checkers/check-history.ts';
import type {VerdictKind} from '../history/verdict.ts';
import {exitCodeOf} from './exit-code.ts';
import {readTextChunks} from './files.ts';
import {parseCount} from './values.ts';

const FORMATS: readonly (HistoryFormat | 'auto')[] = ['auto', 'jepsen', 'porcupine-kv', 'etcdsim'];
const MODELS: readonly HistoryModel[] = ['register', 'kv', 'kv-whole', 'etcd'];

export interface CheckArguments {
  readonly format: string;
  readonly model?: string;
  readonly budget?: string;
  readonly json?: boolean;
}

/** Judges each file; returns the worst exit code. */
export function checkCommand(paths: readonly string[], given: CheckArguments): number {
  const format = oneOf(given.format, FORMATS, '--format');
  const model = given.model === undefined ? undefined : oneOf(given.model, MODELS, '--model');
  const budget =
    given.budget === undefined ? undefined : parseCount(given.budget, '--budget', 1, Number.MAX_SAFE_INTEGER);
  const files = paths.flatMap(filesOf);
  const results = files.map((path) => ({path, ...judge(path, format, model, budget)}));
  if (given.json === true) console.log(JSON.stringify(results));
  else for (const result of results) printResult(result);
  const verdicts = results.map(({verdict}) => verdict);
  const worst: VerdictKind = verdicts.includes('violation')
    ? 'violation'
    : verdicts.includes('unknown')
      ? 'unknown'
      : 'ok';
  return exitCodeOf(worst);
}

function judge(
  path: string,
  format: HistoryFormat | 'auto',
  model: HistoryModel | undefined,
  budget: number | undefined,
): CheckedHistory {
  const check = createHistoryChecker({place: path, format, model, budget});
  for (const chunk of readTextChunks(path)) check.push(chunk);
  return check.finish();
}

function printResult({path, verdict, model, operationCount, findings}: {readonly path: string} & CheckedHistory): void {
  console.log(`${path}: ${verdict} (${model}, ${operationCount} operations)`);
  for (const {check, message} of findings) console.log(`  ${check}: ${message}`);
}

/** A file, or the files of a folder that look like histories, by name. */
function filesOf(path: string): string[] {
  const stat = statSync(path, {throwIfNoEntry: false});
  if (stat === undefined) throw new InputError(`${path}: there is no such file or folder`);
  if (!stat.isDirectory()) return [path];
  const names = readdirSync(path)
    .filter((name) => /\.(log|txt|json)$/.test(name) && name !== 'expected.json')
    .sort();
  if (names.length === 0) throw new InputError(`${path}: no .log, .txt or .json file in it`);
  return names.map((name) => join(path, name));
}

function oneOf<T extends string>(text: string, choices: readonly T[], option: string): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw new InputError(`${option} ${text}: takes one of ${choices.join(', ')}`);
  return found;
}
