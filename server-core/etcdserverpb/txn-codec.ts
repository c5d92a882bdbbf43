// server-core/etcdserverpb/txn-codec.ts: transactions on the wire, nested ones included.
// Promise: byte for byte what the generated Go code of etcd v3.6.0 writes. The members of a oneof are written even when zero.
import type {ByteString} from '../../base/byte-string.ts';
import {varintIdSize, varintSize, WireError, type WireReader, type WireWriter} from '../../base/wire.ts';
import {
  bytesTag,
  enumNumber,
  intSize,
  messageSize,
  readEnum,
  readInt,
  readLease,
  skipUnknown,
  textSize,
  varintTag,
  writeInt,
  writeMessageHead,
  writeText,
} from './fields.ts';
import {
  readDeleteRangeRequest,
  readPutRequest,
  readRangeRequest,
  sizeDeleteRangeRequest,
  sizePutRequest,
  sizeRangeRequest,
  writeDeleteRangeRequest,
  writePutRequest,
  writeRangeRequest,
} from './kv-codec.ts';
import type {Compare, CompareOperand, CompareResult, CompareTarget, RequestOp, TxnRequest} from './types.ts';

const COMPARE_RESULTS = ['equal', 'greater', 'less', 'not-equal'] as const;
const COMPARE_TARGETS = ['version', 'create', 'mod', 'value', 'lease'] as const;

/** gogo stops at this depth when it skips groups; a request this deep is an attack, not a transaction. */
const NESTING_MAX = 1000;

const RANGE_END_FIELD = 64;

const OPERAND_FIELDS = {version: 4, create: 5, mod: 6, value: 7, lease: 8} as const;

function sizeOperand(operand: CompareOperand | undefined): number {
  if (operand === undefined) return 0;
  switch (operand.kind) {
    case 'value':
      return 1 + varintSize(operand.value.length) + operand.value.length;
    case 'lease':
      return 1 + varintIdSize(operand.lease);
    default:
      return operand.number === 0 ? 2 : intSize(OPERAND_FIELDS[operand.kind], operand.number);
  }
}

function writeOperand(writer: WireWriter, operand: CompareOperand | undefined): void {
  if (operand === undefined) return;
  const field = OPERAND_FIELDS[operand.kind];
  if (operand.kind === 'value') writer.text(field, operand.value);
  else if (operand.kind === 'lease') writer.id(field, operand.lease);
  else writer.int(field, operand.number);
}

function sizeCompare(compare: Compare): number {
  return (
    intSize(1, enumNumber(COMPARE_RESULTS, compare.result)) +
    intSize(2, enumNumber(COMPARE_TARGETS, compare.target)) +
    textSize(3, compare.key) +
    sizeOperand(compare.operand) +
    textSize(RANGE_END_FIELD, compare.rangeEnd)
  );
}

function writeCompare(writer: WireWriter, compare: Compare): void {
  writeInt(writer, 1, enumNumber(COMPARE_RESULTS, compare.result));
  writeInt(writer, 2, enumNumber(COMPARE_TARGETS, compare.target));
  writeText(writer, 3, compare.key);
  writeOperand(writer, compare.operand);
  writeText(writer, RANGE_END_FIELD, compare.rangeEnd);
}

function readCompare(reader: WireReader): Compare {
  let result: CompareResult = 'equal';
  let target: CompareTarget = 'version';
  let key: ByteString = '';
  let operand: CompareOperand | undefined;
  let rangeEnd: ByteString = '';
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === varintTag(1)) result = readEnum(reader, COMPARE_RESULTS);
    else if (tag === varintTag(2)) target = readEnum(reader, COMPARE_TARGETS);
    else if (tag === bytesTag(3)) key = reader.text();
    else if (tag === varintTag(4)) operand = {kind: 'version', number: readInt(reader)};
    else if (tag === varintTag(5)) operand = {kind: 'create', number: readInt(reader)};
    else if (tag === varintTag(6)) operand = {kind: 'mod', number: readInt(reader)};
    else if (tag === bytesTag(7)) operand = {kind: 'value', value: reader.text()};
    else if (tag === varintTag(8)) operand = {kind: 'lease', lease: readLease(reader)};
    else if (tag === bytesTag(RANGE_END_FIELD)) rangeEnd = reader.text();
    else skipUnknown(reader, tag, tag >>> 3 <= 8 || tag >>> 3 === RANGE_END_FIELD);
  }
  return {result, target, key, operand, rangeEnd};
}

