// Quorums against their definition, for every small configuration that fast-check comes up with.
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import type {MemberId} from '../../base/ids.ts';
import {toMemberId} from '../../base/ids.ts';
import {committedByCounting} from './lab/quorum-lab.ts';
import type {AckedIndexes} from './quorum.ts';
import {compareMemberIds, jointCommitted, jointVote, majorityCommitted, majorityVote, unionOfVoters} from './quorum.ts';

const member = fc.integer({min: 1, max: 9}).map((value) => toMemberId(value));
const voters = fc.uniqueArray(member, {maxLength: 9}).map((ids) => ids.sort(compareMemberIds));
const indexes = fc
  .array(fc.tuple(member, fc.integer({min: 1, max: 12})), {maxLength: 12})
  .map((pairs) => new Map(pairs));
const votes = fc.array(fc.tuple(member, fc.boolean()), {maxLength: 12}).map((pairs) => new Map(pairs));
const run = {seed: 7, numRuns: 2_000};

const acked = (known: ReadonlyMap<MemberId, number>): AckedIndexes => ({ackedIndex: (id) => known.get(id)});

/** All ways in which the voters that have not voted could still vote. */
function possibleOutcomes(ids: readonly MemberId[], cast: ReadonlyMap<MemberId, boolean>): Set<boolean> {
  const open = ids.filter((id) => !cast.has(id));
  const outcomes = new Set<boolean>();
  for (let bits = 0; bits < 2 ** open.length; bits++) {
    const granted = ids.filter((id) => cast.get(id) ?? ((bits >> open.indexOf(id)) & 1) === 1).length;
    outcomes.add(granted * 2 > ids.length);
  }
  return outcomes;
}

describe('committed index', () => {
  test('of a majority is the highest that more than half have', () => {
    fc.assert(
      fc.property(voters, indexes, (ids, known) => {
        expect(majorityCommitted(ids, acked(known))).toBe(committedByCounting(ids, acked(known)));
      }),
      run,
    );
  });

  test('of two majorities is the lower one, whichever comes first', () => {
    fc.assert(
      fc.property(voters, voters, indexes, (incoming, outgoing, known) => {
        const both = jointCommitted(incoming, outgoing, acked(known));
        const lower = Math.min(
          committedByCounting(incoming, acked(known)),
          committedByCounting(outgoing, acked(known)),
        );
        expect(both).toBe(lower);
        expect(jointCommitted(outgoing, incoming, acked(known))).toBe(both);
      }),
      run,
    );
  });

  test('never falls when a voter reports more', () => {
    fc.assert(
      fc.property(voters, voters, indexes, member, (incoming, outgoing, known, id) => {
        const more = new Map(known).set(id, (known.get(id) ?? 0) + 5);
        const before = jointCommitted(incoming, outgoing, acked(known));
        expect(jointCommitted(incoming, outgoing, acked(more))).toBeGreaterThanOrEqual(before);
      }),
      run,
    );
  });
});

describe('votes', () => {
  test('are won or lost when no vote still out can change that, and pending otherwise', () => {
    fc.assert(
      fc.property(voters, votes, (ids, cast) => {
        const outcomes = possibleOutcomes(ids, cast);
        const expected =
          ids.length === 0 ? 'won' : outcomes.size === 2 ? 'pending' : outcomes.has(true) ? 'won' : 'lost';
        expect(majorityVote(ids, cast)).toBe(expected);
      }),
      {seed: 7, numRuns: 500},
    );
  });

  test('of two majorities: lost if either is, won if both are', () => {
    fc.assert(
      fc.property(voters, voters, votes, (incoming, outgoing, cast) => {
        const results = [majorityVote(incoming, cast), majorityVote(outgoing, cast)];
        const expected = results.includes('lost') ? 'lost' : results.includes('pending') ? 'pending' : 'won';
        expect(jointVote(incoming, outgoing, cast)).toBe(expected);
      }),
      run,
    );
  });

  test('two elections of one configuration are never both won by different sides', () => {
    fc.assert(
      fc.property(voters, voters, votes, (incoming, outgoing, cast) => {
        fc.pre(incoming.length > 0);
        const against = new Map([...cast].map(([id, vote]) => [id, !vote] as const));
        const results = [jointVote(incoming, outgoing, cast), jointVote(incoming, outgoing, against)];
        expect(results.filter((result) => result === 'won').length).toBeLessThanOrEqual(1);
      }),
      run,
    );
  });
});

test('the union of voters is sorted and without repetition', () => {
  const ids = [3, 1, 2].map((value) => toMemberId(value));
  expect(unionOfVoters(ids.slice(0, 2).sort(), ids.slice(1).sort())).toEqual(
    [1, 2, 3].map((value) => toMemberId(value)),
  );
});
