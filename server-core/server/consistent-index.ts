// server-core/server/consistent-index.ts: up to which entry the backend holds everything. etcd: cindex, schema/cindex.go.
// Written into bucket meta by the backend's pre-commit hook, so that it is durable together with what it speaks of.
import {WireError} from '../../base/wire.ts';
import type {BatchTx} from '../backend/types.ts';
import type {ConfState} from '../raftpb/types.ts';

const INDEX_KEY = 'consistent_index';
const TERM_KEY = 'term';
const CONF_STATE_KEY = 'confState';

export class ConsistentIndex {
  index = 0;
  term = 0;
  /** Set once a membership change was applied in this life. */
  confState: ConfState | undefined;

  /** Reads what the backend holds. */
  static load(batch: BatchTx): ConsistentIndex {
    const loaded = new ConsistentIndex();
    loaded.index = readBigEndian(batch.get('meta', INDEX_KEY));
    loaded.term = readBigEndian(batch.get('meta', TERM_KEY));
    return loaded;
  }

  /** An entry was applied. */
  advance(index: number, term: number): void {
    this.index = index;
    this.term = term;
  }

  /** The pre-commit hook. backend hooks: OnPreCommitUnsafe. */
  save(batch: BatchTx): void {
    if (this.index === 0) return;
    batch.put('meta', INDEX_KEY, bigEndian(this.index));
    if (this.term > 0) batch.put('meta', TERM_KEY, bigEndian(this.term));
    if (this.confState !== undefined) batch.put('meta', CONF_STATE_KEY, encodeConfStateJson(this.confState));
  }
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

/** json.Marshal of raftpb.ConfState, whose ids are numbers beyond 2^53: schema/confstate.go. */
function encodeConfStateJson({voters, learners, votersOutgoing, learnersNext, autoLeave}: ConfState): Uint8Array {
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
