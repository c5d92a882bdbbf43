// server-core/lease/lease-bucket.ts: leases as they are stored. etcd: storage/schema/lease.go, lessor.go (initAndRecover).
// Stored are id, TTL and, where checkpoints are stored, the remaining TTL; the keys come back with the key-value store.
import type {LeaseId} from '../../base/ids.ts';
import type {BatchTx} from '../backend/types.ts';
import type {StoredLease} from '../etcdserverpb/lease-messages.ts';
import {storedLease} from '../etcdserverpb/lease-messages.ts';
import {leaseKey} from './lease-id.ts';

const FIRST_KEY = '\0'.repeat(8);
const HIGHEST_KEY = `\x7f${'\xff'.repeat(7)}`;

/** Makes the bucket where it is missing. */
export function createLeaseBucket(batch: BatchTx): void {
  batch.createBucket('lease');
}

/** Stores a lease, over what was stored of it before. */
export function putLease(batch: BatchTx, lease: StoredLease): void {
  batch.put('lease', leaseKey(lease.id), storedLease.encode(lease));
}

/** Drops a stored lease; fine when there is none. */
export function deleteLease(batch: BatchTx, id: LeaseId): void {
  batch.delete('lease', leaseKey(id));
}

/** Every stored lease in the order of the keys; `all: false` leaves out negative ids and the highest one (issue 12535). */
export function readLeases(batch: BatchTx, {all}: {readonly all: boolean}): StoredLease[] {
  const leases: StoredLease[] = [];
  if (all) batch.forEach('lease', (_key, value) => leases.push(storedLease.decode(value)));
  else for (const {value} of batch.range('lease', FIRST_KEY, HIGHEST_KEY, 0)) leases.push(storedLease.decode(value));
  return leases;
}
