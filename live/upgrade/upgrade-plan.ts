// live/upgrade/upgrade-plan.ts: a rolling upgrade as steps for both worlds: those of scenarios/life, and at its end the refusals that an
// operator meets who goes back: an older binary on newer data, and an older member that wants to join.
import {InputError} from '../../base/input-error.ts';
import {Random} from '../../base/random.ts';
import {minorText} from '../../scenarios/life/expectations.ts';
import {checkDowngradePath, checkUpgradePath, downgradeSteps, rollingSteps} from '../../scenarios/life/paths.ts';
import {describeStep, type Step} from '../../scenarios/life/steps.ts';
import type {Target} from '../../scenarios/plan.ts';

/** Beside the steps of a life: so many writes of the clients, one after the other, so that every member takes a snapshot. */
export interface WriteStep {
  readonly kind: 'write';
  readonly count: number;
}

/** Members that are killed, and started again after so many microseconds. */
export interface OutageStep {
  readonly kind: 'outage';
  readonly target: Target;
  readonly us: number;
}

export type UpgradeStep = Step | WriteStep | OutageStep;

export interface UpgradePlan {
  /** `rolling upgrade`, or what else it is. */
  readonly title: string;
  readonly seed: number;
  /** Releases in order; the cluster is founded with the first. */
  readonly path: readonly string[];
  readonly founders: readonly string[];
  /** Members that try to join at the end, one for each minor that was left behind. */
  readonly joiners: readonly string[];
  readonly steps: readonly UpgradeStep[];
  /** --snapshot-count of all members; undefined: each release's own. */
  readonly snapshotCount: number | undefined;
  /** Further flags of all members, as plans of scenarios have them. */
  readonly flags: Readonly<Record<string, string>>;
}

export interface UpgradePlanOptions {
  readonly path: readonly string[];
  readonly memberCount: number;
  readonly seed: number;
  /** How members are taken down for another binary. */
  readonly how: 'stop' | 'kill';
}

/** With it, WRITE_COUNT writes leave a snapshot behind everything that was logged before them. */
const SNAPSHOT_COUNT = 100;
const WRITE_COUNT = 160;

/** The plan of a seed: the order in which members are taken is drawn for each release anew. Throws InputError: no upgrade. */
export function planUpgrade({path, memberCount, seed, how}: UpgradePlanOptions): UpgradePlan {
  inOptionsWords(() => checkUpgradePath('real rolling-upgrade', path));
  const founders = Array.from({length: memberCount}, (_, index) => `m${index + 1}`);
  const random = Random.fromSeed(seed).stream('order');
  const leavesBehind = hasUnreadableLog(path);
  const behindSnapshot: readonly UpgradeStep[] = leavesBehind ? [{kind: 'write', count: WRITE_COUNT}] : [];
  const steps = path.slice(1).flatMap((release): UpgradeStep[] => {
    const swaps = rollingSteps(release, {order: shuffled(founders, random), how, leaderLast: false, downUs: 0});
    return [...(minorNumber(release) >= 6 ? behindSnapshot : []), ...swaps];
  });
  const newest = path.at(-1) ?? '';
  const older = path.filter((release) => minorText(release) !== minorText(newest));
  const goingBack = older.flatMap((release) => startOlder(founders[random.below(memberCount)] ?? '', release, newest));
  // Each has a URL of its own: the same one added again within a second would get the id of the one removed before.
  const joiners = older.map((_, index) => `m${memberCount + 1 + index}`);
  const joining = older.flatMap((release, index) => joinOlder(joiners[index] ?? '', release, memberCount));
  return {
    title: 'rolling upgrade',
    seed,
    path,
    founders,
    joiners,
    steps: [...steps, ...behindSnapshot, ...goingBack, ...joining],
    snapshotCount: leavesBehind ? SNAPSHOT_COUNT : undefined,
    flags: {},
  };
}

