// server-core/raft/memory-storage.ts: a Storage that keeps everything in memory, for servers (beside their WAL) and tests.
// etcd: raft.MemoryStorage. Promise: arrays handed out never change.
import {InvariantError} from '../../base/assert.ts';
import type {ConfState, Entry, HardState, Snapshot} from '../raftpb/types.ts';
import {EMPTY_HARD_STATE, EMPTY_SNAPSHOT} from '../raftpb/types.ts';
import {sliceLimited} from './entries.ts';
import type {LogRefusal, Storage} from './types.ts';

export class MemoryStorage implements Storage {
  private hardState: HardState = EMPTY_HARD_STATE;
  private latestSnapshot: Snapshot = EMPTY_SNAPSHOT;
  /** Index and term of the last entry that is gone: the log begins behind it. */
  private compactedIndex = 0;
  private compactedTerm = 0;
  private log: Entry[] = [];

  initialState(): {readonly hardState: HardState; readonly confState: ConfState} {
    return {hardState: this.hardState, confState: this.latestSnapshot.metadata.confState};
  }

  setHardState(state: HardState): void {
    this.hardState = state;
  }

  firstIndex(): number {
    return this.compactedIndex + 1;
  }

  lastIndex(): number {
    return this.compactedIndex + this.log.length;
  }

  term(index: number): number | LogRefusal {
    if (index < this.compactedIndex) return 'compacted';
    if (index === this.compactedIndex) return this.compactedTerm;
    return this.log[index - this.compactedIndex - 1]?.term ?? 'unavailable';
  }

  entries(lo: number, hi: number, sizeMax: number): readonly Entry[] | LogRefusal {
    if (lo <= this.compactedIndex) return 'compacted';
    if (hi > this.lastIndex() + 1) {
      throw new InvariantError(`entries' hi(${hi}) is out of bound lastindex(${this.lastIndex()})`);
    }
    if (this.log.length === 0) return 'unavailable';
    const start = this.compactedIndex + 1;
    return sliceLimited(this.log, lo - start, hi - start, sizeMax);
  }

  snapshot(): Snapshot {
    return this.latestSnapshot;
  }

  /** Replaces everything by a snapshot; false if it is not newer than the one here (ErrSnapOutOfDate). */
  applySnapshot(snapshot: Snapshot): boolean {
    if (this.latestSnapshot.metadata.index >= snapshot.metadata.index) return false;
    this.latestSnapshot = snapshot;
    this.compactedIndex = snapshot.metadata.index;
    this.compactedTerm = snapshot.metadata.term;
    this.log = [];
    return true;
  }

  /** Makes a snapshot at an index of the log; undefined if it is not newer than the one here (ErrSnapOutOfDate). */
  createSnapshot(index: number, confState: ConfState | undefined, data: Uint8Array | undefined): Snapshot | undefined {
    const {metadata} = this.latestSnapshot;
    if (index <= metadata.index) return undefined;
    const term = this.term(index);
    if (typeof term !== 'number') {
      throw new InvariantError(`snapshot ${index} is out of bound lastindex(${this.lastIndex()})`);
    }
    this.latestSnapshot = {data, metadata: {confState: confState ?? metadata.confState, index, term}};
    return this.latestSnapshot;
  }

  /** Drops the entries up to `index`; 'compacted' if they are gone already. Not above what is applied. */
  compact(index: number): 'compacted' | undefined {
    if (index <= this.compactedIndex) return 'compacted';
    const term = this.term(index);
    if (typeof term !== 'number') {
      throw new InvariantError(`compact ${index} is out of bound lastindex(${this.lastIndex()})`);
    }
    this.log = this.log.slice(index - this.compactedIndex);
    this.compactedIndex = index;
    this.compactedTerm = term;
    return undefined;
  }

  /** Stores entries, replacing what is at their first index and behind it; those that are compacted are passed over. */
  append(entries: readonly Entry[]): void {
    const given = entries[0]?.index;
    if (given === undefined) return;
    const first = this.firstIndex();
    const skipped = first > given ? first - given : 0;
    if (skipped >= entries.length) return;
    const at = given + skipped - first;
    if (at > this.log.length) {
      throw new InvariantError(`missing log entry [last: ${this.lastIndex()}, append at: ${given + skipped}]`);
    }
    this.log.length = at;
    for (let i = skipped; i < entries.length; i++) this.log.push(entries[i] as Entry);
  }
}
