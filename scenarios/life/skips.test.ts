// Skipped minors: what is foretold of each jump is what comes of it, for every pair of minors from 3.0 to 3.7.
import {describe, expect, test} from 'vitest';
import {planOf, runScenario} from '../run-scenario.ts';
import type {Jump} from './skips.ts';
import {jumpOf} from './skips.ts';

const NEWEST = ['3.0.17', '3.1.20', '3.2.32', '3.3.27', '3.4.45', '3.5.33', '3.6.14', '3.7.1'];
const PAIRS = NEWEST.flatMap((from, index) => NEWEST.slice(index + 2).map((to) => [from, to] as const));

/** How many processes end as their releases do, of three members. */
const ENDINGS: Record<Jump, number> = {
  works: 0,
  'newer-members-wait': 0,
  'older-members-end': 2,
  'newer-member-ends': 1,
  'newer-member-ends-on-reads': 1,
};

describe('every jump over a minor', () => {
  test.each(PAIRS)('%s -> %s', (from, to) => {
    const jump = jumpOf(from, to);
    const {findings, statistics} = runScenario('skip-minor', {
      seed: 1,
      overrides: [
        {path: 'path', value: `${from},${to}`},
        {path: 'cluster.memberCount', value: 3},
        {path: 'safetyUs', value: 1_000_000},
      ],
    });
    expect(findings).toEqual([]);
    expect(statistics.marks['member ended as its release does'] ?? 0).toBe(ENDINGS[jump]);
  });

  test.each([
    ['3.3.27,3.5.33', true],
    ['3.4.45,3.6.14', false],
    ['3.5.33,3.7.1', false],
  ])('%s has faults and a past now and then: %s', (path, isDisturbed) => {
    const seeds = Array.from({length: 20}, (_, seed) => seed);
    const plans = seeds.map((seed) => planOf('skip-minor', {seed, overrides: [{path: 'path', value: path}]}));
    expect(plans.some(({faults}) => faults.length > 0)).toBe(isDisturbed);
    expect(plans.some(({history}) => history !== 'fresh')).toBe(isDisturbed);
  });

  test.each<[string, string, Jump]>([
    ['3.0.17', '3.2.32', 'works'],
    ['3.0.17', '3.4.45', 'newer-members-wait'],
    ['3.3.27', '3.5.33', 'works'],
    ['3.4.28', '3.6.14', 'newer-member-ends-on-reads'],
    ['3.4.29', '3.6.14', 'older-members-end'],
    ['3.0.17', '3.7.0', 'newer-member-ends'],
    ['3.4.23', '3.7.0', 'newer-member-ends'],
    ['3.5.33', '3.7.1', 'newer-member-ends'],
  ])('%s -> %s: %s', (from, to, jump) => expect(jumpOf(from, to)).toBe(jump));
});
