// server-core/lease/lease.ts: one lease in memory. etcd: lease/lease.go.
// Times are microseconds of the machine's monotonic clock, TTLs whole seconds.
import type {ByteString} from '../../base/byte-string.ts';
import {compareByteStrings} from '../../base/byte-string.ts';
import type {LeaseId} from '../../base/ids.ts';
import {Signal} from '../../env/fiber.ts';
import {compareLeaseIds} from './lease-id.ts';

/** The expiry of a lease whose end is another member's business. */
export const FOREVER = Number.POSITIVE_INFINITY;
export const SECOND_US = 1_000_000;
/** Whole seconds in Go's longest duration, 2^63-1 ns: what a lease without an expiry shows as its TTL. */
export const FOREVER_TTL = 9_223_372_036;

export class Lease {
  readonly id: LeaseId;
  /** As granted, or the minimum if that is more. */
  readonly ttl: number;
  /** Seconds that were left at the last checkpoint; 0: none was made, the whole TTL counts. */
  remainingTtl: number;
  /** When it expires, or FOREVER on a member that is not the primary. */
  expiryUs: number = FOREVER;
  /** Revoked, and out of the lessor. */
  isRevoked = false;
  /** Notified when isRevoked comes true. */
  readonly revoked = new Signal();
  private readonly attached = new Set<ByteString>();

  constructor(id: LeaseId, ttl: number, remainingTtl = 0) {
    this.id = id;
    this.ttl = ttl;
    this.remainingTtl = remainingTtl;
  }

  /** The seconds a fresh term of the lease has. etcd: getRemainingTTL. */
  get termTtl(): number {
    return this.remainingTtl > 0 ? this.remainingTtl : this.ttl;
  }

  /** Begins a term now. */
  refresh(nowUs: number, extendUs: number): void {
    this.expiryUs = nowUs + extendUs + this.termTtl * SECOND_US;
  }

  /** Has no end on this member: it is not the primary, or was demoted. */
  get isDemoted(): boolean {
    return this.expiryUs === FOREVER;
  }

  isExpired(nowUs: number): boolean {
    return this.expiryUs <= nowUs;
  }

  /** Whole seconds left, towards zero; negative once it is overdue. etcd: int64(Remaining().Seconds()). */
  remainingSeconds(nowUs: number): number {
    if (this.expiryUs === FOREVER) return FOREVER_TTL;
    return Math.trunc((this.expiryUs - nowUs) / SECOND_US) + 0;
  }

  attach(key: ByteString): void {
    this.attached.add(key);
  }

  detach(key: ByteString): void {
    this.attached.delete(key);
  }

  get keyCount(): number {
    return this.attached.size;
  }

  /** The attached keys in byte order. etcd hands them out in a map's order and sorts them where it matters: in a revoke. */
  keys(): ByteString[] {
    return [...this.attached].sort(compareByteStrings);
  }
}

/** Total order by the end of the term, then by id. etcd: leasesByExpiry, which leaves equal ends to chance. */
export function compareLeases(a: Lease, b: Lease): number {
  if (a.expiryUs !== b.expiryUs) return a.expiryUs < b.expiryUs ? -1 : 1;
  return compareLeaseIds(a.id, b.id);
}
