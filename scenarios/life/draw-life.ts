// scenarios/life/draw-life.ts: arbitraries for a cluster's life: its path, its order, its weather; beside scenarios/draw.ts.
import * as fc from 'fast-check';
import {between, faultArbitraries, planArbitrary, SECOND_US, trafficArbitrary} from '../draw.ts';
import type {Fault, Plan} from '../plan.ts';
import {founderNames} from '../plan.ts';
import type {LifeChoice} from '../scenario.ts';
import {checkHistory, histories, pastOf} from './histories.ts';
import type {RollingOptions} from './paths.ts';
import type {Step} from './steps.ts';

/** What a path's steps are made from. */
export interface LifeDraw {
  readonly path: readonly string[];
  /** Members in the order in which they are swapped; drawn. */
  readonly rolling: RollingOptions;
  /** No faults happen beside the steps. */
  readonly isQuiet: boolean;
  /** One of a hundred, for what a scenario does now and then. */
  readonly lot: number;
  /** A name that no member has had yet, and those behind it. */
  readonly newName: (index: number) => string;
}

export interface LifeParts {
  readonly scenario: string;
  readonly paths: fc.Arbitrary<readonly string[]>;
  /** Throws InputError for a path that the scenario cannot take. */
  readonly checkPath: (path: readonly string[]) => void;
  readonly memberCounts: readonly (1 | 3 | 5)[];
  /**
   * On that path no faults beside the steps, no past unless one is asked for, and no snapshots that cut the log: all is as the steps
   * have it. Absent: on none.
   */
  readonly isCalm?: (path: readonly string[]) => boolean;
  readonly steps: (draw: LifeDraw) => Step[];
}

/** Steps take their own time; traffic goes on for so long at least. */
const SAFETY_US = 5 * SECOND_US;

const traffic: fc.Arbitrary<Plan['traffic']> = fc
  .record({drawn: trafficArbitrary, watcherCount: between(0, 2), leaseHolderCount: between(0, 1)})
  .map(({drawn, watcherCount, leaseHolderCount}) => ({...drawn, watcherCount, leaseHolderCount}));

const SNAPSHOT_COUNT_CALM = 10_000;

/** Faults that members get over while an upgrade goes on: nothing that costs a quorum for long. */
const {
  pause,
  partition,
  'bad-link': badLink,
  'reset-connections': reset,
  'slow-disk': slowDisk,
  kill,
} = faultArbitraries(60 * SECOND_US, fc.constant({who: 'members', count: 1}));
const anyFault: fc.Arbitrary<Fault> = fc.oneof<fc.Arbitrary<Fault>[]>(pause, partition, badLink, reset, slowDisk, kill);
const faults: fc.Arbitrary<Fault[]> = fc.oneof(
  {weight: 2, arbitrary: fc.constant<Fault[]>([])},
  {weight: 1, arbitrary: fc.array(anyFault, {maxLength: 5})},
);

/** Plans of a scenario with a path; what is not fixed is drawn. */
export function lifeArbitrary(parts: LifeParts, given: LifeChoice): fc.Arbitrary<Plan> {
  const {scenario, checkPath, memberCounts, isCalm = () => false} = parts;
  const {path, history} = given;
  if (path !== undefined) {
    checkPath(path);
    if (history !== undefined) checkHistory(history, path[0] ?? '');
  }
  const counts = given.memberCount === undefined ? memberCounts : [given.memberCount];
  return fc
    .record({
      plan: planArbitrary({
        traffic,
        scenario,
        memberCounts: counts,
        safetyUs: SAFETY_US,
        faults,
      }),
      path: path === undefined ? parts.paths : fc.constant(path),
    })
    .chain((drawn) =>
      fc.record({
        plan: fc.constant(drawn.plan),
        path: fc.constant(drawn.path),
        history:
          history === undefined && !isCalm(drawn.path)
            ? histories(drawn.path, drawn.plan.cluster.memberCount)
            : fc.constant(history ?? 'fresh'),
        order: fc.shuffledSubarray([0, 1, 2, 3, 4].slice(0, drawn.plan.cluster.memberCount), {
          minLength: drawn.plan.cluster.memberCount,
        }),
        how: fc.constantFrom<('stop' | 'kill')[]>('stop', 'stop', 'kill'),
        leaderLast: fc.boolean(),
        downUs: fc.constantFrom(0, 0, 1 * SECOND_US, 5 * SECOND_US),
        lot: between(0, 99),
      }),
    )
    .map((drawn) => planOfLife(parts, drawn));
}

interface DrawnLife extends Omit<RollingOptions, 'order'> {
  readonly plan: Plan;
  readonly path: readonly string[];
  readonly history: string;
  readonly order: readonly number[];
  readonly lot: number;
}

function planOfLife(
  {steps, isCalm = () => false}: LifeParts,
  {plan: drawn, path, history, order, lot, ...rolling}: DrawnLife,
): Plan {
  const plan = isCalm(path) ? calmed(drawn) : drawn;
  const release = path[0] ?? plan.cluster.release;
  checkHistory(history, release);
  const past = pastOf(history, release, founderNames(plan));
  const taken = Math.max(...[...past.names, ...founderNames(plan)].map((name) => Number(name.slice(1))));
  const present = steps({
    path,
    lot,
    isQuiet: plan.faults.length === 0,
    rolling: {...rolling, order: order.map((index) => past.names[index] as string)},
    newName: (index) => `m${taken + 1 + index}`,
  });
  return {
    ...plan,
    cluster: {...plan.cluster, release: past.founding},
    history,
    steps: [...past.steps, {kind: 'wait-healthy'}, {kind: 'wait', us: 2 * SECOND_US}, ...present],
  };
}

const calmed = (plan: Plan): Plan => ({
  ...plan,
  faults: [],
  cluster: {...plan.cluster, snapshotCount: SNAPSHOT_COUNT_CALM},
});

/** One candidate of each minor in a row of neighbours, from `countMin` to `countMax` of them. */
export function neighbours(
  byMinor: readonly (readonly string[])[],
  countMin: number,
  countMax: number,
): fc.Arbitrary<readonly string[]> {
  const rows: (readonly (readonly string[])[])[] = [];
  for (let count = countMin; count <= countMax; count++) {
    for (let from = 0; from + count <= byMinor.length; from++) rows.push(byMinor.slice(from, from + count));
  }
  return fc.constantFrom(...rows).chain((row) => fc.tuple(...row.map((candidates) => fc.constantFrom(...candidates))));
}
