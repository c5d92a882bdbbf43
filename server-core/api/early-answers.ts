// server-core/api/early-answers.ts: answers of 3.0 as they were before 3.1 put them in order: codes of refusals, and no headers on those of
// the Auth service. etcd 3.0: v3rpc/util.go (togRPCError), rpctypes/error.go, member.go, lease.go, maintenance.go, auth.go.
import {isSince} from '../release/release.ts';
import type {Answer} from '../server/kv-api.ts';
import type {CallFailure, Method} from './payloads.ts';

/** Says an answer as the release does. */
export type Wording = (method: Method, answer: Answer<object>) => Answer<object>;

/** The wording of a release; undefined from 3.1 on, where answers come as they should. */
export function wordingOf(release: string): Wording | undefined {
  return isSince(release, '3.1.0') ? undefined : in30;
}

function in30(method: Method, answer: Answer<object>): Answer<object> {
  if (answer.kind === 'error') return {...answer, ...failureIn30(method, answer)};
  return method.startsWith('/etcdserverpb.Auth/')
    ? {kind: 'ok', response: {...answer.response, header: undefined}}
    : answer;
}

/** These two hand on what they get: gRPC calls an error without a code Unknown, and the text is the server's own. */
const UNMAPPED_CALLS: ReadonlySet<Method> = new Set<Method>([
  '/etcdserverpb.Lease/LeaseGrant',
  '/etcdserverpb.Maintenance/Alarm',
]);
const DENIED = 'etcdserver: permission denied';
const LEASE_EXISTS = 'etcdserver: lease already exists';
/** The server's own words for what clients read otherwise. */
const OWN_WORDS: ReadonlyMap<string, string> = new Map([
  ['etcdserver: mvcc: database space exceeded', 'etcdserver: no space'],
  ['auth: invalid auth token', 'etcdserver: invalid auth token'],
]);
/** What no table of 3.0 knows comes out as Internal. */
const UNMAPPED: ReadonlySet<string> = new Set([
  'etcdserver: invalid auth token',
  'etcdserver: re-configuration failed due to not enough started members',
]);

function failureIn30(method: Method, {code, message}: CallFailure): CallFailure {
  if (UNMAPPED_CALLS.has(method) && message !== LEASE_EXISTS) {
    return {code: 'Unknown', message: OWN_WORDS.get(message) ?? message};
  }
  if (message === DENIED) return {code: 'FailedPrecondition', message};
  return code === 'Unknown' || UNMAPPED.has(message) ? {code: 'Internal', message} : {code, message};
}
