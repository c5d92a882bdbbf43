// server-core/api/early-errors.ts: the gRPC codes of refusals in 3.0, which were put in order with 3.1. Texts are the same.
// etcd 3.0: v3rpc/util.go (togRPCError), rpctypes/error.go, member.go, lease.go.
import {isSince} from '../release/release.ts';
import type {GrpcCode} from '../server/errors.ts';
import type {CallFailure, Method} from './payloads.ts';

/** Says a refusal as the release does. */
export type Wording = (method: Method, failure: CallFailure) => CallFailure;

/** The wording of a release; undefined from 3.1 on, where refusals come with their code. */
export function wordingOf(release: string): Wording | undefined {
  return isSince(release, '3.1.0')
    ? undefined
    : (method, {code, message}) => ({code: codeIn30(method, code, message), message});
}

const DENIED = 'etcdserver: permission denied';
/** What no table of 3.0 knows comes out as Internal. */
const UNMAPPED: ReadonlySet<string> = new Set([
  'etcdserver: invalid auth token',
  'etcdserver: re-configuration failed due to not enough started members',
]);

function codeIn30(method: Method, code: GrpcCode, message: string): GrpcCode {
  // LeaseGrant hands on what it gets: gRPC calls an error without a code Unknown.
  if (method === '/etcdserverpb.Lease/LeaseGrant' && code === 'Unavailable') return 'Unknown';
  if (message === DENIED) return 'FailedPrecondition';
  return code === 'Unknown' || UNMAPPED.has(message) ? 'Internal' : code;
}
