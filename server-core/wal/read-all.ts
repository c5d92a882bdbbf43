// server-core/wal/read-all.ts: what a WAL holds from a snapshot on. etcd: wal.ReadAll.
// Stricter than etcd in one thing: the checksum of a record does not cover its kind, so a flipped bit there turns an entry into a
// hard state, and etcd goes on with it. Here a record must have what its kind cannot be without, or the WAL is refused.
// And in a second: etcd means to refuse a WAL without a record of the snapshot, but its ReadAll loses that error when it is going to
// write. No member gets there, since it starts from a snapshot that the WAL has a record of.
import {equalBytes} from '../../base/byte-string.ts';
import {NO_MEMBER} from '../../base/ids.ts';
import {WireError, WireReader} from '../../base/wire.ts';
import {decodeEntry, decodeHardState} from '../raftpb/codec.ts';
import type {Entry, HardState} from '../raftpb/types.ts';
import {EMPTY_HARD_STATE} from '../raftpb/types.ts';
import type {WalDecoder} from './decoder.ts';
import type {WalRecord, WalSnapshot} from './record.ts';
import {CRC_RECORD, decodeWalSnapshot, ENTRY_RECORD, METADATA_RECORD, SNAPSHOT_RECORD, STATE_RECORD} from './record.ts';
import {WalError} from './wal-error.ts';

/** What a WAL holds from a snapshot on. */
export interface WalContent {
  /** Index of the snapshot it was read from. */
  readonly start: number;
  readonly metadata: Uint8Array;
  readonly hardState: HardState;
  /** Behind the snapshot, those that later ones replaced left out. */
  readonly entries: readonly Entry[];
  /** Index of the last entry's record, also when it lies before the snapshot; 0 without any. etcd: WAL.enti. */
  readonly lastEntryIndex: number;
}

/** One record, understood. */
export type WalItem =
  | {readonly kind: 'entry'; readonly entry: Entry}
  | {readonly kind: 'state'; readonly hardState: HardState}
  | {readonly kind: 'metadata'; readonly metadata: Uint8Array}
  | {readonly kind: 'snapshot'; readonly snapshot: WalSnapshot}
  | {readonly kind: 'crc'; readonly crc: number};

/** Understands the record that the decoder returned last. Throws WalError with its place. */
export function understandRecord(decoder: WalDecoder, record: WalRecord): WalItem {
  const refuse = (reason: string): WalError => {
    const {file, offset} = decoder.place;
    return new WalError('bad-record', file, offset, reason);
  };
  try {
    switch (record.type) {
      case ENTRY_RECORD: {
        const entry = decodeEntry(record.data);
        if (!isEntry(entry, record.data)) throw refuse('a record that says it is an entry is none');
        return {kind: 'entry', entry};
      }
      case STATE_RECORD: {
        const hardState = decodeHardState(record.data);
        if (!isHardState(hardState, record.data)) throw refuse('a record that says it is a hard state is none');
        return {kind: 'state', hardState};
      }
      case METADATA_RECORD:
        return {kind: 'metadata', metadata: record.data.slice()};
      case SNAPSHOT_RECORD:
        return {kind: 'snapshot', snapshot: decodeWalSnapshot(record.data)};
      case CRC_RECORD:
        return {kind: 'crc', crc: record.crc};
      default:
        throw refuse(`unexpected block type ${record.type}`);
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw refuse(error.message);
  }
}

/** The fields of a message as bits. Throws WireError. */
function fieldsOf(data: Uint8Array): number {
  const reader = new WireReader(data);
  let fields = 0;
  while (reader.more()) {
    const tag = reader.tag();
    fields |= 1 << Math.min(31, tag >>> 3);
    reader.skip(tag);
  }
  return fields;
}

const TERM_AND_INDEX = (1 << 2) | (1 << 3);
const TERM_VOTE_COMMIT = (1 << 1) | (1 << 2) | (1 << 3);

/** An entry in a log has a term and an index, and a change of the configuration says which. 3.7 leaves the type of a normal one out. */
function isEntry({type, term, index, data}: Entry, bytes: Uint8Array): boolean {
  if (term === 0 || index === 0) return false;
  if (type !== 'EntryNormal' && data === undefined) return false;
  return (fieldsOf(bytes) & TERM_AND_INDEX) === TERM_AND_INDEX;
}

/** A hard state is three numbers and no more; nobody votes before the first term. */
function isHardState(state: HardState, bytes: Uint8Array): boolean {
  if (state.term === 0 && state.vote !== NO_MEMBER) return false;
  return fieldsOf(bytes) === TERM_VOTE_COMMIT;
}

/** Reads everything behind a snapshot that was saved in it. Throws WalError with file and offset of the record that is wrong. */
export function readContent(decoder: WalDecoder, directory: string, start: WalSnapshot): WalContent {
  let metadata: Uint8Array | undefined;
  let hardState = EMPTY_HARD_STATE;
  const entries: Entry[] = [];
  let lastEntryIndex = 0;
  let isSnapshotFound = false;
  const refuse = (code: WalError['code'], reason: string): WalError => {
    const {file, offset} = decoder.place;
    return new WalError(code, file, offset, reason);
  };
  for (let record = decoder.next(); record !== undefined; record = decoder.next()) {
    const item = understandRecord(decoder, record);
    if (item.kind === 'entry') {
      const {entry} = item;
      lastEntryIndex = entry.index;
      if (entry.index <= start.index) continue;
      const offset = entry.index - start.index - 1;
      if (offset > entries.length)
        throw refuse('slice-out-of-range', `entry ${entry.index} follows ${entries.length} entries`);
      entries.length = offset; // what was not committed and another leader's entry replaced
      entries.push(entry);
    } else if (item.kind === 'state') {
      hardState = item.hardState;
    } else if (item.kind === 'metadata') {
      if (metadata !== undefined && !equalBytes(metadata, item.metadata))
        throw refuse('metadata-conflict', 'segments of two members');
      metadata = item.metadata;
    } else if (item.kind === 'snapshot' && item.snapshot.index === start.index) {
      const {index, term} = item.snapshot;
      if (term !== start.term) throw refuse('snapshot-mismatch', `snapshot ${index} has term ${term}`);
      isSnapshotFound = true;
    }
  }
  const atEnd = (code: WalError['code'], reason: string): WalError =>
    new WalError(code, directory, decoder.lastOffset, reason);
  if (!isSnapshotFound) throw atEnd('snapshot-not-found', `no record of a snapshot at index ${start.index}`);
  if (metadata === undefined) throw atEnd('bad-record', 'no record says whose WAL this is');
  return {start: start.index, metadata, hardState, entries, lastEntryIndex};
}
