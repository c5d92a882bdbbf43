// server-core/snap/snapshotter.ts: .snap files: raft's snapshots with a checksum; and the databases of received ones.
// etcd 3.6: server/etcdserver/api/snap (snapshotter.go, db.go), snappb.
// Promise: a file that is not whole is never loaded; it is set aside under its name with `.broken`.
import {crc32c} from '../../base/crc32c.ts';
import {WIRE_BYTES, WIRE_VARINT, WireError, WireReader, WireWriter, wireTag} from '../../base/wire.ts';
import {DiskFault, readWholeFile} from '../../env/disk.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {decodeSnapshot, encodeSnapshot} from '../raftpb/codec.ts';
import {skipUnknown} from '../raftpb/conf-change-codec.ts';
import type {Snapshot} from '../raftpb/types.ts';
import {isEmptySnapshot} from '../raftpb/types.ts';
import type {WalBehaviours} from '../wal/behaviours.ts';
import type {WalSnapshot} from '../wal/record.ts';
import {WalError} from '../wal/wal-error.ts';

const hex = (value: number): string => value.toString(16).padStart(16, '0');
const crcText = (crc: number): string => crc.toString(16).padStart(8, '0');
const SNAP_SUFFIX = '.snap';
const DB_SUFFIX = '.snap.db';
const DEFRAGMENTATION_PREFIX = 'db.tmp';

export const snapName = (term: number, index: number): string => `${hex(term)}-${hex(index)}.snap`;
export const snapDbName = (index: number): string => `${hex(index)}.snap.db`;

/** snappb.Snapshot over raftpb.Snapshot. */
export function encodeSnapFile(
  snapshot: Snapshot,
  {jointConfState}: Pick<WalBehaviours, 'jointConfState'>,
): Uint8Array {
  const data = jointConfState ? encodeSnapshot(snapshot) : encodeOldSnapshot(snapshot);
  const writer = new WireWriter(data.length + 16);
  writer.uint(1, crc32c(0, data));
  writer.bytes(2, data);
  return writer.finish();
}

/** raftpb.Snapshot as in 3.3: a configuration is its voters and learners. */
function encodeOldSnapshot({data, metadata}: Snapshot): Uint8Array {
  const {confState, index, term} = metadata;
  const lists = new WireWriter();
  for (const id of confState.voters) lists.id(1, id);
  for (const id of confState.learners) lists.id(2, id);
  const about = new WireWriter();
  about.bytes(1, lists.finish());
  about.uint(2, index);
  about.uint(3, term);
  const writer = new WireWriter((data?.length ?? 0) + 64);
  if (data !== undefined) writer.bytes(1, data);
  writer.bytes(2, about.finish());
  return writer.finish();
}

/** Throws WalError that names the file. */
export function decodeSnapFile(bytes: Uint8Array, file: string): Snapshot {
  try {
    const reader = new WireReader(bytes);
    let crc = 0;
    let data: Uint8Array | undefined;
    let dataOffset = 0;
    while (reader.more()) {
      const tag = reader.tag();
      if (tag === wireTag(1, WIRE_VARINT)) crc = reader.varint();
      else if (tag === wireTag(2, WIRE_BYTES)) {
        data = reader.bytes();
        dataOffset = reader.at - data.length;
      } else skipUnknown(reader, tag, 2);
    }
    if (data === undefined || data.length === 0 || crc === 0)
      throw new WalError('bad-record', file, 0, 'an empty snapshot');
    const found = crc32c(0, data);
    if (found !== crc) {
      const reason = `the checksum of the snapshot from there on differs: expected ${crcText(crc)}, got ${crcText(found)}`;
      throw new WalError('crc-mismatch', file, dataOffset, reason);
    }
    return decodeInPlace(data, file, dataOffset);
  } catch (error) {
    if (error instanceof WireError) throw new WalError('bad-record', file, error.offset, error.message);
    throw error;
  }
}

/** What is wrong in there is told by its place in the file. */
function decodeInPlace(data: Uint8Array, file: string, dataOffset: number): Snapshot {
  try {
    return decodeSnapshot(data);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new WalError('bad-record', file, dataOffset + error.offset, `in raft's snapshot there: ${error.message}`);
  }
}

