// server-core/api/make-services.ts: a server's services put behind its client port, each under its gRPC name.
// etcd: api/v3rpc/grpc.go (Server), embed/serve.go for the Election and Lock services and the plain paths.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {until} from '../../env/fiber.ts';
import {AuthApi} from '../auth/auth-api.ts';
import {callerOf, watchRefusal} from '../auth/call-checks.ts';
import {concurrencyBehaviours} from '../concurrency/behaviours.ts';
import {ElectionApi} from '../concurrency/election-api.ts';
import {LockApi} from '../concurrency/lock-api.ts';
import type {Asker, ConcurrencyHost} from '../concurrency/waiting.ts';
import {WatchCarrier} from '../concurrency/waiting.ts';
import type {LeaderRequest} from '../etcdserverpb/concurrency-messages.ts';
import type {LeaseKeepAliveRequest, LeaseKeepAliveResponse} from '../etcdserverpb/lease-messages.ts';
import type {ServerStream} from '../etcdserverpb/server-stream.ts';
import type {RangeRequest} from '../etcdserverpb/types.ts';
import {NO_LEASE} from '../etcdserverpb/types.ts';
import type {WatchRequest, WatchResponse} from '../etcdserverpb/watch-messages.ts';
import {LeaseApi, serveKeepAlive} from '../lease/lease-api.ts';
import type {ServerConfig} from '../server/config.ts';
import {ERR_NO_SPACE} from '../server/errors.ts';
import type {Caller} from '../server/lease-host.ts';
import type {EtcdServer} from '../server/server.ts';
import {serveWatch} from '../watch/serve-watch.ts';
import type {OpenCall} from './call-context.ts';
import type {ClientServices} from './client-port.ts';
import {wordingOf} from './early-answers.ts';
import {HealthApi, healthBehaviours, METHOD_NOT_ALLOWED} from './health.ts';
import {servedOf, unknownMethodText} from './methods.ts';
import {metricsText} from './metrics.ts';
import type {CallFailure, Method} from './payloads.ts';
import type {StreamHandler, UnaryHandler} from './services.ts';
import {Services} from './services.ts';

type Unary = Partial<Record<Method, UnaryHandler>>;
type Streams = Partial<Record<Method, StreamHandler>>;

/** The services of one member, by what its release serves. */
export function makeServices(env: Env, config: ServerConfig, server: EtcdServer): ClientServices {
  const {behaviours} = server;
  const lease = new LeaseApi<Caller>(server.leases);
  const concurrency = concurrencyHost(env, server, lease);
  return new Services({
    env,
    electionTimeoutUs: config.electionTicks * config.tickMs * 1000,
    unary: servedOf<UnaryHandler>(config.release, {
      ...kvMethods(server),
      ...leaseMethods(server, lease),
      ...maintenanceMethods(server),
      ...clusterMethods(server),
      ...authMethods(env, server),
      ...concurrencyMethods(concurrency, config),
    }),
    streams: servedOf<StreamHandler>(config.release, streamMethods(env, config, server, concurrency)),
    http: httpHandler(env, server, config),
    hasLeader: () => server.hasLeader,
    isLearner: () => behaviours.hasLearners && server.isLearner,
    learnerRefusalCode: behaviours.refusalsAreFailedPrecondition ? 'FailedPrecondition' : 'Unavailable',
    isCapable: () => !behaviours.gatesApi || server.isClusterAtLeast('3.0.0'),
    wording: wordingOf(config.release),
    unknownMethod: (method) => unknownMethodText(config.release, method),
  });
}

function kvMethods({kv}: EtcdServer): Unary {
  return {
    '/etcdserverpb.KV/Range': (request, {metadata}) => kv.range(request, metadata.token),
    '/etcdserverpb.KV/Put': (request, {metadata}) => kv.put(request, metadata.token),
    '/etcdserverpb.KV/DeleteRange': (request, {metadata}) => kv.deleteRange(request, metadata.token),
    '/etcdserverpb.KV/Txn': (request, {metadata}) => kv.txn(request, metadata.token),
    '/etcdserverpb.KV/Compact': (request, {metadata}) => kv.compact(request, metadata.token),
  };
}

const callerIn = ({metadata}: OpenCall): Caller => ({token: metadata.token});

