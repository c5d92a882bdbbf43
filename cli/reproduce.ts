// cli/reproduce.ts: the options that a run was given besides its seed, for the line that shows it again.
import type {Job} from '../campaign/job.ts';
import {reproduceLine as lineOf} from '../reports/reproduce.ts';

/** The line that shows a run again. */
export function reproduceLine(
  {scenario, seed}: {readonly scenario: string; readonly seed: number},
  {plant, overrides}: Pick<Job, 'plant' | 'overrides'>,
): string {
  return lineOf({scenario, seed, overrides: [...overrides], ...(plant === undefined ? {} : {plant})});
}

/** The options alone: what stands behind `--seed N`. */
export function optionsLine(base: Pick<Job, 'plant' | 'overrides'>): string[] {
  const whole = reproduceLine({scenario: 'x', seed: 0}, base);
  const seed = '--seed 0';
  const options = whole.slice(whole.indexOf(seed) + seed.length).trim();
  return options === '' ? [] : [options];
}