export class Snapshotter {
  private readonly env: Pick<Env, 'disk' | 'trace'>;
  private readonly directory: string;
  private readonly behaviours: WalBehaviours;

  constructor(env: Pick<Env, 'disk' | 'trace'>, directory: string, behaviours: WalBehaviours) {
    this.env = env;
    this.directory = directory;
    this.behaviours = behaviours;
  }

  /** Writes the file and syncs it; nothing for the empty snapshot. A fault leaves no half file behind under that name. SaveSnap. */
  *save(snapshot: Snapshot): Fiber<void> {
    if (isEmptySnapshot(snapshot)) return;
    const {disk} = this.env;
    const {term, index} = snapshot.metadata;
    const path = `${this.directory}/${snapName(term, index)}`;
    const file = yield* disk.open(path, {create: true, truncate: true});
    try {
      yield* file.write(0, encodeSnapFile(snapshot, this.behaviours));
      yield* file.sync();
    } catch (error) {
      file.close();
      yield* disk.remove(path);
      throw error;
    }
    file.close();
  }

  /**
   * The newest readable snapshot, of those that the WAL knows of; files that cannot be read are set aside as `.broken`.
   * `known` undefined: any counts (Load; what releases did that saved the WAL's record first).
   */
  *loadNewestAvailable(known: readonly WalSnapshot[] | undefined): Fiber<Snapshot | undefined> {
    const {disk, trace} = this.env;
    for (const name of (yield* this.listSnapshots()).reverse()) {
      const path = `${this.directory}/${name}`;
      let snapshot: Snapshot;
      try {
        snapshot = decodeSnapFile(yield* readWholeFile(disk, path), path);
      } catch (error) {
        if (!(error instanceof WalError)) throw error;
        trace.mark('snap: broken file set aside');
        yield* disk.rename(path, `${path}.broken`);
        continue;
      }
      const {index, term} = snapshot.metadata;
      if (known === undefined || known.some((saved) => saved.index === index && saved.term === term)) return snapshot;
    }
    return undefined;
  }

  /** Names of snapshots, oldest first. What a defragmentation left behind is deleted on the way: cleanupSnapdir. */
  private *listSnapshots(): Fiber<string[]> {
    const {disk, trace} = this.env;
    const names = yield* disk.list(this.directory);
    if (this.behaviours.defragmentationLeftoversRemoved) {
      for (const name of names) {
        if (!name.startsWith(DEFRAGMENTATION_PREFIX)) continue;
        trace.mark('snap: leftover of a defragmentation deleted');
        yield* disk.remove(`${this.directory}/${name}`);
      }
    }
    return names.filter((name) => name.endsWith(SNAP_SUFFIX));
  }

  /** Stores the database of a snapshot that arrives: whole under its name, or not there. One that is there stays. SaveDBFrom. */
  *saveDb(index: number, db: Uint8Array): Fiber<void> {
    const {disk} = this.env;
    const temporary = `${this.directory}/tmp${hex(index)}`;
    const path = `${this.directory}/${snapDbName(index)}`;
    const file = yield* disk.open(temporary, {create: true, truncate: true});
    try {
      yield* file.write(0, db);
      yield* file.sync();
      file.close();
      if ((yield* disk.stat(path)) === undefined) yield* disk.rename(temporary, path);
      else yield* disk.remove(temporary);
    } catch (error) {
      file.close();
      if (error instanceof DiskFault) yield* disk.remove(temporary);
      throw error;
    }
  }

  /** Deletes databases of received snapshots before that index. ReleaseSnapDBs. */
  *releaseDbs(index: number): Fiber<void> {
    const {disk} = this.env;
    for (const name of yield* disk.list(this.directory)) {
      const match = name.endsWith(DB_SUFFIX) ? /^([0-9a-f]{1,16})\.snap\.db$/i.exec(name) : null;
      if (match !== null && Number.parseInt(match[1] ?? '', 16) < index)
        yield* disk.remove(`${this.directory}/${name}`);
    }
  }
}
