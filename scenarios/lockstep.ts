// scenarios/lockstep.ts: a simulated cluster driven from outside, call by call: virtual time passes until the answer is there.
// For comparisons with real servers. Everything crosses as protobuf bytes, so the codecs are under test as well. Members and URLs
// are given, because ids follow from them. No faults, no traffic of its own.
import {must} from '../base/assert.ts';
import {InputError} from '../base/input-error.ts';
import {WireError} from '../base/wire.ts';
import type {Env} from '../env/env.ts';
import type {Fiber} from '../env/fiber.ts';
import {Signal, until} from '../env/fiber.ts';
import {etcdProgram} from '../server-core/api/etcd-program.ts';
import type {CallMetadata} from '../server-core/api/payloads.ts';
import type {ClientStream} from '../server-core/client/client-stream.ts';
import {Endpoint} from '../server-core/client/endpoint.ts';
import {isMethod, RPCS} from '../server-core/etcdserverpb/rpc.ts';
import {askPeer} from '../server-core/rafthttp/peer-http.ts';
import type {ServerConfig} from '../server-core/server/config.ts';
import {qualifyServerConfig} from '../server-core/server/config.ts';
import type {GrpcCode} from '../server-core/server/errors.ts';
import type {EtcdServer} from '../server-core/server/server.ts';
import type {Process} from '../sim/process.ts';
import {World} from '../sim/world.ts';

/** One member as it is told to both worlds. URLs are `http://host:port`. */
export interface LockstepMember {
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
}

export interface LockstepOptions {
  readonly release: string;
  readonly members: readonly LockstepMember[];
  readonly clusterToken: string;
  readonly seed: number;
  /** Flags of the servers. */
  readonly options?: Partial<ServerConfig>;
  /** Files that members find on their disks, by member name and path below the data directory. */
  readonly files?: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;
}

export type Reply =
  | {readonly kind: 'ok'; readonly response: Uint8Array}
  | {readonly kind: 'error'; readonly code: number; readonly message: string};

/** A call that may stay open. */
export interface PendingCall {
  readonly outcome: Reply | undefined;
  cancel(): void;
}

export type StreamMessage =
  | {readonly kind: 'message'; readonly response: Uint8Array}
  | {readonly kind: 'end'; readonly code: number; readonly message: string};

/** A stream as its client holds it; `received` only grows. */
export interface LockstepStream {
  readonly received: readonly StreamMessage[];
  send(request: Uint8Array): void;
  closeSend(): void;
  cancel(): void;
}

/** Numbers of gRPC status codes. */
const CODE_NUMBERS: Readonly<Record<GrpcCode, number>> = {
  Canceled: 1,
  Unknown: 2,
  InvalidArgument: 3,
  DeadlineExceeded: 4,
  NotFound: 5,
  AlreadyExists: 6,
  PermissionDenied: 7,
  ResourceExhausted: 8,
  FailedPrecondition: 9,
  Aborted: 10,
  OutOfRange: 11,
  Unimplemented: 12,
  Internal: 13,
  Unavailable: 14,
  DataLoss: 15,
  Unauthenticated: 16,
};

const PEER_PORT = 2380;
const CLIENT_PORT = 2379;
/** How long a cluster may take to come up, and a call to be answered. */
const START_US_MAX = 60_000_000;
const CALL_US_MAX = 30_000_000;

