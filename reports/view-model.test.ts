// The view of small records made by hand: what a page is told of operations, members, faults, findings and orders.
import {expect, test} from 'vitest';
import type {Operation} from '../history/operation.ts';
import type {TimelineEvent} from '../history/timeline.ts';
import {describeValue, FULL_TEXT, KINDS} from './describe.ts';
import {linearizationPoints} from './finding-view.ts';
import {packRows} from './lanes.ts';
import {drawRecord, get, keyValue, put, recordOf, staleRead} from './testing/sample-record.ts';
import {runView} from './view-model.ts';
import {OUTCOMES} from './view-types.ts';

const crashAndPartition: TimelineEvent[] = [
  {kind: 'phase', atUs: 0, phase: 'safety'},
  {kind: 'start', atUs: 1_000, member: 'm1', release: '3.6.0'},
  {kind: 'role', atUs: 2_000, member: 'm1', role: 'follower', term: 1},
  {kind: 'role', atUs: 50_000, member: 'm1', role: 'leader', term: 2},
  {kind: 'stop', atUs: 300_000, member: 'm1', how: 'power-off'},
  {kind: 'start', atUs: 400_000, member: 'm1', release: '3.6.1'},
  {kind: 'role', atUs: 410_000, member: 'm1', role: 'follower', term: 3},
  {kind: 'stop', atUs: 900_000, member: 'm1', how: 'panic', message: 'tocommit(4) is out of range'},
  // Faults are recorded when they end: out of order of their beginnings.
  {kind: 'fault', atUs: 200_000, untilUs: 500_000, fault: 'partition', members: ['m1', 'm2'], detail: 'isolate'},
  {kind: 'fault', atUs: 100_000, untilUs: 250_000, fault: 'slow-disk', members: ['m3'], detail: ''},
  {kind: 'fault', atUs: 600_000, fault: 'pause', members: ['m2'], detail: ''},
  {kind: 'phase', atUs: 1_000_000, phase: 'heal'},
  {kind: 'phase', atUs: 1_200_000, phase: 'liveness'},
];

test('a run that passed: counts, columns and the line that shows it again', () => {
  const {head, operations, texts} = runView(
    recordOf({operations: [put(0, 0, [10, 20], 'k1', 'a', 2), get(1, 4, [15, 40], 'k1', keyValue('k1', 'a', 2), 2)]}),
  );
  expect(head).toMatchObject({verdict: 'ok', okCount: 2, findings: [], reproduce: 'bin/etcdsim run swarm --seed 17'});
  expect(head.clients).toEqual([
    {client: 0, firstRow: 0, rowCount: 1, operationCount: 1},
    {client: 4, firstRow: 1, rowCount: 1, operationCount: 1},
  ]);
  expect(texts).toEqual(['put k1 = a\tstored', 'get k1\tk1 = a @2 v1']);
  expect([...Array.from(operations.row)]).toEqual([0, 1]);
  expect(KINDS[operations.kind[1] ?? -1]).toBe('get');
  expect(head.members[(operations.member[1] ?? 0) - 1]?.name).toBe('m2');
});

test('members: roles with terms, the time they were down, symbols for what happened', () => {
  const {head} = runView(recordOf({timeline: crashAndPartition}));
  const [first, second] = head.members;
  expect(first?.spans.map(({role, term, fromUs, toUs}) => [role, term, fromUs, toUs])).toEqual([
    ['down', undefined, 0, 1_000],
    ['starting', undefined, 1_000, 2_000],
    ['follower', 1, 2_000, 50_000],
    ['leader', 2, 50_000, 300_000],
    ['down', undefined, 300_000, 400_000],
    ['starting', undefined, 400_000, 410_000],
    ['follower', 3, 410_000, 900_000],
    ['down', undefined, 900_000, 2_000_000],
  ]);
  expect(first?.events.map(({kind}) => kind)).toEqual(['start', 'power-off', 'start', 'panic']);
  expect(first?.events[3]?.text).toBe('panicked: tocommit(4) is out of range');
  expect(first?.release).toBe('3.6.1');
  expect(second).toEqual({name: 'm2', release: undefined, spans: [], events: []}); // nothing told, nothing claimed
});

