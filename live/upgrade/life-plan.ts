// live/upgrade/life-plan.ts: a plan of `etcdsim run --plan` as steps for real clusters and simulated ones. What it takes over: founders, their
// release, --snapshot-count, flags, steps, and kills. Conditions of the simulated world, timing of raft and the plan's own traffic are left out: real
// time is what it is, and clients are the few of light-traffic.ts.
// Promise: what a real cluster cannot be put through is refused here, before anything is started.
import {InputError} from '../../base/input-error.ts';
import {joiningNames} from '../../scenarios/life/steps.ts';
import {founderNames, type Plan, releasesOf} from '../../scenarios/plan.ts';
import type {OutageStep, UpgradePlan, UpgradeStep} from './upgrade-plan.ts';

/** Takes the plan over; `seed` draws the traffic and the members of kills. Throws InputError: real clusters cannot do that. */
export function planLife(plan: Plan, seed: number): UpgradePlan {
  const founders = founderNames(plan);
  for (const {kind} of plan.faults) if (kind !== 'kill') throw new InputError(`real clusters know no ${kind}`);
  const {bootstrap} = plan.cluster;
  if (bootstrap !== 'static')
    throw new InputError(`real clusters know no bootstrap by ${bootstrap}; the plan has to be 'static'`);
  for (const [index, step] of plan.steps.entries()) {
    if (step.kind === 'start' && step.endsCountMin !== undefined) {
      const reason = 'which members end of it is a matter of timing, and both worlds would differ';
      throw new InputError(`step ${index} (start): real clusters know no endsCountMin: ${reason}`);
    }
  }
  return {
    title: `plan of ${plan.scenario}`,
    seed,
    path: releasesOf(plan),
    founders,
    joiners: joinersOf(founders.length, joiningNames(plan.steps)),
    steps: withKills(plan),
    snapshotCount: plan.cluster.snapshotCount,
    flags: plan.cluster.flags,
  };
}

/** Members are told by their place, so all names up to the highest have an address; those that no step is about are never seen. */
function joinersOf(founderCount: number, names: readonly string[]): string[] {
  const last = Math.max(founderCount, ...names.map((name) => Number(name.slice(1))));
  return Array.from({length: last - founderCount}, (_, index) => `m${founderCount + 1 + index}`);
}

/**
 * Kills as steps of their own: both worlds have to have them at the same place, and they take their own time for every step. So a kill comes
 * behind as many of the steps as its time is of the time that faults are given.
 */
function withKills({faults, steps, safetyUs}: Plan): UpgradeStep[] {
  const kills = faults
    .filter(({kind}) => kind === 'kill')
    .map(({atUs, durationUs: us, target}) => {
      const behind = Math.min(steps.length, Math.floor((steps.length * atUs) / safetyUs));
      return {atUs, behind, outage: {kind: 'outage', target, us} satisfies OutageStep};
    })
    .sort((a, b) => a.atUs - b.atUs);
  const merged: UpgradeStep[] = [];
  for (let index = 0; index <= steps.length; index++) {
    for (const {behind, outage} of kills) if (behind === index) merged.push(outage);
    const step = steps[index];
    if (step !== undefined) merged.push(step);
  }
  return merged;
}
