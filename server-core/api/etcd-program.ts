// server-core/api/etcd-program.ts: the etcd process: a server and, in front of it, its client port. etcd: embed.StartEtcd.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {until} from '../../env/fiber.ts';
import type {Listener} from '../../env/network.ts';
import type {DiscoveryOptions} from '../discovery/discovery.ts';
import type {ServerConfig} from '../server/config.ts';
import {requestTimeoutUs} from '../server/config.ts';
import {EtcdServer} from '../server/server.ts';
import type {ClientServices} from './client-port.ts';
import {ClientPort} from './client-port.ts';
import {FrameDiscoveryService} from './discovery-service.ts';
import {DrainableServices, waitsForCalls} from './draining.ts';
import {makeServices} from './make-services.ts';
import {messageLimitOf} from './message-limit.ts';

const reachDiscovery = (env: Env, options: DiscoveryOptions) => new FrameDiscoveryService(env, options);

/** Runs one member; `onStarted` hears of the server once it has read its data directory. */
export function* etcdProgram(env: Env, config: ServerConfig, onStarted: (server: EtcdServer) => void): Fiber<void> {
  const server = yield* EtcdServer.start(env, config, reachDiscovery);
  onStarted(server);
  const listener = env.network.listen(config.clientPort);
  const services = new DrainableServices(makeServices(env, config, server));
  env.spawn('client-port', servePublished(env, config, server, services, listener));
  yield* server.run(function* () {
    listener.close();
    if (waitsForCalls(config.release)) yield* services.drain(env, requestTimeoutUs(config));
  });
  listener.close();
}

/** The port is open from the start, but nobody is answered before the member has published itself. */
function* servePublished(
  env: Env,
  config: ServerConfig,
  server: EtcdServer,
  services: ClientServices,
  listener: Listener,
): Fiber<void> {
  yield* until(server.published);
  yield* new ClientPort(env, services, messageLimitOf(config.release, config.maxRequestBytes)).serve(listener);
}
