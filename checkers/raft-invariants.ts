// checkers/raft-invariants.ts: what raft promises, looked at after every step of every member.
// The runner calls observe() with plain numbers after each step and tells what left the member (votes, terms, append
// acknowledgements), because only what others may have seen must survive a restart. Log contents are read through
// RaftLogReader, and only the entries that changed, so a step costs O(changes) and an idle step a dozen comparisons.
// How equal prefixes are known: each entry carries a rolling 32-bit digest of the whole log up to it, so one comparison
// at (index, term) stands for all entries before it. Two unequal prefixes pass as equal with a chance of 2^-32.
// Not modelled: membership (who counts as a majority); a commit without a quorum shows through what it leads to:
// a leader without a committed entry, or two different entries committed at one index.
// Memory: 17 bytes for each log index of the run (all members together) and 4 for each entry a member holds.
import {NO_MEMBER} from '../base/ids.ts';
import type {MemberRole} from '../history/timeline.ts';
import type {Finding} from '../history/verdict.ts';
import {RaftLedger} from './raft-ledger.ts';

/** The log of one incarnation of a member, read only where it changed. */
export interface RaftLogReader {
  /** Term of the entry at firstIndex <= index <= lastIndex. */
  termAt(index: number): number;
  /** A 32-bit hash of the entry's kind and data: equal entries, equal hashes, on every member. */
  contentHashAt(index: number): number;
}

/** Where the run stands; asked only when something is found. */
export interface RunPlace {
  readonly atUs: number;
  readonly atEvent: number;
}

/** What a member has let others see; it must survive restarts. */
interface Promises {
  /** The newest term that left in a message (not the term of a pre-vote). */
  term: number;
  /** The newest term in which a vote left, and for whom. */
  voteTerm: number;
  vote: string;
  /** Entries up to here were acknowledged as stored and not replaced since. */
  ackedIndex: number;
}

/** Findings beyond this many are dropped: one broken promise breaks others. */
export const RAFT_FINDINGS_MAX = 100;

/** Raft's invariants over all members and incarnations of one run. Thesis, figure 3.2. */
export class RaftInvariants {
  readonly findings: Finding[] = [];
  private readonly place: () => RunPlace;
  private readonly ledger = new RaftLedger();
  private readonly promises = new Map<string, Promises>();

  /** `place` tells time and event number for a finding. */
  constructor(place: () => RunPlace) {
    this.place = place;
  }

  /** A new incarnation of a member begins; its watch replaces the one of the incarnation before. */
  start(member: string, log: RaftLogReader): RaftMemberWatch {
    let promises = this.promises.get(member);
    if (promises === undefined) {
      promises = {term: 0, voteTerm: 0, vote: NO_MEMBER, ackedIndex: 0};
      this.promises.set(member, promises);
    }
    return new RaftMemberWatch(member, log, this.ledger, promises, (check, message) => this.report(check, message));
  }

  /** A member's disk was wiped on purpose, or it left and comes back under its old name: nothing it promised counts. */
  forget(member: string): void {
    this.promises.delete(member);
  }

  private report(check: string, message: string): void {
    if (this.findings.length >= RAFT_FINDINGS_MAX) return;
    const {atUs, atEvent} = this.place();
    this.findings.push({check, kind: 'violation', message, atUs, atEvent});
  }
}

/** One incarnation of one member under watch. */
export class RaftMemberWatch {
  private readonly member: string;
  private readonly log: RaftLogReader;
  private readonly ledger: RaftLedger;
  private readonly promises: Promises;
  private readonly report: (check: string, message: string) => void;

  private started = false;
  private term = 0;
  private role: MemberRole = 'follower';
  private vote: string = NO_MEMBER;
  private commit = 0;
  private applied = 0;
  private firstIndex = 1;
  private lastIndex = 0;

  /** Prefix digests of the entries held: digest of index i at [i - base]. */
  private digests = new Int32Array(64);
  private base = 1;

  constructor(
    member: string,
    log: RaftLogReader,
    ledger: RaftLedger,
    promises: Promises,
    report: (check: string, message: string) => void,
  ) {
    this.member = member;
    this.log = log;
    this.ledger = ledger;
    this.promises = promises;
    this.report = report;
  }

  /**
   * The member as it is after a raft step; the first call of an incarnation tells what was restored.
   * `vote` is NO_MEMBER while none was given. `applied` is the state machine's. `changedFrom` is the lowest index whose
   * entry was appended or replaced since the last call, 0 when none was; growth and shrinking of the log without it are
   * taken as an append behind the old end and a cut. A log replaced by a snapshot has firstIndex = lastIndex + 1.
   */
  observe(
    term: number,
    role: MemberRole,
    vote: string,
    commit: number,
    applied: number,
    firstIndex: number,
    lastIndex: number,
    changedFrom: number,
  ): void {
    if (
      changedFrom === 0 &&
      commit === this.commit &&
      applied === this.applied &&
      lastIndex === this.lastIndex &&
      term === this.term &&
      role === this.role &&
      vote === this.vote &&
      firstIndex === this.firstIndex &&
      this.started
    ) {
      return;
    }
    const isSameTerm = term === this.term;
    if (!this.started) this.observeStart(term, vote, firstIndex, lastIndex);
    else this.observeTermAndVote(term, vote);
    this.observeLog(term, isSameTerm, role, firstIndex, lastIndex, this.started ? changedFrom : firstIndex);
    this.observeRole(term, role);
    this.observeCommit(term, commit, applied);
    this.started = true;
  }

