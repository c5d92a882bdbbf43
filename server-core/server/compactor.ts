// server-core/server/compactor.ts: the leader compacts by itself, by age or by count. etcd: api/v3compactor (3.3: compactor).
// Both modes run on every member and act while it leads. `periodic` looks ten times in a period of up to an hour, and compacts
// to the revision it saw one retention and one look ago; `revision` looks every five minutes.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs} from '../../env/fiber.ts';
import type {CompactionRequest} from '../etcdserverpb/types.ts';
import {isSince} from '../release/release.ts';
import type {Answer} from './proposer.ts';

/** --auto-compaction-mode and --auto-compaction-retention: microseconds, or revisions to keep. */
export interface AutoCompaction {
  readonly mode: 'periodic' | 'revision';
  readonly retention: number;
}

export interface CompactorHost {
  readonly env: Env;
  readonly isLeader: () => boolean;
  readonly currentRevision: () => number;
  readonly compact: (revision: number) => Fiber<Answer<object>>;
}

const HOUR_US = 3_600_000_000;
const HOURLY_LOOK_US = 300_000_000;
const RETRY_DIVISOR = 10;
const REVISION_INTERVAL_US = 300_000_000;
const ALREADY_COMPACTED = 'etcdserver: mvcc: required revision has been compacted';

export interface CompactorBehaviours {
  /**
   * How the periodic mode goes. by-period: 3.3.3 on. by-tenths: the first time after one period, then at every look, of which there are ten
   * in a period of any length: 3.3.0 to 3.3.2. hourly: --auto-compaction-retention is a number of hours, the only mode; a look every five
   * minutes, and a compaction once an hour: up to 3.2.
   */
  readonly pace: 'by-period' | 'by-tenths' | 'hourly';
  /**
   * by-period: where nothing was written since the last compaction, the next look tries again: 3.6.0 on (commit 2ed87b9f2). Before, the
   * revision is asked for again, is refused as compacted, and a whole interval has to pass.
   */
  readonly skipsSameRevision: boolean;
}

export function compactorBehaviours(release: string): CompactorBehaviours {
  return Object.freeze({
    pace: isSince(release, '3.3.3') ? 'by-period' : isSince(release, '3.3.0') ? 'by-tenths' : 'hourly',
    skipsSameRevision: isSince(release, '3.6.0'),
  });
}

/** The loop of the mode. */
export function runCompactor(
  host: CompactorHost,
  {mode, retention}: AutoCompaction,
  {pace, skipsSameRevision}: CompactorBehaviours,
): Fiber<never> {
  if (pace === 'hourly') {
    const hours = Math.max(1, Math.floor(retention / HOUR_US));
    const looks = (hours * HOUR_US) / HOURLY_LOOK_US;
    return runByLooks(host, {looks, lookUs: HOURLY_LOOK_US, firstUs: HOUR_US, pauseUs: HOUR_US});
  }
  if (mode === 'revision') return runRevision(host, retention);
  if (pace === 'by-period') return runPeriodic(host, retention, skipsSameRevision);
  const lookUs = Math.floor(retention / RETRY_DIVISOR);
  return runByLooks(host, {looks: RETRY_DIVISOR, lookUs, firstUs: retention, pauseUs: 0});
}

interface Looks {
  /** How many looks ago the revision was seen that is compacted to. */
  readonly looks: number;
  readonly lookUs: number;
  /** From the start to the first compaction, at least. */
  readonly firstUs: number;
  /** From one compaction to the next, at least. */
  readonly pauseUs: number;
}

/** etcd 3.2, 3.3.0: compactor.Periodic.Run. */
function* runByLooks(host: CompactorHost, {looks, lookUs, firstUs, pauseUs}: Looks): Fiber<never> {
  const {clock} = host.env;
  let seen: number[] = [];
  let earliestUs = clock.monotonicUs() + firstUs;
  for (;;) {
    seen.push(host.currentRevision());
    yield* sleepUs(clock, lookUs);
    if (!host.isLeader() || clock.monotonicUs() < earliestUs) continue;
    const at = seen.length - looks;
    const revision = seen[at];
    if (at < 0 || revision === undefined || !(yield* compacts(host, revision))) continue;
    seen = seen.slice(at + 1);
    earliestUs = clock.monotonicUs() + pauseUs;
  }
}

/** etcd: v3compactor.Periodic.Run. */
function* runPeriodic(host: CompactorHost, periodUs: number, skipsSameRevision: boolean): Fiber<never> {
  const {clock} = host.env;
  const compactIntervalUs = Math.min(periodUs, HOUR_US);
  const lookIntervalUs = Math.floor(compactIntervalUs / RETRY_DIVISOR);
  const seenMax = Math.floor(periodUs / lookIntervalUs) + 1;
  const seen: number[] = [];
  let lastRevision = 0;
  let lastUs = clock.monotonicUs();
  // The first time the whole period must have passed.
  let intervalUs = periodUs;
  for (;;) {
    seen.push(host.currentRevision());
    if (seen.length > seenMax) seen.shift();
    yield* sleepUs(clock, lookIntervalUs);
    if (!host.isLeader()) continue;
    const revision = seen[0] ?? 0;
    if (clock.monotonicUs() - lastUs < intervalUs || (skipsSameRevision && revision === lastRevision)) continue;
    intervalUs = compactIntervalUs;
    if (!(yield* compacts(host, revision))) continue;
    lastRevision = revision;
    lastUs = clock.monotonicUs();
  }
}

/** etcd: v3compactor.Revision.Run. */
function* runRevision(host: CompactorHost, retention: number): Fiber<never> {
  let lastRevision = 0;
  for (;;) {
    yield* sleepUs(host.env.clock, REVISION_INTERVAL_US);
    if (!host.isLeader()) continue;
    const revision = host.currentRevision() - retention;
    if (revision <= 0 || revision === lastRevision) continue;
    if (yield* compacts(host, revision)) lastRevision = revision;
  }
}

/** Compacts; also true when somebody else has done so before. */
function* compacts(host: CompactorHost, revision: number): Fiber<boolean> {
  const answer = yield* host.compact(revision);
  const isDone = answer.kind === 'ok' || answer.message === ALREADY_COMPACTED;
  host.env.trace.mark(isDone ? 'compactor: compacted' : 'compactor: failed');
  return isDone;
}

/** What the compactor needs of a server. */
export interface CompactedServer {
  readonly isLeader: boolean;
  readonly applier: {readonly store: {readonly currentRevision: number}};
  readonly kv: {readonly compact: (request: CompactionRequest, token?: string) => Fiber<Answer<object>>};
  readonly parts: {readonly auth: {readonly rootToken: () => string | undefined}};
}

/** The compactor of a server, which compacts in root's name. */
export function runServerCompactor(
  server: CompactedServer,
  env: Env,
  mode: AutoCompaction,
  behaviours: CompactorBehaviours,
): Fiber<never> {
  const host = {
    env,
    isLeader: () => server.isLeader,
    currentRevision: () => server.applier.store.currentRevision,
    compact: (revision: number) => server.kv.compact({revision, physical: false}, server.parts.auth.rootToken()),
  };
  return runCompactor(host, mode, behaviours);
}
