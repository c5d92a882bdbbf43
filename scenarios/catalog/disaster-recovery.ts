// The cluster is lost and comes back from a snapshot on new machines, or one member goes on by force and the cluster grows again.
// Now and then revisions are spent behind the snapshot, and the restored cluster begins above them (--bump-revision), so that no revision
// that somebody has seen comes again. A restored cluster that begins higher than that is no history that the checkers can follow: they
// count revisions one by one.
import * as fc from 'fast-check';
import {restoreBehaviours} from '../../server-core/datadir/behaviours.ts';
import {SINGLE_RELEASES} from '../life/default-paths.ts';
import type {LifeParts} from '../life/draw-life.ts';
import {lifeArbitrary} from '../life/draw-life.ts';
import {forcedSteps, restoreSteps, saveSteps} from '../life/histories.ts';
import type {Step} from '../life/steps.ts';
import {checkRecoveryPath, restoreUnder} from '../life/ways-back.ts';
import {scenario} from '../scenario.ts';

const parts: LifeParts = {
  scenario: 'disaster-recovery',
  paths: fc.oneof(
    {weight: 12, arbitrary: SINGLE_RELEASES.map((release) => [release])},
    {weight: 1, arbitrary: fc.constantFrom(['3.7.1', '3.6.14'], ['3.6.14', '3.4.45'], ['3.5.33', '3.4.45'])},
  ),
  checkPath: (path) => checkRecoveryPath('disaster-recovery', path),
  memberCounts: [3, 3, 5],
  steps: ({path, rolling: {order}, newName, isQuiet, lot}) => {
    const [from = '', release = from] = path;
    const count = order.length;
    const restored = order.map((_, index) => newName(index));
    const joining = restored.slice(1).map((_, index) => newName(count + index));
    const under = restoreUnder(from, release);
    if (under.kind === 'ends') {
      const second = order.map((_, index) => newName(2 * count + index));
      const ends = restored.map((member) => ({member, text: under.text}));
      return [
        ...saveSteps(order),
        {kind: 'snapshot-restore', members: restored, release, ends},
        {kind: 'snapshot-restore', members: second, release: from},
        {kind: 'wait-healthy'},
        {kind: 'traffic', flow: 'resume'},
        ...forcedSteps(from, second[0] ?? '', joining),
      ];
    }
    // A write whose answer is lost leaves open how many revisions were spent: only where nothing disturbs.
    const restoring = isQuiet && lot < 50 ? raisedSteps : restoreSteps;
    return [...restoring(release, order, restored), ...forcedSteps(release, restored[0] ?? '', joining)];
  },
};

const SPENT_COUNT = 20;

/** As restoreSteps, with writes behind the snapshot that the new cluster keeps the revisions of. The tool of some releases cannot. */
function raisedSteps(release: string, from: readonly string[], into: readonly string[]): Step[] {
  const members = [...into];
  const raised = {kind: 'snapshot-restore', members, release, bumpRevision: SPENT_COUNT, markCompacted: true} as const;
  const restoring: Step[] = restoreBehaviours(release).bumps
    ? [{kind: 'spend-revisions', count: SPENT_COUNT}, raised]
    : [
        {...raised, refused: 'unknown flag: --bump-revision'},
        {kind: 'snapshot-restore', members, release},
      ];
  return [...saveSteps(from), ...restoring, {kind: 'wait-healthy'}, {kind: 'traffic', flow: 'resume'}];
}

export const disasterRecovery = scenario({
  name: 'disaster-recovery',
  summary: 'a new cluster begins from a snapshot; then all members but one are lost and it goes on by force',
  promise: 'with no write in between, everything acknowledged is there afterwards',
  plans: lifeArbitrary(parts, {}),
  plansFor: (given) => lifeArbitrary(parts, given),
});
