// scenarios/life/histories.ts: what a cluster has been through before the path of its scenario begins: clusters that were founded last minute
// hide bugs which need a past. Each history is a list of steps that leaves as many members as founded the cluster, all well.
import * as fc from 'fast-check';
import {InputError} from '../../base/input-error.ts';
import {compareReleases, releaseOf} from '../../server-core/release/release.ts';
import {checkRelease, newestOf} from '../../server-core/release/released.ts';
import {hopOf, rollingSteps} from './paths.ts';
import type {Step} from './steps.ts';

/** A cluster as a history leaves it. */
export interface Past {
  /** What the founders run. */
  readonly founding: string;
  readonly steps: readonly Step[];
  /** The members now. */
  readonly names: readonly string[];
}

/** Traffic before a snapshot is taken or a quorum lost. */
const PAST_TRAFFIC_US = 1_000_000;
const CAME_FROM = 'came-from:';
const NAMES = ['fresh', 'promoted-learner', 'replaced-member', 'restored', 'forced-new', `${CAME_FROM}<release>`];

/** Learners exist from 3.4 on. */
const hasLearners = (release: string): boolean => releaseOf(release).minor >= 4;

/** Refuses a history that nobody knows, or that a cluster of that release cannot have had. */
export function checkHistory(history: string, release: string): void {
  if (history.startsWith(CAME_FROM)) {
    originPath(history, release);
    return;
  }
  if (!NAMES.includes(history)) throw new InputError(`--history ${history}: there are ${NAMES.join(', ')}`);
  if (history === 'promoted-learner' && !hasLearners(release)) {
    throw new InputError(`--history ${history}: ${release} has no learners; 3.4 brought them`);
  }
}

/** Histories that a cluster may have had before it goes that path: mostly none. */
export function histories(path: readonly string[], memberCount: number): fc.Arbitrary<string> {
  const release = path[0] ?? '';
  const weighted = [{weight: 5, arbitrary: fc.constant<string>('fresh')}];
  if (memberCount > 1) weighted.push({weight: 1, arbitrary: fc.constant<string>('replaced-member')});
  weighted.push({weight: 1, arbitrary: fc.constant<string>('restored')});
  if (memberCount > 1) weighted.push({weight: 1, arbitrary: fc.constant<string>('forced-new')});
  if (hasLearners(release)) weighted.push({weight: 1, arbitrary: fc.constant<string>('promoted-learner')});
  const {major, minor} = releaseOf(release);
  // Who came from 3.5 a moment ago cannot go on to 3.7 (errata UM-16).
  const leadsTo37 = path.some((one) => releaseOf(one).minor >= 7);
  // Nor from 3.3 on to 3.6, which ends on what health checks have left in the log (errata UM-10).
  const leadsFrom33To36 = minor === 4 && path.some((one) => releaseOf(one).minor >= 6);
  if (minor > 0 && !leadsTo37 && !leadsFrom33To36) {
    weighted.push({weight: 1, arbitrary: fc.constant<string>(`${CAME_FROM}${newestOf(`${major}.${minor - 1}`)}`)});
  }
  return fc.oneof(...weighted);
}

/** The steps of a history that ends with that release. `founders` are the names at the beginning. */
export function pastOf(history: string, release: string, founders: readonly string[]): Past {
  if (history.startsWith(CAME_FROM)) return cameFrom(originPath(history, release), founders);
  switch (history) {
    case 'promoted-learner':
      return promotedLearners(release, founders);
    case 'replaced-member':
      return replacedMember(release, founders);
    case 'restored': {
      const names = founders.map((_, index) => `m${founders.length + 1 + index}`);
      return {founding: release, steps: restoreSteps(release, founders, names), names};
    }
    case 'forced-new':
      return forcedNew(release, founders);
    default:
      return {founding: release, steps: [], names: founders};
  }
}

