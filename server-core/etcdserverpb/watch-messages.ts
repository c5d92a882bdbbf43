// server-core/etcdserverpb/watch-messages.ts: the Watch service's messages. Source: rpc.proto at v3.6.0.
import {event, responseHeader} from './header-message.ts';
import type {MessageOf} from './message.ts';
import {bool, int, list, manyOf, message, nested, text} from './message.ts';

export const watchCreateRequest = message({
  key: text(1),
  rangeEnd: text(2),
  startRevision: int(3),
  progressNotify: bool(4),
  filters: manyOf(5, ['no-put', 'no-delete']),
  prevKv: bool(6),
  watchId: int(7),
  fragment: bool(8),
});
export const watchCancelRequest = message({watchId: int(1)});
export const watchProgressRequest = message({});
/** A oneof: at most one of the three is there. */
export const watchRequest = message({
  create: nested(1, watchCreateRequest),
  cancel: nested(2, watchCancelRequest),
  progress: nested(3, watchProgressRequest),
});
export const watchResponse = message({
  header: nested(1, responseHeader),
  watchId: int(2),
  created: bool(3),
  canceled: bool(4),
  compactRevision: int(5),
  cancelReason: text(6),
  fragment: bool(7),
  events: list(11, event),
});

export type WatchCreateRequest = MessageOf<typeof watchCreateRequest>;
export type WatchRequest = MessageOf<typeof watchRequest>;
export type WatchResponse = MessageOf<typeof watchResponse>;
