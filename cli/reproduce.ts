// cli/reproduce.ts: every failure says how to see it again.
import type {Job} from '../campaign/job.ts';

/** The line that shows a run again. */
export function reproduceLine(
  {scenario, seed}: {readonly scenario: string; readonly seed: number},
  {plant, overrides}: Pick<Job, 'plant' | 'overrides'>,
): string {
  return ['bin/etcdsim run', scenario, `--seed ${seed}`, ...optionsLine({plant, overrides})].join(' ');
}

/** The options that a run was given besides its seed. */
export function optionsLine({plant, overrides}: Pick<Job, 'plant' | 'overrides'>): string[] {
  const sets = overrides.map(({path, value}) => `--set '${path}=${JSON.stringify(value)}'`);
  return plant === undefined ? sets : [`--plant ${plant}`, ...sets];
}
