// server-core/raft/entries.ts: sizes and cuts of runs of entries, as raft's limits count them.
import {entrySize} from '../raftpb/codec.ts';
import type {Entry} from '../raftpb/types.ts';
import {NO_ENTRIES} from '../raftpb/types.ts';
import {NO_LIMIT} from './types.ts';

/** Bytes of the entries in their encoded form. raft.entsSize. */
export function entriesSize(entries: readonly Entry[]): number {
  let size = 0;
  for (let i = 0; i < entries.length; i++) size += entrySize(entries[i] as Entry);
  return size;
}

/** Bytes of payload; an entry without data is free. raft.payloadsSize. */
export function payloadsSize(entries: readonly Entry[]): number {
  let size = 0;
  for (let i = 0; i < entries.length; i++) size += (entries[i] as Entry).data?.length ?? 0;
  return size;
}

/**
 * A copy of places from (included) to to (not included), cut before the entry that would make it larger than sizeMax
 * bytes, but never before the first. raft.limitSize.
 */
export function sliceLimited(entries: readonly Entry[], from: number, to: number, sizeMax: number): readonly Entry[] {
  if (from >= to) return NO_ENTRIES;
  if (sizeMax >= NO_LIMIT) return entries.slice(from, to);
  let size = entrySize(entries[from] as Entry);
  let end = from + 1;
  while (end < to) {
    size += entrySize(entries[end] as Entry);
    if (size > sizeMax) break;
    end++;
  }
  return entries.slice(from, end);
}
