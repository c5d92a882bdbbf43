// server-core/backend/bolt/bolt-file.ts: one bbolt database file: its buckets in memory, and how a commit becomes durable.
// Modelled: copy-on-write commits (new pages, fsync, then one meta page, fsync), page reuse, growth in steps, inline
// buckets, snapshots that keep their pages from being reused. Not modelled: nested buckets (etcd has none; refused), read
// transactions (reads see memory), rollback (etcd never rolls back: a failed commit is the end of the process).
// Promise: a commit costs the nodes that were edited; after a crash at any write the file is the state before or after it.
import {assert} from '../../../base/assert.ts';
import type {ByteString} from '../../../base/byte-string.ts';
import {compareByteStrings} from '../../../base/byte-string.ts';
import type {DiskFile} from '../../../env/disk.ts';
import type {Fiber} from '../../../env/fiber.ts';
import {ELEMENT_BUCKET, PAGE_FREELIST, PAGE_LEAF, PAGE_SIZE_DEFAULT, viewOf, writePageHeader} from './format.ts';
import {Freelist} from './freelist.ts';
import type {Meta, Sequence} from './meta.ts';
import {encodeMeta, SEQUENCE_ZERO} from './meta.ts';
import {encodeBucketHeader, encodeInlineBucket, encodeNode} from './page-writer.ts';
import type {PageSpace} from './reshape.ts';
import {freeTree, rebalance, spill} from './reshape.ts';
import type {LeafNode, TreeNode} from './tree.ts';
import {newLeaf, nodeSizeBytes, Tree} from './tree.ts';

export interface BoltOptions {
  /** How much further than needed the file grows once it must. bbolt: AllocSize. */
  readonly growSizeBytes: number;
  /** Write the freelist with every commit; without, opening scans for it. bbolt: !NoFreelistSync. */
  readonly freelistSync: boolean;
  /** A file without a freelist can be opened. Before coreos/bbolt v1.3.1 the place where it should be was looked up all the same. */
  readonly opensWithoutFreelist: boolean;
  /** Wait for fsync. etcd: !--unsafe-no-fsync. */
  readonly fsync: boolean;
}

export const BOLT_DEFAULTS: BoltOptions = Object.freeze({
  growSizeBytes: 16 * 1024 * 1024,
  freelistSync: true,
  opensWithoutFreelist: true,
  fsync: true,
});

/** A bucket: its tree, and where the tree of buckets last said it was. */
export interface Bucket {
  readonly tree: Tree;
  readonly sequence: Sequence;
}

/** What one commit must write; made in one instant, so edits made while it is written belong to the next one. */
interface Commit {
  readonly meta: Meta;
  /** Contiguous pages, ascending by offset. */
  readonly runs: readonly {readonly offset: number; readonly bytes: Uint8Array}[];
  readonly freePageCount: number;
}

/** Pages that a commit fills: a node's, or the freelist's where there is no node. */
interface Block {
  readonly pageId: number;
  readonly pageCount: number;
  readonly node: TreeNode | undefined;
  readonly elementFlags: number;
}

/** A buffer for a larger commit is not kept for the next. */
const SCRATCH_SIZE_MAX = 256 * 1024;

/** A database file that is open. One commit at a time; everything but commit() and close() takes no time. */
export class BoltFile {
  readonly file: DiskFile;
  readonly options: BoltOptions;
  private readonly buckets: Map<ByteString, Bucket>;
  private readonly root: Tree; // names to encoded buckets
  private readonly freelist: Freelist;
  private freelistPageCount: number;
  private meta: Meta; // as committed
  private freeCountAtCommit: number; // bbolt: Stats().FreePageN
  private state: 'open' | 'committing' | 'broken' | 'closed' = 'open';
  private readonly snapshotTxids: number[] = [];
  private sortedNames: ByteString[] | undefined;
  private scratch = new Uint8Array(0); // the pages of one commit, from its start to its last write

