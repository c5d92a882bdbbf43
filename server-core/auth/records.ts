// server-core/auth/records.ts: users, roles, the flag and the revision as they lie in the backend. etcd: schema/auth*.go, before 3.6
// auth/store.go. Records are decoded once for the bytes they were read from: a check on every put must not parse protobuf.
import type {ByteString} from '../../base/byte-string.ts';
import {compareByteStrings} from '../../base/byte-string.ts';
import type {ReadTx} from '../backend/buffered-reads.ts';
import type {BatchTx} from '../backend/types.ts';
import type {StoredRole, StoredUser} from '../etcdserverpb/auth-messages.ts';
import {storedRole, storedUser} from '../etcdserverpb/auth-messages.ts';

const ENABLED_KEY = 'authEnabled';
const REVISION_KEY = 'authRevision';
const REVISION_SIZE = 8;
/** Where lists that are ranges begin and end: names beyond are there, but not listed. */
const LIST_BEGIN = '\0';
const LIST_END = '\xff';

/** Where the records lie. */
export interface AuthStorage {
  readonly batch: BatchTx;
  /** The backend's buffered reads, where permission checks of 3.5 on look (issue 17158); absent: they see the batch. */
  readonly reads?: () => ReadTx;
}

export class AuthRecords {
  private batch: BatchTx;
  private reads: (() => ReadTx) | undefined;
  private readonly listsEveryUser: boolean;
  private readonly checksReadBuffer: boolean;
  private users = new WeakMap<Uint8Array, StoredUser>();
  private roles = new WeakMap<Uint8Array, StoredRole>();

  constructor(storage: AuthStorage, options: {readonly listsEveryUser: boolean; readonly checksReadBuffer: boolean}) {
    this.batch = storage.batch;
    this.reads = storage.reads;
    this.listsEveryUser = options.listsEveryUser;
    this.checksReadBuffer = options.checksReadBuffer;
  }

  /** The open batch, for what is stored beside auth's own records. */
  get openBatch(): BatchTx {
    return this.batch;
  }

  /** Another backend takes the place of this one. */
  replace(storage: AuthStorage): void {
    this.batch = storage.batch;
    this.reads = storage.reads;
  }

  createBuckets(): void {
    this.batch.createBucket('auth');
    this.batch.createBucket('authUsers');
    this.batch.createBucket('authRoles');
  }

  get enabled(): boolean {
    const value = this.batch.get('auth', ENABLED_KEY);
    return value?.length === 1 && value[0] === 1;
  }

  setEnabled(enabled: boolean): void {
    this.batch.put('auth', ENABLED_KEY, Uint8Array.of(enabled ? 1 : 0));
  }

  /** 0 before the first one is stored. */
  get revision(): number {
    const value = this.batch.get('auth', REVISION_KEY);
    if (value === undefined) return 0;
    let revision = 0;
    for (const byte of value) revision = revision * 256 + byte;
    return revision;
  }

  setRevision(revision: number): void {
    const value = new Uint8Array(REVISION_SIZE);
    let rest = revision;
    for (let i = REVISION_SIZE - 1; i >= 0; i--) {
      value[i] = rest % 256;
      rest = Math.floor(rest / 256);
    }
    this.batch.put('auth', REVISION_KEY, value);
  }

  userOf(name: ByteString): StoredUser | undefined {
    // A key of no bytes cannot be in a bucket.
    const bytes = name === '' ? undefined : this.batch.get('authUsers', name);
    return bytes === undefined ? undefined : this.decodeUser(bytes);
  }

  /** The user as checks of passwords and permissions see it. */
  userAsChecked(name: ByteString): StoredUser | undefined {
    if (!this.checksReadBuffer || this.reads === undefined || name === '') return this.userOf(name);
    const bytes = this.reads().get('authUsers', name);
    return bytes === undefined ? undefined : this.decodeUser(bytes);
  }

  putUser(user: StoredUser): void {
    this.batch.put('authUsers', user.name, storedUser.encode(user));
  }

  deleteUser(name: ByteString): void {
    this.batch.delete('authUsers', name);
  }

  /** By name. */
  allUsers(): StoredUser[] {
    const found: StoredUser[] = [];
    if (this.listsEveryUser) this.batch.forEach('authUsers', (_name, bytes) => found.push(this.decodeUser(bytes)));
    else {
      for (const {value} of this.batch.range('authUsers', LIST_BEGIN, LIST_END, 0)) found.push(this.decodeUser(value));
    }
    return found;
  }

  roleOf(name: ByteString): StoredRole | undefined {
    const bytes = name === '' ? undefined : this.batch.get('authRoles', name);
    if (bytes === undefined) return undefined;
    let role = this.roles.get(bytes);
    if (role === undefined) {
      role = storedRole.decode(bytes);
      this.roles.set(bytes, role);
    }
    return role;
  }

  putRole(role: StoredRole): void {
    this.batch.put('authRoles', role.name, storedRole.encode(role));
  }

  deleteRole(name: ByteString): void {
    this.batch.delete('authRoles', name);
  }

  /** By name. */
  allRoles(): StoredRole[] {
    return this.batch.range('authRoles', LIST_BEGIN, LIST_END, 0).map(({value}) => storedRole.decode(value));
  }

  private decodeUser(bytes: Uint8Array): StoredUser {
    let user = this.users.get(bytes);
    if (user === undefined) {
      user = storedUser.decode(bytes);
      this.users.set(bytes, user);
    }
    return user;
  }
}

/** Where `name` stands or would stand among sorted names. Go: sort.SearchStrings. */
export function searchNames(names: readonly ByteString[], name: ByteString): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareByteStrings(names[middle] ?? '', name) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Is the name among the sorted names? Binary search as in etcd: hasRootRole. */
export function includesSorted(names: readonly ByteString[], name: ByteString): boolean {
  return names[searchNames(names, name)] === name;
}
