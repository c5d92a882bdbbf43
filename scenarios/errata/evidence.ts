// scenarios/errata/evidence.ts: what an experiment leaves behind, and what the general checks say of it: raft's invariants and state
// agreement while it runs; linearizability, durability, watch guarantees and member lists at its end.

import {StateAgreement} from '../../checkers/kv/state-agreement.ts';
import {RaftInvariants} from '../../checkers/raft-invariants.ts';
import {checkWatches} from '../../checkers/watch/check-watches.ts';
import {persistedFromSteps} from '../../checkers/watch/persisted-writes.ts';
import {DiskFault} from '../../env/disk.ts';
import type {Finding} from '../../history/verdict.ts';
import type {WatchLog, WatchLogEntry, WatchLogRequest} from '../../history/watch-log.ts';
import type {ProcessEnd} from '../../sim/process.ts';
import type {World} from '../../sim/world.ts';
import {AppliedLog} from '../applied-log.ts';
import type {FinalState} from '../final-state.ts';
import {judgeHistory} from '../judge.ts';
import {Recorder} from '../recorder.ts';

/** A watch while it is recorded. */
export interface WatchRecording extends WatchLog {
  readonly entries: WatchLogEntry[];
  closedUs?: number;
}

/** How the world is when it is judged. */
export interface Ending {
  readonly isAtRest: boolean;
  readonly finalStates: readonly FinalState[];
  /** Findings about the members' lists. */
  readonly memberLists: readonly Finding[];
}

export class Evidence {
  readonly recorder: Recorder;
  readonly invariants: RaftInvariants;
  readonly agreement: StateAgreement;
  readonly log = new AppliedLog();
  readonly watches: WatchRecording[] = [];
  private readonly deaths: Finding[] = [];
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
    const place = () => ({atUs: world.nowUs, atEvent: world.kernel.eventCount});
    this.recorder = new Recorder(() => world.nowUs);
    this.invariants = new RaftInvariants(place);
    this.agreement = new StateAgreement(place);
  }

  started(member: string, release: string): void {
    this.recorder.event({kind: 'start', atUs: this.world.nowUs, member, release});
  }

  /** A member's process is gone; a death that nobody caused is a finding. */
  ended(member: string, end: ProcessEnd): void {
    const atUs = this.world.nowUs;
    const {how, message} = end;
    this.recorder.event({kind: 'stop', atUs, member, how, message});
    if (end.how !== 'panic' || end.error instanceof DiskFault) return;
    const atEvent = this.world.kernel.eventCount;
    this.deaths.push({
      check: 'panic',
      kind: 'violation',
      message: `${member} died of itself: ${message}`,
      atUs,
      atEvent,
    });
  }

  openWatch(client: number, endpoint: string, request: WatchLogRequest): WatchRecording {
    const openedUs = this.world.nowUs;
    const recording: WatchRecording = {id: this.watches.length, client, request, openedUs, endpoint, entries: []};
    this.watches.push(recording);
    return recording;
  }

  /** Has anything been seen to go wrong while it ran? */
  hasViolation(): boolean {
    return this.deaths.length + this.invariants.findings.length + this.agreement.findings.length > 0;
  }

  /** Everything that is wrong, what clients see in front, then what members have, then what raft and processes did. */
  judge({isAtRest, finalStates, memberLists}: Ending): readonly Finding[] {
    const {recorder, log, agreement, invariants, deaths} = this;
    const {operations, timeline} = recorder;
    const persisted = () => log.writes();
    const history = judgeHistory({operations, timeline, finalStates, isAtRest, persisted});
    const watches = this.judgeWatches(isAtRest, finalStates);
    return [...history, ...watches, ...agreement.findings, ...memberLists, ...invariants.findings, ...deaths];
  }

  private judgeWatches(isAtRest: boolean, finalStates: readonly FinalState[]): readonly Finding[] {
    if (this.watches.length === 0) return [];
    const revision = Math.min(...finalStates.map((state) => state.revision));
    const rest = isAtRest ? {deliveredThrough: revision, atUs: this.world.nowUs} : undefined;
    return checkWatches(this.watches, persistedFromSteps(this.log.writes()), {rest});
  }
}