test('faults: in order of time, in rows that keep them apart, open ones to the end', () => {
  const {head} = runView(recordOf({timeline: crashAndPartition}));
  expect(
    head.faults.map(({fault, row, members, isOpen, toUs, family}) => ({fault, row, members, isOpen, toUs, family})),
  ).toEqual([
    {fault: 'slow-disk', row: 0, members: [2], isOpen: false, toUs: 250_000, family: 'disk'},
    {fault: 'partition', row: 1, members: [0, 1], isOpen: false, toUs: 500_000, family: 'network'},
    {fault: 'pause', row: 0, members: [1], isOpen: true, toUs: 2_000_000, family: 'process'},
  ]);
  expect(head.phases.map(({phase, toUs}) => [phase, toUs])).toEqual([
    ['safety', 1_000_000],
    ['heal', 1_200_000],
    ['liveness', 2_000_000],
  ]);
});

test('a violation: the operation that cannot be placed, the order before it, what the store held', () => {
  const {head} = runView(staleRead());
  const [finding] = head.findings;
  expect(finding).toMatchObject({check: 'linearizability', key: 'k', operations: [3, 2], atEvent: 77});
  const [order] = finding?.orders ?? [];
  expect(order?.steps.map(({operation, after}) => [operation, after])).toEqual([
    [0, 'k = a @2'],
    [1, 'k = a @2'],
    [2, 'k = b @3'],
  ]);
  expect(order?.known).toBe('k = b @3');
  expect(finding?.focus.fromUs).toBeLessThanOrEqual(3_000);
  expect(finding?.focus.toUs).toBeGreaterThanOrEqual(12_000);
  expect(head.reproduce).toBe('bin/etcdsim run swarm --seed 17 --plant stale-read');
});

test('an order that begins in the middle: a key is unknown until it is written or read', () => {
  const operations = [
    put(0, 0, [1, 2], 'a', 'x', 7),
    get(1, 1, [3, 4], 'b', undefined, 7),
    put(2, 0, [5, 6], 'b', 'y', 8),
  ];
  const bothKeys: Operation = {
    ...get(3, 1, [7, 9], 'a', undefined, 8),
    request: {kind: 'range', key: 'a', end: 'd'},
  };
  const record = recordOf({
    operations: [...operations, bothKeys, put(4, 2, [8, 10], 'c', 'z', 9)],
    findings: [{check: 'linearizability', kind: 'violation', message: 'm', operations: [3], linearizations: [[1, 2]]}],
  });
  const [order] = runView(record).head.findings[0]?.orders ?? [];
  expect(order?.steps.map(({after}) => after)).toEqual(['b absent', 'b = y @8']);
  expect(order?.known).toBe('a unknown, b = y @8, c unknown');
});

test('points of an order lie within call and return and never go back', () => {
  const operations = [
    put(0, 0, [0, 100], 'k', 'a', 2),
    put(1, 1, [10, 20], 'k', 'b', 3),
    put(2, 2, [5, 90], 'k', 'c', 4),
  ];
  const order = [1, 0, 2];
  const points = linearizationPoints(order, operations, 1_000);
  for (const [at, index] of order.entries()) {
    expect(points[at]).toBeGreaterThanOrEqual(operations[index]?.callUs ?? 0);
    expect(points[at]).toBeLessThanOrEqual(operations[index]?.returnUs ?? 0);
    expect(points[at]).toBeGreaterThanOrEqual(points[at - 1] ?? 0);
  }
});

