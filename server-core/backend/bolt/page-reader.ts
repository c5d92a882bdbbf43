// server-core/backend/bolt/page-reader.ts: page bytes as nodes, trusting nothing.
// bbolt has no checksum on pages: what is checked here is that the bytes make a tree (numbers in bounds, keys in order, no
// page twice), so a flipped bit inside a value goes unseen, as it does in etcd.
// Promise: reading ends, and every contradiction is a BackendError 'corrupt' that names the page.
import type {ByteString} from '../../../base/byte-string.ts';
import {fromBytes} from '../../../base/byte-string.ts';
import {BackendError} from '../backend-error.ts';
import type {PageHeader} from './format.ts';
import {
  BRANCH_ELEMENT_SIZE,
  BUCKET_HEADER_SIZE,
  ELEMENT_BUCKET,
  FREELIST_COUNT_ESCAPE,
  LEAF_ELEMENT_SIZE,
  PAGE_BRANCH,
  PAGE_FREELIST,
  PAGE_HEADER_SIZE,
  PAGE_LEAF,
  readPageHeader,
  readU64,
  viewOf,
} from './format.ts';
import type {Sequence} from './meta.ts';
import type {LeafNode, TreeNode} from './tree.ts';
import {newBranch, newLeaf} from './tree.ts';

/** Deeper than any tree of 2^53 keys; stops a chain of pages made to exhaust the stack. */
const DEPTH_MAX = 64;

/** The pages of a file up to its high-water mark. Values of the nodes read are views of these bytes. */
export class PageReader {
  readonly file: string;
  private readonly image: Uint8Array;
  private readonly view: DataView;
  private readonly pageSize: number;
  private readonly pageCount: number;
  /** 1: part of a tree, the freelist or a meta. */
  private readonly used: Uint8Array;

  constructor(file: string, image: Uint8Array, pageSize: number, pageCount: number) {
    this.file = file;
    this.image = image;
    this.view = viewOf(image);
    this.pageSize = pageSize;
    this.pageCount = pageCount;
    this.used = new Uint8Array(pageCount).fill(1, 0, 2);
  }

  /** The tree below a page, whose keys must lie in [lower, upper). elementFlags as written: ELEMENT_BUCKET or 0. */
  readTree(pageId: number, elementFlags: number, lower: ByteString = '', upper?: ByteString, depth = 0): TreeNode {
    if (depth > DEPTH_MAX) this.corrupt(pageId, `more than ${DEPTH_MAX} levels`);
    const header = this.claim(pageId);
    const at = pageId * this.pageSize;
    const end = at + (header.overflow + 1) * this.pageSize;
    const fail = (reason: string) => this.corrupt(pageId, reason);
    let node: TreeNode;
    if (header.flags === PAGE_LEAF) {
      node = readLeaf(this.image, this.view, {at, end, count: header.count, elementFlags}, fail);
      checkOrder(node.keys, lower, upper, fail);
    } else if (header.flags === PAGE_BRANCH) {
      const {keys, pageIds} = this.readBranch(at, end, header.count, fail);
      checkOrder(keys, lower, upper, fail);
      const children: TreeNode[] = [];
      for (let i = 0; i < keys.length; i++) {
        const [from, to] = [keys[i] as ByteString, keys[i + 1] ?? upper];
        children.push(this.readTree(pageIds[i] as number, elementFlags, from, to, depth + 1));
      }
      if (!evenDepth(children)) fail('children of different depth');
      node = newBranch(keys, children);
    } else {
      return fail(`page flags 0x${header.flags.toString(16)} where a branch or a leaf should be`);
    }
    node.pageId = pageId;
    node.pageCount = header.overflow + 1;
    node.dirty = false;
    return node;
  }

  /** The small bucket inside a value of the tree of buckets. */
  readInlineBucket(value: Uint8Array, pageId: number): LeafNode {
    const fail = (reason: string) => this.corrupt(pageId, `inline bucket: ${reason}`);
    if (value.length < BUCKET_HEADER_SIZE + PAGE_HEADER_SIZE) fail(`value of ${value.length} bytes`);
    const view = viewOf(value);
    const header = readPageHeader(view, BUCKET_HEADER_SIZE);
    if (header.flags !== PAGE_LEAF || header.overflow !== 0) fail('it does not hold one leaf');
    const place = {at: BUCKET_HEADER_SIZE, end: value.length, count: header.count, elementFlags: 0};
    const leaf = readLeaf(value, view, place, fail);
    checkOrder(leaf.keys, '', undefined, fail);
    leaf.dirty = false;
    return leaf;
  }

  /** The freelist as written, ascending, and how many pages it takes itself. */
  readFreelist(pageId: number): {ids: number[]; pageCount: number} {
    const header = this.claim(pageId);
    if (header.flags !== PAGE_FREELIST)
      this.corrupt(pageId, `page flags 0x${header.flags.toString(16)}, not a freelist`);
    const end = (pageId + header.overflow + 1) * this.pageSize;
    let at = pageId * this.pageSize + PAGE_HEADER_SIZE;
    let count: number | undefined = header.count;
    if (count === FREELIST_COUNT_ESCAPE) {
      count = readU64(this.view, at);
      at += 8;
    }
    if (count === undefined || at + count * 8 > end) return this.corrupt(pageId, 'more free pages than fit');
    const ids: number[] = [];
    for (let i = 0; i < count; i++) {
      const id = readU64(this.view, at + i * 8) ?? -1;
      if (id < 2 || id >= this.pageCount) this.corrupt(pageId, `free page ${id} outside the file`);
      ids.push(id);
    }
    ids.sort((a, b) => a - b);
    for (let i = 1; i < ids.length; i++) if (ids[i] === ids[i - 1]) this.corrupt(pageId, `page ${ids[i]} free twice`);
    return {ids, pageCount: header.overflow + 1};
  }

