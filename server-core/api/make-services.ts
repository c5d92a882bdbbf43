// server-core/api/make-services.ts: a server's services put behind its client port, each under its gRPC name.
import type {Env} from '../../env/env.ts';
import type {ServerConfig} from '../server/config.ts';
import type {EtcdServer} from '../server/server.ts';
import type {ClientServices} from './client-port.ts';
import type {Method} from './payloads.ts';
import type {StreamHandler, UnaryHandler} from './services.ts';
import {Services} from './services.ts';

/** The services of one member, by what its release serves. */
export function makeServices(env: Env, config: ServerConfig, server: EtcdServer): ClientServices {
  const {behaviours} = server;
  return new Services({
    env,
    electionTimeoutUs: config.electionTicks * config.tickMs * 1000,
    unary: {...kvMethods(server), ...maintenanceMethods(server)},
    streams: streamMethods(server),
    http: function* () {
      return {status: 404, body: '404 page not found\n'};
    },
    hasLeader: () => server.hasLeader,
    isLearner: () => behaviours.hasLearners && server.isLearner,
    learnerRefusalCode: behaviours.refusalsAreFailedPrecondition ? 'FailedPrecondition' : 'Unavailable',
  });
}

type Unary = Partial<Record<Method, UnaryHandler>>;

function kvMethods({kv}: EtcdServer): Unary {
  return {
    '/etcdserverpb.KV/Range': (request, call) => kv.range(request, call.metadata.token),
    '/etcdserverpb.KV/Put': (request, call) => kv.put(request, call.metadata.token),
    '/etcdserverpb.KV/DeleteRange': (request, call) => kv.deleteRange(request, call.metadata.token),
    '/etcdserverpb.KV/Txn': (request, call) => kv.txn(request, call.metadata.token),
    '/etcdserverpb.KV/Compact': (request, call) => kv.compact(request, call.metadata.token),
  };
}

function maintenanceMethods({maintenance}: EtcdServer): Unary {
  return {
    '/etcdserverpb.Maintenance/Alarm': (request, call) => maintenance.alarm(request, call.metadata.token),
    '/etcdserverpb.Maintenance/Status': (_request, call) => maintenance.status(call.metadata.token),
    '/etcdserverpb.Maintenance/Hash': (_request, call) => maintenance.hash(call.metadata.token),
    '/etcdserverpb.Maintenance/HashKV': (request, call) => maintenance.hashKv(request, call.metadata.token),
    '/etcdserverpb.Maintenance/Defragment': (_request, call) => maintenance.defragment(call.metadata.token),
    '/etcdserverpb.Maintenance/MoveLeader': (request, call) => maintenance.moveLeader(request, call.metadata.token),
  };
}

function streamMethods({maintenance}: EtcdServer): Partial<Record<Method, StreamHandler>> {
  return {
    '/etcdserverpb.Maintenance/Snapshot': (call) =>
      maintenance.snapshot((response) => call.send(response), call.metadata.token),
  };
}
