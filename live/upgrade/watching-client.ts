// live/upgrade/watching-client.ts: a client that watches all keys of the traffic from the first revision on, over one member after the other as
// they are taken down, and writes down what it was told for checkers/watch. It goes on behind the last event that it has, as clientv3
// does. An answer may be written down later than it came, never earlier.
import type {WatchLog, WatchLogEntry, WatchLogEvent} from '../../history/watch-log.ts';
import {type Fields, fieldsOf, textOf} from '../compare/book.ts';
import type {Codec, Plain} from '../rpc/codec.ts';
import type {WorldStream} from '../world.ts';
import {keyValueOf, TRAFFIC_KEYS} from './light-traffic.ts';
import type {UpgradeWorld} from './upgrade-world.ts';

export interface WatchingClientOptions {
  readonly world: UpgradeWorld;
  readonly codec: Codec;
  readonly id: number;
  /** The first revision that it wants; default: 1. */
  readonly startRevision?: number;
}

export class WatchingClient {
  private readonly world: UpgradeWorld;
  private readonly codec: Codec;
  private readonly id: number;
  private readonly entries: WatchLogEntry[] = [];
  private stream: WorldStream | undefined;
  private readCount = 0;
  private member: number;
  private openedUs: number | undefined;
  private firstEndpoint = '';
  private readonly startRevision: number;
  private nextRevision: number;
  private isOver = false;
  /** The first revision that can be had, where what it wanted was gone. */
  private compactRevision: number | undefined;

  constructor({world, codec, id, startRevision = 1}: WatchingClientOptions) {
    [this.world, this.codec, this.id, this.member] = [world, codec, id, id];
    [this.startRevision, this.nextRevision] = [startRevision, startRevision];
  }

  /** Is there something up to that revision that it has yet to be told? */
  isBehind(revision: number): boolean {
    return !this.isOver && this.nextRevision <= revision;
  }

  /** Once: the first revision that can be had, where this watch came to its end because what it wanted was compacted. */
  takeCompacted(): number | undefined {
    const revision = this.compactRevision;
    this.compactRevision = undefined;
    return revision;
  }

  /** Takes note of what came, and asks another member when the stream has ended. */
  pump(serving: readonly number[]): void {
    this.read();
    if (this.stream !== undefined || this.isOver || serving.length === 0) return;
    this.member = serving.find((index) => index > this.member) ?? serving[0] ?? 0;
    this.open();
  }

  /** Everything that it was told; the stream is given up. */
  finish(): WatchLog {
    this.read();
    this.stream?.cancel();
    const {id, entries, startRevision, openedUs = 0, firstEndpoint: endpoint} = this;
    return {id, client: id, request: {...TRAFFIC_KEYS, startRevision, prevKv: true}, openedUs, endpoint, entries};
  }

  private open(): void {
    const rpc = this.codec.rpc('Watch/Watch');
    const {key, rangeEnd: range_end} = TRAFFIC_KEYS;
    const endpoint = this.world.members[this.member]?.name ?? '';
    const stream = this.world.openStream(this.member, rpc.path);
    [this.stream, this.readCount] = [stream, 0];
    if (this.openedUs === undefined) [this.openedUs, this.firstEndpoint] = [this.nowUs, endpoint];
    else this.entries.push({kind: 'resumed', atUs: this.nowUs, startRevision: this.nextRevision, endpoint});
    // A stream that has ended already takes nothing; the next look finds its end.
    if (stream.received.length > 0) return;
    stream.send(
      this.codec.encode(rpc, {create_request: {key, range_end, start_revision: `${this.nextRevision}`, prev_kv: true}}),
    );
  }

  private get nowUs(): number {
    return Math.floor(this.world.nowMs() * 1000);
  }

  private read(): void {
    const rpc = this.codec.rpc('Watch/Watch');
    while (this.stream !== undefined && this.readCount < this.stream.received.length) {
      const message = this.stream.received[this.readCount++];
      if (message?.kind === 'message') this.note(fieldsOf(this.codec.decode(rpc, message.response)) ?? {});
      else this.stream = undefined;
    }
  }

  private note(answer: Fields): void {
    const atUs = this.nowUs;
    const revision = Number(fieldsOf(answer['header'])?.['revision']);
    const compactRevision = Number(answer['compact_revision']);
    if (answer['created'] === true) this.entries.push({kind: 'created', atUs, revision});
    if (answer['canceled'] === true) {
      this.isOver = true;
      const reason = textOf(answer['cancel_reason']);
      if (compactRevision > 0) this.compactRevision = compactRevision;
      if (compactRevision > 0) this.entries.push({kind: 'compacted', atUs, revision, compactRevision});
      else this.entries.push({kind: 'cancelled', atUs, revision, reason});
      return;
    }
    const events = Array.isArray(answer['events']) ? (answer['events'] as readonly Plain[]).map(eventOf) : [];
    if (events.length === 0) return;
    this.entries.push({kind: 'events', atUs, revision, events});
    this.nextRevision = (events.at(-1)?.modRevision ?? this.nextRevision) + 1;
  }
}

function eventOf(plain: Plain): WatchLogEvent {
  const {type, kv = null, prev_kv: before = null} = fieldsOf(plain) ?? {};
  const prevKv = before === null ? undefined : keyValueOf(before);
  return {type: type === 'DELETE' ? 'delete' : 'put', ...keyValueOf(kv), prevKv};
}
