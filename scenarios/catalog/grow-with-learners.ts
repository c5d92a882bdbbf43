// From one member to three to five and back to one, every new member as a learner first.
import * as fc from 'fast-check';
import {LEARNER_RELEASES} from '../life/default-paths.ts';
import type {LifeParts} from '../life/draw-life.ts';
import {lifeArbitrary} from '../life/draw-life.ts';
import {checkLearnerRelease} from '../life/paths.ts';
import type {Step} from '../life/steps.ts';
import {scenario} from '../scenario.ts';

const JOINING_COUNT = 4;

const parts: LifeParts = {
  scenario: 'grow-with-learners',
  paths: fc.constantFrom(...LEARNER_RELEASES.map((release) => [release])),
  checkPath: (path) => checkLearnerRelease('grow-with-learners', path),
  memberCounts: [1, 1, 3],
  steps: ({path, rolling, newName}) => {
    const release = path.at(-1) ?? '';
    const joining = Array.from({length: JOINING_COUNT}, (_, index) => newName(index));
    const grow = joining.flatMap((member): Step[] => [
      {kind: 'add', member, release, learner: true},
      {kind: 'start', member},
      {kind: 'wait-healthy'},
      {kind: 'promote', member},
      {kind: 'wait-healthy'},
    ]);
    const leaving = [...rolling.order, ...joining].slice(0, -1);
    // Removed leaders leave a window for stale reads where one voter stays (etcd-io/raft#105): the last member leads before they go.
    const staying: Step = {kind: 'move-leader', to: joining.at(-1) ?? ''};
    const shrink = leaving.flatMap((member): Step[] => [{kind: 'remove', member}, {kind: 'wait-healthy'}]);
    return [...grow, staying, ...shrink];
  },
};

export const growWithLearners = scenario({
  name: 'grow-with-learners',
  summary: 'four members join as learners and are promoted, then all but the last leave',
  promise: 'members agree who they are at every size, and clients lose nothing',
  plans: lifeArbitrary(parts, {}),
  plansFor: (given) => lifeArbitrary(parts, given),
});
