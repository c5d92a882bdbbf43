// server-core/raft/inflights.ts: the appends under way to one follower, a window limited in messages and bytes.
// The byte limit is soft: the message that crosses it still goes out. etcd: tracker.Inflights.
import {assert} from '../../base/assert.ts';

const RING_SIZE_FIRST = 4;

/** A ring of (last index, bytes) of messages sent and not yet acknowledged, oldest first. */
export class Inflights {
  readonly countMax: number;
  readonly bytesMax: number;
  private start = 0;
  private used = 0;
  private bytes = 0;
  private indexes: number[] = [];
  private sizes: number[] = [];

  /** `bytesMax` 0 means no limit in bytes. */
  constructor(countMax: number, bytesMax: number) {
    this.countMax = countMax;
    this.bytesMax = bytesMax;
  }

  /** Messages under way. */
  get count(): number {
    return this.used;
  }

  /** May no more messages be sent? */
  full(): boolean {
    return this.used === this.countMax || (this.bytesMax !== 0 && this.bytes >= this.bytesMax);
  }

  /** Notes a message whose last entry is `index`; indexes must not fall, and the window must not be full. */
  add(index: number, bytes: number): void {
    assert(!this.full(), 'cannot add into a Full inflights');
    if (this.used === this.indexes.length) this.grow();
    const at = (this.start + this.used) & (this.indexes.length - 1);
    this.indexes[at] = index;
    this.sizes[at] = bytes;
    this.used++;
    this.bytes += bytes;
  }

  /** Forgets the messages up to `index`: the follower has acknowledged it. */
  freeUpTo(index: number): void {
    const mask = this.indexes.length - 1;
    while (this.used > 0 && (this.indexes[this.start] as number) <= index) {
      this.bytes -= this.sizes[this.start] as number;
      this.start = (this.start + 1) & mask;
      this.used--;
    }
  }

  /** Forgets all messages. */
  reset(): void {
    this.start = 0;
    this.used = 0;
    this.bytes = 0;
  }

  /** Doubles the ring, a power of two, unrolling what it holds to its front. */
  private grow(): void {
    const size = this.indexes.length === 0 ? RING_SIZE_FIRST : this.indexes.length * 2;
    const indexes = new Array<number>(size).fill(0);
    const sizes = new Array<number>(size).fill(0);
    for (let i = 0; i < this.used; i++) {
      const at = (this.start + i) & (this.indexes.length - 1);
      indexes[i] = this.indexes[at] as number;
      sizes[i] = this.sizes[at] as number;
    }
    this.indexes = indexes;
    this.sizes = sizes;
    this.start = 0;
  }
}
