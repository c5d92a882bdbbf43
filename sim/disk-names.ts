// sim/disk-names.ts: the tree of directories and files, as processes see it and as the medium holds it.
// Modelled: changes of names wait in order until they are committed; a power cut keeps, in each directory, a prefix of them
// (a rename between two directories counts in both and is atomic), or with metadataReordered any subset. A file without a
// name lives until it is closed, and not beyond a power cut. Not modelled: hard and symbolic links, permissions, times.
import {assert} from '../base/assert.ts';
import {DiskFault} from '../env/disk.ts';
import type {FileContent} from './disk-content.ts';
import type {PowerCut} from './disk-power-cut.ts';

export class FileNode {
  readonly kind = 'file';
  parent: DirectoryNode | undefined;
  name = '';
  readonly content: FileContent;
  /** The open file that holds its flock. */
  lockHolder: object | undefined;
  constructor(content: FileContent) {
    this.content = content;
  }
}

export class DirectoryNode {
  readonly kind = 'directory';
  parent: DirectoryNode | undefined;
  name = '';
  entries = new Map<string, DiskNode>();
  /** What the medium holds of it. */
  readonly durableEntries = new Map<string, DiskNode>();
}

export type DiskNode = FileNode | DirectoryNode;

interface Place {
  readonly directory: DirectoryNode;
  readonly name: string;
}

/** One change of names: made (no from), renamed, or removed (no to). */
interface NameChange {
  readonly sequence: number;
  readonly node: DiskNode;
  readonly from: Place | undefined;
  readonly to: Place | undefined;
}

/** What a power cut did to changes of names that were not durable. */
export interface NameCounts {
  kept: number;
  /** New names, renames and removals that are not there any more. */
  lostNames: number;
  lostRenames: number;
  lostRemovals: number;
}

export class NameTree {
  readonly root = new DirectoryNode();
  private pending: NameChange[] = [];

  /** What has that name, if anything. ENOTDIR when the path goes through a file. */
  lookup(path: string, operation: string): DiskNode | undefined {
    let node: DiskNode = this.root;
    for (const part of partsOf(path)) {
      if (node.kind === 'file') throw new DiskFault('ENOTDIR', path, operation);
      const next: DiskNode | undefined = node.entries.get(part);
      if (next === undefined) return undefined;
      node = next;
    }
    return node;
  }

  directory(path: string, operation: string): DirectoryNode {
    const node = this.lookup(path, operation);
    if (node === undefined) throw new DiskFault('ENOENT', path, operation);
    if (node.kind === 'file') throw new DiskFault('ENOTDIR', path, operation);
    return node;
  }

  /** Gives a file its first name; the directory must be there and the name free. */
  create(path: string, node: DiskNode, operation: string, sequence: number): void {
    const place = this.placeOf(path, operation);
    assert(!place.directory.entries.has(place.name), 'a name is taken', {path});
    this.apply({sequence, node, from: undefined, to: place});
  }

  /** Makes a directory and those above it; returns how many were missing. */
  makeDirectory(path: string, sequence: number): number {
    let directory = this.root;
    let madeCount = 0;
    for (const name of partsOf(path)) {
      let next = directory.entries.get(name);
      if (next === undefined) {
        next = new DirectoryNode();
        this.apply({sequence, node: next, from: undefined, to: {directory, name}});
        madeCount++;
      }
      if (next.kind === 'file') throw new DiskFault('ENOTDIR', path, 'mkdir');
      directory = next;
    }
    return madeCount;
  }

  /** rename(2): a file replaces a file, a directory replaces an empty one. */
  rename(fromPath: string, toPath: string, sequence: number): void {
    const node = this.lookup(fromPath, 'rename');
    if (node === undefined) throw new DiskFault('ENOENT', fromPath, 'rename');
    const from = this.placeOf(fromPath, 'rename');
    const to = this.placeOf(toPath, 'rename');
    const target = to.directory.entries.get(to.name);
    if (target === node) return;
    for (let above: DirectoryNode | undefined = to.directory; above !== undefined; above = above.parent) {
      assert(above !== node, 'a directory renamed into itself', {fromPath, toPath});
    }
    if (target !== undefined) {
      if (target.kind === 'file' && node.kind === 'directory') throw new DiskFault('ENOTDIR', toPath, 'rename');
      if (target.kind === 'directory' && node.kind === 'file') throw new DiskFault('EISDIR', toPath, 'rename');
      if (target.kind === 'directory' && target.entries.size > 0) throw new DiskFault('ENOTEMPTY', toPath, 'rename');
      target.parent = undefined;
    }
    this.apply({sequence, node, from, to});
  }

  /** A file, or a directory and all below it, each a change of its own. False when nothing was there. */
  remove(path: string, sequence: number): boolean {
    const node = this.lookup(path, 'remove');
    if (node === undefined) return false;
    assert(node !== this.root, 'the root cannot be removed');
    this.removeNode(node, sequence);
    return true;
  }

  /** The path of a node as of now; undefined when it has no name any more. */
  pathOf(node: DiskNode): string | undefined {
    const parts: string[] = [];
    let at: DiskNode = node;
    while (at.parent !== undefined) {
      parts.push(at.name);
      at = at.parent;
    }
    return at === this.root ? `/${parts.reverse().join('/')}` : undefined;
  }

