// server-core/datadir/db-content.ts: what a backend holds beside the keys: how far it is applied, leases, members, alarms, auth.
// Sources: schema/{cindex,confstate,alarm,auth,membership,lease}.go, mvcc's meta keys. Reads the records of every release.

import type {ByteString} from '../../base/byte-string.ts';
import {toBytes} from '../../base/byte-string.ts';
import type {BoltFile} from '../backend/bolt/bolt-file.ts';
import {storedRole, storedUser} from '../etcdserverpb/auth-messages.ts';
import {storedLease} from '../etcdserverpb/lease-messages.ts';
import {alarmMember} from '../etcdserverpb/maintenance-messages.ts';
import type {Member} from '../membership/member.ts';
import {decodeMember} from '../membership/member.ts';
import {mainOf, REVISION_SIZE} from '../mvcc/revision.ts';
import {badEntry, understood} from './db-file.ts';

/** Ids are hex without leading zeros, as etcd prints them. Numbers that are not stored are 0 or undefined. */
export interface DbContent {
  readonly consistentIndex: number;
  /** Term of the entry at the consistent index; 0 before 3.5. */
  readonly term: number;
  /** raftpb.ConfState as JSON; from 3.5 on. */
  readonly confState: string | undefined;
  readonly scheduledCompactRevision: number;
  readonly finishedCompactRevision: number;
  readonly clusterVersion: string;
  /** The downgrade record as JSON. */
  readonly downgrade: string | undefined;
  readonly leases: readonly {readonly id: string; readonly ttl: number; readonly remainingTtl: number}[];
  readonly members: readonly (Omit<Member, 'id'> & {readonly id: string})[];
  readonly removedMembers: readonly string[];
  readonly alarms: readonly {readonly member: string; readonly alarm: string}[];
  readonly auth: {
    readonly enabled: boolean;
    readonly revision: number;
    readonly users: readonly string[];
    readonly roles: readonly string[];
  };
}

/** Throws BackendError for a record that is none. */
export function dbContent(file: string, db: BoltFile): DbContent {
  const get = (bucket: string, key: string): Uint8Array | undefined => db.bucket(bucket)?.get(key);
  const textOf = (bucket: string, key: string): string | undefined => {
    const value = get(bucket, key);
    return value === undefined ? undefined : new TextDecoder().decode(value);
  };
  const number = (bucket: string, key: string): number => {
    const value = get(bucket, key);
    if (value === undefined) return 0;
    if (value.length !== 8) throw badEntry(file, bucket, key, `a number of ${value.length} bytes`);
    const view = new DataView(value.buffer, value.byteOffset, 8);
    return view.getUint32(0) * 0x1_0000_0000 + view.getUint32(4);
  };
  const revision = (key: string): number => {
    const value = get('meta', key);
    if (value === undefined) return 0;
    if (value.length < REVISION_SIZE) throw badEntry(file, 'meta', key, `a revision of ${value.length} bytes`);
    const bytes = String.fromCharCode(...value.subarray(0, REVISION_SIZE));
    return understood(file, 'meta', key, () => mainOf(bytes));
  };
  const all = <T>(bucket: string, read: (key: ByteString, value: Uint8Array) => T): T[] => {
    const found: T[] = [];
    db.bucket(bucket)?.forEach((key, value) => {
      found.push(understood(file, bucket, key, () => read(key, value)));
    });
    return found;
  };
  return {
    consistentIndex: number('meta', 'consistent_index'),
    term: number('meta', 'term'),
    confState: textOf('meta', 'confState'),
    scheduledCompactRevision: revision('scheduledCompactRev'),
    finishedCompactRevision: revision('finishedCompactRev'),
    clusterVersion: textOf('cluster', 'clusterVersion') ?? '',
    downgrade: textOf('cluster', 'downgrade'),
    leases: all('lease', (_key, value) => {
      const {id, ttl, remainingTtl} = storedLease.decode(value);
      return {id: shortId(id), ttl, remainingTtl};
    }),
    members: all('members', (_key, value) => {
      const member = decodeMember(new TextDecoder().decode(value));
      return {...member, id: shortId(member.id)};
    }),
    removedMembers: all('members_removed', (key) => key),
    alarms: all('alarm', (key) => {
      const {memberId, alarm} = alarmMember.decode(toBytes(key));
      return {member: shortId(memberId), alarm: String(alarm)};
    }),
    auth: {
      enabled: get('auth', 'authEnabled')?.[0] === 1,
      revision: number('auth', 'authRevision'),
      users: all('authUsers', (_key, value) => textBytes(storedUser.decode(value).name)),
      roles: all('authRoles', (_key, value) => textBytes(storedRole.decode(value).name)),
    },
  };
}

/** types.ID.String: hex without leading zeros. */
export const shortId = (id: string): string => id.replace(/^0+(?=.)/, '');

const textBytes = (text: ByteString): string => new TextDecoder().decode(toBytes(text));
