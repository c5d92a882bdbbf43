// server-core/v2store/store.ts: the v2 store: a tree of small texts with an index of its own. Up to 3.6 it holds who is in the
// cluster (below /0) and the keys of the v2 API (below /1); a .snap file carries it as JSON, see save.ts.
// etcd: server/etcdserver/api/v2store/store.go, the same in 3.3 to 3.6. Not modelled: watchers (nothing serves the v2 API) and
// the order in which keys that expire at the same nanosecond go.
import type {ByteString} from '../../base/byte-string.ts';
import {compareByteStrings} from '../../base/byte-string.ts';
import type {V2Action, V2Event, V2Stats} from './events.ts';
import {EventHistory, emptyStats} from './events.ts';
import type {ShownNode, V2Error, V2ErrorCode} from './node.ts';
import {
  EcodeKeyNotFound,
  EcodeNodeExist,
  EcodeNotDir,
  EcodeNotFile,
  EcodeRootROnly,
  EcodeTestFailed,
  isV2Error,
  V2Node,
  v2Error,
} from './node.ts';

/** defaultVersion. */
export const V2_STORE_VERSION = 2;

/** An expiry before the year 2000 counts as none: minExpireTime. */
const EXPIRE_NS_MIN = 946_684_800_000_000_000n;

export interface TtlOptions {
  /** Nanoseconds since 1970; undefined: for ever. */
  readonly expireNs: bigint | undefined;
  /** Keep the value and tell no watcher. */
  readonly refresh: boolean;
}

export const PERMANENT: TtlOptions = Object.freeze({expireNs: undefined, refresh: false});

/** A condition on a file: an empty text or a zero index asks nothing. */
export interface V2Compare {
  readonly prevValue: ByteString;
  readonly prevIndex: number;
}

export interface V2StoreOptions {
  /**
   * Up to 3.4 an update without a value renews a directory's time to live. From 3.5 it is refused, though counted as a success: an error
   * that was passed over before is returned there.
   */
  readonly updatesDirectories: boolean;
}

type CountedAction = 'sets' | 'delete' | 'update' | 'create' | 'compareAndSwap' | 'compareAndDelete';

export class V2Store {
  root: V2Node;
  currentIndex = 0;
  currentVersion = V2_STORE_VERSION;
  readonly history = new EventHistory();
  readonly stats: V2Stats = emptyStats();
  private readonly readOnly: ReadonlySet<ByteString>;
  private readonly nowNs: () => bigint;
  private readonly options: V2StoreOptions;

  /** `namespaces` are directories that are always there. etcd: v2store.New. */
  constructor(
    namespaces: readonly ByteString[],
    nowNs: () => bigint,
    options: V2StoreOptions = {updatesDirectories: false},
  ) {
    this.nowNs = nowNs;
    this.options = options;
    this.root = new V2Node({path: '/', createdIndex: 0, parent: undefined, expireNs: undefined, isDirectory: true});
    for (const path of namespaces) {
      const node = new V2Node({path, createdIndex: 0, parent: this.root, expireNs: undefined, isDirectory: true});
      this.root.children?.set(node.name, node);
    }
    this.readOnly = new Set([...namespaces, '/']);
  }

  /** A file, or a directory and with `recursive` all below it; children come by name. */
  get(path: ByteString, recursive: boolean): V2Event | V2Error {
    const node = this.find(path);
    if (isV2Error(node)) {
      this.stats.getsFail++;
      return node;
    }
    this.stats.getsSuccess++;
    const shown = {...node.show(recursive, this.nowNs()), key: path};
    if (node.isDirectory && !recursive) shown.nodes = node.sortedChildren().map((child) => child.show(false, 0n));
    return event('get', shown, {etcdIndex: this.currentIndex});
  }

