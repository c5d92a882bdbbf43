// scenarios/traffic.ts: clients that read and write as a plan says, and record what they asked and were told.
// Each is a fiber on a machine of its own and has one operation open at a time. Values are unique in a run, so that a value read
// tells whose write it was.
import type {Random} from '../base/random.ts';
import type {Env} from '../env/env.ts';
import type {Fiber} from '../env/fiber.ts';
import {sleepUs} from '../env/fiber.ts';
import type {Compare, KvRequest, KvStep, Outcome} from '../history/operation.ts';
import type {Client} from '../server-core/client/client.ts';
import type {KnownFields} from '../server-core/mvcc/known-fields.ts';
import type {OperationKind, TrafficPlan} from './plan.ts';
import type {Recorder} from './recorder.ts';
import {callOf, outcomeOf} from './translate.ts';

/** What the run tells its clients. */
export interface TrafficSwitch {
  /** draw: as the weights say. probe: a write and a read in turn, to show progress. pause: not now. stop: no more. */
  readonly mode: () => 'draw' | 'probe' | 'pause' | 'stop';
}

export interface TrafficClientOptions {
  readonly index: number;
  readonly plan: TrafficPlan;
  readonly client: Client;
  readonly recorder: Recorder;
  readonly switch: TrafficSwitch;
  /** What the oldest release that the run will see knows of requests; undefined: everything. Clients ask for no more than that. */
  readonly known: KnownFields | undefined;
}

/** How long a client waits between probes. */
const PROBE_INTERVAL_US = 50_000;

/** The program of one client; ends when the switch says stop. */
export function* trafficClient(env: Env, options: TrafficClientOptions): Fiber<void> {
  const {client, recorder, index, plan, known} = options;
  const generator = new RequestGenerator(env.random.stream('requests'), index, plan, known);
  client.start();
  for (;;) {
    const mode = options.switch.mode();
    if (mode === 'stop') return;
    if (mode === 'probe' || mode === 'pause') yield* sleepUs(env.clock, PROBE_INTERVAL_US);
    else if (plan.operationsPerSecond > 0) yield* sleepUs(env.clock, generator.pauseUs());
    const now = options.switch.mode();
    if (now === 'stop') return;
    if (mode === 'pause' || now === 'pause') continue;
    const request = now === 'probe' ? generator.probe() : generator.next();
    const id = recorder.call(index, request);
    const outcome = outcomeOf(request, yield* client.call(callOf(request)));
    recorder.returned(id, outcome);
    generator.learn(outcome);
    if (plan.operationsPerSecond === 0 && outcome.kind !== 'ok') yield* sleepUs(env.clock, 1_000); // a refused client does not spin
  }
}

/** Draws requests; knows revisions that this client has seen, to compare with and to read back to. */
export class RequestGenerator {
  private readonly random: Random;
  private readonly client: number;
  private readonly plan: TrafficPlan;
  private readonly known: KnownFields | undefined;
  private readonly weighted: readonly {readonly item: OperationKind; readonly weight: number}[];
  private readonly seenModRevision = new Map<string, number>();
  private seenRevision = 1;
  private valueCount = 0;
  private probeCount = 0;

  constructor(random: Random, client: number, plan: TrafficPlan, known: KnownFields | undefined) {
    this.random = random;
    this.client = client;
    this.plan = plan;
    this.known = known;
    const kinds = Object.keys(plan.weights).sort() as OperationKind[];
    this.weighted = kinds.map((item) => ({item, weight: plan.weights[item]}));
  }

  /** Time between two operations of one client: from nothing to twice the mean. */
  pauseUs(): number {
    const {clientCount, operationsPerSecond} = this.plan;
    return this.random.below(Math.max(1, Math.floor((2_000_000 * clientCount) / operationsPerSecond)));
  }

  /** A write and a linearizable read in turn. */
  probe(): KvRequest {
    return this.probeCount++ % 2 === 0 ? this.put(this.key()) : {kind: 'range', key: this.key()};
  }

