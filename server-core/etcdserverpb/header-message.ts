// server-core/etcdserverpb/header-message.ts: messages that many others hold: the response header, pairs and events.
import {readKeyValue, writeKeyValue} from './kv-codec.ts';
import {clusterId, handMessage, int, memberId, message, nested, oneOf} from './message.ts';
import type {Event, KeyValue, ResponseHeader} from './types.ts';
import {NO_LEASE, revisionHeader} from './types.ts';

const headerTable = message({
  clusterId: clusterId(1),
  memberId: memberId(2),
  revision: int(3),
  raftTerm: int(4),
});

/** etcdserverpb.ResponseHeader. */
export const responseHeader = handMessage<ResponseHeader>(revisionHeader(0), headerTable.write, headerTable.read);

/** mvccpb.KeyValue. */
export const keyValue = handMessage<KeyValue>(
  {key: '', createRevision: 0, modRevision: 0, version: 0, value: '', lease: NO_LEASE},
  writeKeyValue,
  readKeyValue,
);

const eventTable = message({
  type: oneOf(1, ['put', 'delete']),
  kv: nested(2, keyValue),
  prevKv: nested(3, keyValue),
});

/** mvccpb.Event. */
export const event = handMessage<Event>(
  {type: 'put', kv: keyValue.make(), prevKv: undefined},
  (writer, value) => eventTable.write(writer, value),
  (reader) => {
    const {type, kv, prevKv} = eventTable.read(reader);
    return {type: type === 'delete' ? 'delete' : 'put', kv: kv ?? keyValue.make(), prevKv};
  },
);

/** A response that is its header and nothing more. */
export const headerOnly = message({header: nested(1, responseHeader)});

/** A request without fields. */
export const emptyRequest = message({});
