// server-core/mvcc/key-index.ts: every revision of one key that has not been compacted. etcd: server/storage/mvcc/key_index.go.
// A generation begins with the put that creates the key and ends with the deletion of the key; the last generation is the
// one that is alive, and is empty when the key is deleted. Two representations differ from etcd's: a generation's revisions are
// linked from the newest back, which is the order they are looked for in; and each carries the decoded pair, whose version and
// createRevision take the place of the generation's counters.
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

/** Invariant: newest and oldest are both there or both absent, and oldest is reached from newest. */
class Generation {
  newest: KeyRevision | undefined = undefined;
  oldest: KeyRevision | undefined = undefined;

  append(revision: KeyRevision): void {
    revision.previous = this.newest;
    this.newest = revision;
    this.oldest ??= revision;
  }

  /** The last change at or before that main revision. */
  at(main: number): KeyRevision | undefined {
    let revision = this.newest;
    while (revision !== undefined && revision.main > main) revision = revision.previous;
    return revision;
  }

  /** Forgets what is older than the revision, which is one of this generation. */
  cutBefore(revision: KeyRevision): void {
    revision.previous = undefined;
    this.oldest = revision;
  }
}

export class KeyIndex {
  readonly key: ByteString;
  /** Oldest first; never empty. All but the last one end with a deletion. */
  private generations: Generation[] = [new Generation()];

  constructor(key: ByteString) {
    this.key = key;
  }

  private last(): Generation {
    return this.generations[this.generations.length - 1] as Generation;
  }

  /** The last change, if any is left. */
  newest(): KeyRevision | undefined {
    return this.last().newest ?? this.generations[this.generations.length - 2]?.newest;
  }

  /** Appends a put, to the generation that is alive. Also etcd's restore(): a first revision may be any version of the key. */
  put(revision: KeyRevision): void {
    this.assertNewer(revision);
    this.last().append(revision);
  }

  /** Appends a deletion and opens an empty generation. False, and nothing done, when the key is deleted already. */
  tombstone(revision: KeyRevision): boolean {
    const generation = this.last();
    if (generation.newest === undefined) return false;
    this.assertNewer(revision);
    generation.append(revision);
    this.generations.push(new Generation());
    return true;
  }

  /** Begins with a deletion whose puts have been compacted. Only for a new index. */
  restoreTombstone(revision: KeyRevision): void {
    assert(this.isEmpty(), 'a tombstone is restored into a key that has revisions', this.key);
    this.last().append(revision);
    this.generations.push(new Generation());
  }

  private assertNewer(revision: KeyRevision): void {
    const newest = this.newest();
    if (newest === undefined) return;
    const isNewer = revision.main > newest.main || (revision.main === newest.main && revision.sub > newest.sub);
    assert(isNewer, 'a key is changed at a revision that is not a new one', revision);
  }

  /** The put that the key shows at that main revision; undefined where it does not exist. */
  get(atRevision: number): KeyRevision | undefined {
    const {generations} = this;
    const last = generations.length - 1;
    for (let i = last; i >= 0; i--) {
      const {newest, oldest} = generations[i] as Generation;
      if (newest === undefined || oldest === undefined) continue;
      // Between a deletion and the next creation the key does not exist.
      if (i !== last && newest.main <= atRevision) return undefined;
      if (oldest.main <= atRevision) return (generations[i] as Generation).at(atRevision);
    }
    return undefined;
  }

  /** Changes at or after a main revision, oldest first; of several in one transaction only the last is ever visible. */
  since(main: number): KeyRevision[] {
    const found: KeyRevision[] = [];
    for (let i = this.generations.length - 1; i >= 0; i--) {
      let revision = (this.generations[i] as Generation).newest;
      while (revision !== undefined && revision.main >= main) {
        if (found[found.length - 1]?.main !== revision.main) found.push(revision);
        revision = revision.previous;
      }
      if (revision !== undefined) break;
    }
    return found.reverse();
  }

  /** Forgets what nobody can see at or after that revision; adds what stays of the earlier changes to `available`. */
  compact(atRevision: number, available: RevisionSet): void {
    const index = this.generationToKeep(atRevision);
    const generation = this.generations[index] as Generation;
    const kept = generation.at(atRevision);
    if (kept !== undefined) {
      available.add(kept.main, kept.sub);
      generation.cutBefore(kept);
    }
    if (index > 0) this.generations = this.generations.slice(index);
  }

  /**
   * Adds what compact() would keep, without compacting. A deletion exactly at the revision is left out, although compact() keeps
   * it: releases before 3.5.16 and 3.4.34 removed it, and all of them must get one hash.
   */
  keep(atRevision: number, available: RevisionSet): void {
    const index = this.generationToKeep(atRevision);
    const generation = this.generations[index] as Generation;
    const kept = generation.at(atRevision);
    if (kept === undefined) return;
    const isTombstone = kept === generation.newest && index !== this.generations.length - 1;
    if (!isTombstone) available.add(kept.main, kept.sub);
  }

  /** The first generation that was not over before that revision. etcd: doCompact. */
  private generationToKeep(atRevision: number): number {
    const {generations} = this;
    let index = 0;
    while (index < generations.length - 1) {
      const {newest} = generations[index] as Generation;
      if (newest !== undefined && newest.main >= atRevision) break;
      index++;
    }
    return index;
  }

  /** Nothing is left: the key may leave the tree. */
  isEmpty(): boolean {
    return this.generations.length === 1 && this.last().newest === undefined;
  }

  /** Each generation's changes, oldest first: 'main.sub', with a t behind deletions. For tests and error messages. */
  describe(): string {
    const texts = this.generations.map(({newest}) => {
      const revisions: string[] = [];
      for (let at = newest; at !== undefined; at = at.previous) {
        revisions.push(`${at.main}.${at.sub}${at.kv === undefined ? 't' : ''}`);
      }
      return `{${revisions.reverse().join(' ')}}`;
    });
    return texts.join(' ');
  }
}
