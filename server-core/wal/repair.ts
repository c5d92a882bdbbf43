// server-core/wal/repair.ts: cuts a torn end off, and tells which snapshots a WAL knows. etcd: wal/repair.go, ValidSnapshotEntries.
import type {Disk} from '../../env/disk.ts';
import type {Fiber} from '../../env/fiber.ts';
import {decodeHardState} from '../raftpb/codec.ts';
import type {SegmentBytes} from './decoder.ts';
import {readSegment, WalDecoder} from './decoder.ts';
import {listSegments} from './names.ts';
import type {WalSnapshot} from './record.ts';
import {decodeWalSnapshot, SNAPSHOT_RECORD, STATE_RECORD} from './record.ts';
import {WalError} from './wal-error.ts';

/** Cuts the last segment behind its last good record and keeps a copy as it was. False when it is damaged in another way. */
export function* repairWal(disk: Disk, directory: string): Fiber<boolean> {
  const last = (yield* listSegments(disk, directory)).at(-1);
  if (last === undefined) return false;
  const path = `${directory}/${last}`;
  const segment = yield* readSegmentAt(disk, path);
  const decoder = new WalDecoder([segment]);
  try {
    while (decoder.next() !== undefined);
    return true;
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    if (error.code !== 'unexpected-eof') return false;
  }
  const copy = yield* disk.open(`${path}.broken`, {create: true, truncate: true});
  yield* copy.write(0, segment.bytes);
  yield* copy.truncate(segment.sizeBytes);
  copy.close();
  const file = yield* disk.open(path);
  yield* file.truncate(decoder.lastOffset);
  yield* file.sync();
  file.close();
  return true;
}

/** Snapshots saved in the WAL that are not ahead of its commit index; a cut end is no hindrance. Throws WalError. */
export function* validSnapshots(disk: Disk, directory: string): Fiber<WalSnapshot[]> {
  const segments = [];
  for (const name of yield* listSegments(disk, directory)) {
    const file = `${directory}/${name}`;
    segments.push(yield* readSegmentAt(disk, file));
  }
  const decoder = new WalDecoder(segments);
  const saved: WalSnapshot[] = [];
  let commit = 0;
  try {
    for (let record = decoder.next(); record !== undefined; record = decoder.next()) {
      if (record.type === SNAPSHOT_RECORD) saved.push(decodeWalSnapshot(record.data));
      else if (record.type === STATE_RECORD) ({commit} = decodeHardState(record.data));
    }
  } catch (error) {
    if (!(error instanceof WalError) || error.code !== 'unexpected-eof') throw error;
  }
  return saved.filter(({index}) => index <= commit);
}

function* readSegmentAt(disk: Disk, path: string): Fiber<SegmentBytes> {
  const file = yield* disk.open(path);
  try {
    return yield* readSegment(file);
  } finally {
    file.close();
  }
}
