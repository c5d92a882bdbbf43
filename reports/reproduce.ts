// reports/reproduce.ts: the lines to paste that show a run again.
import type {RunRecord} from '../history/run-record.ts';

/** The line that makes the run again from its seed. */
export function reproduceLine({scenario, seed, plant}: Pick<RunRecord, 'scenario' | 'seed' | 'plant'>): string {
  const parts = ['bin/etcdsim run', quoted(scenario), `--seed ${seed}`];
  if (plant !== undefined) parts.push(`--plant ${quoted(plant)}`);
  return parts.join(' ');
}

/** As a shell reads it back: names are bare words, anything else stands in quotes. */
function quoted(word: string): string {
  return /^[\w./:=,@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
