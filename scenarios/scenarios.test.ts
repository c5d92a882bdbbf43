// Plans are data: drawn alike from one seed, checked when read, changed by path; every scenario runs twice to one digest.
import {describe, expect, test} from 'vitest';
import {InputError} from '../base/input-error.ts';
import {decodeRunRecord, encodeRunRecord} from '../history/run-record.ts';
import {firstDifference} from '../sim/trace.ts';
import {SCENARIOS} from './catalog.ts';
import {drawPlan} from './draw.ts';
import {applyOverrides, parseOverride} from './overrides.ts';
import {parsePlan, planSchema} from './plan.ts';
import {findPlant, PLANTS} from './plants.ts';
import {runPlan} from './run.ts';
import {planOf, runScenario} from './run-scenario.ts';
import {findScenario} from './scenario.ts';

describe('plans', () => {
  test.each(SCENARIOS.map(({name}) => name))('%s: a seed draws one valid plan, other seeds draw others', (name) => {
    const {plans} = findScenario(SCENARIOS, name);
    const texts = Array.from({length: 50}, (_, seed) => {
      const plan = drawPlan(plans, seed);
      expect(planSchema.parse(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
      expect(drawPlan(plans, seed)).toEqual(plan);
      return JSON.stringify(plan);
    });
    expect(new Set(texts).size).toBeGreaterThan(45);
  });

  test('the swarm draws every kind of fault in some seed, and leaves each out in some', () => {
    const {plans} = findScenario(SCENARIOS, 'swarm');
    const kinds = Array.from({length: 300}, (_, seed) => new Set(drawPlan(plans, seed).faults.map(({kind}) => kind)));
    const all = new Set(kinds.flatMap((set) => [...set]));
    expect(all.size).toBe(planSchema.shape.faults.element.options.length);
    for (const kind of all) expect(kinds.filter((set) => set.has(kind)).length).toBeLessThan(200);
  });

  test.each([
    [{planVersion: 99}, 'x.json: plan of version 99; this etcdsim knows 1'],
    [{...planOf('healthy', {seed: 1}), safetyUs: -1}, 'x.json: plan: at safetyUs:'],
    [{...planOf('healthy', {seed: 1}), faults: [{kind: 'meteor'}]}, 'x.json: plan: at faults.0.kind:'],
  ])('a plan that does not fit is refused with the place', (plan, message) => {
    expect(() => parsePlan(plan, 'x.json')).toThrow(InputError);
    expect(() => parsePlan(plan, 'x.json')).toThrow(message);
  });

  test('--set changes the plan, and refuses what is not there', () => {
    const plan = planOf('healthy', {seed: 1});
    const changed = applyOverrides(plan, [
      parseOverride('traffic.clientCount=7'),
      parseOverride('cluster.release=3.6.4'),
    ]);
    expect([changed.traffic.clientCount, changed.cluster.release]).toEqual([7, '3.6.4']);
    expect(() => applyOverrides(plan, [parseOverride('traffic.clients=7')])).toThrow("the plan has no 'clients' there");
    expect(() => applyOverrides(plan, [parseOverride('traffic.clientCount="x"')])).toThrow(
      '--set: plan: at traffic.clientCount',
    );
    expect(() => parseOverride('traffic')).toThrow('write it as path=value');
  });

  test('unknown names are refused with the nearest known ones', () => {
    expect(() => findScenario(SCENARIOS, 'swam')).toThrow("unknown scenario 'swam'; nearest: swarm");
    expect(() => findPlant('no-such')).toThrow('there are ack-before-fsync');
  });
});

describe('runs', () => {
  test.each(SCENARIOS.map(({name}) => name))(
    '%s: seeds 1 to 3 find nothing, and give the same digest twice',
    (name) => {
      for (const seed of [1, 2, 3]) {
        const [first, second] = [runScenario(name, {seed}), runScenario(name, {seed})];
        expect(first.findings).toEqual([]);
        expect(second.digest).toBe(first.digest);
        // A slow world that lies in the dark for most of the time gets little done, but something.
        expect(first.statistics.operationOkCount).toBeGreaterThan(20);
        expect(decodeRunRecord(encodeRunRecord(first), 'x.json')).toEqual(JSON.parse(JSON.stringify(first)));
      }
    },
  );

  test('tracing changes nothing, and two traces of one seed are equal line by line', () => {
    const plan = planOf('swarm', {seed: 4});
    const plain = runPlan(plan, {seed: 4});
    const [a, b] = [runPlan(plan, {seed: 4, traced: true}), runPlan(plan, {seed: 4, traced: true})];
    expect([a.record.digest, plain.trace]).toEqual([plain.record.digest, []]);
    expect(a.trace.length).toBeGreaterThan(1_000);
    expect(firstDifference(a.trace, b.trace)).toBeUndefined();
  });

  test('another seed gives another run of the same plan', () => {
    const plan = planOf('healthy', {seed: 1});
    expect(runPlan(plan, {seed: 1}).record.digest).not.toBe(runPlan(plan, {seed: 2}).record.digest);
  });
});

test.each(PLANTS.map(({name, scenario}) => [name, scenario]))(
  'plant %s is found in %s within 60 seeds',
  (name, scenario) => {
    for (let seed = 1; seed <= 60; seed++) {
      const {verdict, findings} = runScenario(scenario, {seed, plant: name});
      if (verdict !== 'violation') continue;
      expect(findings[0]?.message).not.toBe('');
      return;
    }
    expect.fail(`${name} was not found`);
  },
);
