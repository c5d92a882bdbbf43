// server-core/watch/serve-watch.ts: one Watch call from beginning to end. etcd: api/v3rpc/watch.go (watchServer.Watch).
// Not here: what the interceptors in front of it refuse (learner, no leader, no capability), and ending a call that requires a
// leader when there is none; the host says so through `endedBy`.
import type {Fiber} from '../../env/fiber.ts';
import {until} from '../../env/fiber.ts';
import type {ServerStream} from '../etcdserverpb/server-stream.ts';
import type {WatchRequest, WatchResponse} from '../etcdserverpb/watch-messages.ts';
import {receiveLoop} from './receive-loop.ts';
import {sendLoop} from './send-loop.ts';
import type {StreamError, WatchHost} from './watch-session.ts';
import {WatchSession} from './watch-session.ts';

/** rpctypes.ErrGRPCWatchCanceled. */
const WATCH_CANCELED: StreamError = Object.freeze({code: 'Canceled', message: 'etcdserver: watch canceled'});
/** rpctypes.ErrGRPCNoLeader. */
const NO_LEADER: StreamError = Object.freeze({code: 'Unavailable', message: 'etcdserver: no leader'});

/**
 * Serves a Watch call until it is over for both sides, and returns its status: a Watch call has no good end. A client that has
 * closed its side only goes on receiving.
 */
export function* serveWatch(host: WatchHost, stream: ServerStream<WatchRequest, WatchResponse>): Fiber<StreamError> {
  const session = new WatchSession(host, stream);
  const sending = host.env.spawn('watch send', sendLoop(session));
  const receiving = host.env.spawn('watch receive', receiveLoop(session));
  try {
    yield* until(stream.ended);
  } finally {
    receiving.cancel();
    session.watches.close();
    sending.cancel();
  }
  const isKnown = host.watchable.behaviours.endedError === 'watch-canceled';
  return host.endedBy?.() ?? (isKnown ? WATCH_CANCELED : NO_LEADER);
}
