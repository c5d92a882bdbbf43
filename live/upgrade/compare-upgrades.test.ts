// Every field of every member counts, and so does where a world stopped.
import {describe, expect, test} from 'vitest';
import {compareUpgrades} from './compare-upgrades.ts';
import {LOOK_FIELDS, type MemberLook} from './look.ts';
import type {SeenStep, UpgradeRun} from './operator.ts';

const look: MemberLook = {
  name: 'm1',
  state: 'running',
  server: '3.5.16',
  cluster: '3.5.0',
  storage: '',
  status: '{"version":"3.5.16"}',
  health: '200 {"health":"true","reason":""}',
  memberList: 'cluster 1, member 2: 2 m1 http://127.0.0.1:1 http://127.0.0.1:2',
};
const step: SeenStep = {text: 'wait-healthy', outcome: 'done', members: [look]};
const run = (...steps: readonly SeenStep[]): UpgradeRun => ({
  world: 'either',
  steps,
  operations: [],
  watches: [],
  restRevision: 1,
  refusals: [],
  leaders: [],
  tookMs: 1,
});

test('equal ways have no difference', () => expect(compareUpgrades(run(step, step), run(step, step))).toEqual([]));

describe('one field of one member', () => {
  test.each(LOOK_FIELDS)('%s', (field) => {
    const other = {...step, members: [{...look, [field]: 'other'}]};
    expect(compareUpgrades(run(step, step), run(step, other))).toEqual([
      {step: 1, text: 'wait-healthy', member: 'm1', field, real: look[field], simulated: 'other'},
    ]);
  });
});

test('the outcome of a step', () => {
  const refused = {...step, outcome: 'refused: invalid downgrade'};
  expect(compareUpgrades(run(refused), run(step))).toMatchObject([{step: 0, member: '', field: 'outcome'}]);
});

test('a member that only one world has', () => {
  const differences = compareUpgrades(run({...step, members: []}), run(step));
  expect(differences).toHaveLength(LOOK_FIELDS.length);
  expect(differences[0]).toMatchObject({member: 'm1', field: 'state', real: 'not there', simulated: 'running'});
});

test('where one world stopped, once', () => {
  expect(compareUpgrades(run(step, step, step), run(step))).toEqual([
    {step: 1, text: 'wait-healthy', member: '', field: 'outcome', real: 'done', simulated: 'not reached'},
  ]);
});
