// server-core/etcdserverpb/raft-request.ts: InternalRaftRequest, the envelope of everything that goes through raft.
// Source: api/etcdserverpb/raft_internal.proto at v3.6.0. Every request of the union is known; fields of others are kept as raw
// bytes and written back behind the known ones, as the Go code does with what it does not know. Which of them a release
// understands is the applier's to say. The KV service's requests go by hand-written codecs, the rest by tables.
import type {ByteString} from '../../base/byte-string.ts';
import {concatBytes} from '../../base/byte-string.ts';
import type {Id64} from '../../base/ids.ts';
import {toId64} from '../../base/ids.ts';
import {varintIdSize, WireReader, WireWriter} from '../../base/wire.ts';
import {
  bytesTag,
  intSize,
  messageSize,
  skipUnknown,
  textSize,
  varintTag,
  writeInt,
  writeMessageHead,
  writeText,
} from './fields.ts';
import {
  readCompactionRequest,
  readDeleteRangeRequest,
  readPutRequest,
  readRangeRequest,
  sizeCompactionRequest,
  sizeDeleteRangeRequest,
  sizePutRequest,
  sizeRangeRequest,
  writeCompactionRequest,
  writeDeleteRangeRequest,
  writePutRequest,
  writeRangeRequest,
} from './kv-codec.ts';
import type {ClusterMemberAttrSetRequest} from './membership-codec.ts';
import {readClusterMemberAttrSet, sizeClusterMemberAttrSet, writeClusterMemberAttrSet} from './membership-codec.ts';
import type {Message} from './message.ts';
import type {TableBody} from './raft-bodies.ts';
import {BODY_BY_FIELD, TABLE_BODIES} from './raft-bodies.ts';
import {readTxnRequest, sizeTxnRequest, writeTxnRequest} from './txn-codec.ts';
import type {CompactionRequest, DeleteRangeRequest, PutRequest, RangeRequest, TxnRequest} from './types.ts';

/** RequestHeader: which request this is, and who asked (username and authRevision are empty without auth). */
export interface RequestHeader {
  readonly id: Id64;
  /** UTF-8 bytes. */
  readonly username: ByteString;
  readonly authRevision: number;
}

/** The one request in the envelope; 'none' when this release knows none of its fields. */
export type RaftRequestBody =
  | {readonly kind: 'range'; readonly request: RangeRequest}
  | {readonly kind: 'put'; readonly request: PutRequest}
  | {readonly kind: 'delete-range'; readonly request: DeleteRangeRequest}
  | {readonly kind: 'txn'; readonly request: TxnRequest}
  | {readonly kind: 'compaction'; readonly request: CompactionRequest}
  | {readonly kind: 'cluster-member-attr-set'; readonly request: ClusterMemberAttrSetRequest}
  | TableBody
  | {readonly kind: 'none'};

export interface InternalRaftRequest {
  /** Absent in entries of releases before 3.0.13; then `id` tells the request. */
  readonly header: RequestHeader | undefined;
  /** Field 1, the id of old; zero where there is a header. */
  readonly id: Id64;
  readonly body: RaftRequestBody;
  /** Fields that this codec does not know, tags included. */
  readonly unknown: Uint8Array;
}

const NO_ID = toId64(0);
const NO_BYTES = new Uint8Array(0);
const NO_BODY: RaftRequestBody = {kind: 'none'};
const KV_FIELDS = {
  range: 3,
  put: 4,
  'delete-range': 5,
  txn: 6,
  compaction: 7,
  'cluster-member-attr-set': 1301,
} as const;
const HEADER_FIELD = 100;

type KvBody = Exclude<RaftRequestBody, TableBody | {kind: 'none'}>;

function isTableBody(body: RaftRequestBody): body is TableBody {
  return body.kind in TABLE_BODIES;
}

function fieldOf(body: Exclude<RaftRequestBody, {kind: 'none'}>): number {
  return isTableBody(body) ? TABLE_BODIES[body.kind].field : KV_FIELDS[body.kind];
}

/** A request with its header, nothing unknown. */
export function raftRequest(header: RequestHeader, body: RaftRequestBody): InternalRaftRequest {
  return {header, id: NO_ID, body, unknown: NO_BYTES};
}

/** The header of a request without auth. */
export function requestHeader(id: Id64): RequestHeader {
  return {id, username: '', authRevision: 0};
}

/** The id that a waiting client is told by. EtcdServer.applyEntryNormal. */
export function requestIdOf(request: InternalRaftRequest): Id64 {
  return request.id !== NO_ID || request.header === undefined ? request.id : request.header.id;
}

function sizeHeader(header: RequestHeader): number {
  const idSize = header.id === NO_ID ? 0 : 1 + varintIdSize(header.id);
  return idSize + textSize(2, header.username) + intSize(3, header.authRevision);
}

function sizeKvBody(body: KvBody): number {
  switch (body.kind) {
    case 'range':
      return sizeRangeRequest(body.request);
    case 'put':
      return sizePutRequest(body.request);
    case 'delete-range':
      return sizeDeleteRangeRequest(body.request);
    case 'txn':
      return sizeTxnRequest(body.request);
    case 'compaction':
      return sizeCompactionRequest(body.request);
    case 'cluster-member-attr-set':
      return sizeClusterMemberAttrSet(body.request);
  }
}

