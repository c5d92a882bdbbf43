// server-core/wal/decoder.ts: reads records out of segments, checksum by checksum. etcd: wal/decoder.go.
// Promise: a record is returned only if the chain of checksums up to it is whole. A cut or torn end is told from damage in the middle:
// it lies in the last segment, and either runs past the end or has a sector that is all zeros.
// Not covered by etcd's checksum are the length, the padding and the kind of a record: what damage there can look like is what
// etcd takes it for (an end, a torn record), which read-all.ts narrows.
import {crc32c} from '../../base/crc32c.ts';
import {WireError} from '../../base/wire.ts';
import type {DiskFile} from '../../env/disk.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {WalBehaviours} from './behaviours.ts';
import type {WalRecord} from './record.ts';
import {CRC_RECORD, FRAME_HEAD_SIZE, readRecord, SECTOR_SIZE} from './record.ts';
import {WalError} from './wal-error.ts';

/** A segment in memory: its bytes at least up to where its records end, and the size of the file. */
export interface SegmentBytes {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly sizeBytes: number;
}

/** What stands before a record: its size and that of its padding, in bytes. */
interface Frame {
  readonly record: number;
  readonly padding: number;
}

const READ_SIZE = 64 * 1024;

/** The frame at that place; undefined where it is empty: the end of what was written. decodeFrameSize. */
function frameAt(bytes: Uint8Array, at: number): Frame | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, FRAME_HEAD_SIZE);
  const low = view.getUint32(0, true);
  const high = view.getUint32(4, true);
  if (low === 0 && high === 0) return undefined;
  return {record: low + (high & 0xffffff) * 0x1_0000_0000, padding: high >>> 31 === 1 ? (high >>> 24) & 7 : 0};
}

/** Reads a segment frame by frame up to where it is preallocated and empty, so that a new one of 64 MB costs one read. */
export function* readSegment(file: DiskFile): Fiber<SegmentBytes> {
  const {sizeBytes} = file;
  let bytes: Uint8Array = new Uint8Array(0);
  let heldBytes = 0;
  let next = 0; // where the next frame begins
  while (heldBytes < sizeBytes) {
    const part = yield* file.read(heldBytes, Math.min(READ_SIZE, sizeBytes - heldBytes));
    if (part.length === 0) break;
    bytes = withRoom(bytes, heldBytes, heldBytes + part.length, sizeBytes);
    bytes.set(part, heldBytes);
    heldBytes += part.length;
    let isEnd = false;
    while (!isEnd && next + FRAME_HEAD_SIZE <= heldBytes) {
      const frame = frameAt(bytes, next);
      if (frame === undefined) isEnd = true;
      else next += FRAME_HEAD_SIZE + frame.record + frame.padding;
      if (next > sizeBytes) isEnd = true;
    }
    if (isEnd) break;
  }
  return {file: file.path, bytes: bytes.subarray(0, heldBytes), sizeBytes};
}

function withRoom(bytes: Uint8Array, heldBytes: number, neededBytes: number, sizeBytes: number): Uint8Array {
  if (neededBytes <= bytes.length) return bytes;
  const grown = new Uint8Array(Math.max(neededBytes, Math.min(sizeBytes, bytes.length * 2)));
  grown.set(bytes.subarray(0, heldBytes));
  return grown;
}

/** Nothing but zeros. */
export function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** How a release judges the length of a record. */
export type DecoderRules = Pick<WalBehaviours, 'recordBytesMax' | 'repairsCutRecord'>;
const TODAYS_RULES: DecoderRules = Object.freeze({recordBytesMax: undefined, repairsCutRecord: true});

/** Where a record begins. */
export interface RecordPlace {
  readonly file: string;
  readonly offset: number;
}

export class WalDecoder {
  private readonly segments: readonly SegmentBytes[];
  private readonly recordBytesMax: number;
  private readonly repairsCutRecord: boolean;
  private segment = 0;
  private offset = 0;
  private crc = 0;
  private recordSegment = 0;
  private recordOffset = 0;

