// checkers/watch/testing/random-watches.ts: watches as a correct cluster would serve them, for tests: a plain model of members that lag,
// streams that break and go on elsewhere, readers that are slow, compactions that overtake them, answers in fragments, bookmarks.
// Deterministic in the seed. Nothing here is shared with the checks: what should be told is found by looking at every revision.
import {Random, type Ratio} from '../../../base/random.ts';
import type {KeyValue, KvStep} from '../../../history/operation.ts';
import type {WatchFilter, WatchLog, WatchLogEntry, WatchLogEvent, WatchLogRequest} from '../../../history/watch-log.ts';
import {type PersistedWrites, persistedFromSteps} from '../persisted-writes.ts';

export interface WatchHistoryOptions {
  readonly seed: number | string;
  readonly writeCount: number;
  readonly watchCount: number;
  readonly keyCount: number;
  readonly memberCount: number;
  /** That a tick brings a compaction somewhere behind the newest revision. */
  readonly compaction: Ratio;
  /** That a watch's stream breaks in a tick. */
  readonly breakage: Ratio;
}

export const WATCH_HISTORY: WatchHistoryOptions = {
  seed: 1,
  writeCount: 60,
  watchCount: 6,
  keyCount: 5,
  memberCount: 3,
  compaction: {numerator: 1, denominator: 20},
  breakage: {numerator: 1, denominator: 15},
};

export interface WatchHistory {
  readonly watches: readonly WatchLog[];
  readonly truth: PersistedWrites;
  /** Everything was told to every open watch in the end. */
  readonly rest: {readonly deliveredThrough: number; readonly atUs: number};
}

/** Microseconds from one tick to the next. */
const TICK_US = 1000;

/** A history that keeps every watch guarantee. */
export function randomWatches(options: WatchHistoryOptions): WatchHistory {
  const random = Random.fromSeed(options.seed).stream('watches');
  const steps = drawWrites(options, random.stream('writes'));
  const written = persistedFromSteps(steps);
  if (written === undefined) throw new Error('drawn writes are always possible');
  const world = new World(written, options.memberCount, random.stream('members'));
  const watches = Array.from({length: options.watchCount}, (_, id) => {
    const stream = random.stream(`watch/${id}`);
    return new ModelWatch(id, drawRequest(options, written.revisions.length, stream), world, stream);
  });
  const openTicks = watches.map(() => random.below(written.revisions.length));
  const compactions: number[] = [];
  for (let tick = 0; tick < written.revisions.length * 2; tick++) {
    world.tick();
    if (random.chance(options.compaction) && world.newest > world.compacted + 1) {
      world.compacted = random.between(world.compacted + 1, world.newest);
      compactions.push(world.compacted);
    }
    for (const watch of watches) {
      if (tick === openTicks[watch.id]) watch.open();
      else watch.tick(options.breakage);
    }
  }
  world.settle();
  for (const watch of watches) watch.settle();
  const rest = {deliveredThrough: world.newest, atUs: world.nowUs};
  return {watches: watches.map((watch) => watch.log()), truth: {...written, compactions}, rest};
}

function drawWrites({writeCount, keyCount}: WatchHistoryOptions, random: Random): KvStep[] {
  const keys = Array.from({length: keyCount}, (_, i) => `k${i}`);
  const put = (key: string, id: number): KvStep => ({kind: 'put', key, value: `v${id}`});
  return Array.from({length: writeCount}, (_, id): KvStep => {
    const draw = random.below(10);
    if (draw < 5) return put(random.pick(keys), id);
    if (draw < 7) return {kind: 'delete-range', key: random.pick(keys)};
    if (draw < 8) return {kind: 'delete-range', key: random.pick(keys), end: '\0'};
    const [first = 'k0', ...others] = random.shuffle(keys);
    const more = others.slice(0, random.below(3)).map((key) => put(key, id));
    const success: KvStep[] = [{kind: 'delete-range', key: first}, ...more];
    return {kind: 'txn', compare: [], success, failure: []};
  });
}

