// server-core/etcdserverpb/kv-messages.ts: the KV service's messages for the wire to clients; requests by the hand-written codecs.
import type {WireReader, WireWriter} from '../../base/wire.ts';
import {skipUnknown} from './fields.ts';
import {headerOnly, keyValue, responseHeader} from './header-message.ts';
import {
  readCompactionRequest,
  readDeleteRangeRequest,
  readPutRequest,
  readRangeRequest,
  writeCompactionRequest,
  writeDeleteRangeRequest,
  writePutRequest,
  writeRangeRequest,
} from './kv-codec.ts';
import type {Message, MessageOf} from './message.ts';
import {bool, handMessage, int, list, message, messageTag, nested} from './message.ts';
import {readTxnRequest, writeTxnRequest} from './txn-codec.ts';
import type {
  CompactionRequest,
  DeleteRangeRequest,
  DeleteRangeResponse,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  ResponseHeader,
  ResponseOp,
  TxnRequest,
  TxnResponse,
} from './types.ts';
import {deleteRangeRequest, putRequest, rangeRequest, revisionHeader, txnRequest} from './types.ts';

export const rangeRequestMessage = handMessage<RangeRequest>(rangeRequest(''), writeRangeRequest, readRangeRequest);
export const putRequestMessage = handMessage<PutRequest>(putRequest('', ''), writePutRequest, readPutRequest);
export const deleteRangeRequestMessage = handMessage<DeleteRangeRequest>(
  deleteRangeRequest(''),
  writeDeleteRangeRequest,
  readDeleteRangeRequest,
);
export const txnRequestMessage = handMessage<TxnRequest>(txnRequest({}), writeTxnRequest, (reader) =>
  readTxnRequest(reader),
);
export const compactionRequestMessage = handMessage<CompactionRequest>(
  {revision: 0, physical: false},
  writeCompactionRequest,
  readCompactionRequest,
);

/** A message whose header is always there in our types. */
type Headed<T> = Omit<T, 'header'> & {readonly header: ResponseHeader | undefined};

/**
 * etcd leaves the header out of the operations inside a transaction and sets only its revision; a header of zeros other than
 * the revision is therefore written as such.
 */
function headed<T extends {readonly header: ResponseHeader}>(zero: T, table: Message<Headed<T>>): Message<T> {
  return handMessage<T>(
    zero,
    (writer, value) => table.write(writer, value),
    (reader) => {
      const value = table.read(reader);
      return {...value, header: value.header ?? revisionHeader(0)} as unknown as T;
    },
  );
}

const HEADER = revisionHeader(0);

export const rangeResponseMessage = headed<RangeResponse>(
  {header: HEADER, kvs: [], more: false, count: 0},
  message({header: nested(1, responseHeader), kvs: list(2, keyValue), more: bool(3), count: int(4)}),
);
export const putResponseMessage = headed<PutResponse>(
  {header: HEADER, prevKv: undefined},
  message({header: nested(1, responseHeader), prevKv: nested(2, keyValue)}),
);
export const deleteRangeResponseMessage = headed<DeleteRangeResponse>(
  {header: HEADER, deleted: 0, prevKvs: []},
  message({header: nested(1, responseHeader), deleted: int(2), prevKvs: list(3, keyValue)}),
);

/** RangeStream's part of an answer: the header, `more` and `count` come with the last one. */
export const rangeChunk = message({
  header: nested(1, responseHeader),
  kvs: list(2, keyValue),
  more: bool(3),
  count: int(4),
});
export const rangeStreamResponse = message({rangeResponse: nested(1, rangeChunk)});
export type RangeChunk = MessageOf<typeof rangeChunk>;

function writeResponseOp(writer: WireWriter, op: ResponseOp): void {
  if (op.kind === 'range') writer.bytes(1, rangeResponseMessage.encode(op.response));
  else if (op.kind === 'put') writer.bytes(2, putResponseMessage.encode(op.response));
  else if (op.kind === 'delete-range') writer.bytes(3, deleteRangeResponseMessage.encode(op.response));
  else if (op.kind === 'txn') writer.bytes(4, txnResponseMessage.encode(op.response));
}

function readResponseOp(reader: WireReader): ResponseOp {
  let op: ResponseOp = {kind: 'none'};
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === messageTag(1)) op = {kind: 'range', response: rangeResponseMessage.read(reader.message())};
    else if (tag === messageTag(2)) op = {kind: 'put', response: putResponseMessage.read(reader.message())};
    else if (tag === messageTag(3)) {
      op = {kind: 'delete-range', response: deleteRangeResponseMessage.read(reader.message())};
    } else if (tag === messageTag(4)) op = {kind: 'txn', response: txnResponseMessage.read(reader.message())};
    else skipUnknown(reader, tag, tag >>> 3 <= 4);
  }
  return op;
}

const responseOp = handMessage<ResponseOp>({kind: 'none'}, writeResponseOp, readResponseOp);

export const txnResponseMessage: Message<TxnResponse> = headed<TxnResponse>(
  {header: HEADER, succeeded: false, responses: []},
  message({header: nested(1, responseHeader), succeeded: bool(2), responses: list(3, responseOp)}),
);
export const compactionResponseMessage = headerOnly;
