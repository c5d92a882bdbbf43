// cli/real-upgrade-command.ts: `etcdsim real rolling-upgrade`: the same rolling upgrade with real etcd binaries and simulated ones, step by
// step, with traffic that is judged on both sides. Exit code 1: they differ, or one of them broke a promise.
import {InputError} from '../base/input-error.ts';
import {checkEtcdHistory} from '../checkers/kv/etcd-history.ts';
import {checkWatches} from '../checkers/watch/check-watches.ts';
import {isReadOnly} from '../history/operation.ts';
import type {Finding, VerdictKind} from '../history/verdict.ts';
import {type EtcdBinary, findEtcd} from '../live/real/etcd-binary.ts';
import {loadCodec} from '../live/rpc/codec.ts';
import {compareUpgrades, type UpgradeDifference} from '../live/upgrade/compare-upgrades.ts';
import {isFine, operate, type SeenStep, type UpgradeRun} from '../live/upgrade/operator.ts';
import {drawUpgradeAddresses, realUpgradeWorld} from '../live/upgrade/real-upgrade-world.ts';
import {planDowngrade, planUpgrade, type UpgradePlan, type UpgradePlanOptions} from '../live/upgrade/upgrade-plan.ts';
import type {UpgradeWorld} from '../live/upgrade/upgrade-world.ts';
import {EXIT_OK, EXIT_UNKNOWN, EXIT_VIOLATION} from './exit-code.ts';
import {simUpgradeWorld} from './real-sim-world.ts';
import {tableLines} from './table.ts';
import {parseCount, parseSeed} from './values.ts';

/** Options as they are typed. */
export interface RealUpgradeGiven {
  readonly etcd?: readonly string[];
  readonly members?: string;
  readonly seed?: string;
  readonly kill?: boolean;
  readonly json?: boolean;
}

/** The two worlds' ways through one plan, and what the checkers say of each. */
export interface UpgradeComparison {
  readonly plan: UpgradePlan;
  readonly runs: readonly JudgedRun[];
  readonly differences: readonly UpgradeDifference[];
}

export interface JudgedRun {
  readonly run: UpgradeRun;
  readonly verdict: VerdictKind;
  readonly findings: readonly Finding[];
}

const MEMBERS_MAX = 5;
const EXAMPLE = '--etcd 3.5.16=path';

/** `etcdsim real rolling-upgrade`; returns the exit code. */
export async function realUpgradeCommand(given: RealUpgradeGiven): Promise<number> {
  return realCommand(given, planUpgrade, 'the oldest first');
}

/** `etcdsim real rolling-downgrade`; returns the exit code. */
export async function realDowngradeCommand(given: RealUpgradeGiven): Promise<number> {
  return realCommand(given, planDowngrade, 'the newest first');
}

async function realCommand(
  given: RealUpgradeGiven,
  planOf: (options: UpgradePlanOptions) => UpgradePlan,
  order: string,
): Promise<number> {
  const named = parseBinaries(given.etcd ?? []);
  if (named.size < 2) throw new InputError(`--etcd: at least two releases, ${order}, as in ${EXAMPLE}`);
  const memberCount = parseCount(given.members ?? '3', '--members', 1, MEMBERS_MAX);
  if (memberCount % 2 === 0) throw new InputError(`--members ${memberCount}: takes 1, 3 or 5`);
  const seed = given.seed === undefined ? drawSeed() : parseSeed(given.seed);
  const path = [...named.keys()];
  const plan = planOf({path, memberCount, seed, how: given.kill ? 'kill' : 'stop'});
  const binaries = new Map<string, EtcdBinary>();
  for (const [release, place] of named) binaries.set(release, await findNamed(release, place));
  return compareAndPrint(plan, binaries, given.json === true);
}

/** Takes both worlds through the plan and prints what came of it; returns the exit code. */
export async function compareAndPrint(
  plan: UpgradePlan,
  binaries: ReadonlyMap<string, EtcdBinary>,
  asJson: boolean,
): Promise<number> {
  const isTerminal = process.stderr.isTTY === true;
  const comparison = await compareUpgrade(plan, binaries, (what) => {
    if (isTerminal) process.stderr.write(`\r\u001b[K${what}`);
  });
  if (isTerminal) process.stderr.write('\r\u001b[K');
  if (asJson) console.log(JSON.stringify(comparison, undefined, 2));
  else for (const line of reportLines(comparison)) console.log(line);
  return exitCode(comparison);
}

/** `3.4.23=path`, in the order given. */
export function parseBinaries(given: readonly string[]): ReadonlyMap<string, string> {
  const named = new Map<string, string>();
  for (const text of given) {
    const at = text.indexOf('=');
    if (at <= 0 || at === text.length - 1) throw new InputError(`--etcd ${text}: write it as 3.5.16=path`);
    const release = text.slice(0, at);
    if (named.has(release)) throw new InputError(`--etcd ${text}: ${release} is named twice`);
    named.set(release, text.slice(at + 1));
  }
  return named;
}

/** The binary of that release at that place. Throws InputError: none, or another release. */
export async function findNamed(release: string, place: string): Promise<EtcdBinary> {
  const binary = await findEtcd(place, undefined);
  if (binary.release === release) return binary;
  throw new InputError(`--etcd ${release}=${place}: the binary is ${binary.release}`);
}

/** A seed that nobody named. */
export const drawSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;