function writeKvBody(writer: WireWriter, body: KvBody): void {
  switch (body.kind) {
    case 'range':
      return writeRangeRequest(writer, body.request);
    case 'put':
      return writePutRequest(writer, body.request);
    case 'delete-range':
      return writeDeleteRangeRequest(writer, body.request);
    case 'txn':
      return writeTxnRequest(writer, body.request);
    case 'compaction':
      return writeCompactionRequest(writer, body.request);
    case 'cluster-member-attr-set':
      return writeClusterMemberAttrSet(writer, body.request);
  }
}

/** The body with its tag and length, or nothing for a request without one. */
function writeBody(writer: WireWriter, body: RaftRequestBody): void {
  if (body.kind === 'none') return;
  if (isTableBody(body)) return writer.bytes(fieldOf(body), encodeTableBody(body));
  writeMessageHead(writer, KV_FIELDS[body.kind], sizeKvBody(body));
  writeKvBody(writer, body);
}

function encodeTableBody(body: TableBody): Uint8Array {
  const {codec} = TABLE_BODIES[body.kind] as {codec: Message<unknown>};
  return codec.encode(body.request);
}

function bodySize(body: RaftRequestBody): number {
  if (body.kind === 'none') return 0;
  const size = isTableBody(body) ? encodeTableBody(body).length : sizeKvBody(body);
  return messageSize(fieldOf(body), size);
}

/** InternalRaftRequest.Size, in bytes: what the limit on request sizes counts. */
export function sizeInternalRaftRequest(request: InternalRaftRequest): number {
  let size = request.unknown.length;
  if (request.id !== NO_ID) size += 1 + varintIdSize(request.id);
  size += bodySize(request.body);
  if (request.header !== undefined) size += messageSize(HEADER_FIELD, sizeHeader(request.header));
  return size;
}

/** InternalRaftRequest.Marshal. */
export function encodeInternalRaftRequest(request: InternalRaftRequest): Uint8Array {
  const {header, id, body, unknown} = request;
  const writer = new WireWriter(bodySize(body) + unknown.length + 64);
  if (id !== NO_ID) writer.id(1, id);
  // Fields go out by their numbers; the header lies in the middle.
  const isBehindHeader = body.kind !== 'none' && fieldOf(body) > HEADER_FIELD;
  if (!isBehindHeader) writeBody(writer, body);
  if (header !== undefined) {
    writeMessageHead(writer, HEADER_FIELD, sizeHeader(header));
    if (header.id !== NO_ID) writer.id(1, header.id);
    writeText(writer, 2, header.username);
    writeInt(writer, 3, header.authRevision);
  }
  if (isBehindHeader) writeBody(writer, body);
  writer.raw(unknown);
  return writer.finish();
}

function readHeader(reader: WireReader): RequestHeader {
  let id = NO_ID;
  let username: ByteString = '';
  let authRevision = 0;
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === varintTag(1)) id = reader.varintId();
    else if (tag === bytesTag(2)) username = reader.text();
    else if (tag === varintTag(3)) authRevision = reader.varint();
    else skipUnknown(reader, tag, tag >>> 3 <= 3);
  }
  return {id, username, authRevision};
}

/** InternalRaftRequest.Unmarshal. Throws WireError. */
export function decodeInternalRaftRequest(bytes: Uint8Array): InternalRaftRequest {
  const reader = new WireReader(bytes);
  let header: RequestHeader | undefined;
  let id = NO_ID;
  let body = NO_BODY;
  let unknown: Uint8Array = NO_BYTES;
  while (reader.more()) {
    const start = reader.at;
    const tag = reader.tag();
    if (tag === varintTag(1)) id = reader.varintId();
    else if (tag === bytesTag(3)) body = {kind: 'range', request: readRangeRequest(reader.message())};
    else if (tag === bytesTag(4)) body = {kind: 'put', request: readPutRequest(reader.message())};
    else if (tag === bytesTag(5)) body = {kind: 'delete-range', request: readDeleteRangeRequest(reader.message())};
    else if (tag === bytesTag(6)) body = {kind: 'txn', request: readTxnRequest(reader.message())};
    else if (tag === bytesTag(7)) body = {kind: 'compaction', request: readCompactionRequest(reader.message())};
    else if (tag === bytesTag(1301)) {
      body = {kind: 'cluster-member-attr-set', request: readClusterMemberAttrSet(reader.message())};
    } else if (tag === bytesTag(HEADER_FIELD)) header = readHeader(reader.message());
    else {
      const table = (tag & 7) === 2 ? BODY_BY_FIELD.get(tag >>> 3) : undefined;
      if (table !== undefined) {
        body = table(reader.message());
        continue;
      }
      reader.skip(tag);
      const field = bytes.slice(start, reader.at);
      unknown = unknown.length === 0 ? field : concatBytes([unknown, field]);
    }
  }
  return {header, id, body, unknown};
}
