// server-core/etcdserverpb/rpc.ts: every RPC of the v3 API by its full gRPC name, with the codecs of its messages.
// Which of them a release serves is the API layer's to say.
import * as auth from './auth-messages.ts';
import * as cluster from './cluster-messages.ts';
import * as concurrency from './concurrency-messages.ts';
import {emptyRequest, headerOnly} from './header-message.ts';
import * as kv from './kv-messages.ts';
import * as lease from './lease-messages.ts';
import * as maintenance from './maintenance-messages.ts';
import type {Message} from './message.ts';
import * as watch from './watch-messages.ts';

/** How requests and responses follow each other. */
export type RpcKind = 'unary' | 'server-stream' | 'bidirectional';

export interface Rpc {
  readonly kind: RpcKind;
  readonly request: Message<object>;
  readonly response: Message<object>;
}

const rpc = (kind: RpcKind, request: Message<never>, response: Message<never>): Rpc => ({
  kind,
  request: request as unknown as Message<object>,
  response: response as unknown as Message<object>,
});
const unary = (request: unknown, response: unknown): Rpc =>
  rpc('unary', request as Message<never>, response as Message<never>);

const TABLE = {
  '/etcdserverpb.KV/Range': unary(kv.rangeRequestMessage, kv.rangeResponseMessage),
  '/etcdserverpb.KV/RangeStream': {...unary(kv.rangeRequestMessage, kv.rangeStreamResponse), kind: 'server-stream'},
  '/etcdserverpb.KV/Put': unary(kv.putRequestMessage, kv.putResponseMessage),
  '/etcdserverpb.KV/DeleteRange': unary(kv.deleteRangeRequestMessage, kv.deleteRangeResponseMessage),
  '/etcdserverpb.KV/Txn': unary(kv.txnRequestMessage, kv.txnResponseMessage),
  '/etcdserverpb.KV/Compact': unary(kv.compactionRequestMessage, kv.compactionResponseMessage),
  '/etcdserverpb.Watch/Watch': {...unary(watch.watchRequest, watch.watchResponse), kind: 'bidirectional'},
  '/etcdserverpb.Lease/LeaseGrant': unary(lease.leaseGrantRequest, lease.leaseGrantResponse),
  '/etcdserverpb.Lease/LeaseRevoke': unary(lease.leaseRevokeRequest, lease.leaseRevokeResponse),
  '/etcdserverpb.Lease/LeaseKeepAlive': {
    ...unary(lease.leaseKeepAliveRequest, lease.leaseKeepAliveResponse),
    kind: 'bidirectional',
  },
  '/etcdserverpb.Lease/LeaseTimeToLive': unary(lease.leaseTimeToLiveRequest, lease.leaseTimeToLiveResponse),
  '/etcdserverpb.Lease/LeaseLeases': unary(lease.leaseLeasesRequest, lease.leaseLeasesResponse),
  '/etcdserverpb.Cluster/MemberAdd': unary(cluster.memberAddRequest, cluster.memberAddResponse),
  '/etcdserverpb.Cluster/MemberRemove': unary(cluster.memberRemoveRequest, cluster.membersResponse),
  '/etcdserverpb.Cluster/MemberUpdate': unary(cluster.memberUpdateRequest, cluster.membersResponse),
  '/etcdserverpb.Cluster/MemberList': unary(cluster.memberListRequest, cluster.membersResponse),
  '/etcdserverpb.Cluster/MemberPromote': unary(cluster.memberPromoteRequest, cluster.membersResponse),
  '/etcdserverpb.Maintenance/Alarm': unary(maintenance.alarmRequest, maintenance.alarmResponse),
  '/etcdserverpb.Maintenance/Status': unary(maintenance.statusRequest, maintenance.statusResponse),
  '/etcdserverpb.Maintenance/Defragment': unary(maintenance.defragmentRequest, headerOnly),
  '/etcdserverpb.Maintenance/Hash': unary(maintenance.hashRequest, maintenance.hashResponse),
  '/etcdserverpb.Maintenance/HashKV': unary(maintenance.hashKvRequest, maintenance.hashKvResponse),
  '/etcdserverpb.Maintenance/Snapshot': {
    ...unary(maintenance.snapshotRequest, maintenance.snapshotResponse),
    kind: 'server-stream',
  },
  '/etcdserverpb.Maintenance/MoveLeader': unary(maintenance.moveLeaderRequest, headerOnly),
  '/etcdserverpb.Maintenance/Downgrade': unary(maintenance.downgradeRequest, maintenance.downgradeResponse),
  '/etcdserverpb.Auth/AuthEnable': unary(auth.authEnableRequest, headerOnly),
  '/etcdserverpb.Auth/AuthDisable': unary(auth.authDisableRequest, headerOnly),
  '/etcdserverpb.Auth/AuthStatus': unary(auth.authStatusRequest, auth.authStatusResponse),
  '/etcdserverpb.Auth/Authenticate': unary(auth.authenticateRequest, auth.authenticateResponse),
  '/etcdserverpb.Auth/UserAdd': unary(auth.authUserAddRequest, headerOnly),
  '/etcdserverpb.Auth/UserGet': unary(auth.authUserGetRequest, auth.authUserGetResponse),
  '/etcdserverpb.Auth/UserList': unary(emptyRequest, auth.authUserListResponse),
  '/etcdserverpb.Auth/UserDelete': unary(auth.authUserDeleteRequest, headerOnly),
  '/etcdserverpb.Auth/UserChangePassword': unary(auth.authUserChangePasswordRequest, headerOnly),
  '/etcdserverpb.Auth/UserGrantRole': unary(auth.authUserGrantRoleRequest, headerOnly),
  '/etcdserverpb.Auth/UserRevokeRole': unary(auth.authUserRevokeRoleRequest, headerOnly),
  '/etcdserverpb.Auth/RoleAdd': unary(auth.authRoleAddRequest, headerOnly),
  '/etcdserverpb.Auth/RoleGet': unary(auth.authRoleGetRequest, auth.authRoleGetResponse),
  '/etcdserverpb.Auth/RoleList': unary(emptyRequest, auth.authRoleListResponse),
  '/etcdserverpb.Auth/RoleDelete': unary(auth.authRoleDeleteRequest, headerOnly),
  '/etcdserverpb.Auth/RoleGrantPermission': unary(auth.authRoleGrantPermissionRequest, headerOnly),
  '/etcdserverpb.Auth/RoleRevokePermission': unary(auth.authRoleRevokePermissionRequest, headerOnly),
  '/v3electionpb.Election/Campaign': unary(concurrency.campaignRequest, concurrency.campaignResponse),
  '/v3electionpb.Election/Proclaim': unary(concurrency.proclaimRequest, headerOnly),
  '/v3electionpb.Election/Leader': unary(concurrency.leaderRequest, concurrency.leaderResponse),
  '/v3electionpb.Election/Observe': {
    ...unary(concurrency.leaderRequest, concurrency.leaderResponse),
    kind: 'server-stream',
  },
  '/v3electionpb.Election/Resign': unary(concurrency.resignRequest, headerOnly),
  '/v3lockpb.Lock/Lock': unary(concurrency.lockRequest, concurrency.lockResponse),
  '/v3lockpb.Lock/Unlock': unary(concurrency.unlockRequest, headerOnly),
} as const satisfies Record<string, Rpc>;

/** The full name of an RPC. */
export type Method = keyof typeof TABLE;

export const RPCS: Readonly<Record<Method, Rpc>> = TABLE;

/** Is there an RPC of that name in any release? */
export function isMethod(name: string): name is Method {
  return Object.hasOwn(TABLE, name);
}
