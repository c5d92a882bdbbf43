// checkers/cluster/check-cluster.ts: everything a cluster's recorded life can be judged by. Pure: plain data in, findings out.
import type {ClusterLog} from '../../history/cluster-log.ts';
import type {Finding} from '../../history/verdict.ts';
import {checkClusterVersion} from './cluster-version.ts';
import {checkMemberDeaths} from './member-deaths.ts';
import {checkMemberLists} from './member-lists.ts';
import {checkSchemas} from './schema-conformance.ts';
import {checkClusterAgreement, checkHashes} from './snapshot-agreement.ts';
import {checkVersionProgress, VERSION_INTERVALS, type VersionIntervals} from './version-progress.ts';

/** All checks of checkers/cluster/ over one run. */
export function checkCluster(log: ClusterLog, intervals: VersionIntervals = VERSION_INTERVALS): Finding[] {
  const {snapshots} = log;
  return [
    ...checkHashes(snapshots),
    ...checkClusterAgreement(snapshots),
    ...checkMemberLists(snapshots),
    ...checkSchemas(snapshots),
    ...checkClusterVersion(log),
    ...checkMemberDeaths(log),
    ...checkVersionProgress(log, intervals),
  ];
}
