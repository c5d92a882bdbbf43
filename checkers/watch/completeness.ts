// checkers/watch/completeness.ts: what should have been told and was not: reliable, resumable, atomic (a part of a revision),
// bookmarkable (a bookmark that promises too much), compaction (silence instead of an end) and delivery at rest.
// One merge of what is known to have happened with what was told, from the first revision an attempt owes to the last it has passed.
import {must} from '../../base/assert.ts';
import type {WatchLogEvent} from '../../history/watch-log.ts';
import {isKindWanted, type WatchAnswer, type WatchAttempt} from './attempts.ts';
import {compareKnown, type KnownEvent, type KnownEvents} from './known-events.ts';
import {describeEvent, describePlace, type WatchGuarantee, type WatchViolation} from './violation.ts';

/** What a watch owes at its end: everything up to this revision, if it is still open. */
export interface Rest {
  readonly deliveredThrough: number;
  readonly atUs: number;
}

/**
 * The first revision from which nothing may be missing. A watch from now on owes what comes behind the revision it was created at; where
 * that is not recorded, what comes behind the first thing it was told. Undefined: it owes nothing that could be named.
 */
function owedFrom({startRevision, createdRevision, answers}: WatchAttempt): number | undefined {
  if (startRevision > 0) return startRevision;
  const first = answers[0];
  const told = first === undefined ? undefined : (first.events[0]?.modRevision ?? first.revision + 1);
  // From 3.5.22 the header is read after the watch has begun (#20221), so changes up to it may be told, and then none may be left out.
  if (createdRevision === undefined || told === undefined)
    return createdRevision === undefined ? told : createdRevision + 1;
  return Math.min(createdRevision + 1, told);
}

/** What an attempt leaves owed to the one behind it. */
function owedNext(from: number | undefined, {answers}: WatchAttempt): number | undefined {
  const told = passedThrough(answers);
  if (from === undefined) return told > 0 ? told + 1 : undefined;
  return Math.max(from, told + 1);
}

/**
 * For each attempt of a watch, the first revision from which nothing may be missing. One that goes on with a later revision than the
 * next one owed owes what it skips as well: the user of the watch never hears of its streams.
 */
export function owedByAttempt(attempts: readonly WatchAttempt[]): (number | undefined)[] {
  const owed: (number | undefined)[] = [];
  let next: number | undefined;
  for (const attempt of attempts) {
    const own = owedFrom(attempt);
    const from = next === undefined ? own : attempt.startRevision > 0 ? Math.min(next, attempt.startRevision) : next;
    owed.push(from);
    next = owedNext(from, attempt);
  }
  return owed;
}

/**
 * Everything that an attempt should have been told and never was, each missing event once: from revision `from` (owedByAttempt) to the
 * last one that it has passed. `rest`: only for the last attempt of a watch that is open when everything has come to rest.
 */
export function* checkComplete(
  attempt: WatchAttempt,
  from: number | undefined,
  known: KnownEvents,
  rest: Rest | undefined,
): Generator<WatchViolation> {
  const {watch} = attempt;
  if (from === undefined) return;
  const told = toldInOrder(attempt);
  const passed = passedThrough(attempt.answers);
  const through = Math.max(passed, rest?.deliveredThrough ?? 0);
  const events = known.of(watch.request.key, watch.request.rangeEnd);
  const hasFilter = (watch.request.filters ?? []).length > 0;
  let at = 0;
  for (let place = firstFrom(events, from); place < events.length; place++) {
    const event = events[place] as KnownEvent;
    if (event.modRevision > through) return;
    if (hasFilter && !isKindWanted(watch, event.type)) continue;
    while (at < told.length && compareKnown(told[at] as WatchLogEvent, event) < 0) at++;
    const next = told[at];
    if (next !== undefined && compareKnown(next, event) === 0) continue;
    yield missing(attempt, event, known, passed, rest);
  }
}

/** The highest revision that something told has passed; 0: nothing was told. */
function passedThrough(answers: readonly WatchAnswer[]): number {
  let through = 0;
  for (const {kind, revision, events} of answers) {
    if (kind === 'progress') through = Math.max(through, revision);
    for (const {modRevision} of events) if (modRevision > through) through = modRevision;
  }
  return through;
}

/** The told events by revision and key. Sorted only where they did not come so. */
function toldInOrder({answers}: WatchAttempt): readonly WatchLogEvent[] {
  const told: WatchLogEvent[] = [];
  let isSorted = true;
  let last: WatchLogEvent | undefined;
  for (const {events} of answers) {
    for (const event of events) {
      if (last !== undefined && isSorted && compareKnown(last, event) > 0) isSorted = false;
      told.push(event);
      last = event;
    }
  }
  return isSorted ? told : told.sort(compareKnown);
}

function firstFrom(events: readonly KnownEvent[], revision: number): number {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((events[middle] as KnownEvent).modRevision < revision) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Which promise the silence breaks: that of the first thing told which was past the event. */
function missing(
  attempt: WatchAttempt,
  event: KnownEvent,
  known: KnownEvents,
  passed: number,
  rest: Rest | undefined,
): WatchViolation {
  const {watch, answers} = attempt;
  const {modRevision} = event;
  const source = event.toldTo === undefined ? '' : ` (watch ${event.toldTo.id} was told it)`;
  const what = `was never told ${describeEvent(event)}${source}`;
  const place = describePlace(attempt);
  if (modRevision > passed) {
    const {atUs, deliveredThrough} = must(rest, 'an event beyond all that was told is owed at rest only');
    const compaction = silentCompaction(known, modRevision, deliveredThrough);
    if (compaction !== undefined) {
      return {
        guarantee: 'compaction',
        watch,
        atUs,
        text: `${what}, nor that it was compacted at ${compaction}${place}`,
      };
    }
    return {
      guarantee: 'delivery',
      watch,
      atUs,
      text: `${what}, though everything came to rest at ${deliveredThrough}${place}`,
    };
  }
  let isFirst = true;
  for (const {kind, atUs, revision, events} of answers) {
    if (kind === 'progress') {
      if (revision < modRevision) {
        isFirst = false;
        continue;
      }
      const text = `${what}, and was told a progress notification of ${revision}${place}`;
      return {guarantee: 'bookmarkable', watch, atUs, text};
    }
    const next = events.find((other) => other.modRevision >= modRevision);
    if (next === undefined) {
      isFirst = false;
      continue;
    }
    if (events.some((other) => other.modRevision === modRevision)) {
      const text = `${what}, but ${describeEvent(next)}, the same revision${place}`;
      return {guarantee: 'atomic', watch, atUs, text};
    }
    const isStart = isFirst && next === events[0];
    const compaction = silentCompaction(known, modRevision, next.modRevision);
    if (compaction !== undefined) {
      const text = `${what}, nor that it was compacted at ${compaction}, and went on with ${describeEvent(next)}${place}`;
      return {guarantee: 'compaction', watch, atUs, text};
    }
    const guarantee: WatchGuarantee = isStart && attempt.startRevision > 0 ? 'resumable' : 'reliable';
    const asked = isStart && attempt.startRevision > 0 ? ` when it asked for ${attempt.startRevision} and later` : '';
    return {guarantee, watch, atUs, text: `${what}, but ${describeEvent(next)}${asked}${place}`};
  }
  return {guarantee: 'reliable', watch, atUs: attempt.fromUs, text: what + place};
}

/** A compaction that took the event away and was over when the watch went on behind it (#17529). */
function silentCompaction({compactions}: KnownEvents, revision: number, next: number): number | undefined {
  return compactions?.find((compaction) => compaction > revision && compaction <= next);
}
