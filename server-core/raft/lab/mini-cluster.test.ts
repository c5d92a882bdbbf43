// Raft's promises under random faults; and that these checks find each of the deliberate defects.
import {describe, expect, test} from 'vitest';
import {Random} from '../../../base/random.ts';
import type {MiniClusterOptions} from './mini-cluster.ts';
import {MiniCluster} from './mini-cluster.ts';

const SEEDS = 400;
const ACTS = 4_000;

function optionsFor(seed: number, random: Random): MiniClusterOptions {
  const checkQuorum = random.below(2) === 0;
  return {
    members: random.pick([3, 3, 5]),
    asyncStorage: seed % 3 === 0,
    preVote: random.below(2) === 0,
    checkQuorum,
    readOnlyOption: 'safe',
    membershipChanges: random.below(3) === 0,
    defects: {},
  };
}

function runCluster(seed: number, change: Partial<MiniClusterOptions> = {}): MiniCluster {
  const random = Random.fromSeed(seed);
  const options = {...optionsFor(seed, random.stream('options')), ...change};
  const cluster = new MiniCluster(options, random.stream('acts'));
  for (let act = 0; act < ACTS; act++) {
    cluster.act();
    if (act % 100 === 0) cluster.checks.checkLogMatching(cluster.members.map(({raw}) => raw));
  }
  return cluster;
}

describe('a small cluster under loss, duplication, reordering, isolation and crashes', () => {
  test('keeps every promise, and makes progress when the faults end', {timeout: 60_000}, () => {
    let committed = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        const cluster = runCluster(seed);
        cluster.settle(200);
        cluster.checks.checkLogMatching(cluster.members.map(({raw}) => raw));
        committed += Math.max(...cluster.members.map(({raw}) => raw.committed));
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
      }
    }
    // The runs are about something: logs have grown.
    expect(committed).toBeGreaterThan(SEEDS * 20);
  });

  test('one seed is one run', () => {
    const digest = (): string => JSON.stringify(runCluster(17).members.map(({raw}) => raw.basicStatus()));
    expect(digest()).toBe(digest());
  });

  test.each([
    [
      'commitWithoutQuorum',
      /leader completeness|two entries|state machine safety|conflict with committed|out of range/,
    ],
    ['voteTwice', /two votes in one term|two leaders in one term/],
    ['staleReadIndex', /a stale read/],
  ] as const)('the defect %s is found', (defect, finding) => {
    const findings: string[] = [];
    for (let seed = 1; seed <= 100 && findings.length < 3; seed++) {
      try {
        runCluster(seed, {defects: {[defect]: true}, asyncStorage: false, membershipChanges: false});
      } catch (error) {
        findings.push(String(error));
      }
    }
    expect(findings.length).toBe(3);
    for (const text of findings) expect(text).toMatch(finding);
  });
});
