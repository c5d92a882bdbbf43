// cli/print-run.ts: a run, or many, as lines for a terminal.
import pc from 'picocolors';
import type {Job, JobResult} from '../campaign/job.ts';
import type {CampaignSummary, Failure} from '../campaign/summary.ts';
import type {VerdictKind} from '../history/verdict.ts';
import {reproduceLine} from './reproduce.ts';
import type {SavedRun} from './save.ts';
import {tableLines} from './table.ts';

/** Failures that are printed in full; the rest is counted. */
const FAILURES_SHOWN = 10;

const seconds = (us: number): string => `${(us / 1_000_000).toFixed(1)} s`;

function verdictText(verdict: VerdictKind): string {
  if (verdict === 'ok') return pc.green('ok');
  return verdict === 'violation' ? pc.red('violation') : pc.yellow('unknown');
}

/** One run. */
export function runLines(result: JobResult, job: Job, saved: SavedRun | undefined): string[] {
  const {scenario, seed, verdict, operationCount, eventCount, simulatedUs, digest, otherDigest} = result;
  const lines = [
    `${scenario} seed ${seed}: ${verdictText(verdict)}, ${operationCount} operations, ${eventCount} events in ${seconds(simulatedUs)} of virtual time`,
    `digest ${digest}${job.twice ? (otherDigest === undefined ? ', the same twice' : pc.red(`, but ${otherDigest} the second time`)) : ''}`,
  ];
  for (const {check, message, atUs} of result.findings.slice(0, FAILURES_SHOWN)) {
    lines.push(`${pc.bold(check)}${atUs === undefined ? '' : ` at ${seconds(atUs)}`}: ${message}`);
  }
  if (result.findings.length > FAILURES_SHOWN)
    lines.push(`… and ${result.findings.length - FAILURES_SHOWN} more findings`);
  if (saved !== undefined) lines.push(`record ${saved.record}`, `page   ${saved.page}`);
  if (verdict !== 'ok') {
    lines.push(`again: ${reproduceLine(job, job)}`);
    const atEvent = result.findings[0]?.atEvent;
    if (saved !== undefined && atEvent !== undefined) {
      lines.push(`       bin/etcdsim replay ${saved.record} --until-event ${atEvent} --trace`);
    }
  }
  return lines;
}

/** Many runs: a table by scenario, then what was found. */
export function campaignLines(
  summary: CampaignSummary,
  options: {
    readonly seconds: number;
    readonly saved: readonly (SavedRun | undefined)[];
    readonly reproduce: (failure: Failure) => string;
    readonly page: string | undefined;
  },
): string[] {
  const rows = summary.scenarios.map((row) => [
    row.scenario,
    String(row.runCount),
    String(row.okCount),
    String(row.violationCount),
    String(row.unknownCount),
    String(row.operationCount),
    seconds(row.simulatedUs),
  ]);
  const runs = summary.scenarios.reduce((sum, {runCount}) => sum + runCount, 0);
  const simulated = summary.scenarios.reduce((sum, {simulatedUs}) => sum + simulatedUs, 0);
  const lines = tableLines(['scenario', 'runs', 'ok', 'violation', 'unknown', 'operations', 'virtual time'], rows);
  lines.push(
    `${runs} runs, ${seconds(simulated)} of virtual time in ${options.seconds.toFixed(1)} s: ${verdictText(summary.verdict)}`,
  );
  if (options.page !== undefined) lines.push(`page ${options.page}`);
  const mismatches = summary.scenarios.reduce((sum, {mismatchCount}) => sum + mismatchCount, 0);
  if (mismatches > 0) lines.push(pc.red(`${mismatches} digests were not the same twice`));
  const {failures} = summary;
  for (const failure of failures.slice(0, FAILURES_SHOWN)) {
    lines.push('', `${failure.scenario} seed ${failure.seed}: ${pc.bold(failure.check)}: ${failure.message}`);
    const saved = options.saved.find((run) => run?.scenario === failure.scenario && run.seed === failure.seed);
    if (saved !== undefined) lines.push(`  page   ${saved.page}`);
    lines.push(`  again: ${options.reproduce(failure)}`);
  }
  if (failures.length > FAILURES_SHOWN) lines.push('', `… and ${failures.length - FAILURES_SHOWN} more`);
  return lines;
}