  /** Makes a file or directory that must not be there yet, with the directories above it; `unique` adds a numbered name. */
  create(
    path: ByteString,
    given: {readonly dir: boolean; readonly value: ByteString; readonly unique: boolean},
    ttl: TtlOptions = PERMANENT,
  ): V2Event | V2Error {
    const made = this.make('create', path, {...given, replace: false}, ttl);
    if (isV2Error(made)) return this.failed('create', made);
    this.stats.createSuccess++;
    this.history.add(made);
    return made;
  }

  /** Makes or replaces a file. */
  set(path: ByteString, dir: boolean, value: ByteString, ttl: TtlOptions = PERMANENT): V2Event | V2Error {
    const before = this.find(path);
    if (isV2Error(before) && (before.code !== EcodeKeyNotFound || ttl.refresh)) return this.failed('sets', before);
    const prevNode = isV2Error(before) ? undefined : {...before.show(false, this.nowNs()), key: path};
    const kept = ttl.refresh && !isV2Error(before) ? before.value : value;
    const made = this.make('set', path, {dir, value: kept, unique: false, replace: true}, ttl);
    if (isV2Error(made)) return this.failed('sets', made);
    this.stats.setsSuccess++;
    const whole = {...made, prevNode: prevNode ?? made.prevNode, refresh: ttl.refresh};
    this.history.add(whole);
    return whole;
  }

  /** Writes a file that is there, or a directory's time to live. */
  update(path: ByteString, newValue: ByteString, ttl: TtlOptions = PERMANENT): V2Event | V2Error {
    const clean = cleanPath(path);
    if (this.readOnly.has(clean)) return this.miscounted('update', this.error(EcodeRootROnly, '/'));
    const node = this.find(clean);
    if (isV2Error(node)) return this.failed('update', node);
    if (node.isDirectory && newValue !== '') return this.miscounted('update', this.error(EcodeNotFile, clean));
    if (node.isDirectory) return this.updateDirectory(node, ttl);
    return this.write('update', node, ttl.refresh ? node.value : newValue, ttl);
  }

  /** Writes a file if it is as told. */
  compareAndSwap(
    path: ByteString,
    compare: V2Compare,
    value: ByteString,
    ttl: TtlOptions = PERMANENT,
  ): V2Event | V2Error {
    const clean = cleanPath(path);
    if (this.readOnly.has(clean)) return this.miscounted('compareAndSwap', this.error(EcodeRootROnly, '/'));
    const node = this.findFile(clean, compare);
    if (isV2Error(node)) return this.failed('compareAndSwap', node);
    return this.write('compareAndSwap', node, ttl.refresh ? node.value : value, ttl);
  }

  /** Removes a file; a directory with `dir` when it is empty, with `recursive` in any case. */
  delete(path: ByteString, dir: boolean, recursive: boolean): V2Event | V2Error {
    const clean = cleanPath(path);
    if (this.readOnly.has(clean)) return this.miscounted('delete', this.error(EcodeRootROnly, '/'));
    const node = this.find(clean);
    if (isV2Error(node)) return this.failed('delete', node);
    return this.remove('delete', clean, node, {dir: dir || recursive, recursive});
  }

  /** Removes a file if it is as told. */
  compareAndDelete(path: ByteString, compare: V2Compare): V2Event | V2Error {
    const clean = cleanPath(path);
    const node = this.findFile(clean, compare);
    if (isV2Error(node)) {
      const isMiscounted = node.code === EcodeNotFile || node.code === EcodeTestFailed;
      return isMiscounted ? this.miscounted('compareAndDelete', node) : this.failed('compareAndDelete', node);
    }
    return this.remove('compareAndDelete', clean, node, {dir: false, recursive: false});
  }

  /** Removes what expires at that time or before, the earliest first. etcd: DeleteExpiredKeys, from a SYNC request. */
  deleteExpired(cutoffNs: bigint): void {
    for (;;) {
      const node = this.earliestExpiry();
      if (node?.expireNs === undefined || node.expireNs > cutoffNs) return;
      const prevNode = node.show(false, this.nowNs());
      this.currentIndex++;
      node.remove(true, true, this.currentIndex);
      this.stats.expireCount++;
      const shown = bare(node.path, this.currentIndex, node.createdIndex, {dir: node.isDirectory});
      this.history.add(event('expire', shown, {etcdIndex: this.currentIndex, prevNode}));
    }
  }

