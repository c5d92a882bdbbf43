// server-core/watch/receive-loop.ts: the requests of one Watch call. etcd: api/v3rpc/watch.go (recvLoop).
import type {Fiber} from '../../env/fiber.ts';
import {until} from '../../env/fiber.ts';
import type {WatchCreateRequest, WatchRequest, WatchResponse} from '../etcdserverpb/watch-messages.ts';
import {watchResponse} from '../etcdserverpb/watch-messages.ts';
import type {WatchSession} from './watch-session.ts';
import {NO_WATCH} from './watcher.ts';

/** rpctypes.ErrCompacted as text. */
const COMPACTED = 'etcdserver: mvcc: required revision has been compacted';
/** Carries out requests until the client has sent its last one. Waits while too many answers are unsent. */
export function* receiveLoop(session: WatchSession): Fiber<void> {
  for (;;) {
    const request = yield* until(session.stream.receive);
    if (request === undefined) return;
    const goesOn = yield* handle(session, request);
    if (!goesOn) return;
  }
}

/** False: nothing more is to be read. A request of no known kind is passed over. */
function* handle(session: WatchSession, {create, cancel, progress}: WatchRequest): Fiber<boolean> {
  if (create !== undefined) return yield* handleCreate(session, create);
  if (cancel !== undefined) yield* handleCancel(session, cancel.watchId);
  else if (progress !== undefined) yield* handleProgress(session);
  return true;
}

function* handleCreate(session: WatchSession, asked: WatchCreateRequest): Fiber<boolean> {
  const {behaviours} = session.host.watchable;
  // The empty key is the smallest there is: from the first one on.
  const create = asked.key === '' ? {...asked, key: '\0'} : asked;
  if (create.startRevision < 0 && behaviours.negativeStart === 'refused') {
    yield* session.control.send(refused(session, NO_WATCH, COMPACTED));
    return true;
  }
  const denial = behaviours.checksPermission ? yield* session.host.isPermitted(create) : undefined;
  if (denial !== undefined) {
    const id = behaviours.deniedId === 'requested' ? create.watchId : NO_WATCH;
    yield* session.control.send(refused(session, id, denial.message));
    return behaviours.listensAfterDenial;
  }
  yield* session.control.send(begin(session, create));
  return true;
}

/** Begins the watch; answers what the client is to be told. */
function begin(session: WatchSession, create: WatchCreateRequest): WatchResponse {
  const {behaviours} = session.host.watchable;
  const {watches} = session;
  const filters = behaviours.filters ? create.filters : [];
  const filter = {noPut: filters.includes('no-put'), noDelete: filters.includes('no-delete')};
  const result = watches.watch({
    watchId: create.watchId,
    key: create.key,
    rangeEnd: create.rangeEnd,
    startRevision: create.startRevision,
    filter,
  });
  if (result.kind === 'failed') {
    return refused(session, NO_WATCH, behaviours.failureReason === 'named' ? result.reason : '');
  }
  const {id} = result;
  if (create.progressNotify) session.beat.add(id);
  if (create.prevKv && behaviours.prevKvs) session.withPrevKv.add(id);
  if (create.fragment && behaviours.fragments) session.fragmented.add(id);
  return watchResponse.make({header: session.header(watches.revision), watchId: id, created: true});
}

function refused(session: WatchSession, watchId: number, cancelReason: string): WatchResponse {
  const header = session.header(session.watches.revision);
  return watchResponse.make({header, watchId, created: true, canceled: true, cancelReason});
}

/** Of an id that is not there nothing is said. */
function* handleCancel(session: WatchSession, watchId: number): Fiber<void> {
  if (!session.watches.cancel(watchId)) return;
  const header = session.header(session.watches.revision);
  yield* session.control.send(watchResponse.make({header, watchId, canceled: true}));
  session.beat.wanting.delete(watchId);
  session.withPrevKv.delete(watchId);
  session.fragmented.delete(watchId);
}

function* handleProgress(session: WatchSession): Fiber<void> {
  const {watches} = session;
  switch (session.host.watchable.behaviours.requestedProgress) {
    case 'when-synced':
      watches.requestProgressAll();
      return;
    case 'deferred':
      if (!session.isProgressOwed) session.isProgressOwed = !watches.requestProgressAll();
      return;
    case 'at-once':
      yield* session.control.send(watchResponse.make({header: session.header(watches.revision), watchId: NO_WATCH}));
      return;
    case 'unknown':
      return;
  }
}
