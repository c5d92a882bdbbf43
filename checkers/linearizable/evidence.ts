// checkers/linearizable/evidence.ts: what answers tell about revisions that no answered write claims.
// Four kinds: pairs whose mod revision is such a hole (they say what was put there, and which unanswered put it must
// have been when only one put that value); pairs whose create revision is one; what each key was seen to be later (it
// says how many puts and deletes are missing until then); and which unanswered puts left no trace at all (they can stand
// in for one another). A hole that no pair names is called blank.
// Every rule is a necessary condition in every order that explains the history; none depends on how holes are filled.
import type {ByteString} from '../../base/byte-string.ts';
import type {KeyValue, KvStep, Operation, StepResponse} from '../../history/operation.ts';
import {hasEnd, type KvChange, scanEnd} from '../models/etcd-kv.ts';
import type {Answered, RevisionIndex} from './revision-index.ts';

/** A key as an answer showed it: at this revision it held this pair, or (undefined) nothing. */
interface Sighting {
  readonly revision: number;
  readonly kv: KeyValue | undefined;
}

/** What is known of one key whatever the holes hold. Revisions ascending. */
interface KeyFacts {
  readonly sightings: Sighting[];
  readonly puts: number[];
  readonly deletes: number[];
}

const NO_FACTS: KeyFacts = {sightings: [], puts: [], deletes: []};

/** Up to this many known keys in a range, absent ones are noted key by key; wider ranges are kept as ranges. */
const ABSENCE_KEYS_MAX = 64;
/** Wide ranges looked at for one key at most; what lies behind them excludes nothing. */
const WIDE_LOOK_MAX = 64;

/** A read of many keys: those it did not show were absent. */
interface WideSighting {
  readonly revision: number;
  readonly key: ByteString;
  /** Undefined: no end. */
  readonly end: ByteString | undefined;
  readonly present: ReadonlySet<ByteString>;
}

export class Evidence {
  private readonly index: RevisionIndex;
  private readonly keys: readonly ByteString[];
  /** By revision of a hole: the pairs that were put there. */
  private readonly seenAtHole = new Map<number, KeyValue[]>();
  /** By revision of a hole: the keys that were created there. */
  private readonly createdAtHole = new Map<number, Set<ByteString>>();
  /** By offset: blank holes at offsets up to and with it. */
  private readonly blankCount: Int32Array;
  /** Unanswered operations by the pairs they may put. */
  private readonly byPair = new Map<string, Operation[]>();
  /** The hole an unanswered operation must have filled, if it took effect. */
  private readonly claimed = new Map<Operation, number>();
  private readonly seenPairs = new Set<string>();
  private readonly valueGuardedKeys = new Set<ByteString>();
  private facts: Map<ByteString, KeyFacts> | undefined;
  private readonly wide: WideSighting[] = [];

  /** `keys`: every key of the history, sorted. */
  constructor(index: RevisionIndex, keys: readonly ByteString[]) {
    this.index = index;
    this.keys = keys;
    for (const operation of index.unknowns) {
      forEachPut(operation.request, (key, value) => {
        const pair = pairKey(key, value);
        const list = this.byPair.get(pair);
        if (list === undefined) this.byPair.set(pair, [operation]);
        else if (list[list.length - 1] !== operation) list.push(operation);
      });
      this.noteGuards(operation.request);
    }
    for (const {operation, response} of index.answered) {
      forEachPair(response, (kv) => this.note(kv));
      this.noteGuards(operation.request);
    }
    for (const [revision, kvs] of this.seenAtHole) this.claim(revision, kvs);
    this.blankCount = this.countBlanks();
  }

  /** Pairs that answers saw with this hole's revision as mod revision. */
  at(revision: number): readonly KeyValue[] {
    return this.seenAtHole.get(revision) ?? [];
  }

  /** Can these changes have made this hole, by what answers saw of it? */
  shows(changes: readonly KvChange[], revision: number): boolean {
    const changeOf = (key: ByteString) => changes.find((change) => change.key === key)?.kv;
    for (const kv of this.at(revision)) {
      const made = changeOf(kv.key);
      if (made?.value !== kv.value || made.version !== kv.version || made.createRevision !== kv.createRevision)
        return false;
    }
    for (const key of this.createdAtHole.get(revision) ?? []) {
      if (changeOf(key)?.createRevision !== revision) return false;
    }
    return changes.every(({key, kv}) => this.mayBecome(key, kv, revision));
  }