  /** Does anything expire? Then etcd's leader proposes a SYNC twice a second. */
  get hasTtlKeys(): boolean {
    return this.earliestExpiry() !== undefined;
  }

  private earliestExpiry(): V2Node | undefined {
    let earliest: V2Node | undefined;
    const walk = (node: V2Node): void => {
      if (node.expireNs !== undefined && (earliest?.expireNs === undefined || isBefore(node, earliest)))
        earliest = node;
      for (const child of node.children?.values() ?? []) walk(child);
    };
    walk(this.root);
    return earliest;
  }

  private error(code: V2ErrorCode, cause: ByteString): V2Error {
    return v2Error(code, cause, this.currentIndex);
  }

  private failed(action: CountedAction, error: V2Error): V2Error {
    this.stats[`${action}Fail`]++;
    return error;
  }

  /** A refusal that etcd's statistics, which lie in the snapshot, count as a success: the deferred counter does not see it. */
  private miscounted(action: CountedAction, error: V2Error): V2Error {
    this.stats[`${action}Success`]++;
    return error;
  }

  /** etcd: internalGet. */
  private find(path: ByteString): V2Node | V2Error {
    let node = this.root;
    for (const name of componentsOf(path)) {
      if (node.children === undefined) return this.error(EcodeNotDir, node.path);
      const child = node.children.get(name);
      if (child === undefined) return this.error(EcodeKeyNotFound, join(node.path, name));
      node = child;
    }
    return node;
  }

  private findFile(path: ByteString, {prevValue, prevIndex}: V2Compare): V2Node | V2Error {
    const node = this.find(path);
    if (isV2Error(node)) return node;
    if (node.isDirectory) return this.error(EcodeNotFile, path);
    const indexMatches = prevIndex === 0 || node.modifiedIndex === prevIndex;
    const valueMatches = prevValue === '' || node.value === prevValue;
    if (indexMatches && valueMatches) return node;
    const byIndex = `[${prevIndex} != ${node.modifiedIndex}]`;
    const byValue = `[${prevValue} != ${node.value}]`;
    const cause = valueMatches ? byIndex : indexMatches ? byValue : `${byValue} ${byIndex}`;
    return this.error(EcodeTestFailed, cause);
  }

  /** etcd: internalCreate. Directories made on the way stay when the rest is refused, as there. */
  private make(
    action: V2Action,
    path: ByteString,
    given: {readonly dir: boolean; readonly value: ByteString; readonly unique: boolean; readonly replace: boolean},
    ttl: TtlOptions,
  ): V2Event | V2Error {
    const nextIndex = this.currentIndex + 1;
    const clean = cleanPath(given.unique ? `${path}/${String(nextIndex).padStart(20, '0')}` : path);
    if (this.readOnly.has(clean)) return this.error(EcodeRootROnly, '/');
    const expireNs = ttl.expireNs !== undefined && ttl.expireNs < EXPIRE_NS_MIN ? undefined : ttl.expireNs;
    const names = componentsOf(clean);
    const directory = this.makeDirectories(names.slice(0, -1), nextIndex);
    if (isV2Error(directory)) {
      this.stats.setsFail++;
      return directory;
    }
    const name = names.at(-1) ?? '';
    const existing = directory.children?.get(name);
    let prevNode: ShownNode | undefined;
    if (existing !== undefined) {
      if (!given.replace) return this.error(EcodeNodeExist, clean);
      if (existing.isDirectory) return this.error(EcodeNotFile, clean);
      prevNode = existing.show(false, this.nowNs());
    }
    const {dir, value} = given;
    const node = new V2Node({
      path: clean,
      createdIndex: nextIndex,
      parent: directory,
      expireNs,
      value: dir ? '' : value,
      isDirectory: dir,
    });
    directory.children?.set(name, node);
    this.currentIndex = nextIndex;
    return event(action, node.show(false, this.nowNs()), {etcdIndex: nextIndex, prevNode});
  }