function drawRequest({keyCount}: WatchHistoryOptions, revisionCount: number, random: Random): WatchLogRequest {
  const key = `k${random.below(keyCount)}`;
  const rangeEnd = random.pick([undefined, '', '\0', `k${random.below(keyCount)}`, 'k~']);
  const starts = [0, 0, 1 + random.below(revisionCount), 1 + random.below(revisionCount * 2)];
  const filters: readonly (readonly WatchFilter[] | undefined)[] = [undefined, undefined, ['no-put'], ['no-delete']];
  return {
    key,
    rangeEnd,
    startRevision: random.pick(starts),
    filters: random.pick(filters),
    prevKv: random.below(2) === 0,
    fragment: random.below(2) === 0,
  };
}

/** The store, how far each member has applied it, and the time. */
class World {
  readonly truth: PersistedWrites;
  readonly applied: number[];
  compacted = 0;
  newest = 1;
  nowUs = 0;
  private readonly random: Random;

  constructor(truth: PersistedWrites, memberCount: number, random: Random) {
    this.truth = truth;
    this.random = random;
    this.applied = Array.from({length: memberCount}, () => 1);
  }

  tick(): void {
    this.nowUs += TICK_US;
    const last = this.truth.revisions.length + 1;
    if (this.random.below(3) > 0) this.newest = Math.min(last, this.newest + 1 + this.random.below(2));
    this.applied.forEach((revision, member) => {
      // Some go along, some stand still for long.
      if (this.random.below(member + 2) === 0) this.applied[member] = this.random.between(revision, this.newest);
    });
  }

  settle(): void {
    this.nowUs += TICK_US;
    this.newest = this.truth.revisions.length + 1;
    this.applied.fill(this.newest);
  }
}

/** One watch and the member that serves it. */
class ModelWatch {
  readonly id: number;
  private readonly request: WatchLogRequest;
  private readonly world: World;
  private readonly random: Random;
  private readonly entries: WatchLogEntry[] = [];
  private openedUs = 0;
  private member = 0;
  private state: 'closed' | 'open' | 'over' = 'closed';
  /** The next revision to be told on this stream; what its user would ask for on another. */
  private next = 0;
  private resumeAt = 0;
  /** What was asked for on this stream. */
  private start = 0;

  constructor(id: number, request: WatchLogRequest, world: World, random: Random) {
    this.id = id;
    this.request = request;
    this.world = world;
    this.random = random;
  }

  log(): WatchLog {
    const {id, request, openedUs, entries} = this;
    const end = entries.at(-1);
    const closedUs = end?.kind === 'compacted' || end?.kind === 'cancelled' ? end.atUs : undefined;
    return {id, client: id % 2, request, openedUs, endpoint: 'm0', closedUs, entries};
  }

  open(): void {
    this.openedUs = this.world.nowUs;
    this.member = this.random.below(this.world.applied.length);
    this.state = 'open';
    this.create(this.request.startRevision ?? 0);
    if (this.request.startRevision === 0) this.resumeAt = this.next;
  }

  private get revision(): number {
    return this.world.applied[this.member] ?? 1;
  }

  private create(start: number): void {
    const atUs = this.world.nowUs;
    this.start = start;
    this.next = start > 0 ? start : this.revision + 1;
    this.resumeAt = this.next;
    this.entries.push({kind: 'created', atUs, revision: this.revision});
  }

  tick(breakage: Ratio): void {
    if (this.state !== 'open') return;
    if (this.random.chance(breakage)) return this.breakOff();
    // A member may compact before it is told what a watch still needs; the watch learns of it once it is served.
    switch (this.random.below(8)) {
      case 0:
        return this.tellProgress();
      case 1:
      case 2:
        return this.tell(this.random.between(this.next - 1, Math.max(this.next - 1, this.revision)), 'all');
      case 3:
        this.tell(this.revision, 'part');
        return;
      case 4:
        if (this.random.below(40) === 0)
          this.finish({kind: 'cancelled', atUs: this.world.nowUs, reason: 'by its user'});
    }
  }

