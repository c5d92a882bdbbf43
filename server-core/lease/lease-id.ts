// server-core/lease/lease-id.ts: lease ids as etcd orders and stores them. They are int64 there: an id from 8000000000000000 up is
// negative and sorts first, while the bucket's keys, big-endian bytes, put it last.
import type {ByteString} from '../../base/byte-string.ts';
import type {LeaseId} from '../../base/ids.ts';

/** Is the id below zero as etcd reads it? */
export function isNegativeId(id: LeaseId): boolean {
  return id >= '8';
}

/** Total order of ids by their signed value. */
export function compareLeaseIds(a: LeaseId, b: LeaseId): number {
  const sign = Number(isNegativeId(b)) - Number(isNegativeId(a));
  if (sign !== 0) return sign;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The bucket's key: 8 bytes, big-endian. etcd: int64ToBytes. */
export function leaseKey(id: LeaseId): ByteString {
  let key = '';
  for (let at = 0; at < 16; at += 2) key += String.fromCharCode(Number.parseInt(id.slice(at, at + 2), 16));
  return key;
}
