// server-core/auth/interval-tree.ts: the tree of key ranges that permissions are kept in. etcd: pkg/adt/interval_tree.go.
// A red-black tree by the begin of a range, each node knowing the greatest end below it (Cormen, Leiserson, Rivest, Stein:
// Introduction to Algorithms, 13 and 14.3). Why a tree and not a merged list: releases before the fix of issue 15294 store
// inverted ranges, and every release is asked about inverted ranges (a range request `z`..`a`). For those the answer depends on
// which branches the search passes over, that is on the very shape of the tree, and it must be the real one's.
// Not modelled: taking ranges out (etcd makes a new tree with every change of permissions).
import {must} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';

/** Begin included, end not. The empty text is the greatest of all: BytesAffineComparable. */
interface Interval {
  readonly begin: ByteString;
  readonly end: ByteString;
}

interface TreeNode extends Interval {
  /** The greatest end in this subtree. */
  endMax: ByteString;
  isRed: boolean;
  left: TreeNode | undefined;
  right: TreeNode | undefined;
  parent: TreeNode | undefined;
}

/** By bytes, the empty text behind everything. */
export function compareAffine(a: ByteString, b: ByteString): number {
  if (a === b) return 0;
  if (a === '') return 1;
  if (b === '') return -1;
  return a < b ? -1 : 1;
}

/** -1: a lies before b; 1: behind; 0: they meet. With inverted ranges it is what etcd's Interval.Compare makes of them. */
function compareIntervals(a: Interval, b: Interval): number {
  if (compareAffine(a.begin, b.begin) < 0 && compareAffine(a.end, b.begin) <= 0) return -1;
  return compareAffine(a.begin, b.end) >= 0 ? 1 : 0;
}

export class IntervalTree {
  private root: TreeNode | undefined;

  /** Adds [begin, end). Equal begins lie in the order they came. */
  insert(begin: ByteString, end: ByteString): void {
    let parent: TreeNode | undefined;
    for (let at = this.root; at !== undefined; ) {
      parent = at;
      at = compareAffine(begin, at.begin) < 0 ? at.left : at.right;
    }
    const node: TreeNode = {begin, end, endMax: end, isRed: true, left: undefined, right: undefined, parent};
    if (parent === undefined) this.root = node;
    else if (compareAffine(begin, parent.begin) < 0) parent.left = node;
    else parent.right = node;
    raiseMaxima(parent);
    this.rebalance(node);
  }

  /** Does any range meet [begin, end)? One path down. */
  intersects(begin: ByteString, end: ByteString): boolean {
    const asked = {begin, end};
    let at = this.root;
    while (at !== undefined && compareIntervals(asked, at) !== 0) {
      at = at.left !== undefined && compareAffine(at.left.endMax, begin) > 0 ? at.left : at.right;
    }
    return at !== undefined;
  }

  /** Do the ranges that meet [begin, end) cover it without a gap? */
  contains(begin: ByteString, end: ByteString): boolean {
    const cover = new Cover();
    visitMeeting(this.root, {begin, end}, cover);
    return cover.holds(begin, end);
  }

  private rebalance(inserted: TreeNode): void {
    let node = inserted;
    while (node.parent?.isRed === true) {
      const grandparent = must(node.parent.parent, 'a red node has a parent');
      const isLeftSide = node.parent === grandparent.left;
      const uncle = isLeftSide ? grandparent.right : grandparent.left;
      if (uncle?.isRed === true) {
        uncle.isRed = false;
        node.parent.isRed = false;
        grandparent.isRed = true;
        node = grandparent;
        continue;
      }
      const inner: TreeNode | undefined = isLeftSide ? node.parent.right : node.parent.left;
      if (node === inner) {
        node = node.parent;
        this.rotate(node, isLeftSide ? 'left' : 'right');
      }
      const parent = must(node.parent, 'a rotated node has a parent');
      parent.isRed = false;
      const top = must(parent.parent, 'a red node had a parent');
      top.isRed = true;
      this.rotate(top, isLeftSide ? 'right' : 'left');
    }
    must(this.root, 'a tree with a node has a root').isRed = false;
  }

  /** Lets the child on the other side rise above the node. */
  private rotate(node: TreeNode, direction: 'left' | 'right'): void {
    const isLeft = direction === 'left';
    const riser = must(isLeft ? node.right : node.left, 'a rotation needs a child that rises');
    const passed = isLeft ? riser.left : riser.right;
    if (isLeft) node.right = passed;
    else node.left = passed;
    if (passed !== undefined) passed.parent = node;
    const above = node.parent;
    riser.parent = above;
    if (above === undefined) this.root = riser;
    else if (above.left === node) above.left = riser;
    else above.right = riser;
    if (isLeft) riser.left = node;
    else riser.right = node;
    node.parent = riser;
    // What lies below both together is what lay below before, so nothing above them changes.
    riser.endMax = node.endMax;
    node.endMax = maximumOf(node);
  }
}

function maximumOf(node: TreeNode): ByteString {
  let end = node.end;
  if (node.left !== undefined && compareAffine(node.left.endMax, end) > 0) end = node.left.endMax;
  if (node.right !== undefined && compareAffine(node.right.endMax, end) > 0) end = node.right.endMax;
  return end;
}

function raiseMaxima(from: TreeNode | undefined): void {
  for (let node = from; node !== undefined; node = node.parent) {
    const end = maximumOf(node);
    if (end === node.endMax) return;
    node.endMax = end;
  }
}

/** The ranges that meet `asked`, in the tree's order; false when the cover has a gap already. etcd: intervalNode.visit. */
function visitMeeting(node: TreeNode | undefined, asked: Interval, cover: Cover): boolean {
  if (node === undefined) return true;
  const order = compareIntervals(asked, node);
  if (order < 0) return visitMeeting(node.left, asked, cover);
  if (order > 0) {
    if (compareIntervals({begin: node.begin, end: node.endMax}, asked) !== 0) return true;
    return visitMeeting(node.left, asked, cover) && visitMeeting(node.right, asked, cover);
  }
  return visitMeeting(node.left, asked, cover) && cover.add(node) && visitMeeting(node.right, asked, cover);
}

/** One stretch of keys, grown range by range. */
class Cover {
  private begin: ByteString | undefined;
  private end: ByteString = '';
  private hasGap = false;

  add(range: Interval): boolean {
    if (this.begin === undefined) {
      this.begin = range.begin;
      this.end = range.end;
      return true;
    }
    if (compareAffine(this.end, range.begin) < 0) {
      this.hasGap = true;
      return false;
    }
    if (compareAffine(range.end, this.end) > 0) this.end = range.end;
    return true;
  }

  holds(begin: ByteString, end: ByteString): boolean {
    if (this.hasGap || this.begin === undefined) return false;
    return compareAffine(this.end, end) >= 0 && compareAffine(this.begin, begin) <= 0;
  }
}
