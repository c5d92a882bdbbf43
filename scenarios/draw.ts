// scenarios/draw.ts: arbitraries for the parts of a plan (fast-check), so that plans are drawn and shrink alike.
// Promise: one seed and one arbitrary give one plan, for one version of fast-check.
import * as fc from 'fast-check';
import {hashText} from '../base/digest.ts';
import type {Fault, Plan, Target} from './plan.ts';
import {PLAN_VERSION} from './plan.ts';

export const SECOND_US = 1_000_000;

/** The plan that an arbitrary draws for a seed. */
export function drawPlan(arbitrary: fc.Arbitrary<Plan>, seed: number): Plan {
  const [plan] = fc.sample(arbitrary, {seed: hashText(`plan:${seed}`), numRuns: 1});
  if (plan === undefined) throw new Error('fast-check drew nothing');
  return plan;
}

/** Whole numbers from min to max, all alike: edges are no more likely than the rest. */
export const between = (min: number, max: number) => fc.noBias(fc.integer({min, max}));

export const clusterArbitrary = (memberCounts: readonly (1 | 3 | 5)[]): fc.Arbitrary<Plan['cluster']> =>
  fc.record({
    memberCount: fc.constantFrom(...memberCounts),
    release: fc.constant('3.6.0'),
    tickMs: fc.constant(100),
    electionTicks: fc.constant(10),
    // Small enough that snapshots, catching up from them, and WAL cuts happen in a short run.
    snapshotCount: fc.constantFrom(50, 200, 10_000),
    snapshotCatchUpEntries: fc.constantFrom(5, 20, 100),
    walSegmentBytes: fc.constantFrom(32 * 1024, 256 * 1024, 64_000_000),
    backendBatchLimit: fc.constantFrom(10, 100, 10_000),
    flags: fc.constant({}),
    bootstrap: fc.constant('static'),
  });

export const worldArbitrary: fc.Arbitrary<Plan['world']> = fc.record({
  schedulingDelayUsMax: fc.constantFrom(4, 8, 50),
  starvedOneIn: fc.constantFrom(0, 500, 5_000),
  starvedUsMax: fc.constantFrom(1_000, 20_000),
  linkLatencyUsMin: fc.constantFrom(50, 200, 1_000, 10_000),
  linkLatencyUsSpread: fc.constantFrom(50, 300, 2_000, 20_000),
  linkLossOneIn: fc.constantFrom(0, 0, 1_000, 100),
  fsyncUsMin: fc.constantFrom(100, 500, 3_000),
  fsyncUsSpread: fc.constantFrom(100, 2_000, 20_000),
});

export const trafficArbitrary: fc.Arbitrary<Plan['traffic']> = fc.record({
  clientCount: between(2, 8),
  keyCount: between(1, 8),
  operationsPerSecond: fc.constantFrom(50, 100, 200),
  valueSizeBytes: fc.constantFrom(8, 100, 1_000),
  requestTimeoutUs: fc.constantFrom(1 * SECOND_US, 3 * SECOND_US),
  weights: fc.record({
    put: between(10, 50),
    get: between(10, 50),
    serializableGet: between(0, 10),
    range: between(0, 10),
    pastRange: between(0, 5),
    delete: between(0, 10),
    deleteRange: between(0, 5),
    compareAndSwap: between(0, 20),
    multiTxn: between(0, 10),
    readOnlyTxn: between(0, 5),
  }),
  watcherCount: fc.constant(0),
  leaseHolderCount: fc.constant(0),
});

export const leader: Target = {who: 'leader'};
export const everybody: Target = {who: 'all'};

export const anyTarget: fc.Arbitrary<Target> = fc.oneof(
  {weight: 3, arbitrary: fc.constant(leader)},
  {weight: 2, arbitrary: between(1, 2).map((count): Target => ({who: 'followers', count}))},
  {weight: 3, arbitrary: between(1, 2).map((count): Target => ({who: 'members', count}))},
  {weight: 1, arbitrary: fc.constant(everybody)},
);

/** How long a fault lasts: from a blink to several election timeouts. */
const faultDuration = fc.oneof(
  between(1_000, 300_000),
  between(300_000, 3 * SECOND_US),
  between(3 * SECOND_US, 8 * SECOND_US),
);

export type FaultKind = Fault['kind'];

