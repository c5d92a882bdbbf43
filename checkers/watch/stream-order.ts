// checkers/watch/stream-order.ts: the guarantees that a watch's own stream shows broken, whatever was written: ordered, unique,
// atomic (an answer cut in a revision), bookmarkable (order), filter, start-revision, compaction (its revision), end.
// Each is one pass over the answers of one attempt, so everything asked for once is judged by what was asked then.
import type {WatchLog, WatchLogEvent} from '../../history/watch-log.ts';
import {isKindWanted, isWatched, type WatchAttempt} from './attempts.ts';
import {describeEvent, describePlace, type WatchViolation} from './violation.ts';

/** Ordered: an event never comes behind one of a later revision. */
export function* checkOrdered(attempt: WatchAttempt): Generator<WatchViolation> {
  const {watch} = attempt;
  let last: WatchLogEvent | undefined;
  for (const {atUs, events} of attempt.answers) {
    for (const event of events) {
      if (last !== undefined && event.modRevision < last.modRevision) {
        const text = `was told ${describeEvent(event)} after ${describeEvent(last)}${describePlace(attempt)}`;
        yield {guarantee: 'ordered', watch, atUs, text};
      }
      last = event;
    }
  }
}

/** Unique: an event, which is a key at a revision, comes once. */
export function* checkUnique(attempt: WatchAttempt): Generator<WatchViolation> {
  const {watch} = attempt;
  // Most revisions change one watched key: its name stands for a set.
  const told = new Map<number, string | Set<string>>();
  for (const {atUs, events} of attempt.answers) {
    for (const event of events) {
      const {modRevision, key} = event;
      const keys = told.get(modRevision);
      if (keys === undefined) {
        told.set(modRevision, key);
      } else if (typeof keys === 'string' ? keys === key : keys.has(key)) {
        yield {
          guarantee: 'unique',
          watch,
          atUs,
          text: `was told ${describeEvent(event)} twice${describePlace(attempt)}`,
        };
      } else if (typeof keys === 'string') {
        told.set(modRevision, new Set([keys, key]));
      } else {
        keys.add(key);
      }
    }
  }
}

/** Atomic: the events of a revision are not spread over several answers. */
export function* checkUncut(attempt: WatchAttempt): Generator<WatchViolation> {
  const {watch} = attempt;
  let last: WatchLogEvent | undefined;
  for (const {atUs, events} of attempt.answers) {
    const first = events[0];
    if (first === undefined) continue;
    // The same key again is a repetition, not a cut.
    if (last !== undefined && first.modRevision === last.modRevision && first.key !== last.key) {
      const text = `was told ${describeEvent(last)} in one answer and ${describeEvent(first)} in the next${describePlace(attempt)}`;
      yield {guarantee: 'atomic', watch, atUs, text};
    }
    last = events[events.length - 1];
  }
}

/** Atomic: an answer comes in pieces only where the client said that it may (WatchCreateRequest.fragment). */
export function* checkFragments(watch: WatchLog): Generator<WatchViolation> {
  if (watch.request.fragment === true) return;
  for (const entry of watch.entries) {
    if (entry.kind !== 'events' || entry.fragment !== true) continue;
    yield {guarantee: 'atomic', watch, atUs: entry.atUs, text: 'was told a fragment, for which it had not asked'};
    return;
  }
}

/** Bookmarkable: bookmarks never go back, neither behind what was told nor behind what was asked for, and nothing up to one comes after it. */
export function* checkBookmarks(attempt: WatchAttempt): Generator<WatchViolation> {
  const {watch, startRevision} = attempt;
  const place = describePlace(attempt);
  let bookmark = 0;
  let last: WatchLogEvent | undefined;
  for (const {kind, atUs, revision, events} of attempt.answers) {
    for (const event of events) {
      if (event.modRevision <= bookmark) {
        const text = `was told ${describeEvent(event)} after a progress notification of ${bookmark}${place}`;
        yield {guarantee: 'bookmarkable', watch, atUs, text};
      }
      if (last === undefined || event.modRevision > last.modRevision) last = event;
    }
    if (kind === 'events') continue;
    if (revision < bookmark) {
      const text = `was told a progress notification of ${revision} after one of ${bookmark}${place}`;
      yield {guarantee: 'bookmarkable', watch, atUs, text};
    } else if (last !== undefined && revision < last.modRevision) {
      const text = `was told a progress notification of ${revision} after ${describeEvent(last)}${place}`;
      yield {guarantee: 'bookmarkable', watch, atUs, text};
    } else if (revision < startRevision - 1) {
      // One of startRevision - 1 says nothing wrong: all before the start was not asked for. #20221
      const text = `was told a progress notification of ${revision}, and a client that goes on from it asks for less than ${startRevision}${place}`;
      yield {guarantee: 'bookmarkable', watch, atUs, text};
    }
    bookmark = Math.max(bookmark, revision);
  }
}

/** Filter: only keys of the range and kinds of event that were asked for. */
export function* checkFilter(attempt: WatchAttempt): Generator<WatchViolation> {
  const {watch} = attempt;
  const {filters = []} = watch.request;
  for (const {atUs, events} of attempt.answers) {
    for (const event of events) {
      const isKey = isWatched(watch, event.key);
      if (isKey && (filters.length === 0 || isKindWanted(watch, event.type))) continue;
      const why = isKey ? `in spite of its filter ${filters.join(', ')}` : 'whose key is none of its own';
      yield {
        guarantee: 'filter',
        watch,
        atUs,
        text: `was told ${describeEvent(event)}, ${why}${describePlace(attempt)}`,
      };
    }
  }
}

/** Start revision: nothing from before it, be it in the store's past or in its future when the watch began (#20221). */
export function* checkStart(attempt: WatchAttempt): Generator<WatchViolation> {
  const {watch, startRevision} = attempt;
  if (startRevision === 0) return;
  for (const {atUs, events} of attempt.answers) {
    for (const event of events) {
      if (event.modRevision >= startRevision) continue;
      const text = `had asked for ${startRevision} and later and was told ${describeEvent(event)}${describePlace(attempt)}`;
      yield {guarantee: 'start-revision', watch, atUs, text};
    }
  }
}

/** Compaction: only a watch that still needs something older is ended by it. etcd: watcherGroup.chooseAll. */
export function* checkCompacted(watch: WatchLog, attempts: readonly WatchAttempt[]): Generator<WatchViolation> {
  const end = watch.entries.find(({kind}) => kind === 'compacted' || kind === 'cancelled');
  const attempt = attempts[attempts.length - 1];
  if (end?.kind !== 'compacted' || attempt === undefined) return;
  let needed = attempt.startRevision;
  for (const {events} of attempt.answers)
    for (const {modRevision} of events) needed = Math.max(needed, modRevision + 1);
  // A watch from now on that was told nothing may have begun anywhere.
  if (needed === 0 || needed < end.compactRevision) return;
  const text = `was ended as compacted at ${end.compactRevision}, though all it still needed was ${needed} and later`;
  yield {guarantee: 'compaction', watch, atUs: end.atUs, text};
}

/** End: the end is the last thing told. */
export function* checkNothingAfterEnd(watch: WatchLog): Generator<WatchViolation> {
  const {entries} = watch;
  const at = entries.findIndex(({kind}) => kind === 'compacted' || kind === 'cancelled');
  const next = at < 0 ? undefined : entries[at + 1];
  if (next === undefined) return;
  const text = `was ${entries[at]?.kind} and then told something more (${next.kind})`;
  yield {guarantee: 'end', watch, atUs: next.atUs, text};
}
