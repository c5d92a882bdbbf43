// What is drawn when nobody says --path: every minor comes up in a campaign of a few seeds, the old ones too.
import {describe, expect, test} from 'vitest';
import {minorOf} from '../../server-core/release/release.ts';
import {releasesOf} from '../plan.ts';
import {planOf} from '../run-scenario.ts';

const SEEDS = Array.from({length: 20}, (_, index) => index + 1);
const SCENARIOS = [
  'rolling-upgrade',
  'upgrade-then-rollback',
  'skip-minor',
  'mixed-forever',
  'replace-all-members',
  'disaster-recovery',
];

const drawn = (scenario: string): string[][] =>
  SEEDS.map((seed) => releasesOf(planOf(scenario, {seed})).map((release) => minorOf(release)));

describe('twenty seeds of every scenario', () => {
  const all = SCENARIOS.flatMap(drawn);

  test.each(['3.0', '3.1', '3.2', '3.3', '3.4', '3.5', '3.6', '3.7'])('meet %s', (minor) => {
    expect(all.filter((minors) => minors.includes(minor)).length).toBeGreaterThan(1);
  });

  test('are mostly of releases that are in use', () => {
    const old = all.filter((minors) => minors.some((minor) => minor < '3.3'));
    expect(old.length).toBeLessThan(all.length / 3);
  });
});
