// server-core/raft/quorum.ts: what a majority, or two majorities at once, have agreed on.
// A majority configuration is its voters, sorted and without repetition. A joint one has two of them, and both must agree
// (thesis 4.3); an empty second one agrees with everything. etcd: package quorum.
import type {MemberId} from '../../base/ids.ts';

/** What each voter is known to have; undefined for a voter that has not reported. quorum.AckedIndexer. */
export interface AckedIndexes {
  ackedIndex(id: MemberId): number | undefined;
}

/** quorum.VoteResult. */
export type VoteResult = 'pending' | 'lost' | 'won';

/** The highest index that a majority has; Infinity for nobody's majority, which leaves the decision to the other one. */
export function majorityCommitted(voters: readonly MemberId[], acked: AckedIndexes): number {
  const count = voters.length;
  if (count === 0) return Number.POSITIVE_INFINITY;
  // Kept in rising order by insertion: groups are small, and a comparator call would cost more than the shifting.
  const indexes: number[] = [];
  for (let i = 0; i < count; i++) {
    const index = acked.ackedIndex(voters[i] as MemberId) ?? 0;
    let at = i;
    while (at > 0 && (indexes[at - 1] as number) > index) {
      indexes[at] = indexes[at - 1] as number;
      at--;
    }
    indexes[at] = index;
  }
  return indexes[count - majoritySize(count)] as number;
}

/** The highest index that both majorities have. */
export function jointCommitted(
  voters: readonly MemberId[],
  votersOutgoing: readonly MemberId[],
  acked: AckedIndexes,
): number {
  const incoming = majorityCommitted(voters, acked);
  if (votersOutgoing.length === 0) return incoming;
  const outgoing = majorityCommitted(votersOutgoing, acked);
  return Math.min(incoming, outgoing);
}

/** The outcome of a vote so far. An election nobody takes part in is won. */
export function majorityVote(voters: readonly MemberId[], votes: ReadonlyMap<MemberId, boolean>): VoteResult {
  if (voters.length === 0) return 'won';
  let granted = 0;
  let missing = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === undefined) missing++;
    else if (vote) granted++;
  }
  const needed = majoritySize(voters.length);
  if (granted >= needed) return 'won';
  return granted + missing >= needed ? 'pending' : 'lost';
}

/** Lost if either majority is lost, won if both are won. */
export function jointVote(
  voters: readonly MemberId[],
  votersOutgoing: readonly MemberId[],
  votes: ReadonlyMap<MemberId, boolean>,
): VoteResult {
  const incoming = majorityVote(voters, votes);
  const outgoing = majorityVote(votersOutgoing, votes);
  if (incoming === outgoing) return incoming;
  return incoming === 'lost' || outgoing === 'lost' ? 'lost' : 'pending';
}

/** How many of so many voters are a majority. */
export function majoritySize(voterCount: number): number {
  return (voterCount >>> 1) + 1;
}

/** Both lists as one, sorted, without repetition. */
export function unionOfVoters(voters: readonly MemberId[], votersOutgoing: readonly MemberId[]): readonly MemberId[] {
  if (votersOutgoing.length === 0) return voters;
  return [...new Set([...voters, ...votersOutgoing])].sort(compareMemberIds);
}

/** Ids in numeric order, which their text has too. */
export function compareMemberIds(a: MemberId, b: MemberId): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
