// reports/reproduce.ts: the lines to paste that show a run again.
import type {RunRecord} from '../history/run-record.ts';

/** Overrides with an option of their own. */
const OWN_OPTIONS: Readonly<Record<string, string>> = {
  'cluster.release': '--release',
  path: '--path',
  history: '--history',
};

/** The line that makes the run again from its seed. */
export function reproduceLine({
  scenario,
  seed,
  plant,
  overrides = [],
}: Pick<RunRecord, 'scenario' | 'seed' | 'plant' | 'overrides'>): string {
  // A plan of one's own says which scenario it is.
  const isOwn = overrides.some(({path}) => path.startsWith('plan:'));
  const parts = ['bin/etcdsim run', ...(isOwn ? [] : [quoted(scenario)]), `--seed ${seed}`];
  if (plant !== undefined) parts.push(`--plant ${quoted(plant)}`);
  for (const {path, value} of overrides) {
    if (path.startsWith('plan:')) {
      parts.push(`--plan ${quoted(path.slice('plan:'.length))}`);
      continue;
    }
    const option = typeof value === 'string' ? OWN_OPTIONS[path] : undefined;
    if (option !== undefined) parts.push(`${option} ${quoted(String(value))}`);
    else parts.push(`--set ${quoted(`${path}=${JSON.stringify(value)}`)}`);
  }
  return parts.join(' ');
}

/** As a shell reads it back: names are bare words, anything else stands in quotes. */
function quoted(word: string): string {
  return /^[\w./:=,@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
