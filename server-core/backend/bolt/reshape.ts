// server-core/backend/bolt/reshape.ts: what a commit does to a tree before it is written: sparse nodes are merged with a
// neighbour, large ones are split, and every node on a dirty path gets new pages (the old ones stay as they are until the
// commit is real). Rules as in bbolt: node.rebalance, node.split, node.spill. Which of two mergeable siblings goes first is
// left to chance there (map order) and goes from right to left here, so that a node is looked at after it took its neighbour in.
// Cost: the dirty nodes and their direct children, never the whole tree.
import type {ByteString} from '../../../base/byte-string.ts';
import {MIN_KEYS_PER_PAGE, PAGE_HEADER_SIZE} from './format.ts';
import type {BranchNode, Tree, TreeNode} from './tree.ts';
import {elementSizeBytes, newBranch, newLeaf, nodeSizeBytes} from './tree.ts';

/** Where pages come from and go to during one commit. */
export interface PageSpace {
  readonly pageSize: number;
  allocate(pageCount: number): number;
  free(pageId: number, pageCount: number): void;
  /** The node has its pages and wants to be written to them. */
  write(node: TreeNode): void;
}

/** Merges what deletions left sparse. bbolt: Bucket.rebalance. */
export function rebalance(tree: Tree, space: PageSpace): void {
  if (!tree.changed) return;
  const sizeMin = Math.floor(Math.floor((space.pageSize * tree.fillPercent) / 100) / 2);
  if (tree.root.kind === 'branch') rebalanceChildren(tree.root, sizeMin, space);
  while (tree.root.kind === 'branch' && tree.root.children.length <= 1) {
    const collapsed: BranchNode = tree.root;
    freePages(collapsed, space);
    tree.root = collapsed.children[0] ?? newLeaf([], []);
  }
}

function rebalanceChildren(branch: BranchNode, sizeMin: number, space: PageSpace): void {
  if (!branch.dirty) return;
  const {keys, children} = branch;
  for (const child of children) if (child.kind === 'branch') rebalanceChildren(child, sizeMin, space);
  for (let index = children.length - 1; index >= 0; index--) {
    const child = children[index] as TreeNode;
    const keyCountMin = child.kind === 'leaf' ? 1 : 2;
    const sparse = child.shrunk && (child.keys.length <= keyCountMin || nodeSizeBytes(child) <= sizeMin);
    child.shrunk = false;
    if (!sparse || (children.length === 1 && child.keys.length > 0)) continue;
    branch.shrunk = true;
    let gone = index;
    if (child.keys.length > 0) {
      gone = Math.max(index, 1);
      mergeInto(children[gone - 1] as TreeNode, children[gone] as TreeNode);
    }
    freePages(children[gone] as TreeNode, space);
    keys.splice(gone, 1);
    children.splice(gone, 1);
  }
}

function mergeInto(left: TreeNode, right: TreeNode): void {
  left.dirty = true;
  for (const key of right.keys) left.keys.push(key);
  if (left.kind === 'leaf' && right.kind === 'leaf') for (const value of right.values) left.values.push(value);
  if (left.kind === 'branch' && right.kind === 'branch') for (const child of right.children) left.children.push(child);
}

/** Gives every dirty node new pages and hands it to space.write(), children first. bbolt: Bucket.spill. */
export function spill(tree: Tree, space: PageSpace): void {
  let pieces = [tree.root];
  if (!tree.root.dirty) return;
  pieces = spillNode(tree.root, tree.fillPercent, space);
  while (pieces.length > 1) {
    const root = newBranch(pieces.map(firstKey), pieces);
    pieces = spillNode(root, tree.fillPercent, space);
  }
  tree.root = pieces[0] as TreeNode;
}

/** Frees the pages of a whole tree. bbolt: Bucket.free. */
export function freeTree(node: TreeNode, space: PageSpace): void {
  if (node.kind === 'branch') for (const child of node.children) freeTree(child, space);
  freePages(node, space);
}

function freePages(node: TreeNode, space: PageSpace): void {
  if (node.pageId !== 0) space.free(node.pageId, node.pageCount);
  node.pageId = 0;
  node.pageCount = 0;
}

function firstKey(node: TreeNode): ByteString {
  return node.keys[0] ?? '';
}

/** The nodes that take the place of a dirty node, in key order, all with pages. */
function spillNode(node: TreeNode, fillPercent: number, space: PageSpace): TreeNode[] {
  if (node.kind === 'branch') spillChildren(node, fillPercent, space);
  freePages(node, space);
  const pieces = splitNode(node, fillPercent, space.pageSize);
  for (const piece of pieces) {
    piece.pageCount = Math.ceil(nodeSizeBytes(piece) / space.pageSize);
    piece.pageId = space.allocate(piece.pageCount);
    piece.dirty = false;
    piece.shrunk = false;
    space.write(piece);
  }
  return pieces;
}

function spillChildren(branch: BranchNode, fillPercent: number, space: PageSpace): void {
  const {keys, children} = branch;
  let index = 0;
  while (index < children.length) {
    const child = children[index] as TreeNode;
    if (!child.dirty) {
      index++;
      continue;
    }
    const pieces = spillNode(child, fillPercent, space);
    if (pieces.length > 1) {
      // Many pieces at the end (a run of appended keys) are the rule; a splice in the middle is short.
      keys.splice(index, 1, ...pieces.map(firstKey));
      children.splice(index, 1, ...pieces);
    } else {
      keys[index] = firstKey(child);
    }
    index += pieces.length;
  }
}

/** Cuts a node that is too large for a page. The node itself becomes the first piece. bbolt: node.split, splitIndex. */
function splitNode(node: TreeNode, fillPercent: number, pageSize: number): TreeNode[] {
  let restSize = nodeSizeBytes(node);
  const pieces: TreeNode[] = [node];
  if (restSize < pageSize) return pieces;
  const threshold = Math.floor((pageSize * fillPercent) / 100);
  const keyCount = node.keys.length;
  const cuts: number[] = [];
  let from = 0;
  while (keyCount - from > MIN_KEYS_PER_PAGE * 2 && restSize >= pageSize) {
    // bbolt's loop stands on the last key that it added, so a cut that is not forced by size leaves one key more behind.
    const indexMax = keyCount - MIN_KEYS_PER_PAGE - 1;
    let size = PAGE_HEADER_SIZE;
    let index = from;
    for (; index < indexMax; index++) {
      const elementSize = elementSizeBytes(node, index);
      if (index - from >= MIN_KEYS_PER_PAGE && size + elementSize > threshold) break;
      size += elementSize;
    }
    cuts.push(index);
    restSize -= size - PAGE_HEADER_SIZE;
    from = index;
  }
  for (let i = 0; i < cuts.length; i++) pieces.push(slice(node, cuts[i] as number, cuts[i + 1] ?? keyCount));
  if (cuts.length > 0) truncate(node, cuts[0] as number);
  return pieces;
}

function slice(node: TreeNode, from: number, to: number): TreeNode {
  if (node.kind === 'leaf') return newLeaf(node.keys.slice(from, to), node.values.slice(from, to));
  return newBranch(node.keys.slice(from, to), node.children.slice(from, to));
}

function truncate(node: TreeNode, keyCount: number): void {
  node.keys.length = keyCount;
  if (node.kind === 'leaf') node.values.length = keyCount;
  else node.children.length = keyCount;
}
