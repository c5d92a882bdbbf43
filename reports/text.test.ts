// The plain text of runs and campaigns.
import {expect, test} from 'vitest';
import {campaignText, campaignTotal, groupFailures} from './campaign-page.ts';
import {matchCount, matchingOperations} from './filter.ts';
import {duration, exactSeconds, grouped, listed, longDuration, shortSeconds} from './format.ts';
import {summarizePlan} from './plan-summary.ts';
import {reproduceLine} from './reproduce.ts';
import {drawRecord, recordOf, staleRead} from './testing/sample-record.ts';
import {runText} from './text.ts';
import {runView} from './view-model.ts';

test('a violation as a sketch: bars from call to return, numbers in the order found, a cross on the misfit', () => {
  expect(`${runText(staleRead()).join('\n')}\n`).toBe(`swarm seed 17: violation, with the planted defect stale-read
etcd 3.6.0; 4 operations (4 ok, 0 refused, 0 unknown), 0 events, 2.00 s of virtual time; digest 0123456789abcdef
✗ linearizability at 0.012000 s, key k: a read of k answers a, although b was stored before it was called

around the first error:
            0.001000 s                                                    0.012000 s
  client 0  |========================|                                                 1
            #0 put k = a → stored
  client 1        |===============================|                                    2
            #1 get k → k = a @2 v1
  client 0                                  |==================|                       3
            #2 put k = b → stored
  client 1                                                            |============|   ✗
            #3 get k → k = a @2 v1
the longest order found ends with 3; #3 (✗) cannot come next: then k = b @3

again: bin/etcdsim run swarm --seed 17 --plant stale-read
`);
});

test('a run that passed is three lines and the line that shows it again', () => {
  expect(runText(recordOf())).toEqual([
    'swarm seed 17: ok',
    'etcd 3.6.0; 0 operations (0 ok, 0 refused, 0 unknown), 0 events, 2.00 s of virtual time; digest 0123456789abcdef',
    '',
    'again: bin/etcdsim run swarm --seed 17',
  ]);
});

test('a text stays short whatever the run', () => {
  const lines = runText(
    drawRecord({
      seed: 1,
      operationCount: 3_000,
      clientCount: 9,
      keyCount: 5,
      meanUs: 9_000,
      valueSize: 400,
      withFaults: true,
      withViolation: true,
    }),
  );
  expect(lines.length).toBeLessThan(60);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(400);
  expect(lines.at(-1)).toBe('again: bin/etcdsim run swarm --seed 1 --plant stale-read');
});

test('a scenario name that a shell would split is quoted', () => {
  expect(reproduceLine({scenario: "it's odd", seed: 4, plant: undefined})).toBe(
    "bin/etcdsim run 'it'\\''s odd' --seed 4",
  );
});

test('what has an option of its own is written with it', () => {
  const overrides = [
    {path: 'path', value: '3.5.19,3.6.14'},
    {path: 'history', value: 'promoted-learner'},
    {path: 'cluster.memberCount', value: 5},
  ];
  expect(reproduceLine({scenario: 'rolling-upgrade', seed: 2, plant: undefined, overrides})).toBe(
    'bin/etcdsim run rolling-upgrade --seed 2 --path 3.5.19,3.6.14 --history promoted-learner --set cluster.memberCount=5',
  );
});

test('a plan in words; an unknown plan says nothing', () => {
  expect(
    summarizePlan({
      cluster: {memberCount: 3, release: '3.6.0'},
      traffic: {clientCount: 1, keyCount: 10, operationsPerSecond: 0},
      faults: [{kind: 'pause'}, {kind: 'kill'}, {kind: 'kill'}],
      safetyUs: 8_000_000,
      livenessUs: 5_500_000,
    }),
  ).toEqual([
    '3 members of 3.6.0',
    '1 client on 10 keys as fast as answers come',
    '3 faults: 2 × kill and 1 × pause',
    '8.00 s under faults, then healed and 5.50 s to make progress',
  ]);
  expect(summarizePlan({faults: [], safetyUs: 1_000, livenessUs: 2_000})).toEqual([
    'no faults',
    '1.00 ms of traffic, then 2.00 ms to make progress',
  ]);
  expect(summarizePlan({other: [1], cluster: 'x', faults: 3})).toEqual([]);
});

test('quantities', () => {
  expect([
    exactSeconds(3_000_042),
    shortSeconds(1_999_999),
    duration(840),
    duration(3_409),
    duration(61_000_000),
  ]).toEqual(['3.000042 s', '1.99 s', '840 µs', '3.40 ms', '61.00 s']);
  expect([
    longDuration(95e6),
    longDuration(725e6),
    longDuration(26_000e6),
    grouped(1_234_567),
    listed(['a', 'b', 'c']),
  ]).toEqual(['95.00 s', '12 min 5 s', '7 h 13 min', '1,234,567', 'a, b and c']);
});

test('filters by client, key, kind and outcome are joined by and', () => {
  const {head, operations} = runView(
    drawRecord({
      seed: 4,
      operationCount: 400,
      clientCount: 3,
      keyCount: 3,
      meanUs: 3_000,
      valueSize: 4,
      withFaults: false,
      withViolation: false,
    }),
  );
  const count = (filter: Parameters<typeof matchingOperations>[2]) =>
    matchCount(matchingOperations(operations, head, filter));
  expect(count({})).toBe(400);
  const [ofClient, ofKey, both] = [count({client: 1}), count({key: 'k1'}), count({client: 1, key: 'k1'})];
  expect(both).toBeGreaterThan(0);
  expect(both).toBeLessThan(Math.min(ofClient, ofKey));
  expect(
    count({kind: 'put'}) +
      count({kind: 'get'}) +
      count({kind: 'range'}) +
      count({kind: 'delete'}) +
      count({kind: 'txn'}),
  ).toBe(400);
  expect(count({outcome: 'open'})).toBe(2);
  expect(count({key: 'no such key'})).toBe(0);
});

test('failures of one check in one scenario are one group, the largest first', () => {
  const failure = (scenario: string, seed: number, check: string) => ({
    scenario,
    seed,
    check,
    message: 'm',
    reproduce: `r ${seed}`,
  });
  const failures = [
    failure('swarm', 9, 'a'),
    failure('swarm', 2, 'a'),
    failure('swarm', 1, 'b'),
    failure('quiet', 3, 'a'),
  ];
  expect(
    groupFailures(failures).map((group) => [group.scenario, group.check, group.failures.map(({seed}) => seed)]),
  ).toEqual([
    ['swarm', 'a', [2, 9]],
    ['quiet', 'a', [3]],
    ['swarm', 'b', [1]],
  ]);
  const row = {scenario: 'swarm', runs: 3, ok: 1, violations: 2, unknown: 0, simulatedUs: 5_000_000, operationCount: 7};
  expect(campaignTotal([row, row])).toMatchObject({runs: 6, violations: 4, simulatedUs: 10_000_000, eventCount: 0});
  const text = campaignText({startedWith: 'cmd', scenarios: [row], failures, marks: {x: 0, y: 3}}).join('\n');
  expect(text).toMatch(/^cmd\n/);
  expect(text).toMatch(/a in swarm: 2 runs\n {2}seed 2: m\n {4}again: r 2/);
  expect(text).toMatch(/marks never hit: x$/);
});
