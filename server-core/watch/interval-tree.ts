// server-core/watch/interval-tree.ts: which watched ranges hold a key. etcd: pkg/adt/interval_tree.go, for what mvcc uses of it.
// A balanced (AVL) tree of [begin, end) in order of begin, then end; every node knows the furthest end below it, so that a
// search leaves out whole branches. Ends are those of the requests: '\0' for no end. Each range is there once and carries a
// value. Promise: a search allocates nothing; adding, removing and searching take O(log n) and the ranges found.
import {assert} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';

/** The end of a range that has none. */
export const NO_END: ByteString = '\0';

interface Node<Value> {
  readonly begin: ByteString;
  readonly end: ByteString;
  readonly value: Value;
  left: Node<Value> | undefined;
  right: Node<Value> | undefined;
  height: number;
  /** The furthest end in this branch. */
  reach: ByteString;
}

/** Ends in their order; no end is the furthest. */
function compareEnds(a: ByteString, b: ByteString): number {
  if (a === b) return 0;
  if (a === NO_END) return 1;
  if (b === NO_END) return -1;
  return a < b ? -1 : 1;
}

function compareRanges(begin: ByteString, end: ByteString, node: Node<unknown>): number {
  if (begin !== node.begin) return begin < node.begin ? -1 : 1;
  return compareEnds(end, node.end);
}

const isBefore = (key: ByteString, end: ByteString): boolean => end === NO_END || key < end;

const heightOf = (node: Node<unknown> | undefined): number => (node === undefined ? 0 : node.height);

/** Sets what a node knows of its children. */
function refresh(node: Node<unknown>): void {
  const {left, right} = node;
  node.height = 1 + Math.max(heightOf(left), heightOf(right));
  let reach = node.end;
  if (left !== undefined && compareEnds(left.reach, reach) > 0) reach = left.reach;
  if (right !== undefined && compareEnds(right.reach, reach) > 0) reach = right.reach;
  node.reach = reach;
}

function rotateRight<Value>(node: Node<Value>): Node<Value> {
  const top = node.left;
  assert(top !== undefined, 'rotation without a left child');
  node.left = top.right;
  top.right = node;
  refresh(node);
  refresh(top);
  return top;
}

function rotateLeft<Value>(node: Node<Value>): Node<Value> {
  const top = node.right;
  assert(top !== undefined, 'rotation without a right child');
  node.right = top.left;
  top.left = node;
  refresh(node);
  refresh(top);
  return top;
}

/** The branch with its heights within one of each other again; returns its new top. */
function balance<Value>(node: Node<Value>): Node<Value> {
  const lean = heightOf(node.left) - heightOf(node.right);
  if (lean > 1 && node.left !== undefined) {
    if (heightOf(node.left.left) < heightOf(node.left.right)) node.left = rotateLeft(node.left);
    return rotateRight(node);
  }
  if (lean < -1 && node.right !== undefined) {
    if (heightOf(node.right.right) < heightOf(node.right.left)) node.right = rotateRight(node.right);
    return rotateLeft(node);
  }
  refresh(node);
  return node;
}

function insert<Value>(node: Node<Value> | undefined, added: Node<Value>): Node<Value> {
  if (node === undefined) return added;
  const order = compareRanges(added.begin, added.end, node);
  assert(order !== 0, 'the range is in the tree already', {begin: added.begin, end: added.end});
  if (order < 0) node.left = insert(node.left, added);
  else node.right = insert(node.right, added);
  return balance(node);
}

function leftmost<Value>(node: Node<Value>): Node<Value> {
  let at = node;
  while (at.left !== undefined) at = at.left;
  return at;
}

function removeLeftmost<Value>(node: Node<Value>): Node<Value> | undefined {
  if (node.left === undefined) return node.right;
  node.left = removeLeftmost(node.left);
  return balance(node);
}

function remove<Value>(node: Node<Value> | undefined, begin: ByteString, end: ByteString): Node<Value> | undefined {
  assert(node !== undefined, 'the range is not in the tree', {begin, end});
  const order = compareRanges(begin, end, node);
  if (order < 0) node.left = remove(node.left, begin, end);
  else if (order > 0) node.right = remove(node.right, begin, end);
  else {
    if (node.left === undefined) return node.right;
    if (node.right === undefined) return node.left;
    const top = leftmost(node.right);
    top.right = removeLeftmost(node.right);
    top.left = node.left;
    return balance(top);
  }
  return balance(node);
}

function collect<Value>(node: Node<Value> | undefined, key: ByteString, into: Value[]): void {
  if (node === undefined || !isBefore(key, node.reach)) return;
  collect(node.left, key, into);
  if (key < node.begin) return;
  if (isBefore(key, node.end)) into.push(node.value);
  collect(node.right, key, into);
}

/** Checks order, balance and reach of a branch; returns how many ranges it holds. For tests. */
function audit(node: Node<unknown> | undefined): number {
  if (node === undefined) return 0;
  const {height, reach} = node;
  if (node.left !== undefined) assert(compareRanges(node.left.begin, node.left.end, node) < 0, 'left is not before');
  if (node.right !== undefined)
    assert(compareRanges(node.right.begin, node.right.end, node) > 0, 'right is not behind');
  assert(Math.abs(heightOf(node.left) - heightOf(node.right)) <= 1, 'a branch leans');
  refresh(node);
  assert(node.height === height, 'a height is out of date');
  assert(node.reach === reach, 'a reach is out of date');
  return 1 + audit(node.left) + audit(node.right);
}

export class IntervalTree<Value> {
  private root: Node<Value> | undefined;

  /** What the range carries, if it is there. */
  find(begin: ByteString, end: ByteString): Value | undefined {
    let node = this.root;
    while (node !== undefined) {
      const order = compareRanges(begin, end, node);
      if (order === 0) return node.value;
      node = order < 0 ? node.left : node.right;
    }
    return undefined;
  }

  /** Adds a range that is not there yet. */
  insert(begin: ByteString, end: ByteString, value: Value): void {
    this.root = insert(this.root, {begin, end, value, left: undefined, right: undefined, height: 1, reach: end});
  }

  /** Removes a range that is there. */
  remove(begin: ByteString, end: ByteString): void {
    this.root = remove(this.root, begin, end);
  }

  /** Appends what the ranges around a key carry, in the order of the ranges. etcd: Stab. */
  collect(key: ByteString, into: Value[]): void {
    collect(this.root, key, into);
  }

  /** Checks the tree and counts its ranges. */
  audit(): number {
    return audit(this.root);
  }
}
