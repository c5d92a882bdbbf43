// scenarios/errata/experiment.ts: a cluster in a world of its own, driven step by step from outside, for directed searches: a script
// starts, kills and cuts off members, asks clients for operations and lets time pass; times are drawn from the seed.
// Promise: an experiment is a pure function of its script, setting, release and seed. What is wrong is said by general checks only.
import {must} from '../../base/assert.ts';
import type {Random} from '../../base/random.ts';
import type {Fiber} from '../../env/fiber.ts';
import {Signal} from '../../env/fiber.ts';
import type {KvRequest, Outcome} from '../../history/operation.ts';
import type {WatchLog, WatchLogRequest} from '../../history/watch-log.ts';
import {etcdProgram} from '../../server-core/api/etcd-program.ts';
import type {CallResult} from '../../server-core/client/client.ts';
import {Client} from '../../server-core/client/client.ts';
import type {Method} from '../../server-core/etcdserverpb/rpc.ts';
import type {ServerConfigInput} from '../../server-core/server/config.ts';
import {qualifyServerConfig} from '../../server-core/server/config.ts';
import type {EtcdServer} from '../../server-core/server/server.ts';
import type {DiskOptions} from '../../sim/disk-options.ts';
import type {LinkOptions} from '../../sim/link.ts';
import type {Machine} from '../../sim/machine.ts';
import type {Direction, NetworkHandle} from '../../sim/network.ts';
import {World} from '../../sim/world.ts';
import {EntryHashes, raftWatch} from '../raft-watch.ts';
import {callOf, outcomeOf} from '../translate.ts';
import {Evidence} from './evidence.ts';
import {recordWatch} from './record-watch.ts';

/** How a cluster is set up, before anything happens. */
export interface Setting {
  /** Members that found the cluster: m1, m2, … */
  readonly founderCount: number;
  /** Machines for members that join later, named on from the founders. */
  readonly joinerCount?: number;
  readonly options?: Partial<ServerConfigInput>;
  readonly link?: Partial<LinkOptions>;
  readonly disk?: Partial<DiskOptions>;
}

export interface ExperimentOptions {
  readonly seed: number;
  readonly release: string;
  readonly setting: Setting;
}

/** An operation that was begun. */
export interface Begun {
  readonly id: number;
  outcome: Outcome | undefined;
}

/** How long a script waits for an answer or a condition, unless it says otherwise. */
const WAIT_US_MAX = 60_000_000;
const LOOK_EVERY_US = 10_000;
const REQUEST_TIMEOUT_US = 20_000_000;
const CLIENT_COUNT = 4;

export class Experiment {
  readonly world: World;
  readonly evidence: Evidence;
  /** For times and choices of the script. */
  readonly random: Random;
  readonly names: readonly string[];
  readonly release: string;
  private readonly setting: Setting;
  private readonly servers = new Map<string, EtcdServer>();
  private readonly hashes = new EntryHashes();
  private readonly clients: {readonly machine: Machine; readonly byMember: Map<string, Client>}[] = [];
  private valueCount = 0;

  constructor({seed, release, setting}: ExperimentOptions) {
    this.setting = setting;
    this.release = release;
    this.world = new World({seed, link: setting.link ?? {}});
    const {world} = this;
    this.random = world.random.stream('script');
    this.evidence = new Evidence(world);
    const memberCount = setting.founderCount + (setting.joinerCount ?? 0);
    this.names = Array.from({length: memberCount}, (_, i) => `m${i + 1}`);
    for (const name of this.names) world.addMachine(name, setting.disk ?? {});
    world.onProcessEnd((machine, _process, end) => {
      if (!this.names.includes(machine.name)) return;
      this.servers.delete(machine.name);
      this.evidence.ended(machine.name, end);
    });
    for (let i = 0; i < CLIENT_COUNT; i++) this.addClient(`c${i + 1}`);
  }

  private addClient(host: string): void {
    const machine = this.world.addMachine(host);
    const byMember = new Map<string, Client>();
    const idle = new Signal();
    const {names} = this;
    machine.start('client', function* (env) {
      for (const name of names) {
        const client = new Client(env, {endpoints: [`${name}:2379`], requestTimeoutUs: REQUEST_TIMEOUT_US});
        client.start();
        byMember.set(name, client);
      }
      for (;;) yield idle;
    });
    this.clients.push({machine, byMember});
  }

  /** The members that found the cluster. */
  get founders(): readonly string[] {
    return this.names.slice(0, this.setting.founderCount);
  }

  /** Starts every founder and waits until all are published. */
  startFounders(): void {
    for (const name of this.founders) this.start(name);
    this.mustCome(() => this.founders.every((name) => this.isUp(name)), 'the cluster did not come up');
  }

  /** Starts a member; of another release, or as one that joins, if told so. */
  start(name: string, {release = this.release, ...more}: Partial<ServerConfigInput> = {}): void {
    const {evidence, world, hashes, founders} = this;
    const config = qualifyServerConfig({
      initialCluster: founders.map((member) => ({name: member, peerUrls: [peerUrlOf(member)]})),
      bcryptCost: 4,
      ...this.setting.options,
      ...more,
      release,
      name,
      observer: raftWatch({
        member: name,
        invariants: evidence.invariants,
        agreement: evidence.agreement,
        log: evidence.log,
        recorder: evidence.recorder,
        hashes,
        nowUs: () => world.nowUs,
        release,
      }),
    });
    evidence.started(name, release);
    world.machine(name).start(`etcd ${release}`, (env) =>
      etcdProgram(env, config, (server) => {
        this.servers.set(name, server);
      }),
    );
  }

