// server-core/membership/identity.ts: ids follow from names and URLs. etcd: membership/member.go computeMemberID, cluster.go genID.
import {sha1} from '@noble/hashes/legacy.js';
import {concatBytes, hexOf} from '../../base/byte-string.ts';
import type {ClusterId, MemberId} from '../../base/ids.ts';
import {idToWords, toId64, toMemberId} from '../../base/ids.ts';

/** The id of a member that the initial cluster names: the first 8 bytes of SHA-1 over its sorted peer URLs and the token. */
export function memberIdOf(peerUrls: readonly string[], clusterToken: string): MemberId {
  const text = [...peerUrls].sort().join('') + clusterToken;
  return toMemberId(firstEightBytes(new TextEncoder().encode(text)));
}

/** The id of a member that is added to a running cluster: the time in seconds stands for the token. computeMemberId. */
export function addedMemberIdOf(peerUrls: readonly string[], wallSeconds: number): MemberId {
  return memberIdOf(peerUrls, String(wallSeconds));
}

/** The id of a cluster: the first 8 bytes of SHA-1 over its members' ids, sorted, 8 bytes each. */
export function clusterIdOf(members: readonly MemberId[]): ClusterId {
  const parts = [...members].sort().map((id) => {
    const bytes = new Uint8Array(8);
    const view = new DataView(bytes.buffer);
    const {high, low} = idToWords(id);
    view.setUint32(0, high);
    view.setUint32(4, low);
    return bytes;
  });
  return toId64(firstEightBytes(concatBytes(parts))) as ClusterId;
}

function firstEightBytes(bytes: Uint8Array): string {
  return hexOf(sha1(bytes).subarray(0, 8));
}
