// server-core/raftpb/decimal-id.ts: member ids as decimal numbers, the way raft prints configurations and states.
import type {MemberId} from '../../base/ids.ts';
import {toMemberId} from '../../base/ids.ts';

/** As Go's %d prints the 64-bit id. */
export function formatDecimalId(id: MemberId): string {
  return BigInt(`0x${id}`).toString(10);
}

/** The id of a decimal number that fits 64 bits; undefined for anything else. */
export function parseDecimalId(text: string): MemberId | undefined {
  if (!/^[0-9]{1,20}$/.test(text)) return undefined;
  const hex = BigInt(text).toString(16);
  return hex.length > 16 ? undefined : toMemberId(hex);
}
