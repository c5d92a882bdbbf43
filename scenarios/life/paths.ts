// scenarios/life/paths.ts: paths through releases: which are possible, and the steps that take a cluster along one of them, as etcd's
// upgrade and downgrade guides say: one member after the other, and a look at everything in between.
import {InputError} from '../../base/input-error.ts';
import type {Release} from '../../server-core/release/release.ts';
import {compareReleases, minorOf, parseRelease} from '../../server-core/release/release.ts';
import {checkRelease} from '../../server-core/release/released.ts';
import type {Step} from './steps.ts';
import {releaseSchema} from './steps.ts';

/** How one release follows another. */
export type Hop = 'patch' | 'up' | 'down' | 'skip-up' | 'skip-down';

/** Refuses a path that is too short, or names a release that nobody released or plays. */
export function checkReleases(path: readonly string[], countMin: number): void {
  if (path.length < countMin) {
    throw new InputError(`--path ${path.join(',')}: at least ${countMin} releases, as in --path 3.4.23,3.5.16`);
  }
  for (const text of path) {
    const release = checkRelease(text, '--path');
    const checked = releaseSchema.safeParse(release);
    if (!checked.success) throw new InputError(`--path: ${text}: ${checked.error.issues[0]?.message ?? 'not played'}`);
  }
}

/** How `to` follows `from`. */
export function hopOf(from: string, to: string): Hop {
  const [a, b] = [parseRelease(from) as Release, parseRelease(to) as Release];
  const minors = b.minor - a.minor;
  if (minors === 0) return 'patch';
  if (minors === 1) return 'up';
  if (minors === -1) return 'down';
  return minors > 0 ? 'skip-up' : 'skip-down';
}

/** The path as a rolling upgrade takes it: patches of one minor in order, and one minor after the other. */
export function checkUpgradePath(scenario: string, path: readonly string[]): void {
  checkReleases(path, 2);
  eachHop(path, (from, to) => {
    const hop = hopOf(from, to);
    if (hop === 'up') return;
    const isNewer = compareReleases(parseRelease(from) as Release, parseRelease(to) as Release) < 0;
    if (hop === 'patch' && isNewer) return;
    const where = `${scenario} --path: ${from} -> ${to}`;
    if (hop === 'skip-up') throw new InputError(`${where} skips a minor; scenario skip-minor does that`);
    throw new InputError(`${where} is no upgrade; scenario rolling-downgrade goes down`);
  });
}

/** The path as downgrade jobs allow it: 3.6 and newer, one minor at a time. */
export function checkDowngradePath(scenario: string, path: readonly string[]): void {
  checkReleases(path, 2);
  eachHop(path, (from, to) => {
    const where = `${scenario} --path: ${from} -> ${to}`;
    if (hopOf(from, to) !== 'down')
      throw new InputError(`${where} is not one minor down, and no other downgrade exists`);
    if ((parseRelease(from) as Release).minor < 6) {
      throw new InputError(`${where}: a cluster can be downgraded from 3.6 on; before, only a backup leads back`);
    }
  });
}

/** Two releases, the second one minor or some patches newer. */
export function checkOneHop(scenario: string, path: readonly string[]): void {
  checkUpgradePath(scenario, path);
  if (path.length !== 2)
    throw new InputError(`${scenario} --path ${path.join(',')}: two releases, the older one first`);
}

/** Two releases, the second more than one minor newer. */
export function checkSkipPath(scenario: string, path: readonly string[]): void {
  checkReleases(path, 2);
  const [from = '', to = ''] = path;
  if (path.length === 2 && hopOf(from, to) === 'skip-up') return;
  const where = `${scenario} --path ${path.join(',')}`;
  throw new InputError(`${where}: two releases with a minor between them, the older one first, as in 3.4.23,3.6.14`);
}

/** One release that has learners. */
export function checkLearnerRelease(scenario: string, path: readonly string[]): void {
  checkReleases(path, 1);
  const [release = ''] = path;
  if (path.length !== 1) throw new InputError(`${scenario} --path ${path.join(',')}: one release, as in --path 3.5.33`);
  if ((parseRelease(release) as Release).minor < 4) {
    throw new InputError(`${scenario} --path ${release}: it has no learners; 3.4 brought them`);
  }
}

/** One release, or an upgrade path. */
export function checkReplacementPath(scenario: string, path: readonly string[]): void {
  checkReleases(path, 1);
  if (path.length > 1) checkUpgradePath(scenario, path);
}

function eachHop(path: readonly string[], look: (from: string, to: string) => void): void {
  for (const [index, to] of path.entries()) {
    const from = path[index - 1];
    if (from !== undefined) look(from, to);
  }
}

/** How members are taken down for another binary. */
export interface RollingOptions {
  /** Which member comes when. */
  readonly order: readonly string[];
  readonly how: 'stop' | 'kill';
  /** Leadership is moved to the last in order first, and away from it before its turn. */
  readonly leaderLast: boolean;
  /** How long a member is down for its new binary. */
  readonly downUs: number;
}

/** Swaps one member's binary and waits until the cluster is well again. */
export const swapSteps = (
  member: string,
  release: string,
  {how, downUs}: Pick<RollingOptions, 'how' | 'downUs'>,
): Step[] => [
  {kind: how, member},
  {kind: 'replace-binary', member, release},
  ...pause(downUs),
  {kind: 'start', member},
  {kind: 'wait-healthy'},
];

/**
 * Status tells the storage version before the backend has written it: it goes with the next batch, which a kill takes away, and the
 * older binary then refuses the newer store. Some batches, also on a slow disk. etcd: UpdateStorageVersion (no ForceCommit).
 */
const BATCHES_US = 2_000_000;

const pause = (us: number): Step[] => (us === 0 ? [] : [{kind: 'wait', us}]);

/** Every member to that release, one after the other. */
export function rollingSteps(release: string, options: RollingOptions): Step[] {
  const {order, leaderLast} = options;
  const last = order.at(-1);
  const first = order[0];
  if (!leaderLast || last === undefined || first === undefined || last === first) {
    return order.flatMap((member) => swapSteps(member, release, options));
  }
  return [
    {kind: 'move-leader', to: last},
    ...order.slice(0, -1).flatMap((member) => swapSteps(member, release, options)),
    {kind: 'move-leader', to: first},
    ...swapSteps(last, release, options),
  ];
}

/** One minor down: the job, the wait for versions and stores, then member by member; the job ends of itself. */
export function downgradeSteps(release: string, options: RollingOptions): Step[] {
  const to = minorOf(release);
  return [
    {kind: 'downgrade', action: 'validate', to},
    {kind: 'downgrade', action: 'enable', to},
    {kind: 'wait-downgrade-ready'},
    ...pause(options.how === 'kill' ? BATCHES_US : 0),
    ...rollingSteps(release, options),
  ];
}
