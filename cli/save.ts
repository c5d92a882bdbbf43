// cli/save.ts: run records and their pages on disk: one folder a run, named after scenario, seed and plant.
import {join} from 'node:path';
import type {JobResult} from '../campaign/job.ts';
import type {Failure} from '../campaign/summary.ts';
import {decodeRunRecord} from '../history/run-record.ts';
import {renderRunPage} from '../reports/bundle.ts';
import {writeText} from './files.ts';

/** Where a run was put. */
export interface SavedRun {
  readonly scenario: string;
  readonly seed: number;
  readonly record: string;
  readonly page: string;
}

/** Writes record and page of a run below `out`. */
export async function saveRecord(
  {scenario, seed, record}: Pick<JobResult, 'scenario' | 'seed' | 'record'>,
  out: string,
): Promise<SavedRun | undefined> {
  if (record === undefined) return undefined;
  const parsed = decodeRunRecord(record, 'the record just made');
  const folder = join(out, [scenario, seed, ...(parsed.plant === undefined ? [] : [parsed.plant])].join('-'));
  const saved = {scenario, seed, record: join(folder, 'run.json'), page: join(folder, 'run.html')};
  writeText(saved.record, record);
  writeText(saved.page, await renderRunPage(parsed));
  return saved;
}

/** As saveRecord(), for a run of a campaign. */
export const saveFailure = (failure: Failure, out: string): Promise<SavedRun | undefined> => saveRecord(failure, out);
