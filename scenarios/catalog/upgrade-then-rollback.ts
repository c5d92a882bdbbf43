// An upgrade that is taken back half-way: as long as one old member is left the binaries may go back, and the cluster's version has
// never risen. Then the upgrade is done after all, and the older binary refuses the files of the newer one (errata UM-23).
import {TWO_RELEASES} from '../life/default-paths.ts';
import type {LifeParts} from '../life/draw-life.ts';
import {lifeArbitrary} from '../life/draw-life.ts';
import {checkOneHop, hopOf, rollingSteps, swapSteps} from '../life/paths.ts';
import type {Step} from '../life/steps.ts';
import {refusalOfNewerFiles, survivesOlder} from '../life/ways-back.ts';
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
      ...(hopOf(older, newer) === 'up' && survivesOlder(older, newer)
        ? tooLateSteps(older, newer, rolling.order[0] ?? '')
        : []),
    ];
  },
};

/** A kill might take away the last batch, and with it what the older binary refuses. */
const tooLateSteps = (older: string, newer: string, member: string): Step[] => [
  {kind: 'stop', member},
  {kind: 'replace-binary', member, release: older},
  {kind: 'start', member, refused: refusalOfNewerFiles(older)},
  {kind: 'replace-binary', member, release: newer},
  {kind: 'start', member},
  {kind: 'wait-healthy'},
];

export const upgradeThenRollback = scenario({
  name: 'upgrade-then-rollback',
  summary: 'all members but one are upgraded, taken back to the old binary, and upgraded again',
  promise: 'the way back is open until the last old member goes, and clients lose nothing',
  plans: lifeArbitrary(parts, {}),
  plansFor: (given) => lifeArbitrary(parts, given),
});
