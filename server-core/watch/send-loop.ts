// server-core/watch/send-loop.ts: the responses of one Watch call. etcd: api/v3rpc/watch.go (sendLoop).
// Events and answers to requests come on two queues and are sent in the order in which they are taken, which is by lot when
// both have some. Events of a watch whose creation was not answered yet wait for that.
import type {Fiber} from '../../env/fiber.ts';
import {select} from '../../env/fiber.ts';
import type {Event} from '../etcdserverpb/types.ts';
import {rangeRequest} from '../etcdserverpb/types.ts';
import type {WatchResponse} from '../etcdserverpb/watch-messages.ts';
import {isRefusal} from '../mvcc/errors.ts';
import {fragmentsOf, GRPC_OVERHEAD_BYTES} from './fragments.ts';
import type {WatchSession} from './watch-session.ts';
import type {StoreResponse} from './watcher.ts';
import {NO_WATCH} from './watcher.ts';

/** What the client has been told of, and what waits for that. */
interface Announcements {
  readonly ids: Set<number>;
  readonly waiting: Map<number, WatchResponse[]>;
}

/** Sends until the watches are closed or the call is over. */
export function* sendLoop(session: WatchSession): Fiber<void> {
  const announcements: Announcements = {ids: new Set(), waiting: new Map()};
  const cases = {events: session.watches.receive, control: session.control.receive, beat: session.beat};
  for (;;) {
    const next = yield* select(session.host.env, cases);
    if (next.kind === 'beat') {
      requestProgress(session);
      continue;
    }
    if (next.value === undefined) return;
    const isSent =
      next.kind === 'events'
        ? yield* sendEvents(session, announcements, next.value)
        : yield* sendAnswer(session, announcements, next.value);
    if (!isSent) return;
  }
}

/** Notifies the watches that want it and got nothing since the last time. */
function requestProgress(session: WatchSession): void {
  const {wanting} = session.beat;
  for (const [id, isQuiet] of wanting) {
    if (isQuiet) session.watches.requestProgress(id);
    wanting.set(id, true);
  }
}

/** False: the call is over. */
function* sendEvents(session: WatchSession, {ids, waiting}: Announcements, from: StoreResponse): Fiber<boolean> {
  const {watchId} = from;
  const response: WatchResponse = {
    header: session.header(from.revision),
    watchId,
    created: false,
    canceled: from.compactRevision !== 0 && session.host.watchable.behaviours.compactionCancels,
    compactRevision: from.compactRevision,
    cancelReason: '',
    fragment: false,
    events: session.withPrevKv.has(watchId) ? withPrevKvs(session, from.events) : from.events,
  };
  if (watchId !== NO_WATCH && !ids.has(watchId)) {
    const before = waiting.get(watchId);
    if (before === undefined) waiting.set(watchId, [response]);
    else before.push(response);
    return true;
  }
  if (!(yield* sendCut(session, response))) return false;
  const {wanting} = session.beat;
  // The next notification is left out: the client has just heard of this watch.
  if (from.events.length > 0 && wanting.has(watchId)) wanting.set(watchId, false);
  if (session.isProgressOwed && session.watches.requestProgressAll()) session.isProgressOwed = false;
  return true;
}

function* sendCut(session: WatchSession, response: WatchResponse): Fiber<boolean> {
  const {failpoints} = session.host.env;
  if (failpoints.armed) yield* failpoints.hit('beforeSendWatchResponse');
  if (!session.fragmented.has(response.watchId)) return yield* session.stream.send(response);
  for (const fragment of fragmentsOf(response, session.host.maxRequestBytes + GRPC_OVERHEAD_BYTES)) {
    if (!(yield* session.stream.send(fragment))) return false;
  }
  return true;
}

/** The events with the pairs before them, as far as these are not compacted by now. */
function withPrevKvs(session: WatchSession, events: readonly Event[]): readonly Event[] {
  const {kv: store, behaviours} = session.host.watchable;
  return events.map((event) => {
    const {key, createRevision, modRevision} = event.kv;
    if (behaviours.creationHasNoPrevKv && event.type === 'put' && createRevision === modRevision) return event;
    const before = store.range(rangeRequest(key, {revision: modRevision - 1}));
    return isRefusal(before) ? event : {type: event.type, kv: event.kv, prevKv: before.kvs[0]};
  });
}

/** False: the call is over. */
function* sendAnswer(session: WatchSession, {ids, waiting}: Announcements, answer: WatchResponse): Fiber<boolean> {
  if (!(yield* session.stream.send(answer))) return false;
  const {watchId} = answer;
  if (answer.canceled && watchId !== NO_WATCH) {
    ids.delete(watchId);
    return true;
  }
  if (!answer.created) return true;
  ids.add(watchId);
  // etcd sends these whole, fragments or not.
  for (const response of waiting.get(watchId) ?? []) {
    if (!(yield* session.stream.send(response))) return false;
  }
  waiting.delete(watchId);
  return true;
}
