// checkers/linearizable/evidence.ts: what answers tell about revisions that no answered write claims.
// Three kinds: pairs whose mod revision is such a hole (they say what was put there, and which unanswered put it must
// have been when only one put that value); what each key was seen to be later (it excludes puts and deletes in between);
// and which unanswered puts left no trace at all (they can stand in for one another).
// Every rule is a necessary condition in every order that explains the history; none depends on how holes are filled.
import type {ByteString} from '../../base/byte-string.ts';
import type {KeyValue, KvStep, Operation, StepResponse} from '../../history/operation.ts';
import {hasEnd, scanEnd} from '../models/etcd-kv.ts';
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

/** Sightings of absence are kept for ranges over at most this many known keys; more would cost more than they exclude. */
const ABSENCE_KEYS_MAX = 64;

export class Evidence {
  private readonly index: RevisionIndex;
  private readonly keys: readonly ByteString[];
  /** By revision of a hole: the pairs that were put there. */
  private readonly seenAtHole = new Map<number, KeyValue[]>();
  /** Unanswered operations by the pairs they may put. */
  private readonly byPair = new Map<string, Operation[]>();
  /** The hole an unanswered operation must have filled, if it took effect. */
  private readonly claimed = new Map<Operation, number>();
  private readonly seenPairs = new Set<string>();
  private readonly valueGuardedKeys = new Set<ByteString>();
  private facts: Map<ByteString, KeyFacts> | undefined;

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
  }

  /** Pairs that answers saw with this hole's revision as mod revision. */
  at(revision: number): readonly KeyValue[] {
    return this.seenAtHole.get(revision) ?? [];
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

  /**
   * May the key have become `after` (undefined: absent) at this hole? Looks at the next answer that shows the key.
   */
  mayBecome(key: ByteString, after: KeyValue | undefined, revision: number): boolean {
    const facts = this.factsOf(key);
    const next = facts?.sightings[firstAtLeast(facts.sightings, revision, (sighting) => sighting.revision)];
    if (facts === undefined || next === undefined) return true;
    const {kv} = next;
    if (kv === undefined) {
      // Gone by then: through this change, or a delete behind it.
      if (after === undefined) return true;
      return countWithin(facts.deletes, revision, next.revision) > 0 || this.holesWithin(revision, next.revision) > 0;
    }
    if (kv.modRevision < revision) return false; // the pair seen is older than this change
    if (kv.modRevision === revision) return after !== undefined;
    if (kv.createRevision > revision) return true; // made anew since
    if (after === undefined) return false; // it lived through this revision
    if (after.createRevision !== kv.createRevision) return false;
    const putsBehind = kv.version - after.version;
    const knownPuts = countWithin(facts.puts, revision, kv.modRevision);
    return putsBehind >= knownPuts && putsBehind <= knownPuts + this.holesWithin(revision, kv.modRevision);
  }

  /** Can the key have changed at this hole at all? Not when the next answer that shows it has an older pair. */
  canHaveChanged(key: ByteString, revision: number): boolean {
    const facts = this.factsOf(key);
    const next = facts?.sightings[firstAtLeast(facts.sightings, revision, (sighting) => sighting.revision)];
    return next?.kv === undefined || next.kv.modRevision >= revision;
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

  /** How many puts of the key, from this hole up to its next sighting, no answered write accounts for. */
  missingPuts(key: ByteString, before: KeyValue | undefined, revision: number): number {
    const facts = this.factsOf(key);
    const next = facts?.sightings[firstAtLeast(facts.sightings, revision, (sighting) => sighting.revision)];
    if (facts === undefined || next?.kv === undefined || next.kv.modRevision < revision) return 0;
    const {kv} = next;
    const puts = kv.createRevision < revision ? kv.version - (before?.version ?? 0) : kv.version;
    return puts - countWithin(facts.puts, revision - 1, kv.modRevision);
  }

  private holesWithin(above: number, upTo: number): number {
    const {holeCount, baseRevision, span} = this.index;
    const to = Math.min(upTo - baseRevision, span);
    return to < above - baseRevision ? 0 : (holeCount[to] as number) - (holeCount[above - baseRevision] as number);
  }

  private note(kv: KeyValue): void {
    const {index} = this;
    const pair = pairKey(kv.key, kv.value);
    if (this.byPair.has(pair)) this.seenPairs.add(pair);
    const offset = kv.modRevision - index.baseRevision;
    if (offset < 1 || offset > index.span || index.writeAt[offset] !== -1) return;
    const known = this.seenAtHole.get(kv.modRevision);
    if (known === undefined) this.seenAtHole.set(kv.modRevision, [kv]);
    // A second, different pair of one key is kept: no operation can then fill the hole, and that is the finding.
    else if (!known.some((other) => other.key === kv.key && other.value === kv.value && other.version === kv.version)) {
      known.push(kv);
    }
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
    if (to - from > ABSENCE_KEYS_MAX) return;
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
