// server-core/raft/membership-change.ts: from one configuration to the next, or the reason why not.
// Voters change by at most one at a time (simple), or through a joint configuration in which both the old and the new
// majority decide (thesis 4.3). Promise: works on copies; the configuration given stays as it is. etcd: confchange.Changer.
import type {MemberId} from '../../base/ids.ts';
import {NO_MEMBER} from '../../base/ids.ts';
import {formatDecimalId} from '../raftpb/decimal-id.ts';
import type {ConfChangeSingle, ConfState} from '../raftpb/types.ts';
import {Inflights} from './inflights.ts';
import {Progress} from './progress.ts';
import {compareMemberIds} from './quorum.ts';
import type {InflightLimits, TrackedConfig} from './tracker.ts';

/** What a change starts from. */
export interface ChangeBase extends TrackedConfig {
  readonly limits: InflightLimits;
  /** The last index of our log: a new member is probed from there. */
  readonly lastIndex: number;
}

/** The next configuration, or in `error` what forbids the change (the text of the Go error). */
export type ChangeResult = (TrackedConfig & {readonly error?: undefined}) | {readonly error: string};

/** The configuration while it is worked on. */
interface Draft {
  readonly voters: Set<MemberId>;
  readonly outgoing: Set<MemberId>;
  readonly learners: Set<MemberId>;
  readonly learnersNext: Set<MemberId>;
  autoLeave: boolean;
  readonly progress: Map<MemberId, Progress>;
  readonly base: ChangeBase;
}

/** Changes voters by at most one, learners at will; not while joint. Changer.Simple. */
export function changeSimply(base: ChangeBase, changes: readonly ConfChangeSingle[]): ChangeResult {
  const draft = openDraft(base);
  const broken = checkInvariants(draft);
  if (broken !== undefined) return {error: broken};
  if (draft.outgoing.size > 0) return {error: "can't apply simple config change in joint config"};
  const refused = applyChanges(draft, changes);
  if (refused !== undefined) return {error: refused};
  if (differenceCount(base.config.voters, draft.voters) > 1) {
    return {error: 'more than one voter changed without entering joint config'};
  }
  return closeDraft(draft);
}

/** The present voters become the outgoing majority, the changes make the incoming one. Changer.EnterJoint. */
export function enterJoint(base: ChangeBase, autoLeave: boolean, changes: readonly ConfChangeSingle[]): ChangeResult {
  const draft = openDraft(base);
  const broken = checkInvariants(draft);
  if (broken !== undefined) return {error: broken};
  if (draft.outgoing.size > 0) return {error: 'config is already joint'};
  // An empty configuration may grow, for bootstrap; but it has no majority that could take part in a joint decision.
  if (draft.voters.size === 0) return {error: "can't make a zero-voter config joint"};
  for (const id of draft.voters) draft.outgoing.add(id);
  const refused = applyChanges(draft, changes);
  if (refused !== undefined) return {error: refused};
  draft.autoLeave = autoLeave;
  return closeDraft(draft);
}

/** The incoming majority decides alone from now on; demoted voters become learners. Changer.LeaveJoint. */
export function leaveJoint(base: ChangeBase): ChangeResult {
  const draft = openDraft(base);
  const broken = checkInvariants(draft);
  if (broken !== undefined) return {error: broken};
  if (draft.outgoing.size === 0) return {error: "can't leave a non-joint config"};
  for (const id of draft.learnersNext) {
    draft.learners.add(id);
    const progress = draft.progress.get(id);
    if (progress !== undefined) progress.isLearner = true;
  }
  draft.learnersNext.clear();
  for (const id of draft.outgoing) {
    if (!draft.voters.has(id) && !draft.learners.has(id)) draft.progress.delete(id);
  }
  draft.outgoing.clear();
  draft.autoLeave = false;
  return closeDraft(draft);
}

function openDraft(base: ChangeBase): Draft {
  const progress = new Map<MemberId, Progress>();
  for (const [id, member] of base.progress) progress.set(id, member.copy());
  return {
    voters: new Set(base.config.voters),
    outgoing: new Set(base.config.votersOutgoing),
    learners: new Set(base.config.learners),
    learnersNext: new Set(base.config.learnersNext),
    autoLeave: base.config.autoLeave,
    progress,
    base,
  };
}

