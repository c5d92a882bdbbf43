// checkers/watch/attempts.ts: a watch's log cut into attempts: what was asked once over one stream, and the whole answers to it.
// Fragments are put together here; an answer whose last fragment never came was not told.
import type {ByteString} from '../../base/byte-string.ts';
import type {WatchLog, WatchLogEvent} from '../../history/watch-log.ts';

/** A whole answer: events (at least one), or a bookmark without any. */
export interface WatchAnswer {
  readonly kind: 'events' | 'progress';
  readonly atUs: number;
  /** The header's. */
  readonly revision: number;
  readonly events: readonly WatchLogEvent[];
}

/** One request of a watch and all that was told to it. */
export interface WatchAttempt {
  readonly watch: WatchLog;
  /** 0: the first; others went on where one before broke off. */
  readonly number: number;
  readonly fromUs: number;
  readonly endpoint: string | undefined;
  /** The first revision asked for; 0: what comes from now on. */
  readonly startRevision: number;
  /** The store's revision when the server said it had the watch, where recorded. */
  readonly createdRevision: number | undefined;
  readonly answers: readonly WatchAnswer[];
}

interface Draft extends WatchAttempt {
  createdRevision: number | undefined;
  readonly answers: WatchAnswer[];
}

const NO_EVENTS: readonly WatchLogEvent[] = [];

/** The attempts of a watch, in order; at least one. What comes behind the end of a watch is left out (checkNothingAfterEnd says it). */
export function attemptsOf(watch: WatchLog): WatchAttempt[] {
  const {request, openedUs, endpoint} = watch;
  let attempt = draft(watch, 0, openedUs, endpoint, request.startRevision ?? 0);
  const attempts: WatchAttempt[] = [attempt];
  let partial: WatchLogEvent[] | undefined;
  for (const entry of watch.entries) {
    switch (entry.kind) {
      case 'created':
        attempt.createdRevision ??= entry.revision;
        break;
      case 'events': {
        const {atUs, revision} = entry;
        let events = entry.events;
        if (partial !== undefined) {
          for (const event of events) partial.push(event);
          events = partial;
        }
        if (entry.fragment === true) {
          partial ??= [...events];
          break;
        }
        partial = undefined;
        // clientv3: IsProgressNotify is a whole answer that holds nothing.
        const kind = events.length === 0 ? 'progress' : 'events';
        attempt.answers.push({kind, atUs, revision, events});
        break;
      }
      case 'progress':
        attempt.answers.push({kind: 'progress', atUs: entry.atUs, revision: entry.revision, events: NO_EVENTS});
        break;
      case 'resumed':
        partial = undefined;
        attempt = draft(watch, attempts.length, entry.atUs, entry.endpoint, entry.startRevision);
        attempts.push(attempt);
        break;
      case 'compacted':
      case 'cancelled':
        return attempts;
    }
  }
  return attempts;
}

function draft(
  watch: WatchLog,
  number: number,
  fromUs: number,
  endpoint: string | undefined,
  startRevision: number,
): Draft {
  const start = Math.max(0, startRevision);
  return {watch, number, fromUs, endpoint, startRevision: start, createdRevision: undefined, answers: []};
}

/** Is the key one of those asked for? */
export function isWatched({request}: WatchLog, key: ByteString): boolean {
  const {rangeEnd} = request;
  if (rangeEnd === undefined || rangeEnd === '') return key === request.key;
  return key >= request.key && (rangeEnd === '\0' || key < rangeEnd);
}

/** Is that kind of event asked for? */
export function isKindWanted({request}: WatchLog, type: WatchLogEvent['type']): boolean {
  const {filters} = request;
  return filters === undefined || !filters.includes(type === 'put' ? 'no-put' : 'no-delete');
}