  /** Every file that has a name, by path in code-unit order. */
  files(): {readonly path: string; readonly node: FileNode}[] {
    const found: {path: string; node: FileNode}[] = [];
    const visit = (directory: DirectoryNode, prefix: string): void => {
      for (const [name, node] of directory.entries) {
        const path = `${prefix}/${name}`;
        if (node.kind === 'file') found.push({path, node});
        else visit(node, path);
      }
    };
    visit(this.root, '');
    return found.sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** syncDirectory: every change in it is durable, and its own name. */
  commitDirectory(directory: DirectoryNode): void {
    if (this.pending.length > 0) this.commit(directory, new Set([directory]));
  }

  /** The node's own name is durable, and those above it. */
  commitName(node: DiskNode): void {
    if (this.pending.length > 0) this.commit(node, new Set());
  }

  /** The oldest change that is not durable; 0 when all are. */
  get firstSequence(): number {
    return this.pending[0]?.sequence ?? 0;
  }

  /** Afterwards processes see what the medium holds. */
  cutPower(cut: PowerCut, reordered: boolean): NameCounts {
    const counts: NameCounts = {kept: 0, lostNames: 0, lostRenames: 0, lostRemovals: 0};
    const survives = reordered && cut.mode === 'subset' ? undefined : prefixes(this.pending, cut);
    for (const change of this.pending) {
      const survived = survives === undefined ? cut.random.below(2) === 0 : survives(change);
      if (survived) {
        applyDurably(change);
        counts.kept++;
      } else if (change.to === undefined) counts.lostRemovals++;
      else if (change.from === undefined) counts.lostNames++;
      else counts.lostRenames++;
    }
    this.pending = [];
    showDurable(this.root);
    return counts;
  }

  private placeOf(path: string, operation: string): Place {
    const parts = partsOf(path);
    const name = parts.pop();
    assert(name !== undefined, 'the root has no name of its own', {path});
    return {directory: this.directory(`/${parts.join('/')}`, operation), name};
  }

  private apply(change: NameChange): void {
    const {node, from, to} = change;
    from?.directory.entries.delete(from.name);
    node.parent = to?.directory;
    if (to !== undefined) {
      node.name = to.name;
      to.directory.entries.set(to.name, node);
    }
    this.pending.push(change);
  }

  private removeNode(node: DiskNode, sequence: number): void {
    const directory = node.parent;
    assert(directory !== undefined, 'a node without a name is removed');
    if (node.kind === 'directory') {
      for (const name of [...node.entries.keys()].sort()) {
        const child = node.entries.get(name);
        if (child !== undefined) this.removeNode(child, sequence);
      }
    }
    this.apply({sequence, node, from: {directory, name: node.name}, to: undefined});
  }

  /**
   * Makes durable the changes of the node's own name and of the names above it, those in the directories given, and whatever came
   * before one of them in the same directory: a journal cannot leave out what it holds earlier.
   */
  private commit(node: DiskNode, directories: Set<DirectoryNode>): void {
    const named = new Set<DiskNode>();
    for (let at: DiskNode | undefined = node; at !== undefined; at = at.parent) named.add(at);
    const {pending} = this;
    const committed = new Set<NameChange>();
    for (let i = pending.length - 1; i >= 0; i--) {
      const change = pending[i] as NameChange;
      const {from, to} = change;
      const inside = (from && directories.has(from.directory)) || (to && directories.has(to.directory));
      if (!inside && !named.has(change.node)) continue;
      committed.add(change);
      if (from) directories.add(from.directory);
      if (to) directories.add(to.directory);
    }
    for (const change of pending) if (committed.has(change)) applyDurably(change);
    this.pending = pending.filter((change) => !committed.has(change));
  }
}

/** In each directory a prefix of its changes: that of one instant, or drawn for each. */
function prefixes(pending: readonly NameChange[], cut: PowerCut): (change: NameChange) => boolean {
  if (cut.mode !== 'subset') {
    const limit = cut.mode === 'lost' ? -1 : cut.mode === 'kept' ? Number.MAX_SAFE_INTEGER : cut.sequence;
    return ({sequence}) => sequence <= limit;
  }
  const left = new Map<DirectoryNode, number>();
  for (const {from, to} of pending) {
    if (from) left.set(from.directory, (left.get(from.directory) ?? 0) + 1);
    if (to && to.directory !== from?.directory) left.set(to.directory, (left.get(to.directory) ?? 0) + 1);
  }
  for (const [directory, count] of left) left.set(directory, cut.random.below(count + 1));
  return ({from, to}) => {
    const first = from ?? to;
    const second = to ?? from;
    if (first === undefined || second === undefined) return false;
    const leftFirst = left.get(first.directory) ?? 0;
    const leftSecond = left.get(second.directory) ?? 0;
    const survives = leftFirst > 0 && leftSecond > 0;
    left.set(first.directory, survives ? leftFirst - 1 : 0);
    left.set(second.directory, survives ? leftSecond - 1 : 0);
    return survives;
  };
}

/** Does a change to what the medium holds; one whose node is not there under its old name (its making was lost) does nothing. */
function applyDurably({node, from, to}: NameChange): void {
  if (from !== undefined) {
    if (from.directory.durableEntries.get(from.name) !== node) return;
    from.directory.durableEntries.delete(from.name);
  }
  to?.directory.durableEntries.set(to.name, node);
}

function showDurable(directory: DirectoryNode): void {
  for (const node of directory.entries.values()) if (node.parent === directory) node.parent = undefined;
  directory.entries = new Map(directory.durableEntries);
  for (const [name, node] of directory.entries) {
    node.parent = directory;
    node.name = name;
    if (node.kind === 'directory') showDurable(node);
  }
}

function partsOf(path: string): string[] {
  assert(path.startsWith('/'), 'disk paths are absolute', {path});
  if (path === '/') return [];
  const parts = path.slice(1).split('/');
  for (const part of parts)
    assert(part !== '' && part !== '.' && part !== '..', 'a disk path is in normal form', {path});
  return parts;
}