  /** The only hole this operation can have filled; undefined when none is told. */
  claimOf(operation: Operation): number | undefined {
    return this.claimed.get(operation);
  }

  /**
   * Unanswered operations with equal keys are interchangeable: single puts of one key whose values nobody ever saw or
   * compared, and deletes of the same keys.
   */
  twinKey({request}: Operation): string | undefined {
    if (request.kind === 'delete-range') return `delete ${request.key.length} ${request.key}${request.end ?? ''}`;
    if (request.kind !== 'put' || this.valueGuardedKeys.has(request.key)) return undefined;
    return this.seenPairs.has(pairKey(request.key, request.value)) ? undefined : `put ${request.key}`;
  }

  /** Can the key have changed at this hole at all? Not when the next answer that shows it has an older pair. */
  canHaveChanged(key: ByteString, revision: number): boolean {
    const next = this.nextSighting(key, revision);
    return next?.kv === undefined || next.kv.modRevision >= revision;
  }

  /**
   * By which revision blank holes must have changed the key in the way of `after` (a put, or undefined: a delete), the
   * next answer that shows it says; Infinity where nothing is missing. `before` is what the key holds.
   */
  dueRevision(key: ByteString, before: KeyValue | undefined, after: KeyValue | undefined, revision: number): number {
    const next = this.nextSighting(key, revision);
    if (next === undefined) return Number.POSITIVE_INFINITY;
    const facts = this.factsOf(key) ?? NO_FACTS;
    const {kv} = next;
    if (after === undefined) {
      const goneBy = kv === undefined ? next.revision : kv.createRevision - 1;
      const isMissing = before !== undefined && goneBy >= revision && kv?.createRevision !== before.createRevision;
      return isMissing && countWithin(facts.deletes, revision, goneBy) === 0 ? goneBy : Number.POSITIVE_INFINITY;
    }
    if (kv === undefined || kv.createRevision !== after.createRevision) return Number.POSITIVE_INFINITY;
    const puts = kv.version - after.version + 1;
    return puts > countWithin(facts.puts, revision, kv.modRevision) ? kv.modRevision : Number.POSITIVE_INFINITY;
  }

  /** Does any answer show the key at this revision or later? */
  isSeenFrom(key: ByteString, revision: number): boolean {
    const facts = this.factsOf(key);
    return facts !== undefined && (facts.sightings[facts.sightings.length - 1]?.revision ?? -1) >= revision;
  }

  /** Unanswered operations that put this pair, whichever way their guards go. */
  puttersOf({key, value}: KeyValue): readonly Operation[] {
    return this.byPair.get(pairKey(key, value)) ?? [];
  }

  /** May the key have become `after` (undefined: absent) at this hole? Looks at the next answer that shows the key. */
  private mayBecome(key: ByteString, after: KeyValue | undefined, revision: number): boolean {
    const next = this.nextSighting(key, revision);
    if (next === undefined) return true;
    const facts = this.factsOf(key) ?? NO_FACTS;
    const {kv} = next;
    if (kv === undefined) {
      // Gone by then: through this change, or a delete behind it.
      if (after === undefined) return true;
      return countWithin(facts.deletes, revision, next.revision) > 0 || this.blanksWithin(revision, next.revision) > 0;
    }
    if (kv.modRevision < revision) return false; // the pair seen is older than this change
    if (kv.modRevision === revision) return after !== undefined;
    if (kv.createRevision > revision) return true; // made anew since
    if (after === undefined) return false; // it lived through this revision
    if (after.createRevision !== kv.createRevision) return false;
    const putsBehind = kv.version - after.version;
    const knownPuts = countWithin(facts.puts, revision, kv.modRevision);
    return putsBehind >= knownPuts && putsBehind <= knownPuts + this.blanksWithin(revision, kv.modRevision);
  }

  private nextSighting(key: ByteString, revision: number): Sighting | undefined {
    const sightings = this.factsOf(key)?.sightings;
    const next = sightings?.[firstAtLeast(sightings, revision, (sighting) => sighting.revision)];
    const {wide} = this;
    let at = firstAtLeast(wide, revision, (sighting) => sighting.revision);
    const to = Math.min(wide.length, at + WIDE_LOOK_MAX);
    for (; at < to; at++) {
      const {revision: seenAt, key: from, end, present} = wide[at] as WideSighting;
      if (next !== undefined && seenAt >= next.revision) break;
      if (key >= from && (end === undefined || key < end) && !present.has(key))
        return {revision: seenAt, kv: undefined};
    }
    return next;
  }

