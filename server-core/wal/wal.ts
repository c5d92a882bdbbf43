// server-core/wal/wal.ts: the write-ahead log: segments of chained records. etcd 3.6: server/storage/wal/wal.go.
// Modelled: create through a temporary directory, open at a snapshot, append with one fsync where raft needs it, cut into segments,
// release of old ones (their locks; a purge may then delete them), zeroing behind a torn end. Not modelled: the file pipeline that
// preallocates the next segment beforehand (it is made when it is needed).
// Promise: what save() returned for (with entries, or a new term or vote) is read back after any crash, unless the disk lied.
import {assert, must} from '../../base/assert.ts';
import {equalBytes} from '../../base/byte-string.ts';
import type {Disk, DiskFile} from '../../env/disk.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {Mutex} from '../../env/sync.ts';
import {decodeEntry, decodeHardState, encodeEntry, encodeHardState} from '../raftpb/codec.ts';
import type {Entry, HardState} from '../raftpb/types.ts';
import {EMPTY_HARD_STATE} from '../raftpb/types.ts';
import {readSegment, WalDecoder} from './decoder.ts';
import {listSegments, parseWalName, segmentsFrom, walName} from './names.ts';
import {PageWriter} from './page-writer.ts';
import type {WalSnapshot} from './record.ts';
import {
  CRC_RECORD,
  decodeWalSnapshot,
  ENTRY_RECORD,
  encodeWalSnapshot,
  METADATA_RECORD,
  NO_SNAPSHOT,
  SNAPSHOT_RECORD,
  STATE_RECORD,
} from './record.ts';
import {WalError} from './wal-error.ts';

/** Deliberate defects; undefined in normal life. */
export interface WalDefects {
  /** save() does not wait for the disk. */
  readonly skipSync?: boolean;
  /** The last save before a segment is cut is left out of it. */
  readonly loseLastWriteOfSegment?: boolean;
}

export interface WalOptions {
  readonly directory: string;
  /** A segment is cut when it has grown to that many bytes. */
  readonly segmentBytes: number;
  readonly defects?: WalDefects;
}

/** What a WAL holds from a snapshot on. */
export interface WalContent {
  /** Index of the snapshot it was read from. */
  readonly start: number;
  readonly metadata: Uint8Array;
  readonly hardState: HardState;
  /** Behind the snapshot, those that later ones replaced left out. */
  readonly entries: readonly Entry[];
}

/** The environment a WAL works in. */
export type WalEnv = Pick<Env, 'disk' | 'failpoints' | 'trace'>;

const NO_DATA = new Uint8Array(0);

export class Wal {
  private readonly env: WalEnv;
  private readonly options: WalOptions;
  private readonly metadata: Uint8Array;
  private readonly lock = new Mutex();
  /** Open segments, oldest first; the last one is written to. */
  private files: DiskFile[];
  private writer: PageWriter;
  private state: HardState = EMPTY_HARD_STATE;
  private lastIndex: number;

  private constructor(
    env: WalEnv,
    options: WalOptions,
    metadata: Uint8Array,
    files: DiskFile[],
    writer: PageWriter,
    lastIndex: number,
  ) {
    this.env = env;
    this.options = options;
    this.metadata = metadata;
    this.files = files;
    this.writer = writer;
    this.lastIndex = lastIndex;
  }

  /** Makes a new WAL; its directory must not be there. It appears whole or not at all: wal.Create. */
  static *create(env: WalEnv, options: WalOptions, metadata: Uint8Array): Fiber<Wal> {
    const {disk} = env;
    const {directory} = options;
    const temporary = `${directory}.tmp`;
    yield* disk.remove(temporary);
    yield* disk.makeDirectory(temporary);
    const first = `${temporary}/${walName(0, 0)}`;
    const file = yield* disk.open(first, {create: true});
    yield* file.preallocate(options.segmentBytes);
    const writer = new PageWriter(file, 0, 0);
    yield* writer.append(CRC_RECORD, NO_DATA);
    yield* writer.append(METADATA_RECORD, metadata);
    yield* writer.append(SNAPSHOT_RECORD, encodeWalSnapshot(NO_SNAPSHOT));
    yield* writer.flush();
    yield* file.sync();
    file.close();
    yield* disk.rename(temporary, directory);
    yield* disk.syncDirectory(parentOf(directory));
    const reopened = yield* openLocked(disk, `${directory}/${walName(0, 0)}`);
    const continued = new PageWriter(reopened, writer.writtenOffset, writer.lastCrc);
    return new Wal(env, options, metadata, [reopened], continued, 0);
  }