function leaseMethods({applier, maintenance}: EtcdServer, lease: LeaseApi<Caller>): Unary {
  return {
    '/etcdserverpb.Lease/LeaseGrant': function* (request: Parameters<typeof lease.grant>[0], call) {
      if (!applier.quota.hasRoomForLease()) {
        yield* maintenance.raiseNoSpace();
        return ERR_NO_SPACE;
      }
      return yield* lease.grant(request, callerIn(call));
    },
    '/etcdserverpb.Lease/LeaseRevoke': (request, call) => lease.revoke(request, callerIn(call)),
    '/etcdserverpb.Lease/LeaseTimeToLive': (request, call) => lease.timeToLive(request, callerIn(call)),
    '/etcdserverpb.Lease/LeaseLeases': (_request, call) => lease.leases(callerIn(call)),
  };
}

function maintenanceMethods({maintenance, clusterApi}: EtcdServer): Unary {
  return {
    '/etcdserverpb.Maintenance/Alarm': (request, {metadata}) => maintenance.alarm(request, metadata.token),
    '/etcdserverpb.Maintenance/Status': (_request, {metadata}) => maintenance.status(metadata.token),
    '/etcdserverpb.Maintenance/Hash': (_request, {metadata}) => maintenance.hash(metadata.token),
    '/etcdserverpb.Maintenance/HashKV': (request, {metadata}) => maintenance.hashKv(request, metadata.token),
    '/etcdserverpb.Maintenance/Defragment': (_request, {metadata}) => maintenance.defragment(metadata.token),
    '/etcdserverpb.Maintenance/MoveLeader': (request, {metadata}) => maintenance.moveLeader(request, metadata.token),
    '/etcdserverpb.Maintenance/Downgrade': (request, {metadata}) => clusterApi.downgrade(request, metadata.token),
  };
}

function clusterMethods({clusterApi}: EtcdServer): Unary {
  return {
    '/etcdserverpb.Cluster/MemberAdd': (request, {metadata}) => clusterApi.memberAdd(request, metadata.token),
    '/etcdserverpb.Cluster/MemberRemove': (request, {metadata}) => clusterApi.memberRemove(request, metadata.token),
    '/etcdserverpb.Cluster/MemberUpdate': (request, {metadata}) => clusterApi.memberUpdate(request, metadata.token),
    '/etcdserverpb.Cluster/MemberList': (request, {metadata}) => clusterApi.memberList(request, metadata.token),
    '/etcdserverpb.Cluster/MemberPromote': (request, {metadata}) => clusterApi.memberPromote(request, metadata.token),
  };
}

function authMethods(env: Env, {parts, proposer, reads}: EtcdServer): Unary {
  const authEnv = {clock: env.clock, random: env.random.stream('auth-api')};
  const host = {
    propose: (body: Parameters<typeof proposer.propose>[0], token: string | undefined) =>
      proposer.propose<object>(body, token),
    linearizableReadNotify: () => reads.confirm(),
  };
  const auth = new AuthApi({env: authEnv, store: parts.auth, host});
  return {
    '/etcdserverpb.Auth/AuthEnable': (_request, {metadata}) => auth.authEnable(metadata.token),
    '/etcdserverpb.Auth/AuthDisable': (_request, {metadata}) => auth.authDisable(metadata.token),
    '/etcdserverpb.Auth/Authenticate': (request, {metadata}) => auth.authenticate(request, metadata.token),
    '/etcdserverpb.Auth/UserAdd': (request, {metadata}) => auth.userAdd(request, metadata.token),
    '/etcdserverpb.Auth/UserGet': (request, {metadata}) => auth.userGet(request, metadata.token),
    '/etcdserverpb.Auth/UserList': (_request, {metadata}) => auth.userList(metadata.token),
    '/etcdserverpb.Auth/UserDelete': (request, {metadata}) => auth.userDelete(request, metadata.token),
    '/etcdserverpb.Auth/UserChangePassword': (request, {metadata}) => auth.userChangePassword(request, metadata.token),
    '/etcdserverpb.Auth/UserGrantRole': (request, {metadata}) => auth.userGrantRole(request, metadata.token),
    '/etcdserverpb.Auth/UserRevokeRole': (request, {metadata}) => auth.userRevokeRole(request, metadata.token),
    '/etcdserverpb.Auth/RoleAdd': (request, {metadata}) => auth.roleAdd(request, metadata.token),
    '/etcdserverpb.Auth/RoleGet': (request, {metadata}) => auth.roleGet(request, metadata.token),
    '/etcdserverpb.Auth/RoleList': (_request, {metadata}) => auth.roleList(metadata.token),
    '/etcdserverpb.Auth/RoleDelete': (request, {metadata}) => auth.roleDelete(request, metadata.token),
    '/etcdserverpb.Auth/RoleGrantPermission': (request, {metadata}) =>
      auth.roleGrantPermission(request, metadata.token),
    '/etcdserverpb.Auth/RoleRevokePermission': (request, {metadata}) =>
      auth.roleRevokePermission(request, metadata.token),
    '/etcdserverpb.Auth/AuthStatus': (_request, {metadata}) => auth.authStatus(metadata.token),
  };
}

