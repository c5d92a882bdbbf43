// server-core/raft/unstable.ts: the end of the log that is not yet known to be in storage.
// An entry is first only here, then in progress (handed out to be stored, still answered for from here), then stable
// (acknowledged, dropped from here). The offset may lie below the storage's last index: what is here then replaces what is
// there. A snapshot that arrived goes the same way. etcd: log_unstable.go.
// Promise: every array handed out is a copy; entries themselves are shared and never changed.
import type {Entry, Snapshot} from '../raftpb/types.ts';
import {NO_ENTRIES} from '../raftpb/types.ts';
import {sliceLimited} from './entries.ts';
import {raftPanic} from './logging.ts';
import type {RaftLogger} from './types.ts';
import {LOG_INFO, NO_LIMIT} from './types.ts';

/** Invariant: offset <= offsetInProgress <= offset + entries.length, entries[i].index === offset + i. */
export class Unstable {
  /** The incoming snapshot, if any. */
  snapshot: Snapshot | undefined;
  /** Is the snapshot being stored? */
  snapshotInProgress = false;
  /** The index of the first entry here. */
  offset: number;
  /** Entries below this index are being stored. */
  offsetInProgress: number;
  private readonly entries: Entry[] = [];
  private readonly logger: RaftLogger;

  constructor(offset: number, logger: RaftLogger) {
    this.offset = offset;
    this.offsetInProgress = offset;
    this.logger = logger;
  }

  /** How many entries are not known to be stable. */
  get count(): number {
    return this.entries.length;
  }

  /** The first index the log can have, if the snapshot tells. */
  maybeFirstIndex(): number | undefined {
    return this.snapshot === undefined ? undefined : this.snapshot.metadata.index + 1;
  }

  /** The last index, if it is here. */
  maybeLastIndex(): number | undefined {
    if (this.entries.length > 0) return this.offset + this.entries.length - 1;
    return this.snapshot?.metadata.index;
  }

  /** The term at an index, if it is here. */
  maybeTerm(index: number): number | undefined {
    if (index >= this.offset) return this.entries[index - this.offset]?.term;
    if (this.snapshot !== undefined && this.snapshot.metadata.index === index) return this.snapshot.metadata.term;
    return undefined;
  }

  /** The entry at an index, if it is here. */
  entryAt(index: number): Entry | undefined {
    return index >= this.offset ? this.entries[index - this.offset] : undefined;
  }

  /** Entries that nobody is storing yet. */
  nextEntries(): readonly Entry[] {
    return this.hasNextEntries() ? this.entries.slice(this.offsetInProgress - this.offset) : NO_ENTRIES;
  }

  hasNextEntries(): boolean {
    return this.entries.length > this.offsetInProgress - this.offset;
  }

  /** The snapshot, if nobody is storing it yet. */
  nextSnapshot(): Snapshot | undefined {
    return this.snapshotInProgress ? undefined : this.snapshot;
  }

  /** Everything here has been handed out to be stored. */
  acceptInProgress(): void {
    this.offsetInProgress = this.offset + this.entries.length;
    if (this.snapshot !== undefined) this.snapshotInProgress = true;
  }

  /**
   * Entries up to (index, term) are stored, and nothing on its way to the storage can replace them. Ignored when the
   * entry here is another one by now. unstable.stableTo.
   */
  stableTo(index: number, term: number): void {
    const ours = this.maybeTerm(index);
    if (ours === undefined) {
      return this.info(() => `entry at index ${index} missing from unstable log; ignoring`);
    }
    if (index < this.offset) {
      return this.info(() => `entry at index ${index} matched unstable snapshot; ignoring`);
    }
    if (ours !== term) {
      return this.info(
        () =>
          `entry at (index,term)=(${index},${term}) mismatched with entry at (${index},${ours}) in unstable log; ignoring`,
      );
    }
    const stableCount = index + 1 - this.offset;
    if (stableCount === this.entries.length) this.entries.length = 0;
    else this.entries.splice(0, stableCount);
    this.offset = index + 1;
    if (this.offsetInProgress < this.offset) this.offsetInProgress = this.offset;
  }

  /** The snapshot at this index is stored and applied. */
  stableSnapshotTo(index: number): void {
    if (this.snapshot === undefined || this.snapshot.metadata.index !== index) return;
    this.snapshot = undefined;
    this.snapshotInProgress = false;
  }

  /** The log begins anew behind this snapshot. */
  restore(snapshot: Snapshot): void {
    this.offset = snapshot.metadata.index + 1;
    this.offsetInProgress = this.offset;
    this.entries.length = 0;
    this.snapshot = snapshot;
    this.snapshotInProgress = false;
  }

  /** Puts entries in, dropping what was at their first index and behind it. unstable.truncateAndAppend. */
  truncateAndAppend(entries: readonly Entry[]): void {
    const from = (entries[0] as Entry).index;
    if (from <= this.offset && from !== this.offset + this.entries.length) {
      this.info(() => `replace the unstable entries from index ${from}`);
      this.entries.length = 0;
      this.offset = from;
      this.offsetInProgress = from;
    } else if (from !== this.offset + this.entries.length) {
      this.info(() => `truncate the unstable entries before index ${from}`);
      this.checkBounds(this.offset, from);
      this.entries.length = from - this.offset;
      // Of what was being stored, only the part below counts; the rest will be replaced in storage.
      if (this.offsetInProgress > from) this.offsetInProgress = from;
    }
    for (let i = 0; i < entries.length; i++) this.entries.push(entries[i] as Entry);
  }

  /** Entries lo to hi-1, which must be here, cut after sizeMax bytes. */
  slice(lo: number, hi: number, sizeMax = NO_LIMIT): readonly Entry[] {
    this.checkBounds(lo, hi);
    return sliceLimited(this.entries, lo - this.offset, hi - this.offset, sizeMax);
  }

  private checkBounds(lo: number, hi: number): void {
    if (lo > hi) raftPanic(this.logger, `invalid unstable.slice ${lo} > ${hi}`);
    const end = this.offset + this.entries.length;
    if (lo < this.offset || hi > end) {
      raftPanic(this.logger, `unstable.slice[${lo},${hi}) out of bound [${this.offset},${end}]`);
    }
  }

  /** Rare lines only: a closure is made before the level is known. */
  private info(text: () => string): void {
    if (this.logger.level <= LOG_INFO) this.logger.write(LOG_INFO, text());
  }
}
