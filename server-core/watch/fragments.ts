// server-core/watch/fragments.ts: responses of watches that asked for fragments, cut below the size of a message.
// etcd: api/v3rpc/watch.go (sendFragments). Events of one revision may so come in several messages; all but the last say
// `fragment`. A single event is never cut.
import {varintIdSize} from '../../base/wire.ts';
import {boolSize, intSize, messageSize, textSize} from '../etcdserverpb/fields.ts';
import {sizeKeyValue} from '../etcdserverpb/kv-codec.ts';
import type {Event, ResponseHeader} from '../etcdserverpb/types.ts';
import type {WatchResponse} from '../etcdserverpb/watch-messages.ts';

/** What a message may be larger than a request, in bytes. etcd: grpcOverheadBytes. */
export const GRPC_OVERHEAD_BYTES = 512 * 1024;

const NO_ID = '0000000000000000';

function sizeHeader(header: ResponseHeader): number {
  return (
    (header.clusterId === NO_ID ? 0 : 1 + varintIdSize(header.clusterId)) +
    (header.memberId === NO_ID ? 0 : 1 + varintIdSize(header.memberId)) +
    intSize(3, header.revision) +
    intSize(4, header.raftTerm)
  );
}

function sizeEvent({type, kv, prevKv}: Event): number {
  const body =
    (type === 'put' ? 0 : 2) +
    messageSize(2, sizeKeyValue(kv)) +
    (prevKv === undefined ? 0 : messageSize(3, sizeKeyValue(prevKv)));
  return messageSize(11, body);
}

function sizeWithoutEvents(response: WatchResponse): number {
  return (
    (response.header === undefined ? 0 : messageSize(1, sizeHeader(response.header))) +
    intSize(2, response.watchId) +
    boolSize(3, response.created) +
    boolSize(4, response.canceled) +
    intSize(5, response.compactRevision) +
    textSize(6, response.cancelReason) +
    boolSize(7, response.fragment)
  );
}

/** WatchResponse.Size, in bytes. */
export function sizeWatchResponse(response: WatchResponse): number {
  let size = sizeWithoutEvents(response);
  for (const event of response.events) size += sizeEvent(event);
  return size;
}

/** The messages that carry the response, each smaller than the limit (bytes) if it has more than one event. */
export function fragmentsOf(response: WatchResponse, sizeLimit: number): readonly WatchResponse[] {
  const {events} = response;
  if (events.length < 2 || sizeWatchResponse(response) < sizeLimit) return [response];
  const emptySize = sizeWithoutEvents({...response, fragment: true});
  const fragments: WatchResponse[] = [];
  let from = 0;
  let size = emptySize;
  for (let i = 0; i < events.length; i++) {
    const eventSize = sizeEvent(events[i] as Event);
    if (i > from && size + eventSize >= sizeLimit) {
      fragments.push({...response, fragment: true, events: events.slice(from, i)});
      from = i;
      size = emptySize;
    }
    size += eventSize;
  }
  fragments.push({...response, fragment: false, events: events.slice(from)});
  return fragments;
}