  /** By default it reads as today's releases do. */
  constructor(segments: readonly SegmentBytes[], rules: DecoderRules = TODAYS_RULES) {
    this.segments = segments;
    this.recordBytesMax = rules.recordBytesMax ?? Number.POSITIVE_INFINITY;
    this.repairsCutRecord = rules.repairsCutRecord;
  }

  /** Behind the last good record of the present segment; where writing goes on after the last. */
  get lastOffset(): number {
    return this.offset;
  }

  /** The checksum of everything read. */
  get lastCrc(): number {
    return this.crc;
  }

  /** Where the record began that next() returned last. */
  get place(): RecordPlace {
    return {file: this.segments[this.recordSegment]?.file ?? '', offset: this.recordOffset};
  }

  /** The next record; undefined at the end (also where preallocated zeros begin). Throws WalError. */
  next(): WalRecord | undefined {
    for (;;) {
      const segment = this.segments[this.segment];
      if (segment === undefined) return undefined;
      const frame = this.frame(segment);
      if (frame !== undefined) return this.read(segment, frame);
      if (this.segment === this.segments.length - 1) return undefined;
      this.segment++;
      this.offset = 0;
    }
  }

  /** Undefined at the end of the segment's records. */
  private frame({file, bytes, sizeBytes}: SegmentBytes): Frame | undefined {
    const {offset} = this;
    if (offset >= sizeBytes) return undefined;
    if (offset + FRAME_HEAD_SIZE > bytes.length) throw this.failure('unexpected-eof', file, 'the length is cut off');
    const frame = frameAt(bytes, offset);
    if (frame === undefined) return undefined;
    const {record, padding} = frame;
    if (record >= this.recordBytesMax - padding)
      throw this.failure('record-too-large', file, `a record of ${record} bytes is above the limit`);
    // There the eight bytes before the record are not counted as part of the file.
    if (!this.repairsCutRecord && record + padding > sizeBytes - offset)
      throw this.failure('record-too-large', file, `a record of ${record} bytes is longer than the rest of the file`);
    if (FRAME_HEAD_SIZE + record + padding > sizeBytes - offset)
      throw this.failure('unexpected-eof', file, `a record of ${record} bytes runs past the end of the file`);
    return frame;
  }

  private read({file, bytes}: SegmentBytes, {record, padding}: Frame): WalRecord {
    const start = this.offset + FRAME_HEAD_SIZE;
    const end = start + record + padding;
    if (end > bytes.length) throw this.failure('unexpected-eof', file, 'the record is cut off');
    const whole = bytes.subarray(start, end);
    let parsed: WalRecord;
    try {
      parsed = readRecord(whole.subarray(0, record));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      if (this.isTorn(whole)) throw this.failure('unexpected-eof', file, 'the record is torn');
      throw this.failure('bad-record', file, error.message);
    }
    if (parsed.type === CRC_RECORD) {
      // The chain goes on from the segment before; the first one has nothing before it.
      if (this.crc !== 0 && parsed.crc !== this.crc)
        throw this.failure('crc-mismatch', file, 'the segment does not follow the one before');
      this.crc = parsed.crc;
    } else {
      const crc = crc32c(this.crc, parsed.data);
      if (parsed.crc !== crc) {
        if (this.isTorn(whole)) throw this.failure('unexpected-eof', file, 'the record is torn');
        throw this.failure('crc-mismatch', file, 'the checksum of a record differs');
      }
      this.crc = crc;
    }
    this.recordSegment = this.segment;
    this.recordOffset = this.offset;
    this.offset = end;
    return parsed;
  }

  /** Was the last record written only in part? A sector of it that is all zeros never reached the disk. isTornEntry. */
  private isTorn(data: Uint8Array): boolean {
    if (this.segment !== this.segments.length - 1) return false;
    let fileOffset = this.offset + FRAME_HEAD_SIZE;
    for (let at = 0; at < data.length; ) {
      const size = Math.min(SECTOR_SIZE - (fileOffset % SECTOR_SIZE), data.length - at);
      if (isZero(data.subarray(at, at + size))) return true;
      at += size;
      fileOffset += size;
    }
    return false;
  }

  private failure(code: WalError['code'], file: string, reason: string): WalError {
    return new WalError(code, file, this.offset, reason);
  }
}
