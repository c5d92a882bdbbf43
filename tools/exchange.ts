// tools/exchange.ts: `node tools/exchange.ts --etcd <folder with 3.4.23/etcd …>`: proof that data directories can be exchanged with
// real etcd. Each seed drives a cluster of one kind, crashes it while writes are under way, starts a real and a simulated cluster on
// copies of what it left, and compares what both serve. Prints a table by release and direction.
// Options: --releases 3.4.23,3.5.16 (the default), --seeds 1..20 (the default), --direction real|simulated (who writes first; both by
// default), --json. Exit code 0: all equal; 1: a difference; 2: bad input.
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {InputError} from '../base/input-error.ts';
import {EXIT_INPUT, EXIT_OK, EXIT_VIOLATION} from '../cli/exit-code.ts';
import {tableLines} from '../cli/table.ts';
import {parseSeeds} from '../cli/values.ts';
import {type ExchangeResult, exchangeSeed} from '../live/exchange/exchange.ts';
import {AMOUNT_HEAD, amountRows, differenceLines, OUTCOME_HEAD, outcomeRows} from '../live/exchange/report.ts';
import {DIRECTIONS, type Direction} from '../live/exchange/sequence.ts';
import {type EtcdBinary, findEtcd} from '../live/real/etcd-binary.ts';

interface Given {
  readonly folder: string;
  readonly etcd: readonly EtcdBinary[];
  readonly seeds: readonly number[];
  readonly directions: readonly Direction[];
  readonly json: boolean;
}

async function readArguments(args: readonly string[]): Promise<Given> {
  const {values} = parse(args);
  if (values.etcd === undefined) throw new InputError('--etcd is missing: a folder with 3.4.23/etcd and the like');
  const {first, last} = parseSeeds(values.seeds);
  const {direction} = values;
  const directions = DIRECTIONS.filter((one) => direction === undefined || one.startsWith(`${direction} `));
  if (directions.length === 0) throw new InputError(`--direction ${direction}: takes real or simulated`);
  const etcd: EtcdBinary[] = [];
  for (const release of values.releases.split(',')) etcd.push(await findEtcd(join(values.etcd, release), release));
  return {
    folder: values.etcd,
    etcd,
    seeds: Array.from({length: last - first + 1}, (_, index) => first + index),
    directions,
    json: values.json,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        etcd: {type: 'string'},
        releases: {type: 'string', default: '3.4.23,3.5.16'},
        seeds: {type: 'string', default: '1..20'},
        direction: {type: 'string'},
        json: {type: 'boolean', default: false},
      },
    });
  } catch (error) {
    throw new InputError(error instanceof Error ? error.message : String(error));
  }
}

function print(results: readonly ExchangeResult[], etcdFolder: string, line: (text: string) => void): void {
  for (const one of tableLines(OUTCOME_HEAD, outcomeRows(results))) line(one);
  line('');
  for (const one of tableLines(AMOUNT_HEAD, amountRows(results))) line(one);
  for (const one of results.flatMap((result) => differenceLines(result, etcdFolder))) line(one);
}

/** Runs the tool; returns the exit code. */
export async function runExchange(args: readonly string[], line: (text: string) => void): Promise<number> {
  const given = await readArguments(args);
  const results: ExchangeResult[] = [];
  if (!given.json) line(`seeds ${given.seeds[0]}..${given.seeds.at(-1)}`);
  for (const etcd of given.etcd) {
    for (const direction of given.directions) {
      for (const seed of given.seeds) {
        if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${etcd.release} ${direction} seed ${seed}`);
        results.push(await exchangeSeed({etcd, direction, seed}));
      }
    }
  }
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  const equal = results.every(({difference}) => difference === undefined);
  if (given.json) line(JSON.stringify({equal, seeds: given.seeds, results}, undefined, 2));
  else print(results, given.folder, line);
  return equal ? EXIT_OK : EXIT_VIOLATION;
}

if (import.meta.main) {
  try {
    process.exitCode = await runExchange(process.argv.slice(2), (text) => console.log(text));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    console.error(`exchange: ${error.message}`);
    process.exitCode = EXIT_INPUT;
  }
}
