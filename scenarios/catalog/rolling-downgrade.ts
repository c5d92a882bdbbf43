// Downgrades by job, from 3.6 on: enabled, waited for, and then member by member. The job ends of itself behind the last one.
import {DOWNGRADE_PATHS} from '../life/default-paths.ts';
import type {LifeParts} from '../life/draw-life.ts';
import {lifeArbitrary} from '../life/draw-life.ts';
import {checkDowngradePath, downgradeSteps} from '../life/paths.ts';
import {scenario} from '../scenario.ts';

const parts: LifeParts = {
  scenario: 'rolling-downgrade',
  paths: DOWNGRADE_PATHS,
  checkPath: (path) => checkDowngradePath('rolling-downgrade', path),
  memberCounts: [3, 3, 3, 5, 1],
  steps: ({path, rolling}) => [
    ...path.slice(1).flatMap((release) => downgradeSteps(release, rolling)),
    {kind: 'wait', us: JOB_ENDS_US},
  ],
};

/** The leader looks every five seconds whether the job is done (--downgrade-check-time); twice that is given. */
const JOB_ENDS_US = 12_000_000;

export const rollingDowngrade = scenario({
  name: 'rolling-downgrade',
  summary: 'a downgrade job is enabled and members get older binaries, one after the other, under traffic',
  promise: 'versions and stores fall before the first swap, the job ends of itself, and clients lose nothing',
  plans: lifeArbitrary(parts, {}),
  plansFor: (given) => lifeArbitrary(parts, given),
});
