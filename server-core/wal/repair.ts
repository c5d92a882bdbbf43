// server-core/wal/repair.ts: cuts a torn end off, and tells which snapshots a WAL knows. etcd: wal/repair.go, ValidSnapshotEntries.
import type {Disk, DiskFile} from '../../env/disk.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {WalBehaviours} from './behaviours.ts';
import type {SegmentBytes} from './decoder.ts';
import {isZero, readSegment, WalDecoder} from './decoder.ts';
import {listSegments} from './names.ts';
import {understandRecord} from './read-all.ts';
import type {WalSnapshot} from './record.ts';
import {ENTRY_RECORD} from './record.ts';
import {WalError} from './wal-error.ts';

/** Where a WAL lies, and how its release reads it. */
export interface WalPlace {
  readonly directory: string;
  readonly behaviours: WalBehaviours;
}

const COPY_SIZE = 64 * 1024;

/** Cuts the last segment behind its last good record and keeps a copy as it was. False when it is damaged in another way. */
export function* repairWal(disk: Disk, {directory, behaviours}: WalPlace): Fiber<boolean> {
  const last = (yield* listSegments(disk, directory)).at(-1);
  if (last === undefined) return false;
  const path = `${directory}/${last}`;
  const file = yield* disk.open(path);
  try {
    const decoder = new WalDecoder([yield* readSegment(file)], behaviours);
    try {
      while (decoder.next() !== undefined);
      return true;
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      if (error.code !== 'unexpected-eof') return false;
    }
    yield* copyFile(disk, file, `${path}.broken`);
    yield* file.truncate(decoder.lastOffset);
    yield* file.sync();
    return true;
  } finally {
    file.close();
  }
}

/** The whole file, also what lies behind its records; stretches of zeros are left as holes. */
function* copyFile(disk: Disk, from: DiskFile, path: string): Fiber<void> {
  const copy = yield* disk.open(path, {create: true, truncate: true});
  for (let at = 0; at < from.sizeBytes; at += COPY_SIZE) {
    const part = yield* from.read(at, COPY_SIZE);
    if (!isZero(part)) yield* copy.write(at, part);
  }
  yield* copy.truncate(from.sizeBytes);
  copy.close();
}

/** Snapshots saved in the WAL that are not ahead of its commit index; a cut end is no hindrance. Throws WalError. */
export function* validSnapshots(disk: Disk, {directory, behaviours}: WalPlace): Fiber<WalSnapshot[]> {
  const segments: SegmentBytes[] = [];
  for (const name of yield* listSegments(disk, directory)) {
    const file = yield* disk.open(`${directory}/${name}`);
    try {
      segments.push(yield* readSegment(file));
    } finally {
      file.close();
    }
  }
  const decoder = new WalDecoder(segments, behaviours);
  const saved: WalSnapshot[] = [];
  let commit = 0;
  try {
    for (let record = decoder.next(); record !== undefined; record = decoder.next()) {
      if (record.type === ENTRY_RECORD) continue;
      const item = understandRecord(decoder, record);
      if (item.kind === 'snapshot') saved.push(item.snapshot);
      else if (item.kind === 'state') ({commit} = item.hardState);
    }
  } catch (error) {
    if (!(error instanceof WalError) || error.code !== 'unexpected-eof') throw error;
  }
  return saved.filter(({index}) => index <= commit);
}
