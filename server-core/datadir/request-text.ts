// server-core/datadir/request-text.ts: a logged request as one line, as etcd-dump-logs prints it: the compact text form of
// protobuf (`put:<key:"a" value:"b" >`), with the proto names of the fields; fields that are zero are left out.
// Source of the form: gogo's CompactTextString and tools/etcd-dump-logs, whose lines these are, character for character; a value longer
// than the caller wants to see is shown by its beginning and its length.
import type {ByteString} from '../../base/byte-string.ts';
import {hexOf} from '../../base/byte-string.ts';
import {WireError} from '../../base/wire.ts';
import type {RaftRequestBody, RequestHeader} from '../etcdserverpb/raft-request.ts';
import {requestIdOf} from '../etcdserverpb/raft-request.ts';
import type {Compare, RequestOp, TxnRequest} from '../etcdserverpb/types.ts';
import type {V2Request} from '../etcdserverpb/v2-request.ts';
import {decodeEntryRequest} from '../etcdserverpb/v2-request.ts';
import {decodeConfChange, decodeConfChangeV2} from '../raftpb/conf-change-codec.ts';
import type {Entry} from '../raftpb/types.ts';
import {shortId} from './db-content.ts';

/** A logged entry in words. */
export interface EntryText {
  /** `norm` or `conf`, as etcd-dump-logs has it. */
  readonly type: 'norm' | 'conf';
  /** The request's kind, `v2`, `noop` or a configuration change's; `unknown` for what cannot be read. */
  readonly request: string;
  /** 16 hex digits; of a request that carries one. */
  readonly id: string | undefined;
  readonly text: string;
}

const SHOWN_BYTES = 128;
/** Field names that are not their TypeScript names in snake case. */
const PROTO_NAMES: Readonly<Record<string, string>> = {
  id: 'ID',
  ttl: 'TTL',
  remainingTtl: 'remaining_TTL',
  memberId: 'memberID',
  hashedPassword: 'hashedPassword',
  type: 'permType',
  peerUrls: 'peer_urls',
  clientUrls: 'client_urls',
};
const V2_EXCERPT = 64;
const V2_VALUE_EXCERPT = 128;

/** Describes an entry of a WAL; of each key and value at most so many bytes. Never throws: what cannot be read is `???`. */
export function describeEntry(entry: Entry, bytesMax = SHOWN_BYTES): EntryText {
  try {
    return entry.type === 'EntryNormal' ? describeNormal(entry, bytesMax) : describeConfChange(entry);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    const type = entry.type === 'EntryNormal' ? 'norm' : 'conf';
    return {type, request: 'unknown', id: undefined, text: `??? (${error.message})`};
  }
}

function describeConfChange(entry: Entry): EntryText {
  const data = entry.data ?? new Uint8Array(0);
  if (entry.type === 'EntryConfChange') {
    const {type, nodeId, id} = decodeConfChange(data);
    return {type: 'conf', request: type, id, text: `method=${type} id=${shortId(nodeId)}`};
  }
  const {changes} = decodeConfChangeV2(data);
  const text = changes.map(({type, nodeId}) => `method=${type} id=${shortId(nodeId)}`).join(' ');
  return {type: 'conf', request: 'ConfChangeV2', id: undefined, text};
}

function describeNormal({data}: Entry, bytesMax: number): EntryText {
  // What a new leader begins its term with.
  if (data === undefined || data.length === 0) return {type: 'norm', request: 'noop', id: undefined, text: ''};
  const asked = decodeEntryRequest(data, {takesV2: true});
  if (asked.kind === 'v2') return {type: 'norm', request: 'v2', id: asked.request.id, text: v2Text(asked.request)};
  const {header, id, body, unknown} = asked.request;
  const parts = [headerText(header, id), bodyText(body, bytesMax)];
  if (unknown.length > 0) parts.push(`unknown fields: ${hexOf(unknown)}`);
  const text = parts.filter((part) => part !== '').join(' ');
  return {type: 'norm', request: body.kind, id: requestIdOf(asked.request), text};
}

function headerText(header: RequestHeader | undefined, id: string): string {
  const own = /^0+$/.test(id) ? '' : `ID:${decimal(id)}`;
  if (header === undefined) return own;
  const {username, authRevision} = header;
  const who = username === '' ? '' : `username:${quoted(username)} `;
  const since = authRevision === 0 ? '' : `auth_revision:${authRevision} `;
  return `header:<ID:${decimal(header.id)} ${who}${since}>`;
}

/** etcd-dump-logs: printRequest. */
function v2Text({method, path, val, timeNs}: V2Request): string {
  if (method === '') return 'noop';
  if (method === 'SYNC') return `method=SYNC time=${decimal(timeNs)}ns`;
  const place = excerpt(path, V2_EXCERPT, V2_EXCERPT);
  if (method === 'QGET' || method === 'DELETE') return `method=${method} path=${place}`;
  return `method=${method} path=${place} val=${excerpt(val, V2_VALUE_EXCERPT, 0)}`;
}