  private blanksWithin(above: number, upTo: number): number {
    const {baseRevision, span} = this.index;
    const to = Math.min(upTo - baseRevision, span);
    const from = above - baseRevision;
    return to < from ? 0 : (this.blankCount[to] as number) - (this.blankCount[from] as number);
  }

  private countBlanks(): Int32Array {
    const {writeAt, baseRevision} = this.index;
    const blankCount = new Int32Array(writeAt.length);
    const hasTxn = this.index.unknowns.some(({request}) => request.kind === 'txn');
    for (let offset = 1; offset < writeAt.length; offset++) {
      const revision = baseRevision + offset;
      const [seen] = this.at(revision);
      const isTold = seen !== undefined || this.createdAtHole.has(revision);
      // A transaction may have changed more keys there than the one that answers tell of.
      const mayHoldMore =
        seen === undefined ? hasTxn : this.puttersOf(seen).some(({request}) => request.kind === 'txn');
      const isBlank = writeAt[offset] === -1 && (!isTold || mayHoldMore);
      blankCount[offset] = (blankCount[offset - 1] as number) + (isBlank ? 1 : 0);
    }
    return blankCount;
  }

  private note(kv: KeyValue): void {
    const pair = pairKey(kv.key, kv.value);
    if (this.byPair.has(pair)) this.seenPairs.add(pair);
    if (kv.createRevision !== kv.modRevision && this.isHole(kv.createRevision)) {
      const created = this.createdAtHole.get(kv.createRevision);
      if (created === undefined) this.createdAtHole.set(kv.createRevision, new Set([kv.key]));
      else created.add(kv.key);
    }
    if (!this.isHole(kv.modRevision)) return;
    const known = this.seenAtHole.get(kv.modRevision);
    if (known === undefined) this.seenAtHole.set(kv.modRevision, [kv]);
    // A second, different pair of one key is kept: no operation can then fill the hole, and that is the finding.
    else if (!known.some((other) => other.key === kv.key && other.value === kv.value && other.version === kv.version)) {
      known.push(kv);
    }
  }

  private isHole(revision: number): boolean {
    const offset = revision - this.index.baseRevision;
    return offset >= 1 && offset <= this.index.span && this.index.writeAt[offset] === -1;
  }

  /** When just one unanswered operation puts a pair seen at a hole, it was made there and nowhere else. */
  private claim(revision: number, kvs: readonly KeyValue[]): void {
    for (const {key, value} of kvs) {
      const candidates = this.byPair.get(pairKey(key, value));
      if (candidates?.length === 1) this.claimed.set(candidates[0] as Operation, revision);
    }
  }

  private noteGuards(request: KvStep): void {
    if (request.kind !== 'txn') return;
    for (const {key, target} of request.compare) if (target === 'value') this.valueGuardedKeys.add(key);
    for (const step of request.success) this.noteGuards(step);
    for (const step of request.failure) this.noteGuards(step);
  }

  private factsOf(key: ByteString): KeyFacts | undefined {
    this.facts ??= this.collectFacts();
    return this.facts.get(key);
  }

  private collectFacts(): Map<ByteString, KeyFacts> {
    const facts = new Map<ByteString, KeyFacts>();
    const factsOf = (key: ByteString): KeyFacts => {
      let known = facts.get(key);
      if (known === undefined) {
        known = {sightings: [], puts: [], deletes: []};
        facts.set(key, known);
      }
      return known;
    };
    for (const entry of this.index.answered) this.collect(entry, entry.operation.request, entry.response, factsOf);
    for (const [revision, created] of this.createdAtHole) for (const key of created) factsOf(key).puts.push(revision);
    for (const [revision, kvs] of this.seenAtHole) {
      for (const {key} of kvs) if (!this.createdAtHole.get(revision)?.has(key)) factsOf(key).puts.push(revision);
    }
    this.wide.sort((a, b) => a.revision - b.revision);
    for (const {sightings, puts, deletes} of facts.values()) {
      sightings.sort((a, b) => a.revision - b.revision); // equal revisions show equal pairs, or the replay says so
      puts.sort((a, b) => a - b);
      deletes.sort((a, b) => a - b);
    }
    return facts;
  }

