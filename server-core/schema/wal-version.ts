// server-core/schema/wal-version.ts: the oldest release that could read these entries. etcd 3.6: wal/version.go, which takes it from
// annotations on every message, field and enum value. Here: by kind of request; among what 3.5 does not know, nothing but the test request
// counts, and a store is never brought below 3.5, so finer steps could not change a decision.
import {WireError} from '../../base/wire.ts';
import type {RaftRequestBody} from '../etcdserverpb/raft-request.ts';
import {decodeEntryRequest} from '../etcdserverpb/v2-request.ts';
import type {Entry} from '../raftpb/types.ts';
import {compareReleases, parseRelease, releaseOf} from '../release/release.ts';

const OLDEST = '3.0.0';

/** `3.5.0`: the highest of what the entries need. */
export function walVersionOf(entries: readonly Entry[]): string {
  let highest = OLDEST;
  for (const entry of entries) {
    const needed = versionOf(entry);
    if (compareReleases(releaseOf(needed), releaseOf(highest)) > 0) highest = needed;
  }
  return highest;
}

function versionOf(entry: Entry): string {
  if (entry.type === 'EntryConfChangeV2') return '3.4.0';
  if (entry.type !== 'EntryNormal' || entry.data === undefined || entry.data.length === 0) return OLDEST;
  try {
    const request = decodeEntryRequest(entry.data, {takesV2: true});
    return request.kind === 'v2' ? OLDEST : kindVersion(request.request.body);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return OLDEST;
  }
}

function kindVersion(body: RaftRequestBody): string {
  switch (body.kind) {
    case 'lease-checkpoint':
      return '3.4.0';
    case 'auth-status':
    case 'cluster-version-set':
    case 'cluster-member-attr-set':
    case 'downgrade-info-set':
      return '3.5.0';
    case 'downgrade-version-test':
      return parseRelease(body.request.ver) === undefined ? '3.6.0' : body.request.ver;
    default:
      return OLDEST;
  }
}
