// server-core/server/test-lab.ts: members of any release in one small world, on machines that outlive them: for tests that start, kill and
// swap them, and look into their files.
import {hexOf} from '../../base/byte-string.ts';
import type {Fiber} from '../../env/fiber.ts';
import {World} from '../../sim/world.ts';
import {etcdProgram} from '../api/etcd-program.ts';
import {BOLT_DEFAULTS} from '../backend/bolt/bolt-file.ts';
import {openBolt} from '../backend/bolt/open.ts';
import {runFiber, TestDisk} from '../backend/test-disk.ts';
import {putRequest} from '../etcdserverpb/types.ts';
import type {ServerConfigInput} from './config.ts';
import {qualifyServerConfig} from './config.ts';
import type {EtcdServer} from './server.ts';

export interface MemberOptions {
  readonly name: string;
  readonly peerUrl: string;
  readonly clientUrl: string;
}

/** A member that dies is noted. */
export class Lab {
  readonly world = new World({seed: 1});
  readonly servers = new Map<string, EtcdServer>();
  readonly notes: string[] = [];
  readonly deaths: string[] = [];
  private readonly members: readonly MemberOptions[];
  private clientCount = 0;

  constructor(members: readonly MemberOptions[]) {
    this.members = members;
    for (const {name, peerUrl, clientUrl} of members) {
      this.world.network.alias(peerUrl.slice(7), `${name}:2380`);
      this.world.network.alias(clientUrl.slice(7), `${name}:2379`);
      this.world.addMachine(name);
    }
    for (let i = 1; i <= 20; i++) this.world.addMachine(`c${i}`);
    this.world.onProcessEnd((machine, _process, {how, message}) => {
      if (how === 'panic') this.deaths.push(`${machine.name} ${message}`);
      this.servers.delete(machine.name);
    });
  }

  start(name: string, release: string, options: Partial<ServerConfigInput> = {}): void {
    const own = this.members.find((member) => member.name === name);
    const config = qualifyServerConfig({
      release,
      name,
      clientUrls: [own?.clientUrl ?? ''],
      initialCluster: this.members.map((member) => ({name: member.name, peerUrls: [member.peerUrl]})),
      bcryptCost: 4,
      observer: {
        restored: () => undefined,
        stepped: () => undefined,
        sent: () => undefined,
        applied: () => undefined,
        installed: () => undefined,
        noted: (text) => this.notes.push(`${name} ${text}`),
      },
      ...options,
    });
    this.world
      .machine(name)
      .start('etcd', (env) => etcdProgram(env, config, (server) => this.servers.set(name, server)));
  }

  startAll(release: string, options: Partial<ServerConfigInput> = {}): void {
    for (const {name} of this.members) this.start(name, release, options);
    this.pass(8);
  }

  kill(name: string): void {
    this.world.machine(name).kill();
    this.servers.delete(name);
  }

  /** Another binary on the same files. */
  swap(name: string, release: string): void {
    this.kill(name);
    this.start(name, release);
    this.pass(8);
  }

  pass(seconds: number): void {
    this.world.runUntil(this.world.nowUs + seconds * 1_000_000);
  }

  server(name: string): EtcdServer {
    const server = this.servers.get(name);
    if (server === undefined) throw new Error(`${name} is not up: ${this.deaths.join('; ')}`);
    return server;
  }

  versions(): string[] {
    return [...this.servers.values()].map(({clusterApi}) => clusterApi.versionBody());
  }

  /** Runs something that waits, beside the members. */
  run<T>(program: () => Fiber<T>): T {
    let result: {value: T} | undefined;
    this.world.machine(`c${++this.clientCount}`).start('client', function* () {
      result = {value: yield* program()};
    });
    for (let i = 0; i < 60 && result === undefined; i++) this.pass(1);
    if (result === undefined) throw new Error(`no answer: ${this.deaths.join('; ')}`);
    return result.value;
  }

  put(count: number): void {
    const {kv} = this.server('m1');
    this.run(function* () {
      for (let i = 1; i <= count; i++) {
        const answer = yield* kv.put(putRequest(`k${i}`, `v${i}`));
        if (answer.kind !== 'ok') throw new Error(answer.message);
      }
    });
  }

  file(name: string, path: string): Uint8Array {
    const bytes = this.world.machine(name).disk.peek(`/etcd/member/${path}`);
    if (bytes === undefined) throw new Error(`no ${path} on ${name}`);
    return bytes;
  }

  /** What the database holds but the keys: `bucket/key` to value. */
  database(name: string): Record<string, string> {
    const disk = new TestDisk();
    disk.setContent('/db', this.file(name, 'snap/db'));
    const bolt = runFiber(openBolt(runFiber(disk.open('/db')), BOLT_DEFAULTS));
    const found: Record<string, string> = {};
    for (const bucket of bolt.bucketNames()) {
      found[bucket] = '';
      bolt.bucket(bucket)?.forEach((key, value) => {
        const isText = bucket === 'members' || bucket === 'cluster' || key === 'confState' || key === 'storageVersion';
        if (bucket !== 'key') found[`${bucket}/${key}`] = isText ? new TextDecoder().decode(value) : hexOf(value);
      });
    }
    return found;
  }
}

/** One member on ports of the loopback address, as real ones were started. */
export const alone = (port: number): MemberOptions[] => [
  {name: 'm1', peerUrl: `http://127.0.0.1:${port + 1}`, clientUrl: `http://127.0.0.1:${port}`},
];
/** m1, m2 and m3. */
export const three: MemberOptions[] = ['m1', 'm2', 'm3'].map((name) => ({
  name,
  peerUrl: `http://${name}:2380`,
  clientUrl: `http://${name}:2379`,
}));
