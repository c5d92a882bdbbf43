// cli/real-sim-world.ts: the simulated side of `etcdsim real`: members that are stopped, given other binaries and started one by one, at the
// addresses of the real ones. Driven from outside call by call as scenarios/lockstep.ts is; no faults of its own.
// It lies here because live/ does not see the simulator.
import {must} from '../base/assert.ts';
import {InputError} from '../base/input-error.ts';
import type {Env} from '../env/env.ts';
import type {Fiber} from '../env/fiber.ts';
import {Signal, until} from '../env/fiber.ts';
import {reasonIn} from '../live/upgrade/last-words.ts';
import {
  type ProcessState,
  RESTORED_TOKEN,
  type RestoreRequest,
  type StartOptions,
  type UpgradeAddresses,
  type UpgradeWorld,
} from '../live/upgrade/upgrade-world.ts';
import type {HttpReply, MemberAddress, PendingCall, Reply, StreamMessage, WorldStream} from '../live/world.ts';
import {etcdProgram} from '../server-core/api/etcd-program.ts';
import {BackendError} from '../server-core/backend/backend-error.ts';
import type {ClientStream} from '../server-core/client/client-stream.ts';
import {Endpoint} from '../server-core/client/endpoint.ts';
import {restoreSnapshot} from '../server-core/datadir/restore-snapshot.ts';
import {isMethod, RPCS} from '../server-core/etcdserverpb/rpc.ts';
import {qualifyServerConfig} from '../server-core/server/config.ts';
import type {GrpcCode} from '../server-core/server/errors.ts';
import type {EtcdServer} from '../server-core/server/server.ts';
import type {Machine} from '../sim/machine.ts';
import type {Process} from '../sim/process.ts';
import {World} from '../sim/world.ts';

/** Where members keep their files. */
const DATA_DIR = '/etcd';
const PEER_PORT = 2380;
const CLIENT_PORT = 2379;
const STOP_US_MAX = 20_000_000;
const CALL_US_MAX = 10_000_000;
const HTTP_US_MAX = 5_000_000;

/** Numbers of gRPC status codes. */
const CODES: readonly (GrpcCode | 'OK')[] = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
];