  /** A granted vote (MsgVoteResp), or a request for votes (MsgVote: a vote for oneself), left the member. Not pre-votes. */
  voteSent(term: number, candidate: string): void {
    const {promises} = this;
    if (term === promises.voteTerm && candidate !== promises.vote) {
      this.report(
        'one-vote-per-term',
        `${this.member} voted for ${candidate} in term ${term} after a vote for ${promises.vote} in it`,
      );
    }
    if (term >= promises.voteTerm) {
      promises.voteTerm = term;
      promises.vote = candidate;
    }
    this.termSent(term);
  }

  /**
   * A message of this term left the member (any kind but the pre-vote's two, which carry a term not yet entered). A
   * message may leave late, behind one of a newer term: only a restart in an older term breaks a promise.
   */
  termSent(term: number): void {
    if (term > this.promises.term) this.promises.term = term;
  }

  /** An acknowledgement of all entries up to index (MsgAppResp without reject, or a leader's own count) left the member. */
  appendAckSent(index: number): void {
    if (index > this.promises.ackedIndex) this.promises.ackedIndex = index;
  }

  private observeStart(term: number, vote: string, firstIndex: number, lastIndex: number): void {
    const {promises, member} = this;
    if (term < promises.term) {
      this.report(
        'term-monotonic',
        `${member} restarted in term ${term} after it had sent messages of term ${promises.term}`,
      );
    }
    if (term === promises.voteTerm && promises.voteTerm > 0 && vote !== promises.vote) {
      const now = vote === NO_MEMBER ? 'no vote' : `a vote for ${vote}`;
      this.report(
        'one-vote-per-term',
        `${member} restarted in term ${term} with ${now} after it had sent a vote for ${promises.vote}`,
      );
    }
    if (lastIndex < promises.ackedIndex) {
      this.report(
        'acknowledged-append',
        `${member} restarted with a log up to ${lastIndex} after it had acknowledged entries up to ${promises.ackedIndex}`,
      );
      promises.ackedIndex = lastIndex;
    }
    this.term = term;
    this.vote = vote;
    this.firstIndex = firstIndex;
    this.lastIndex = firstIndex - 1;
    this.base = firstIndex;
  }

  private observeTermAndVote(term: number, vote: string): void {
    if (term < this.term) {
      this.report('term-monotonic', `${this.member} went back from term ${this.term} to ${term}`);
    } else if (term === this.term && vote !== this.vote && this.vote !== NO_MEMBER) {
      this.report('one-vote-per-term', `${this.member} changed its vote of term ${term} from ${this.vote} to ${vote}`);
    }
    this.term = term;
    this.vote = vote;
  }

  private observeLog(
    term: number,
    isSameTerm: boolean,
    role: MemberRole,
    firstIndex: number,
    lastIndex: number,
    changedFrom: number,
  ): void {
    let from = changedFrom;
    if (lastIndex > this.lastIndex && (from === 0 || from > this.lastIndex + 1)) from = this.lastIndex + 1;
    const cutTo = Math.min(lastIndex, from === 0 ? lastIndex : from - 1);
    const lastBefore = this.lastIndex;
    if (cutTo >= lastBefore) {
      this.takeEntries(firstIndex, lastIndex, from);
      return;
    }
    const {promises} = this;
    const ackedBefore = Math.min(promises.ackedIndex, lastBefore);
    const commitBefore = Math.min(this.commit, lastBefore);
    const digests = [this.digestAt(lastBefore), this.digestAt(ackedBefore), this.digestAt(commitBefore)];
    this.takeEntries(firstIndex, lastIndex, from);
    const isKept = (index: number, digest: number | undefined) =>
      index < firstIndex || (index <= lastIndex && this.digestAt(index) === digest);
    // Thesis 3.5: a leader never overwrites or deletes entries in its own log.
    if (role === 'leader' && this.role === 'leader' && isSameTerm && !isKept(lastBefore, digests[0])) {
      this.report(
        'leader-append-only',
        `${this.member}, leader of term ${term}, replaced its log behind index ${cutTo}`,
      );
    }
    if (!isKept(ackedBefore, digests[1])) promises.ackedIndex = cutTo;
    if (isKept(commitBefore, digests[2])) return;
    this.report(
      'state-machine-safety',
      `${this.member} replaced its log behind index ${cutTo} though ${commitBefore} was committed`,
    );
  }

