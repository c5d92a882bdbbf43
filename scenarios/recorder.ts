// scenarios/recorder.ts: the history as it is made: calls, returns, and what happened to members.
import {must} from '../base/assert.ts';
import type {KvRequest, Operation, Outcome} from '../history/operation.ts';
import type {TimelineEvent} from '../history/timeline.ts';

interface OpenOperation {
  readonly id: number;
  readonly client: number;
  readonly request: KvRequest;
  readonly callUs: number;
  returnUs: number | undefined;
  outcome: Outcome;
}

const OPEN: Outcome = Object.freeze({kind: 'open'});

export class Recorder {
  private readonly made: OpenOperation[] = [];
  private readonly events: TimelineEvent[] = [];
  private readonly now: () => number;
  private readonly listener: (event: TimelineEvent) => void;

  /** `now` tells virtual time in microseconds; `listener` hears of each event. */
  constructor(now: () => number, listener: (event: TimelineEvent) => void = () => undefined) {
    this.now = now;
    this.listener = listener;
  }

  /** A client calls; returns the id of the operation. */
  call(client: number, request: KvRequest): number {
    const id = this.made.length;
    this.made.push({id, client, request, callUs: this.now(), returnUs: undefined, outcome: OPEN});
    return id;
  }

  /** The client knows how it ended. */
  returned(id: number, outcome: Outcome): void {
    const operation = must(this.made[id], 'an operation returns that was never called', {id});
    operation.returnUs = this.now();
    operation.outcome = outcome;
  }

  event(event: TimelineEvent): void {
    this.events.push(event);
    this.listener(event);
  }

  get operations(): readonly Operation[] {
    return this.made;
  }

  get timeline(): readonly TimelineEvent[] {
    return this.events;
  }
}
