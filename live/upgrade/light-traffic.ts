// live/upgrade/light-traffic.ts: a few clients that put and get a handful of keys while members are taken down and started, and what
// they were told as operations for the checkers. Calls are begun and looked after by `pump`, which the operator calls while it
// waits. An answer may be seen later than it came, never earlier, and a call is noted before it is sent: the history is sound.
import {Random} from '../../base/random.ts';
import type {KeyValue, KvRequest, KvResponse, Operation, Outcome} from '../../history/operation.ts';
import {type Fields, fieldsOf, textOf} from '../compare/book.ts';
import type {Codec, Plain} from '../rpc/codec.ts';
import type {PendingCall, Reply} from '../world.ts';
import type {UpgradeWorld} from './upgrade-world.ts';

const CLIENT_COUNT = 3;
const KEY_COUNT = 4;
/** How long a client rests between an answer and its next call. */
const REST_MS_MAX = 120;
/** At the end: how long answers are waited for. */
const DRAIN_MS_MAX = 12_000;
const POLL_MS = 20;
const SPEND_POLL_MS = 1;
/** Beside the keys of the traffic, and outside of what is watched. */
const OPERATOR_KEY = 'operator';
const RPC_OF: Readonly<Partial<Record<KvRequest['kind'], string>>> = {
  put: 'KV/Put',
  range: 'KV/Range',
  'delete-range': 'KV/DeleteRange',
};
/** What clients say themselves when there was no connection to send the call over. */
const NOT_SENT = /^(connection error$|No connection established)/;

/** All keys of the traffic. */
export const TRAFFIC_KEYS = {key: 'key', rangeEnd: 'kez'} as const;

/** calm: reads and writes with rests between; writes: nothing but writes, one right after the other. */
export type Pace = 'calm' | 'writes';

interface OpenCall {
  readonly id: number;
  readonly request: KvRequest;
  readonly callUs: number;
  readonly member: number;
  readonly pending: PendingCall;
}

interface Client {
  readonly index: number;
  open: OpenCall | undefined;
  nextMs: number;
}

export class LightTraffic {
  private readonly world: UpgradeWorld;
  private readonly codec: Codec;
  private readonly random: Random;
  private readonly clients: readonly Client[];
  private readonly done: Operation[] = [];
  private callCount = 0;
  /** Clients ask nothing more. */
  isPaused = false;
  /** Operations that were answered, and the writes among them. */
  answeredCount = 0;
  writtenCount = 0;
  /** The newest revision that an answer told of. */
  revision = 0;

  constructor(world: UpgradeWorld, codec: Codec, seed: number) {
    [this.world, this.codec, this.random] = [world, codec, Random.fromSeed(seed).stream('light-traffic')];
    this.clients = Array.from({length: CLIENT_COUNT}, (_, index) => ({index, open: undefined, nextMs: 0}));
  }

  /** Has every call been answered? */
  get isQuiet(): boolean {
    return this.clients.every(({open}) => open === undefined);
  }

  /** Takes note of answers, and begins calls to the members that serve clients now. */
  pump(serving: readonly number[], pace: Pace = 'calm'): void {
    for (const client of this.clients) {
      this.settle(client);
      const isRested = pace === 'writes' || this.world.nowMs() >= client.nextMs;
      if (!this.isPaused && client.open === undefined && serving.length > 0 && isRested) {
        this.begin(client, serving[this.random.below(serving.length)] ?? 0, pace);
      }
    }
  }

  /**
   * Puts a key of the operator's own and deletes it, until the revision is so much higher: writes of the history as any client's are.
   * A text: what went wrong; nobody knows how high the revision is behind a write whose effect is unknown.
   */
  async spend(count: number, served: () => number | undefined, limitMs: number): Promise<string | undefined> {
    const deadlineMs = this.world.nowMs() + limitMs;
    for (let spent = 0; spent < count; ) {
      const member = served() ?? 0;
      const key = OPERATOR_KEY;
      const request: KvRequest = spent % 2 === 0 ? {kind: 'put', key, value: `v${spent}`} : {kind: 'delete-range', key};
      const rpc = this.codec.rpc(RPC_OF[request.kind] ?? '');
      const {nowUs: callUs} = this;
      const body = this.codec.encode(rpc, request.kind === 'put' ? {key, value: request.value} : {key});
      const pending = this.world.begin(member, rpc.path, body, {});
      const open = {id: this.callCount++, request, callUs, member, pending};
      while (pending.outcome === undefined && this.world.nowMs() < deadlineMs) await this.world.sleep(SPEND_POLL_MS);
      const reply = pending.outcome;
      const outcome: Outcome = reply === undefined ? {kind: 'open'} : this.outcomeOf(open, reply);
      this.note(CLIENT_COUNT, open, reply === undefined ? undefined : this.nowUs, outcome);
      if (outcome.kind === 'ok') spent++;
      else if (outcome.kind === 'open') return 'a write has no end';
      else if (outcome.effect === 'unknown' || this.world.nowMs() >= deadlineMs) return outcome.error;
      else await this.world.sleep(POLL_MS);
    }
    return undefined;
  }