  constructor(file: DiskFile, options: BoltOptions, loaded: LoadedFile) {
    this.file = file;
    this.options = options;
    this.meta = loaded.meta;
    this.root = loaded.root;
    this.buckets = loaded.buckets;
    this.freelist = new Freelist(loaded.freeIds);
    this.freelistPageCount = loaded.freelistPageCount;
    this.freeCountAtCommit = this.freelist.freeCount;
  }

  /** Allocated size: up to the high-water mark, not what the file was grown to. bbolt: Tx.Size. */
  get sizeBytes(): number {
    return this.meta.pageCount * this.meta.pageSize;
  }

  /** The size less what is free at once. etcd: backend.SizeInUse. */
  get sizeInUseBytes(): number {
    return (this.meta.pageCount - this.freeCountAtCommit) * this.meta.pageSize;
  }

  /** The last committed transaction. */
  get txid(): number {
    return this.meta.txid;
  }

  /** False when the file was written without its freelist, but is now opened to keep it. bbolt: Open's freelist flush. */
  get freelistIsWritten(): boolean {
    return this.meta.freelistPage !== undefined;
  }

  bucket(name: ByteString): Tree | undefined {
    return this.buckets.get(name)?.tree;
  }

  /** Names of all buckets in order. */
  bucketNames(): readonly ByteString[] {
    this.sortedNames ??= [...this.buckets.keys()].sort(compareByteStrings);
    return this.sortedNames;
  }

  /** The bucket of that name, made when it is not there. bbolt: CreateBucketIfNotExists. */
  createBucket(name: ByteString): Tree {
    const present = this.buckets.get(name);
    if (present !== undefined) return present.tree;
    const tree = new Tree(newLeaf([], []));
    tree.changed = true;
    this.buckets.set(name, {tree, sequence: SEQUENCE_ZERO});
    this.sortedNames = undefined;
    return tree;
  }

  /** Drops a bucket and all in it; tells whether it was there. Its pages become free with the next commit. */
  deleteBucket(name: ByteString): boolean {
    const present = this.buckets.get(name);
    if (present === undefined) return false;
    this.buckets.delete(name);
    this.sortedNames = undefined;
    const txid = this.meta.txid + (this.state === 'committing' ? 2 : 1);
    freeTree(present.tree.root, {
      pageSize: this.meta.pageSize,
      allocate: () => 0,
      free: (pageId, pageCount) => this.freelist.free(txid, pageId, pageCount),
      write: () => undefined,
    });
    this.root.delete(name);
    return true;
  }

  /** Makes everything edited so far durable. A fault leaves the file at the state before; this object is then of no more use. */
  *commit(): Fiber<void> {
    assert(this.state === 'open', 'commit of a backend file that is not open', {state: this.state});
    const commit = this.prepare();
    this.state = 'committing';
    try {
      yield* this.write(commit);
    } catch (error) {
      this.state = 'broken';
      throw error;
    }
    this.meta = commit.meta;
    this.freeCountAtCommit = commit.freePageCount;
    this.state = 'open';
  }

  /** The file as of the last commit, for reading while commits go on. Close it, or its pages are never reused. */
  openSnapshot(): BoltSnapshot {
    assert(this.state === 'open', 'snapshot of a backend file that is not at rest', {state: this.state});
    const {txid} = this.meta;
    this.snapshotTxids.push(txid);
    return new BoltSnapshot(this.file, this.meta, () => {
      this.snapshotTxids.splice(this.snapshotTxids.indexOf(txid), 1);
    });
  }

  close(): void {
    this.state = 'closed';
    this.file.close();
  }

