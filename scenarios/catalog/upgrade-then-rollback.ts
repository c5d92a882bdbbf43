// An upgrade that is taken back half-way: as long as one old member is left the binaries may go back, and the cluster's version has
// never risen. Then the upgrade is done after all.
import {TWO_RELEASES} from '../life/default-paths.ts';
import type {LifeParts} from '../life/draw-life.ts';
import {lifeArbitrary} from '../life/draw-life.ts';
import {checkOneHop, rollingSteps, swapSteps} from '../life/paths.ts';
import {scenario} from '../scenario.ts';

const parts: LifeParts = {
  scenario: 'upgrade-then-rollback',
  paths: TWO_RELEASES,
  checkPath: (path) => checkOneHop('upgrade-then-rollback', path),
  memberCounts: [3, 3, 5],
  steps: ({path: [older = '', newer = ''], rolling}) => {
    const upgraded = rolling.order.slice(0, -1);
    return [
      ...upgraded.flatMap((member) => swapSteps(member, newer, rolling)),
      ...upgraded.flatMap((member) => swapSteps(member, older, rolling)),
      ...rollingSteps(newer, rolling),
    ];
  },
};

export const upgradeThenRollback = scenario({
  name: 'upgrade-then-rollback',
  summary: 'all members but one are upgraded, taken back to the old binary, and upgraded again',
  promise: 'the way back is open until the last old member goes, and clients lose nothing',
  plans: lifeArbitrary(parts, {}),
  plansFor: (given) => lifeArbitrary(parts, given),
});