/** Members come as learners, as kubeadm and k3s have it: all but one of today's were promoted once (at least one). */
function promotedLearners(release: string, founders: readonly string[]): Past {
  const steps: Step[] = [{kind: 'wait-healthy'}];
  const leaving = founders.slice(0, Math.max(1, Math.min(2, founders.length - 1)));
  const promoted = leaving.map((_, index) => `m${founders.length + 1 + index}`);
  for (const [index, member] of promoted.entries()) {
    steps.push({kind: 'add', member, release, learner: true}, {kind: 'start', member}, {kind: 'wait-healthy'});
    // A leader that is removed leaves a window for stale reads where one voter stays (etcd-io/raft#105); operators move it away first.
    steps.push({kind: 'promote', member}, {kind: 'wait-healthy'}, {kind: 'move-leader', to: member});
    steps.push({kind: 'remove', member: leaving[index] as string}, {kind: 'wait-healthy'});
  }
  return {founding: release, steps, names: [...founders.slice(leaving.length), ...promoted]};
}

function replacedMember(release: string, founders: readonly string[]): Past {
  const [member = '', ...rest] = founders;
  const by = `m${founders.length + 1}`;
  // A lone voter cannot go before the other is there, and hands leadership on first (etcd-io/raft#105).
  const replacing: Step[] =
    rest.length > 0
      ? [{kind: 'replace-member', member, by, release}]
      : [
          {kind: 'add', member: by, release, learner: false},
          {kind: 'start', member: by},
          {kind: 'wait-healthy'},
          {kind: 'move-leader', to: by},
          {kind: 'remove', member},
        ];
  return {
    founding: release,
    steps: [{kind: 'wait-healthy'}, ...replacing, {kind: 'wait-healthy'}],
    names: [...rest, by],
  };
}

/** Disaster recovery as the guide says: a snapshot of one member, a new cluster from it, no write in between. */
export const restoreSteps = (release: string, from: readonly string[], into: readonly string[]): Step[] => [
  ...saveSteps(from),
  {kind: 'snapshot-restore', members: [...into], release},
  {kind: 'wait-healthy'},
  {kind: 'traffic', flow: 'resume'},
];

/** A snapshot of the first of them, and no write of a client behind it. */
export const saveSteps = ([member = '']: readonly string[]): Step[] => [
  {kind: 'wait-healthy'},
  {kind: 'wait', us: PAST_TRAFFIC_US},
  {kind: 'traffic', flow: 'pause'},
  {kind: 'wait-healthy'},
  {kind: 'snapshot-save', member},
];

/** One member goes on by force, and the cluster grows to its size again. */
export function forcedSteps(release: string, survivor: string, joining: readonly string[]): Step[] {
  return [
    {kind: 'wait-healthy'},
    {kind: 'wait', us: PAST_TRAFFIC_US},
    {kind: 'traffic', flow: 'pause'},
    {kind: 'wait-healthy'},
    {kind: 'stop', member: survivor},
    {kind: 'force-new-cluster', member: survivor},
    {kind: 'wait-healthy'},
    {kind: 'traffic', flow: 'resume'},
    ...joining.flatMap((member): Step[] => [
      {kind: 'add', member, release, learner: false},
      {kind: 'start', member},
      {kind: 'wait-healthy'},
    ]),
  ];
}

function forcedNew(release: string, founders: readonly string[]): Past {
  const [survivor = '', ...lost] = founders;
  const joining = lost.map((_, index) => `m${founders.length + 1 + index}`);
  return {founding: release, steps: forcedSteps(release, survivor, joining), names: [survivor, ...joining]};
}

/** From the origin to the release: the newest patch of each minor between. */
function originPath(history: string, release: string): string[] {
  const origin = checkRelease(history.slice(CAME_FROM.length), '--history');
  if (compareReleases(releaseOf(origin), releaseOf(release)) >= 0) {
    throw new InputError(`--history ${history}: the path begins at ${release}, which is not newer`);
  }
  const path = [origin];
  const {major, minor: last} = releaseOf(release);
  for (let minor = releaseOf(origin).minor + 1; minor < last; minor++) path.push(newestOf(`${major}.${minor}`));
  const hop = hopOf(path.at(-1) ?? origin, release);
  if (hop !== 'up' && hop !== 'patch') throw new InputError(`--history ${history}: no upgrade leads to ${release}`);
  return [...path, release];
}

function cameFrom([founding = '', ...later]: readonly string[], founders: readonly string[]): Past {
  const rolling = {order: founders, how: 'stop', leaderLast: false, downUs: 0} as const;
  const steps: Step[] = [{kind: 'wait-healthy'}, ...later.flatMap((release) => rollingSteps(release, rolling))];
  return {founding, steps, names: founders};
}
