// live/compare/compare.ts: one seed against a real etcd, from the first process to the minimal sequence.
import {InputError} from '../../base/input-error.ts';
import {drawPlan} from '../generator/draw-plan.ts';
import {commonFeatures} from '../generator/features.ts';
import {countOps, flatten, type Op} from '../plan.ts';
import type {EtcdBinary} from '../real/etcd-binary.ts';
import {startRealCluster} from '../real/real-cluster.ts';
import {realWorld} from '../real/real-world.ts';
import {type Codec, loadCodec} from '../rpc/codec.ts';
import {simWorld} from '../sim-world.ts';
import type {World} from '../world.ts';
import {type Difference, showOp} from './difference.ts';
import {prelude} from './prelude.ts';
import {type Run, startRun} from './run.ts';
import {runPlan} from './run-plan.ts';
import {shrinkPlan} from './shrink.ts';

export interface CompareOptions {
  readonly etcd: EtcdBinary;
  /** The release of the simulated cluster; another than the binary's shows how differences look. */
  readonly simulated: string;
  readonly memberCount: 1 | 3;
  readonly seed: number;
  readonly opCount: number;
  /** The run ends after so many differences: later ones are mostly consequences. */
  readonly differencesMax: number;
  /** Looks for a minimal sequence when there is a difference. */
  readonly shrink: boolean;
  /** Compares the real etcd with itself: what differs then is the comparison's fault. */
  readonly self: boolean;
  /** Told what is being done, in a few words. */
  readonly progress: (what: string) => void;
}

/** A row of the table. */
export interface RpcRow {
  readonly rpc: string;
  readonly calls: number;
  readonly different: number;
}

export interface MinimalSequence {
  readonly ops: readonly Op[];
  readonly lines: readonly string[];
  readonly difference: Difference;
  readonly tries: number;
  readonly stoppedEarly: boolean;
}

export interface Comparison {
  readonly seed: number;
  /** The binary's release. */
  readonly release: string;
  readonly simulated: string;
  readonly memberCount: number;
  /** Operations of the sequence. */
  readonly opCount: number;
  /** Those carried out in both worlds; the others are idle, or stand behind the end of the run. */
  readonly doneCount: number;
  /** Those that there was nothing to do for. */
  readonly idleCount: number;
  readonly rows: readonly RpcRow[];
  readonly differences: readonly Difference[];
  readonly minimal: MinimalSequence | undefined;
}

type Outcome = Pick<Run, 'calls' | 'different' | 'differences' | 'done' | 'idle'>;

/** Compares one seed. */
export async function compareSeed(options: CompareOptions): Promise<Comparison> {
  const {etcd, simulated, memberCount, seed, opCount, differencesMax, progress} = options;
  const codec = loadCodec();
  const drawn = drawPlan(seed, opCount, commonFeatures([etcd.release, simulated], memberCount, seed));
  progress(`seed ${seed}: ${opCount} operations on ${memberCount === 1 ? '1 member' : `${memberCount} members`}`);
  const outcome = await runBoth(
    options,
    codec,
    drawn.map(({op}) => op),
    differencesMax,
  );
  const {differences} = outcome;
  const [first] = differences;
  const minimal =
    first === undefined || !options.shrink
      ? undefined
      : await findMinimal(
          options,
          codec,
          drawn.slice(
            0,
            elementOf(
              drawn.map(({op}) => op),
              first.index,
            ) + 1,
          ),
          first,
        );
  return {
    seed,
    release: etcd.release,
    simulated,
    memberCount,
    opCount: countOps(drawn.map(({op}) => op)),
    doneCount: outcome.done,
    idleCount: outcome.idle,
    rows: rowsOf(outcome),
    differences,
    minimal,
  };
}

/** Where in the plan, groups counting as one, the operation stands that has that place among all. */
function elementOf(plan: readonly Op[], index: number): number {
  let before = 0;
  for (const [at, op] of plan.entries()) {
    before += op.op === 'group' ? op.ops.length : 1;
    if (index < before) return at;
  }
  return plan.length - 1;
}

async function runBoth(
  options: CompareOptions,
  codec: Codec,
  plan: readonly Op[],
  differencesMax: number,
): Promise<Outcome> {
  const cluster = await startRealCluster(options.etcd, options.memberCount);
  const worlds: World[] = [realWorld(cluster)];
  try {
    worlds.push(await secondWorld(options, cluster));
    const [left, right] = worlds as [World, World];
    const run = startRun(codec, [left, right], {differencesMax});
    await prelude(run, options.self);
    await runPlan(run, plan);
    return run;
  } finally {
    for (const world of worlds) await world.close();
  }
}

async function secondWorld(
  {etcd, simulated, memberCount, seed, self}: CompareOptions,
  {members, clusterToken}: Pick<Awaited<ReturnType<typeof startRealCluster>>, 'members' | 'clusterToken'>,
): Promise<World> {
  if (self) return realWorld(await startRealCluster(etcd, memberCount), 'second real');
  return simWorld({release: simulated, members, clusterToken, seed});
}

async function findMinimal(
  options: CompareOptions,
  codec: Codec,
  plan: ReturnType<typeof drawPlan>,
  first: Difference,
): Promise<MinimalSequence | undefined> {
  let difference = first;
  let tries = 0;
  const fails = async (ops: readonly Op[]): Promise<boolean> => {
    options.progress(`seed ${options.seed}: shrinking, try ${++tries}, ${countOps(ops)} operations`);
    const [found] = await differencesOf(options, codec, ops);
    if (found === undefined || found.rpc !== first.rpc) return false;
    difference = found;
    return true;
  };
  const shrunk = await shrinkPlan(plan, fails, () => performance.now());
  const ops = shrunk.plan.map(({op}) => op);
  return {
    ops,
    lines: flatten(ops).map((op) => showOp(op)),
    difference,
    tries: shrunk.tries,
    stoppedEarly: shrunk.stoppedEarly,
  };
}

/** A candidate on which the real etcd dies is not smaller, it is another story. */
async function differencesOf(
  options: CompareOptions,
  codec: Codec,
  ops: readonly Op[],
): Promise<readonly Difference[]> {
  try {
    return (await runBoth(options, codec, ops, 1)).differences;
  } catch (thrown) {
    if (thrown instanceof InputError) return [];
    throw thrown;
  }
}

function rowsOf({calls, different}: Outcome): RpcRow[] {
  const names = [...new Set([...calls.keys(), ...different.keys()])].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return names.map((rpc) => ({rpc, calls: calls.get(rpc) ?? 0, different: different.get(rpc) ?? 0}));
}