  /** To be called when all was read: a page that is free must not be part of anything. */
  checkFree(ids: readonly number[]): void {
    for (const id of ids) if (this.used[id] === 1) this.corrupt(id, 'page is free and in use at once');
  }

  /** Every page that nothing read so far uses; what a file without a freelist has free. */
  unusedPages(): number[] {
    const ids: number[] = [];
    for (let id = 2; id < this.pageCount; id++) if (this.used[id] === 0) ids.push(id);
    return ids;
  }

  private readBranch(at: number, end: number, count: number, fail: (reason: string) => never) {
    const {view, image} = this;
    if (at + PAGE_HEADER_SIZE + count * BRANCH_ELEMENT_SIZE > end) fail(`${count} elements do not fit`);
    if (count === 0) fail('branch without children');
    const keys: ByteString[] = [];
    const pageIds: number[] = [];
    for (let i = 0; i < count; i++) {
      const element = at + PAGE_HEADER_SIZE + i * BRANCH_ELEMENT_SIZE;
      const key = element + view.getUint32(element, true);
      const keySize = view.getUint32(element + 4, true);
      if (key + keySize > end) fail(`element ${i} runs past the page`);
      keys.push(fromBytes(image.subarray(key, key + keySize)));
      pageIds.push(readU64(view, element + 8) ?? -1);
    }
    return {keys, pageIds};
  }

  /** Marks the page and its overflow pages as used. */
  private claim(pageId: number): PageHeader {
    if (pageId < 2 || pageId >= this.pageCount)
      this.corrupt(undefined, `reference to page ${pageId} of ${this.pageCount}`);
    const header = readPageHeader(this.view, pageId * this.pageSize);
    if (header.id !== pageId) this.corrupt(pageId, `page calls itself ${header.id}`);
    if (pageId + header.overflow >= this.pageCount) this.corrupt(pageId, 'page runs past the end of the file');
    for (let id = pageId; id <= pageId + header.overflow; id++) {
      if (this.used[id] === 1) this.corrupt(id, 'page is used twice');
      this.used[id] = 1;
    }
    return header;
  }

  corrupt(page: number | undefined, reason: string): never {
    const place = page === undefined ? {} : {page, offset: page * this.pageSize};
    throw new BackendError('corrupt', this.file, reason, place);
  }
}

interface LeafPlace {
  readonly at: number;
  readonly end: number;
  readonly count: number;
  readonly elementFlags: number;
}

function readLeaf(image: Uint8Array, view: DataView, place: LeafPlace, fail: (reason: string) => never): LeafNode {
  const {at, end, count, elementFlags} = place;
  if (at + PAGE_HEADER_SIZE + count * LEAF_ELEMENT_SIZE > end) fail(`${count} elements do not fit`);
  const keys: ByteString[] = [];
  const values: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const element = at + PAGE_HEADER_SIZE + i * LEAF_ELEMENT_SIZE;
    const flags = view.getUint32(element, true);
    const key = element + view.getUint32(element + 4, true);
    const value = key + view.getUint32(element + 8, true);
    const valueEnd = value + view.getUint32(element + 12, true);
    if (valueEnd > end) fail(`element ${i} runs past the page`);
    if (flags !== elementFlags) {
      fail(
        elementFlags === ELEMENT_BUCKET
          ? `element ${i} is not a bucket`
          : `element ${i} is not a plain value (flags ${flags})`,
      );
    }
    keys.push(fromBytes(image.subarray(key, value)));
    values.push(image.subarray(value, valueEnd));
  }
  return newLeaf(keys, values);
}

function checkOrder(
  keys: readonly ByteString[],
  lower: ByteString,
  upper: ByteString | undefined,
  fail: (reason: string) => never,
): void {
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as ByteString;
    if (key === '') fail(`element ${i} has an empty key`);
    if (i === 0 ? key < lower : key <= (keys[i - 1] as ByteString)) fail(`key ${i} is out of order`);
    if (upper !== undefined && key >= upper) fail(`key ${i} belongs to the next page`);
  }
}

/** All leaves equally deep; a node's first descent stands for all, since each level is checked. */
function evenDepth(children: readonly TreeNode[]): boolean {
  const depth = depthOf(children[0]);
  return children.every((child) => depthOf(child) === depth);
}

function depthOf(node: TreeNode | undefined): number {
  let depth = 0;
  for (let at = node; at?.kind === 'branch'; at = at.children[0]) depth++;
  return depth;
}

/** The fixed part of a bucket's value: its root page (0: inline) and sequence; undefined when it is too short. */
export function decodeBucketHeader(value: Uint8Array): {rootPage: number; sequence: Sequence} | undefined {
  if (value.length < BUCKET_HEADER_SIZE) return undefined;
  const view = viewOf(value);
  const sequence = {low: view.getUint32(8, true), high: view.getUint32(12, true)};
  return {rootPage: readU64(view, 0) ?? -1, sequence};
}
