// tools/bench/plans.ts: the plans that benchmarks run: fixed, so that figures of two versions can be compared.
import {SCENARIOS} from '../../scenarios/catalog.ts';
import {drawPlan} from '../../scenarios/draw.ts';
import type {Plan} from '../../scenarios/plan.ts';
import {findScenario} from '../../scenarios/scenario.ts';

const SECOND_US = 1_000_000;

/** A data centre with good disks and etcd's own defaults. */
const CALM: Pick<Plan, 'cluster' | 'world'> = {
  cluster: {
    memberCount: 3,
    release: '3.6.0',
    tickMs: 100,
    electionTicks: 10,
    snapshotCount: 10_000,
    snapshotCatchUpEntries: 5_000,
    walSegmentBytes: 64_000_000,
    backendBatchLimit: 10_000,
    flags: {},
    bootstrap: 'static',
  },
  world: {
    schedulingDelayUsMax: 8,
    starvedOneIn: 5_000,
    starvedUsMax: 1_000,
    linkLatencyUsMin: 200,
    linkLatencyUsSpread: 300,
    linkLossOneIn: 0,
    fsyncUsMin: 500,
    fsyncUsSpread: 2_000,
  },
};

const WEIGHTS: Plan['traffic']['weights'] = {
  put: 40,
  get: 40,
  serializableGet: 0,
  range: 5,
  pastRange: 0,
  delete: 5,
  deleteRange: 0,
  compareAndSwap: 10,
  multiTxn: 0,
  readOnlyTxn: 0,
};

const base: Plan = {
  planVersion: 1,
  scenario: 'bench',
  ...CALM,
  traffic: {
    clientCount: 1,
    keyCount: 20,
    operationsPerSecond: 1,
    valueSizeBytes: 100,
    requestTimeoutUs: 5 * SECOND_US,
    weights: WEIGHTS,
    watcherCount: 0,
    leaseHolderCount: 0,
  },
  faults: [],
  history: 'fresh',
  steps: [],
  safetyUs: 10 * SECOND_US,
  livenessUs: 30 * SECOND_US,
};

/** Three members and one operation a second. */
export const idlePlan = (seconds: number): Plan => ({
  ...base,
  traffic: base.traffic,
  safetyUs: seconds * SECOND_US,
});

/** Three members, 100 operations a second, the faults of the swarm scenario under that seed. */
export function swarmPlan(seed: number): Plan {
  const drawn = drawPlan(findScenario(SCENARIOS, 'swarm').plans, seed);
  const traffic = {...drawn.traffic, operationsPerSecond: 100};
  return {...drawn, cluster: {...drawn.cluster, memberCount: 3}, traffic};
}

/** So many clients that ask again as soon as they are answered. */
export const saturatedPlan = (clientCount: number, seconds: number): Plan => ({
  ...base,
  traffic: {...base.traffic, clientCount, operationsPerSecond: 0},
  safetyUs: seconds * SECOND_US,
});

/** Ten seconds at 100 operations a second, everything checked. */
export const tenSecondPlan = (): Plan => ({
  ...base,
  traffic: {...base.traffic, clientCount: 5, operationsPerSecond: 100},
});
