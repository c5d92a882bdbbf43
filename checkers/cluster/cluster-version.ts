// checkers/cluster/cluster-version.ts: the cluster version moves, and downgrade jobs begin and end, only as etcd's rules say.
// version-rules 2 and 7; etcd: server/etcdserver/version/monitor.go, downgrade.go, cluster_util.go decideClusterVersion. The time between
// a leader's look around and the entry's application has no bound under faults, so a member counts with every release that it ran since
// the version moved last. Promise: no rule is held against a correct cluster, at the price of missing some moves during roll-backs.
import type {ClusterEvent, ClusterLog, MemberSnapshot} from '../../history/cluster-log.ts';
import type {Finding} from '../../history/verdict.ts';
import {ClusterLife, type MemberLife} from './cluster-life.ts';
import {describeMinor, MINOR_2_3, MINOR_3_0, MINOR_3_5, type Minor, minorOf} from './versions.ts';

/** A member that came or went this recently may not be in the list that the leader went by: two rounds of the version monitor. */
const LIST_LAG_US = 8_000_000;

/** Every move of the version and of the job, and whether running members may be in the cluster they are in. */
export function checkClusterVersion({events, snapshots}: ClusterLog): Finding[] {
  const findings: Finding[] = [];
  const life = new ClusterLife();
  const targets = new Set<Minor>();
  for (const event of events) {
    const {atUs} = event;
    if (event.kind === 'cluster-version') {
      const fault = moveFault(life, minorOf(event.version), atUs, targets);
      if (fault !== undefined) findings.push({check: 'cluster-version', kind: 'violation', message: fault, atUs});
    }
    if (event.kind === 'downgrade') {
      const fault = jobFault(life, event);
      if (fault !== undefined) findings.push({check: 'downgrade-job', kind: 'violation', message: fault, atUs});
    }
    life.apply(event);
    if (event.kind === 'cluster-version') {
      targets.clear();
      if (life.job?.enabled === true) targets.add(life.job.target);
    }
    if (event.kind === 'downgrade' && event.enabled) targets.add(minorOf(event.target));
  }
  const reported = new Set<string>();
  for (const snapshot of snapshots) {
    const fault = ownFault(snapshot);
    if (fault === undefined || reported.has(snapshot.member)) continue;
    reported.add(snapshot.member);
    findings.push({check: 'cluster-version', kind: 'violation', message: fault, atUs: snapshot.atUs});
  }
  return findings;
}

function moveFault(life: ClusterLife, to: Minor, atUs: number, targets: ReadonlySet<Minor>): string | undefined {
  const from = life.version;
  if (from === to) return undefined;
  if (from === undefined) {
    // MinClusterVersion, as long as somebody has not answered: 2.3 where a leader of 3.0 says it, from which it rises over the major.
    const isOf30 = [...life.members.values()].some(({minorMin}) => minorMin === MINOR_3_0);
    if (to === MINOR_3_0 || (to === MINOR_2_3 && isOf30)) return undefined;
    return riseFault(life, from, to, atUs);
  }
  const move = describeMove(from, to);
  if (to > from) {
    if (from !== MINOR_2_3 && Math.floor(to / 100) !== Math.floor(from / 100)) return `${move}: another major`;
    return riseFault(life, from, to, atUs);
  }
  if (to !== from - 1) return `${move}: more than one minor down`;
  if (targets.has(to)) return undefined;
  // 3.5, and 3.4 where it accepts the next version, follow an older member one minor down without any job (#11689).
  const members = [...life.members.values()];
  const isFollowed = members.some(({minorMin = Infinity, minorMax = 0, acceptsNext}) => {
    return acceptsNext || (minorMin <= MINOR_3_5 && minorMax >= MINOR_3_5);
  });
  const isOlder = members.some(({minorMin}) => minorMin === to);
  if (isFollowed && isOlder) return undefined;
  return `${move}: no downgrade to it was under way${isOlder ? '' : ', nor does any member run it'}`;
}

function describeMove(from: Minor | undefined, to: Minor): string {
  const before = from === undefined ? 'begins as' : `went from ${describeMinor(from)} to`;
  return `the cluster version ${before} ${describeMinor(to)}`;
}

/** It rises to the lowest server minor of all that are listed, and so never above it, and never while one of them is unknown. */
function riseFault(life: ClusterLife, from: Minor | undefined, to: Minor, atUs: number): string | undefined {
  const isRecent = (us: number) => from !== undefined && us >= 0 && atUs - us < LIST_LAG_US;
  let lowest: Minor | undefined;
  let isUnknown = false;
  for (const member of life.members.values()) {
    const {isListed, listedUs, removedUs, minorMin, minorMax} = member;
    if (!isListed && !isRecent(removedUs)) continue;
    if (minorMin === undefined) isUnknown = true;
    else if (lowest === undefined || minorMin < lowest) lowest = minorMin;
    if (!isListed || isRecent(listedUs)) continue;
    if (minorMax === undefined)
      return `${describeMove(from, to)}, but ${member.name}, which is listed, has never started`;
    if (minorMax < to) return `${describeMove(from, to)}, above the server of ${describeMember(member)}`;
  }
  if (isUnknown || lowest === undefined || to >= lowest) return undefined;
  return `${describeMove(from, to)}, though no member runs less than ${describeMinor(lowest)}`;
}

const describeMember = ({name, release}: MemberLife): string => `${name} (${release})`;

function jobFault(life: ClusterLife, event: Extract<ClusterEvent, {kind: 'downgrade'}>): string | undefined {
  const {version, job} = life;
  if (event.enabled) {
    const target = minorOf(event.target);
    const text = `a downgrade to ${describeMinor(target)} began`;
    if (version === undefined) return `${text} before there was a cluster version`;
    if (job?.enabled === true && job.target !== target) return `${text} during one to ${describeMinor(job.target)}`;
    return target === version - 1 ? undefined : `${text} at the cluster version ${describeMinor(version)}`;
  }
  if (event.by !== 'leader' || job?.enabled !== true) return undefined;
  // 3.6: all servers run the target. 3.5: all members' cluster version is the target (#14270; version-rules 7.6).
  const listed = life.listed();
  if (listed.every(({minorMin = Infinity, minorMax = 0}) => minorMin <= job.target && minorMax >= job.target))
    return undefined;
  const isEndedBy35 = listed.some(
    ({minorMin = Infinity, minorMax = 0}) => minorMin <= MINOR_3_5 && minorMax >= MINOR_3_5,
  );
  if (isEndedBy35 && version === job.target) return undefined;
  const others = listed.filter(({minorMin = Infinity}) => minorMin > job.target).map(describeMember);
  return `the downgrade to ${describeMinor(job.target)} was ended as done, but there is ${others.join(', ') || 'a member that never started'}`;
}

/** A member does not run in a cluster above its own minor (version-rules 2.5). */
function ownFault({member, release, clusterVersion, downgrade}: MemberSnapshot): string | undefined {
  if (clusterVersion === undefined || clusterVersion === null) return undefined;
  const [own, cluster] = [minorOf(release), minorOf(clusterVersion)];
  if (cluster <= own) return undefined;
  // 3.5 accepts a job that leads to it; 3.4 the next version where its flag says so.
  if (downgrade?.enabled === true && minorOf(downgrade.target) === own) return undefined;
  if (own === MINOR_3_5 - 1 && cluster === MINOR_3_5) return undefined;
  return `${member} (${release}) runs in a cluster of version ${clusterVersion}, above its own`;
}