  private collect(
    entry: Answered,
    request: KvStep,
    response: StepResponse,
    factsOf: (key: ByteString) => KeyFacts,
  ): void {
    const {revision} = entry.response;
    if (request.kind === 'range' && response.kind === 'range') {
      // Inside a transaction that writes, a read may see the store before or after its own steps.
      if (entry.isWrite && request !== entry.operation.request) return;
      const seenAt = (request.revision ?? 0) > 0 ? (request.revision as number) : revision;
      for (const kv of response.kvs) factsOf(kv.key).sightings.push({revision: seenAt, kv});
      if (request.countOnly !== true && !response.more)
        this.collectAbsent(request.key, request.end, response, seenAt, factsOf);
    } else if (request.kind === 'put' && response.kind === 'put') {
      const facts = factsOf(request.key);
      facts.puts.push(revision);
      if (request === entry.operation.request && request.prevKv === true) {
        facts.sightings.push({revision: revision - 1, kv: response.prevKv});
      }
    } else if (request.kind === 'delete-range' && response.kind === 'delete-range') {
      if (response.deleted === 0) return;
      // Which keys went is not always told: a delete counts for every key it may have taken.
      const to = hasEnd(request.end) ? scanEnd(request.end) : `${request.key}\0`;
      for (let place = placeOf(this.keys, request.key); place < this.keys.length; place++) {
        const key = this.keys[place] as ByteString;
        if (to !== undefined && key >= to) break;
        factsOf(key).deletes.push(revision);
      }
    } else if (request.kind === 'txn' && response.kind === 'txn') {
      const steps = response.succeeded ? request.success : request.failure;
      response.responses.forEach((answer, i) => {
        const step = steps[i];
        if (step !== undefined) this.collect(entry, step, answer, factsOf);
      });
    }
  }

  private collectAbsent(
    key: ByteString,
    end: ByteString | undefined,
    response: StepResponse & {readonly kind: 'range'},
    revision: number,
    factsOf: (key: ByteString) => KeyFacts,
  ): void {
    const present = new Set(response.kvs.map((kv) => kv.key));
    const from = placeOf(this.keys, key);
    let to = from + (this.keys[from] === key ? 1 : 0);
    if (hasEnd(end)) {
      const last = scanEnd(end);
      to = last === undefined ? this.keys.length : placeOf(this.keys, last);
    }
    if (to - from > ABSENCE_KEYS_MAX && end !== undefined) {
      this.wide.push({revision, key, end: scanEnd(end), present});
      return;
    }
    for (let place = from; place < to; place++) {
      const absent = this.keys[place] as ByteString;
      if (!present.has(absent)) factsOf(absent).sightings.push({revision, kv: undefined});
    }
  }
}

/** Every pair an answer shows, previous pairs too. */
export function forEachPair(response: StepResponse, visit: (kv: KeyValue) => void): void {
  switch (response.kind) {
    case 'range':
      for (const kv of response.kvs) visit(kv);
      return;
    case 'put':
      if (response.prevKv !== undefined) visit(response.prevKv);
      return;
    case 'delete-range':
      for (const kv of response.prevKvs ?? []) visit(kv);
      return;
    case 'txn':
      for (const answer of response.responses) forEachPair(answer, visit);
  }
}

/** Every put a request may make, whichever way its guards go. */
export function forEachPut(request: KvStep, visit: (key: ByteString, value: ByteString) => void): void {
  if (request.kind === 'put') visit(request.key, request.value);
  if (request.kind !== 'txn') return;
  for (const step of request.success) forEachPut(step, visit);
  for (const step of request.failure) forEachPut(step, visit);
}

function pairKey(key: ByteString, value: ByteString): string {
  return `${key.length} ${key}${value}`;
}

function placeOf(keys: readonly ByteString[], key: ByteString): number {
  return firstAtLeast(keys, key, (known) => known);
}

function firstAtLeast<T, V extends number | string>(list: readonly T[], least: V, rankOf: (item: T) => V): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rankOf(list[middle] as T) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many of the ascending revisions are above one and at most another. */
function countWithin(revisions: readonly number[], above: number, upTo: number): number {
  const rankOf = (revision: number) => revision;
  return Math.max(0, firstAtLeast(revisions, upTo + 1, rankOf) - firstAtLeast(revisions, above + 1, rankOf));
}
