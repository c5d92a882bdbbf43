// sim/network-connection.ts: one TCP-like connection: two sides, and a pipe of frames in each direction.
// Frames arrive in order and once. A cut holds them back; they go on when it heals, or the connection dies of it. A reset overtakes what
// is under way and drops it. Bytes that the reader has not taken count against the sender's buffer.
import {assert} from '../base/assert.ts';
import type {Fiber, Task, Waitable} from '../env/fiber.ts';
import {Signal} from '../env/fiber.ts';
import type {Connection, Frame} from '../env/network.ts';
import {NetworkError} from '../env/network.ts';
import type {KernelEvent} from './kernel.ts';
import type {Link} from './link.ts';
import type {SimNetwork} from './network.ts';
import type {Process} from './process.ts';

/** What travels: a frame, or the end of the connection. */
type Item = Frame | 'fin' | 'reset';

/** Arguments of a pipe's kernel event. */
const ARRIVE = 0;
const HOLD_EXPIRES = 1;

export class Side implements Connection, KernelEvent {
  readonly traceId: number;
  readonly localAddress: string;
  readonly remoteAddress: string;
  readonly receive: Waitable<Frame | undefined>;
  readonly ended: Waitable<void>;
  ending: 'closed' | 'reset' | undefined;
  readonly process: Process;
  /** The machine lost its power: nobody is here, and nobody was told. */
  isGhost = false;
  private readonly network: SimNetwork;
  /** The link over which this side receives. */
  private readonly inbound: Link;
  private other_: Side | undefined;

  // What is under way to this side, and what has arrived and waits to be taken.
  private underWay: {readonly item: Item; readonly dueUs: number}[] = [];
  private lastDueUs = 0;
  private heldSinceUs: number | undefined;
  private arrived: Frame[] = [];
  private arrivedHead = 0;
  private unreadBytes = 0;
  private readonly arrivals = new Signal();
  private readonly room = new Signal();

  constructor(network: SimNetwork, process: Process, inbound: Link, localAddress: string, remoteAddress: string) {
    this.network = network;
    this.process = process;
    this.inbound = inbound;
    this.localAddress = localAddress;
    this.remoteAddress = remoteAddress;
    this.traceId = network.kernel.nextTraceId();
    this.receive = {
      ready: () => this.hasArrived || this.ending !== undefined,
      take: () => this.take(),
      park: (task: Task) => this.arrivals.park(task),
    };
    this.ended = {
      ready: () => this.ending !== undefined,
      take: () => undefined,
      park: (task: Task) => this.arrivals.park(task),
    };
  }

  connect(other: Side): void {
    this.other_ = other;
  }

  private get other(): Side {
    assert(this.other_ !== undefined, 'half a connection is used');
    return this.other_;
  }

  private get hasArrived(): boolean {
    return this.arrivedHead < this.arrived.length;
  }

  *send(frame: Frame): Fiber<void> {
    while (!this.trySend(frame)) yield this.other.room;
  }

  trySend(frame: Frame): boolean {
    if (this.ending !== undefined) throw new NetworkError(this.ending, `${this.localAddress} > ${this.remoteAddress}`);
    const {other, network} = this;
    if (other.unreadBytes > 0 && other.unreadBytes + frame.sizeBytes > network.sendBufferBytes) {
      network.trace.mark('network: send buffer full');
      return false;
    }
    other.unreadBytes += frame.sizeBytes;
    other.expect(frame, frame.sizeBytes);
    if (network.trace.enabled) network.tellFrame('send', this, frame);
    return true;
  }

  close(): void {
    if (this.ending !== undefined) return;
    this.end('closed');
    this.other.expect('fin', 0);
  }

  reset(): void {
    if (this.ending !== undefined) return;
    this.end('reset');
    this.other.expectReset();
  }

  /** The process is gone; its kernel says so to the other side, or (power cut) nobody does. */
  abandon(how: 'fin' | 'reset-behind-data' | 'reset' | 'silence'): void {
    if (this.ending !== undefined && how !== 'silence') return;
    const wasOpen = this.ending === undefined;
    this.ending = 'reset';
    this.underWay = [];
    if (how === 'silence') this.isGhost = true;
    else if (how === 'reset') this.other.expectReset();
    else if (wasOpen) this.other.expect(how === 'fin' ? 'fin' : 'reset', 0);
  }

