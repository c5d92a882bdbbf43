// checkers/cluster/version-progress.ts: in a calm cluster whose listed members are all up, versions and downgrade jobs come to their ends.
// - version-progress: the cluster version is the lowest server minor two intervals after the last change (version-rules 2, 7.3);
// - storage-progress: the stores of 3.6 and later follow it, two intervals later still (6.4);
// - downgrade-progress: a job whose target all members run is over two checks later.
// etcd: monitorVersions, monitorStorageVersion, monitorDowngrade. Nothing is demanded of a run that does not stay calm for that long.
import type {ClusterEvent, ClusterLog, MemberSnapshot} from '../../history/cluster-log.ts';
import type {Finding} from '../../history/verdict.ts';
import {ClusterLife} from './cluster-life.ts';
import {describeMinor, isMinorVersion, MINOR_3_5, MINOR_3_6, type Minor, minorOf} from './versions.ts';

export interface VersionIntervals {
  /** etcd: monitorVersionInterval. */
  readonly versionIntervalUs: number;
  /** --downgrade-check-time; 0: jobs do not end by themselves. */
  readonly downgradeCheckUs: number;
}

export const VERSION_INTERVALS: VersionIntervals = {versionIntervalUs: 4_000_000, downgradeCheckUs: 5_000_000};

/** Judges the end of a run. */
export function checkVersionProgress(log: ClusterLog, intervals: VersionIntervals = VERSION_INTERVALS): Finding[] {
  const {events, calmFromUs, endUs, snapshots} = log;
  if (calmFromUs === undefined) return [];
  const life = new ClusterLife();
  let calmUs = calmFromUs;
  let versionUs = 0;
  for (const event of events) {
    life.apply(event);
    if (isDisturbance(event)) calmUs = Math.max(calmUs, event.atUs);
    if (event.kind === 'cluster-version') versionUs = event.atUs;
  }
  const listed = life.listed();
  const leader = life.leader === undefined ? undefined : life.members.get(life.leader);
  if (listed.length === 0 || leader?.release === undefined || listed.some(({isUp}) => !isUp)) return [];
  const findings: Finding[] = [];
  const report = (check: string, message: string) => findings.push({check, kind: 'violation', message, atUs: endUs});
  const calm = `after ${Math.floor((endUs - calmUs) / 1_000_000)} s of calm`;
  if (endUs - calmUs >= 2 * intervals.versionIntervalUs) {
    const wanted = wantedVersion(life, minorOf(leader.release));
    if (wanted !== life.version && wanted !== undefined) {
      const has = life.version === undefined ? 'not decided' : describeMinor(life.version);
      report('version-progress', `${calm} the cluster version is ${has}, not ${describeMinor(wanted)}`);
    }
  }
  const {job, version} = life;
  const isJobDone =
    job?.enabled === true &&
    version === job.target &&
    listed.every(({release}) => minorOf(release ?? '0.0') === job.target);
  if (isJobDone && intervals.downgradeCheckUs > 0 && endUs - calmUs >= 2 * intervals.downgradeCheckUs) {
    report(
      'downgrade-progress',
      `${calm} the downgrade to ${describeMinor(job.target)} is not over, though all members run it`,
    );
  }
  const storedUs = Math.max(calmUs, versionUs) + 2 * intervals.versionIntervalUs;
  const reported = new Set<string>();
  for (const snapshot of snapshots) {
    if (snapshot.atUs < storedUs || version === undefined || reported.has(snapshot.member)) continue;
    const fault = storageFault(snapshot, version);
    if (fault === undefined) continue;
    reported.add(snapshot.member);
    findings.push({check: 'storage-progress', kind: 'violation', message: `${calm} ${fault}`, atUs: snapshot.atUs});
  }
  return findings;
}

const isDisturbance = ({kind}: ClusterEvent): boolean => kind !== 'cluster-version';

/** Where the leader's rule leads; undefined: nowhere that could be demanded. */
function wantedVersion(life: ClusterLife, leader: Minor): Minor | undefined {
  const lowest = life.lowest();
  const {version, job} = life;
  if (lowest === undefined || version === undefined) return lowest;
  if (leader >= MINOR_3_6 && job?.enabled === true) {
    const isAllowed = job.target === version - 1 && job.target === lowest - 1;
    return isAllowed ? job.target : undefined;
  }
  if (lowest > version) return lowest;
  return leader === MINOR_3_5 && lowest === version - 1 ? lowest : undefined;
}

function storageFault({member, release, storage}: MemberSnapshot, version: Minor): string | undefined {
  // Below 3.5 there are no steps; a store without a term has no version that could be moved.
  if (storage === undefined || version < MINOR_3_5 || minorOf(release) < MINOR_3_6 || storage.term === 0)
    return undefined;
  const {storageVersion = '3.5.0'} = storage;
  if (isMinorVersion(storageVersion) && minorOf(storageVersion) === version) return undefined;
  return `the storage version of ${member} (${release}) is ${storageVersion}, the cluster version ${describeMinor(version)}`;
}