  /**
   * Opens at a snapshot that was saved in it, reads everything behind, and is ready to append. Throws WalError; 'unexpected-eof'
   * may be mended by repairWal() once. wal.Open and ReadAll.
   */
  static *open(
    env: WalEnv,
    options: WalOptions,
    snapshot: WalSnapshot,
  ): Fiber<{readonly wal: Wal; readonly content: WalContent}> {
    const {disk} = env;
    const {directory} = options;
    const names = segmentsFrom(yield* listSegments(disk, directory), snapshot.index);
    if (names === undefined) {
      throw new WalError('file-not-found', directory, 0, `no unbroken row of segments from index ${snapshot.index} on`);
    }
    const files: DiskFile[] = [];
    try {
      return yield* openFiles(env, options, snapshot, names, files);
    } catch (error) {
      for (const file of files) file.close(); // or its own locks would stand in the way of a second try
      throw error;
    }
  }

  /** Takes over open segments whose content was read. */
  static resume(env: WalEnv, options: WalOptions, content: WalContent, files: DiskFile[], writer: PageWriter): Wal {
    const wal = new Wal(env, options, content.metadata, files, writer, content.entries.at(-1)?.index ?? content.start);
    wal.state = content.hardState;
    return wal;
  }

  /** Stores entries and hard state, with an fsync if raft needs one (raft.MustSync): new entries, term or vote. */
  *save(hardState: HardState | undefined, entries: readonly Entry[]): Fiber<void> {
    if (hardState === undefined && entries.length === 0) return;
    yield* this.lock.lock();
    try {
      yield* this.saveLocked(hardState, entries);
    } finally {
      this.lock.unlock();
    }
  }

  private *saveLocked(hardState: HardState | undefined, entries: readonly Entry[]): Fiber<void> {
    const {env, options} = this;
    const {failpoints} = env;
    const {term, vote} = this.state;
    const mustSync =
      entries.length > 0 || (hardState !== undefined && (hardState.term !== term || hardState.vote !== vote));
    for (const entry of entries) {
      yield* this.writer.append(ENTRY_RECORD, encodeEntry(entry));
      this.lastIndex = entry.index;
    }
    if (hardState !== undefined) yield* this.appendState(hardState);
    if (this.writer.writtenOffset >= options.segmentBytes) return yield* this.cut();
    if (!mustSync) return;
    if (failpoints.armed) yield* failpoints.hit('walBeforeSync');
    if (options.defects?.skipSync === true) yield* this.writer.flush();
    else yield* this.syncTail();
    if (failpoints.armed) yield* failpoints.hit('walAfterSync');
  }

  /** Notes that a snapshot was saved; entries before it may go. */
  *saveSnapshot(snapshot: WalSnapshot): Fiber<void> {
    yield* this.lock.lock();
    try {
      yield* this.writer.append(SNAPSHOT_RECORD, encodeWalSnapshot(snapshot));
      this.lastIndex = Math.max(this.lastIndex, snapshot.index);
      yield* this.syncTail();
    } finally {
      this.lock.unlock();
    }
  }

  /** Everything so far is durable afterwards. */
  *sync(): Fiber<void> {
    yield* this.lock.lock();
    try {
      yield* this.syncTail();
    } finally {
      this.lock.unlock();
    }
  }

  /** Gives up segments that hold only what lies before that index, except the newest of them. ReleaseLockTo. */
  *releaseTo(index: number): Fiber<void> {
    yield* this.lock.lock();
    try {
      const later = this.files.findIndex(({path}) => indexOf(path) >= index);
      const keepFrom = (later < 0 ? this.files.length : later) - 1;
      for (const file of this.files.slice(0, Math.max(0, keepFrom))) file.close();
      this.files = this.files.slice(Math.max(0, keepFrom));
    } finally {
      this.lock.unlock();
    }
  }

  *close(): Fiber<void> {
    yield* this.sync();
    for (const file of this.files) file.close();
  }

  private get tail(): DiskFile {
    return must(this.files.at(-1), 'a closed WAL is used');
  }

  private *syncTail(): Fiber<void> {
    yield* this.writer.flush();
    yield* this.tail.sync();
  }

  private *appendState(hardState: HardState): Fiber<void> {
    this.state = hardState;
    yield* this.writer.append(STATE_RECORD, encodeHardState(hardState));
  }