  next(): KvRequest {
    const {random} = this;
    switch (random.pickWeighted(this.weighted)) {
      case 'put':
        return {...this.put(this.key()), prevKv: random.below(4) === 0 && this.knowsPrevKv};
      case 'get':
        return {kind: 'range', key: this.key()};
      case 'serializableGet':
        return {kind: 'range', key: this.key(), serializable: true};
      case 'range':
        return {kind: 'range', key: 'k', end: 'l', limit: random.below(4), countOnly: random.below(4) === 0};
      case 'pastRange':
        return {kind: 'range', key: 'k', end: 'l', revision: 1 + random.below(this.seenRevision)};
      case 'delete':
        return {kind: 'delete-range', key: this.key(), prevKv: random.below(2) === 0 && this.knowsPrevKv};
      case 'deleteRange': {
        const [from, to] = [this.key(), this.key()].sort() as [string, string];
        return {kind: 'delete-range', key: from, end: to === from ? 'l' : to};
      }
      case 'compareAndSwap': {
        const key = this.key();
        return {
          kind: 'txn',
          compare: [{key, target: 'mod', result: 'equal', operand: this.seenModRevision.get(key) ?? 0}],
          success: [this.put(key)],
          failure: [{kind: 'range', key}],
        };
      }
      case 'multiTxn':
        return this.multiTxn();
      case 'readOnlyTxn':
        return {
          kind: 'txn',
          compare: [this.compare(this.key())],
          success: [{kind: 'range', key: this.key()}],
          failure: [{kind: 'range', key: 'k', end: 'l'}],
        };
    }
  }

  /** Remembers revisions out of an answer. */
  learn(outcome: Outcome): void {
    if (outcome.kind !== 'ok') return;
    const {response} = outcome;
    this.seenRevision = Math.max(this.seenRevision, response.revision);
    const ranges = response.kind === 'txn' ? response.responses : [response];
    for (const range of ranges) {
      if (range.kind !== 'range') continue;
      for (const {key, modRevision} of range.kvs) this.seenModRevision.set(key, modRevision);
    }
  }

  private get knowsPrevKv(): boolean {
    return this.known?.prevKv !== false;
  }

  private key(): string {
    return `k${this.random.below(this.plan.keyCount)}`;
  }

  private put(key: string): {readonly kind: 'put'; readonly key: string; readonly value: string} {
    const value = `${this.client}.${this.valueCount++}`;
    return {kind: 'put', key, value: value.padEnd(this.plan.valueSizeBytes, '.')};
  }

  private compare(key: string): Compare {
    const {random} = this;
    const drawn = random.pick(['equal', 'not-equal', 'greater', 'less'] as const);
    const result = drawn === 'not-equal' && this.known?.revisionBounds === false ? 'equal' : drawn;
    switch (random.below(4)) {
      case 0:
        return {key, target: 'version', result, operand: random.below(3)};
      case 1:
        return {key, target: 'create', result, operand: random.below(this.seenRevision + 1)};
      case 2:
        return {key, target: 'mod', result, operand: this.seenModRevision.get(key) ?? 0};
      default:
        return {key, target: 'value', result, operand: `${this.client}.${random.below(this.valueCount + 1)}`};
    }
  }

  /** Guards, two writes of different keys, a read of what was just written, and, where it is known, a nested transaction. */
  private multiTxn(): KvRequest {
    const {random} = this;
    const keys = random.shuffle(Array.from({length: this.plan.keyCount}, (_, i) => `k${i}`));
    const [first = 'k0', second] = keys;
    const writes: KvStep[] = [this.put(first)];
    if (second !== undefined)
      writes.push(random.below(2) === 0 ? this.put(second) : {kind: 'delete-range', key: second});
    const nested: KvStep = {
      kind: 'txn',
      compare: [this.compare(this.key())],
      success: [{kind: 'range', key: first}],
      failure: [{kind: 'range', key: 'k', end: 'l', countOnly: true}],
    };
    return {
      kind: 'txn',
      compare: [this.compare(this.key()), this.compare(this.key())],
      success: [...writes, {kind: 'range', key: first}],
      failure: random.below(2) === 0 && this.known?.nestedTxns !== false ? [nested] : [this.put(this.key())],
    };
  }
}
