// server-core/wal/page-writer.ts: gathers records and writes them in whole pages, so that a torn write tears at sectors.
// etcd: wal/encoder.go and pkg/ioutil/pagewriter.go. What is buffered is in no file: a killed process loses it.
import {crc32c} from '../../base/crc32c.ts';
import type {DiskFile} from '../../env/disk.ts';
import type {Fiber} from '../../env/fiber.ts';
import {FRAME_HEAD_SIZE, paddingOf, recordSize, writeFrameHead, writeRecord} from './record.ts';

const PAGE_SIZE = 4096;
/** Beyond so much the whole pages go out without a sync. */
const WATERMARK = 128 * 1024;

export class PageWriter {
  private readonly file: DiskFile;
  private buffer = new Uint8Array(PAGE_SIZE);
  private bufferedSize = 0;
  private fileOffset: number;
  private crc: number;

  /** Goes on at that offset of the file, with the checksum of everything before. */
  constructor(file: DiskFile, fileOffset: number, crc: number) {
    this.file = file;
    this.fileOffset = fileOffset;
    this.crc = crc;
  }

  /** Where the file is written to; what is buffered is not counted. */
  get writtenOffset(): number {
    return this.fileOffset;
  }

  get lastCrc(): number {
    return this.crc;
  }

  /** Adds a record whose checksum covers its data; writes only if the buffer is full. */
  *append(type: number, data: Uint8Array): Fiber<void> {
    this.crc = crc32c(this.crc, data);
    const size = recordSize(type, this.crc, data.length);
    const total = FRAME_HEAD_SIZE + size + paddingOf(size);
    this.reserve(total);
    writeFrameHead(this.buffer, this.bufferedSize, size);
    const end = writeRecord(this.buffer, this.bufferedSize + FRAME_HEAD_SIZE, type, this.crc, data);
    this.buffer.fill(0, end, this.bufferedSize + total);
    this.bufferedSize += total;
    if (this.bufferedSize > WATERMARK) yield* this.flushPages();
  }

  /** Writes all that is buffered. */
  *flush(): Fiber<void> {
    yield* this.write(this.bufferedSize);
  }

  /** Forgets what is buffered; for a deliberate defect. */
  discard(): void {
    this.bufferedSize = 0;
  }

  private *flushPages(): Fiber<void> {
    const slack = (this.fileOffset + this.bufferedSize) % PAGE_SIZE;
    yield* this.write(this.bufferedSize - slack);
  }

  private *write(size: number): Fiber<void> {
    if (size <= 0) return;
    yield* this.file.write(this.fileOffset, this.buffer.subarray(0, size));
    this.fileOffset += size;
    this.buffer.copyWithin(0, size, this.bufferedSize);
    this.bufferedSize -= size;
  }

  private reserve(count: number): void {
    if (this.bufferedSize + count <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.bufferedSize + count));
    grown.set(this.buffer.subarray(0, this.bufferedSize));
    this.buffer = grown;
  }
}
