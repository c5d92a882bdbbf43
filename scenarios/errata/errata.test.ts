// Every known bug is found by a general check in releases that have it, and by none in those that have not, with the same seeds.
import {describe, expect, test} from 'vitest';
import type {ErratumId} from '../../server-core/errata/registry.ts';
import {isAffected} from '../../server-core/errata/registry.ts';
import {branchesOf, ERRATUM_IDS, newestAffected} from './branches.ts';
import {findErratum, runErratum} from './search.ts';

/** A release with the bug, the first without it behind that, seeds that find it, and the check that speaks. */
const CASES: readonly (readonly [ErratumId, string, string, number, number, string])[] = [
  ['13766', '3.5.2', '3.5.3', 6, 7, 'linearizability'],
  ['14370', '3.0.17', '3.4.21', 1, 3, 'linearizability'],
  ['14370', '3.1.20', '3.4.21', 1, 3, 'linearizability'],
  ['14370', '3.2.32', '3.4.21', 1, 3, 'linearizability'],
  ['14370', '3.3.27', '3.4.21', 1, 3, 'linearizability'],
  ['14370', '3.5.4', '3.5.5', 1, 3, 'linearizability'],
  ['14685', '3.5.5', '3.5.6', 1, 2, 'linearizability'],
  ['15271', '3.1.20', '3.4.25', 1, 2, 'watch-ordered'],
  ['15271', '3.2.32', '3.4.25', 1, 2, 'watch-ordered'],
  ['15271', '3.4.24', '3.4.25', 1, 2, 'watch-ordered'],
  ['15271', '3.5.7', '3.5.8', 1, 2, 'watch-ordered'],
  ['17780', '3.0.17', '3.4.32', 1, 2, 'linearizability'],
  ['17780', '3.4.31', '3.4.32', 1, 2, 'linearizability'],
  ['17780', '3.5.13', '3.5.14', 1, 2, 'linearizability'],
  ['18089', '3.0.17', '3.5.16', 1, 2, 'watch-resumable'],
  ['18089', '3.3.27', '3.5.16', 1, 2, 'watch-resumable'],
  ['18089', '3.4.33', '3.4.34', 1, 2, 'watch-resumable'],
  ['18667', '3.1.20', '3.7.0', 1, 2, 'linearizability'],
  ['18667', '3.6.14', '3.7.0', 1, 2, 'linearizability'],
  ['19557', '3.5.19', '3.5.20', 1, 2, 'panic'],
  ['19557', '3.5.1', '3.5.26', 1, 2, 'panic'],
  ['20221-events', '3.2.32', '3.4.38', 1, 2, 'watch-start-revision'],
  ['20221-events', '3.4.37', '3.4.38', 1, 2, 'watch-start-revision'],
  ['20221-events', '3.6.1', '3.6.2', 1, 2, 'watch-start-revision'],
  ['20418', '3.4.41', '3.4.42', 1, 6, 'linearizability'],
  ['20418', '3.5.27', '3.5.28', 1, 6, 'linearizability'],
  ['20418', '3.6.8', '3.6.9', 118, 120, 'linearizability'],
];

test('what a check finds in a release outside the ranges is not called this bug', () => {
  // Before 3.1.11 watchers are not woken by a snapshot at all: another bug.
  const {found} = findErratum('15271', '3.1.0', {seeds: {from: 1, to: 20}});
  expect(found).toMatchObject({finding: {check: 'watch-reliable'}, isThisBug: false});
  expect(findErratum('15271', '3.3.27', {seeds: {from: 1, to: 2}}).found?.isThisBug).toBe(true);
});

test('all ten are among them', () => {
  expect([...new Set(CASES.map(([id]) => id))].sort()).toEqual([...ERRATUM_IDS].sort());
});

describe.each(CASES)('%s: found in %s, absent in %s', (id, affected, fixed, from, to, check) => {
  test('by a general check', () => {
    expect([isAffected(id, affected), isAffected(id, fixed)]).toEqual([true, false]);
    const {found} = findErratum(id, affected, {seeds: {from, to}});
    expect(found?.finding.check).toBe(check);
    expect(found?.atUs).toBeGreaterThan(0);
    for (let seed = from; seed <= to; seed++) expect(runErratum(id, fixed, seed).findings, `seed ${seed}`).toEqual([]);
  });
});

test('a seed is played the same way every time', () => {
  const [first, second] = [runErratum('14685', '3.5.5', 3), runErratum('14685', '3.5.5', 3)];
  expect(first.findings.length).toBeGreaterThan(0);
  expect(second).toEqual(first);
});

test('a search ends with its seeds, and with its events', () => {
  const ended = findErratum('18089', '3.6.0', {seeds: {from: 1, to: 2}});
  expect(ended).toMatchObject({tries: 2, found: undefined, isBudgetSpent: false});
  const bounded = findErratum('18089', '3.6.0', {seeds: {from: 1, to: 1_000}, eventsMax: 1});
  expect(bounded).toMatchObject({tries: 1, found: undefined, isBudgetSpent: true});
});

test('branches are the last release with a bug and the first without, minor by minor', () => {
  expect(branchesOf('15271')).toEqual([
    {minor: '3.1', affected: '3.1.20', fixed: undefined},
    {minor: '3.2', affected: '3.2.32', fixed: undefined},
    {minor: '3.3', affected: '3.3.27', fixed: undefined},
    {minor: '3.4', affected: '3.4.24', fixed: '3.4.25'},
    {minor: '3.5', affected: '3.5.7', fixed: '3.5.8'},
    {minor: '3.6', affected: undefined, fixed: '3.6.0'},
    {minor: '3.7', affected: undefined, fixed: '3.7.0'},
  ]);
  expect(branchesOf('19557')).toEqual([{minor: '3.5', affected: '3.5.19', fixed: '3.5.20'}]);
  expect(branchesOf('18667')[0]).toEqual({minor: '3.1', affected: '3.1.20', fixed: undefined});
  expect(branchesOf('17780')[0]).toEqual({minor: '3.0', affected: '3.0.17', fixed: undefined});
  expect(newestAffected('18667')).toBe('3.6.14');
});