function concurrencyHost(env: Env, {kv, parts, proposer}: EtcdServer, lease: LeaseApi<Caller>): ConcurrencyHost {
  return {
    env,
    kv,
    grant: (ttl, token) => lease.grant({ttl, id: NO_LEASE}, {token}),
    newWatchStream: () => parts.watchable.newStream(),
    watchCarrier: new WatchCarrier(),
    watchRefusal: function* (key, rangeEnd, token) {
      if (!parts.auth.enabled && token === undefined) return undefined;
      return watchRefusal(parts.auth, yield* callerOf(parts.auth, parts, token), key, rangeEnd);
    },
    header: () => proposer.header(),
  };
}

const askerOf = ({metadata, ended}: OpenCall): Asker => ({token: metadata.token, ended});

function concurrencyMethods(host: ConcurrencyHost, {release}: ServerConfig): Unary {
  const locks = new LockApi(host, concurrencyBehaviours(release));
  const elections = new ElectionApi(host);
  return {
    '/v3lockpb.Lock/Lock': (request, call) => locks.lock(request, askerOf(call)),
    '/v3lockpb.Lock/Unlock': (request, call) => locks.unlock(request, askerOf(call)),
    '/v3electionpb.Election/Campaign': (request, call) => elections.campaign(request, askerOf(call)),
    '/v3electionpb.Election/Proclaim': (request, call) => elections.proclaim(request, askerOf(call)),
    '/v3electionpb.Election/Leader': (request, call) => elections.leader(request, askerOf(call)),
    '/v3electionpb.Election/Resign': (request, call) => elections.resign(request, askerOf(call)),
  };
}

function streamMethods(env: Env, config: ServerConfig, server: EtcdServer, host: ConcurrencyHost): Streams {
  const {maintenance, leases, parts, proposer} = server;
  const elections = new ElectionApi(host);
  return {
    ...rangeStreams(server),
    '/etcdserverpb.Maintenance/Snapshot': (call) =>
      maintenance.snapshot((response) => call.send(response), call.metadata.token),
    '/etcdserverpb.Lease/LeaseKeepAlive': (call) =>
      serveKeepAlive(
        leases,
        call as unknown as ServerStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse>,
        callerIn(call),
      ),
    '/etcdserverpb.Watch/Watch': (call) =>
      serveWatch(
        {
          env,
          watchable: parts.watchable,
          header: () => proposer.header(),
          isPermitted: function* ({key, rangeEnd}) {
            if (!parts.auth.enabled && call.metadata.token === undefined) return undefined;
            const caller = yield* callerOf(parts.auth, parts, call.metadata.token);
            const message = watchRefusal(parts.auth, caller, key, rangeEnd);
            return message === undefined ? undefined : {code: 'PermissionDenied', message};
          },
          maxRequestBytes: config.maxRequestBytes,
          progressIntervalUs: config.watchProgressNotifyUs,
          endedBy: () => call.cutBy,
        },
        call as unknown as ServerStream<WatchRequest, WatchResponse>,
      ) as Fiber<CallFailure | undefined>,
    '/v3electionpb.Election/Observe': function* (call) {
      const request = (yield* until(call.receive)) as LeaderRequest | undefined;
      if (request === undefined) return undefined;
      return yield* elections.observe(request, askerOf(call), (response) => call.send(response));
    },
  };
}

function rangeStreams({kv}: EtcdServer): Streams {
  return {
    '/etcdserverpb.KV/RangeStream': function* (call) {
      const request = (yield* until(call.receive)) as RangeRequest | undefined;
      if (request === undefined) return undefined;
      return yield* kv.rangeStream(request, (chunk) => call.send({rangeResponse: chunk}), call.metadata.token);
    },
  };
}

function httpHandler(env: Env, server: EtcdServer, config: ServerConfig): ClientServices['http'] {
  const health = new HealthApi(env, server, healthBehaviours(config.release));
  return function* (method, target) {
    const answered = yield* health.handle(method, target);
    if (answered !== undefined) return answered;
    const path = target.split('?')[0];
    if (path === '/version')
      return method === 'GET' ? {status: 200, body: server.clusterApi.versionBody()} : METHOD_NOT_ALLOWED;
    // The metrics' handler does not look at the method.
    if (path === '/metrics') return {status: 200, body: metricsText(server, config, health.counts)};
    return {status: 404, body: '404 page not found\n'};
  };
}
