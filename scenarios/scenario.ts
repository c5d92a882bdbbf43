// scenarios/scenario.ts: the shape of a scenario: a name, what must not happen, and an arbitrary that draws its plans.
import type * as fc from 'fast-check';
import {InputError} from '../base/input-error.ts';
import type {Plan} from './plan.ts';

export interface Scenario {
  readonly name: string;
  /** One sentence for `etcdsim scenarios`: what happens. */
  readonly summary: string;
  /** One sentence: what must hold all the same. */
  readonly promise: string;
  readonly plans: fc.Arbitrary<Plan>;
  /** The same with what the user fixed; absent where a scenario has no path. Throws InputError for a path that it cannot take. */
  readonly plansFor?: (given: LifeChoice) => fc.Arbitrary<Plan>;
}

/** What a user may fix of a cluster's life; the rest is drawn. */
export interface LifeChoice {
  /** Releases in order, as in `--path 3.4.23,3.5.16,3.6.0`. */
  readonly path?: readonly string[] | undefined;
  /** What the cluster has been through before, as in `--history promoted-learner`. */
  readonly history?: string | undefined;
  readonly memberCount?: 1 | 3 | 5 | undefined;
}

/** Keeps inference where a scenario is written down. */
export const scenario = (definition: Scenario): Scenario => Object.freeze(definition);

/** The scenario of that name, or an InputError that names the nearest ones. */
export function findScenario(scenarios: readonly Scenario[], name: string): Scenario {
  const found = scenarios.find((candidate) => candidate.name === name);
  if (found !== undefined) return found;
  const near = [...scenarios]
    .sort((a, b) => distance(a.name, name) - distance(b.name, name) || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map((candidate) => candidate.name);
  throw new InputError(`unknown scenario '${name}'; nearest: ${near.join(', ')} (all: etcdsim scenarios)`);
}

/** Edit distance (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({length: b.length + 1}, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
