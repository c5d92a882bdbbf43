// server-core/auth/permissions.ts: what a user may read and write: the permissions of all its roles in two interval trees.
// etcd: auth/range_perm_cache.go. A range ends before its end; '' as the end means the one key; '\0' means no end.
import type {ByteString} from '../../base/byte-string.ts';
import type {Permission, StoredRole} from '../etcdserverpb/auth-messages.ts';
import {compareAffine, IntervalTree} from './interval-tree.ts';

export const OPEN_END = '\0';

/** Of a permission check: what is to be done with the keys. */
export type Access = 'read' | 'write';

/** A user's permissions, merged. Go: unifiedRangePermissions. */
export interface MergedPermissions {
  readonly read: IntervalTree;
  readonly write: IntervalTree;
}

/** Merges the permissions of roles, in the order given; a role that is gone is left out by the caller. */
export function mergePermissions(roles: Iterable<StoredRole>): MergedPermissions {
  const read = new IntervalTree();
  const write = new IntervalTree();
  for (const role of roles) {
    for (const granted of role.keyPermission) {
      if (granted.type === 'read' || granted.type === 'readwrite') insert(read, granted);
      if (granted.type === 'write' || granted.type === 'readwrite') insert(write, granted);
    }
  }
  return {read, write};
}

function insert(tree: IntervalTree, {key, rangeEnd}: Permission): void {
  if (rangeEnd === '') tree.insert(key, `${key}\0`);
  else tree.insert(key, rangeEnd === OPEN_END ? '' : rangeEnd);
}

/** May all keys of the range be read or written? etcd: isRangeOpPermitted behind the cache. */
export function isPermitted(
  permissions: MergedPermissions,
  access: Access,
  key: ByteString,
  rangeEnd: ByteString,
): boolean {
  const tree = permissions[access];
  if (rangeEnd === '') return tree.intersects(key, `${key}\0`);
  return tree.contains(key, rangeEnd === OPEN_END ? '' : rangeEnd);
}

/** A range that a role may be granted: a key that is not empty, and an end behind it, or none. Issue 15294. */
export function isValidPermissionRange(key: ByteString, rangeEnd: ByteString): boolean {
  if (key === '') return false;
  return rangeEnd === '' || rangeEnd === OPEN_END || compareAffine(key, rangeEnd) < 0;
}
