// A cluster that stays in the middle of an upgrade: members of two releases side by side while everything else in its life goes on.
import {releaseOf} from '../../server-core/release/release.ts';
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
  steps: ({path: [older = '', newer = ''], rolling, newName, lot}) => {
    const {order} = rolling;
    const upgraded = order.slice(0, Math.ceil(order.length / 2));
    const others = order.slice(upgraded.length);
    const endsByLearner = lot < 50 && releaseOf(older).minor < 4 && releaseOf(newer).minor === 4;
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
      ...(endsByLearner ? learnerSteps({newer, learner: newName(0), through: upgraded[0] ?? '', others}) : []),
    ];
  },
};

interface LearnerTooEarly {
  readonly newer: string;
  readonly learner: string;
  readonly through: string;
  readonly others: readonly string[];
}

/** 3.3 does not know the change that adds a learner, and ends on it at every start (errata UM-14): only the newer binary reads its log. */
const learnerSteps = ({newer, learner, through, others}: LearnerTooEarly): Step[] => [
  {
    kind: 'add',
    member: learner,
    release: newer,
    learner: true,
    through,
    ends: others.map((member) => ({member, text: 'ConfChange type should be'})),
  },
  ...others.flatMap((member): Step[] => [
    {kind: 'replace-binary', member, release: newer},
    {kind: 'start', member},
  ]),
  {kind: 'start', member: learner},
  {kind: 'wait-healthy'},
];

export const mixedForever = scenario({
  name: 'mixed-forever',
  summary: 'members of two releases live side by side: each leads, is compacted, defragmented and restarted',
  promise: 'the cluster speaks the older version all the while, and clients lose nothing',
  plans: lifeArbitrary(parts, {}),
  plansFor: (given) => lifeArbitrary(parts, given),
});