/** 'http://127.0.0.1:2380' -> '127.0.0.1:2380'. */
const addressIn = (url: string): string => url.replace(/^[a-z]+:\/\//, '').replace(/\/.*$/, '');

export class LockstepCluster {
  readonly world: World;
  private readonly servers: (EtcdServer | undefined)[] = [];
  private readonly deaths: string[] = [];
  private readonly client: Process;
  private readonly clientEnv: Env;
  private readonly endpoints: readonly Endpoint[];

  constructor({release, members, clusterToken, seed, options = {}, files}: LockstepOptions) {
    this.world = new World({seed, link: {latencyUsMin: 20, latencyUsSpread: 20}});
    const {world} = this;
    world.onProcessEnd((machine, _process, end) => this.deaths.push(`${machine.name}: ${end.message}`));
    const initialCluster = members.map(({name, peerUrl}) => ({name, peerUrls: [peerUrl]}));
    const hosts = members.map((_, index) => `host${index + 1}`);
    for (const [index, member] of members.entries()) {
      const host = hosts[index] as string;
      world.network.alias(addressIn(member.peerUrl), `${host}:${PEER_PORT}`);
      world.network.alias(addressIn(member.clientUrl), `${host}:${CLIENT_PORT}`);
      const machine = world.addMachine(host, {syncUsMin: 100, syncUsMax: 200});
      for (const [path, bytes] of files?.get(member.name) ?? []) machine.disk.importFile(`/etcd/${path}`, bytes);
      const config = qualifyServerConfig({
        name: member.name,
        release,
        initialCluster,
        clusterToken,
        clientUrls: [member.clientUrl],
        peerPort: PEER_PORT,
        clientPort: CLIENT_PORT,
        ...options,
      });
      machine.start(`etcd ${release}`, (env) =>
        etcdProgram(env, config, (server) => {
          this.servers[index] = server;
        }),
      );
    }
    const idle = new Signal();
    let started: Endpoint[] = [];
    let clientEnv: Env | undefined;
    this.client = world.addMachine('client').start('client', function* (env) {
      clientEnv = env;
      started = hosts.map((host) => new Endpoint(env, `${host}:${CLIENT_PORT}`, new Signal()));
      for (const endpoint of started) env.spawn('endpoint', endpoint.run());
      for (;;) yield idle;
    });
    this.runUntil(() => started.length > 0, START_US_MAX);
    this.endpoints = started;
    this.clientEnv = must(clientEnv, 'the client did not start');
    this.runUntil(() => this.isUp(), START_US_MAX);
    if (!this.isUp()) throw new InputError(`the simulated cluster did not come up${this.whyDead()}`);
  }

  /** Virtual microseconds since the start. */
  get nowUs(): number {
    return this.world.nowUs;
  }

  /** A member's server, to look inside; undefined while it is down. */
  server(member: number): EtcdServer | undefined {
    return this.servers[member];
  }

  private isUp(): boolean {
    return this.endpoints.every(({state}) => state === 'ready') && this.servers.every((server) => server?.hasLeader);
  }

  private whyDead(): string {
    return this.deaths.length === 0 ? '' : ` (${this.deaths.join('; ')})`;
  }

  /** Steps until the condition holds; false: it did not within that time. */
  private runUntil(holds: () => boolean, limitUs: number): boolean {
    const {kernel} = this.world;
    const deadlineUs = kernel.nowUs + limitUs;
    while (!holds()) {
      const next = kernel.nextTimeUs();
      if (next === undefined || next > deadlineUs) return false;
      kernel.step();
      if (this.deaths.length > 0) throw new InputError(`a simulated process died: ${this.deaths.join('; ')}`);
    }
    return true;
  }

  /** Lets virtual time pass. */
  advance(us: number): void {
    const untilUs = this.world.nowUs + us;
    this.runUntil(() => (this.world.kernel.nextTimeUs() ?? untilUs + 1) > untilUs, us);
    this.world.kernel.advanceTo(untilUs);
  }

  /** Makes a unary call and waits for its answer, at most 30 s of virtual time; undefined: none came. */
  call(
    member: number,
    method: string,
    request: Uint8Array,
    metadata?: Readonly<Record<string, string>>,
  ): Reply | undefined {
    const pending = this.begin(member, method, request, metadata);
    this.runUntil(() => pending.outcome !== undefined, CALL_US_MAX);
    return pending.outcome;
  }

  /** Begins a unary call; advance() or another call moves it on. */
  begin(
    member: number,
    method: string,
    request: Uint8Array,
    metadata: Readonly<Record<string, string>> = {},
  ): PendingCall {
    if (!isMethod(method)) return {outcome: error('Unimplemented', unknownMethod(method)), cancel: () => undefined};
    const codec = RPCS[method];
    let message: object;
    try {
      message = codec.request.decode(request);
    } catch (thrown) {
      if (!(thrown instanceof WireError)) throw thrown;
      const outcome = error('Internal', `grpc: error unmarshalling request: ${thrown.message}`);
      return {outcome, cancel: () => undefined};
    }
    const sent = this.endpoints[member]?.send(method, message, request.length, metadataOf(metadata));
    if (sent === undefined) return {outcome: error('Unavailable', 'connection error'), cancel: () => undefined};
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
      cancel: () => this.endpoints[member]?.forget(sent.id),
    };
  }

  /** Opens a stream. */
  openStream(member: number, method: string, metadata: Readonly<Record<string, string>> = {}): LockstepStream {
    const received: StreamMessage[] = [];
    if (!isMethod(method)) {
      received.push({kind: 'end', code: CODE_NUMBERS.Unimplemented, message: unknownMethod(method)});
      return {received, send: () => undefined, closeSend: () => undefined, cancel: () => undefined};
    }
    const codec = RPCS[method];
    const stream = this.endpoints[member]?.openStream(method, metadataOf(metadata));
    if (stream === undefined) {
      received.push({kind: 'end', code: CODE_NUMBERS.Unavailable, message: 'connection error'});
      return {received, send: () => undefined, closeSend: () => undefined, cancel: () => undefined};
    }
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

  /** A plain HTTP request to a member's client or peer port. */
  http(member: number, port: 'client' | 'peer', method: string, path: string): {status: number; body: string} {
    if (port === 'peer') return this.peerHttp(member, method === 'POST' ? 'POST' : 'GET', path);
    const sent = this.endpoints[member]?.http(method, path);
    if (sent === undefined) return {status: 0, body: 'connection error'};
    this.runUntil(() => sent.end.ready(), CALL_US_MAX);
    if (!sent.end.ready()) return {status: 0, body: 'no answer'};
    const end = sent.end.take();
    return end.kind === 'http' ? {status: end.status, body: end.body} : {status: 0, body: end.kind};
  }

  private peerHttp(member: number, method: 'GET' | 'POST', path: string): {status: number; body: string} {
    const env = this.clientEnv;
    const {ended} = this.client.spawn(
      'peer-http',
      askPeer(env, `host${member + 1}:${PEER_PORT}`, {method, path}, CALL_US_MAX),
    );
    this.runUntil(() => ended.ready(), CALL_US_MAX);
    const end = ended.ready() ? ended.take() : undefined;
    if (end?.kind !== 'returned' || end.value === undefined) return {status: 0, body: 'no answer'};
    return {status: end.value.status, body: new TextDecoder().decode(end.value.body)};
  }
}

function* readStream(
  stream: ClientStream,
  received: StreamMessage[],
  encode: (message: object) => Uint8Array,
): Fiber<void> {
  for (;;) {
    const event = yield* until(stream.receive);
    switch (event.kind) {
      case 'message':
        received.push({kind: 'message', response: encode(event.message)});
        break;
      case 'end': {
        const {failure} = event;
        received.push({
          kind: 'end',
          code: failure === undefined ? 0 : CODE_NUMBERS[failure.code],
          message: failure?.message ?? '',
        });
        return;
      }
      case 'broken':
        received.push({kind: 'end', code: CODE_NUMBERS.Unavailable, message: 'error reading from server: EOF'});
        return;
    }
  }
}

function metadataOf(metadata: Readonly<Record<string, string>>): CallMetadata {
  const {token, hasleader} = metadata;
  return {...(token === undefined ? {} : {token}), ...(hasleader === 'true' ? {requiresLeader: true} : {})};
}

const error = (code: GrpcCode, message: string): Reply => ({kind: 'error', code: CODE_NUMBERS[code], message});

function unknownMethod(method: string): string {
  const [, service = '', name = ''] = method.split('/');
  return `unknown method ${name} for service ${service}`;
}
