// server-core/mvcc/tree-index.ts: the key indexes of all keys, in key order. etcd: server/storage/mvcc/index.go.
// A hash table stands beside the tree, so that a single key costs the same in a store of any size.
// Range ends here are those of the requests: '' for the one key, '\0' for no end.
import sortedBtree from 'sorted-btree';
import type {ByteString} from '../../base/byte-string.ts';
import {compareByteStrings} from '../../base/byte-string.ts';
import {KeyIndex, type KeyRevision} from './key-index.ts';
import {RevisionSet} from './revision.ts';

// A CommonJS module: Node hands over all of its exports, vitest the default one.
const BTree = sortedBtree.default ?? (sortedBtree as unknown as typeof sortedBtree.default);

/** sorted-btree's way to end a walk early. */
const STOP: {break: boolean} = Object.freeze({break: true});

export class TreeIndex {
  private readonly byKey = new Map<ByteString, KeyIndex>();
  private readonly tree = new BTree<ByteString, KeyIndex>(undefined, compareByteStrings);

  /** Keys with any revision left, deleted ones included. */
  get size(): number {
    return this.byKey.size;
  }

  /** The index of a key, if it has any revision. */
  find(key: ByteString): KeyIndex | undefined {
    return this.byKey.get(key);
  }

  /** The index of a key, made when it is new. The caller must put into it at once. */
  findOrMake(key: ByteString): KeyIndex {
    const found = this.byKey.get(key);
    if (found !== undefined) return found;
    const made = new KeyIndex(key);
    this.byKey.set(key, made);
    this.tree.set(key, made);
    return made;
  }

  /** What the key shows at a main revision. */
  get(key: ByteString, atRevision: number): KeyRevision | undefined {
    return this.byKey.get(key)?.get(atRevision);
  }

  /** Walks the keys of a range in order; ends when `visitor` returns false. etcd: unsafeVisit. */
  visit(key: ByteString, rangeEnd: ByteString, visitor: (index: KeyIndex) => boolean): void {
    const hasEnd = rangeEnd !== '\0';
    const high = hasEnd ? rangeEnd : this.tree.maxKey();
    if (high === undefined || high < key) return;
    this.tree.forRange(key, high, !hasEnd, (_key, index) => {
      if (!visitor(index)) return STOP;
      return undefined;
    });
  }

  /** What a range shows at a main revision, in key order: at most limit of them (0 or less: all), and how many there are in all. */
  revisions(
    key: ByteString,
    rangeEnd: ByteString,
    atRevision: number,
    limit: number,
  ): {readonly found: KeyRevision[]; readonly total: number} {
    const found: KeyRevision[] = [];
    if (rangeEnd === '') {
      const revision = this.get(key, atRevision);
      if (revision !== undefined) found.push(revision);
      return {found, total: found.length};
    }
    let total = 0;
    this.visit(key, rangeEnd, (index) => {
      const revision = index.get(atRevision);
      if (revision !== undefined) {
        if (limit <= 0 || total < limit) found.push(revision);
        total++;
      }
      return true;
    });
    return {found, total};
  }

  /** How many keys a range shows at a main revision. */
  count(key: ByteString, rangeEnd: ByteString, atRevision: number): number {
    if (rangeEnd === '') return this.get(key, atRevision) === undefined ? 0 : 1;
    let total = 0;
    this.visit(key, rangeEnd, (index) => {
      if (index.get(atRevision) !== undefined) total++;
      return true;
    });
    return total;
  }

  /** Compacts every key; returns the revisions up to that one that must stay in the bucket. etcd: treeIndex.Compact. */
  compact(atRevision: number, keepsTombstone = true): RevisionSet {
    const available = new RevisionSet();
    const emptied: ByteString[] = [];
    this.tree.forEachPair((key, index) => {
      index.compact(atRevision, available, keepsTombstone);
      if (index.isEmpty()) emptied.push(key);
    });
    for (const key of emptied) {
      this.byKey.delete(key);
      this.tree.delete(key);
    }
    return available;
  }

  /** What compact() would answer, deletions exactly at the revision left out; changes nothing. etcd: treeIndex.Keep. */
  keep(atRevision: number): RevisionSet {
    const available = new RevisionSet();
    this.tree.forEachPair((_key, index) => index.keep(atRevision, available));
    return available;
  }

  /** Every key index, in key order. */
  forEach(visitor: (index: KeyIndex) => void): void {
    this.tree.forEachPair((_key, index) => visitor(index));
  }
}
