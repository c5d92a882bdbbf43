// server-core/raft/log.ts: the whole log of one member: storage and its unstable end seen as one.
// Also where the three marks live: applied <= applying <= committed <= last index. etcd: log.go.
// Promise: no array handed out is changed later; entries are shared.
import type {Entry, Snapshot} from '../raftpb/types.ts';
import {NO_ENTRIES} from '../raftpb/types.ts';
import {entriesSize} from './entries.ts';
import {raftPanic} from './logging.ts';
import type {LogRefusal, RaftLogger, Storage} from './types.ts';
import {LOG_INFO, NO_LIMIT} from './types.ts';
import {Unstable} from './unstable.ts';

export class RaftLog {
  readonly unstable: Unstable;
  /** Highest index known to be stored on a quorum. Never falls. */
  committed: number;
  /** Highest index handed out to be applied. */
  applying: number;
  /** Highest index that has been applied. */
  applied: number;
  /** The lowest index appended or replaced since takeChangedFrom(). */
  private changedFrom = NO_LIMIT;
  private readonly storage: Storage;
  private readonly logger: RaftLogger;
  /** Bytes of entries that may be handed out and not applied. */
  private readonly applyingSizeMax: number;
  private applyingSize = 0;
  private applyingPaused = false;

  constructor(storage: Storage, logger: RaftLogger, applyingSizeMax: number) {
    this.storage = storage;
    this.logger = logger;
    this.applyingSizeMax = applyingSizeMax;
    this.unstable = new Unstable(storage.lastIndex() + 1, logger);
    // What the latest compaction dropped was committed and applied before it.
    this.committed = this.applying = this.applied = storage.firstIndex() - 1;
  }

  firstIndex(): number {
    return this.unstable.maybeFirstIndex() ?? this.storage.firstIndex();
  }

  lastIndex(): number {
    return this.unstable.maybeLastIndex() ?? this.storage.lastIndex();
  }

  /** The term at an index from firstIndex-1 to lastIndex. */
  term(index: number): number | LogRefusal {
    // The unstable end first: it answers nearly always, and its indexes are in range without asking the storage.
    const unstable = this.unstable.maybeTerm(index);
    if (unstable !== undefined) return unstable;
    if (index + 1 < this.firstIndex()) return 'compacted';
    if (index > this.lastIndex()) return 'unavailable';
    return this.storage.term(index);
  }

  /** term(), with 0 where the term is not known. */
  termOrZero(index: number): number {
    const term = this.term(index);
    return typeof term === 'number' ? term : 0;
  }

  /** The entry at firstIndex <= index <= lastIndex; undefined elsewhere. */
  entryAt(index: number): Entry | undefined {
    const unstable = this.unstable.entryAt(index);
    if (unstable !== undefined || index < this.firstIndex() || index > this.lastIndex()) return unstable;
    const found = this.storage.entries(index, index + 1, 0);
    return typeof found === 'string' ? undefined : found[0];
  }

  /** The lowest index that was appended or replaced since the last call; 0 when none was. For observers. */
  takeChangedFrom(): number {
    const from = this.changedFrom;
    this.changedFrom = NO_LIMIT;
    return from === NO_LIMIT ? 0 : from;
  }

  /** The term of the last entry; it is always known. */
  lastTerm(): number {
    const index = this.lastIndex();
    const term = this.term(index);
    if (typeof term === 'number') return term;
    return raftPanic(this.logger, `unexpected error when getting the last term at ${index}: ${term}`);
  }

  matchTerm(index: number, term: number): boolean {
    return this.term(index) === term;
  }

  /** Is a log that ends at (index, term) at least as new as ours? Thesis 3.6.1. */
  isUpToDate(index: number, term: number): boolean {
    const lastTerm = this.lastTerm();
    return term > lastTerm || (term === lastTerm && index >= this.lastIndex());
  }

  /**
   * Takes a leader's entries behind (prevIndex, prevTerm) and its commit index. Returns the index of the last of them, or
   * undefined if our log does not have the entry before. raftLog.maybeAppend.
   */
  maybeAppend(
    prevIndex: number,
    prevTerm: number,
    entries: readonly Entry[],
    leaderCommit: number,
  ): number | undefined {
    if (!this.matchTerm(prevIndex, prevTerm)) return undefined;
    const lastNew = prevIndex + entries.length;
    const conflict = this.findConflict(entries);
    if (conflict !== 0) {
      if (conflict <= this.committed) {
        raftPanic(this.logger, `entry ${conflict} conflict with committed entry [committed(${this.committed})]`);
      }
      const skipped = conflict - (prevIndex + 1);
      this.append(skipped === 0 ? entries : entries.slice(skipped));
    }
    this.commitTo(Math.min(leaderCommit, lastNew));
    return lastNew;
  }

