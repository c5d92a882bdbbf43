// server-core/v2store/node.ts: one file or directory of the v2 store's tree, and how it is shown in an event.
// etcd: server/etcdserver/api/v2store/node.go, node_extern.go. Removal leaves the expiry list alone: it is looked up by walking.
import type {ByteString} from '../../base/byte-string.ts';
import {compareByteStrings} from '../../base/byte-string.ts';

/** v2error codes that the store itself gives. */
export type V2ErrorCode = 100 | 101 | 102 | 104 | 105 | 107 | 108 | 401;

export const EcodeKeyNotFound = 100;
export const EcodeTestFailed = 101;
export const EcodeNotFile = 102;
export const EcodeNotDir = 104;
export const EcodeNodeExist = 105;
export const EcodeRootROnly = 107;
export const EcodeDirNotEmpty = 108;
export const EcodeEventIndexCleared = 401;

/** A refusal of the v2 store. `index` is the store's index at that time. */
export interface V2Error {
  readonly kind: 'v2-error';
  readonly code: V2ErrorCode;
  readonly cause: ByteString;
  readonly index: number;
}

export function v2Error(code: V2ErrorCode, cause: ByteString, index: number): V2Error {
  return {kind: 'v2-error', code, cause, index};
}

export function isV2Error(value: object | undefined): value is V2Error {
  return value !== undefined && (value as {kind?: unknown}).kind === 'v2-error';
}

/** A node as clients and events see it: NodeExtern. */
export interface ShownNode {
  readonly key: ByteString;
  readonly value: ByteString | undefined;
  readonly dir: boolean;
  /** Nanoseconds since 1970. */
  readonly expirationNs: bigint | undefined;
  /** Seconds, rounded up. */
  readonly ttl: number;
  readonly nodes: readonly ShownNode[] | undefined;
  readonly modifiedIndex: number;
  readonly createdIndex: number;
}

const SECOND_NS = 1_000_000_000n;

export class V2Node {
  readonly path: ByteString;
  readonly createdIndex: number;
  readonly parent: V2Node | undefined;
  /** Undefined in a file. */
  readonly children: Map<ByteString, V2Node> | undefined;
  modifiedIndex: number;
  value: ByteString;
  /** Nanoseconds since 1970; undefined: for ever. */
  expireNs: bigint | undefined;

  constructor(
    given: Pick<V2Node, 'path' | 'createdIndex' | 'parent' | 'expireNs'> & {
      readonly value?: ByteString;
      readonly isDirectory: boolean;
    },
  ) {
    this.path = given.path;
    this.createdIndex = given.createdIndex;
    this.modifiedIndex = given.createdIndex;
    this.parent = given.parent;
    this.children = given.isDirectory ? new Map() : undefined;
    this.value = given.value ?? '';
    this.expireNs = given.expireNs;
  }

  get isDirectory(): boolean {
    return this.children !== undefined;
  }

  get name(): ByteString {
    return this.path.slice(this.path.lastIndexOf('/') + 1);
  }

  /** Takes the node out of its directory. etcd: node.Remove. */
  remove(dir: boolean, recursive: boolean, index: number): V2Error | undefined {
    if (this.children !== undefined) {
      if (!dir) return v2Error(EcodeNotFile, this.path, index);
      if (this.children.size > 0 && !recursive) return v2Error(EcodeDirNotEmpty, this.path, index);
      this.children.clear();
    }
    const siblings = this.parent?.children;
    if (siblings?.get(this.name) === this) siblings.delete(this.name);
    return undefined;
  }

  /** How clients see it; hidden children (a name that begins with _) are left out. etcd: node.Repr. */
  show(recursive: boolean, nowNs: bigint): ShownNode {
    const {children} = this;
    return {
      key: this.path,
      value: children === undefined ? this.value : undefined,
      dir: children !== undefined,
      expirationNs: this.expireNs,
      ttl: this.ttl(nowNs),
      nodes: children !== undefined && recursive ? this.shownChildren(nowNs) : undefined,
      modifiedIndex: this.modifiedIndex,
      createdIndex: this.createdIndex,
    };
  }

  private shownChildren(nowNs: bigint): ShownNode[] {
    return this.sortedChildren()
      .filter(({name}) => !name.startsWith('_'))
      .map((child) => child.show(true, nowNs));
  }

  /** By name. Where etcd is not asked to sort, it gives the order of a Go map, which is any. */
  sortedChildren(): V2Node[] {
    return [...(this.children ?? new Map<ByteString, V2Node>()).values()].sort((a, b) =>
      compareByteStrings(a.path, b.path),
    );
  }

  /** Seconds to live, rounded up; 0 for ever. etcd: expirationAndTTL. */
  ttl(nowNs: bigint): number {
    if (this.expireNs === undefined) return 0;
    const leftNs = this.expireNs - nowNs;
    const whole = leftNs / SECOND_NS;
    return Number(leftNs % SECOND_NS > 0n ? whole + 1n : whole);
  }
}
