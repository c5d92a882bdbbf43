// server-core/wal/wal.ts: the write-ahead log: segments of chained records. etcd 3.6: server/storage/wal/wal.go.
// Modelled: create through a temporary directory, open at a snapshot, append with one fsync where raft needs it, cut into segments,
// release of old ones (their locks; a purge may then delete them), zeroing behind a torn end, the next segment prepared beforehand.
// Not modelled: setting a new WAL aside when the directory above it cannot be synced (etcd dies of that as well).
// Promise: what save() returned for (with entries, or a new term or vote) is read back after any crash, unless the disk lied.
import {assert, must} from '../../base/assert.ts';
import type {Disk, DiskFile} from '../../env/disk.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {Mutex} from '../../env/sync.ts';
import {encodeEntry, encodeHardState} from '../raftpb/codec.ts';
import type {Entry, HardState} from '../raftpb/types.ts';
import {EMPTY_HARD_STATE, isEmptyHardState} from '../raftpb/types.ts';
import type {WalBehaviours} from './behaviours.ts';
import {readSegment, WalDecoder} from './decoder.ts';
import {FilePipeline} from './file-pipeline.ts';
import {listSegments, parseWalName, segmentsFrom, walName} from './names.ts';
import {PageWriter} from './page-writer.ts';
import type {WalContent} from './read-all.ts';
import {readContent} from './read-all.ts';
import type {WalSnapshot} from './record.ts';
import {
  CRC_RECORD,
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
  readonly behaviours: WalBehaviours;
  readonly defects?: WalDefects;
}

/** The environment a WAL works in. */
export type WalEnv = Pick<Env, 'disk' | 'failpoints' | 'trace' | 'spawn'>;

const NO_DATA = new Uint8Array(0);

export class Wal {
  private readonly env: WalEnv;
  private readonly options: WalOptions;
  private readonly metadata: Uint8Array;
  private readonly lock = new Mutex();
  /** Open segments, oldest first; the last one is written to. */
  private files: DiskFile[];
  private writer: PageWriter;
  private readonly pipeline: FilePipeline;
  /** The last one saved by this process: what was read at the start does not count, so the first save of a process syncs. */
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
    this.pipeline = new FilePipeline(env, options.directory, options.segmentBytes);
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
    if (names === undefined) throw noSegments(directory, snapshot);
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
    return new Wal(env, options, content.metadata, files, writer, content.lastEntryIndex);
  }

  /** Stores entries and hard state, with an fsync if raft needs one (raft.MustSync): new entries, term or vote. */
  *save(hardState: HardState | undefined, entries: readonly Entry[]): Fiber<void> {
    const state = hardState === undefined || isEmptyHardState(hardState) ? undefined : hardState;
    if (state === undefined && entries.length === 0) return;
    yield* this.lock.lock();
    try {
      yield* this.saveLocked(state, entries);
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

  /** Notes that a snapshot was saved; entries before it may go. Releases that know it want its configuration: ValidateSnapshotForWrite. */
  *saveSnapshot({index, term, confState}: WalSnapshot): Fiber<void> {
    const {confStateInSnapshotRecord} = this.options.behaviours;
    assert(!confStateInSnapshotRecord || confState !== undefined, 'a snapshot without its configuration', {index});
    const snapshot = confStateInSnapshotRecord ? {index, term, confState} : {index, term};
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

  /** The entries behind a snapshot, everything so far included. Throws WalError. etcd: Reopen and ReadAll, without letting go of locks. */
  *readEntries(snapshot: WalSnapshot): Fiber<readonly Entry[]> {
    const {env, options} = this;
    const {directory, behaviours} = options;
    yield* this.lock.lock();
    try {
      yield* this.syncTail();
      const names = segmentsFrom(yield* listSegments(env.disk, directory), snapshot.index);
      if (names === undefined) throw noSegments(directory, snapshot);
      const segments = [];
      for (const name of names) {
        const file = yield* env.disk.open(`${directory}/${name}`);
        segments.push(yield* readSegment(file));
        file.close();
      }
      return readContent(new WalDecoder(segments, behaviours), directory, snapshot).entries;
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

  /** Ends the preparation of the next segment, makes everything durable and gives all locks up. */
  *close(): Fiber<void> {
    yield* this.pipeline.close();
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

  /** Ends the segment and begins the next, which lies prepared under a temporary name. wal.cut. */
  private *cut(): Fiber<void> {
    const {env, options, tail} = this;
    const {disk} = env;
    if (options.defects?.loseLastWriteOfSegment === true) this.writer.discard();
    yield* tail.truncate(this.writer.writtenOffset); // what is still buffered makes it grow again
    yield* this.syncTail();
    const sequence = (parseWalName(nameOf(tail.path))?.sequence ?? 0) + 1;
    const path = `${options.directory}/${walName(sequence, this.lastIndex + 1)}`;
    const file = yield* this.pipeline.take();
    this.writer = new PageWriter(file, 0, this.writer.lastCrc);
    yield* this.writer.append(CRC_RECORD, NO_DATA);
    yield* this.writer.append(METADATA_RECORD, this.metadata);
    if (this.state !== EMPTY_HARD_STATE) yield* this.appendState(this.state);
    yield* this.writer.flush();
    yield* file.sync();
    yield* disk.rename(file.path, path);
    yield* disk.syncDirectory(options.directory);
    file.close();
    const reopened = yield* openLocked(disk, path);
    this.files.push(reopened);
    this.writer = new PageWriter(reopened, this.writer.writtenOffset, this.writer.lastCrc);
    env.trace.mark('wal: segment cut');
  }
}

const noSegments = (directory: string, {index}: WalSnapshot): WalError =>
  new WalError('file-not-found', directory, 0, `no unbroken row of segments from index ${index} on`);

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
  const decoder = new WalDecoder(segments, options.behaviours);
  const content = readContent(decoder, options.directory, snapshot);
  const tail = must(files.at(-1), 'a WAL without segments was opened');
  yield* zeroBehind(tail, decoder.lastOffset);
  const writer = new PageWriter(tail, decoder.lastOffset, decoder.lastCrc);
  return {wal: Wal.resume(env, options, content, files, writer), content};
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
  if (!file.tryLock()) throw new WalError('locked', path, 0, 'another process holds the lock of the segment');
  return file;
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';
const indexOf = (path: string): number => parseWalName(nameOf(path))?.index ?? 0;
