// checkers/watch/event-content.ts: is what a watch was told of an event true: content, is-create, prev-kv, agreement.
// Held against what members applied where that is known. Otherwise against what others were told of the same event, against the event
// itself, and against the event of the same key before it, between which a watch without filters misses nothing.
import type {KeyValue} from '../../history/operation.ts';
import type {WatchLog, WatchLogEvent} from '../../history/watch-log.ts';
import {equalPairs} from '../models/etcd-kv.ts';
import type {WatchAttempt} from './attempts.ts';
import type {KnownEvent, KnownEvents} from './known-events.ts';
import {describeEvent, describePlace, type WatchGuarantee, type WatchViolation} from './violation.ts';

/** A guarantee broken by one event, without where and when. */
interface Fault {
  readonly guarantee: WatchGuarantee;
  readonly why: string;
}

/** Everything told is what was written; `known` is complete. etcd: validateReliable, validateIsCreate, validatePrevKV. */
export function* checkAgainstWrites(attempt: WatchAttempt, known: KnownEvents): Generator<WatchViolation> {
  const {watch, answers} = attempt;
  const {complete} = known;
  if (complete === undefined) return;
  for (const {atUs, events} of answers) {
    for (const event of events) {
      if (event.modRevision < complete.from) continue;
      const truth = known.at(event.key, event.modRevision);
      const fault =
        truth === undefined
          ? {guarantee: 'content' as const, why: notWritten(event, complete.through)}
          : (contentFault(event, truth) ?? prevFault(watch, event, truth, known));
      if (fault !== undefined) yield toViolation(attempt, atUs, event, fault);
    }
  }
}

function notWritten({key, modRevision}: WatchLogEvent, through: number): string {
  if (modRevision > through) return `but the store never went beyond ${through}`;
  return `but that revision did not change ${key}`;
}

function contentFault(event: WatchLogEvent, truth: KnownEvent): Fault | undefined {
  if (event.type !== truth.type || event.value !== truth.value) {
    return {guarantee: 'content', why: `but it was ${describeEvent(truth)}`};
  }
  if (event.createRevision !== truth.createRevision || event.version !== truth.version) {
    const isCreateWrong = isCreate(event) !== isCreate(truth);
    const why = `with create revision ${event.createRevision} and version ${event.version}, but they are ${truth.createRevision} and ${truth.version}`;
    return {guarantee: isCreateWrong ? 'is-create' : 'content', why};
  }
  if (event.lease !== undefined && truth.lease !== undefined && event.lease !== truth.lease) {
    return {guarantee: 'content', why: `with lease ${event.lease}, but it is ${truth.lease}`};
  }
  return undefined;
}

/** clientv3: Event.IsCreate. */
function isCreate({type, createRevision, modRevision}: WatchLogEvent): boolean {
  return type === 'put' && createRevision === modRevision;
}

function prevFault(
  watch: WatchLog,
  {modRevision, prevKv}: WatchLogEvent,
  truth: KnownEvent,
  known: KnownEvents,
): Fault | undefined {
  if (prevKv === undefined) {
    if (watch.request.prevKv !== true || truth.prevKv === undefined || known.compactions === undefined)
      return undefined;
    // The pair before is read at modRevision - 1, which a compaction at modRevision or later has taken away.
    if ((known.compactions.at(-1) ?? 0) >= modRevision) return undefined;
    return {guarantee: 'prev-kv', why: `without its previous pair, which is ${describePair(truth.prevKv)}`};
  }
  if (watch.request.prevKv !== true) return NOT_ASKED;
  if (equalPairs(prevKv, truth.prevKv)) return undefined;
  const was = truth.prevKv === undefined ? 'there was none' : `it is ${describePair(truth.prevKv)}`;
  return {guarantee: 'prev-kv', why: `with the previous pair ${describePair(prevKv)}, but ${was}`};
}

const NOT_ASKED: Fault = {guarantee: 'prev-kv', why: 'with a previous pair, for which it had not asked'};

function describePair({key, value, createRevision, modRevision, version}: KeyValue): string {
  return `${key}=${value.slice(0, 24)} (created at ${createRevision}, changed at ${modRevision}, version ${version})`;
}

function toViolation(
  attempt: WatchAttempt,
  atUs: number,
  event: WatchLogEvent,
  {guarantee, why}: Fault,
): WatchViolation {
  const text = `was told ${describeEvent(event)}, ${why}${describePlace(attempt)}`;
  return {guarantee, watch: attempt.watch, atUs, text};
}

/** Two watches, or two streams of one, are told the same of an event; `known` holds what the first was told. */
export function* checkAgreement(attempt: WatchAttempt, known: KnownEvents): Generator<WatchViolation> {
  for (const {atUs, events} of attempt.answers) {
    for (const event of events) {
      const other = known.at(event.key, event.modRevision);
      if (other?.toldTo === undefined || isSame(event, other)) continue;
      const details = describeDifference(event, other);
      yield toViolation(attempt, atUs, event, {
        guarantee: 'agreement',
        why: `but watch ${other.toldTo.id} of client ${other.toldTo.client} was told ${describeEvent(other)}${details}`,
      });
    }
  }
}

