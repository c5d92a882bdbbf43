// server-core/server/compactor.ts: the leader compacts by itself, by age or by count. etcd: api/v3compactor (3.3: compactor).
// Both modes run on every member and act while it leads. `periodic` looks ten times in a period of up to an hour, and compacts
// to the revision it saw one retention ago; `revision` looks every five minutes.
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
   * Modes, and how the periodic one goes: 3.3 on. hourly: --auto-compaction-retention is a number of hours, the only mode; a look every
   * five minutes, and a compaction once an hour: up to 3.2.
   */
  readonly pace: 'by-period' | 'hourly';
}

export function compactorBehaviours(release: string): CompactorBehaviours {
  return Object.freeze({pace: isSince(release, '3.3.0') ? 'by-period' : 'hourly'});
}

/** The loop of the mode. */
export function runCompactor(
  host: CompactorHost,
  {mode, retention}: AutoCompaction,
  {pace}: CompactorBehaviours,
): Fiber<never> {
  if (pace === 'hourly') return runHourly(host, Math.max(1, Math.floor(retention / HOUR_US)));
  return mode === 'periodic' ? runPeriodic(host, retention) : runRevision(host, retention);
}

/** etcd 3.2: compactor.Periodic.Run. */
function* runHourly(host: CompactorHost, hours: number): Fiber<never> {
  const {clock} = host.env;
  const looks = (hours * HOUR_US) / HOURLY_LOOK_US;
  let seen: number[] = [];
  let lastUs = clock.monotonicUs();
  for (;;) {
    seen.push(host.currentRevision());
    yield* sleepUs(clock, HOURLY_LOOK_US);
    if (!host.isLeader() || clock.monotonicUs() - lastUs < HOUR_US) continue;
    const at = seen.length - looks;
    const revision = seen[at];
    if (at < 0 || revision === undefined || !(yield* compacts(host, revision))) continue;
    seen = seen.slice(at + 1);
    lastUs = clock.monotonicUs();
  }
}

function* runPeriodic(host: CompactorHost, periodUs: number): Fiber<never> {
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
    if (clock.monotonicUs() - lastUs < intervalUs || revision === lastRevision) continue;
    intervalUs = compactIntervalUs;
    if (!(yield* compacts(host, revision))) continue;
    lastRevision = revision;
    lastUs = clock.monotonicUs();
  }
}

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
