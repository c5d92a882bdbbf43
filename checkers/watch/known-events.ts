// checkers/watch/known-events.ts: every event that is known to have happened, in order, and for any range of keys those in it.
// Known from what members applied, where that is recorded, and then these are all there were; otherwise from what watches were told,
// and then there may be others. Order: by revision, then by key. A range's events are found once for all watches of it.
import {type ByteString, compareByteStrings} from '../../base/byte-string.ts';
import type {KeyValue} from '../../history/operation.ts';
import type {WatchLog, WatchLogEvent} from '../../history/watch-log.ts';
import type {WatchAttempt} from './attempts.ts';
import type {PersistedWrites} from './persisted-writes.ts';

export interface KnownEvent extends WatchLogEvent {
  /** Who was told it first; undefined: it is what members applied. */
  readonly toldTo: WatchLog | undefined;
}

/** Total: no two known events have the same revision and key. */
export function compareKnown(
  a: {readonly modRevision: number; readonly key: ByteString},
  b: {readonly modRevision: number; readonly key: ByteString},
): number {
  return a.modRevision - b.modRevision || compareByteStrings(a.key, b.key);
}

export class KnownEvents {
  /** All of them happened, and no others between these revisions (both included); undefined: there may be others. */
  readonly complete: {readonly from: number; readonly through: number} | undefined;
  /** Revisions that were compacted at, sorted; undefined: not known. */
  readonly compactions: readonly number[] | undefined;
  private readonly events: readonly KnownEvent[];
  private readonly byKey = new Map<ByteString, number[]>();
  private readonly keys: readonly ByteString[];
  private readonly ranges = new Map<string, readonly KnownEvent[]>();

  /** `events` in order (compareKnown). */
  constructor(
    events: readonly KnownEvent[],
    complete: {readonly from: number; readonly through: number} | undefined,
    compactions: readonly number[] | undefined,
  ) {
    this.events = events;
    this.complete = complete;
    this.compactions = compactions && [...compactions].sort((a, b) => a - b);
    for (let place = 0; place < events.length; place++) {
      const {key} = events[place] as KnownEvent;
      const places = this.byKey.get(key);
      if (places === undefined) this.byKey.set(key, [place]);
      else places.push(place);
    }
    this.keys = [...this.byKey.keys()].sort(compareByteStrings);
  }

  /** The event of a key at a revision. */
  at(key: ByteString, revision: number): KnownEvent | undefined {
    const places = this.byKey.get(key);
    if (places === undefined) return undefined;
    const event = this.events[places[this.firstFrom(places, revision)] ?? -1];
    return event?.modRevision === revision ? event : undefined;
  }

  /** The last event of a key before a revision. */
  before(key: ByteString, revision: number): KnownEvent | undefined {
    const places = this.byKey.get(key);
    if (places === undefined) return undefined;
    return this.events[places[this.firstFrom(places, revision) - 1] ?? -1];
  }

  /** The events of one key (end absent or '') or of a range of keys, in order. */
  of(key: ByteString, end: ByteString | undefined): readonly KnownEvent[] {
    // No two ranges have one name: that of a single key begins with no digit.
    const name = end === undefined ? `=${key}` : `${key.length}:${key}${end}`;
    let found = this.ranges.get(name);
    if (found === undefined) {
      found = this.collect(key, end).map((place) => this.events[place] as KnownEvent);
      this.ranges.set(name, found);
    }
    return found;
  }

  private collect(key: ByteString, end: ByteString | undefined): readonly number[] {
    if (end === undefined || end === '') return this.byKey.get(key) ?? [];
    const found: number[] = [];
    for (let i = firstKeyFrom(this.keys, key); i < this.keys.length; i++) {
      const other = this.keys[i] as ByteString;
      if (end !== '\0' && other >= end) break;
      for (const place of this.byKey.get(other) ?? []) found.push(place);
    }
    return found.sort((a, b) => a - b);
  }

  private firstFrom(places: readonly number[], revision: number): number {
    let low = 0;
    let high = places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.events[places[middle] as number] as KnownEvent).modRevision < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function firstKeyFrom(keys: readonly ByteString[], key: ByteString): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] as ByteString) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** All events, from what members applied. */
export function knownFromWrites({baseRevision, initial, revisions, compactions}: PersistedWrites): KnownEvents {
  const live = new Map<ByteString, KeyValue>();
  for (const kv of initial) live.set(kv.key, kv);
  const events: KnownEvent[] = [];
  let through = baseRevision;
  for (const {revision, changes} of revisions) {
    through = revision;
    const ordered = changes.length === 1 ? changes : [...changes].sort((a, b) => compareByteStrings(a.key, b.key));
    for (const {key, kv} of ordered) {
      const prevKv = live.get(key);
      events.push({
        type: kv === undefined ? 'delete' : 'put',
        key,
        value: kv === undefined ? '' : kv.value,
        modRevision: revision,
        createRevision: kv === undefined ? 0 : kv.createRevision,
        version: kv === undefined ? 0 : kv.version,
        lease: undefined,
        prevKv,
        toldTo: undefined,
      });
      if (kv === undefined) live.delete(key);
      else live.set(key, kv);
    }
  }
  return new KnownEvents(events, {from: baseRevision + 1, through}, compactions);
}

/** What watches were told, each event as the first of them was. */
export function knownFromWatches(attempts: readonly WatchAttempt[]): KnownEvents {
  const told: {readonly event: WatchLogEvent; readonly watch: WatchLog; readonly atUs: number}[] = [];
  for (const {watch, answers} of attempts) {
    for (const {atUs, events} of answers) for (const event of events) told.push({event, watch, atUs});
  }
  told.sort((a, b) => compareKnown(a.event, b.event) || a.atUs - b.atUs || a.watch.id - b.watch.id);
  const events: KnownEvent[] = [];
  let last: KnownEvent | undefined;
  for (const {event, watch} of told) {
    if (last !== undefined && compareKnown(last, event) === 0) continue;
    const {type, key, value, modRevision, createRevision, version, lease, prevKv} = event;
    last = {type, key, value, modRevision, createRevision, version, lease, prevKv, toldTo: watch};
    events.push(last);
  }
  return new KnownEvents(events, undefined, undefined);
}
