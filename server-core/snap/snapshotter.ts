// server-core/snap/snapshotter.ts: .snap files: raft's snapshots with a checksum; and the databases of received ones.
// etcd 3.6: server/etcdserver/api/snap (snapshotter.go, db.go), snappb.
import {crc32c} from '../../base/crc32c.ts';
import {WIRE_BYTES, WIRE_VARINT, WireError, WireReader, WireWriter, wireTag} from '../../base/wire.ts';
import {readWholeFile} from '../../env/disk.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {decodeSnapshot, encodeSnapshot} from '../raftpb/codec.ts';
import type {Snapshot} from '../raftpb/types.ts';
import type {WalSnapshot} from '../wal/record.ts';
import {WalError} from '../wal/wal-error.ts';

const hex = (value: number): string => value.toString(16).padStart(16, '0');
const SNAP_NAME = /^[0-9a-f]{16}-[0-9a-f]{16}\.snap$/;

export const snapName = (term: number, index: number): string => `${hex(term)}-${hex(index)}.snap`;
export const snapDbName = (index: number): string => `${hex(index)}.snap.db`;

/** snappb.Snapshot over raftpb.Snapshot. */
export function encodeSnapFile(snapshot: Snapshot): Uint8Array {
  const data = encodeSnapshot(snapshot);
  const writer = new WireWriter(data.length + 16);
  writer.uint(1, crc32c(0, data));
  writer.bytes(2, data);
  return writer.finish();
}

/** Throws WalError that names the file. */
export function decodeSnapFile(bytes: Uint8Array, file: string): Snapshot {
  try {
    const reader = new WireReader(bytes);
    let crc = 0;
    let data: Uint8Array | undefined;
    while (reader.more()) {
      const tag = reader.tag();
      if (tag === wireTag(1, WIRE_VARINT)) crc = reader.varint();
      else if (tag === wireTag(2, WIRE_BYTES)) data = reader.bytes();
      else reader.skip(tag);
    }
    if (data === undefined || data.length === 0 || crc === 0)
      throw new WalError('bad-record', file, 0, 'an empty snapshot');
    if (crc32c(0, data) !== crc) throw new WalError('crc-mismatch', file, 0, 'the checksum of the snapshot differs');
    return decodeSnapshot(data);
  } catch (error) {
    if (error instanceof WireError) throw new WalError('bad-record', file, error.offset, error.message);
    throw error;
  }
}

export class Snapshotter {
  private readonly env: Pick<Env, 'disk' | 'trace'>;
  private readonly directory: string;

  constructor(env: Pick<Env, 'disk' | 'trace'>, directory: string) {
    this.env = env;
    this.directory = directory;
  }

  /** Writes the file and syncs it. A fault leaves no half file behind under that name. */
  *save(snapshot: Snapshot): Fiber<void> {
    const {disk} = this.env;
    const {term, index} = snapshot.metadata;
    const path = `${this.directory}/${snapName(term, index)}`;
    const file = yield* disk.open(path, {create: true, truncate: true});
    try {
      yield* file.write(0, encodeSnapFile(snapshot));
      yield* file.sync();
    } catch (error) {
      file.close();
      yield* disk.remove(path);
      throw error;
    }
    file.close();
  }

  /** The newest readable snapshot that the WAL knows of; files that cannot be read are set aside as `.broken`. */
  *loadNewestAvailable(known: readonly WalSnapshot[]): Fiber<Snapshot | undefined> {
    const {disk, trace} = this.env;
    const names = (yield* disk.list(this.directory)).filter((name) => SNAP_NAME.test(name)).reverse();
    for (const name of names) {
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
      if (known.some((saved) => saved.index === index && saved.term === term)) return snapshot;
    }
    return undefined;
  }

  /** Stores the database of a snapshot that arrives: whole under its name, or not there. SaveDBFrom. */
  *saveDb(index: number, db: Uint8Array): Fiber<void> {
    const {disk} = this.env;
    const temporary = `${this.directory}/tmp${hex(index)}`;
    const file = yield* disk.open(temporary, {create: true, truncate: true});
    yield* file.write(0, db);
    yield* file.sync();
    file.close();
    yield* disk.rename(temporary, `${this.directory}/${snapDbName(index)}`);
  }

  /** Deletes databases of received snapshots before that index. ReleaseSnapDBs. */
  *releaseDbs(index: number): Fiber<void> {
    const {disk} = this.env;
    for (const name of yield* disk.list(this.directory)) {
      const match = /^([0-9a-f]{16})\.snap\.db$/.exec(name);
      if (match !== null && Number.parseInt(match[1] ?? '', 16) < index)
        yield* disk.remove(`${this.directory}/${name}`);
    }
  }
}
