// scenarios/members.ts: the members of a cluster as the world sees them: machines that run a server, die, and are started again.
// A supervisor (systemd, kubelet) starts a member again when nothing holds it down. A death that no fault explains is a finding.

import {DiskFault} from '../env/disk.ts';
import type {Finding} from '../history/verdict.ts';
import {etcdProgram} from '../server-core/api/etcd-program.ts';
import type {ServerConfig} from '../server-core/server/config.ts';
import type {EtcdServer} from '../server-core/server/server.ts';
import type {DiskOptions} from '../sim/disk.ts';
import type {KernelEvent} from '../sim/kernel.ts';
import type {Machine} from '../sim/machine.ts';
import type {ProcessEnd} from '../sim/process.ts';
import type {World} from '../sim/world.ts';
import type {Recorder} from './recorder.ts';

/** How long the supervisor waits before it starts a dead member again. */
const RESTART_US = 500_000;

/** One member over all its incarnations. */
export class Member {
  readonly name: string;
  readonly machine: Machine;
  /** The server that runs now; undefined while the member is down or still starting. */
  server: EtcdServer | undefined;
  /** Faults that keep it down or paused now. */
  downHolds = 0;
  pauseHolds = 0;
  /** Faults under which the supervisor does not start it again, although they do not stop it themselves. */
  restartHolds = 0;
  startCount = 0;

  constructor(name: string, machine: Machine) {
    this.name = name;
    this.machine = machine;
  }

  get isUp(): boolean {
    return this.machine.process !== undefined;
  }
}

export interface MembersOptions {
  readonly world: World;
  readonly recorder: Recorder;
  readonly names: readonly string[];
  readonly release: string;
  readonly disk: Partial<DiskOptions>;
  /** The configuration of one incarnation. */
  readonly configure: (member: Member) => ServerConfig;
}

export class Members {
  readonly all: readonly Member[];
  /** Deaths that nothing explains. */
  readonly findings: Finding[] = [];
  private readonly options: MembersOptions;

  constructor(options: MembersOptions) {
    this.options = options;
    const {world, names} = options;
    this.all = names.map((name) => new Member(name, world.addMachine(name, options.disk)));
    world.onProcessEnd((machine, _process, end) => this.onEnd(machine, end));
  }

  /** Starts every member. */
  startAll(): void {
    for (const member of this.all) this.start(member);
  }

  start(member: Member): void {
    if (member.isUp) return;
    const {world, recorder, release, configure} = this.options;
    recorder.event({kind: 'start', atUs: world.nowUs, member: member.name, release});
    member.startCount++;
    const config = configure(member);
    member.machine.start(`etcd ${release}`, (env) =>
      etcdProgram(env, config, (server) => {
        member.server = server;
      }),
    );
    if (member.pauseHolds > 0) member.machine.pause();
  }

  /** Starts it if it is down and nothing holds it there. */
  startIfFree(member: Member): void {
    if (member.downHolds === 0 && member.restartHolds === 0) this.start(member);
  }

  /** The member that leads in the highest term, as far as members themselves know. */
  leader(): Member | undefined {
    let found: Member | undefined;
    let term = -1;
    for (const member of this.all) {
      const raft = member.isUp ? member.server?.raft.node : undefined;
      if (raft?.role === 'leader' && raft.term > term) [found, term] = [member, raft.term];
    }
    return found;
  }

  private onEnd(machine: Machine, end: ProcessEnd): void {
    const member = this.all.find((candidate) => candidate.machine === machine);
    if (member === undefined) return;
    const {world, recorder} = this.options;
    member.server = undefined;
    recorder.event({kind: 'stop', atUs: world.nowUs, member: member.name, how: end.how, message: end.message});
    if (end.how === 'panic' && !(end.error instanceof DiskFault)) {
      this.findings.push({
        check: 'panic',
        kind: 'violation',
        message: `${member.name} died of itself: ${end.message}`,
        atUs: world.nowUs,
        atEvent: world.kernel.eventCount,
      });
      return;
    }
    if (end.how === 'panic') world.trace.mark('member stopped by a disk fault');
    this.restartLater(member);
  }

  /** Starts it after a while unless something holds it down then. */
  private restartLater(member: Member): void {
    const {kernel} = this.options.world;
    const event: KernelEvent = {
      traceId: kernel.nextTraceId(),
      fire: () => {
        this.startIfFree(member);
      },
    };
    kernel.at(kernel.nowUs + RESTART_US, event, 0);
  }
}
