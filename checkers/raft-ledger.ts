// checkers/raft-ledger.ts: what all members together have shown: leaders by term, digests by (index, term), commits.
// Flat typed arrays by log index; a second term at one index (an overwritten tail) goes to a small map.

/** Shared by all members' watches of one run. Digests are 32-bit and stand for the whole log up to their index. */
export class RaftLedger {
  private readonly leaders = new Map<number, string>();
  /** For each index the first term seen there and its digest; term 0 means none was seen. */
  private terms = new Float64Array(1024);
  private digests = new Int32Array(1024);
  private readonly otherTerms = new Map<string, number>();
  private committed = new Int32Array(1024);
  private isCommitted = new Uint8Array(1024);
  /** The highest index committed as seen by a member in that term. */
  private readonly commitByTerm = new Map<number, number>();

  leaderOf(term: number): string | undefined {
    return this.leaders.get(term);
  }

  /** Notes the leader of a term; answers with the first that was noted. */
  claimTerm(term: number, member: string): string {
    const leader = this.leaders.get(term);
    if (leader !== undefined) return leader;
    this.leaders.set(term, member);
    return member;
  }

  /** False when another log with an entry of this index and term has a different digest. */
  matches(index: number, term: number, digest: number): boolean {
    if (index >= this.terms.length) this.grow(index);
    const known = this.terms[index] as number;
    if (known === term) return this.digests[index] === digest;
    if (known === 0) {
      this.terms[index] = term;
      this.digests[index] = digest;
      return true;
    }
    const key = `${index}/${term}`;
    const other = this.otherTerms.get(key);
    if (other !== undefined) return other === digest;
    this.otherTerms.set(key, digest);
    return true;
  }

  /** Notes that the entry at index is committed; false when a different one already is. */
  commit(index: number, digest: number): boolean {
    if (index >= this.terms.length) this.grow(index);
    if (this.isCommitted[index] === 1) return this.committed[index] === digest;
    this.isCommitted[index] = 1;
    this.committed[index] = digest;
    return true;
  }

  /** The digest at a committed index; 0 at index 0 and where none is known. */
  committedDigest(index: number): number {
    return index < this.committed.length ? (this.committed[index] as number) : 0;
  }

  /** A member in this term knows that index is committed. */
  noteCommit(term: number, index: number): void {
    if (index > (this.commitByTerm.get(term) ?? 0)) this.commitByTerm.set(term, index);
  }

  /** The highest index known committed by members in earlier terms than this one. */
  committedBefore(term: number): number {
    let highest = 0;
    for (const [committedTerm, index] of this.commitByTerm) {
      if (committedTerm < term && index > highest) highest = index;
    }
    return highest;
  }

  private grow(index: number): void {
    const size = Math.max(index + 1, this.terms.length * 2);
    const terms = new Float64Array(size);
    terms.set(this.terms);
    this.terms = terms;
    const digests = new Int32Array(size);
    digests.set(this.digests);
    this.digests = digests;
    const committed = new Int32Array(size);
    committed.set(this.committed);
    this.committed = committed;
    const isCommitted = new Uint8Array(size);
    isCommitted.set(this.isCommitted);
    this.isCommitted = isCommitted;
  }
}
