// server-core/client/test-servers.ts: what clients are tested against: a server that does what a script says, and real members.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {until} from '../../env/fiber.ts';
import type {Connection} from '../../env/network.ts';
import {World} from '../../sim/world.ts';
import {etcdProgram} from '../api/etcd-program.ts';
import type {CallFailure, ClientPayload} from '../api/payloads.ts';
import {clientFrame, clientPayloadOf} from '../api/payloads.ts';
import type {ServerConfigInput} from '../server/config.ts';
import {qualifyServerConfig} from '../server/config.ts';
import type {EtcdServer} from '../server/server.ts';
import type {ClientOptions} from './client.ts';
import {Client} from './client.ts';

export const SECOND = 1_000_000;

/** One client connection as the script sees it. */
export class ScriptedConnection {
  private readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  send(payload: ClientPayload): void {
    if (this.connection.ending === undefined) this.connection.trySend(clientFrame(payload, 10));
  }

  reply(id: number, response: object = {}): void {
    this.send({kind: 'reply', id, response});
  }

  fail(id: number, code: CallFailure['code'], message: string): void {
    this.send({kind: 'failure', id, code, message});
  }

  message(id: number, message: object): void {
    this.send({kind: 'message', id, message});
  }

  end(id: number, failure?: CallFailure): void {
    this.send(failure === undefined ? {kind: 'end', id} : {kind: 'end', id, failure});
  }

  /** Ends the connection behind what was sent. */
  close(): void {
    this.connection.close();
  }

  /** Ends the connection at once; what was sent may be lost. */
  reset(): void {
    this.connection.reset();
  }
}

/** Does something about each payload; `seen` has all so far, this one last. */
export type Script = (payload: ClientPayload, connection: ScriptedConnection, seen: readonly ClientPayload[]) => void;

/** A server that follows its script. It answers plain requests, so pings of clients come back. */
export class ScriptedServer {
  readonly seen: ClientPayload[] = [];
  /** The connections so far, the newest last. */
  readonly connections: ScriptedConnection[] = [];
  /** Connections that ended while the client lived. */
  endedCount = 0;
  private readonly script: Script;
  readonly address: string;

  constructor(world: World, name: string, script: Script) {
    this.script = script;
    this.address = `${name}:2379`;
    world.addMachine(name).start('server', (env) => this.run(env));
  }

  /** What came of one kind. */
  got<K extends ClientPayload['kind']>(kind: K): Extract<ClientPayload, {kind: K}>[] {
    return this.seen.filter((payload): payload is Extract<ClientPayload, {kind: K}> => payload.kind === kind);
  }

  /** The methods of the calls so far, without their service. */
  get methods(): string[] {
    return this.got('call').map(({method}) => method.replace(/^.*\//, ''));
  }

  private *run(env: Env): Fiber<void> {
    const listener = env.network.listen(2379);
    for (;;) {
      const connection = yield* until(listener.accept);
      if (connection === undefined) return;
      env.spawn('connection', this.serve(connection));
    }
  }

  private *serve(connection: Connection): Fiber<void> {
    const scripted = new ScriptedConnection(connection);
    this.connections.push(scripted);
    scripted.send({kind: 'settings'});
    for (;;) {
      const frame = yield* until(connection.receive);
      if (frame === undefined) {
        this.endedCount++;
        return;
      }
      const payload = clientPayloadOf(frame);
      this.seen.push(payload);
      if (payload.kind === 'http') scripted.send({kind: 'http-reply', id: payload.id, status: 200, body: ''});
      else this.script(payload, scripted, this.seen);
    }
  }
}

/** Runs a client program to its end and returns what it returned. */
export function runClient<T>(
  world: World,
  options: Omit<ClientOptions, 'requestTimeoutUs'> & {readonly requestTimeoutUs?: number},
  program: (client: Client, env: Env) => Fiber<T>,
  secondsMax = 200,
): T {
  let result: {readonly value: T} | undefined;
  let name = 'client';
  for (let i = 2; world.machines.some((machine) => machine.name === name); i++) name = `client${i}`;
  world.addMachine(name).start('client', function* (env) {
    const client = new Client(env, {requestTimeoutUs: 5 * SECOND, ...options});
    client.start();
    result = {value: yield* program(client, env)};
  });
  for (let i = 0; i < secondsMax && result === undefined; i++) world.runUntil(world.nowUs + SECOND);
  if (result === undefined) throw new Error('the client waits for ever');
  return result.value;
}

/** Members of one release in a world of their own. */
export class TestMembers {
  readonly world: World;
  readonly names: readonly string[];
  readonly servers = new Map<string, EtcdServer>();
  private readonly options: Partial<ServerConfigInput>;

  constructor(memberCount: number, release: string, seed = 1, options: Partial<ServerConfigInput> = {}) {
    this.world = new World({seed});
    this.options = {...options, release};
    this.names = Array.from({length: memberCount}, (_, i) => `m${i + 1}`);
    for (const name of this.names) this.world.addMachine(name);
    for (const name of this.names) this.start(name);
  }

  get endpoints(): string[] {
    return this.names.map((name) => `${name}:2379`);
  }

  start(name: string): void {
    const initialCluster = this.names.map((member) => ({name: member, peerUrls: [`http://${member}:2380`]}));
    const config = qualifyServerConfig({release: '3.6.0', ...this.options, initialCluster, name});
    const onStarted = (server: EtcdServer) => this.servers.set(name, server);
    this.world.machine(name).start('etcd', (env) => etcdProgram(env, config, onStarted));
  }

  kill(name: string): void {
    this.world.machine(name).kill();
    this.servers.delete(name);
  }

  get leader(): string | undefined {
    return this.names.find((name) => this.servers.get(name)?.raft.node.role === 'leader');
  }

  /** Kills a member and starts it again, so many times, with pauses; the others go on meanwhile. */
  crashInTurn(times: number, downUs: number, upUs: number): void {
    for (let i = 0; i < times; i++) {
      const victim = this.names[i % this.names.length] as string;
      this.kill(victim);
      this.world.runUntil(this.world.nowUs + downUs);
      this.start(victim);
      this.world.runUntil(this.world.nowUs + upUs);
    }
  }
}
