// server-core/lease/peer-lease.ts: leases between members: a member that does not lead asks the leader over the peer port.
// etcd: lease/leasehttp/http.go. Both ends are here. Requests are POSTs; other methods do not come.
// Not modelled: a request without its inner message, at which the real handler dies; no member sends one.
import {toBytes} from '../../base/byte-string.ts';
import type {LeaseId} from '../../base/ids.ts';
import {WireError} from '../../base/wire.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {LeaseTimeToLiveRequest, LeaseTimeToLiveResponse} from '../etcdserverpb/lease-messages.ts';
import {
  leaseInternalRequest,
  leaseInternalResponse,
  leaseKeepAliveRequest,
  leaseKeepAliveResponse,
  leaseTimeToLiveRequest,
  leaseTimeToLiveResponse,
} from '../etcdserverpb/lease-messages.ts';
import type {Message} from '../etcdserverpb/message.ts';
import {revisionHeader} from '../etcdserverpb/types.ts';
import type {Answer} from './errors.ts';
import {ERR_LEASE_NOT_FOUND, ERR_NOT_PRIMARY, ok} from './errors.ts';
import type {Lease} from './lease.ts';
import type {LeaseHost, PeerAnswer} from './ports.ts';
import {LEASE_INTERNAL_PATH, LEASE_PATH} from './ports.ts';

const STATUS_OK = 200;
const STATUS_BAD_REQUEST = 400;
const STATUS_NOT_FOUND = 404;
const STATUS_REQUEST_TIMEOUT = 408;
const STATUS_TOO_LARGE = 413;
const STATUS_INTERNAL = 500;
const NOT_FOUND_TEXT = 'lease not found';

/** Go's http.Error: the text and a line feed. */
function failure(status: number, text: string): PeerAnswer {
  return {status, body: toBytes(`${text}\n`)};
}

/** Answers another member's question. Paths are LEASE_PATH and LEASE_INTERNAL_PATH. etcd: leaseHandler.ServeHTTP. */
export function* handlePeerLease<Caller>(host: LeaseHost<Caller>, path: string, body: Uint8Array): Fiber<PeerAnswer> {
  if (body.length > (host.behaviours.peerRequestSizeMax ?? body.length)) {
    return failure(STATUS_TOO_LARGE, 'request body too large');
  }
  if (path === LEASE_PATH) return yield* handleRenew(host, body);
  if (path === LEASE_INTERNAL_PATH) return yield* handleTimeToLive(host, body);
  return failure(STATUS_BAD_REQUEST, `unknown request path "${path}"`);
}

function* handleRenew<Caller>(host: LeaseHost<Caller>, body: Uint8Array): Fiber<PeerAnswer> {
  const request = decodeOr(leaseKeepAliveRequest, body);
  if (request === undefined) return failure(STATUS_BAD_REQUEST, 'error unmarshalling request');
  const late = yield* waitForApply(host);
  if (late !== undefined) return late;
  const {failpoints} = host.env;
  if (failpoints.armed) yield* failpoints.hit('beforeServeHTTPLeaseRenew');
  const renewed = yield* host.lessor.renew(request.id);
  if (renewed === ERR_LEASE_NOT_FOUND) return failure(STATUS_NOT_FOUND, NOT_FOUND_TEXT);
  if (renewed.kind === 'error') return failure(STATUS_BAD_REQUEST, renewed.message);
  const response = leaseKeepAliveResponse.make({id: request.id, ttl: renewed.response});
  return {status: STATUS_OK, body: leaseKeepAliveResponse.encode(response)};
}

function* handleTimeToLive<Caller>(host: LeaseHost<Caller>, body: Uint8Array): Fiber<PeerAnswer> {
  const request = decodeOr(leaseInternalRequest, body)?.request;
  if (request === undefined) return failure(STATUS_BAD_REQUEST, 'error unmarshalling request');
  const late = yield* waitForApply(host);
  if (late !== undefined) return late;
  const {failpoints} = host.env;
  if (failpoints.armed) yield* failpoints.hit('beforeLookupWhenForwardLeaseTimeToLive');
  const lease = host.lessor.lookup(request.id);
  if (lease === undefined) return failure(STATUS_NOT_FOUND, NOT_FOUND_TEXT);
  if (lease.isDemoted) host.env.trace.mark('lease: time to live asked of a lease without an end');
  if (host.behaviours.refusesDemotedTtl && lease.isDemoted) return failure(STATUS_INTERNAL, ERR_NOT_PRIMARY.message);
  const response = describeLease(lease, request, host.env.clock.monotonicUs());
  return {status: STATUS_OK, body: leaseInternalResponse.encode({response})};
}

/** Every release waits here, even those that do not when a client asks the leader itself. */
function* waitForApply<Caller>(host: LeaseHost<Caller>): Fiber<PeerAnswer | undefined> {
  if ((yield* host.waitAppliedIndex()) === undefined) return undefined;
  return failure(STATUS_REQUEST_TIMEOUT, 'waiting for node to catch up its applied index has timed out');
}

/** A lease as a time-to-live answer shows it; the header is empty. */
export function describeLease(lease: Lease, request: LeaseTimeToLiveRequest, nowUs: number): LeaseTimeToLiveResponse {
  return leaseTimeToLiveResponse.make({
    header: revisionHeader(0),
    id: lease.id,
    ttl: lease.remainingSeconds(nowUs),
    grantedTtl: lease.ttl,
    keys: request.keys ? lease.keys() : [],
  });
}

/** Asks the leader for a renewal; undefined where it has to be asked again. etcd: RenewHTTP. */
export function* renewAtLeader<Caller>(
  host: LeaseHost<Caller>,
  id: LeaseId,
  timeoutUs: number,
): Fiber<Answer<number> | undefined> {
  const body = leaseKeepAliveRequest.encode({id});
  const answer = yield* host.askLeader(LEASE_PATH, body, timeoutUs);
  if (answer?.status === STATUS_NOT_FOUND) return ERR_LEASE_NOT_FOUND;
  const response = decodeAnswer(leaseKeepAliveResponse, answer);
  return response?.id === id ? ok(response.ttl) : undefined;
}

/** Asks the leader for a time-to-live; undefined where it has to be asked again. etcd: TimeToLiveHTTP. */
export function* timeToLiveAtLeader<Caller>(
  host: LeaseHost<Caller>,
  request: LeaseTimeToLiveRequest,
  timeoutUs: number,
): Fiber<Answer<LeaseTimeToLiveResponse> | undefined> {
  const body = leaseInternalRequest.encode({request: leaseTimeToLiveRequest.make(request)});
  const answer = yield* host.askLeader(LEASE_INTERNAL_PATH, body, timeoutUs);
  if (answer?.status === STATUS_NOT_FOUND) return ERR_LEASE_NOT_FOUND;
  const response = decodeAnswer(leaseInternalResponse, answer)?.response;
  return response?.id === request.id ? ok(response) : undefined;
}

function decodeAnswer<T>(message: Message<T>, answer: PeerAnswer | undefined): T | undefined {
  return answer?.status === STATUS_OK ? decodeOr(message, answer.body) : undefined;
}

function decodeOr<T>(message: Message<T>, bytes: Uint8Array): T | undefined {
  try {
    return message.decode(bytes);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
