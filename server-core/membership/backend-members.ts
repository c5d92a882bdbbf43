// server-core/membership/backend-members.ts: membership, cluster version and downgrade job in the backend's buckets.
// etcd: schema/membership.go (membership/store.go before 3.6). Keys are ids in hex without leading zeros. The batch lock is held.
import {InvariantError} from '../../base/assert.ts';
import {fromBytes, toBytes} from '../../base/byte-string.ts';
import type {MemberId} from '../../base/ids.ts';
import {formatId, toMemberId} from '../../base/ids.ts';
import type {BatchTx} from '../backend/types.ts';
import type {Member} from './member.ts';
import {decodeMember, encodeMember, jsonBytes, jsonText} from './member.ts';
import type {MembersAndRemoved} from './v2-members.ts';

const CLUSTER_VERSION = 'clusterVersion';
const DOWNGRADE = 'downgrade';

/** version.DowngradeInfo: the job that `etcdctl downgrade enable` starts. */
export interface DowngradeInfo {
  readonly enabled: boolean;
  /** `3.5.0`; empty when not enabled. */
  readonly targetVersion: string;
}

export const NO_DOWNGRADE: DowngradeInfo = Object.freeze({enabled: false, targetVersion: ''});

/** mustCreateBackendBuckets. */
export function createMembershipBuckets(batch: BatchTx): void {
  batch.createBucket('members');
  batch.createBucket('members_removed');
  batch.createBucket('cluster');
}

/** readMembersFromBackend. The id is that of the JSON, as in etcd. */
export function readBackendMembers(batch: BatchTx): MembersAndRemoved {
  const members = new Map<MemberId, Member>();
  const removed = new Set<MemberId>();
  batch.forEach('members', (key, value) => members.set(toMemberId(key), decodeMember(jsonText(value))));
  batch.forEach('members_removed', (key) => removed.add(toMemberId(key)));
  return {members, removed};
}

export function backendHasMember(batch: BatchTx, id: MemberId): boolean {
  return batch.get('members', formatId(id)) !== undefined;
}

export function saveBackendMember(batch: BatchTx, member: Member): void {
  batch.put('members', formatId(member.id), jsonBytes(encodeMember(member)));
}

/** The id never comes back. */
export function deleteBackendMember(batch: BatchTx, id: MemberId): void {
  const key = formatId(id);
  batch.delete('members', key);
  batch.put('members_removed', key, toBytes('removed'));
}

export function readBackendVersion(batch: BatchTx): string | undefined {
  const value = batch.get('cluster', CLUSTER_VERSION);
  return value === undefined ? undefined : fromBytes(value);
}

export function saveBackendVersion(batch: BatchTx, version: string): void {
  batch.put('cluster', CLUSTER_VERSION, toBytes(version));
}

/** The stored job; undefined when there never was one. */
export function readDowngrade(batch: BatchTx): DowngradeInfo | undefined {
  const value = batch.get('cluster', DOWNGRADE);
  if (value === undefined) return undefined;
  const text = jsonText(value);
  try {
    const json = JSON.parse(text) as {readonly 'target-version'?: string; readonly enabled?: boolean};
    return {enabled: json.enabled ?? false, targetVersion: json['target-version'] ?? ''};
  } catch (error) {
    throw new InvariantError('failed to unmarshal downgrade information', {text, error: String(error)});
  }
}

/** json.Marshal of DowngradeInfo. */
export function saveDowngrade(batch: BatchTx, {enabled, targetVersion}: DowngradeInfo): void {
  const text = `{"target-version":${JSON.stringify(targetVersion)},"enabled":${enabled}}`;
  batch.put('cluster', DOWNGRADE, jsonBytes(text));
}