  /** Something is on its way to this side. */
  private expect(item: Item, sizeBytes: number): void {
    const {kernel, trace} = this.network;
    const delayUs = this.inbound.drawDelayUs(sizeBytes, () => trace.mark('network: frame retransmitted'));
    const dueUs = Math.max(this.lastDueUs, kernel.nowUs + delayUs);
    this.lastDueUs = dueUs;
    this.underWay.push({item, dueUs});
    kernel.at(dueUs, this, ARRIVE);
  }

  /** A reset overtakes data; behind a cut it waits like everything else. */
  private expectReset(): void {
    this.underWay = [];
    this.lastDueUs = this.network.kernel.nowUs;
    this.expect('reset', 0);
  }

  fire(argument: number): void {
    if (argument === HOLD_EXPIRES) return this.expireHold();
    if (this.underWay.length === 0) return;
    if (this.network.isBlocked(this.inbound)) return this.hold();
    if (this.heldSinceUs !== undefined) return; // goes on when the network releases it
    this.arrive();
  }

  private hold(): void {
    if (this.heldSinceUs !== undefined) return;
    const {kernel, trace, holdUsMax} = this.network;
    trace.mark('network: frame held by a cut');
    this.heldSinceUs = kernel.nowUs;
    this.network.held.add(this);
    kernel.at(kernel.nowUs + holdUsMax, this, HOLD_EXPIRES);
  }

  /** The sender's TCP gives up: it learns of it, this side does not. */
  private expireHold(): void {
    const {kernel, holdUsMax, trace} = this.network;
    if (this.heldSinceUs === undefined || kernel.nowUs - this.heldSinceUs < holdUsMax) return;
    trace.mark('network: connection died of a cut');
    this.network.held.delete(this);
    this.underWay = [];
    this.other.end('reset');
  }

  /** The cut is gone: what it held goes on, after a retransmission timeout unless it only piled up. */
  release(isBurst: boolean): void {
    if (this.heldSinceUs === undefined || this.network.isBlocked(this.inbound)) return;
    this.heldSinceUs = undefined;
    this.network.held.delete(this);
    const {kernel} = this.network;
    const atUs = kernel.nowUs + (isBurst ? 1 : this.inbound.drawRetransmitUs());
    this.lastDueUs = Math.max(this.lastDueUs, atUs);
    this.underWay = this.underWay.map(({item, dueUs}) => ({item, dueUs: Math.max(dueUs, atUs)}));
    kernel.at(atUs, this, ARRIVE);
  }

  private arrive(): void {
    const {nowUs} = this.network.kernel;
    let count = 0;
    for (; count < this.underWay.length; count++) {
      const next = this.underWay[count];
      if (next === undefined || next.dueUs > nowUs) break;
      this.accept(next.item);
    }
    if (count === this.underWay.length) this.underWay = [];
    else if (count > 0) this.underWay.splice(0, count);
    if (count > 0) this.arrivals.notify();
  }

  private accept(item: Item): void {
    if (this.isGhost) return this.network.meetGhost(this);
    if (this.ending !== undefined) return;
    if (item === 'fin') this.end('closed');
    else if (item === 'reset') {
      this.arrived.length = this.arrivedHead; // what was not read is gone with a reset
      this.end('reset');
    } else {
      this.arrived.push(item);
      if (this.network.trace.enabled) this.network.tellFrame('arrive', this, item);
    }
  }

  /** The other side's host answers that it knows no such connection. */
  refuseGhost(): void {
    this.expectReset();
  }

  get peer(): Side {
    return this.other;
  }

  private end(how: 'closed' | 'reset'): void {
    if (this.ending !== undefined) return;
    this.ending = how;
    if (how === 'reset') this.network.trace.mark('network: connection reset');
    this.network.forget(this);
    this.arrivals.notify();
    this.other.room.notify();
    this.room.notify();
  }

  private take(): Frame | undefined {
    if (!this.hasArrived) return undefined;
    const frame = this.arrived[this.arrivedHead++] as Frame;
    if (this.arrivedHead === this.arrived.length) {
      this.arrived = [];
      this.arrivedHead = 0;
    }
    this.unreadBytes -= frame.sizeBytes;
    this.room.notify();
    return frame;
  }
}