  private makeDirectories(names: readonly ByteString[], index: number): V2Node | V2Error {
    let node = this.root;
    for (const name of names) {
      let child = node.children?.get(name);
      if (child === undefined) {
        const path = join(node.path, name);
        child = new V2Node({path, createdIndex: index, parent: node, expireNs: undefined, isDirectory: true});
        node.children?.set(name, child);
      } else if (!child.isDirectory) return this.error(EcodeNotDir, child.path);
      node = child;
    }
    return node;
  }

  /** Behind the check that lets empty values pass, etcd's write refuses directories; see V2StoreOptions. */
  private updateDirectory(node: V2Node, {expireNs, refresh}: TtlOptions): V2Event | V2Error {
    this.stats.updateSuccess++;
    if (!this.options.updatesDirectories) return this.error(EcodeNotFile, '');
    const nowNs = this.nowNs();
    const prevNode = node.show(false, nowNs);
    this.currentIndex++;
    node.expireNs = expireNs;
    const shown = {...node.show(false, nowNs), modifiedIndex: this.currentIndex};
    const updated = event('update', shown, {etcdIndex: this.currentIndex, prevNode, refresh});
    this.history.add(updated);
    return updated;
  }

  private write(
    action: 'update' | 'compareAndSwap',
    node: V2Node,
    value: ByteString,
    {expireNs, refresh}: TtlOptions,
  ): V2Event {
    const nowNs = this.nowNs();
    const prevNode = node.show(false, nowNs);
    this.currentIndex++;
    node.value = value;
    node.modifiedIndex = this.currentIndex;
    node.expireNs = expireNs;
    this.stats[`${action}Success`]++;
    const written = event(action, node.show(false, nowNs), {etcdIndex: this.currentIndex, prevNode, refresh});
    this.history.add(written);
    return written;
  }

  private remove(
    action: 'delete' | 'compareAndDelete',
    path: ByteString,
    node: V2Node,
    {dir, recursive}: {readonly dir: boolean; readonly recursive: boolean},
  ): V2Event | V2Error {
    const prevNode = node.show(false, this.nowNs());
    const refused = node.remove(dir, recursive, this.currentIndex);
    if (refused !== undefined) return this.failed(action, refused);
    this.currentIndex++;
    this.stats[`${action}Success`]++;
    const shown = bare(path, this.currentIndex, node.createdIndex, {dir: action === 'delete' && node.isDirectory});
    const removed = event(action, shown, {etcdIndex: this.currentIndex, prevNode});
    this.history.add(removed);
    return removed;
  }
}

function event(
  action: V2Action,
  node: ShownNode,
  given: {readonly etcdIndex: number; readonly prevNode?: ShownNode | undefined; readonly refresh?: boolean},
): V2Event {
  return {action, node, prevNode: given.prevNode, refresh: given.refresh ?? false, etcdIndex: given.etcdIndex};
}

/** The node of an event that left nothing behind. */
function bare(key: ByteString, modifiedIndex: number, createdIndex: number, {dir}: {readonly dir: boolean}): ShownNode {
  return {key, value: undefined, dir, expirationNs: undefined, ttl: 0, nodes: undefined, modifiedIndex, createdIndex};
}

function isBefore(a: V2Node, b: V2Node): boolean {
  const [aNs, bNs] = [a.expireNs ?? 0n, b.expireNs ?? 0n];
  return aNs < bNs || (aNs === bNs && compareByteStrings(a.path, b.path) < 0);
}

function join(directory: ByteString, name: ByteString): ByteString {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

function componentsOf(path: ByteString): ByteString[] {
  return cleanPath(path)
    .split('/')
    .filter((name) => name !== '');
}

/** path.Clean(path.Join("/", path)): rooted, no empty, `.` or `..` components, no slash at the end. */
export function cleanPath(path: ByteString): ByteString {
  const names: ByteString[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return `/${names.join('/')}`;
}
