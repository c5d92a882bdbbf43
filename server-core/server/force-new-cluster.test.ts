// What --force-new-cluster makes of a log: where it cuts, whom it removes, and what each release gets wrong (UM-29).
import {expect, test} from 'vitest';
import type {MemberId} from '../../base/ids.ts';
import {toMemberId} from '../../base/ids.ts';
import {makeConfChange} from '../raftpb/conf-change.ts';
import {decodeConfChange, encodeConfChange} from '../raftpb/conf-change-codec.ts';
import type {ConfChangeType, Entry} from '../raftpb/types.ts';
import {makeConfState} from '../raftpb/types.ts';
import {forceBehaviours, forceNewCluster} from './force-new-cluster.ts';

const [one, two, three, learner] = [1, 2, 3, 4].map(toMemberId) as [MemberId, MemberId, MemberId, MemberId];
const hardState = {term: 3, vote: one, commit: 6};

const entry = (index: number, change?: [ConfChangeType, MemberId]): Entry =>
  change === undefined
    ? {type: 'EntryNormal', term: 3, index, data: undefined}
    : {type: 'EntryConfChange', term: 3, index, data: encodeConfChange(makeConfChange(...change))};

/** A snapshot at 4 with members 1 to 3, of which the log has six entries; the sixth is committed. */
function forced(release: string, log: Partial<Parameters<typeof forceNewCluster>[1]> = {}) {
  const entries = [5, 6, 7, 8].map((index) => entry(index));
  const confState = makeConfState({voters: [one, two, three]});
  const made = forceNewCluster(forceBehaviours(release), {
    self: two,
    hardState,
    entries,
    confState,
    consistentIndex: 6,
    ...log,
  });
  const shown = made.added.map(({index, data}) => {
    const {type, nodeId} = decodeConfChange(data ?? new Uint8Array(0));
    return `${index} ${type.replace('ConfChange', '')} ${Number.parseInt(nodeId, 16)}`;
  });
  return {commit: made.hardState.commit, indexes: made.entries.map(({index}) => index), added: shown};
}

test('what is not committed goes, the others are removed, and that counts as committed', () => {
  expect(forced('3.6.6')).toEqual({commit: 8, indexes: [5, 6, 7, 8], added: ['7 RemoveNode 1', '8 RemoveNode 3']});
});

test.each([
  ['3.5.21', '7 RemoveNode 1'],
  ['3.5.22', '9 RemoveNode 1'],
  ['3.6.0', '7 RemoveNode 1'],
  ['3.6.1', '9 RemoveNode 1'],
  ['3.7.0', '9 RemoveNode 1'],
])('%s begins behind what is committed, or behind what the database has applied', (release, first) => {
  expect(forced(release, {consistentIndex: 8}).added[0]).toBe(first);
});

test.each([
  ['3.5.24', false],
  ['3.5.25', true],
  ['3.6.5', false],
  ['3.6.6', true],
  ['3.7.0', false],
])('%s and a learner that only the snapshot knows', (release, isRemoved) => {
  const confState = makeConfState({voters: [one, two, three], learners: [learner]});
  expect(forced(release, {confState}).added.some((change) => change.endsWith('RemoveNode 4'))).toBe(isRemoved);
});

test('the log counts: additions, removals, and learners where they can be read', () => {
  const entries = [entry(5, ['ConfChangeRemoveNode', three]), entry(6, ['ConfChangeAddLearnerNode', learner])];
  expect(forced('3.4.14', {entries}).added).toEqual(['7 RemoveNode 1', '8 RemoveNode 4']);
  for (const release of ['3.3.25', '3.4.13']) {
    expect(() => forced(release, {entries})).toThrow('ConfChange Type should be either');
  }
});

test('a member that was removed comes back: before the others go, and behind them in 3.3', () => {
  const entries = [entry(5, ['ConfChangeRemoveNode', two]), entry(6)];
  expect(forced('3.4.23', {entries}).added).toEqual(['7 AddNode 2', '8 RemoveNode 1', '9 RemoveNode 3']);
  expect(forced('3.3.25', {entries}).added).toEqual(['7 RemoveNode 1', '8 RemoveNode 3', '9 AddNode 2']);
});
