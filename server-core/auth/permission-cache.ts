// server-core/auth/permission-cache.ts: merged permissions by user, kept between checks. etcd: store.go rangePermCache.
// What is in the cache decides, not what is stored: a member whose cache is stale or empty applies other things than its peers
// (issues 13883, 14355, 14571). Permissions are checked as entries are applied, so that is a divergence of data.
import type {ByteString} from '../../base/byte-string.ts';
import type {StoredRole, StoredUser} from '../etcdserverpb/auth-messages.ts';
import type {MergedPermissions} from './permissions.ts';
import {mergePermissions} from './permissions.ts';
import type {AuthRecords} from './records.ts';

/** Whose permissions a change touches, for the lazy cache. */
export type Touched = 'nobody' | 'everybody' | readonly ByteString[];

export class PermissionCache {
  private readonly kind: 'eager' | 'lazy';
  private readonly records: AuthRecords;
  private readonly byUser = new Map<ByteString, MergedPermissions>();

  constructor(kind: 'eager' | 'lazy', records: AuthRecords) {
    this.kind = kind;
    this.records = records;
  }

  /** Undefined: the user is not known here, and may do nothing. */
  permissionsOf(username: ByteString): MergedPermissions | undefined {
    const kept = this.byUser.get(username);
    if (kept !== undefined || this.kind === 'eager') return kept;
    const user = this.records.userOf(username);
    if (user === undefined) return undefined;
    const merged = mergePermissions(this.rolesOf(user));
    this.byUser.set(username, merged);
    return merged;
  }

  /** A change was applied: the eager cache is made anew, the lazy one forgets whom it touches. */
  changed(touched: Touched): void {
    if (this.kind === 'eager') this.fill();
    else if (touched === 'everybody') this.byUser.clear();
    else if (touched !== 'nobody') for (const name of touched) this.byUser.delete(name);
  }

  /** Every user's permissions from what is stored. etcd: refreshRangePermCache. */
  fill(): void {
    if (this.kind === 'lazy') return;
    this.byUser.clear();
    for (const user of this.records.allUsers()) this.byUser.set(user.name, mergePermissions(this.rolesOf(user)));
  }

  /** Roles that were deleted without the user's knowledge count for nothing. */
  private *rolesOf(user: StoredUser): Iterable<StoredRole> {
    for (const name of user.roles) {
      const role = this.records.roleOf(name);
      if (role !== undefined) yield role;
    }
  }
}