/** The same way down, by downgrade jobs: what the first refuses, then every member's older binary. Throws InputError: no downgrade. */
export function planDowngrade({path, memberCount, seed, how}: UpgradePlanOptions): UpgradePlan {
  inOptionsWords(() => checkDowngradePath('real rolling-downgrade', path));
  const founders = Array.from({length: memberCount}, (_, index) => `m${index + 1}`);
  const random = Random.fromSeed(seed).stream('order');
  const steps = path.slice(1).flatMap((release): UpgradeStep[] => {
    const rolling = {order: shuffled(founders, random), how, leaderLast: false, downUs: 0};
    const [validate, enable, ...swaps] = downgradeSteps(release, rolling);
    // The cluster's version has fallen to the target by then, and one minor below it is asked for.
    const again = {kind: 'downgrade', action: 'enable', to: minorText(release), refused: INVALID_TARGET} as const;
    const tooFar = {kind: 'downgrade', action: 'validate', to: '3.3', refused: INVALID_TARGET} as const;
    return [tooFar, ...(validate === undefined || enable === undefined ? [] : [validate, enable]), again, ...swaps];
  });
  return {title: 'rolling downgrade', seed, path, founders, joiners: [], steps, snapshotCount: undefined, flags: {}};
}

/** rpctypes.ErrGRPCInvalidDowngradeTargetVersion. */
const INVALID_TARGET = 'etcdserver: invalid downgrade target version';

/** The words of the checks are about scenarios, which take the path in one option. */
function inOptionsWords(check: () => void): void {
  try {
    check();
  } catch (thrown) {
    if (thrown instanceof InputError) throw new InputError(thrown.message.replaceAll('--path', '--etcd'));
    throw thrown;
  }
}

const minorNumber = (release: string): number => Number(minorText(release).split('.')[1]);

/**
 * Does the path lead from releases to others that end on entries of theirs, unless a snapshot lies behind them? 3.6 does on reads of
 * the v2 store, which the health checks of 3.3 and early 3.4 are (v2ToV3Request); 3.7 reads no v2 entry at all, and 3.5 still publishes
 * members with one.
 */
function hasUnreadableLog(path: readonly string[]): boolean {
  const [oldest, newest] = [minorNumber(path[0] ?? ''), minorNumber(path.at(-1) ?? '')];
  return (oldest <= 4 && newest >= 6) || (oldest <= 5 && newest >= 7);
}

/** One line for people. */
export const describeUpgradeStep = (step: UpgradeStep): string =>
  step.kind === 'write'
    ? `write ${step.count} times`
    : step.kind === 'outage'
      ? `kill ${describeTarget(step.target)} for ${step.us / 1000} ms`
      : describeStep(step);

const describeTarget = (target: Target): string => ('count' in target ? `${target.count} ${target.who}` : target.who);

/**
 * etcd's words by minor: membership.mustDetectDowngrade, and bootstrap's look at the storage version from 3.6 on. With their default logger
 * 3.3 and 3.4 say it in the older way.
 */
function refusalOfNewerData(release: string): string {
  const minor = minorNumber(release);
  if (minor <= 4) return 'cluster cannot be downgraded';
  return minor === 5 ? 'invalid downgrade' : 'is not supported';
}

const startOlder = (member: string, release: string, newest: string): Step[] => [
  {kind: 'stop', member},
  {kind: 'replace-binary', member, release},
  {kind: 'start', member, refused: refusalOfNewerData(release)},
  {kind: 'replace-binary', member, release: newest},
  {kind: 'start', member},
  {kind: 'wait-healthy'},
];

/** A second voter would take the quorum from a single member: it is added as a learner there. */
const joinOlder = (member: string, release: string, memberCount: number): Step[] => [
  {kind: 'add', member, release, learner: memberCount === 1},
  {kind: 'start', member, refused: 'incompatible with current running cluster'},
  {kind: 'remove', member},
  {kind: 'wait-healthy'},
];

function shuffled(items: readonly string[], random: Random): string[] {
  const left = [...items];
  const drawn: string[] = [];
  while (left.length > 0) drawn.push(...left.splice(random.below(left.length), 1));
  return drawn;
}
