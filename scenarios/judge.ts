// scenarios/judge.ts: everything that is checked about a finished run as a whole, besides what was watched while it ran.
import {checkCluster} from '../checkers/cluster/check-cluster.ts';
import {checkEtcdHistoryWithLog} from '../checkers/kv/etcd-history.ts';
import {checkWatches} from '../checkers/watch/check-watches.ts';
import {persistedFromSteps} from '../checkers/watch/persisted-writes.ts';
import type {ClusterLog} from '../history/cluster-log.ts';
import type {KvStep, Operation} from '../history/operation.ts';
import type {TimelineEvent} from '../history/timeline.ts';
import type {Finding} from '../history/verdict.ts';
import type {WatchLog} from '../history/watch-log.ts';
import type {FinalState} from './final-state.ts';

export interface Evidence {
  readonly operations: readonly Operation[];
  readonly timeline: readonly TimelineEvent[];
  /** Of members that are up at the end. */
  readonly finalStates: readonly FinalState[];
  /** All of them have applied everything that was committed. */
  readonly isAtRest: boolean;
  /** Every write request that was applied, in order of the log. */
  readonly persisted: () => readonly KvStep[];
  /** What watching clients were told. */
  readonly watches?: readonly WatchLog[];
  /** What became of the members. */
  readonly cluster?: ClusterLog;
}

/**
 * Findings of the checks that look at the whole history: linearizability, serializable reads, durability, revisions, watches, and
 * the cluster's life: hashes, schemas, member lists, versions, jobs.
 */
export function judgeHistory(evidence: Evidence): readonly Finding[] {
  const {operations, timeline, finalStates, isAtRest, persisted, watches = [], cluster} = evidence;
  // A member that lags may lack acknowledged writes; only what has come to rest must hold them all.
  const finals = isAtRest ? finalStates : [];
  const {findings} = checkEtcdHistoryWithLog({operations, timeline, finals}, persisted);
  const lived = cluster === undefined ? [] : checkCluster(cluster);
  // Nobody waited until every watch was told everything, so what is still on its way at the end is not missed.
  if (watches.length === 0) return [...findings, ...lived];
  return [...findings, ...lived, ...checkWatches(watches, persistedFromSteps(persisted()))];
}
