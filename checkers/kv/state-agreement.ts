// checkers/kv/state-agreement.ts: members that have applied the same entries hold the same state.
// Incremental: each member tells a digest of its state whenever it likes, with the index applied to it. An index is kept
// until every member has passed it or it falls out of the window, so memory is bounded by INDEX_COUNT_MAX.
import type {Finding} from '../../history/verdict.ts';

/** Indexes remembered at most; an older one is dropped and a member coming to it later is not compared there. */
export const INDEX_COUNT_MAX = 4096;

interface Seen {
  readonly member: string;
  readonly stateHash: string | number;
}

/** Compares state digests of members at equal applied index. */
export class StateAgreement {
  readonly findings: Finding[] = [];
  private readonly place: () => {readonly atUs: number; readonly atEvent: number};
  /** By applied index, in the order first seen. */
  private readonly seen = new Map<number, Seen>();
  private readonly reported = new Set<string>();

  /** `place` tells time and event number for a finding. */
  constructor(place: () => {readonly atUs: number; readonly atEvent: number}) {
    this.place = place;
  }

  /** The member's state after applying appliedIndex; equal states must give equal hashes. */
  observe(member: string, appliedIndex: number, stateHash: string | number): void {
    const first = this.seen.get(appliedIndex);
    if (first === undefined) {
      this.seen.set(appliedIndex, {member, stateHash});
      if (this.seen.size > INDEX_COUNT_MAX) this.dropOldest();
      return;
    }
    if (first.stateHash === stateHash) return;
    const pair = `${first.member}/${member}`;
    if (this.reported.has(pair)) return; // states that differ once differ ever after
    this.reported.add(pair);
    this.findings.push({
      check: 'state-agreement',
      kind: 'violation',
      message: `after applying index ${appliedIndex}, ${member} has state ${stateHash}, ${first.member} had ${first.stateHash}`,
      ...this.place(),
    });
  }

  /** Every member has applied this index: earlier ones are no longer needed. */
  allPassed(appliedIndex: number): void {
    for (const index of this.seen.keys()) if (index < appliedIndex) this.seen.delete(index);
  }

  private dropOldest(): void {
    for (const index of this.seen.keys()) {
      this.seen.delete(index);
      return;
    }
  }
}
