// server-core/datadir/wal-dump.ts: everything that stands in a WAL, record by record, and where it cannot be read on.
// etcd: tools/etcd-dump-logs, wal.OpenForRead and ReadAll. Nothing is repaired, and no release's limits hold.
import type {ClusterId, MemberId} from '../../base/ids.ts';
import {NO_MEMBER} from '../../base/ids.ts';
import {WIRE_VARINT, WireError, WireReader, wireTag} from '../../base/wire.ts';
import type {Entry, HardState} from '../raftpb/types.ts';
import {EMPTY_HARD_STATE} from '../raftpb/types.ts';
import type {RecordPlace, SegmentBytes} from '../wal/decoder.ts';
import {WalDecoder} from '../wal/decoder.ts';
import {parseWalName} from '../wal/names.ts';
import type {WalItem} from '../wal/read-all.ts';
import {understandRecord} from '../wal/read-all.ts';
import type {WalSnapshot} from '../wal/record.ts';
import {WalError} from '../wal/wal-error.ts';
import {shortId} from './db-content.ts';
import type {DataFiles} from './memory-disk.ts';

/** A file that cannot be used, or only in part. `offset` is in bytes. */
export interface Damage {
  readonly file: string;
  readonly offset: number;
  readonly reason: string;
}

export interface LoggedEntry {
  readonly entry: Entry;
  readonly place: RecordPlace;
  /** A later record has an entry of the same or a lower index: it was not committed and another leader's came. */
  readonly isReplaced: boolean;
}

export interface WalDump {
  readonly segments: readonly {readonly file: string; readonly sizeBytes: number; readonly usedBytes: number}[];
  /** Ids in hex without leading zeros; undefined when no record says them. */
  readonly metadata: {readonly nodeId: string; readonly clusterId: string} | undefined;
  readonly snapshots: readonly WalSnapshot[];
  readonly hardState: HardState;
  /** In the order of the records. */
  readonly entries: readonly LoggedEntry[];
  readonly damage: Damage | undefined;
  /** The damage is a cut or torn end of the last segment: a start mends it. */
  readonly isTorn: boolean;
}

/** Reads the segments among the files, by their names. Files that are no segments are passed over. */
export function dumpWal(files: DataFiles): WalDump {
  const segments: SegmentBytes[] = [...files]
    .filter(([file]) => parseWalName(nameOf(file)) !== undefined)
    .sort(([a], [b]) => (nameOf(a) < nameOf(b) ? -1 : 1))
    .map(([file, bytes]) => ({file, bytes, sizeBytes: bytes.length}));
  const decoder = new WalDecoder(segments);
  const used = new Map<string, number>();
  const snapshots: WalSnapshot[] = [];
  const entries: {entry: Entry; place: RecordPlace; isReplaced: boolean}[] = [];
  const live: {entry: Entry; isReplaced: boolean}[] = []; // those not replaced so far, by ascending index
  let metadata: WalDump['metadata'];
  let hardState = EMPTY_HARD_STATE;
  let damage = gapIn(segments);
  let isTorn = false;
  const take = (item: WalItem, place: RecordPlace): void => {
    if (item.kind === 'state') ({hardState} = item);
    else if (item.kind === 'snapshot') snapshots.push(item.snapshot);
    else if (item.kind === 'metadata') metadata = readMetadata(item.metadata, place);
    else if (item.kind === 'entry') {
      for (let last = live.at(-1); last !== undefined && last.entry.index >= item.entry.index; last = live.at(-1)) {
        last.isReplaced = true;
        live.pop();
      }
      const logged = {entry: item.entry, place, isReplaced: false};
      entries.push(logged);
      live.push(logged);
    }
  };
  try {
    for (let record = decoder.next(); record !== undefined; record = decoder.next()) {
      const {place} = decoder;
      take(understandRecord(decoder, record), place);
      used.set(place.file, decoder.lastOffset);
    }
  } catch (error) {
    if (!(error instanceof WalError)) throw error;
    isTorn = damage === undefined && error.code === 'unexpected-eof' && error.file === segments.at(-1)?.file;
    const reason = isTorn ? `${error.reason}; etcd cuts the last segment off there when it starts` : error.reason;
    damage ??= {file: error.file, offset: error.offset, reason};
  }
  return {
    segments: segments.map(({file, sizeBytes}) => ({file, sizeBytes, usedBytes: used.get(file) ?? 0})),
    metadata,
    snapshots,
    hardState,
    entries,
    damage,
    isTorn,
  };
}

/** A segment that is missing in the row: what is behind it cannot follow. etcd: isValidSeq. */
function gapIn(segments: readonly SegmentBytes[]): Damage | undefined {
  let expected: number | undefined;
  for (const {file} of segments) {
    const sequence = parseWalName(nameOf(file))?.sequence ?? 0;
    if (expected !== undefined && sequence !== expected)
      return {file, offset: 0, reason: `the segment before it is missing: number ${expected} should come here`};
    expected = sequence + 1;
  }
  return undefined;
}

/** etcdserverpb.Metadata. */
export function readMetadata(bytes: Uint8Array, {file, offset}: RecordPlace): {nodeId: string; clusterId: string} {
  const ids = decodeWalMetadata(bytes, {file, offset});
  return {nodeId: shortId(ids.nodeId), clusterId: shortId(ids.clusterId)};
}

/** Whose WAL it is. Throws WalError. */
export function decodeWalMetadata(
  bytes: Uint8Array,
  {file, offset}: RecordPlace,
): {readonly nodeId: MemberId; readonly clusterId: ClusterId} {
  try {
    const reader = new WireReader(bytes);
    let [nodeId, clusterId] = [NO_MEMBER as string, NO_MEMBER as string];
    while (reader.more()) {
      const tag = reader.tag();
      if (tag === wireTag(1, WIRE_VARINT)) nodeId = reader.varintId();
      else if (tag === wireTag(2, WIRE_VARINT)) clusterId = reader.varintId();
      else reader.skip(tag);
    }
    return {nodeId: nodeId as MemberId, clusterId: clusterId as ClusterId};
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new WalError('bad-record', file, offset, `metadata: ${error.message}`);
  }
}

export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
