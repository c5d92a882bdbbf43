// server-core/etcdserverpb/lease-messages.ts: the Lease service's messages, the lease as stored, and what members ask each other.
// Source: rpc.proto, server/lease/leasepb/lease.proto at v3.6.0. TTLs are whole seconds.
import {headerOnly, responseHeader} from './header-message.ts';
import type {MessageOf} from './message.ts';
import {bool, int, leaseId, list, message, nested, text, texts} from './message.ts';

export const leaseGrantRequest = message({ttl: int(1), id: leaseId(2)});
export const leaseGrantResponse = message({
  header: nested(1, responseHeader),
  id: leaseId(2),
  ttl: int(3),
  error: text(4),
});
export const leaseRevokeRequest = message({id: leaseId(1)});
export const leaseRevokeResponse = headerOnly;
export const leaseCheckpoint = message({id: leaseId(1), remainingTtl: int(2)});
export const leaseCheckpointRequest = message({checkpoints: list(1, leaseCheckpoint)});
export const leaseKeepAliveRequest = message({id: leaseId(1)});
export const leaseKeepAliveResponse = message({header: nested(1, responseHeader), id: leaseId(2), ttl: int(3)});
export const leaseTimeToLiveRequest = message({id: leaseId(1), keys: bool(2)});
export const leaseTimeToLiveResponse = message({
  header: nested(1, responseHeader),
  id: leaseId(2),
  ttl: int(3),
  grantedTtl: int(4),
  keys: texts(5),
});
export const leaseLeasesRequest = message({});
export const leaseStatus = message({id: leaseId(1)});
export const leaseLeasesResponse = message({header: nested(1, responseHeader), leases: list(2, leaseStatus)});
/** leasepb.Lease: the record in bucket `lease`. */
export const storedLease = message({id: leaseId(1), ttl: int(2), remainingTtl: int(3)});
/** leasepb.LeaseInternalRequest and -Response: /leases/internal between members. */
export const leaseInternalRequest = message({request: nested(1, leaseTimeToLiveRequest)});
export const leaseInternalResponse = message({response: nested(1, leaseTimeToLiveResponse)});

export type LeaseGrantRequest = MessageOf<typeof leaseGrantRequest>;
export type LeaseGrantResponse = MessageOf<typeof leaseGrantResponse>;
export type LeaseRevokeRequest = MessageOf<typeof leaseRevokeRequest>;
export type LeaseRevokeResponse = MessageOf<typeof leaseRevokeResponse>;
export type LeaseCheckpoint = MessageOf<typeof leaseCheckpoint>;
export type LeaseCheckpointRequest = MessageOf<typeof leaseCheckpointRequest>;
export type LeaseKeepAliveRequest = MessageOf<typeof leaseKeepAliveRequest>;
export type LeaseKeepAliveResponse = MessageOf<typeof leaseKeepAliveResponse>;
export type LeaseTimeToLiveRequest = MessageOf<typeof leaseTimeToLiveRequest>;
export type LeaseTimeToLiveResponse = MessageOf<typeof leaseTimeToLiveResponse>;
export type LeaseLeasesResponse = MessageOf<typeof leaseLeasesResponse>;
export type StoredLease = MessageOf<typeof storedLease>;
