// server-core/raft/lab/quorum-lab.ts: the commands of the suites about quorums: committed and vote.
// 'committed cfg=(1,2) cfgj=(2,3) idx=(100,_,101)': indexes go to the voters in the order of their first mention, '_' is a
// voter that has not reported. Rules that must hold whatever the numbers (a joint quorum's symmetry, joining with nothing or
// with itself) are tried on each case, and a breach shows in the output. etcd: quorum's datadriven_test.

import type {MemberId} from '../../../base/ids.ts';
import {toMemberId} from '../../../base/ids.ts';
import {InputError} from '../../../base/input-error.ts';
import {formatDecimalId} from '../../raftpb/decimal-id.ts';
import type {AckedIndexes, VoteResult} from '../quorum.ts';
import {
  compareMemberIds,
  jointCommitted,
  jointVote,
  majorityCommitted,
  majorityVote,
  unionOfVoters,
} from '../quorum.ts';
import type {Command} from './data-driven.ts';
import {argValues, parseNumber} from './data-driven.ts';
import {drawQuorum, formatIndex} from './quorum-picture.ts';

/** The indexes that were given; a voter without one has not reported. */
class GivenIndexes implements AckedIndexes {
  private readonly indexes: ReadonlyMap<MemberId, number>;

  constructor(indexes: ReadonlyMap<MemberId, number>) {
    this.indexes = indexes;
  }

  ackedIndex(id: MemberId): number | undefined {
    return this.indexes.get(id);
  }

  /** The same with one voter's index set to another. */
  with(id: MemberId, index: number): GivenIndexes {
    return new GivenIndexes(new Map([...this.indexes, [id, index]]));
  }
}

/** Voters of a case: sorted sets, and the order of first mention that values are given in. */
interface Case {
  readonly voters: readonly MemberId[];
  /** Undefined for a majority quorum; empty for one joint with nothing. */
  readonly outgoing: readonly MemberId[] | undefined;
  readonly mentioned: readonly MemberId[];
}

/** The cases do not depend on each other. */
export function makeQuorumRunner(): (command: Command) => string {
  return runQuorum;
}

function runQuorum(command: Command): string {
  const given = readCase(command);
  const key = command.name === 'vote' ? 'votes' : 'idx';
  const values = argValues(command, key);
  if (values.length !== given.mentioned.length) {
    const voters = [...given.mentioned].sort(compareMemberIds).map((id) => `${formatDecimalId(id)}:{}`);
    return `error: mismatched input (explicit or _) for voters map[${voters.join(' ')}]: [${values.join(' ')}]`;
  }
  if (command.name === 'vote') return runVote(command, given, values);
  if (command.name === 'committed') return runCommitted(command, given, values);
  throw new InputError(`line ${command.line}: unknown command ${command.name}`);
}

function readCase(command: Command): Case {
  const ids = (key: string): MemberId[] => {
    const values = argValues(command, key);
    return values[0] === 'zero' ? [] : values.map((text) => toMemberId(parseNumber(command, text, key)));
  };
  const voters = ids('cfg');
  const outgoing = ids('cfgj');
  const isJoint = argValues(command, 'cfgj').length > 0;
  const sorted = (list: readonly MemberId[]): MemberId[] => [...new Set(list)].sort(compareMemberIds);
  return {
    voters: sorted(voters),
    outgoing: isJoint ? sorted(outgoing) : undefined,
    mentioned: [...new Set([...voters, ...outgoing])],
  };
}

function runCommitted(command: Command, {voters, outgoing, mentioned}: Case, values: readonly string[]): string {
  const indexes = new Map<MemberId, number>();
  mentioned.forEach((id, i) => {
    const value = values[i] as string;
    if (value !== '_') indexes.set(id, parseNumber(command, value, 'idx'));
  });
  const acked = new GivenIndexes(indexes);
  if (outgoing !== undefined) {
    const index = jointCommitted(voters, outgoing, acked);
    const mirrored = jointCommitted(outgoing, voters, acked);
    const breach = mirrored === index ? '' : `${formatIndex(mirrored)} <-- via symmetry\n`;
    return `${drawQuorum(unionOfVoters(voters, outgoing), acked)}${breach}${formatIndex(index)}\n`;
  }
  const index = majorityCommitted(voters, acked);
  return `${drawQuorum(voters, acked)}${breachesOfMajority(voters, acked, index)}${formatIndex(index)}\n`;
}

/** What should give the same index and does not. */
function breachesOfMajority(voters: readonly MemberId[], acked: GivenIndexes, index: number): string {
  let breaches = '';
  const expectSame = (other: number, how: string): void => {
    if (other !== index) breaches += `${formatIndex(other)} <-- ${how}\n`;
  };
  expectSame(committedByCounting(voters, acked), 'via alternative computation');
  expectSame(jointCommitted(voters, [], acked), 'via zero-joint quorum');
  expectSame(jointCommitted(voters, voters, acked), 'via self-joint quorum');
  for (const id of voters) {
    const own = acked.ackedIndex(id) ?? 0;
    if (own === 0 || own >= index) continue;
    // This voter is not among those that have committed the index: it may have less and nothing changes.
    expectSame(majorityCommitted(voters, acked.with(id, own - 1)), `overlaying ${formatDecimalId(id)}->${own - 1}`);
    expectSame(majorityCommitted(voters, acked.with(id, 0)), `overlaying ${formatDecimalId(id)}->0`);
  }
  return breaches;
}

/** The definition itself: the highest index reported by anyone that at least a majority has reached. */
export function committedByCounting(voters: readonly MemberId[], acked: AckedIndexes): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY;
  let best = 0;
  for (const candidate of voters) {
    const index = acked.ackedIndex(candidate) ?? 0;
    const have = voters.filter((id) => (acked.ackedIndex(id) ?? 0) >= index).length;
    if (have * 2 > voters.length && index > best) best = index;
  }
  return best;
}

const VOTE_NAMES: Readonly<Record<VoteResult, string>> = {pending: 'VotePending', lost: 'VoteLost', won: 'VoteWon'};

function runVote(command: Command, {voters, outgoing, mentioned}: Case, values: readonly string[]): string {
  const votes = new Map<MemberId, boolean>();
  mentioned.forEach((id, i) => {
    const value = values[i] as string;
    if (value !== 'y' && value !== 'n' && value !== '_') {
      throw new InputError(`line ${command.line}: unknown vote: ${value}`);
    }
    if (value !== '_') votes.set(id, value === 'y');
  });
  if (outgoing === undefined) return `${VOTE_NAMES[majorityVote(voters, votes)]}\n`;
  const result = jointVote(voters, outgoing, votes);
  const mirrored = jointVote(outgoing, voters, votes);
  const breach = mirrored === result ? '' : `${VOTE_NAMES[mirrored]} <-- via symmetry\n`;
  return `${breach}${VOTE_NAMES[result]}\n`;
}
