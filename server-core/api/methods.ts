// server-core/api/methods.ts: which methods a release's client port serves, and how gRPC refuses the others.
// Only methods that came behind 3.0 are named here; etcd: rpc.proto of each tag, api/v3rpc/grpc.go, api/v3lock, api/v3election.
import {isMethod, type Method} from '../etcdserverpb/rpc.ts';
import {isSince} from '../release/release.ts';

/** The first release of a method that 3.0.0 has not. */
const FIRST_RELEASES: Readonly<Partial<Record<Method, string>>> = Object.freeze({
  '/etcdserverpb.Lease/LeaseTimeToLive': '3.1.0',
  '/v3lockpb.Lock/Lock': '3.2.0',
  '/v3lockpb.Lock/Unlock': '3.2.0',
  '/v3electionpb.Election/Campaign': '3.2.0',
  '/v3electionpb.Election/Proclaim': '3.2.0',
  '/v3electionpb.Election/Leader': '3.2.0',
  '/v3electionpb.Election/Observe': '3.2.0',
  '/v3electionpb.Election/Resign': '3.2.0',
  '/etcdserverpb.Lease/LeaseLeases': '3.3.0',
  '/etcdserverpb.Maintenance/HashKV': '3.3.0',
  '/etcdserverpb.Maintenance/MoveLeader': '3.3.0',
  '/etcdserverpb.Cluster/MemberPromote': '3.4.0',
  '/etcdserverpb.Auth/AuthStatus': '3.5.0',
  '/etcdserverpb.Maintenance/Downgrade': '3.5.0',
  '/etcdserverpb.KV/RangeStream': '3.7.0',
});

/** Does the release serve that method? */
export function isServed(release: string, method: Method): boolean {
  const first = FIRST_RELEASES[method];
  return first === undefined || isSince(release, first);
}

/** The handlers of those methods that the release serves. */
export function servedOf<Handler>(
  release: string,
  handlers: Readonly<Partial<Record<Method, Handler>>>,
): Partial<Record<Method, Handler>> {
  const served: Partial<Record<Method, Handler>> = {};
  for (const [method, handler] of Object.entries(handlers)) {
    if (isMethod(method) && isServed(release, method)) served[method] = handler;
  }
  return served;
}

/**
 * What gRPC says of a method that is not served. The grpc-go of releases before 3.3.14 does not name the service beside the method;
 * of Lock and Election, whose services came with 3.2, it says that there is no such service. grpc-go: Server.handleStream.
 */
export function unknownMethodText(release: string, method: Method): string {
  const [, service = '', name = ''] = method.split('/');
  if (service.startsWith('v3') && !isServed(release, method)) return `unknown service ${service}`;
  return isSince(release, '3.3.14', '3.4.0')
    ? `unknown method ${name} for service ${service}`
    : `unknown method ${name}`;
}
