// scenarios/members.ts: the members of a cluster as the world sees them: machines that run a server, die, and are started again.
// A supervisor (systemd, kubelet) starts a member again when nothing holds it down. A death that no fault and no step explains is a
// finding. An operator (scenarios/life) swaps binaries and holds members down; each member has its own release over time.

import {must} from '../base/assert.ts';
import {DiskFault} from '../env/disk.ts';
import {Signal} from '../env/fiber.ts';
import type {Finding} from '../history/verdict.ts';
import {etcdProgram} from '../server-core/api/etcd-program.ts';
import {ServerEnded} from '../server-core/membership/process-end.ts';
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

/** What a member is to its cluster, as far as the operator has had it: outside before it is added and once it is removed. */
export type Standing = 'voter' | 'learner' | 'outside';

/** One member over all its incarnations. */
export class Member {
  readonly name: string;
  readonly machine: Machine;
  /** The binary that the next start runs. */
  release: string;
  /** The binary of the incarnation before. */
  ranBefore: string | undefined;
  standing: Standing;
  /** It founds the cluster, or has a data directory from the beginning; else it is told to join one that runs. */
  isFounder: boolean;
  /** The next start has --force-new-cluster. */
  isForced = false;
  /** The server that runs now; undefined while the member is down or still starting. */
  server: EtcdServer | undefined;
  /** Faults that keep it down or paused now. */
  downHolds = 0;
  pauseHolds = 0;
  /** Faults under which the supervisor does not start it again, although they do not stop it themselves. */
  restartHolds = 0;
  /** The operator wants it down. */
  isHeld = false;
  /** What its process is to say when it ends of itself; undefined: it is not to end. */
  expectedEnd: string | undefined;
  /** The last line of a process that ended of itself as expected. */
  endedWith: string | undefined;
  startCount = 0;

  constructor(name: string, machine: Machine, release: string, standing: Standing) {
    this.name = name;
    this.machine = machine;
    this.release = release;
    this.standing = standing;
    this.isFounder = standing !== 'outside';
  }

  get isUp(): boolean {
    return this.machine.process !== undefined;
  }

  /** Part of the cluster, and nobody wants it down. */
  get isWanted(): boolean {
    return this.standing !== 'outside' && !this.isHeld;
  }
}

export interface MembersOptions {
  readonly world: World;
  readonly recorder: Recorder;
  /** Those that found the cluster. */
  readonly names: readonly string[];
  /** Those that may be added later; their machines stand ready. */
  readonly joining: readonly string[];
  readonly release: string;
  readonly disk: Partial<DiskOptions>;
  /** The configuration of one incarnation. */
  readonly configure: (member: Member) => ServerConfig;
  /** A process is gone; `isExplained`: a fault or the plan is why. */
  readonly ended: (member: Member, end: ProcessEnd, isExplained: boolean) => void;
}

export class Members {
  /** Founders first; with those that are not part of the cluster yet, or no longer. */
  readonly everyone: readonly Member[];
  /** Deaths that nothing explains. */
  readonly findings: Finding[] = [];
  /** Notified when a process ends. */
  readonly ended = new Signal();
  private readonly options: MembersOptions;

  constructor(options: MembersOptions) {
    this.options = options;
    const {world, names, joining, release, disk} = options;
    const founders = names.map((name) => new Member(name, world.addMachine(name, disk), release, 'voter'));
    const others = joining.map((name) => {
      const member = new Member(name, world.addMachine(name, disk), release, 'outside');
      member.isHeld = true;
      return member;
    });
    this.everyone = [...founders, ...others];
    world.onProcessEnd((machine, _process, end) => this.onEnd(machine, end));
  }

  /** The members of the cluster, as far as the operator has come. */
  get all(): readonly Member[] {
    return this.everyone.filter(({standing}) => standing !== 'outside');
  }

  named(name: string): Member {
    return must(
      this.everyone.find((member) => member.name === name),
      'no member of that name',
      {name},
    );
  }

  /** Starts every founder. */
  startAll(): void {
    for (const member of this.all) this.start(member);
  }

  start(member: Member): void {
    if (member.isUp) return;
    const {world, recorder, configure} = this.options;
    const {release} = member;
    recorder.event({kind: 'start', atUs: world.nowUs, member: member.name, release});
    member.startCount++;
    const config = configure(member);
    member.ranBefore = release;
    member.machine.start(`etcd ${release}`, (env) =>
      etcdProgram(env, config, (server) => {
        member.server = server;
      }),
    );
    if (member.pauseHolds > 0) member.machine.pause();
  }

  /** Starts it if it is down and nothing holds it there. */
  startIfFree(member: Member): void {
    if (member.downHolds === 0 && member.restartHolds === 0 && !member.isHeld) this.start(member);
  }

  /** SIGTERM: a server ends in order, one that is still starting at once. */
  stop(member: Member): void {
    if (member.server === undefined) member.machine.kill('SIGTERM');
    else member.server.stop();
  }

  /** The member that leads in the highest term, as far as members themselves know. */
  leader(): Member | undefined {
    let found: Member | undefined;
    let term = -1;
    for (const member of this.everyone) {
      const raft = member.isUp ? member.server?.raft.node : undefined;
      if (raft?.role === 'leader' && raft.term > term) [found, term] = [member, raft.term];
    }
    return found;
  }

  private onEnd(machine: Machine, end: ProcessEnd): void {
    const member = this.everyone.find((candidate) => candidate.machine === machine);
    if (member === undefined) return;
    const {world, recorder} = this.options;
    const isTooEarly = end.how === 'panic' && isJoinTooEarly(member, end);
    member.server = undefined;
    this.ended.notify();
    recorder.event({kind: 'stop', atUs: world.nowUs, member: member.name, how: end.how, message: end.message});
    const isPlanned = end.how === 'panic' && end.error instanceof ServerEnded && isExpected(member, end.message);
    const isOfDisk = end.how === 'panic' && end.error instanceof DiskFault;
    this.options.ended(member, end, isPlanned || isTooEarly || isOfDisk);
    if (isPlanned) {
      world.trace.mark('member ended as its release does');
      member.endedWith = end.message;
      member.isHeld = true;
      return;
    }
    if (isTooEarly) {
      world.trace.mark('member joins again: who it asked did not know of it yet');
      this.restartLater(member);
      return;
    }
    if (end.how === 'panic' && !isOfDisk) {
      this.findings.push({
        check: 'panic',
        kind: 'violation',
        message: `${member.name} died of itself: ${end.message}`,
        atUs: world.nowUs,
        atEvent: world.kernel.eventCount,
      });
      return;
    }
    if (isOfDisk) world.trace.mark('member stopped by a disk fault');
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

/**
 * A joiner asks any member for the list, and one that lags does not have it yet; or none answers. etcd ends, and is started again.
 * etcd: GetClusterFromRemotePeers, ValidateClusterAndAssignIDs.
 */
const isJoinTooEarly = ({isFounder, server}: Member, {message = ''}: ProcessEnd): boolean =>
  !isFounder &&
  server === undefined &&
  (message.includes('member count is unequal') || message.includes('cannot fetch cluster info from peer urls'));

const isExpected = ({expectedEnd}: Member, message: string): boolean =>
  expectedEnd !== undefined && message.includes(expectedEnd);
