// Upgrades as the guides say them: member by member, minor by minor, with traffic all the while.
import {UPGRADE_PATHS} from '../life/default-paths.ts';
import type {LifeParts} from '../life/draw-life.ts';
import {lifeArbitrary} from '../life/draw-life.ts';
import {checkUpgradePath, rollingSteps} from '../life/paths.ts';
import {scenario} from '../scenario.ts';

const parts: LifeParts = {
  scenario: 'rolling-upgrade',
  paths: UPGRADE_PATHS,
  checkPath: (path) => checkUpgradePath('rolling-upgrade', path),
  memberCounts: [3, 3, 3, 5, 1],
  steps: ({path, rolling}) => path.slice(1).flatMap((release) => rollingSteps(release, rolling)),
};

export const rollingUpgrade = scenario({
  name: 'rolling-upgrade',
  summary: 'members get newer binaries, one after the other, minor by minor, under traffic',
  promise: 'what the upgrade guides look at is right after every member, and clients lose nothing',
  plans: lifeArbitrary(parts, {}),
  plansFor: (given) => lifeArbitrary(parts, given),
});
