// history/verdict.ts: what a checker says. Three values: out of budget is not a pass.

/** One broken promise, with what shows it. */
export interface Finding {
  /** The check that speaks, kebab-case: 'linearizability', 'election-safety', 'durability', … */
  readonly check: string;
  readonly kind: 'violation' | 'unknown';
  /** One sentence for people: what was promised, what was seen, where. */
  readonly message: string;
  /** When it shows first, in microseconds of virtual time. */
  readonly atUs?: number | undefined;
  /** The kernel event after which it shows, for `replay --until-event`. */
  readonly atEvent?: number | undefined;
  /** Ids of the operations that show it, the one that cannot be placed first. */
  readonly operations?: readonly number[] | undefined;
  /** For linearizability: the key of the partition, and the longest partial linearizations as operation ids in order. */
  readonly key?: string | undefined;
  readonly linearizations?: readonly (readonly number[])[] | undefined;
}

/** ok: all was checked and nothing found. unknown: the budget ran out before an answer. */
export type VerdictKind = 'ok' | 'violation' | 'unknown';

/** The verdict that findings add up to. */
export function verdictOf(findings: readonly Finding[]): VerdictKind {
  if (findings.some((finding) => finding.kind === 'violation')) return 'violation';
  return findings.length > 0 ? 'unknown' : 'ok';
}
