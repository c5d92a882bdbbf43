// campaign/job.ts: one seed of one scenario as a job for a worker, and what comes back.
import {encodeRunRecord} from '../history/run-record.ts';
import type {Finding, VerdictKind} from '../history/verdict.ts';
import type {PlanOverride} from '../scenarios/overrides.ts';
import {runScenario} from '../scenarios/run-scenario.ts';

/** What to run. Plain data: it crosses to another thread. */
export interface Job {
  readonly scenario: string;
  readonly seed: number;
  readonly plant?: string | undefined;
  readonly overrides: readonly PlanOverride[];
  /** Run it a second time and compare digests. */
  readonly twice: boolean;
  /** Send the whole record back also when nothing was found. */
  readonly wantRecord: boolean;
}

/** How it went. `record` is the run record as JSON text: always there when something was found. */
export interface JobResult {
  readonly scenario: string;
  readonly seed: number;
  readonly verdict: VerdictKind;
  readonly findings: readonly Finding[];
  readonly digest: string;
  /** The digest of the second run, when asked for and different. */
  readonly otherDigest?: string | undefined;
  readonly simulatedUs: number;
  readonly eventCount: number;
  readonly operationCount: number;
  readonly marks: Readonly<Record<string, number>>;
  readonly record?: string | undefined;
}

/** Runs the job here and now. */
export function runJob(job: Job): JobResult {
  const options = {seed: job.seed, plant: job.plant, overrides: job.overrides};
  const record = runScenario(job.scenario, options);
  const second = job.twice ? runScenario(job.scenario, options).digest : record.digest;
  const {simulatedUs, eventCount, operationCount, marks} = record.statistics;
  return {
    scenario: job.scenario,
    seed: job.seed,
    verdict: record.verdict,
    findings: record.findings,
    digest: record.digest,
    otherDigest: second === record.digest ? undefined : second,
    simulatedUs,
    eventCount,
    operationCount,
    marks,
    record: job.wantRecord || record.verdict !== 'ok' ? encodeRunRecord(record) : undefined,
  };
}
