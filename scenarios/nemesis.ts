// scenarios/nemesis.ts: does the faults of a plan to the world, each from its time for its duration, and undoes them all to heal.
// Faults overlap: each holds what it needs and lets go of its own hold only. Targets are resolved when a fault begins.
import {unreachable} from '../base/assert.ts';
import type {Random} from '../base/random.ts';
import type {KernelEvent} from '../sim/kernel.ts';
import type {World} from '../sim/world.ts';
import {applyFault} from './fault-effects.ts';
import type {Member, Members} from './members.ts';
import type {Fault, Target} from './plan.ts';
import type {Recorder} from './recorder.ts';

/** Ends one fault. Safe to call once. */
export type Lift = () => void;

export interface NemesisOptions {
  readonly world: World;
  readonly members: Members;
  readonly clientHosts: readonly string[];
  readonly recorder: Recorder;
  readonly random: Random;
}

export class Nemesis {
  readonly options: NemesisOptions;
  private readonly active = new Set<Lift>();
  private healed = false;

  constructor(options: NemesisOptions) {
    this.options = options;
  }

  /** Files every fault of the plan. */
  schedule(faults: readonly Fault[]): void {
    for (const fault of faults) this.at(fault.atUs, () => this.begin(fault));
  }

  /** Ends all faults that last, and begins no more. */
  heal(): void {
    this.healed = true;
    for (const lift of [...this.active]) lift();
  }

  private begin(fault: Fault): void {
    if (this.healed) return;
    const {world, recorder} = this.options;
    const targets = this.resolve(fault.target);
    if (targets.length === 0) return world.trace.mark(`nemesis: no target for ${fault.kind}`);
    world.trace.mark(`nemesis: ${fault.kind}`);
    const effect = applyFault(fault, targets, this.options);
    const atUs = world.nowUs;
    const names = targets.map(({name}) => name);
    world.trace.event('nemesis', `${fault.kind} ${names.join(',')} ${effect.detail}`);
    const lift: Lift = () => {
      if (!this.active.delete(lift)) return;
      effect.lift();
      world.trace.event('nemesis', `${fault.kind} ${names.join(',')} is over`);
      recorder.event({
        kind: 'fault',
        atUs,
        untilUs: world.nowUs,
        fault: fault.kind,
        members: names,
        detail: effect.detail,
      });
    };
    this.active.add(lift);
    this.at(atUs + fault.durationUs, lift);
  }

  private resolve(target: Target): readonly Member[] {
    const {members, random} = this.options;
    switch (target.who) {
      case 'all':
        return members.all;
      case 'leader': {
        const leader = members.leader();
        return leader === undefined ? [] : [leader];
      }
      case 'followers': {
        const leader = members.leader();
        return random.shuffle(members.all.filter((member) => member !== leader)).slice(0, target.count);
      }
      case 'members':
        return random.shuffle(members.all).slice(0, target.count);
      default:
        return unreachable(target);
    }
  }

  private at(timeUs: number, act: () => void): void {
    const {kernel} = this.options.world;
    const event: KernelEvent = {traceId: kernel.nextTraceId(), fire: act};
    kernel.at(Math.max(timeUs, kernel.nowUs), event, 0);
  }
}
