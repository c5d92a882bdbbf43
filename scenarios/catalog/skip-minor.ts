// An upgrade that leaves a minor out, against every guide: some jumps work, some kill the older members, some the newer one.
import * as fc from 'fast-check';
import type {LifeParts} from '../life/draw-life.ts';
import {lifeArbitrary} from '../life/draw-life.ts';
import {checkSkipPath} from '../life/paths.ts';
import {jumpSteps} from '../life/skips.ts';
import {scenario} from '../scenario.ts';

const parts: LifeParts = {
  scenario: 'skip-minor',
  paths: fc.constantFrom(
    ['3.3.27', '3.5.33'],
    ['3.4.23', '3.6.14'],
    ['3.4.45', '3.6.11'],
    ['3.3.25', '3.6.14'],
    ['3.5.33', '3.7.1'],
  ),
  checkPath: (path) => checkSkipPath('skip-minor', path),
  memberCounts: [3, 3, 5],
  // Who ends when is part of the plan: faults would change the order.
  isCalm: true,
  steps: ({path: [from = '', to = ''], rolling}) => jumpSteps(from, to, rolling),
};

export const skipMinor = scenario({
  name: 'skip-minor',
  summary: 'members get a binary that is more than one minor newer',
  promise: 'what ends, ends with the words of its release; what is acknowledged is there afterwards',
  plans: lifeArbitrary(parts, {}),
  plansFor: (given) => lifeArbitrary(parts, given),
});
