// A cluster that stays in the middle of an upgrade: members of two releases side by side while everything else in its life goes on.
import {TWO_RELEASES} from '../life/default-paths.ts';
import type {LifeParts} from '../life/draw-life.ts';
import {lifeArbitrary} from '../life/draw-life.ts';
import {checkOneHop, swapSteps} from '../life/paths.ts';
import type {Step} from '../life/steps.ts';
import {scenario} from '../scenario.ts';

const parts: LifeParts = {
  scenario: 'mixed-forever',
  paths: TWO_RELEASES,
  checkPath: (path) => checkOneHop('mixed-forever', path),
  memberCounts: [3, 3, 5],
  steps: ({path: [, newer = ''], rolling}) => {
    const {order} = rolling;
    const upgraded = order.slice(0, Math.ceil(order.length / 2));
    return [
      ...upgraded.flatMap((member) => swapSteps(member, newer, rolling)),
      // Each member leads once, is compacted and defragmented, and starts again beside members of the other release.
      ...order.flatMap((member): Step[] => [
        {kind: 'move-leader', to: member},
        {kind: 'compact', physical: false},
        {kind: 'defragment', member},
        {kind: 'restart', member},
        {kind: 'wait-healthy'},
      ]),
    ];
  },
};

export const mixedForever = scenario({
  name: 'mixed-forever',
  summary: 'members of two releases live side by side: each leads, is compacted, defragmented and restarted',
  promise: 'the cluster speaks the older version all the while, and clients lose nothing',
  plans: lifeArbitrary(parts, {}),
  plansFor: (given) => lifeArbitrary(parts, given),
});
