// Upgrades as the guides say them: member by member, minor by minor, with traffic all the while.
import * as fc from 'fast-check';
import type {LifeParts} from '../life/draw-life.ts';
import {lifeArbitrary, neighbours} from '../life/draw-life.ts';
import {checkUpgradePath, rollingSteps} from '../life/paths.ts';
import {scenario} from '../scenario.ts';

const parts: LifeParts = {
  scenario: 'rolling-upgrade',
  // Behind 3.5 the tail of the log holds entries that 3.7 cannot read (errata UM-16), so paths to 3.7 begin at 3.6.
  paths: fc.oneof(
    {
      weight: 4,
      arbitrary: neighbours(
        [
          ['3.3.25', '3.3.27'],
          ['3.4.23', '3.4.30'],
          ['3.5.16', '3.5.30'],
          ['3.6.0', '3.6.11'],
        ],
        2,
        3,
      ),
    },
    {weight: 1, arbitrary: neighbours([['3.6.11'], ['3.7.0']], 2, 2)},
  ),
  checkPath: (path) => checkUpgradePath('rolling-upgrade', path),
  memberCounts: [3, 3, 3, 5, 1],
  steps: ({path, rolling}) => path.slice(1).flatMap((release) => rollingSteps(release, rolling)),
};

export const rollingUpgrade = scenario({
  name: 'rolling-upgrade',
  summary: 'members get newer binaries, one after the other, minor by minor, under traffic',
  promise: 'every guide’s check passes at every step, and no client notices more than a new leader',
  plans: lifeArbitrary(parts, {}),
  plansFor: (given) => lifeArbitrary(parts, given),
});