  /** Waits for the last answers. Operations in order of ids; those without an answer are open. */
  async finish(): Promise<Operation[]> {
    const deadlineMs = this.world.nowMs() + DRAIN_MS_MAX;
    while (this.clients.some(({open}) => open !== undefined) && this.world.nowMs() < deadlineMs) {
      await this.world.sleep(POLL_MS);
      for (const client of this.clients) this.settle(client);
    }
    for (const {open, index} of this.clients) {
      if (open === undefined) continue;
      open.pending.cancel();
      this.note(index, open, undefined, {kind: 'open'});
    }
    return this.done.sort((a, b) => a.id - b.id);
  }

  private get nowUs(): number {
    return Math.floor(this.world.nowMs() * 1000);
  }

  private begin(client: Client, member: number, pace: Pace): void {
    const id = this.callCount++;
    const key = `key${this.random.below(KEY_COUNT)}`;
    const isPut = this.random.chance({numerator: 1, denominator: 2}) || pace === 'writes';
    // Every value is written once, so that a read names the write it has seen.
    const request: KvRequest = isPut ? {kind: 'put', key, value: `v${id}`} : {kind: 'range', key};
    const rpc = this.codec.rpc(isPut ? 'KV/Put' : 'KV/Range');
    const body: Plain = isPut ? {key, value: `v${id}`} : {key};
    const {nowUs: callUs} = this;
    const pending = this.world.begin(member, rpc.path, this.codec.encode(rpc, body), {});
    client.open = {id, request, callUs, member, pending};
  }

  private settle(client: Client): void {
    const {open} = client;
    const reply = open?.pending.outcome;
    if (open === undefined || reply === undefined) return;
    this.note(client.index, open, this.nowUs, this.outcomeOf(open, reply));
    client.open = undefined;
    client.nextMs = this.world.nowMs() + this.random.below(REST_MS_MAX);
  }

  private note(client: number, {id, request, callUs}: OpenCall, returnUs: number | undefined, outcome: Outcome): void {
    this.done.push({id, client, request, callUs, returnUs, outcome});
  }

  private outcomeOf({request, member}: OpenCall, reply: Reply): Outcome {
    const isUnsent = reply.kind === 'error' && NOT_SENT.test(reply.message);
    const effect = request.kind === 'range' || isUnsent ? 'none' : 'unknown';
    if (reply.kind === 'silence') return {kind: 'error', error: 'no answer', effect};
    if (reply.kind === 'error') return {kind: 'error', error: `${reply.code}: ${reply.message}`, effect};
    const rpc = this.codec.rpc(RPC_OF[request.kind] ?? '');
    const answer = fieldsOf(this.codec.decode(rpc, reply.response)) ?? {};
    const response = responseOf(request, answer, this.world.members[member]?.name ?? '');
    this.answeredCount++;
    if (response.kind !== 'range') this.writtenCount++;
    this.revision = Math.max(this.revision, response.revision);
    return {kind: 'ok', response};
  }
}

type Given = Extract<KvResponse, {kind: 'put' | 'range' | 'delete-range'}>;

function responseOf(request: KvRequest, answer: Fields, member: string): Given {
  const revision = Number(fieldsOf(answer['header'])?.['revision']);
  if (request.kind === 'put') return {kind: 'put', revision, member};
  if (request.kind === 'delete-range')
    return {kind: 'delete-range', deleted: Number(answer['deleted']), revision, member};
  const kvs = Array.isArray(answer['kvs']) ? (answer['kvs'] as readonly Plain[]).map(keyValueOf) : [];
  return {kind: 'range', kvs, count: Number(answer['count']), more: answer['more'] === true, revision, member};
}

/** mvccpb.KeyValue as histories hold it. */
export function keyValueOf(plain: Plain): KeyValue {
  const fields = fieldsOf(plain) ?? {};
  return {
    key: textOf(fields['key']),
    value: textOf(fields['value']),
    createRevision: Number(fields['create_revision']),
    modRevision: Number(fields['mod_revision']),
    version: Number(fields['version']),
  };
}
