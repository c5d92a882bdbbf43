// cli/compare-command.ts: `etcdsim compare`: the simulated cluster against a real etcd, and what is found as a table.
import {InputError} from '../base/input-error.ts';
import {type Comparison, compareSeed} from '../live/compare/compare.ts';
import {type Difference, show, showOp} from '../live/compare/difference.ts';
import {RULES, rulesLines} from '../live/compare/rules.ts';
import {type EtcdBinary, findEtcd} from '../live/real/etcd-binary.ts';
import {checkRelease} from '../server-core/release/released.ts';
import {EXIT_OK, EXIT_VIOLATION} from './exit-code.ts';
import {tableLines} from './table.ts';
import {parseCount, parseSeed, parseSeeds} from './values.ts';

/** Options as they are typed. */
export interface CompareGiven {
  readonly etcd?: string;
  readonly release?: string;
  readonly members?: string;
  readonly seed?: string;
  readonly seeds?: string;
  readonly ops?: string;
  readonly json?: boolean;
  readonly self?: boolean;
  readonly shrink?: boolean;
  readonly rules?: boolean;
}

const OPS_DEFAULT = '2000';
const OPS_MAX = 1_000_000;
const DIFFERENCES_MAX = 10;
const FIRST_SHOWN_MAX = 70;

/** Runs the command; returns the exit code. */
export async function compareCommand(given: CompareGiven): Promise<number> {
  if (given.rules) {
    if (given.json) console.log(JSON.stringify(RULES, undefined, 2));
    else for (const line of rulesLines(RULES)) console.log(line);
    return EXIT_OK;
  }
  if (given.etcd === undefined) {
    throw new InputError('--etcd is missing: the path of an etcd binary, or of a folder with one');
  }
  const members = parseCount(given.members ?? '1', '--members', 1, 3);
  if (members === 2) throw new InputError('--members 2: takes 1 or 3');
  const opCount = parseCount(given.ops ?? OPS_DEFAULT, '--ops', 1, OPS_MAX);
  const seeds = seedsOf(given);
  const etcd = await findEtcd(given.etcd, undefined);
  const simulated = simulatedRelease(given, etcd);
  const isTerminal = process.stderr.isTTY === true;
  const comparisons: Comparison[] = [];
  for (const seed of seeds) {
    const comparison = await compareSeed({
      etcd,
      simulated,
      memberCount: members === 1 ? 1 : 3,
      seed,
      opCount,
      differencesMax: DIFFERENCES_MAX,
      shrink: given.shrink !== false,
      self: given.self === true,
      progress: (what) => {
        if (isTerminal) process.stderr.write(`\r\u001b[K${what}`);
      },
    });
    if (isTerminal) process.stderr.write('\r\u001b[K');
    comparisons.push(comparison);
    if (!given.json && seeds.length > 1) console.log(seedLine(comparison));
  }
  const isEqual = comparisons.every(({differences}) => differences.length === 0);
  if (given.json) console.log(JSON.stringify(toJson(comparisons, isEqual), undefined, 2));
  else for (const line of reportLines(comparisons, given)) console.log(line);
  return isEqual ? EXIT_OK : EXIT_VIOLATION;
}

/** The release to simulate: the binary's own, or another that is asked for, to see what a difference looks like. */
function simulatedRelease({release, self}: CompareGiven, etcd: EtcdBinary): string {
  if (release === undefined) return checkRelease(etcd.release, `--etcd ${etcd.path}`);
  if (self === true && release !== etcd.release) {
    throw new InputError(`--release ${release}: with --self nothing is simulated, and the binary is ${etcd.release}`);
  }
  return checkRelease(release, '--release');
}

/** The seeds asked for; one drawn from the system where none is. */
function seedsOf({seed, seeds}: CompareGiven): number[] {
  if (seed !== undefined && seeds !== undefined) throw new InputError('--seed and --seeds: one of them, not both');
  if (seeds !== undefined) {
    const {first, last} = parseSeeds(seeds);
    return Array.from({length: last - first + 1}, (_, index) => first + index);
  }
  if (seed !== undefined) return [parseSeed(seed)];
  return [crypto.getRandomValues(new Uint32Array(1))[0] ?? 0];
}

function seedLine(comparison: Comparison): string {
  const {seed, differences} = comparison;
  return `seed ${seed}: ${countLine([comparison])}, ${differences.length === 0 ? 'equal' : `${differences.length} different`}`;
}