  /** Reshapes the edited trees and lays out their pages. No time passes. bbolt: Tx.Commit up to Tx.write. */
  private prepare(): Commit {
    const {meta, freelist, options} = this;
    const txid = meta.txid + 1;
    freelist.release(this.snapshotTxids.reduce((least, open) => Math.min(least, open), meta.txid));
    let pageCount = meta.pageCount;
    let writtenPageCount = 0;
    const blocks: Block[] = [];
    let elementFlags = 0;
    const allocate = (count: number): number => {
      writtenPageCount += count;
      const reused = freelist.allocate(count);
      if (reused !== undefined) return reused;
      pageCount += count;
      return pageCount - count;
    };
    const space: PageSpace = {
      pageSize: meta.pageSize,
      allocate,
      free: (pageId, count) => freelist.free(txid, pageId, count),
      write: (node) => blocks.push({pageId: node.pageId, pageCount: node.pageCount, node, elementFlags}),
    };
    for (const name of this.bucketNames()) this.spillBucket(name, space);
    elementFlags = ELEMENT_BUCKET;
    rebalance(this.root, space);
    spill(this.root, space);
    this.root.settle();

    if (meta.freelistPage !== undefined) freelist.free(txid, meta.freelistPage, this.freelistPageCount);
    let freelistPage: number | undefined;
    if (options.freelistSync) {
      // One page more than needed at a full page, as bbolt's commitFreelist; the allocation itself may shorten the list.
      this.freelistPageCount = Math.floor(freelist.writtenSizeBytes / meta.pageSize) + 1;
      freelistPage = allocate(this.freelistPageCount);
      blocks.push({pageId: freelistPage, pageCount: this.freelistPageCount, node: undefined, elementFlags: 0});
    }
    const next: Meta = {...meta, rootPage: this.root.root.pageId, freelistPage, pageCount, txid};
    return {meta: next, runs: this.layOut(blocks, writtenPageCount), freePageCount: freelist.freeCount};
  }

  /** Brings one edited bucket into its pages, or into its parent's value when it is small. bbolt: Bucket.spill. */
  private spillBucket(name: ByteString, space: PageSpace): void {
    const {tree, sequence} = this.buckets.get(name) as Bucket;
    if (!tree.changed) return;
    rebalance(tree, space);
    const {root} = tree;
    if (isInlineable(root, space.pageSize)) {
      freeTree(root, space);
      root.dirty = false;
      root.shrunk = false;
      this.root.put(name, encodeInlineBucket(root, sequence));
    } else {
      spill(tree, space);
      this.root.put(name, encodeBucketHeader(tree.root.pageId, sequence));
    }
    tree.settle();
  }

  /** Page bytes in contiguous runs, ascending. */
  private layOut(blocks: Block[], pageCount: number): Commit['runs'] {
    const {pageSize} = this.meta;
    blocks.sort((a, b) => a.pageId - b.pageId);
    if (this.scratch.length < pageCount * pageSize || this.scratch.length > SCRATCH_SIZE_MAX) {
      this.scratch = new Uint8Array(pageCount * pageSize);
    }
    const {scratch} = this;
    const view = viewOf(scratch);
    const runs: {offset: number; bytes: Uint8Array}[] = [];
    let runAt = 0;
    let at = 0;
    for (let i = 0; i < blocks.length; i++) {
      const block = blocks[i] as Block;
      const {pageId, pageCount, node} = block;
      const end =
        node === undefined
          ? this.freelist.encode(pageId, pageCount, scratch, view, at)
          : encodeNode(node, block.elementFlags, scratch, view, at);
      scratch.fill(0, end, at + pageCount * pageSize);
      at += pageCount * pageSize;
      if (blocks[i + 1]?.pageId === pageId + pageCount) continue;
      runs.push({offset: (pageId + pageCount) * pageSize - (at - runAt), bytes: scratch.subarray(runAt, at)});
      runAt = at;
    }
    return runs;
  }

