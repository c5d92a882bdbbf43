// reports/campaign-page.ts: what many runs add up to, for a page and for a terminal: a table by scenario, failures in groups, marks.
import {counted, grouped, longDuration} from './format.ts';

/** All runs of one scenario. */
export interface CampaignScenario {
  readonly scenario: string;
  readonly runs: number;
  readonly ok: number;
  readonly violations: number;
  readonly unknown: number;
  readonly simulatedUs: number;
  readonly operationCount: number;
  readonly eventCount?: number | undefined;
}

/** One run in which something was found. */
export interface CampaignFailure {
  readonly scenario: string;
  readonly seed: number;
  readonly check: string;
  readonly message: string;
  /** The line that shows it again. */
  readonly reproduce: string;
  /** Its page, relative to the campaign's. */
  readonly page?: string | undefined;
}

export interface CampaignSummary {
  /** The command line. */
  readonly startedWith: string;
  readonly scenarios: readonly CampaignScenario[];
  readonly failures: readonly CampaignFailure[];
  /** How often each mark was hit in all runs; 0: never, which is worth a look. */
  readonly marks: Readonly<Record<string, number>>;
}

/** Failures of one check in one scenario: probably one cause. */
export interface FailureGroup {
  readonly scenario: string;
  readonly check: string;
  /** By seed. */
  readonly failures: readonly CampaignFailure[];
}

/** Failures by check and scenario, the largest group first. */
export function groupFailures(failures: readonly CampaignFailure[]): FailureGroup[] {
  const groups = new Map<string, {scenario: string; check: string; failures: CampaignFailure[]}>();
  for (const failure of failures) {
    const name = `${failure.check}\n${failure.scenario}`;
    const known = groups.get(name);
    if (known === undefined) groups.set(name, {scenario: failure.scenario, check: failure.check, failures: [failure]});
    else known.failures.push(failure);
  }
  return [...groups.entries()]
    .sort(([a, one], [b, other]) => other.failures.length - one.failures.length || (a < b ? -1 : 1))
    .map(([, group]) => ({...group, failures: [...group.failures].sort((a, b) => a.seed - b.seed)}));
}

/** Sums over all scenarios. */
export function campaignTotal(scenarios: readonly CampaignScenario[]): CampaignScenario {
  const sum = (of: (row: CampaignScenario) => number) => scenarios.reduce((total, row) => total + of(row), 0);
  return {
    scenario: 'all',
    runs: sum(({runs}) => runs),
    ok: sum(({ok}) => ok),
    violations: sum(({violations}) => violations),
    unknown: sum(({unknown}) => unknown),
    simulatedUs: sum(({simulatedUs}) => simulatedUs),
    operationCount: sum(({operationCount}) => operationCount),
    eventCount: sum(({eventCount = 0}) => eventCount),
  };
}

/** Marks by name: those never hit, and those that were. */
export function splitMarks(marks: Readonly<Record<string, number>>): {
  readonly never: readonly string[];
  readonly hit: readonly (readonly [string, number])[];
} {
  const entries = Object.entries(marks).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    never: entries.filter(([, count]) => count === 0).map(([name]) => name),
    hit: entries.filter(([, count]) => count > 0),
  };
}

/** The campaign in lines of plain text. */
export function campaignText({startedWith, scenarios, failures, marks}: CampaignSummary): string[] {
  const lines = [startedWith, ''];
  for (const row of [...scenarios, campaignTotal(scenarios)]) {
    lines.push(
      `${row.scenario.padEnd(20)} ${counted(row.runs, 'run')}: ${row.ok} ok, ${row.violations} with violations, ${row.unknown} unknown; ${counted(row.operationCount, 'operation')} in ${longDuration(row.simulatedUs)} of virtual time`,
    );
  }
  for (const group of groupFailures(failures)) {
    lines.push('', `${group.check} in ${group.scenario}: ${counted(group.failures.length, 'run')}`);
    for (const {seed, message, reproduce} of group.failures)
      lines.push(`  seed ${grouped(seed)}: ${message}`, `    again: ${reproduce}`);
  }
  const {never} = splitMarks(marks);
  if (never.length > 0) lines.push('', `marks never hit: ${never.join(', ')}`);
  return lines;
}
