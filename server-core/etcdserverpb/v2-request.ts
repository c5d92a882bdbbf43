// server-core/etcdserverpb/v2-request.ts: etcdserverpb.Request, the request of the v2 API, which lies in the log as bare bytes.
// Releases up to 3.5 publish members and the cluster version with it. Source: api/etcdserverpb/etcdserver.proto at v3.5.16 (proto2,
// gogo: every field that is not nullable is written, zero or not; nullable ones when they are set).
// Also here: how a release tells such an entry from an InternalRaftRequest. Broken bytes throw WireError.
import type {ByteString} from '../../base/byte-string.ts';
import type {Id64} from '../../base/ids.ts';
import {toId64} from '../../base/ids.ts';
import {WIRE_BYTES, WIRE_VARINT, WireError, WireReader, WireWriter, wireTag} from '../../base/wire.ts';
import {readInt, skipUnknown} from './fields.ts';
import type {InternalRaftRequest} from './raft-request.ts';
import {decodeInternalRaftRequest} from './raft-request.ts';

/** etcdserverpb.Request. Texts are byte strings; times are nanoseconds since 1970 as the 64 bits of an int64. */
export interface V2Request {
  readonly id: Id64;
  /** POST, PUT, DELETE, QGET or SYNC, as far as etcd goes. */
  readonly method: ByteString;
  readonly path: ByteString;
  readonly val: ByteString;
  readonly dir: boolean;
  readonly prevValue: ByteString;
  readonly prevIndex: number;
  readonly prevExist: boolean | undefined;
  /** When the key expires; zero for never. */
  readonly expirationNs: Id64;
  readonly wait: boolean;
  readonly since: number;
  readonly recursive: boolean;
  readonly sorted: boolean;
  readonly quorum: boolean;
  /** The time of a SYNC. */
  readonly timeNs: Id64;
  readonly stream: boolean;
  readonly refresh: boolean | undefined;
}

const NO_ID = toId64(0);
const FIELD_MAX = 17;

const EMPTY: V2Request = Object.freeze({
  id: NO_ID,
  method: '',
  path: '',
  val: '',
  dir: false,
  prevValue: '',
  prevIndex: 0,
  prevExist: undefined,
  expirationNs: NO_ID,
  wait: false,
  since: 0,
  recursive: false,
  sorted: false,
  quorum: false,
  timeNs: NO_ID,
  stream: false,
  refresh: undefined,
});

/** A request with what is given; everything else is zero. */
export function v2Request(given: Partial<V2Request>): V2Request {
  return {...EMPTY, ...given};
}

/** The bytes as gogo's generated Marshal writes them. */
export function encodeV2Request(request: V2Request): Uint8Array {
  const writer = new WireWriter(64 + request.path.length + request.val.length);
  writer.id(1, request.id);
  writer.text(2, request.method);
  writer.text(3, request.path);
  writer.text(4, request.val);
  writer.bool(5, request.dir);
  writer.text(6, request.prevValue);
  writer.uint(7, request.prevIndex);
  if (request.prevExist !== undefined) writer.bool(8, request.prevExist);
  writer.id(9, request.expirationNs);
  writer.bool(10, request.wait);
  writer.uint(11, request.since);
  writer.bool(12, request.recursive);
  writer.bool(13, request.sorted);
  writer.bool(14, request.quorum);
  writer.id(15, request.timeNs);
  writer.bool(16, request.stream);
  if (request.refresh !== undefined) writer.bool(17, request.refresh);
  return writer.finish();
}

/** Reads what encodeV2Request writes; fields of nobody are passed over. Throws WireError. */
export function decodeV2Request(bytes: Uint8Array): V2Request {
  return readV2Request(new WireReader(bytes));
}

function readV2Request(reader: WireReader): V2Request {
  const request: Draft = {...EMPTY};
  while (reader.more()) {
    const tag = reader.tag();
    const field = tag >>> 3;
    if (field > FIELD_MAX) reader.skip(tag);
    else if (isTextField(field)) {
      if ((tag & 7) !== WIRE_BYTES) skipUnknown(reader, tag, true);
      readTextField(request, field, reader.text());
    } else {
      if ((tag & 7) !== WIRE_VARINT) skipUnknown(reader, tag, true);
      readNumberField(request, field, reader);
    }
  }
  return request;
}

type Draft = {-readonly [Field in keyof V2Request]: V2Request[Field]};

const isTextField = (field: number): boolean => field === 2 || field === 3 || field === 4 || field === 6;

function readTextField(request: Draft, field: number, text: ByteString): void {
  if (field === 2) request.method = text;
  else if (field === 3) request.path = text;
  else if (field === 4) request.val = text;
  else request.prevValue = text;
}

function readNumberField(request: Draft, field: number, reader: WireReader): void {
  switch (field) {
    case 1:
      request.id = reader.varintId();
      break;
    case 5:
      request.dir = reader.bool();
      break;
    case 7:
      request.prevIndex = readInt(reader);
      break;
    case 8:
      request.prevExist = reader.bool();
      break;
    case 9:
      request.expirationNs = reader.varintId();
      break;
    case 10:
      request.wait = reader.bool();
      break;
    case 11:
      request.since = readInt(reader);
      break;
    case 12:
      request.recursive = reader.bool();
      break;
    case 13:
      request.sorted = reader.bool();
      break;
    case 14:
      request.quorum = reader.bool();
      break;
    case 15:
      request.timeNs = reader.varintId();
      break;
    case 16:
      request.stream = reader.bool();
      break;
    default:
      request.refresh = reader.bool();
  }
}

/** What a normal entry asks for. */
export type EntryRequest =
  | {readonly kind: 'v3'; readonly request: InternalRaftRequest}
  | {readonly kind: 'v2'; readonly request: V2Request};

const ID_TAG = wireTag(1, WIRE_VARINT);
const V2_TAG = wireTag(2, WIRE_BYTES);

/**
 * Decodes an entry's data. Up to 3.6: what cannot be an InternalRaftRequest must be a v2 request (applyEntryNormal,
 * pbutil.MaybeUnmarshal). 3.7 (`takesV2: false`) knows no v2 requests. Throws WireError for what is neither: etcd panics.
 */
export function decodeEntryRequest(data: Uint8Array, {takesV2}: {readonly takesV2: boolean}): EntryRequest {
  if (data[0] === ID_TAG) {
    // Only a v2 request and the ids of 3.0 begin like this. Field 2 of the envelope is an embedded v2 request that no
    // release writes; the method of a bare one lies at the same place and is never such a message.
    const embedded = embeddedV2(data);
    if (embedded === 'bare' && takesV2) return {kind: 'v2', request: decodeV2Request(data)};
    if (embedded === 'bare') throw new WireError('a v2 request in the log of a release without a v2 store', 0);
    if (embedded !== undefined && takesV2) return {kind: 'v2', request: embedded};
  }
  try {
    return {kind: 'v3', request: decodeInternalRaftRequest(data)};
  } catch (error) {
    if (!takesV2 || !(error instanceof WireError)) throw error;
    return {kind: 'v2', request: decodeV2Request(data)};
  }
}

/** What lies in field 2: a v2 request in the envelope, the method of a bare one, or nothing. */
function embeddedV2(data: Uint8Array): V2Request | 'bare' | undefined {
  const reader = new WireReader(data, 1);
  reader.varintId();
  if (!reader.more() || reader.tag() !== V2_TAG) return undefined;
  const start = reader.at;
  try {
    return readV2Request(reader.message());
  } catch (error) {
    if (!(error instanceof WireError) || start >= data.length) throw error;
    return 'bare';
  }
}