/** Ports that were free may be taken by the time they are used. */
const PORT_TRIES_MAX = 3;

/** Takes both worlds through the plan, one after the other, on the same addresses. */
export async function compareUpgrade(
  plan: UpgradePlan,
  binaries: ReadonlyMap<string, EtcdBinary>,
  progress: (what: string) => void = () => undefined,
): Promise<UpgradeComparison> {
  const codec = loadCodec();
  const through = async (world: UpgradeWorld, leaders: readonly string[] = []): Promise<UpgradeRun> => {
    try {
      return await operate({world, plan, codec, leaders, progress});
    } finally {
      await world.close();
    }
  };
  for (let tryCount = 1; ; tryCount++) {
    const addresses = await drawUpgradeAddresses(plan.founders.length, plan.joiners.length);
    const real = await through(realUpgradeWorld(addresses, binaries));
    const isClash = real.steps.some(({outcome}) => outcome.includes('address already in use'));
    if (isClash && tryCount < PORT_TRIES_MAX) continue;
    const simulated = await through(simUpgradeWorld(addresses, plan.seed), real.leaders);
    return {plan, runs: [judge(real), judge(simulated)], differences: compareUpgrades(real, simulated)};
  }
}

/** Linearizability and revisions of what clients were told, and all watch guarantees, completeness up to the end included. */
export function judge(run: UpgradeRun): JudgedRun {
  const history = checkEtcdHistory({operations: run.operations});
  const rest = {deliveredThrough: run.restRevision, atUs: run.tookMs * 1000};
  const findings = [...history.findings, ...checkWatches(run.watches, undefined, {rest})];
  const verdict = findings.some(({kind}) => kind === 'violation') ? 'violation' : history.verdict;
  return {run, verdict, findings};
}

/** Everything that is said about a comparison on paper. */
export function reportLines({plan, runs, differences}: UpgradeComparison): string[] {
  const [real, simulated] = runs;
  if (real === undefined || simulated === undefined) return [];
  const lines = [`${plan.title} ${plan.path.join(' -> ')}, ${plan.founders.length} member(s), seed ${plan.seed}`, ''];
  const head = ['step', 'servers', 'cluster', 'storage', 'health', 'members', 'outcome', 'both worlds'];
  const rows = real.run.steps.map((seen, index) => {
    const isEqual = differences.every(({step}) => step !== index);
    return [`${index}. ${seen.text}`, ...summary(seen), isEqual ? 'equal' : 'DIFFERENT'];
  });
  lines.push(...tableLines(head, rows), '');
  for (const {step, text, member, field, real: left, simulated: right} of differences) {
    lines.push(`step ${step} (${text}): ${member === '' ? '' : `${member} `}${field}`);
    lines.push(`  real:      ${left}`, `  simulated: ${right}`);
  }
  for (const judged of runs) lines.push(...judgedLines(judged));
  lines.push(differences.length === 0 ? `equal: ${rows.length} steps` : `different: ${differences.length} fields`);
  return lines;
}

const OUTCOME_SHOWN = 60;

/** The columns of one row: what all members show, once where they agree. */
function summary({members, outcome}: SeenStep): string[] {
  const running = members.filter(({state}) => state === 'running');
  const agreed = (values: readonly string[]): string => [...new Set(values)].join(' / ') || '-';
  const servers = members.map(({name, state, server}) => `${name} ${state === 'running' ? server : state.slice(0, 5)}`);
  const isHealthy = running.filter(({health}) => health.startsWith('200 ')).length;
  const counts = running.map(({memberList}) => `${memberList.split('; ').length}`);
  return [
    servers.join(', '),
    agreed(running.map(({cluster}) => cluster)),
    agreed(running.map(({storage}) => storage || '-')),
    `${isHealthy}/${running.length}`,
    agreed(counts),
    outcome.length > OUTCOME_SHOWN ? `${outcome.slice(0, OUTCOME_SHOWN)}…` : outcome,
  ];
}

function judgedLines({run, verdict, findings}: JudgedRun): string[] {
  const answered = run.operations.filter(({outcome}) => outcome.kind === 'ok');
  const writes = answered.filter(({request}) => !isReadOnly(request)).length;
  const entries = run.watches.flatMap((watch) => watch.entries);
  const eventCount = entries.reduce((sum, entry) => sum + (entry.kind === 'events' ? entry.events.length : 0), 0);
  const lines = [
    `${run.world}: ${run.operations.length} operations (${answered.length} answered, ${writes} writes) in ${(run.tookMs / 1000).toFixed(1)} s, ${eventCount} events told to ${run.watches.length} watches: ${verdict}`,
  ];
  for (const refusal of run.refusals) lines.push(`  refused: ${refusal.slice(0, 240)}`);
  for (const {check, message} of findings) lines.push(`  ${check}: ${message}`);
  return lines;
}

/** A step that went wrong in both worlds alike is a violation as well. */
export function exitCode({runs, differences}: UpgradeComparison): number {
  const hasTrouble = runs.some(({run}) => run.steps.some(({outcome}) => !isFine(outcome)));
  if (differences.length > 0 || hasTrouble || runs.some(({verdict}) => verdict === 'violation')) return EXIT_VIOLATION;
  return runs.every(({verdict}) => verdict === 'ok') ? EXIT_OK : EXIT_UNKNOWN;
}