  /** Puts entries at the end, replacing what is there from their first index on. Returns the last index. */
  append(entries: readonly Entry[]): number {
    const first = entries[0];
    if (first === undefined) return this.lastIndex();
    if (first.index - 1 < this.committed) {
      raftPanic(this.logger, `after(${first.index - 1}) is out of range [committed(${this.committed})]`);
    }
    if (first.index < this.changedFrom) this.changedFrom = first.index;
    this.unstable.truncateAndAppend(entries);
    return this.lastIndex();
  }

  /** The index of the first entry that we lack or have with another term; 0 if we have them all. */
  private findConflict(entries: readonly Entry[]): number {
    for (let i = 0; i < entries.length; i++) {
      const {index, term} = entries[i] as Entry;
      if (this.matchTerm(index, term)) continue;
      if (this.logger.level <= LOG_INFO && index <= this.lastIndex()) {
        const ours = this.termOrZero(index);
        this.logger.write(
          LOG_INFO,
          `found conflict at index ${index} [existing term: ${ours}, conflicting term: ${term}]`,
        );
      }
      return index;
    }
    return 0;
  }

  /**
   * The highest index up to `index` at which our log may match one that has `term` at `index`: where our term is not
   * above it, or not known (then the term in the answer is 0). raftLog.findConflictByTerm.
   */
  findConflictByTerm(index: number, term: number): {readonly index: number; readonly term: number} {
    for (let at = index; at > 0; at--) {
      const ours = this.term(at);
      if (typeof ours !== 'number') return {index: at, term: 0};
      if (ours <= term) return {index: at, term: ours};
    }
    return {index: 0, term: 0};
  }

  /** Commits `index` if it was written in `term`, the leader's own (thesis 3.6.2). Says whether it did. */
  maybeCommit(index: number, term: number): boolean {
    if (term === 0 || index <= this.committed || !this.matchTerm(index, term)) return false;
    this.commitTo(index);
    return true;
  }

  /** Raises the commit index; never lowers it. */
  commitTo(index: number): void {
    if (index <= this.committed) return;
    const last = this.lastIndex();
    if (index > last) {
      raftPanic(
        this.logger,
        `tocommit(${index}) is out of range [lastIndex(${last})]. Was the raft log corrupted, truncated, or lost?`,
      );
    }
    this.committed = index;
  }

  /** Entries up to `index`, of so many bytes, have been applied. */
  appliedTo(index: number, size: number): void {
    if (index > this.committed || index < this.applied) {
      raftPanic(
        this.logger,
        `applied(${index}) is out of range [prevApplied(${this.applied}), committed(${this.committed})]`,
      );
    }
    this.applied = index;
    if (this.applying < index) this.applying = index;
    this.applyingSize = this.applyingSize > size ? this.applyingSize - size : 0;
    this.applyingPaused = this.applyingSize >= this.applyingSizeMax;
  }

  /** Entries up to `index`, of so many bytes, have been handed out. Pauses when the limit is met or has cut them short. */
  acceptApplying(index: number, size: number, allowUnstable: boolean): void {
    if (index > this.committed) {
      raftPanic(
        this.logger,
        `applying(${index}) is out of range [prevApplying(${this.applying}), committed(${this.committed})]`,
      );
    }
    this.applying = index;
    this.applyingSize += size;
    this.applyingPaused = this.applyingSize >= this.applyingSizeMax || index < this.appliableIndexMax(allowUnstable);
  }

  /** Committed entries not yet handed out, up to the size limit; only stored ones unless `allowUnstable`. */
  nextCommittedEntries(allowUnstable: boolean): readonly Entry[] {
    if (!this.hasNextCommittedEntries(allowUnstable)) return NO_ENTRIES;
    const sizeMax = this.applyingSizeMax - this.applyingSize;
    if (sizeMax <= 0) {
      raftPanic(
        this.logger,
        `applying entry size (${this.applyingSizeMax}-${this.applyingSize})=${sizeMax} not positive`,
      );
    }
    const entries = this.slice(this.applying + 1, this.appliableIndexMax(allowUnstable) + 1, sizeMax);
    if (typeof entries !== 'string') return entries;
    return raftPanic(this.logger, `unexpected error when getting unapplied entries (${entries})`);
  }

