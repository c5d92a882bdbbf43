// sim/machine.ts: a machine owns a disk, a clock and a network address and survives; a process is one incarnation on it.
// kill ends the process and keeps the page cache; powerOff loses what was not fsynced; pause is SIGSTOP.
import {assert} from '../base/assert.ts';
import type {Random} from '../base/random.ts';
import type {Env} from '../env/env.ts';
import {MachineClock} from './clock.ts';
import type {DiskOptions} from './disk.ts';
import {SimDisk} from './disk.ts';
import {ProcessFailpoints} from './failpoints.ts';
import type {Kernel} from './kernel.ts';
import type {SimNetwork} from './network.ts';
import type {ProcessEnd, ProcessHost, Program, SchedulingOptions} from './process.ts';
import {Process} from './process.ts';
import type {TraceRecorder} from './trace.ts';

/** What a machine needs of its world. */
export interface MachineHost {
  readonly kernel: Kernel;
  readonly network: SimNetwork;
  readonly trace: TraceRecorder;
  readonly random: Random;
  readonly scheduling: SchedulingOptions;
  /** Called once for each process that ends, however. */
  readonly onProcessEnd: (machine: Machine, process: Process, end: ProcessEnd) => void;
}

export class Machine implements ProcessHost {
  readonly name: string;
  readonly clock: MachineClock;
  readonly disk: SimDisk;
  readonly kernel: Kernel;
  readonly scheduling: SchedulingOptions;
  private readonly world: MachineHost;
  private readonly random: Random;
  private incarnationCount = 0;
  private running: {readonly process: Process; readonly failpoints: ProcessFailpoints} | undefined;

  constructor(world: MachineHost, name: string, disk: Partial<DiskOptions> = {}) {
    this.world = world;
    this.name = name;
    this.kernel = world.kernel;
    this.scheduling = world.scheduling;
    this.random = world.random.stream(`machine/${name}`);
    this.clock = new MachineClock(world.kernel);
    this.disk = new SimDisk({
      kernel: world.kernel,
      random: this.random.stream('disk'),
      trace: world.trace.for(name),
      host: name,
      options: disk,
    });
    world.network.addHost(name);
  }

  /** The process that runs here now, if any. */
  get process(): Process | undefined {
    return this.running?.process;
  }

  /** The failpoints of the running process, to arm them. */
  get failpoints(): ProcessFailpoints | undefined {
    return this.running?.failpoints;
  }

  /** Starts a program; none may be running. The label (a release) goes into the record. */
  start(label: string, program: Program): Process {
    assert(this.running === undefined, 'a process runs here already', {machine: this.name});
    const {kernel, network, trace} = this.world;
    const incarnation = ++this.incarnationCount;
    const process = new Process(this, incarnation, label, (end) => this.onEnd(process, end));
    const failpoints = new ProcessFailpoints(this.clock, (how, failpoint) => {
      trace.event(this.name, `failpoint ${failpoint}: ${how}`);
      if (how === 'power-off') this.powerOff();
      else this.kill(`failpoint ${failpoint}`);
    });
    this.running = {process, failpoints};
    const env: Env = {
      name: this.name,
      clock: this.clock,
      random: this.random.stream(`process/${incarnation}`),
      disk: this.disk.attach(process),
      network: network.attach(this.name, process),
      trace: trace.for(this.name),
      failpoints,
      choose: (countMax) => kernel.schedule.below(countMax),
      spawn: (name, fiber) => process.spawn(name, fiber),
    };
    trace.event(this.name, `start ${label} #${incarnation}`);
    const main = process.spawn('main', program(env));
    process.spawn('exit', stopWhenDone(process, main.ended));
    return process;
  }

  /** SIGKILL: the process is gone, the page cache stays. Nothing happens when none runs. */
  kill(message?: string): void {
    this.running?.process.finish({how: 'kill', message});
  }

  /** The power fails: the process is gone and so is all that was not fsynced. */
  powerOff(): void {
    const process = this.process;
    process?.finish({how: 'power-off'});
    this.world.network.hostDown(this.name);
    this.disk.powerOff();
    this.clock.reboot();
  }

  pause(): void {
    this.world.trace.event(this.name, 'pause');
    this.process?.pause();
  }

  resume(): void {
    this.world.trace.event(this.name, 'resume');
    this.process?.resume();
  }

  private onEnd(process: Process, end: ProcessEnd): void {
    const {network, trace} = this.world;
    trace.event(this.name, `end: ${end.how}${end.message === undefined ? '' : ` (${end.message})`}`);
    if (this.process === process) this.running = undefined;
    this.disk.processEnded(process);
    network.processEnded(this.name, process, end.how);
    this.world.onProcessEnd(this, process, end);
  }
}

function* stopWhenDone(process: Process, ended: ReturnType<Process['spawn']>['ended']) {
  while (!ended.ready()) yield ended;
  process.finish({how: 'stop'});
}
