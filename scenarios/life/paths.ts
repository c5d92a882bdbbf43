// scenarios/life/paths.ts: paths through releases: which are possible, and the steps that take a cluster along one of them, as etcd's
// upgrade and downgrade guides say: one member after the other, and a look at everything in between.
import {InputError} from '../../base/input-error.ts';
import type {Release} from '../../server-core/release/release.ts';
import {compareReleases, minorOf, parseRelease} from '../../server-core/release/release.ts';
import type {Step} from './steps.ts';
import {releaseSchema} from './steps.ts';

/** How one release follows another. */
export type Hop = 'patch' | 'up' | 'down' | 'skip-up' | 'skip-down';

/** Reads the releases of a path; an InputError names the first that nobody plays. */
export function checkReleases(path: readonly string[], countMin: number): void {
  if (path.length < countMin) {
    throw new InputError(`--path ${path.join(',')}: at least ${countMin} releases, as in --path 3.4.23,3.5.16`);
  }
  for (const text of path) {
    const release = parseRelease(text);
    if (release === undefined) throw new InputError(`--path: '${text}' is no release; write it like 3.5.16`);
    const checked = releaseSchema.safeParse(text);
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
}

/** Swaps one member's binary and waits until the cluster is well again. */
export const swapSteps = (member: string, release: string, how: 'stop' | 'kill'): Step[] => [
  {kind: how, member},
  {kind: 'replace-binary', member, release},
  {kind: 'start', member},
  {kind: 'wait-healthy'},
];

/** Every member to that release, one after the other. */
export function rollingSteps(release: string, {order, how, leaderLast}: RollingOptions): Step[] {
  const last = order.at(-1);
  const first = order[0];
  if (!leaderLast || last === undefined || first === undefined || last === first) {
    return order.flatMap((member) => swapSteps(member, release, how));
  }
  return [
    {kind: 'move-leader', to: last},
    ...order.slice(0, -1).flatMap((member) => swapSteps(member, release, how)),
    {kind: 'move-leader', to: first},
    ...swapSteps(last, release, how),
  ];
}

/** One minor down: the job, the wait for versions and stores, then member by member; the job ends of itself. */
export function downgradeSteps(release: string, options: RollingOptions): Step[] {
  const to = minorOf(release);
  return [
    {kind: 'downgrade', action: 'validate', to},
    {kind: 'downgrade', action: 'enable', to},
    {kind: 'wait-downgrade-ready'},
    ...rollingSteps(release, options),
  ];
}
