import {expect, test} from 'vitest';
import type {ExchangeResult} from './exchange.ts';
import {AMOUNT_HEAD, amountRows, differenceLines, OUTCOME_HEAD, outcomeRows} from './report.ts';

const served = {
  keys: 7,
  revisions: 3,
  leases: 2,
  users: 1,
  members: 1,
  learners: 1,
  alarms: 0,
  authEnabled: true,
  revision: 20,
  compactRevision: 4,
};

const equal: ExchangeResult = {
  seed: 1,
  release: '3.5.16',
  direction: 'simulated -> real',
  memberCount: 1,
  crashes: ['power cut'],
  calls: {ok: 100, refused: 3, inFlight: 10, inFlightAnswered: 4},
  acknowledgedRevision: 20,
  served,
  tailsDiffer: false,
  difference: undefined,
};
const different: ExchangeResult = {
  ...equal,
  seed: 2,
  memberCount: 3,
  served: undefined,
  difference: {field: 'start', real: 'panic', simulated: 'serves'},
};
const other: ExchangeResult = {...equal, direction: 'real -> simulated', crashes: ['kill']};

test('outcomes: one row a release and direction, with the first difference', () => {
  expect(outcomeRows([equal, different, other])).toEqual([
    ['3.5.16  simulated -> real', '2', '1', '1', 'seed 2: start'],
    ['3.5.16  real -> simulated', '1', '1', '0', '-'],
  ]);
  expect(OUTCOME_HEAD).toHaveLength(5);
});

test('amounts: sums, and nothing for a cluster that did not start', () => {
  const [row, second] = amountRows([equal, different, other]);
  expect(row).toEqual(['3.5.16  simulated -> real', '200', '12', '7', '3', '2', '1', '0', '1', '1', '2']);
  expect(second?.at(-1)).toBe('0');
  expect(row).toHaveLength(AMOUNT_HEAD.length);
});

test('a difference shows both sides and how to see it again', () => {
  expect(differenceLines(equal, '/etcd')).toEqual([]);
  expect(differenceLines(different, '/etcd')).toEqual([
    '',
    '3.5.16 simulated -> real seed 2: start',
    '  real:      "panic"',
    '  simulated: "serves"',
    '  again: node tools/exchange.ts --etcd /etcd --releases 3.5.16 --direction simulated --seeds 2',
  ]);
});
