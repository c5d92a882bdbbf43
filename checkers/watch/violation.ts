// checkers/watch/violation.ts: what a watch guarantee yields when it is broken, and the words that all of them use.
import {describeBytes} from '../../base/byte-string.ts';
import type {WatchLog, WatchLogEvent} from '../../history/watch-log.ts';
import type {WatchAttempt} from './attempts.ts';

/**
 * etcd's watch guarantees (documentation: "etcd API guarantees", watch APIs; etcd: tests/robustness/validate/watch.go) and what
 * follows from them:
 * - ordered: events come in order of their revisions;
 * - unique: no event comes twice;
 * - atomic: the events of one revision come in one answer, all of them;
 * - reliable: between two things told, nothing is missing;
 * - resumable: the first event told is the first there is from the revision asked for;
 * - bookmarkable: a progress notification of R: everything up to R has been told, nothing up to R comes later, R does not go back;
 * - filter: only the keys and kinds of event asked for;
 * - start-revision: nothing from before the revision asked for;
 * - compaction: what was compacted before it was told ends the watch with its compact revision, never a silence, and nothing else does;
 * - is-create: an event says rightly whether it created its key;
 * - prev-kv: the pair before an event is the one there was, and is there exactly when it was asked for and can be known;
 * - content: an event says what was written;
 * - agreement: no two watches are told different things of one key at one revision;
 * - end: nothing comes behind the end of a watch;
 * - delivery: an open watch is told everything once the cluster is at rest.
 */
export type WatchGuarantee =
  | 'ordered'
  | 'unique'
  | 'atomic'
  | 'reliable'
  | 'resumable'
  | 'bookmarkable'
  | 'filter'
  | 'start-revision'
  | 'compaction'
  | 'is-create'
  | 'prev-kv'
  | 'content'
  | 'agreement'
  | 'end'
  | 'delivery';

/** One broken guarantee of one watch. `text` is the middle of a sentence: what was seen. */
export interface WatchViolation {
  readonly guarantee: WatchGuarantee;
  readonly watch: WatchLog;
  readonly atUs: number;
  readonly text: string;
}

/** `delete of k at 7`, `put k=v at 7`. */
export function describeEvent({type, key, value, modRevision}: WatchLogEvent): string {
  const name = describeBytes(key);
  return type === 'delete'
    ? `the delete of ${name} at ${modRevision}`
    : `put ${name}=${short(value)} at ${modRevision}`;
}

function short(value: string): string {
  const text = describeBytes(value);
  return text.length <= 24 ? text : `${text.slice(0, 21)}...`;
}

/** `watch 3 of client 1 (keys a to b, from 7)`. */
export function describeWatch({id, client, request}: WatchLog): string {
  const {key, rangeEnd, startRevision = 0} = request;
  const from = startRevision > 0 ? `from ${startRevision}` : 'from now on';
  return `watch ${id} of client ${client} (${describeKeys(key, rangeEnd)}, ${from})`;
}

function describeKeys(key: string, end: string | undefined): string {
  const first = key === '\0' ? 'the first key' : describeBytes(key);
  if (end === undefined || end === '') return `key ${describeBytes(key)}`;
  if (end === '\0') return `keys from ${first} on`;
  return `keys from ${first} below ${describeBytes(end)}`;
}

/** ` at m2` where it is known, and that it went on there. */
export function describePlace({number, endpoint}: WatchAttempt): string {
  const place = endpoint === undefined ? '' : ` at ${endpoint}`;
  return number === 0 ? place : `${place} (resumed ${number === 1 ? 'once' : `${number} times`})`;
}

/** `12.345678 s`, from whole microseconds. */
export function describeTime(atUs: number): string {
  const micros = String(atUs % 1_000_000).padStart(6, '0');
  return `${Math.floor(atUs / 1_000_000)}.${micros} s`;
}
