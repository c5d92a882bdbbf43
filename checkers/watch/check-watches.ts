// checkers/watch/check-watches.ts: every watch of a run held against etcd's watch guarantees (see violation.ts for their list).
// With the order of writes that members applied, all of it is checked; without, what the watches' own answers and those of others
// show. Promise: a correct etcd gives no finding, whatever clients, faults, compactions and resumptions do.
// Cost: n log n in events told and written, plus, once for each range of keys that is watched, the events in it.
import type {Finding} from '../../history/verdict.ts';
import type {WatchLog, WatchLogEvent} from '../../history/watch-log.ts';
import {attemptsOf, type WatchAttempt} from './attempts.ts';
import {checkComplete, owedByAttempt, type Rest} from './completeness.ts';
import {checkAgainstWrites, checkAgreement, checkAlone} from './event-content.ts';
import {type KnownEvents, knownFromWatches, knownFromWrites} from './known-events.ts';
import type {PersistedWrites} from './persisted-writes.ts';
import {
  checkBookmarks,
  checkCompacted,
  checkFilter,
  checkFragments,
  checkNothingAfterEnd,
  checkOrdered,
  checkStart,
  checkUncut,
  checkUnique,
} from './stream-order.ts';
import {describeTime, describeWatch, type WatchGuarantee, type WatchViolation} from './violation.ts';

/** Findings of one run at most; one for each watch and guarantee. */
export const WATCH_FINDINGS_MAX = 100;

/** Violations of one check of one attempt that are counted; one broken promise repeats itself. */
const VIOLATIONS_MAX = 20;

export interface WatchCheckOptions {
  /**
   * Everything has come to rest: no fault, all members have applied all. A watch that is open then has been told everything up to
   * `deliveredThrough`. Absent: nobody waited for that.
   */
  readonly rest?: Rest | undefined;
}

/** Judges all watches of a run. `truth`: what members applied; undefined: not recorded. Findings' checks are `watch-` and the guarantee. */
export function checkWatches(
  watches: readonly WatchLog[],
  truth: PersistedWrites | undefined,
  {rest}: WatchCheckOptions = {},
): Finding[] {
  const attempts = watches.map(attemptsOf);
  const known = truth === undefined ? knownFromWatches(attempts.flat()) : knownFromWrites(truth);
  const findings: Finding[] = [];
  watches.forEach((watch, i) => {
    if (findings.length >= WATCH_FINDINGS_MAX) return;
    const broken = new Map<WatchGuarantee, WatchViolation[]>();
    for (const violation of violationsOf(watch, attempts[i] as WatchAttempt[], known, rest)) {
      const same = broken.get(violation.guarantee);
      if (same === undefined) broken.set(violation.guarantee, [violation]);
      else same.push(violation);
    }
    for (const same of broken.values()) findings.push(toFinding(same));
  });
  return findings.slice(0, WATCH_FINDINGS_MAX);
}

function* violationsOf(
  watch: WatchLog,
  attempts: readonly WatchAttempt[],
  known: KnownEvents,
  rest: Rest | undefined,
): Generator<WatchViolation> {
  yield* checkFragments(watch);
  yield* checkNothingAfterEnd(watch);
  yield* checkCompacted(watch, attempts);
  const isOpen = watch.closedUs === undefined && !watch.entries.some(isEnd);
  const owed = owedByAttempt(attempts);
  const lastOfKey = new Map<string, WatchLogEvent>();
  for (let i = 0; i < attempts.length; i++) {
    const attempt = attempts[i] as WatchAttempt;
    yield* some(checkOrdered(attempt));
    yield* some(checkUnique(attempt));
    yield* some(checkUncut(attempt));
    yield* some(checkBookmarks(attempt));
    yield* some(checkFilter(attempt));
    yield* some(checkStart(attempt));
    const isLast = i === attempts.length - 1;
    yield* some(checkComplete(attempt, owed[i], known, isLast && isOpen ? rest : undefined));
    if (known.complete !== undefined) {
      yield* some(checkAgainstWrites(attempt, known));
      continue;
    }
    yield* some(checkAgreement(attempt, known));
    yield* some(checkAlone(attempt, lastOfKey));
  }
}

function isEnd({kind}: WatchLog['entries'][number]): boolean {
  return kind === 'compacted' || kind === 'cancelled';
}

function* some(violations: Generator<WatchViolation>): Generator<WatchViolation> {
  let count = 0;
  for (const violation of violations) {
    yield violation;
    if (++count === VIOLATIONS_MAX) return;
  }
}

function toFinding(same: readonly WatchViolation[]): Finding {
  const {guarantee, watch, atUs, text} = same.reduce((a, b) => (b.atUs < a.atUs ? b : a));
  const more = same.length === 1 ? '' : `; and so ${same.length - 1} more`;
  const message = `${guarantee}: ${describeWatch(watch)} ${text}, at ${describeTime(atUs)}${more}`;
  return {check: `watch-${guarantee}`, kind: 'violation', message, atUs};
}