  /** A snapshot to be applied goes first: no entries until it is done. */
  hasNextCommittedEntries(allowUnstable: boolean): boolean {
    if (this.applyingPaused || this.unstable.snapshot !== undefined) return false;
    return this.applying < this.appliableIndexMax(allowUnstable);
  }

  private appliableIndexMax(allowUnstable: boolean): number {
    return allowUnstable ? this.committed : Math.min(this.committed, this.unstable.offset - 1);
  }

  /** Is there a membership change among the entries committed and not applied? Read in pages. */
  hasUnappliedConfChange(): boolean {
    for (let lo = this.applied + 1; lo <= this.committed; ) {
      const page = this.slice(lo, this.committed + 1, this.applyingSizeMax);
      if (typeof page === 'string' || page.length === 0) {
        const what = typeof page === 'string' ? page : `got 0 entries in [${lo}, ${this.committed + 1})`;
        return raftPanic(this.logger, `error scanning unapplied entries [${lo}, ${this.committed + 1}): ${what}`);
      }
      for (const entry of page) if (entry.type !== 'EntryNormal') return true;
      lo += page.length;
    }
    return false;
  }

  /** Our latest snapshot. */
  snapshot(): Snapshot | 'snapshot-unavailable' {
    return this.unstable.snapshot ?? this.storage.snapshot();
  }

  /** Replaces the log by a snapshot that arrived. */
  restore(snapshot: Snapshot): void {
    const {index, term} = snapshot.metadata;
    if (this.logger.level <= LOG_INFO) {
      this.logger.write(
        LOG_INFO,
        `log [${this.describe()}] starts to restore snapshot [index: ${index}, term: ${term}]`,
      );
    }
    this.committed = index;
    this.unstable.restore(snapshot);
  }

  /** Entries from `index` to the end, up to sizeMax bytes. */
  entriesFrom(index: number, sizeMax: number): readonly Entry[] | LogRefusal {
    const last = this.lastIndex();
    return index > last ? NO_ENTRIES : this.slice(index, last + 1, sizeMax);
  }

  /** Entries lo to hi-1, up to sizeMax bytes but at least one; 'compacted' if lo is gone. raftLog.slice. */
  slice(lo: number, hi: number, sizeMax: number): readonly Entry[] | LogRefusal {
    const {offset} = this.unstable;
    if (lo > hi) raftPanic(this.logger, `invalid slice ${lo} > ${hi}`);
    const first = this.firstIndex();
    if (lo < first) return 'compacted';
    if (hi > this.lastIndex() + 1) {
      raftPanic(this.logger, `slice[${lo},${hi}) out of bound [${first},${this.lastIndex()}]`);
    }
    if (lo === hi) return NO_ENTRIES;
    if (lo >= offset) return this.unstable.slice(lo, hi, sizeMax);
    const cut = Math.min(hi, offset);
    const stable = this.storage.entries(lo, cut, sizeMax);
    if (stable === 'compacted') return stable;
    if (stable === 'unavailable') raftPanic(this.logger, `entries[${lo}:${cut}) is unavailable from storage`);
    // Fewer than asked for: the limit has cut them, so the unstable ones behind are too many as well.
    if (hi <= offset || stable.length < cut - lo) return stable;
    const size = entriesSize(stable);
    if (size >= sizeMax) return stable;
    const unstable = this.unstable.slice(offset, hi, sizeMax - size);
    // A slice has at least one entry even when that is above the limit; behind others it must not be.
    if (unstable.length === 1 && size + entriesSize(unstable) > sizeMax) return stable;
    return stable.concat(unstable);
  }

  private describe(): string {
    const {offset, offsetInProgress, count} = this.unstable;
    return (
      `committed=${this.committed}, applied=${this.applied}, applying=${this.applying}, ` +
      `unstable.offset=${offset}, unstable.offsetInProgress=${offsetInProgress}, len(unstable.Entries)=${count}`
    );
  }
}