  kill(name: string): void {
    this.world.machine(name).kill();
  }

  powerOff(name: string): void {
    this.world.machine(name).powerOff();
  }

  /** The running server; an error of the script when it is down. */
  server(name: string): EtcdServer {
    return must(this.servers.get(name), `${name} is down`);
  }

  /** Does it run, published and able to take clients? */
  isUp(name: string): boolean {
    return this.servers.get(name)?.published.ready() === true;
  }

  get running(): ReadonlyMap<string, EtcdServer> {
    return this.servers;
  }

  /** The member that leads in the highest term, as far as members know. */
  leader(): string | undefined {
    let found: string | undefined;
    let term = -1;
    for (const [name, {raft}] of this.servers) {
      if (raft.node.role === 'leader' && raft.node.term > term) [found, term] = [name, raft.node.term];
    }
    return found;
  }

  /** Some member that does not lead, drawn. */
  follower(): string {
    const leader = this.leader();
    return this.random.pick([...this.servers.keys()].sort().filter((name) => name !== leader));
  }

  /** Nothing passes between the member and the other members, in both directions, until it is lifted. */
  isolate(name: string): NetworkHandle {
    const others = this.names.filter((other) => other !== name);
    return this.world.network.cut(
      others.flatMap((other): Direction[] => [
        [name, other],
        [other, name],
      ]),
    );
  }

  pass(us: number): void {
    this.world.runUntil(this.world.nowUs + us);
  }

  /** Lets time pass until it holds; false when it does not within `usMax`. */
  until(holds: () => boolean, usMax = WAIT_US_MAX): boolean {
    const deadlineUs = this.world.nowUs + usMax;
    while (!holds()) {
      if (this.world.nowUs >= deadlineUs) return false;
      this.pass(LOOK_EVERY_US);
    }
    return true;
  }

  /** As until(), where a failure leaves nothing more to do. */
  mustCome(holds: () => boolean, otherwise: string): void {
    if (!this.until(holds)) throw new ExperimentOver(otherwise);
  }

  /** A value that no other operation writes. */
  value(): string {
    return `v${this.valueCount++}`;
  }

  /** Client c asks a member, and the answer comes when it comes. */
  begin(client: number, member: string, request: KvRequest): Begun {
    const {recorder} = this.evidence;
    const begun: Begun = {id: recorder.call(client, request), outcome: undefined};
    this.spawn(client, member, function* (handle) {
      const outcome = outcomeOf(request, yield* handle.call(callOf(request)));
      recorder.returned(begun.id, outcome);
      begun.outcome = outcome;
    });
    return begun;
  }

  /** As begin(), and waits for the answer. */
  ask(client: number, member: string, request: KvRequest): Outcome {
    const begun = this.begin(client, member, request);
    this.mustCome(() => begun.outcome !== undefined, `no answer from ${member}`);
    return must(begun.outcome, 'there is an answer');
  }

  put(client: number, member: string, key: string): Outcome {
    return this.ask(client, member, {kind: 'put', key, value: this.value()});
  }

  /** Any other call, which the history does not know. */
  beginCall(client: number, member: string, method: Method, request: object): {result: CallResult | undefined} {
    const begun: {result: CallResult | undefined} = {result: undefined};
    this.spawn(client, member, function* (handle) {
      begun.result = yield* handle.call({method, request, sizeBytes: 50});
    });
    return begun;
  }

  /** As beginCall(), and waits for the answer. */
  call(client: number, member: string, method: Method, request: object): CallResult {
    const begun = this.beginCall(client, member, method, request);
    this.mustCome(() => begun.result !== undefined, `no answer from ${member}`);
    return must(begun.result, 'there is an answer');
  }

  /** A watch at one member, recorded to the end. */
  watch(client: number, member: string, request: WatchLogRequest): WatchLog {
    const {evidence, world} = this;
    const recording = evidence.openWatch(client, member, request);
    this.spawn(client, member, (handle) => recordWatch(handle, recording, () => world.nowUs));
    return recording;
  }

  /** Operations one after the other, as long as `goesOn`; what fails is asked again as something new. */
  traffic(client: number, member: string, draw: () => KvRequest, goesOn: () => boolean): void {
    const {recorder} = this.evidence;
    this.spawn(client, member, function* (handle) {
      while (goesOn()) {
        const request = draw();
        const id = recorder.call(client, request);
        recorder.returned(id, outcomeOf(request, yield* handle.call(callOf(request))));
      }
    });
  }

  private spawn(client: number, member: string, program: (handle: Client) => Fiber<void>): void {
    const {machine, byMember} = must(this.clients[client], 'there is such a client', {client});
    if (byMember.size === 0) this.pass(1_000); // the client itself has yet to start
    const handle = must(byMember.get(member), 'the client knows the member', {member});
    must(machine.process, 'clients run for ever').spawn('operation', program(handle));
  }

  /** Waits until members that run have applied the same entries, and says whether they came to that. */
  settle(usMax = 20_000_000): boolean {
    return this.until(() => this.isAtRest(), usMax);
  }

  /** Every member that runs is published and has applied all that is committed, and no operation is open. */
  isAtRest(): boolean {
    const leader = this.leader();
    const committed = leader === undefined ? undefined : this.server(leader).raft.node.committed;
    for (const [name, server] of this.servers) {
      if (!this.isUp(name) || server.appliedIndex !== committed) return false;
    }
    return this.servers.size > 0;
  }
}

export const peerUrlOf = (member: string): string => `http://${member}:2380`;

/** The script cannot go on: what it waits for does not come. */
export class ExperimentOver extends Error {
  override readonly name = 'ExperimentOver';
}