function excerpt(text: ByteString, before: number, behind: number): string {
  if (before + behind > text.length) return quoted(text);
  return `${quoted(text.slice(0, before))}...${quoted(text.slice(text.length - behind))}`;
}

function bodyText(body: RaftRequestBody, max: number): string {
  if (body.kind === 'none') return '';
  const name = body.kind.replaceAll('-', '_');
  return `${name}:<${body.kind === 'txn' ? txnText(body.request, max) : fieldsText(body.request, max)}>`;
}

function txnText({compare, success, failure}: TxnRequest, max: number): string {
  const compares = compare.map((one) => `compare:<${compareText(one, max)}> `);
  const op = (list: 'success' | 'failure') => (one: RequestOp) => `${list}:<${opText(one, max)}> `;
  return [...compares, ...success.map(op('success')), ...failure.map(op('failure'))].join('');
}

function opText(op: RequestOp, max: number): string {
  if (op.kind === 'none') return '';
  const fields = op.kind === 'txn' ? txnText(op.request, max) : fieldsText(op.request, max);
  return `request_${op.kind.replaceAll('-', '_')}:<${fields}> `;
}

function compareText({result, target, key, operand, rangeEnd}: Compare, max: number): string {
  const parts: string[] = [];
  if (result !== 'equal') parts.push(`result:${enumText(result)} `);
  if (target !== 'version') parts.push(`target:${enumText(target)} `);
  if (key !== '') parts.push(`key:${quoted(key, max)} `);
  if (operand !== undefined) {
    if (operand.kind === 'value') parts.push(`value:${quoted(operand.value, max)} `);
    else if (operand.kind === 'lease') parts.push(`lease:${decimal(operand.lease)} `);
    else parts.push(`${operand.kind === 'version' ? 'version' : `${operand.kind}_revision`}:${operand.number} `);
  }
  if (rangeEnd !== '') parts.push(`range_end:${quoted(rangeEnd, max)} `);
  return parts.join('');
}

const enumText = (value: string | number): string =>
  typeof value === 'number' ? String(value) : value.toUpperCase().replaceAll('-', '_');

/** A message's fields, zero ones left out. Ids (16 hex digits) are shown in decimal, as protobuf does. */
function fieldsText(message: object, max: number): string {
  return Object.entries(message)
    .map(([name, value]) => fieldText(protoName(name), value, max))
    .join('');
}

function fieldText(name: string, value: unknown, max: number): string {
  if (Array.isArray(value)) return value.map((one: unknown) => fieldText(name, one, max)).join('');
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return '';
  if (value instanceof Uint8Array) return value.length === 0 ? '' : `${name}:"${hexOf(value)}" `;
  if (typeof value === 'object') return `${name}:<${fieldsText(value, max)}> `;
  if (typeof value !== 'string') return `${name}:${String(value)} `;
  if (isId(name, value)) return /^0+$/.test(value) ? '' : `${name}:${decimal(value)} `;
  if (ENUM_FIELDS.has(name)) return isFirstOfEnum(name, value) ? '' : `${name}:${enumText(value)} `;
  return `${name}:${quoted(value, max)} `;
}

const ENUM_FIELDS: ReadonlySet<string> = new Set(['sort_order', 'sort_target', 'action', 'alarm', 'permType']);
const isFirstOfEnum = (name: string, value: string): boolean =>
  value === 'none' ||
  (name === 'sort_target' && value === 'key') ||
  (name === 'action' && value === 'get') ||
  (name === 'permType' && value === 'read');
const isId = (name: string, value: string): boolean =>
  (name === 'ID' || name === 'lease' || name === 'memberID') && /^[0-9a-f]{16}$/.test(value);
const protoName = (name: string): string =>
  PROTO_NAMES[name] ?? name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A 64-bit id as the unsigned number that it is. */
const decimal = (id: string): string => BigInt(`0x${id}`).toString();

/** In quotes as protobuf's text form writes bytes: printable ASCII as it is, the rest as octal escapes. */
function quoted(text: ByteString, max = Number.POSITIVE_INFINITY): string {
  const shown = text.length > max ? text.slice(0, max) : text;
  let out = '';
  for (let i = 0; i < shown.length; i++) {
    const code = shown.charCodeAt(i);
    if (code === 0x22 || code === 0x5c) out += `\\${shown[i]}`;
    else if (code === 0x0a) out += '\\n';
    else if (code === 0x0d) out += '\\r';
    else if (code === 0x09) out += '\\t';
    else if (code >= 0x20 && code < 0x7f) out += shown[i];
    else out += `\\${code.toString(8).padStart(3, '0')}`;
  }
  return shown.length < text.length ? `"${out}"...(${text.length} bytes)` : `"${out}"`;
}