  settle(): void {
    if (this.state !== 'open') return;
    this.tell(this.revision, 'all');
    if (this.state === 'open') this.tellProgress();
  }

  private breakOff(): void {
    this.member = this.random.below(this.world.applied.length);
    const endpoint = `m${this.member}`;
    const startRevision = this.resumeAt;
    this.entries.push({kind: 'resumed', atUs: this.world.nowUs, startRevision, endpoint});
    this.create(startRevision);
  }

  private finish(entry: WatchLogEntry): void {
    this.entries.push(entry);
    this.state = 'over';
  }

  private isCompacted(): boolean {
    if (this.next >= this.world.compacted) return false;
    const {compacted, nowUs} = this.world;
    this.finish({kind: 'compacted', atUs: nowUs, revision: this.revision, compactRevision: compacted});
    return true;
  }

  private tellProgress(): void {
    if (this.next <= this.revision || this.start > this.revision) return;
    this.entries.push({kind: 'progress', atUs: this.world.nowUs, revision: this.revision});
    this.resumeAt = Math.max(this.resumeAt, this.revision + 1);
  }

  /** Tells everything up to a revision. 'part': the stream breaks within a fragmented answer. */
  private tell(through: number, how: 'all' | 'part'): void {
    if (through < this.next || this.isCompacted()) return;
    const atUs = this.world.nowUs;
    const events: WatchLogEvent[] = [];
    for (let revision = this.next; revision <= through; revision++) events.push(...this.eventsOf(revision));
    const push = (part: readonly WatchLogEvent[], fragment: boolean) => {
      const more = fragment ? {fragment} : {};
      this.entries.push({kind: 'events', atUs, revision: through, events: part, ...more});
    };
    const isCut = this.request.fragment === true && events.length > 1 && this.random.below(2) === 0;
    if (isCut) {
      const cut = this.random.between(1, events.length - 1);
      push(events.slice(0, cut), true);
      if (how === 'part') return this.breakOff();
      push(events.slice(cut), false);
    } else if (events.length > 0) {
      push(events, false);
    }
    this.next = through + 1;
    const last = events.at(-1);
    if (last !== undefined) this.resumeAt = last.modRevision + 1;
  }

  private eventsOf(revision: number): WatchLogEvent[] {
    const {key, rangeEnd, filters = [], prevKv} = this.request;
    const isWanted = (other: string) =>
      rangeEnd === undefined || rangeEnd === ''
        ? other === key
        : other >= key && (rangeEnd === '\0' || other < rangeEnd);
    const {truth, compacted} = this.world;
    const changes = truth.revisions.find((other) => other.revision === revision)?.changes ?? [];
    const events: WatchLogEvent[] = [];
    for (const {key: other, kv} of changes) {
      if (!isWanted(other) || filters.includes(kv === undefined ? 'no-delete' : 'no-put')) continue;
      const before = prevKv === true && compacted < revision ? pairBefore(truth, other, revision) : undefined;
      const {value, createRevision, version} = kv ?? {value: '', createRevision: 0, version: 0};
      const event = {key: other, value, modRevision: revision, createRevision, version};
      events.push({
        type: kv === undefined ? 'delete' : 'put',
        ...event,
        ...(before === undefined ? {} : {prevKv: before}),
      });
    }
    // The order of changes in a revision is that of the transaction: any.
    return this.random.shuffle(events);
  }
}

function pairBefore({revisions}: PersistedWrites, key: string, revision: number): KeyValue | undefined {
  let found: KeyValue | undefined;
  for (const other of revisions) {
    if (other.revision >= revision) break;
    for (const change of other.changes) if (change.key === key) found = change.kv;
  }
  return found;
}
