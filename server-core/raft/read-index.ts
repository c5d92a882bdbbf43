// server-core/raft/read-index.ts: reads that wait for a quorum to confirm that the leader still leads.
// A read is known by its request's context, which goes round with heartbeats. A quorum's answer to one read confirms all
// that came before it. Thesis 6.4; etcd: read_only.go of v3.6.0 (v3.7.0 counts positions instead of contexts).
import {must} from '../../base/assert.ts';
import type {ByteString} from '../../base/byte-string.ts';
import {fromBytes} from '../../base/byte-string.ts';
import type {MemberId} from '../../base/ids.ts';
import type {Message} from '../raftpb/types.ts';

/** One read: its request, the commit index when it came, and who has confirmed the leader since. */
export interface UnconfirmedRead {
  readonly request: Message;
  readonly index: number;
  readonly acks: Map<MemberId, boolean>;
}

/** The context of a ReadIndex request; undefined where it has none. */
export function requestContextOf(request: Message): Uint8Array | undefined {
  return request.entries[0]?.data;
}

const keyOf = (context: Uint8Array | undefined): ByteString => (context === undefined ? '' : fromBytes(context));

/** The reads of one leadership, in the order of their coming; dropped with it. */
export class UnconfirmedReads {
  /** A Map keeps the order of insertion, which is the order of coming. */
  private readonly reads = new Map<ByteString, UnconfirmedRead>();
  private lastContext: Uint8Array | undefined;

  /** Adds a read at this commit index; one with the same context as another is passed over. */
  add(index: number, request: Message): void {
    const context = requestContextOf(request);
    const key = keyOf(context);
    if (this.reads.has(key)) return;
    this.reads.set(key, {request, index, acks: new Map<MemberId, boolean>()});
    this.lastContext = context;
  }

  /** A member confirmed the read with this context; all who did, or undefined if there is no such read. */
  acknowledge(from: MemberId, context: Uint8Array | undefined): ReadonlyMap<MemberId, boolean> | undefined {
    const read = this.reads.get(keyOf(context));
    read?.acks.set(from, true);
    return read?.acks;
  }

  /** Takes out the read with this context and all that came before it. */
  takeConfirmed(context: Uint8Array | undefined): UnconfirmedRead[] {
    const last = keyOf(context);
    const confirmed: UnconfirmedRead[] = [];
    if (!this.reads.has(last)) return confirmed;
    for (const key of [...this.reads.keys()]) {
      confirmed.push(must(this.reads.get(key), 'cannot find corresponding read state from pending map'));
      this.reads.delete(key);
      if (key === last) break;
    }
    if (this.reads.size === 0) this.lastContext = undefined;
    return confirmed;
  }

  /** The context that confirms them all; undefined when nobody waits. */
  latestContext(): Uint8Array | undefined {
    return this.lastContext;
  }
}
