// live/upgrade/upgrade-plan.ts: a rolling upgrade as steps for both worlds: those of scenarios/life, and at its end the refusals that an
// operator meets who goes back: an older binary on newer data, and an older member that wants to join.
import {Random} from '../../base/random.ts';
import {minorText} from '../../scenarios/life/expectations.ts';
import {checkUpgradePath, rollingSteps} from '../../scenarios/life/paths.ts';
import type {Step} from '../../scenarios/life/steps.ts';

export interface UpgradePlan {
  readonly seed: number;
  /** Releases in order; the cluster is founded with the first. */
  readonly path: readonly string[];
  readonly founders: readonly string[];
  /** Members that try to join at the end, one for each minor that was left behind. */
  readonly joiners: readonly string[];
  readonly steps: readonly Step[];
}

export interface UpgradePlanOptions {
  readonly path: readonly string[];
  readonly memberCount: number;
  readonly seed: number;
  /** How members are taken down for another binary. */
  readonly how: 'stop' | 'kill';
}

/** The plan of a seed: the order in which members are taken is drawn for each release anew. Throws InputError: no upgrade. */
export function planUpgrade({path, memberCount, seed, how}: UpgradePlanOptions): UpgradePlan {
  checkUpgradePath('real rolling-upgrade', path);
  const founders = Array.from({length: memberCount}, (_, index) => `m${index + 1}`);
  const random = Random.fromSeed(seed).stream('order');
  const steps = path.slice(1).flatMap((release) => {
    const order = shuffled(founders, random);
    return rollingSteps(release, {order, how, leaderLast: false, downUs: 0});
  });
  const newest = path.at(-1) ?? '';
  const older = path.filter((release) => minorText(release) !== minorText(newest));
  const goingBack = older.flatMap((release) => startOlder(founders[random.below(memberCount)] ?? '', release, newest));
  // Each has a URL of its own: the same one added again within a second would get the id of the one removed before.
  const joiners = older.map((_, index) => `m${memberCount + 1 + index}`);
  const joining = older.flatMap((release, index) => joinOlder(joiners[index] ?? '', release, memberCount));
  return {seed, path, founders, joiners, steps: [...steps, ...goingBack, ...joining]};
}

/** etcd's words by minor: membership.mustDetectDowngrade; with their default logger 3.3 and 3.4 say it in the older way. */
const refusalOfNewerData = (release: string): string =>
  /^3\.[0-4]\./.test(release) ? 'cluster cannot be downgraded' : 'invalid downgrade';

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
