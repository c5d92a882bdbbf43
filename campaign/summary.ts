// campaign/summary.ts: what many runs add up to, by scenario. Independent of the order in which results arrive.
import type {VerdictKind} from '../history/verdict.ts';
import {verdictOf} from '../history/verdict.ts';
import type {JobResult} from './job.ts';

/** All runs of one scenario. */
export interface ScenarioSummary {
  readonly scenario: string;
  runCount: number;
  okCount: number;
  violationCount: number;
  unknownCount: number;
  mismatchCount: number;
  simulatedUs: number;
  operationCount: number;
  eventCount: number;
}

/** What is kept of a run that is worth telling: something was found, or its digest was not the same twice. */
export interface Failure {
  readonly scenario: string;
  readonly seed: number;
  readonly verdict: VerdictKind;
  readonly check: string;
  readonly message: string;
  readonly digest: string;
  readonly record: string | undefined;
}

export class CampaignSummary {
  private readonly byScenario = new Map<string, ScenarioSummary>();
  private readonly failing: Failure[] = [];
  private readonly markCounts = new Map<string, number>();
  private readonly digests = new Map<string, string>();

  /** The scenarios are listed in this order, also those without a run. */
  constructor(scenarios: readonly string[]) {
    for (const scenario of scenarios) {
      this.byScenario.set(scenario, {
        scenario,
        runCount: 0,
        okCount: 0,
        violationCount: 0,
        unknownCount: 0,
        mismatchCount: 0,
        simulatedUs: 0,
        operationCount: 0,
        eventCount: 0,
      });
    }
  }

  add(result: JobResult): void {
    const row = this.byScenario.get(result.scenario);
    if (row === undefined) return;
    row.runCount++;
    if (result.verdict === 'ok') row.okCount++;
    else if (result.verdict === 'violation') row.violationCount++;
    else row.unknownCount++;
    row.simulatedUs += result.simulatedUs;
    row.operationCount += result.operationCount;
    row.eventCount += result.eventCount;
    for (const [mark, count] of Object.entries(result.marks)) {
      this.markCounts.set(mark, (this.markCounts.get(mark) ?? 0) + count);
    }
    this.digests.set(`${result.scenario} ${result.seed}`, result.digest);
    if (result.otherDigest !== undefined) row.mismatchCount++;
    this.noteFailure(result);
  }

  private noteFailure(result: JobResult): void {
    const {scenario, seed, digest, record, otherDigest} = result;
    if (otherDigest !== undefined) {
      const message = `two runs of one seed differ: ${digest} and ${otherDigest}`;
      this.failing.push({scenario, seed, verdict: 'violation', check: 'determinism', message, digest, record});
    }
    const [first] = result.findings;
    if (first === undefined) return;
    const {check, message} = result.findings.find(({kind}) => kind === 'violation') ?? first;
    this.failing.push({scenario, seed, verdict: verdictOf(result.findings), check, message, digest, record});
  }

  get scenarios(): readonly ScenarioSummary[] {
    return [...this.byScenario.values()];
  }

  /** By scenario and seed. */
  get failures(): readonly Failure[] {
    const order = [...this.byScenario.keys()];
    return [...this.failing].sort(
      (a, b) =>
        order.indexOf(a.scenario) - order.indexOf(b.scenario) || a.seed - b.seed || (a.check < b.check ? -1 : 1),
    );
  }

  /** How often each mark was hit in all runs, by name. */
  get marks(): Record<string, number> {
    return Object.fromEntries([...this.markCounts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** One line a run, sorted: equal campaigns print equal lines. */
  digestLines(): string[] {
    return [...this.digests].map(([run, digest]) => `${run} ${digest}`).sort();
  }

  /** violation if any run has one, else unknown if any is, else ok. */
  get verdict(): VerdictKind {
    const rows = this.scenarios;
    if (rows.some(({violationCount, mismatchCount}) => violationCount + mismatchCount > 0)) return 'violation';
    return rows.some(({unknownCount}) => unknownCount > 0) ? 'unknown' : 'ok';
  }
}
