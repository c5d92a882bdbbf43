// checkers/cluster/snapshot-agreement.ts: what members hold at one place in one history, they hold alike.
// - hash-equality: equal HashKV at equal revision and compact revision. etcd: corruption checks, tests/robustness HashKV.
// - membership-agreement, cluster-version-agreement, downgrade-agreement: after the same entries, the same list, version and job.

import type {MemberList, MemberSnapshot} from '../../history/cluster-log.ts';
import type {Finding} from '../../history/verdict.ts';
import {describeList, differenceOf} from './member-lists.ts';

/** One finding for each pair of members that differ. */
export function checkHashes(snapshots: readonly MemberSnapshot[]): Finding[] {
  const at = ({epoch = 0, hash}: MemberSnapshot) => hash && `${epoch}/${hash.revision}/${hash.compactRevision}`;
  return compareBy('hash-equality', snapshots, at, (a, b) => {
    if (a.hash === undefined || b.hash === undefined || a.hash.hash === b.hash.hash) return undefined;
    const {revision, compactRevision, hash} = a.hash;
    const place = `revision ${revision}, compacted at ${compactRevision}`;
    return `at ${place}, ${b.member} (${b.release}) has the hash ${b.hash.hash}, but ${a.member} (${a.release}) ${hash}`;
  });
}

/** Members that have applied the same entries agree on everything that entries decide about the cluster. */
export function checkClusterAgreement(snapshots: readonly MemberSnapshot[]): Finding[] {
  const at = ({epoch = 0, appliedIndex, isCaughtUp}: MemberSnapshot) =>
    isCaughtUp ? `${epoch}/${appliedIndex}` : undefined;
  const head = (a: MemberSnapshot, b: MemberSnapshot) =>
    `after entry ${a.appliedIndex}, ${b.member} (${b.release}) has`;
  return [
    ...compareBy('membership-agreement', snapshots, at, (a, b) => {
      const [one, other] = [listOf(a), listOf(b)];
      if (one === undefined || other === undefined) return undefined;
      const difference = differenceOf(one, other);
      return (
        difference &&
        `${head(a, b)} ${describeList(other)}, but ${a.member} (${a.release}) ${describeList(one)}: ${difference}`
      );
    }),
    ...compareBy('cluster-version-agreement', snapshots, at, (a, b) => {
      if (a.clusterVersion === undefined || b.clusterVersion === undefined || a.clusterVersion === b.clusterVersion)
        return undefined;
      const name = (version: string | null | undefined) => version ?? 'not decided';
      return `${head(a, b)} the cluster version ${name(b.clusterVersion)}, but ${a.member} (${a.release}) ${name(a.clusterVersion)}`;
    }),
    ...compareBy('downgrade-agreement', snapshots, at, (a, b) => {
      // Up to 3.4 there are no downgrade jobs, and their entries are not understood.
      if (a.downgrade === undefined || b.downgrade === undefined) return undefined;
      const [one, other] = [describeJob(a.downgrade), describeJob(b.downgrade)];
      return one === other ? undefined : `${head(a, b)} ${other}, but ${a.member} (${a.release}) ${one}`;
    }),
  ];
}

function describeJob({enabled, target}: {readonly enabled: boolean; readonly target: string}): string {
  return enabled ? `a downgrade to ${target} under way` : 'no downgrade under way';
}

/** The list that the member goes by (version-rules 8.2): 3.6 and later have it in the backend; before, it is that of the v2 store. */
function listOf({v2Members, backendMembers}: MemberSnapshot): MemberList | undefined {
  return v2Members ?? backendMembers;
}

/**
 * Compares every snapshot with the first one of the same place (undefined: it has none); once for each pair of members, since what
 * differs once differs ever after.
 */
function compareBy(
  check: string,
  snapshots: readonly MemberSnapshot[],
  placeOf: (snapshot: MemberSnapshot) => string | undefined,
  differenceBetween: (a: MemberSnapshot, b: MemberSnapshot) => string | undefined,
): Finding[] {
  const findings: Finding[] = [];
  const firsts = new Map<string, MemberSnapshot>();
  const reported = new Set<string>();
  for (const snapshot of snapshots) {
    const place = placeOf(snapshot);
    if (place === undefined) continue;
    const first = firsts.get(place);
    if (first === undefined) {
      firsts.set(place, snapshot);
      continue;
    }
    const pair = [first.member, snapshot.member].sort().join('/');
    if (reported.has(pair)) continue;
    const message = differenceBetween(first, snapshot);
    if (message === undefined) continue;
    reported.add(pair);
    findings.push({check, kind: 'violation', message, atUs: snapshot.atUs});
  }
  return findings;
}