function closeDraft(draft: Draft): ChangeResult {
  const broken = checkInvariants(draft);
  if (broken !== undefined) return {error: broken};
  const config: ConfState = {
    voters: sorted(draft.voters),
    learners: sorted(draft.learners),
    votersOutgoing: sorted(draft.outgoing),
    learnersNext: sorted(draft.learnersNext),
    autoLeave: draft.autoLeave,
  };
  return {config, progress: draft.progress};
}

const sorted = (ids: ReadonlySet<MemberId>): readonly MemberId[] => [...ids].sort(compareMemberIds);

/** Changer.apply: always on the incoming majority. Returns what is wrong, if anything. */
function applyChanges(draft: Draft, changes: readonly ConfChangeSingle[]): string | undefined {
  for (const {type, nodeId} of changes) {
    // etcd sets the id to zero when it decides, after the entry was committed, not to make the change.
    if (nodeId === NO_MEMBER) continue;
    switch (type) {
      case 'ConfChangeAddNode':
        makeVoter(draft, nodeId);
        break;
      case 'ConfChangeAddLearnerNode':
        makeLearner(draft, nodeId);
        break;
      case 'ConfChangeRemoveNode':
        removeMember(draft, nodeId);
        break;
      case 'ConfChangeUpdateNode':
        break;
    }
  }
  return draft.voters.size === 0 ? 'removed all voters' : undefined;
}

function makeVoter(draft: Draft, id: MemberId): void {
  const progress = draft.progress.get(id);
  if (progress === undefined) return addMember(draft, id, false);
  progress.isLearner = false;
  draft.learners.delete(id);
  draft.learnersNext.delete(id);
  draft.voters.add(id);
}

/** A voter of the outgoing majority cannot be a learner yet: it becomes one when the joint configuration is left. */
function makeLearner(draft: Draft, id: MemberId): void {
  const progress = draft.progress.get(id);
  if (progress === undefined) return addMember(draft, id, true);
  if (progress.isLearner) return;
  removeMember(draft, id);
  draft.progress.set(id, progress);
  if (draft.outgoing.has(id)) {
    draft.learnersNext.add(id);
  } else {
    progress.isLearner = true;
    draft.learners.add(id);
  }
}

function removeMember(draft: Draft, id: MemberId): void {
  if (!draft.progress.has(id)) return;
  draft.voters.delete(id);
  draft.learners.delete(id);
  draft.learnersNext.delete(id);
  if (!draft.outgoing.has(id)) draft.progress.delete(id);
}

/** Changer.initProgress. The newcomer counts as active, or the next check of the quorum might depose the leader. */
function addMember(draft: Draft, id: MemberId, isLearner: boolean): void {
  (isLearner ? draft.learners : draft.voters).add(id);
  const {lastIndex, limits} = draft.base;
  const inflights = new Inflights(limits.countMax, limits.bytesMax);
  const next = Math.max(lastIndex, 1);
  draft.progress.set(id, new Progress(id, {next, isLearner, recentActive: true, inflights}));
}

/** confchange.checkInvariants: run on what goes in and on what comes out. Returns what is broken, if anything. */
function checkInvariants(draft: Draft): string | undefined {
  for (const ids of [draft.voters, draft.outgoing, draft.learners, draft.learnersNext]) {
    for (const id of ids) if (!draft.progress.has(id)) return `no progress for ${formatDecimalId(id)}`;
  }
  for (const id of draft.learnersNext) {
    if (!draft.outgoing.has(id)) return `${formatDecimalId(id)} is in LearnersNext, but not Voters[1]`;
    if (draft.progress.get(id)?.isLearner === true) {
      return `${formatDecimalId(id)} is in LearnersNext, but is already marked as learner`;
    }
  }
  for (const id of draft.learners) {
    if (draft.outgoing.has(id)) return `${formatDecimalId(id)} is in Learners and Voters[1]`;
    if (draft.voters.has(id)) return `${formatDecimalId(id)} is in Learners and Voters[0]`;
    if (draft.progress.get(id)?.isLearner !== true) {
      return `${formatDecimalId(id)} is in Learners, but is not marked as learner`;
    }
  }
  if (draft.outgoing.size === 0) {
    if (draft.learnersNext.size > 0) return 'cfg.LearnersNext must be nil when not joint';
    if (draft.autoLeave) return 'AutoLeave must be false when not joint';
  }
  return undefined;
}

/** How many ids are in one of the two but not in both. */
function differenceCount(before: readonly MemberId[], after: ReadonlySet<MemberId>): number {
  let shared = 0;
  for (const id of before) if (after.has(id)) shared++;
  return before.length - shared + (after.size - shared);
}
