import {expect, test} from 'vitest';
import {INDEX_COUNT_MAX, StateAgreement} from './state-agreement.ts';

const place = () => ({atUs: 1, atEvent: 2});

test('equal states at equal index are fine, whatever lies between', () => {
  const agreement = new StateAgreement(place);
  agreement.observe('a', 5, 'x');
  agreement.observe('b', 4, 'w');
  agreement.observe('b', 5, 'x');
  expect(agreement.findings).toEqual([]);
});

test('states that differ at one index are reported once for each pair', () => {
  const agreement = new StateAgreement(place);
  for (let index = 1; index <= 3; index++) {
    agreement.observe('a', index, 1);
    agreement.observe('b', index, 2);
  }
  agreement.observe('c', 3, 2);
  expect(agreement.findings.map(({check, atEvent}) => [check, atEvent])).toEqual([
    ['state-agreement', 2],
    ['state-agreement', 2],
  ]);
  expect(agreement.findings[0]?.message).toContain('index 1');
});

test('a member that went back compares with itself', () => {
  const agreement = new StateAgreement(place);
  agreement.observe('a', 5, 'x');
  agreement.observe('a', 5, 'y');
  expect(agreement.findings.length).toBe(1);
});

test('indexes passed by all, and the oldest beyond the window, are dropped', () => {
  const agreement = new StateAgreement(place);
  for (let index = 1; index <= INDEX_COUNT_MAX + 1; index++) agreement.observe('a', index, 1);
  agreement.observe('b', 1, 2);
  expect(agreement.findings).toEqual([]);
  agreement.allPassed(100);
  agreement.observe('b', 99, 2);
  expect(agreement.findings).toEqual([]);
  agreement.observe('b', 100, 2);
  expect(agreement.findings.length).toBe(1);
});