/** 'http://127.0.0.1:2380' -> '127.0.0.1:2380'. */
const addressIn = (url: string): string => url.replace(/^[a-z]+:\/\//, '').replace(/\/.*$/, '');

const error = (code: GrpcCode, message: string): Reply => ({kind: 'error', code: CODES.indexOf(code), message});
const endOf = (code: GrpcCode | 'OK', message: string): StreamMessage => ({
  kind: 'end',
  code: CODES.indexOf(code),
  message,
});
const ended = (outcome: Reply): PendingCall => ({outcome, cancel: () => undefined});

/** One member over all its incarnations. */
interface SimMember {
  readonly address: MemberAddress;
  readonly machine: Machine;
  server: EtcdServer | undefined;
  endpoint: Endpoint | undefined;
  isTakenDown: boolean;
  wasStarted: boolean;
  lastWords: string | undefined;
}

/** A world without processes; `start` makes them. A run is a function of addresses, seed and what is asked of it. */
export function simUpgradeWorld(addresses: UpgradeAddresses, seed: number): UpgradeWorld {
  const cluster = new SimUpgradeCluster(addresses, seed);
  return {
    name: 'simulated',
    members: addresses.members,
    start: (index, options) => cluster.start(index, options),
    stop: async (index) => cluster.stop(index),
    kill: async (index) => cluster.kill(index),
    restore: async (index, request) => cluster.restore(index, request),
    stateOf: (index) => cluster.stateOf(index),
    call: async (index, path, request) => cluster.call(index, path, request),
    begin: (index, path, request) => cluster.begin(index, path, request),
    openStream: (index, path) => cluster.openStream(index, path),
    http: async (index, path) => cluster.http(index, path),
    async sleep(ms) {
      cluster.advance(Math.ceil(ms * 1000));
    },
    nowMs: () => cluster.world.nowUs / 1000,
    close: async () => undefined,
  };
}

class SimUpgradeCluster {
  readonly world: World;
  private readonly members: readonly SimMember[];
  private readonly clusterToken: string;
  private readonly client: Process;
  private readonly clientEnv: Env;

  constructor({members, clusterToken}: UpgradeAddresses, seed: number) {
    this.world = new World({seed, link: {latencyUsMin: 20, latencyUsSpread: 20}});
    const {world} = this;
    this.clusterToken = clusterToken;
    this.members = members.map((address) => {
      const {name, peerUrl, clientUrl} = address;
      world.network.alias(addressIn(peerUrl), `${name}:${PEER_PORT}`);
      world.network.alias(addressIn(clientUrl), `${name}:${CLIENT_PORT}`);
      const machine = world.addMachine(name, {syncUsMin: 100, syncUsMax: 200});
      const nothingYet = {server: undefined, endpoint: undefined, lastWords: undefined};
      return {address, machine, isTakenDown: false, wasStarted: false, ...nothingYet};
    });
    world.onProcessEnd((machine, _process, end) => {
      const member = this.members.find((one) => one.machine === machine);
      if (member === undefined) return;
      member.server = undefined;
      if (!member.isTakenDown) member.lastWords = end.message ?? end.how;
    });
    const idle = new Signal();
    let clientEnv: Env | undefined;
    this.client = world.addMachine('client').start('client', function* (env) {
      clientEnv = env;
      for (;;) yield idle;
    });
    this.runUntil(() => clientEnv !== undefined, STOP_US_MAX);
    this.clientEnv = must(clientEnv, 'the client did not start');
  }

  private memberAt(index: number): SimMember {
    return must(this.members[index], 'no such member', {index});
  }

  start(
    index: number,
    {release, initialClusterState, initialCluster, snapshotCount, flags, forceNewCluster}: StartOptions,
  ): void {
    const member = this.memberAt(index);
    const {name, clientUrl} = member.address;
    const config = qualifyServerConfig({
      name,
      release,
      initialCluster: initialCluster.map((one) => ({name: one.name, peerUrls: [one.peerUrl]})),
      initialClusterState,
      clusterToken: this.clusterToken,
      dataDir: DATA_DIR,
      clientUrls: [clientUrl],
      peerPort: PEER_PORT,
      clientPort: CLIENT_PORT,
      forceNewCluster,
      flags,
      ...(snapshotCount === undefined ? {} : {snapshotCount}),
    });
    [member.isTakenDown, member.wasStarted, member.lastWords] = [false, true, undefined];
    member.machine.start(`etcd ${release}`, (env) =>
      etcdProgram(env, config, (server) => {
        member.server = server;
      }),
    );
    // Each incarnation has a connection of its own: no waiting time of the last one is in its way.
    member.endpoint?.close();
    member.endpoint = new Endpoint(this.clientEnv, `${name}:${CLIENT_PORT}`, new Signal());
    this.clientEnv.spawn('endpoint', member.endpoint.run());
  }

  /** The tool runs on the member's machine and takes no time. */
  restore(index: number, request: RestoreRequest): string | undefined {
    const {address, machine} = this.memberAt(index);
    const {release, snapshot, bumpRevision, markCompacted} = request;
    const options = {
      release,
      name: address.name,
      initialCluster: request.initialCluster.map(({name, peerUrl}) => ({name, peerUrls: [peerUrl]})),
      clusterToken: RESTORED_TOKEN,
      dataDir: DATA_DIR,
      ...(bumpRevision === undefined ? {} : {bumpRevision}),
      ...(markCompacted === undefined ? {} : {markCompacted}),
    };
    try {
      for (const [path, bytes] of restoreSnapshot('snapshot.db', snapshot, options))
        machine.disk.importFile(path, bytes);
      return undefined;
    } catch (error) {
      if (error instanceof BackendError || error instanceof InputError) return error.message;
      throw error;
    }
  }

  stop(index: number): boolean {
    const member = this.memberAt(index);
    member.isTakenDown = true;
    if (member.server === undefined) member.machine.kill('SIGTERM');
    else member.server.stop();
    const isGone = this.runUntil(() => member.machine.process === undefined, STOP_US_MAX);
    if (!isGone) this.kill(index);
    return isGone;
  }

  kill(index: number): void {
    const member = this.memberAt(index);
    member.isTakenDown = true;
    member.machine.kill();
  }

  stateOf(index: number): ProcessState {
    const {wasStarted, isTakenDown, lastWords} = this.memberAt(index);
    if (!wasStarted || isTakenDown) return {kind: 'down'};
    return lastWords === undefined ? {kind: 'running'} : {kind: 'ended', reason: reasonIn(lastWords), lastWords};
  }

  /** Steps until the condition holds; false: it did not within that time. */
  private runUntil(holds: () => boolean, limitUs: number): boolean {
    const {kernel} = this.world;
    const deadlineUs = kernel.nowUs + limitUs;
    while (!holds()) {
      const next = kernel.nextTimeUs();
      if (next === undefined || next > deadlineUs) {
        kernel.advanceTo(deadlineUs);
        return holds();
      }
      kernel.step();
    }
    return true;
  }

  advance(us: number): void {
    this.runUntil(() => false, us);
  }

  call(index: number, method: string, request: Uint8Array): Reply {
    const pending = this.begin(index, method, request);
    this.runUntil(() => pending.outcome !== undefined, CALL_US_MAX);
    return pending.outcome ?? {kind: 'silence'};
  }

  begin(index: number, method: string, request: Uint8Array): PendingCall {
    const {endpoint} = this.memberAt(index);
    if (!isMethod(method)) return ended(error('Unimplemented', `unknown method ${method}`));
    const codec = RPCS[method];
    const sent = endpoint?.send(method, codec.request.decode(request), request.length);
    if (sent === undefined) return ended(error('Unavailable', 'connection error'));
    let outcome: Reply | undefined;
    const wait = function* (): Fiber<void> {
      const end = yield* until(sent.end);
      if (end.kind === 'reply') outcome = {kind: 'ok', response: codec.response.encode(end.response)};
      else if (end.kind === 'failure') outcome = error(end.code as GrpcCode, end.message);
      else outcome = error('Unavailable', 'error reading from server: EOF');
    };
    this.client.spawn('call', wait());
    return {
      get outcome() {
        return outcome;
      },
      cancel: () => endpoint?.forget(sent.id),
    };
  }

  openStream(index: number, method: string): WorldStream {
    const received: StreamMessage[] = [];
    const nothing = {received, send: () => undefined, closeSend: () => undefined, cancel: () => undefined};
    if (!isMethod(method)) return {...nothing, received: [endOf('Unimplemented', `unknown method ${method}`)]};
    const codec = RPCS[method];
    const stream = this.memberAt(index).endpoint?.openStream(method);
    if (stream === undefined) return {...nothing, received: [endOf('Unavailable', 'connection error')]};
    this.client.spawn(
      'stream',
      readStream(stream, received, (message) => codec.response.encode(message)),
    );
    return {
      received,
      send: (request) => {
        stream.send(codec.request.decode(request));
      },
      closeSend: () => stream.halfClose(),
      cancel: () => stream.cancel(),
    };
  }

  http(index: number, path: string): HttpReply | undefined {
    const sent = this.memberAt(index).endpoint?.http('GET', path);
    if (sent === undefined) return undefined;
    this.runUntil(() => sent.end.ready(), HTTP_US_MAX);
    if (!sent.end.ready()) return undefined;
    const end = sent.end.take();
    return end.kind === 'http' ? {status: end.status, body: end.body} : undefined;
  }
}

function* readStream(
  stream: ClientStream,
  received: StreamMessage[],
  encode: (message: object) => Uint8Array,
): Fiber<void> {
  for (;;) {
    const event = yield* until(stream.receive);
    if (event.kind === 'message') {
      received.push({kind: 'message', response: encode(event.message)});
      continue;
    }
    const failure = event.kind === 'end' ? event.failure : undefined;
    if (event.kind === 'broken') received.push(endOf('Unavailable', 'error reading from server: EOF'));
    else received.push(failure === undefined ? endOf('OK', '') : endOf(failure.code, failure.message));
    return;
  }
}
