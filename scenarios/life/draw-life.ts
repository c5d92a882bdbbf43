// scenarios/life/draw-life.ts: arbitraries for a cluster's life: its path, its order, its weather; beside scenarios/draw.ts.
import * as fc from 'fast-check';
import {faultArbitraries, planArbitrary, SECOND_US} from '../draw.ts';
import type {Fault, Plan} from '../plan.ts';
import type {LifeChoice} from '../scenario.ts';
import type {RollingOptions} from './paths.ts';
import type {Step} from './steps.ts';

/** What a path's steps are made from. */
export interface LifeDraw {
  readonly path: readonly string[];
  /** Founders in the order in which they are swapped; drawn. */
  readonly rolling: RollingOptions;
}

export interface LifeParts {
  readonly scenario: string;
  readonly paths: fc.Arbitrary<readonly string[]>;
  /** Throws InputError for a path that the scenario cannot take. */
  readonly checkPath: (path: readonly string[]) => void;
  readonly memberCounts: readonly (1 | 3 | 5)[];
  readonly steps: (draw: LifeDraw) => Step[];
}

/** Steps take their own time; traffic goes on for so long at least. */
const SAFETY_US = 5 * SECOND_US;

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
  const {scenario, checkPath, memberCounts, steps} = parts;
  if (given.path !== undefined) checkPath(given.path);
  const paths = given.path === undefined ? parts.paths : fc.constant(given.path);
  const counts = given.memberCount === undefined ? memberCounts : [given.memberCount];
  return planArbitrary({scenario, memberCounts: counts, safetyUs: SAFETY_US, faults}).chain((plan) =>
    fc
      .record({
        path: paths,
        order: fc.shuffledSubarray(namesOf(plan), {minLength: plan.cluster.memberCount}),
        how: fc.constantFrom<('stop' | 'kill')[]>('stop', 'stop', 'kill'),
        leaderLast: fc.boolean(),
      })
      .map(({path, order, how, leaderLast}): Plan => {
        const release = path[0] ?? plan.cluster.release;
        const drawn = steps({path, rolling: {order, how, leaderLast}});
        const settled: Step[] = [{kind: 'wait-healthy'}, ...drawn];
        return {...plan, cluster: {...plan.cluster, release}, steps: settled};
      }),
  );
}

const namesOf = ({cluster}: Plan): string[] => Array.from({length: cluster.memberCount}, (_, i) => `m${i + 1}`);

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