/** Everything that is said about the comparisons on paper. */
export function reportLines(comparisons: readonly Comparison[], given: CompareGiven): string[] {
  const [first] = comparisons;
  if (first === undefined) return [];
  const seeds = comparisons.map(({seed}) => seed);
  const isOther = first.simulated !== first.release;
  const other = given.self ? 'itself' : isOther ? `a simulated ${first.simulated}` : 'the simulated cluster';
  const lines = [
    `etcd ${first.release} against ${other}, ${first.memberCount} member(s), ${seeds.length === 1 ? `seed ${seeds[0]}` : `seeds ${seeds[0]}..${seeds.at(-1)}`}`,
    ...(isOther ? ['two releases: what the later one changed is a difference here'] : []),
    '',
    ...tableLines(['RPC', 'calls', 'equal', 'different', 'first difference'], tableRows(comparisons)),
    '',
  ];
  for (const comparison of comparisons) lines.push(...differenceLines(comparison, given));
  const found = comparisons.reduce((sum, {differences}) => sum + differences.length, 0);
  lines.push(
    found === 0 ? `equal: ${countLine(comparisons)}, no difference` : `different: ${found} kinds of difference`,
  );
  return lines;
}

/** How much was really compared: a run that ends early, or has nothing to do at times, says so. */
function countLine(comparisons: readonly Pick<Comparison, 'opCount' | 'doneCount' | 'idleCount'>[]): string {
  const [asked, done, idle] = (['opCount', 'doneCount', 'idleCount'] as const).map((name) =>
    comparisons.reduce((sum, comparison) => sum + comparison[name], 0),
  ) as [number, number, number];
  const nothing = idle === 0 ? '' : ` (${idle} more had nothing to do)`;
  const unreached = asked - done - idle === 0 ? '' : ` (${asked - done - idle} more were not reached)`;
  return `${done} operations${nothing}${unreached}`;
}

function tableRows(comparisons: readonly Comparison[]): string[][] {
  const names = [...new Set(comparisons.flatMap(({rows}) => rows.map(({rpc}) => rpc)))].sort((a, b) =>
    a < b ? -1 : 1,
  );
  return names.map((rpc) => {
    const rows = comparisons.flatMap((comparison) => comparison.rows.filter((row) => row.rpc === rpc));
    const calls = rows.reduce((sum, row) => sum + row.calls, 0);
    const different = rows.reduce((sum, row) => sum + row.different, 0);
    const first = comparisons.flatMap(({differences}) => differences).find((difference) => difference.rpc === rpc);
    const shown = first === undefined ? '' : `${first.field}: ${show(first.left, 30)} / ${show(first.right, 30)}`;
    return [rpc, `${calls}`, `${Math.max(0, calls - different)}`, `${different}`, shown.slice(0, FIRST_SHOWN_MAX)];
  });
}

function differenceLines(
  {seed, simulated, memberCount, opCount, differences, minimal}: Comparison,
  given: CompareGiven,
): string[] {
  if (differences.length === 0) return [];
  const lines = [`seed ${seed}: kinds of difference: ${differences.length}`];
  for (const difference of differences) lines.push(...oneDifference(difference));
  if (minimal !== undefined) {
    const early = minimal.stoppedEarly ? ', stopped by its budget' : '';
    lines.push(`smallest sequence found (${minimal.tries} tries${early}):`);
    lines.push(...minimal.lines.map((line, index) => `  ${index + 1}. ${line}`));
    lines.push(...oneDifference(minimal.difference).slice(1));
  }
  const self = given.self ? ' --self' : '';
  lines.push(
    `again: etcdsim compare --etcd ${given.etcd ?? ''} --release ${simulated} --members ${memberCount} --seed ${seed} --ops ${opCount}${self}`,
    '',
  );
  return lines;
}

function oneDifference({index, op, sent, field, left, right}: Difference): string[] {
  return [
    `  operation ${index}: ${showOp(op, sent ?? undefined)}`,
    `    ${field}`,
    `      real:  ${show(left)}`,
    `      other: ${show(right)}`,
  ];
}

function toJson(comparisons: readonly Comparison[], equal: boolean): object {
  return {
    equal,
    comparisons: comparisons.map(({minimal, ...comparison}) => ({...comparison, minimal: minimal ?? null})),
    ...RULES,
  };
}