function sizeRequestOp(op: RequestOp): number {
  switch (op.kind) {
    case 'range':
      return messageSize(1, sizeRangeRequest(op.request));
    case 'put':
      return messageSize(2, sizePutRequest(op.request));
    case 'delete-range':
      return messageSize(3, sizeDeleteRangeRequest(op.request));
    case 'txn':
      return messageSize(4, sizeTxnRequest(op.request));
    case 'none':
      return 0;
  }
}

function writeRequestOp(writer: WireWriter, op: RequestOp): void {
  switch (op.kind) {
    case 'range':
      writeMessageHead(writer, 1, sizeRangeRequest(op.request));
      return writeRangeRequest(writer, op.request);
    case 'put':
      writeMessageHead(writer, 2, sizePutRequest(op.request));
      return writePutRequest(writer, op.request);
    case 'delete-range':
      writeMessageHead(writer, 3, sizeDeleteRangeRequest(op.request));
      return writeDeleteRangeRequest(writer, op.request);
    case 'txn':
      writeMessageHead(writer, 4, sizeTxnRequest(op.request));
      return writeTxnRequest(writer, op.request);
    case 'none':
      return;
  }
}

const NO_OP: RequestOp = {kind: 'none'};

function readRequestOp(reader: WireReader, depth: number): RequestOp {
  let op = NO_OP;
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === bytesTag(1)) op = {kind: 'range', request: readRangeRequest(reader.message())};
    else if (tag === bytesTag(2)) op = {kind: 'put', request: readPutRequest(reader.message())};
    else if (tag === bytesTag(3)) op = {kind: 'delete-range', request: readDeleteRangeRequest(reader.message())};
    else if (tag === bytesTag(4)) op = {kind: 'txn', request: readTxnRequest(reader.message(), depth + 1)};
    else skipUnknown(reader, tag, tag >>> 3 <= 4);
  }
  return op;
}

/** TxnRequest.Size, in bytes. */
export function sizeTxnRequest(request: TxnRequest): number {
  let size = 0;
  for (const compare of request.compare) size += messageSize(1, sizeCompare(compare));
  for (const op of request.success) size += messageSize(2, sizeRequestOp(op));
  for (const op of request.failure) size += messageSize(3, sizeRequestOp(op));
  return size;
}

export function writeTxnRequest(writer: WireWriter, request: TxnRequest): void {
  for (const compare of request.compare) {
    writeMessageHead(writer, 1, sizeCompare(compare));
    writeCompare(writer, compare);
  }
  for (const op of request.success) {
    writeMessageHead(writer, 2, sizeRequestOp(op));
    writeRequestOp(writer, op);
  }
  for (const op of request.failure) {
    writeMessageHead(writer, 3, sizeRequestOp(op));
    writeRequestOp(writer, op);
  }
}

/** Reads a transaction up to the reader's end; `depth` counts the transactions around it. */
export function readTxnRequest(reader: WireReader, depth = 0): TxnRequest {
  if (depth > NESTING_MAX) throw new WireError('transactions are nested too deeply', reader.at);
  const compare: Compare[] = [];
  const success: RequestOp[] = [];
  const failure: RequestOp[] = [];
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === bytesTag(1)) compare.push(readCompare(reader.message()));
    else if (tag === bytesTag(2)) success.push(readRequestOp(reader.message(), depth));
    else if (tag === bytesTag(3)) failure.push(readRequestOp(reader.message(), depth));
    else skipUnknown(reader, tag, tag >>> 3 <= 3);
  }
  return {compare, success, failure};
}
