// scenarios/fault-effects.ts: what each kind of fault does to its targets, and how it is undone.
import {unreachable} from '../base/assert.ts';
import type {DiskFaultRule, FaultHandle} from '../sim/disk-faults.ts';
import type {Member} from './members.ts';
import type {NemesisOptions} from './nemesis.ts';
import {aroundTargets, directionsOf} from './partitions.ts';
import type {Fault} from './plan.ts';

/** A fault under way. */
export interface Effect {
  /** For people: what exactly was done. */
  readonly detail: string;
  readonly lift: () => void;
}

const NOTHING = (): void => undefined;

/** Does the fault to its targets now. */
export function applyFault(fault: Fault, targets: readonly Member[], options: NemesisOptions): Effect {
  switch (fault.kind) {
    case 'kill':
    case 'power-off':
      return takeDown(fault.kind, targets, options);
    case 'pause':
      return pause(targets);
    case 'partition':
      return cut(fault, targets, options);
    case 'bad-link':
      return badLink(fault, targets, options);
    case 'clog':
      return clog(targets, options);
    case 'reset-connections':
      for (const {name} of targets) options.world.network.resetAll(name);
      return {detail: 'all connections reset', lift: NOTHING};
    case 'slow-disk':
      return onDisks(targets, {kind: 'slow', factor: fault.factor}, `${fault.factor} times as slow`);
    case 'stall-disk':
      return onDisks(targets, {kind: 'stalled'}, 'nothing returns');
    case 'fsync-error':
      // The page cache forgets what was not written. A kernel that keeps it lets etcd start again on pages that the next power cut
      // takes away ("fsyncgate"): a WAL with a hole, which etcd rightly refuses. That is damage for the fault atlas to ration.
      return stopsServer(targets, {kind: 'sync-error', cache: 'dropped'}, 'fsync fails with EIO', options);
    case 'disk-full':
      return stopsServer(targets, {kind: 'full', capacityBytes: 0}, 'no room left', options);
    case 'clock':
      return shiftClocks(fault, targets);
    case 'failpoint':
      return armFailpoint(fault, targets, options);
    default:
      return unreachable(fault);
  }
}

function takeDown(kind: 'kill' | 'power-off', targets: readonly Member[], {members}: NemesisOptions): Effect {
  for (const member of targets) {
    member.downHolds++;
    if (kind === 'kill') member.machine.kill();
    else member.machine.powerOff();
  }
  return {detail: kind === 'kill' ? 'SIGKILL' : 'power lost', lift: () => release(targets, members)};
}

/** Starts what nothing else holds down. */
function release(targets: readonly Member[], members: NemesisOptions['members']): void {
  for (const member of targets) {
    member.downHolds--;
    members.startIfFree(member);
  }
}

function pause(targets: readonly Member[]): Effect {
  for (const member of targets) {
    member.pauseHolds++;
    member.machine.pause();
  }
  const lift = () => {
    for (const member of targets) {
      member.pauseHolds--;
      if (member.pauseHolds === 0) member.machine.resume();
    }
  };
  return {detail: 'SIGSTOP', lift};
}

function cut(fault: Extract<Fault, {kind: 'partition'}>, targets: readonly Member[], options: NemesisOptions): Effect {
  const directions = directionsOf(fault, targets, options);
  const {lift} = options.world.network.cut(directions);
  return {detail: `${fault.shape}${fault.clientsToo ? ', clients too' : ''}`, lift};
}

function badLink(
  {latencyUs, lossOneIn}: Extract<Fault, {kind: 'bad-link'}>,
  targets: readonly Member[],
  {world, members}: NemesisOptions,
): Effect {
  const {lift} = world.network.trouble(aroundTargets(targets, members.all), {latencyUs, lossOneIn});
  return {detail: `${latencyUs / 1000} ms more${lossOneIn > 0 ? `, one frame in ${lossOneIn} lost` : ''}`, lift};
}

function clog(targets: readonly Member[], {world, members}: NemesisOptions): Effect {
  const inward = aroundTargets(targets, members.all).filter(([, to]) => targets.some(({name}) => name === to));
  return {detail: 'frames to it pile up', lift: world.network.clog(inward).lift};
}

function onDisks(targets: readonly Member[], rule: DiskFaultRule, detail: string): Effect {
  const handles: FaultHandle[] = targets.map(({machine}) => machine.disk.inject(rule));
  return {
    detail,
    lift: () => {
      for (const handle of handles) handle.lift();
    },
  };
}

/** A fault that makes etcd stop: the supervisor does not start it again before it is over. */
function stopsServer(
  targets: readonly Member[],
  rule: DiskFaultRule,
  detail: string,
  {members}: NemesisOptions,
): Effect {
  const disks = onDisks(targets, rule, detail);
  for (const member of targets) member.restartHolds++;
  const lift = () => {
    disks.lift();
    for (const member of targets) {
      member.restartHolds--;
      members.startIfFree(member);
    }
  };
  return {detail, lift};
}

function shiftClocks({stepUs, driftPpm}: Extract<Fault, {kind: 'clock'}>, targets: readonly Member[]): Effect {
  for (const {machine} of targets) {
    machine.clock.stepWall(stepUs);
    machine.clock.setDrift(driftPpm);
  }
  const lift = () => {
    for (const {machine} of targets) machine.clock.setDrift(0);
  };
  return {detail: `wall clock ${stepUs / 1_000_000} s, drift ${driftPpm} ppm`, lift};
}

function armFailpoint(
  {name, how, afterHits}: Extract<Fault, {kind: 'failpoint'}>,
  targets: readonly Member[],
  {members}: NemesisOptions,
): Effect {
  for (const member of targets) {
    member.restartHolds++;
    member.machine.failpoints?.arm(name, {action: {kind: 'crash', how}, afterHits});
  }
  const lift = () => {
    for (const member of targets) {
      member.restartHolds--;
      member.machine.failpoints?.disarm(name);
      members.startIfFree(member);
    }
  };
  return {detail: `${how} at ${name}, hit ${afterHits}`, lift};
}
