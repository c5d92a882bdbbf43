// server-core/raft/membership-restore.ts: a configuration rebuilt from the form that snapshots keep.
// Replayed as changes, so that a stored configuration passes the same checks as one that was agreed on. etcd: confchange.Restore.
import type {MemberId} from '../../base/ids.ts';
import type {ConfChangeSingle, ConfChangeType, ConfState} from '../raftpb/types.ts';
import type {ChangeBase, ChangeResult} from './membership-change.ts';
import {changeSimply, enterJoint} from './membership-change.ts';
import {compareMemberIds} from './quorum.ts';

const changesOf = (type: ConfChangeType, ids: readonly MemberId[]): ConfChangeSingle[] =>
  ids.map((nodeId) => ({type, nodeId}));

/** Builds `state` on `base`, which must be an empty configuration. */
export function restoreConfig(base: ChangeBase, state: ConfState): ChangeResult {
  // Remove the outgoing voters, then add what is wanted: a staged learner is then demoted from the outgoing majority.
  const incoming = [
    ...changesOf('ConfChangeRemoveNode', state.votersOutgoing),
    ...changesOf('ConfChangeAddNode', state.voters),
    ...changesOf('ConfChangeAddLearnerNode', state.learners),
    ...changesOf('ConfChangeAddLearnerNode', state.learnersNext),
  ];
  if (state.votersOutgoing.length === 0) return changeOneByOne(base, incoming);
  const outgoing = changeOneByOne(base, changesOf('ConfChangeAddNode', state.votersOutgoing));
  if (outgoing.error !== undefined) return outgoing;
  return enterJoint({...base, config: outgoing.config, progress: outgoing.progress}, state.autoLeave, incoming);
}

function changeOneByOne(base: ChangeBase, changes: readonly ConfChangeSingle[]): ChangeResult {
  let result: ChangeResult = {config: base.config, progress: base.progress};
  for (const change of changes) {
    result = changeSimply({...base, config: result.config, progress: result.progress}, [change]);
    if (result.error !== undefined) return result;
  }
  return result;
}

/** Do both describe the same configuration, whatever the order of their lists? ConfState.Equivalent. */
export function equivalentConfStates(a: ConfState, b: ConfState): boolean {
  return (
    a.autoLeave === b.autoLeave &&
    equalSets(a.voters, b.voters) &&
    equalSets(a.learners, b.learners) &&
    equalSets(a.votersOutgoing, b.votersOutgoing) &&
    equalSets(a.learnersNext, b.learnersNext)
  );
}

function equalSets(a: readonly MemberId[], b: readonly MemberId[]): boolean {
  if (a.length !== b.length) return false;
  const [left, right] = [[...a].sort(compareMemberIds), [...b].sort(compareMemberIds)];
  return left.every((id, i) => id === right[i]);
}
