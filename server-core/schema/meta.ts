// server-core/schema/meta.ts: the keys of the backend's bucket meta that tell where its content stands.
// etcd: schema/cindex.go, confstate.go, schema.go (mvcc/buckets, cindex before 3.6).
import {fromBytes, toBytes} from '../../base/byte-string.ts';
import {WireError} from '../../base/wire.ts';
import type {BatchTx} from '../backend/types.ts';
import type {ConfState} from '../raftpb/types.ts';

const INDEX_KEY = 'consistent_index';
const TERM_KEY = 'term';
const CONF_STATE_KEY = 'confState';
const STORAGE_VERSION_KEY = 'storageVersion';

/** Up to which entry the backend holds everything; 0 where it was never written. Throws WireError for a broken value. */
export function readConsistentIndex(batch: BatchTx): number {
  return readBigEndian(batch.get('meta', INDEX_KEY));
}

/** The term of that entry; 0 where it was never written. */
export function readTerm(batch: BatchTx): number {
  return readBigEndian(batch.get('meta', TERM_KEY));
}

export function hasConfState(batch: BatchTx): boolean {
  return batch.get('meta', CONF_STATE_KEY) !== undefined;
}

/** `3.6.0`; undefined in a store of 3.5 or older. */
export function readStorageVersion(batch: BatchTx): string | undefined {
  const value = batch.get('meta', STORAGE_VERSION_KEY);
  return value === undefined ? undefined : fromBytes(value);
}

export function writeStorageVersion(batch: BatchTx, version: string | undefined): void {
  if (version === undefined) batch.delete('meta', STORAGE_VERSION_KEY);
  else batch.put('meta', STORAGE_VERSION_KEY, toBytes(version));
}

export function writeConsistentIndex(batch: BatchTx, index: number): void {
  batch.put('meta', INDEX_KEY, bigEndian(index));
}

export function writeTerm(batch: BatchTx, term: number): void {
  batch.put('meta', TERM_KEY, bigEndian(term));
}

export function writeConfState(batch: BatchTx, state: ConfState): void {
  batch.put('meta', CONF_STATE_KEY, confStateJson(state));
}

function bigEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(value / 0x1_0000_0000));
  view.setUint32(4, value >>> 0);
  return bytes;
}

function readBigEndian(bytes: Uint8Array | undefined): number {
  if (bytes === undefined) return 0;
  if (bytes.length !== 8) throw new WireError('a stored index has not 8 bytes', 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return view.getUint32(0) * 0x1_0000_0000 + view.getUint32(4);
}

/** json.Marshal of raftpb.ConfState, whose ids are numbers beyond 2^53. */
function confStateJson({voters, learners, votersOutgoing, learnersNext, autoLeave}: ConfState): Uint8Array {
  const fields: string[] = [];
  const list = (name: string, ids: readonly string[]) => {
    if (ids.length > 0) fields.push(`"${name}":[${ids.map((id) => BigInt(`0x${id}`).toString()).join(',')}]`);
  };
  list('voters', voters);
  list('learners', learners);
  list('voters_outgoing', votersOutgoing);
  list('learners_next', learnersNext);
  fields.push(`"auto_leave":${autoLeave}`);
  return new TextEncoder().encode(`{${fields.join(',')}}`);
}
