// scenarios/discovery-cluster.ts: the second cluster of a plan whose founders find each other by v3 discovery: one member that nothing
// happens to, and an operator who tells it how many founders there will be. Not modelled: faults of that cluster.
import {assert} from '../base/assert.ts';
import type {Env} from '../env/env.ts';
import type {Fiber} from '../env/fiber.ts';
import {sleepUs} from '../env/fiber.ts';
import {etcdProgram} from '../server-core/api/etcd-program.ts';
import {Client} from '../server-core/client/client.ts';
import type {DiscoveryOptions} from '../server-core/discovery/discovery.ts';
import {putRequest} from '../server-core/etcdserverpb/types.ts';
import {qualifyServerConfig} from '../server-core/server/config.ts';
import type {EtcdServer} from '../server-core/server/server.ts';
import type {World} from '../sim/world.ts';
import {clientAddress, peerUrl} from './life/operator-tools.ts';
import type {Plan} from './plan.ts';
import {REGISTRY_READY_US} from './plan.ts';

const REGISTRY = 'registry';
/** That of clusters that are not given one, so that ids are the same either way. */
const TOKEN = 'etcd-cluster';
const SIZE_KEY = `/_etcd/registry/${TOKEN}/_config/size`;
const PUT = '/etcdserverpb.KV/Put';
const ASK_AGAIN_US = 20_000;

/** What the founders of a plan are told of discovery; undefined: they are told of each other. */
export function discoveryOf({cluster}: Plan): DiscoveryOptions | undefined {
  return cluster.bootstrap === 'static' ? undefined : {token: TOKEN, endpoints: [`http://${REGISTRY}:2379`]};
}

/** Starts the registry's cluster and comes back once it knows the size. */
export function runDiscoveryCluster(world: World, {cluster}: Plan): void {
  const config = qualifyServerConfig({
    name: REGISTRY,
    release: cluster.release,
    initialCluster: [{name: REGISTRY, peerUrls: [peerUrl(REGISTRY)]}],
    // It leads at once, so that founders wait for no election.
    tickMs: 10,
  });
  let registry: EtcdServer | undefined;
  world.addMachine(REGISTRY).start(`etcd ${cluster.release}`, (env) =>
    etcdProgram(env, config, (server) => {
      registry = server;
    }),
  );
  // A client that comes before anybody listens would wait a second for its next try.
  world.runUntil(REGISTRY_READY_US, () => registry?.isLeader !== true);
  let isReady = false;
  world.addMachine('registry-operator').start('etcdctl', function* (env) {
    yield* putSize(env, cluster.memberCount);
    isReady = true;
  });
  world.runUntil(REGISTRY_READY_US, () => !isReady);
  assert(isReady, 'the registry was not ready in time');
}

function* putSize(env: Env, memberCount: number): Fiber<void> {
  const client = new Client(env, {endpoints: [clientAddress(REGISTRY)], requestTimeoutUs: 100_000});
  client.start();
  const size = putRequest(SIZE_KEY, String(memberCount));
  // The endpoint answers once the member has published itself.
  while ((yield* client.ask(PUT, size)).kind !== 'ok') yield* sleepUs(env.clock, ASK_AGAIN_US);
  client.close();
}
