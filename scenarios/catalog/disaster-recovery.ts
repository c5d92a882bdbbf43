// The cluster is lost and comes back from a snapshot on new machines, or one member goes on by force and the cluster grows again.
import * as fc from 'fast-check';
import {SINGLE_RELEASES} from '../life/default-paths.ts';
import type {LifeParts} from '../life/draw-life.ts';
import {lifeArbitrary} from '../life/draw-life.ts';
import {forcedSteps, restoreSteps} from '../life/histories.ts';
import {checkReleases} from '../life/paths.ts';
import {scenario} from '../scenario.ts';

const parts: LifeParts = {
  scenario: 'disaster-recovery',
  paths: fc.constantFrom(...SINGLE_RELEASES.map((release) => [release])),
  checkPath: (path) => checkReleases(path, 1),
  memberCounts: [3, 3, 5],
  steps: ({path, rolling: {order}, newName}) => {
    const release = path.at(-1) ?? '';
    const restored = order.map((_, index) => newName(index));
    const joining = restored.slice(1).map((_, index) => newName(order.length + index));
    return [...restoreSteps(release, order, restored), ...forcedSteps(release, restored[0] ?? '', joining)];
  },
};

export const disasterRecovery = scenario({
  name: 'disaster-recovery',
  summary: 'a new cluster begins from a snapshot; then all members but one are lost and it goes on by force',
  promise: 'with no write in between, everything acknowledged is there afterwards',
  plans: lifeArbitrary(parts, {}),
  plansFor: (given) => lifeArbitrary(parts, given),
});