  /** Pages, fsync, meta, fsync. bbolt: DB.grow, Tx.write, Tx.writeMeta. */
  private *write({meta, runs}: Commit): Fiber<void> {
    const {file, options} = this;
    const {fsync} = options;
    const sizeNeeded = (meta.pageCount + 1) * meta.pageSize;
    if (meta.pageCount > this.meta.pageCount && fsync && sizeNeeded > file.sizeBytes) {
      yield* file.truncate(sizeNeeded + options.growSizeBytes);
      yield* file.sync();
    }
    for (const {offset, bytes} of runs) yield* file.write(offset, bytes);
    if (fsync) yield* file.sync();
    const page = new Uint8Array(meta.pageSize);
    const pageId = meta.txid % 2;
    encodeMeta(meta, pageId, page, 0);
    yield* file.write(pageId * meta.pageSize, page);
    if (fsync) yield* file.sync();
  }
}

/** Small enough to live inside the tree of buckets: one leaf of at most a quarter page. bbolt: Bucket.inlineable. */
function isInlineable(root: TreeNode, pageSize: number): root is LeafNode {
  return root.kind === 'leaf' && nodeSizeBytes(root) <= Math.floor(pageSize / 4);
}

/** A file's content as it was read, or as it is made. */
export interface LoadedFile {
  readonly meta: Meta;
  readonly root: Tree;
  readonly buckets: Map<ByteString, Bucket>;
  readonly freeIds: number[];
  /** Pages that the written freelist takes. */
  readonly freelistPageCount: number;
}

/** The four pages of a new file and what is in them. bbolt: DB.init. */
export function newFile(): {readonly image: Uint8Array; readonly loaded: LoadedFile} {
  const pageSize = PAGE_SIZE_DEFAULT;
  const image = new Uint8Array(4 * pageSize);
  const meta: Meta = {
    pageSize,
    flags: 0,
    rootPage: 3,
    rootSequence: SEQUENCE_ZERO,
    freelistPage: 2,
    pageCount: 4,
    txid: 1,
  };
  encodeMeta({...meta, txid: 0}, 0, image, 0);
  encodeMeta(meta, 1, image, pageSize);
  const view = viewOf(image);
  writePageHeader(view, 2 * pageSize, {id: 2, flags: PAGE_FREELIST, count: 0, overflow: 0});
  writePageHeader(view, 3 * pageSize, {id: 3, flags: PAGE_LEAF, count: 0, overflow: 0});
  const leaf = newLeaf([], []);
  leaf.pageId = 3;
  leaf.pageCount = 1;
  leaf.dirty = false;
  return {image, loaded: {meta, root: new Tree(leaf), buckets: new Map(), freeIds: [], freelistPageCount: 1}};
}

/** The file as of one commit, whatever is committed meanwhile. etcd: backend.Snapshot; bbolt: Tx.WriteTo. */
export class BoltSnapshot {
  readonly sizeBytes: number;
  private readonly file: DiskFile;
  private readonly meta: Meta;
  private readonly release: () => void;
  private closed = false;

  constructor(file: DiskFile, meta: Meta, release: () => void) {
    this.file = file;
    this.meta = meta;
    this.release = release;
    this.sizeBytes = meta.pageCount * meta.pageSize;
  }

  /** Up to `length` bytes of the image from `offset`. The metas are made anew: 0 is current, 1 names the transaction before. */
  *read(offset: number, length: number): Fiber<Uint8Array> {
    assert(!this.closed, 'read of a closed snapshot');
    const size = Math.max(0, Math.min(length, this.sizeBytes - offset));
    const bytes = new Uint8Array(size);
    const read = yield* this.file.read(offset, size);
    bytes.set(read);
    const {pageSize} = this.meta;
    if (offset < 2 * pageSize) {
      const metas = new Uint8Array(2 * pageSize);
      encodeMeta(this.meta, 0, metas, 0);
      encodeMeta({...this.meta, txid: this.meta.txid - 1}, 1, metas, pageSize);
      bytes.set(metas.subarray(offset, offset + size));
    }
    return bytes;
  }

  /** Lets the pages go. Closing twice does nothing. */
  close(): void {
    if (!this.closed) this.release();
    this.closed = true;
  }
}
