// server-core/backend/bolt/tree.ts: the B+tree of one bucket, whole in memory; the truth that reads see.
// Its nodes are the nodes of the file: a node knows the pages it was last written to, and an edit marks the path from the
// root as dirty. Splitting and merging wait for the commit (reshape.ts), as in bbolt, so a leaf may grow large meanwhile.
// Promise: a node is dirty only if all nodes above it are; separators are lower bounds of what lies below them.
import {assert} from '../../../base/assert.ts';
import type {ByteString} from '../../../base/byte-string.ts';
import {BRANCH_ELEMENT_SIZE, KEY_SIZE_MAX, LEAF_ELEMENT_SIZE, PAGE_HEADER_SIZE} from './format.ts';

export interface LeafNode {
  readonly kind: 'leaf';
  readonly keys: ByteString[];
  readonly values: Uint8Array[];
  pageId: number; // 0: in no page of its own (new, or inline)
  pageCount: number;
  dirty: boolean;
  shrunk: boolean; // lost a key since the last commit. bbolt: unbalanced
}

export interface BranchNode {
  readonly kind: 'branch';
  readonly keys: ByteString[]; // keys[i] <= every key below children[i] < keys[i + 1]; keys[0] may be above new small keys
  readonly children: TreeNode[];
  pageId: number;
  pageCount: number;
  dirty: boolean;
  shrunk: boolean;
}

export type TreeNode = LeafNode | BranchNode;

/** A key and its value. The value must not be changed. */
export interface Entry {
  readonly key: ByteString;
  readonly value: Uint8Array;
}

export function newLeaf(keys: ByteString[], values: Uint8Array[]): LeafNode {
  return {kind: 'leaf', keys, values, pageId: 0, pageCount: 0, dirty: true, shrunk: false};
}

export function newBranch(keys: ByteString[], children: TreeNode[]): BranchNode {
  return {kind: 'branch', keys, children, pageId: 0, pageCount: 0, dirty: true, shrunk: false};
}

/** Bytes of the node as a page. bbolt: node.size. */
export function nodeSizeBytes(node: TreeNode): number {
  const {keys} = node;
  let size = PAGE_HEADER_SIZE + keys.length * (node.kind === 'leaf' ? LEAF_ELEMENT_SIZE : BRANCH_ELEMENT_SIZE);
  for (let i = 0; i < keys.length; i++) size += (keys[i] as ByteString).length;
  if (node.kind === 'leaf') for (let i = 0; i < keys.length; i++) size += (node.values[i] as Uint8Array).length;
  return size;
}

/** Bytes that one key of the node takes in its page. */
export function elementSizeBytes(node: TreeNode, index: number): number {
  const keySize = (node.keys[index] as ByteString).length;
  if (node.kind === 'branch') return BRANCH_ELEMENT_SIZE + keySize;
  return LEAF_ELEMENT_SIZE + keySize + (node.values[index] as Uint8Array).length;
}

/** The first place whose key is not below `key`. */
function lowerBound(keys: readonly ByteString[], key: ByteString): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as ByteString) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The child below which the key belongs. */
function childIndex(keys: readonly ByteString[], key: ByteString): number {
  const at = lowerBound(keys, key);
  return at === 0 || keys[at] === key ? at : at - 1;
}

export class Tree {
  root: TreeNode;
  /** Edited since the last commit. */
  changed = false;
  /** How full a page is made when nodes are split, in percent. bbolt: FillPercent. */
  fillPercent = 50;
  /** The rightmost leaf, while it is known and dirty: growing keys go straight there. */
  private tail: LeafNode | undefined;

  constructor(root: TreeNode) {
    this.root = root;
  }

  get(key: ByteString): Uint8Array | undefined {
    let node = this.root;
    while (node.kind === 'branch') node = node.children[childIndex(node.keys, key)] as TreeNode;
    const at = lowerBound(node.keys, key);
    return node.keys[at] === key ? node.values[at] : undefined;
  }

  put(key: ByteString, value: Uint8Array): void {
    assert(key.length > 0 && key.length <= KEY_SIZE_MAX, 'a key takes 1 to 32768 bytes', key.length);
    this.changed = true;
    const {tail} = this;
    if (tail !== undefined && key > (tail.keys[tail.keys.length - 1] ?? '\uffff')) {
      tail.keys.push(key);
      tail.values.push(value);
      return;
    }
    let node = this.root;
    let rightmost = true;
    node.dirty = true;
    while (node.kind === 'branch') {
      const index = childIndex(node.keys, key);
      rightmost &&= index === node.children.length - 1;
      node = node.children[index] as TreeNode;
      node.dirty = true;
    }
    if (rightmost) this.tail = node;
    const at = lowerBound(node.keys, key);
    if (node.keys[at] === key) {
      node.values[at] = value;
    } else if (at === node.keys.length) {
      node.keys.push(key);
      node.values.push(value);
    } else {
      node.keys.splice(at, 0, key);
      node.values.splice(at, 0, value);
    }
  }

  /** Takes the key out; tells whether it was there. */
  delete(key: ByteString): boolean {
    if (this.get(key) === undefined) return false;
    this.changed = true;
    let node = this.root;
    node.dirty = true;
    while (node.kind === 'branch') {
      node = node.children[childIndex(node.keys, key)] as TreeNode;
      node.dirty = true;
    }
    const at = lowerBound(node.keys, key);
    node.keys.splice(at, 1);
    node.values.splice(at, 1);
    node.shrunk = true;
    return true;
  }

  /** Appends the entries of [from, end), in order, until `into` holds countMax; end undefined: to the last key. */
  collect(from: ByteString, end: ByteString | undefined, countMax: number, into: Entry[]): void {
    if (countMax > 0) collectBelow(this.root, from, end, countMax, into);
  }

  /** Visits every entry in order. */
  forEach(visit: (key: ByteString, value: Uint8Array) => void): void {
    visitBelow(this.root, visit);
  }

  /** After a commit: nodes were split and merged, so the tail must be found anew. */
  settle(): void {
    this.changed = false;
    this.tail = undefined;
    this.fillPercent = 50;
  }
}

/** False once enough was collected or the end was passed. */
function collectBelow(
  node: TreeNode,
  from: ByteString,
  end: ByteString | undefined,
  countMax: number,
  into: Entry[],
): boolean {
  const {keys} = node;
  if (node.kind === 'branch') {
    for (let i = childIndex(keys, from); i < keys.length; i++) {
      if (!collectBelow(node.children[i] as TreeNode, from, end, countMax, into)) return false;
    }
    return true;
  }
  for (let i = lowerBound(keys, from); i < keys.length; i++) {
    const key = keys[i] as ByteString;
    if (end !== undefined && key >= end) return false;
    into.push({key, value: node.values[i] as Uint8Array});
    if (into.length >= countMax) return false;
  }
  return true;
}

function visitBelow(node: TreeNode, visit: (key: ByteString, value: Uint8Array) => void): void {
  if (node.kind === 'branch') {
    for (const child of node.children) visitBelow(child, visit);
    return;
  }
  for (let i = 0; i < node.keys.length; i++) visit(node.keys[i] as ByteString, node.values[i] as Uint8Array);
}