function isSame(a: WatchLogEvent, b: WatchLogEvent): boolean {
  if (a.type !== b.type || a.value !== b.value) return false;
  if (a.createRevision !== b.createRevision || a.version !== b.version) return false;
  if (a.lease !== undefined && b.lease !== undefined && a.lease !== b.lease) return false;
  return a.prevKv === undefined || b.prevKv === undefined || equalPairs(a.prevKv, b.prevKv);
}

function describeDifference(a: WatchLogEvent, b: WatchLogEvent): string {
  if (a.createRevision === b.createRevision && a.version === b.version) return '';
  return ` (create revision ${b.createRevision} and version ${b.version}, not ${a.createRevision} and ${a.version})`;
}

/**
 * What the history alone says of one watch's events: each makes sense in itself and behind the one before it of the same key. `last`:
 * the newest event of each key that the watch was told, on earlier streams too; the events of this attempt are added.
 */
export function* checkAlone(attempt: WatchAttempt, last: Map<string, WatchLogEvent>): Generator<WatchViolation> {
  const {watch, answers} = attempt;
  const isFiltered = (watch.request.filters ?? []).length > 0;
  for (const {atUs, events} of answers) {
    for (const event of events) {
      const fault = selfFault(event) ?? prevSelfFault(watch, event);
      if (fault !== undefined) yield toViolation(attempt, atUs, event, fault);
      if (isFiltered) continue;
      const before = last.get(event.key);
      if (before !== undefined && before.modRevision >= event.modRevision) continue;
      last.set(event.key, event);
      if (before === undefined || fault !== undefined) continue;
      const gap = successionFault(before, event) ?? prevSuccessionFault(before, event);
      if (gap !== undefined) yield toViolation(attempt, atUs, event, gap);
    }
  }
}

function selfFault(event: WatchLogEvent): Fault | undefined {
  const {type, value, modRevision, createRevision, version} = event;
  if (type === 'delete') {
    if (value === '' && createRevision === 0 && version === 0) return undefined;
    return {guarantee: 'content', why: `with a value, a create revision (${createRevision}) or a version (${version})`};
  }
  if (createRevision > modRevision || createRevision === 0 || version === 0) {
    return {guarantee: 'content', why: `with create revision ${createRevision} and version ${version}`};
  }
  if (isCreate(event) === (version === 1)) return undefined;
  return {guarantee: 'is-create', why: `with create revision ${createRevision}, but version ${version}`};
}

function prevSelfFault(watch: WatchLog, event: WatchLogEvent): Fault | undefined {
  const {prevKv} = event;
  if (prevKv === undefined) return undefined;
  if (watch.request.prevKv !== true) return NOT_ASKED;
  const fits =
    prevKv.key === event.key &&
    prevKv.modRevision < event.modRevision &&
    (event.type === 'delete' ||
      (prevKv.createRevision === event.createRevision && prevKv.version + 1 === event.version));
  if (fits) return undefined;
  return {guarantee: 'prev-kv', why: `version ${event.version}, with the previous pair ${describePair(prevKv)}`};
}

/** What lies between two events of a key that a watch was told one after the other: it must be nothing. */
function successionFault(before: WatchLogEvent, event: WatchLogEvent): Fault | undefined {
  if (event.type === 'delete') {
    if (before.type === 'put') return undefined;
    return {guarantee: 'reliable', why: `after ${describeEvent(before)}, but nothing that put the key in between`};
  }
  const behind = `version ${event.version}, after ${describeEvent(before)}`;
  if (before.type === 'delete') {
    if (isCreate(event)) return undefined;
    if (event.createRevision > before.modRevision)
      return {guarantee: 'reliable', why: `${behind}, but nothing that created the key`};
    return {guarantee: 'is-create', why: `${behind}, but as if the key had never been deleted`};
  }
  if (event.createRevision > before.modRevision) {
    return {guarantee: 'reliable', why: `${behind}, but no delete of the key in between`};
  }
  if (event.createRevision !== before.createRevision || event.version <= before.version) {
    const why = `${behind}, whose create revision is ${before.createRevision} and version ${before.version}`;
    return {guarantee: 'content', why};
  }
  if (event.version === before.version + 1) return undefined;
  return {guarantee: 'reliable', why: `${behind}, version ${before.version}, but nothing in between`};
}

function prevSuccessionFault(before: WatchLogEvent, event: WatchLogEvent): Fault | undefined {
  const {prevKv} = event;
  if (prevKv === undefined) return undefined;
  if (before.type === 'put' && prevKv.modRevision === before.modRevision && prevKv.value === before.value)
    return undefined;
  return {guarantee: 'prev-kv', why: `after ${describeEvent(before)}, with the previous pair ${describePair(prevKv)}`};
}
