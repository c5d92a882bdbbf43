// checkers/cluster/member-lists.ts: a member's lists of members are one list.
// - membership-equality: up to 3.6 the v2 store and the backend hold the same members and removed ids (version-rules 8.2);
// - raft-membership: raft's voters and learners are those of the list.
// Both hold between two entries, once a member has applied again what it had before its last start.
import type {ListedMember, MemberList, MemberSnapshot} from '../../history/cluster-log.ts';
import type {Finding} from '../../history/verdict.ts';

/** Judges each snapshot by itself; one finding for each member and check. */
export function checkMemberLists(snapshots: readonly MemberSnapshot[]): Finding[] {
  const findings: Finding[] = [];
  const reported = new Set<string>();
  const report = (check: string, {member, release, appliedIndex, atUs}: MemberSnapshot, text: string) => {
    if (reported.has(`${check}/${member}`)) return;
    reported.add(`${check}/${member}`);
    findings.push({
      check,
      kind: 'violation',
      message: `after entry ${appliedIndex}, ${member} (${release}) ${text}`,
      atUs,
    });
  };
  for (const snapshot of snapshots) {
    const {v2Members, backendMembers, raft, isCaughtUp} = snapshot;
    if (!isCaughtUp) continue;
    if (v2Members !== undefined && backendMembers !== undefined) {
      const difference = differenceOf(v2Members, backendMembers);
      if (difference !== undefined) {
        const lists = `${describeList(v2Members)} in its v2 store, but ${describeList(backendMembers)} in its backend`;
        report('membership-equality', snapshot, `has ${lists}: ${difference}`);
      }
    }
    for (const [place, list] of [
      ['v2 store', v2Members],
      ['backend', backendMembers],
    ] as const) {
      if (raft === undefined || list === undefined) continue;
      const difference = raftDifference(list, raft);
      if (difference !== undefined)
        report('raft-membership', snapshot, `differs from raft in its ${place}: ${difference}`);
    }
  }
  return findings;
}

/** What differs between two lists, in words; undefined when they are equal. */
export function differenceOf(a: MemberList, b: MemberList): string | undefined {
  const others = new Map(b.members.map((member) => [member.id, member]));
  for (const member of sorted(a.members)) {
    const other = others.get(member.id);
    if (other === undefined) return `${member.id} is in the first only`;
    others.delete(member.id);
    const difference = memberDifference(member, other);
    if (difference !== undefined) return `${member.id} has ${difference}`;
  }
  for (const id of [...others.keys()].sort()) return `${id} is in the second only`;
  const [removed, otherRemoved] = [new Set(a.removed), new Set(b.removed)];
  for (const id of [...removed].sort()) if (!otherRemoved.has(id)) return `${id} is removed in the first only`;
  for (const id of [...otherRemoved].sort()) if (!removed.has(id)) return `${id} is removed in the second only`;
  return undefined;
}

function memberDifference(a: ListedMember, b: ListedMember): string | undefined {
  if (a.isLearner !== b.isLearner) return `learner ${a.isLearner} and ${b.isLearner}`;
  if (a.name !== b.name) return `the names "${a.name}" and "${b.name}"`;
  const [peers, otherPeers] = [urls(a.peerUrls), urls(b.peerUrls)];
  if (peers !== otherPeers) return `the peer URLs ${peers} and ${otherPeers}`;
  const [clients, otherClients] = [urls(a.clientUrls), urls(b.clientUrls)];
  return clients === otherClients ? undefined : `the client URLs ${clients} and ${otherClients}`;
}

const urls = (list: readonly string[]): string => `[${[...list].sort().join(', ')}]`;

const sorted = (members: readonly ListedMember[]): readonly ListedMember[] =>
  [...members].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));

/** `3 members (1 learner), 1 removed`. */
export function describeList({members, removed}: MemberList): string {
  const learners = members.filter(({isLearner}) => isLearner).length;
  const some = `${members.length} ${members.length === 1 ? 'member' : 'members'}`;
  return (
    some + (learners > 0 ? ` (${learners} learner)` : '') + (removed.length > 0 ? `, ${removed.length} removed` : '')
  );
}

function raftDifference(
  list: MemberList,
  raft: {readonly voters: readonly string[]; readonly learners: readonly string[]},
): string | undefined {
  const roles = new Map<string, string>();
  for (const id of raft.voters) roles.set(id, 'voter');
  for (const id of raft.learners) roles.set(id, 'learner');
  for (const {id, isLearner} of sorted(list.members)) {
    const role = isLearner ? 'learner' : 'voter';
    const other = roles.get(id);
    if (other !== role)
      return `${id} is a ${role} in the list, but ${other === undefined ? 'not there' : `a ${other}`} in raft`;
    roles.delete(id);
  }
  for (const [id, role] of roles) return `raft has the ${role} ${id}, the list has not`;
  return undefined;
}