test('every outcome, and a client with two operations open at once', () => {
  const base = put(0, 0, [10, 500], 'k', 'v', 2);
  const {head, operations, texts} = runView(
    recordOf({
      operations: [
        base,
        {...base, id: 1, callUs: 20, outcome: {kind: 'error', error: 'etcdserver:\n no leader', effect: 'none'}},
        {...base, id: 2, callUs: 600, returnUs: 700, outcome: {kind: 'error', error: 'timeout', effect: 'unknown'}},
        {...base, id: 3, callUs: 800, returnUs: undefined, outcome: {kind: 'open'}},
      ],
    }),
  );
  expect(Array.from(operations.outcome, (outcome) => OUTCOMES[outcome])).toEqual(['ok', 'error', 'unknown', 'open']);
  expect(Array.from(operations.row)).toEqual([0, 1, 0, 0]);
  expect(head.clients[0]?.rowCount).toBe(2);
  expect(operations.returnUs[3]).toBe(-1);
  expect(texts[1]).toBe('put k = v\tetcdserver: no leader (without effect)');
});

test('an empty record has a view as well', () => {
  const {head, operations} = runView(recordOf({members: [], releases: []}));
  expect(head).toMatchObject({findings: [], clients: [], rowCount: 0, keys: [], faults: [], phases: [], members: []});
  expect(operations.count).toBe(0);
});

test('violations come before open questions, early before late', () => {
  const finding = (check: string, kind: 'violation' | 'unknown', atUs?: number) => ({check, kind, message: '', atUs});
  const {head} = runView(
    recordOf({
      findings: [
        finding('a', 'unknown', 1),
        finding('b', 'violation'),
        finding('c', 'violation', 9),
        finding('d', 'violation', 5),
      ],
    }),
  );
  expect(head.findings.map(({check}) => check)).toEqual(['d', 'c', 'b', 'a']);
});

test('where to look: around the time of a finding, or at the whole run when it has none', () => {
  const {head} = runView(
    recordOf({
      findings: [
        {check: 'a', kind: 'violation', message: '', atUs: 700_000},
        {check: 'b', kind: 'violation', message: ''},
      ],
    }),
  );
  expect(head.findings.map(({focus}) => focus)).toEqual([
    {fromUs: 200_000, toUs: 1_200_000},
    {fromUs: 0, toUs: 2_000_000},
  ]);
});

test('a range belongs to every key it covers, one over many keys to any', () => {
  const wide = (id: number, end: string): Operation => ({
    ...get(id, 0, [id, id + 1], 'k00', undefined, 2),
    request: {kind: 'range', key: 'k00', end},
  });
  const puts = Array.from({length: 50}, (_, at) =>
    put(at, 0, [at * 10, at * 10 + 5], `k${String(at).padStart(2, '0')}`, 'v', at + 2),
  );
  const {head, operations} = runView(recordOf({operations: [...puts, wide(1_000, 'k03'), wide(1_001, '\0')]}));
  expect(head.keySets[operations.keySet[50] ?? -1]).toEqual([0, 1, 2]);
  expect(operations.keySet[51]).toBe(0);
});

test.each([
  ['', '""'],
  ['1.42', '1.42'],
  ['1.42............', '1.42.×12'],
  ['a\x00b', 'a\\x00b'],
  ['abcdefghijklmnopqrstuvwxyz', 'abcdefghijklmnopqrst…(26 bytes)'],
])('the value %j reads %s', (value, want) => {
  expect(describeValue(value, {valueSizeMax: 20, itemCountMax: 1})).toBe(want);
});

test('rows are as few as overlaps demand', () => {
  const band = (fromUs: number, toUs: number) => ({fromUs, toUs});
  expect(packRows([band(0, 10), band(2, 4), band(4, 6), band(10, 12)])).toEqual({rows: [0, 1, 1, 0], rowCount: 2});
});

test('equal records give equal views', () => {
  const options = {
    seed: 5,
    operationCount: 300,
    clientCount: 4,
    keyCount: 3,
    meanUs: 5_000,
    valueSize: 8,
    withFaults: true,
    withViolation: true,
  };
  expect(runView(drawRecord(options), FULL_TEXT)).toEqual(runView(drawRecord(options), FULL_TEXT));
});