/** Failpoints at which a crash leaves something half done. */
export const CRASH_POINTS = [
  'raftBeforeLeaderSend',
  'raftBeforeSave',
  'raftAfterSave',
  'raftBeforeSaveSnap',
  'raftAfterSaveSnap',
  'raftBeforeApplySnap',
  'raftAfterApplySnap',
  'raftAfterWALRelease',
  'raftBeforeFollowerSend',
  'raftBeforeAdvance',
  'raftBeforeWALSaveSnaphot',
  'walBeforeSync',
  'walAfterSync',
  'beforeApplyOneEntryNormal',
  'applyBeforeOpenSnapshot',
  'applyAfterOpenSnapshot',
  'beforeCommit',
  'afterCommit',
] as const;

type FaultArbitraries = {readonly [Kind in FaultKind]: fc.Arbitrary<Extract<Fault, {kind: Kind}>>};

/** One fault of each kind, somewhere in the safety phase. */
export function faultArbitraries(safetyUs: number, target: fc.Arbitrary<Target> = anyTarget): FaultArbitraries {
  const atUs = between(SECOND_US, Math.max(SECOND_US + 1, safetyUs - SECOND_US));
  const lasting = {atUs, durationUs: faultDuration, target};
  const kind = <K extends FaultKind>(name: K) => fc.constant(name);
  return {
    kill: fc.record({kind: kind('kill'), ...lasting}),
    'power-off': fc.record({kind: kind('power-off'), ...lasting}),
    pause: fc.record({kind: kind('pause'), ...lasting}),
    partition: fc.record({
      kind: kind('partition'),
      ...lasting,
      shape: fc.constantFrom('isolate', 'isolate', 'one-way-in', 'one-way-out', 'halves', 'bridge', 'ring'),
      clientsToo: fc.boolean(),
    }),
    'bad-link': fc.record({
      kind: kind('bad-link'),
      ...lasting,
      latencyUs: fc.constantFrom(5_000, 50_000, 500_000),
      lossOneIn: fc.constantFrom(0, 5, 50),
    }),
    clog: fc.record({kind: kind('clog'), ...lasting}),
    'reset-connections': fc.record({kind: kind('reset-connections'), ...lasting, durationUs: fc.constant(0)}),
    'slow-disk': fc.record({kind: kind('slow-disk'), ...lasting, factor: fc.constantFrom(10, 30, 100)}),
    'stall-disk': fc.record({kind: kind('stall-disk'), ...lasting}),
    'fsync-error': fc.record({kind: kind('fsync-error'), ...lasting}),
    'disk-full': fc.record({kind: kind('disk-full'), ...lasting}),
    clock: fc.record({
      kind: kind('clock'),
      ...lasting,
      stepUs: fc.constantFrom(0, 3_600 * SECOND_US, -3_600 * SECOND_US, 500_000, -500_000),
      driftPpm: fc.constantFrom(0, 100_000, -100_000, 500, -500),
    }),
    failpoint: fc.record({
      kind: kind('failpoint'),
      ...lasting,
      name: fc.constantFrom(...CRASH_POINTS),
      how: fc.constantFrom('kill', 'power-off'),
      afterHits: between(1, 20),
    }),
  };
}

/** What a scenario draws beside its faults; the shape is that of a plan. */
export interface PlanParts {
  readonly scenario: string;
  readonly memberCounts: readonly (1 | 3 | 5)[];
  readonly safetyUs: number;
  readonly faults: fc.Arbitrary<Fault[]>;
  readonly traffic?: fc.Arbitrary<Plan['traffic']>;
}

/** A whole plan; faults in order of time. */
export function planArbitrary({scenario, memberCounts, safetyUs, faults, traffic}: PlanParts): fc.Arbitrary<Plan> {
  return fc.record({
    planVersion: fc.constant(PLAN_VERSION),
    scenario: fc.constant(scenario),
    cluster: clusterArbitrary(memberCounts),
    world: worldArbitrary,
    traffic: traffic ?? trafficArbitrary,
    faults: faults.map((list) => [...list].sort((a, b) => a.atUs - b.atUs || (a.kind < b.kind ? -1 : 1))),
    history: fc.constant('fresh'),
    steps: fc.constant([]),
    safetyUs: fc.constant(safetyUs),
    livenessUs: fc.constant(30 * SECOND_US),
  });
}
