// server-core/wal/decoder.ts: reads records out of segments, checksum by checksum. etcd: wal/decoder.go.
// Promise: a record is returned only if the chain of checksums up to it is whole. A cut or torn end is told from damage in the middle:
// it lies in the last segment, and either runs past the end or has a sector that is all zeros.
import {concatBytes} from '../../base/byte-string.ts';
import {crc32c} from '../../base/crc32c.ts';
import {WireError} from '../../base/wire.ts';
import type {DiskFile} from '../../env/disk.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {WalRecord} from './record.ts';
import {CRC_RECORD, FRAME_HEAD_SIZE, readRecord, SECTOR_SIZE} from './record.ts';
import {WalError} from './wal-error.ts';

/** A segment in memory: what was read, behind which there are only zeros up to the file's size. */
export interface SegmentBytes {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly sizeBytes: number;
}

const READ_SIZE = 64 * 1024;

/** Reads a segment up to where it is preallocated and empty, as a decoder that stops at the first zero would. */
export function* readSegment(file: DiskFile): Fiber<SegmentBytes> {
  const {sizeBytes} = file;
  const parts: Uint8Array[] = [];
  for (let at = 0; at < sizeBytes; at += READ_SIZE) {
    const part = yield* file.read(at, Math.min(READ_SIZE, sizeBytes - at));
    if (isZero(part)) break;
    parts.push(part);
  }
  return {file: file.path, bytes: concatBytes(parts), sizeBytes};
}

function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

export class WalDecoder {
  private readonly segments: readonly SegmentBytes[];
  private segment = 0;
  private offset = 0;
  private crc = 0;

  constructor(segments: readonly SegmentBytes[]) {
    this.segments = segments;
  }

  /** Behind the last good record of the present segment; where writing goes on after the last. */
  get lastOffset(): number {
    return this.offset;
  }

  /** The checksum of everything read. */
  get lastCrc(): number {
    return this.crc;
  }

  /** The next record; undefined at the end (also where preallocated zeros begin). Throws WalError. */
  next(): WalRecord | undefined {
    for (;;) {
      const segment = this.segments[this.segment];
      if (segment === undefined) return undefined;
      const size = this.frameSize(segment);
      if (size !== undefined) return this.read(segment, size);
      if (this.segment === this.segments.length - 1) return undefined;
      this.segment++;
      this.offset = 0;
    }
  }

  /** The length field; undefined at the end of the segment's records. */
  private frameSize({
    file,
    bytes,
    sizeBytes,
  }: SegmentBytes): {readonly record: number; readonly padding: number} | undefined {
    const {offset} = this;
    if (offset >= bytes.length) return undefined;
    if (offset + FRAME_HEAD_SIZE > sizeBytes) throw this.failure('unexpected-eof', file, 'the length is cut off');
    const head = withZeros(bytes, offset, offset + FRAME_HEAD_SIZE);
    const view = new DataView(head.buffer, head.byteOffset, FRAME_HEAD_SIZE);
    const low = view.getUint32(0, true);
    const high = view.getUint32(4, true);
    if (low === 0 && high === 0) return undefined;
    const record = low + (high & 0xffffff) * 0x1_0000_0000;
    const padding = high >>> 31 === 1 ? (high >>> 24) & 7 : 0;
    if (record > sizeBytes - offset - padding) {
      throw this.failure('unexpected-eof', file, `a record of ${record} bytes runs past the end of the file`);
    }
    return {record, padding};
  }

  private read(
    {file, bytes, sizeBytes}: SegmentBytes,
    {record, padding}: {readonly record: number; readonly padding: number},
  ): WalRecord {
    const start = this.offset + FRAME_HEAD_SIZE;
    const end = start + record + padding;
    if (end > sizeBytes) throw this.failure('unexpected-eof', file, 'the record is cut off');
    const whole = withZeros(bytes, start, end);
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

  private failure(code: 'unexpected-eof' | 'crc-mismatch' | 'bad-record', file: string, reason: string): WalError {
    return new WalError(code, file, this.offset, reason);
  }
}

/** Bytes from start to end; what lies behind those that were read is zero. */
function withZeros(bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (end <= bytes.length) return bytes.subarray(start, end);
  const padded = new Uint8Array(end - start);
  padded.set(bytes.subarray(start, end));
  return padded;
}
