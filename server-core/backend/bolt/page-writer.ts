// server-core/backend/bolt/page-writer.ts: nodes as page bytes. bbolt: internal/common/inode.go, Bucket.write.
// A page is its header, then one fixed-size element a key, then the keys and values in the same order; an element tells
// where its data is, counted from the element itself.
import {assert} from '../../../base/assert.ts';
import type {ByteString} from '../../../base/byte-string.ts';
import {
  BRANCH_ELEMENT_SIZE,
  BUCKET_HEADER_SIZE,
  LEAF_ELEMENT_SIZE,
  PAGE_BRANCH,
  PAGE_HEADER_SIZE,
  PAGE_LEAF,
  viewOf,
  writeKey,
  writePageHeader,
  writeU64,
} from './format.ts';
import type {Sequence} from './meta.ts';
import type {BranchNode, LeafNode, TreeNode} from './tree.ts';
import {nodeSizeBytes} from './tree.ts';

/**
 * Writes a node into a buffer and returns the place behind it; what follows in its pages is the caller's to clear.
 * elementFlags: ELEMENT_BUCKET in the tree of buckets, else 0.
 */
export function encodeNode(node: TreeNode, elementFlags: number, into: Uint8Array, view: DataView, at: number): number {
  assert(node.keys.length < 0xffff, 'more keys than a page can count', node.keys.length);
  const flags = node.kind === 'leaf' ? PAGE_LEAF : PAGE_BRANCH;
  const overflow = Math.max(node.pageCount - 1, 0);
  writePageHeader(view, at, {id: node.pageId, flags, count: node.keys.length, overflow});
  if (node.kind === 'leaf') return encodeLeaf(node, elementFlags, into, view, at + PAGE_HEADER_SIZE);
  return encodeBranch(node, into, view, at + PAGE_HEADER_SIZE);
}

function encodeLeaf(node: LeafNode, elementFlags: number, into: Uint8Array, view: DataView, start: number): number {
  const {keys, values} = node;
  let element = start;
  let data = start + keys.length * LEAF_ELEMENT_SIZE;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as ByteString;
    const value = values[i] as Uint8Array;
    view.setUint32(element, elementFlags, true);
    view.setUint32(element + 4, data - element, true);
    view.setUint32(element + 8, key.length, true);
    view.setUint32(element + 12, value.length, true);
    writeKey(key, into, data);
    into.set(value, data + key.length);
    data += key.length + value.length;
    element += LEAF_ELEMENT_SIZE;
  }
  return data;
}

function encodeBranch(node: BranchNode, into: Uint8Array, view: DataView, start: number): number {
  const {keys, children} = node;
  let element = start;
  let data = start + keys.length * BRANCH_ELEMENT_SIZE;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as ByteString;
    view.setUint32(element, data - element, true);
    view.setUint32(element + 4, key.length, true);
    writeU64(view, element + 8, (children[i] as TreeNode).pageId);
    writeKey(key, into, data);
    data += key.length;
    element += BRANCH_ELEMENT_SIZE;
  }
  return data;
}

/** The value that stands for a bucket with pages of its own in the tree of buckets. */
export function encodeBucketHeader(rootPage: number, sequence: Sequence): Uint8Array {
  const value = new Uint8Array(BUCKET_HEADER_SIZE);
  writeHeader(viewOf(value), rootPage, sequence);
  return value;
}

/** The value that holds a whole small bucket: the header with root page 0, and its only leaf behind it. */
export function encodeInlineBucket(leaf: LeafNode, sequence: Sequence): Uint8Array {
  const value = new Uint8Array(BUCKET_HEADER_SIZE + nodeSizeBytes(leaf));
  const view = viewOf(value);
  writeHeader(view, 0, sequence);
  encodeNode(leaf, 0, value, view, BUCKET_HEADER_SIZE);
  return value;
}

function writeHeader(view: DataView, rootPage: number, sequence: Sequence): void {
  writeU64(view, 0, rootPage);
  view.setUint32(8, sequence.low, true);
  view.setUint32(12, sequence.high, true);
}
