// cli/save.ts: run records and their pages on disk: one folder a run, named after scenario, seed and plant.
import {join, relative} from 'node:path';
import type {JobResult} from '../campaign/job.ts';
import {KNOWN_MARKS} from '../campaign/known-marks.ts';
import type {CampaignSummary, Failure} from '../campaign/summary.ts';
import {decodeRunRecord} from '../history/run-record.ts';
import {renderCampaignPage, renderRunPage} from '../reports/bundle.ts';
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

/** Writes the page of a campaign below `out`; returns its path. */
export async function saveCampaign(
  summary: CampaignSummary,
  {out, saved, reproduce, command}: CampaignPlace,
): Promise<string> {
  const path = join(out, 'campaign.html');
  const marks = {...Object.fromEntries(KNOWN_MARKS.map((name) => [name, 0])), ...summary.marks};
  const pageOf = (failure: Failure) =>
    saved.find((run) => run?.scenario === failure.scenario && run.seed === failure.seed)?.page;
  const page = await renderCampaignPage({
    startedWith: command,
    scenarios: summary.scenarios.map((row) => ({
      scenario: row.scenario,
      runs: row.runCount,
      ok: row.okCount,
      violations: row.violationCount,
      unknown: row.unknownCount,
      simulatedUs: row.simulatedUs,
      operationCount: row.operationCount,
      eventCount: row.eventCount,
    })),
    failures: summary.failures.map((failure) => {
      const {scenario, seed, check, message} = failure;
      const place = pageOf(failure);
      const link = place === undefined ? {} : {page: relative(out, place).replaceAll('\\', '/')};
      return {scenario, seed, check, message, reproduce: reproduce(failure), ...link};
    }),
    marks,
  });
  writeText(path, page);
  return path;
}

interface CampaignPlace {
  readonly out: string;
  readonly saved: readonly (SavedRun | undefined)[];
  readonly reproduce: (failure: Failure) => string;
  readonly command: string;
}
