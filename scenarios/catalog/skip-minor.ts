// An upgrade that leaves a minor out, against every guide: some jumps work, some kill the older members, some the newer one.
import {SKIPPING_PATHS} from '../life/default-paths.ts';
import type {LifeParts} from '../life/draw-life.ts';
import {lifeArbitrary} from '../life/draw-life.ts';
import {checkSkipPath} from '../life/paths.ts';
import {jumpOf, jumpSteps} from '../life/skips.ts';
import {scenario} from '../scenario.ts';

const parts: LifeParts = {
  scenario: 'skip-minor',
  paths: SKIPPING_PATHS,
  checkPath: (path) => checkSkipPath('skip-minor', path),
  memberCounts: [3, 3, 5],
  // Where processes end, who ends when is part of the plan: faults would change the order, and snapshots what is read at all.
  isCalm: ([from = '', to = '']) => jumpOf(from, to) !== 'works',
  steps: ({path: [from = '', to = ''], rolling}) => jumpSteps(from, to, rolling),
};

export const skipMinor = scenario({
  name: 'skip-minor',
  summary: 'members get a binary that is more than one minor newer',
  promise: 'what ends, ends with the words of its release; what is acknowledged is there afterwards',
  plans: lifeArbitrary(parts, {}),
  plansFor: (given) => lifeArbitrary(parts, given),
});
