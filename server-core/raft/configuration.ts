// server-core/raft/configuration.ts: how a member takes on a configuration, by a committed change or by a snapshot.
// etcd: raft.applyConfChange, switchToConfig, restore.
import {InvariantError} from '../../base/assert.ts';
import {formatId, NO_MEMBER} from '../../base/ids.ts';
import type {AnyConfChange} from '../raftpb/conf-change.ts';
import {asConfChangeV2, confChangeProtocol} from '../raftpb/conf-change.ts';
import {formatDecimalId} from '../raftpb/decimal-id.ts';
import type {ConfState, Snapshot} from '../raftpb/types.ts';
import {raftPanic} from './logging.ts';
import type {ChangeBase, ChangeResult} from './membership-change.ts';
import {changeSimply, enterJoint, leaveJoint} from './membership-change.ts';
import {equivalentConfStates, restoreConfig} from './membership-restore.ts';
import type {RaftNode} from './node.ts';
import {broadcastAppend, maybeCommit, maybeSendAppend} from './replication.ts';
import {becomeFollower} from './roles.ts';
import type {TrackedConfig} from './tracker.ts';
import {describeConfig, Tracker} from './tracker.ts';
import {LOG_INFO, LOG_WARNING} from './types.ts';

function baseOf(node: RaftNode): ChangeBase {
  const {config, progress, limits} = node.tracker;
  return {config, progress, limits, lastIndex: node.log.lastIndex()};
}

/** Takes on a committed change. One that does not fit the configuration is the proposer's fault and ends the member. */
export function applyConfChange(node: RaftNode, change: AnyConfChange): ConfState {
  const v2 = asConfChangeV2(change);
  const base = baseOf(node);
  const protocol = confChangeProtocol(v2);
  let result: ChangeResult;
  if (protocol === 'leave-joint') result = leaveJoint(base);
  else if (protocol === 'simple') result = changeSimply(base, v2.changes);
  else result = enterJoint(base, protocol === 'joint-auto-leave', v2.changes);
  if (result.error !== undefined) throw new InvariantError(result.error, {change: v2});
  return switchToConfig(node, result);
}

/** Puts a configuration in force: a leader may find more committed, new members to probe, or itself removed. */
export function switchToConfig(node: RaftNode, next: TrackedConfig): ConfState {
  const {tracker} = node;
  tracker.adopt(next);
  const {config} = tracker;
  if (node.logger.level <= LOG_INFO) {
    node.logger.write(LOG_INFO, `${formatId(node.id)} switched to configuration ${describeConfig(config)}`);
  }
  const self = tracker.progress.get(node.id);
  node.isLearner = self?.isLearner === true;
  const {role} = node;
  if (role.kind !== 'leader') return config;
  if (self === undefined || node.isLearner) {
    if (node.config.stepDownOnRemoval) becomeFollower(node, node.term, NO_MEMBER);
    return config;
  }
  if (config.voters.length === 0) return config;
  if (maybeCommit(node)) broadcastAppend(node);
  else {
    // Probe the newcomers now rather than with the next heartbeat or proposal.
    for (const progress of tracker.members) {
      if (progress.id !== node.id) maybeSendAppend(node, progress, false);
    }
  }
  if (role.transferee !== NO_MEMBER && !tracker.isVoter(role.transferee)) role.transferee = NO_MEMBER;
  return config;
}

/** The configuration that the storage remembers, when a member starts. */
export function loadConfig(node: RaftNode, state: ConfState): void {
  const result = restoreConfig(baseOf(node), state);
  if (result.error !== undefined) throw new InvariantError(result.error);
  mustBeEquivalent(node, state, switchToConfig(node, result));
}

/**
 * Replaces log and configuration by a leader's snapshot. False if it is ignored: not newer than what is committed, not
 * about us, or matched by our log (then it only tells how far that is committed).
 */
export function restoreSnapshot(node: RaftNode, snapshot: Snapshot): boolean {
  const {log, logger} = node;
  const {index, term, confState} = snapshot.metadata;
  if (index <= log.committed) return false;
  if (node.role.kind !== 'follower') {
    // Cannot happen: whoever takes a snapshot has become a follower of its sender. If it did, a new term would do no harm.
    if (logger.level <= LOG_WARNING) {
      const line = `${formatId(node.id)} attempted to restore snapshot as leader; should never happen`;
      logger.write(LOG_WARNING, line);
    }
    becomeFollower(node, node.term + 1, NO_MEMBER);
    return false;
  }
  if (!isInConfState(node, confState)) {
    if (logger.level <= LOG_WARNING) {
      const state = describeConfStateStruct(confState);
      const line = `attempted to restore snapshot but it is not in the ConfState ${state}; should never happen`;
      logger.write(LOG_WARNING, `${formatId(node.id)} ${line}`);
    }
    return false;
  }
  if (log.matchTerm(index, term)) {
    noteRestore(node, 'fast-forwarded commit to snapshot', index, term);
    log.commitTo(index);
    return false;
  }
  log.restore(snapshot);
  node.tracker = new Tracker(node.tracker.limits);
  const result = restoreConfig(baseOf(node), confState);
  if (result.error !== undefined) {
    throw new InvariantError(`unable to restore config ${describeConfStateStruct(confState)}: ${result.error}`);
  }
  mustBeEquivalent(node, confState, switchToConfig(node, result));
  noteRestore(node, 'restored snapshot', index, term);
  return true;
}

/** Staged learners need no look: they are outgoing voters. */
function isInConfState(node: RaftNode, state: ConfState): boolean {
  return state.voters.includes(node.id) || state.learners.includes(node.id) || state.votersOutgoing.includes(node.id);
}

function mustBeEquivalent(node: RaftNode, wanted: ConfState, got: ConfState): void {
  if (equivalentConfStates(wanted, got)) return;
  const [left, right] = [describeConfStateStruct(wanted), describeConfStateStruct(got)];
  raftPanic(node.logger, `ConfStates not equivalent after sorting:\n${left}\n${right}`);
}

function noteRestore(node: RaftNode, what: string, index: number, term: number): void {
  const {log, logger} = node;
  if (logger.level > LOG_INFO) return;
  const end = `[commit: ${log.committed}, lastindex: ${log.lastIndex()}, lastterm: ${log.lastTerm()}]`;
  logger.write(LOG_INFO, `${formatId(node.id)} ${end} ${what} [index: ${index}, term: ${term}]`);
}

/** As Go prints the bare struct. */
function describeConfStateStruct(state: ConfState): string {
  const lists = [state.voters, state.learners, state.votersOutgoing, state.learnersNext];
  return `{${lists.map((ids) => `[${ids.map(formatDecimalId).join(' ')}]`).join(' ')} ${state.autoLeave}}`;
}
