// server-core/watch/history.ts: what happened between two revisions, read from the backend for watchers that are behind.
// etcd: mvcc/watchable_store.go (rangeEvents, kvsToEvents). Read in pieces, so that a reader who has enough can stop; what is
// read is the same as in one piece, because nothing changes meanwhile.

import type {BatchTx} from '../backend/types.ts';
import {decodeKeyValue} from '../etcdserverpb/kv-codec.ts';
import type {Event, KeyValue} from '../etcdserverpb/types.ts';
import {isTombstoneKey, mainOf, revisionKey} from '../mvcc/revision.ts';

/** The backend as far as history needs it: a batch, or what readers see of one. */
export type HistoryReader = Pick<BatchTx, 'range'>;

const PIECE_COUNT = 512;

/** The event of a change as the store reports it: a deletion is a pair that was never created. etcd: watchableStoreTxnWrite.End. */
export function eventOf(change: KeyValue): Event {
  return {type: change.createRevision === 0 ? 'delete' : 'put', kv: change, prevKv: undefined};
}

/** Shows each event from one revision up to another, both included, in order, until `visit` answers false. */
export function visitEvents(
  reader: HistoryReader,
  fromRevision: number,
  toRevision: number,
  visit: (event: Event) => boolean,
): void {
  const end = revisionKey(toRevision + 1, 0);
  let start = revisionKey(fromRevision, 0);
  for (;;) {
    const pairs = reader.range('key', start, end, PIECE_COUNT);
    for (const {key, value} of pairs) {
      const kv = decodeKeyValue(value);
      const event: Event = isTombstoneKey(key)
        ? {type: 'delete', kv: {...kv, modRevision: mainOf(key)}, prevKv: undefined}
        : {type: 'put', kv, prevKv: undefined};
      if (!visit(event)) return;
      start = key;
    }
    if (pairs.length < PIECE_COUNT) return;
    start += '\0';
  }
}
