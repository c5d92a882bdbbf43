// cli/reproduce.ts: every failure says how to see it again.
import type {Job} from '../campaign/job.ts';

/** The line that shows a run again. */
export function reproduceLine(
  {scenario, seed}: {readonly scenario: string; readonly seed: number},
  {plant, overrides}: Pick<Job, 'plant' | 'overrides'>,
): string {
  const parts = ['bin/etcdsim run', scenario, `--seed ${seed}`];
  if (plant !== undefined) parts.push(`--plant ${plant}`);
  for (const {path, value} of overrides) parts.push(`--set '${path}=${JSON.stringify(value)}'`);
  return parts.join(' ');
}