  /** Ends the segment and begins the next, which is prepared under a temporary name. wal.cut. */
  private *cut(): Fiber<void> {
    const {env, options, tail} = this;
    const {disk} = env;
    if (options.defects?.loseLastWriteOfSegment === true) this.writer.discard();
    yield* this.writer.flush();
    yield* tail.truncate(this.writer.writtenOffset);
    yield* tail.sync();
    const sequence = (parseWalName(nameOf(tail.path))?.sequence ?? 0) + 1;
    const path = `${options.directory}/${walName(sequence, this.lastIndex + 1)}`;
    const temporary = `${options.directory}/${sequence % 2}.tmp`;
    const file = yield* disk.open(temporary, {create: true, truncate: true});
    yield* file.preallocate(options.segmentBytes);
    this.writer = new PageWriter(file, 0, this.writer.lastCrc);
    yield* this.writer.append(CRC_RECORD, NO_DATA);
    yield* this.writer.append(METADATA_RECORD, this.metadata);
    if (this.state !== EMPTY_HARD_STATE) yield* this.appendState(this.state);
    yield* this.writer.flush();
    yield* file.sync();
    file.close();
    yield* disk.rename(temporary, path);
    yield* disk.syncDirectory(options.directory);
    const reopened = yield* openLocked(disk, path);
    this.files.push(reopened);
    this.writer = new PageWriter(reopened, this.writer.writtenOffset, this.writer.lastCrc);
    env.trace.mark('wal: segment cut');
  }
}

/** Is there a WAL at all? wal.Exist. */
export function* walExists(disk: Disk, directory: string): Fiber<boolean> {
  return (yield* listSegments(disk, directory)).length > 0;
}

/** Opens and reads the segments; those that were opened are in `files`, also when it throws. */
function* openFiles(
  env: WalEnv,
  options: WalOptions,
  snapshot: WalSnapshot,
  names: readonly string[],
  files: DiskFile[],
): Fiber<{readonly wal: Wal; readonly content: WalContent}> {
  const segments = [];
  for (const name of names) {
    const file = yield* openLocked(env.disk, `${options.directory}/${name}`);
    files.push(file);
    segments.push(yield* readSegment(file));
  }
  const decoder = new WalDecoder(segments);
  const content = readContent(decoder, options.directory, snapshot);
  const tail = must(files.at(-1), 'a WAL without segments was opened');
  yield* zeroBehind(tail, decoder.lastOffset);
  const writer = new PageWriter(tail, decoder.lastOffset, decoder.lastCrc);
  return {wal: Wal.resume(env, options, content, files, writer), content};
}

function readContent(decoder: WalDecoder, directory: string, start: WalSnapshot): WalContent {
  let metadata: Uint8Array | undefined;
  let hardState = EMPTY_HARD_STATE;
  let entries: Entry[] = [];
  let isSnapshotFound = false;
  const refuse = (code: WalError['code'], reason: string) => new WalError(code, directory, decoder.lastOffset, reason);
  for (let record = decoder.next(); record !== undefined; record = decoder.next()) {
    switch (record.type) {
      case ENTRY_RECORD: {
        const entry = decodeEntry(record.data);
        if (entry.index <= start.index) break;
        const offset = entry.index - start.index - 1;
        if (offset > entries.length)
          throw refuse('slice-out-of-range', `entry ${entry.index} follows ${entries.length} entries`);
        if (offset < entries.length) entries = entries.slice(0, offset);
        entries.push(entry);
        break;
      }
      case STATE_RECORD:
        hardState = decodeHardState(record.data);
        break;
      case METADATA_RECORD:
        if (metadata !== undefined && !equalBytes(metadata, record.data))
          throw refuse('metadata-conflict', 'segments of two members');
        metadata = record.data.slice();
        break;
      case SNAPSHOT_RECORD: {
        const saved = decodeWalSnapshot(record.data);
        if (saved.index !== start.index) break;
        if (saved.term !== start.term)
          throw refuse('snapshot-mismatch', `snapshot ${saved.index} has term ${saved.term}`);
        isSnapshotFound = true;
        break;
      }
      case CRC_RECORD:
        break;
      default:
        throw refuse('bad-record', `unexpected block type ${record.type}`);
    }
  }
  if (!isSnapshotFound) throw refuse('snapshot-not-found', `no record of a snapshot at index ${start.index}`);
  assert(metadata !== undefined, 'a WAL without metadata', {directory});
  return {start: start.index, metadata, hardState, entries};
}

/** What a torn write left behind the end must not be taken for records later. fileutil.ZeroToEnd. */
function* zeroBehind(file: DiskFile, offset: number): Fiber<void> {
  const size = file.sizeBytes;
  if (size <= offset) return;
  yield* file.truncate(offset);
  yield* file.preallocate(size);
}

function* openLocked(disk: Disk, path: string): Fiber<DiskFile> {
  const file = yield* disk.open(path);
  if (!file.tryLock()) throw new WalError('file-not-found', path, 0, 'another process holds the lock of the segment');
  return file;
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';
const indexOf = (path: string): number => parseWalName(nameOf(path))?.index ?? 0;
