// server-core/mvcc/key-index.ts: every revision of one key that has not been compacted. etcd: server/storage/mvcc/key_index.go.
// A generation begins with the put that creates the key and ends with the deletion of the key. Three representations differ
// from etcd's. The last generation, the one that is alive, lies in the index itself, since most keys have no other; it is
// empty while the key is deleted. A generation's revisions are linked from the newest back, which is the order they are looked
// for in. And each carries the decoded pair, whose version and createRevision take the place of the generation's counters.
import {assert} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import type {KeyValue} from '../etcdserverpb/types.ts';
import type {RevisionSet} from './revision.ts';

/** One change of a key. */
export interface KeyRevision {
  readonly main: number;
  readonly sub: number;
  /** What was put; undefined for a deletion. */
  readonly kv: KeyValue | undefined;
  /** The change before it in the same generation, unless compacted. Owned by the KeyIndex. */
  previous: KeyRevision | undefined;
}

/** A generation that is over: its newest revision is a deletion. Never empty. */
interface ClosedGeneration {
  readonly newest: KeyRevision;
  oldest: KeyRevision;
}

const NONE: ClosedGeneration[] = [];

/** The last change at or before a main revision, from `newest` back. */
function walkTo(main: number, newest: KeyRevision | undefined): KeyRevision | undefined {
  let revision = newest;
  while (revision !== undefined && revision.main > main) revision = revision.previous;
  return revision;
}

export class KeyIndex {
  readonly key: ByteString;
  /** Of the generation that is alive: both absent, or oldest is reached from newest. */
  private newest: KeyRevision | undefined = undefined;
  private oldest: KeyRevision | undefined = undefined;
  /** The generations before, oldest first. Replaced, never changed, while it is NONE. */
  private closed = NONE;

  constructor(key: ByteString) {
    this.key = key;
  }

  /** Appends a put. Also etcd's restore(): the first revision may be any version of the key. */
  put(revision: KeyRevision): void {
    this.assertNewer(revision);
    revision.previous = this.newest;
    this.newest = revision;
    if (this.oldest === undefined) this.oldest = revision;
  }

  /** Appends a deletion, which ends the generation. False, and nothing done, when the key is deleted already. */
  tombstone(revision: KeyRevision): boolean {
    if (this.oldest === undefined) return false;
    this.put(revision);
    this.close(revision, this.oldest);
    return true;
  }

  /** Begins with a deletion whose puts have been compacted. Only for a new index. */
  restoreTombstone(revision: KeyRevision): void {
    assert(this.isEmpty(), 'a tombstone is restored into a key that has revisions', this.key);
    this.close(revision, revision);
  }

  private close(newest: KeyRevision, oldest: KeyRevision): void {
    const generation = {newest, oldest};
    if (this.closed === NONE) this.closed = [generation];
    else this.closed.push(generation);
    this.newest = undefined;
    this.oldest = undefined;
  }

  private assertNewer(revision: KeyRevision): void {
    const last = this.newest ?? this.closed[this.closed.length - 1]?.newest;
    if (last === undefined) return;
    const isNewer = revision.main > last.main || (revision.main === last.main && revision.sub > last.sub);
    assert(isNewer, 'a key is changed at a revision that is not a new one', revision);
  }

  /** The put that the key shows at that main revision; undefined where it does not exist. */
  get(atRevision: number): KeyRevision | undefined {
    const {newest, oldest, closed} = this;
    if (newest !== undefined) {
      if (newest.main <= atRevision) return newest;
      if (oldest !== undefined && oldest.main <= atRevision) return walkTo(atRevision, newest.previous);
    }
    for (let i = closed.length - 1; i >= 0; i--) {
      const generation = closed[i] as ClosedGeneration;
      // Between a deletion and the next creation the key does not exist.
      if (generation.newest.main <= atRevision) return undefined;
      if (generation.oldest.main <= atRevision) return walkTo(atRevision, generation.newest.previous);
    }
    return undefined;
  }

  /** Changes at or after a main revision, oldest first; of several in one transaction only the last is ever visible. */
  since(main: number): KeyRevision[] {
    const found: KeyRevision[] = [];
    let index = this.closed.length;
    for (let at = this.newest; ; at = this.closed[index]?.newest) {
      for (; at !== undefined && at.main >= main; at = at.previous) {
        if (found[found.length - 1]?.main !== at.main) found.push(at);
      }
      index--;
      if (at !== undefined || index < 0) return found.reverse();
    }
  }

  /**
   * Forgets what nobody can see at or after that revision; adds what stays of the earlier changes to `available`. Older releases
   * forget a deletion exactly at the revision as well, which hides it from watches (issue 18089).
   */
  compact(atRevision: number, available: RevisionSet, keepsTombstone = true): void {
    const {closed} = this;
    let index = this.generationToKeep(atRevision);
    const generation = closed[index];
    const kept = walkTo(atRevision, generation === undefined ? this.newest : generation.newest);
    if (kept !== undefined && kept === generation?.newest && !keepsTombstone) index++;
    else if (kept !== undefined) {
      available.add(kept.main, kept.sub);
      kept.previous = undefined;
      if (generation === undefined) this.oldest = kept;
      else generation.oldest = kept;
    }
    if (index > 0) this.closed = index === closed.length ? NONE : closed.slice(index);
  }

  /**
   * Adds what compact() would keep, without compacting. A deletion exactly at the revision is left out, although compact() keeps
   * it: releases before 3.5.16 and 3.4.34 removed it, and all of them must get one hash.
   */
  keep(atRevision: number, available: RevisionSet): void {
    const generation = this.closed[this.generationToKeep(atRevision)];
    const kept = walkTo(atRevision, generation === undefined ? this.newest : generation.newest);
    if (kept !== undefined && kept.kv !== undefined) available.add(kept.main, kept.sub);
  }

  /** The first generation that was not over before that revision: an index of `closed`, or its length for the live one. etcd: doCompact. */
  private generationToKeep(atRevision: number): number {
    const {closed} = this;
    let index = 0;
    while (index < closed.length && (closed[index] as ClosedGeneration).newest.main < atRevision) index++;
    return index;
  }

  /** Nothing is left: the key may leave the tree. */
  isEmpty(): boolean {
    return this.newest === undefined && this.closed.length === 0;
  }

  /** Each generation's changes, oldest first, the live one last: 'main.sub', with a t behind deletions. For tests and messages. */
  describe(): string {
    const texts: string[] = [];
    for (const newest of [...this.closed.map((generation) => generation.newest), this.newest]) {
      const revisions: string[] = [];
      for (let at = newest; at !== undefined; at = at.previous) {
        revisions.push(`${at.main}.${at.sub}${at.kv === undefined ? 't' : ''}`);
      }
      texts.push(`{${revisions.reverse().join(' ')}}`);
    }
    return texts.join(' ');
  }
}