  /** Brings the prefix digests up to date with the log as it is now. */
  private takeEntries(firstIndex: number, lastIndex: number, from: number): void {
    if (firstIndex > this.lastIndex + 1 || firstIndex > lastIndex) this.restartDigests(firstIndex);
    else if (firstIndex !== this.firstIndex) this.compactDigests(firstIndex);
    this.firstIndex = firstIndex;
    if (from !== 0) this.readEntries(Math.max(from, firstIndex), lastIndex);
    this.lastIndex = lastIndex;
  }

  /** The log starts anew behind a snapshot: the digest of what came before is the one of the committed entry there. */
  private restartDigests(firstIndex: number): void {
    this.base = firstIndex;
    this.lastIndex = firstIndex - 1;
  }

  private compactDigests(firstIndex: number): void {
    if (firstIndex < this.base) {
      this.restartDigests(firstIndex);
      return;
    }
    const gone = firstIndex - this.base;
    if (gone < 1024 || gone * 2 < this.digests.length) return;
    // One digest before the first entry stays: the next entry's is made from it.
    const keepFrom = firstIndex - 1;
    this.digests.copyWithin(0, keepFrom - this.base, this.lastIndex - this.base + 1);
    this.base = keepFrom;
  }

  private digestAt(index: number): number {
    if (index >= this.base) return this.digests[index - this.base] as number;
    return this.ledger.committedDigest(index);
  }

  private readEntries(from: number, to: number): void {
    const {ledger, log} = this;
    const size = to - this.base + 1;
    if (size > this.digests.length) {
      const grown = new Int32Array(Math.max(size, this.digests.length * 2));
      grown.set(this.digests);
      this.digests = grown;
    }
    let digest = this.digestAt(from - 1);
    for (let index = from; index <= to; index++) {
      const term = log.termAt(index);
      digest = mixDigest(digest, term, log.contentHashAt(index));
      this.digests[index - this.base] = digest;
      if (!ledger.matches(index, term, digest)) {
        this.report(
          'log-matching',
          `${this.member} holds an entry of term ${term} at index ${index} whose log up to it differs from another member's`,
        );
      }
    }
  }

  private observeRole(term: number, role: MemberRole): void {
    const becameLeader = role === 'leader' && (this.role !== 'leader' || this.ledger.leaderOf(term) !== this.member);
    this.role = role;
    if (!becameLeader) return;
    const leader = this.ledger.claimTerm(term, this.member);
    if (leader !== this.member) {
      this.report(
        'election-safety',
        `${this.member} is leader of term ${term}, which already has the leader ${leader}`,
      );
    }
    // Thesis 3.6: entries committed in earlier terms are in the log of every later leader. What a later term committed
    // says nothing about a leader whose votes arrived late.
    const committed = this.ledger.committedBefore(term);
    if (committed < this.firstIndex) return;
    if (committed > this.lastIndex) {
      this.report(
        'leader-completeness',
        `${this.member}, leader of term ${term}, has a log up to ${this.lastIndex}, but ${committed} was committed before`,
      );
    } else if (this.digestAt(committed) !== this.ledger.committedDigest(committed)) {
      this.report(
        'leader-completeness',
        `${this.member}, leader of term ${term}, has other entries than those committed up to ${committed}`,
      );
    }
  }

  private observeCommit(term: number, commit: number, applied: number): void {
    if (commit !== this.commit) {
      if (commit < this.commit && this.started) {
        this.report('commit-monotonic', `${this.member} went back from commit ${this.commit} to ${commit}`);
      }
      if (commit > this.lastIndex) {
        this.report('commit-within-log', `${this.member} committed ${commit}, but its log ends at ${this.lastIndex}`);
      }
      const to = Math.min(commit, this.lastIndex);
      for (let index = Math.max(this.commit + 1, this.firstIndex); index <= to; index++) {
        if (this.ledger.commit(index, this.digestAt(index))) continue;
        this.report(
          'state-machine-safety',
          `${this.member} committed an entry at index ${index} that differs from the one committed there before`,
        );
        break;
      }
      this.ledger.noteCommit(term, to);
      this.commit = commit;
    }
    if (applied === this.applied) return;
    // What was restored may be ahead: a state machine can be saved before the commit that it follows from.
    if (applied > commit && this.started) {
      this.report('applied-within-commit', `${this.member} applied ${applied}, but only ${commit} is committed`);
    }
    if (applied < this.applied && this.started) {
      this.report('applied-monotonic', `${this.member} went back from applied ${this.applied} to ${applied}`);
    }
    this.applied = applied;
  }
}

function mixDigest(digest: number, term: number, contentHash: number): number {
  let h = Math.imul(digest ^ (digest >>> 15), 0x2c1b3c6d) ^ term;
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39) ^ contentHash;
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b | 0);
  return h ^ (h >>> 13);
}
