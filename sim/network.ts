// sim/network.ts: the network of a world: hosts, listeners, connections, cuts.
// Modelled: TCP as a server sees it (connections, refusal, resets, silence), links with latency, loss and bandwidth, cuts in one or both
// directions that hold frames back, clogs that let go in one burst, half-open connections after a power cut.
// Not modelled: packets, congestion control, IP addresses; a connection keeps its link for life.
// Promise: what arrives, when, and in which order is a pure function of the random stream and of the calls in their order.
import {assert, must} from '../base/assert.ts';
import type {Random} from '../base/random.ts';
import type {Fiber} from '../env/fiber.ts';
import {until} from '../env/fiber.ts';
import type {Connection, Frame, Listener, Network} from '../env/network.ts';
import {NetworkError} from '../env/network.ts';
import {Channel} from '../env/sync.ts';
import type {Kernel} from './kernel.ts';
import type {LinkOptions, LinkTrouble} from './link.ts';
import {Link, qualifyLink} from './link.ts';
import {Side} from './network-connection.ts';
import type {Process, ProcessEnd} from './process.ts';
import {atVirtualTime} from './process.ts';
import type {TraceRecorder} from './trace.ts';

export interface SimNetworkOptions {
  readonly kernel: Kernel;
  readonly random: Random;
  readonly trace: TraceRecorder;
  readonly link?: Partial<LinkOptions>;
  /** Bytes under way or unread before a sender waits. */
  readonly sendBufferBytes?: number;
  /** How long a connection outlives a cut while it has something to send (TCP_USER_TIMEOUT, tcp_retries2). */
  readonly holdUsMax?: number;
}

/** Ends what was begun. Doing so twice does nothing. */
export interface NetworkHandle {
  lift(): void;
}

/** One direction from a host to another, by name. */
export type Direction = readonly [from: string, to: string];

interface Host {
  readonly name: string;
  readonly index: number;
  isUp: boolean;
  readonly listeners: Map<number, {readonly process: Process; readonly queue: Channel<Connection>}>;
}

/** How long it takes to learn that there is no such host. */
const UNKNOWN_HOST_US = 200;
/** SYN comes again after one second, then two, four, … */
const SYN_RETRY_US = 1_000_000;
const BACKLOG = 4096;

export class SimNetwork {
  readonly kernel: Kernel;
  readonly trace: TraceRecorder;
  readonly sendBufferBytes: number;
  readonly holdUsMax: number;
  /** Sides whose inbound frames a cut holds back. */
  readonly held = new Set<Side>();
  private readonly random: Random;
  private readonly linkOptions: LinkOptions;
  private readonly hosts = new Map<string, Host>();
  private readonly links = new Map<string, Link>();
  /** Addresses that stand for another one: real clusters share one host and differ by port. */
  private readonly aliases = new Map<string, string>();
  /** Open sides, by the host they are on. */
  private readonly sides = new Map<string, Set<Side>>();
  // How many cuts and clogs lie on each direction: [from * hostCount + to].
  private blocked = new Int32Array(0);
  private portCount = 0;

  constructor({kernel, random, trace, link, sendBufferBytes = 2_500_000, holdUsMax = 900_000_000}: SimNetworkOptions) {
    this.kernel = kernel;
    this.random = random;
    this.trace = trace;
    this.linkOptions = qualifyLink(link);
    this.sendBufferBytes = sendBufferBytes;
    this.holdUsMax = holdUsMax;
  }

  /** A host that is off until a process is attached to it. */
  addHost(name: string): void {
    assert(!this.hosts.has(name), 'two hosts of one name', {name});
    const before = this.hosts.size;
    const blocked = new Int32Array((before + 1) ** 2);
    for (let from = 0; from < before; from++) {
      for (let to = 0; to < before; to++) blocked[from * (before + 1) + to] = this.blocked[from * before + to] ?? 0;
    }
    this.blocked = blocked;
    this.hosts.set(name, {name, index: before, isUp: false, listeners: new Map()});
    this.sides.set(name, new Set());
  }

  /** From now on `address` is another name of `target`, both 'host:port'. */
  alias(address: string, target: string): void {
    this.aliases.set(address, target);
  }

  /** The network as one process sees it; its host is up from now on, and says so to whoever still believes in old connections. */
  attach(host: string, process: Process): Network {
    const here = this.host(host);
    here.isUp = true;
    return {
      host,
      listen: (port) => this.listen(here, process, port),
      dial: (address, timeoutUs) => this.dial(here, process, address, timeoutUs),
    };
  }

  /** Kill and panic: the kernel resets what was open; stop: it closes; power-off: silence, and the host is down. */
  processEnded(name: string, process: Process, how: ProcessEnd['how']): void {
    const host = this.host(name);
    for (const [port, listener] of host.listeners) {
      if (listener.process !== process) continue;
      listener.queue.close();
      host.listeners.delete(port);
    }
    if (how === 'power-off') host.isUp = false;
    for (const side of [...(this.sides.get(name) ?? [])]) {
      if (side.process !== process) continue;
      this.sides.get(name)?.delete(side);
      side.abandon(how === 'power-off' ? 'silence' : how === 'stop' ? 'fin' : this.drawAbandon());
    }
  }

  /** Unread data makes the kernel reset at once; otherwise what was sent arrives first. */
  private drawAbandon(): 'reset' | 'reset-behind-data' {
    return this.random.below(2) === 0 ? 'reset' : 'reset-behind-data';
  }

  /** The power of a host fails while nothing runs there. */
  hostDown(name: string): void {
    this.host(name).isUp = false;
  }

  /** Nothing passes in these directions until it is lifted; frames wait and are sent again afterwards. */
  cut(directions: readonly Direction[]): NetworkHandle {
    return this.block(directions, false);
  }

  /** Frames in these directions pile up and arrive in one burst when it is lifted. */
  clog(directions: readonly Direction[]): NetworkHandle {
    return this.block(directions, true);
  }

  private block(directions: readonly Direction[], isBurst: boolean): NetworkHandle {
    const places = directions.map(([from, to]) => this.host(from).index * this.hosts.size + this.host(to).index);
    const hostCount = this.hosts.size;
    for (const place of places) this.blocked[place] = (this.blocked[place] ?? 0) + 1;
    let isLifted = false;
    const lift = () => {
      if (isLifted) return;
      isLifted = true;
      assert(hostCount === this.hosts.size, 'hosts were added during a cut');
      for (const place of places) this.blocked[place] = (this.blocked[place] ?? 1) - 1;
      for (const side of [...this.held]) side.release(isBurst);
    };
    return {lift};
  }

  /** Makes these directions slower and lossy until it is lifted. */
  trouble(directions: readonly Direction[], trouble: LinkTrouble): NetworkHandle {
    const links = directions.map(([from, to]) => this.link(this.host(from), this.host(to)));
    const own = {...trouble};
    for (const link of links) link.addTrouble(own);
    return {
      lift: () => {
        for (const link of links) link.removeTrouble(own);
      },
    };
  }

  /** Every connection of a host is reset, as a firewall does when it forgets its state. */
  resetAll(host: string): void {
    for (const side of [...(this.sides.get(host) ?? [])]) {
      const {peer} = side;
      side.reset();
      peer.reset();
    }
  }

  isBlocked({from, to}: Link): boolean {
    return from !== to && (this.blocked[from * this.hosts.size + to] ?? 0) > 0;
  }

  /** A frame reached a connection that ended with its machine: if the host is up again, it says that it knows no such connection. */
  meetGhost(side: Side): void {
    const [host = ''] = side.localAddress.split(':');
    if (!this.host(host).isUp) return;
    this.trace.mark('network: half-open connection found');
    side.peer.refuseGhost();
  }

  /** A side has ended. */
  forget(side: Side): void {
    this.held.delete(side);
    const [host = ''] = side.localAddress.split(':');
    this.sides.get(host)?.delete(side);
  }

  tellFrame(verb: 'send' | 'arrive', side: Side, frame: Frame): void {
    const {kind, message} = frame.payload as {readonly kind?: string; readonly message?: {readonly type?: string}};
    const [from, to] =
      verb === 'send' ? [side.localAddress, side.remoteAddress] : [side.remoteAddress, side.localAddress];
    this.trace.event('net', `${verb} ${from}>${to} ${frame.sizeBytes}B ${message?.type ?? kind ?? ''}`);
  }

  private listen(host: Host, process: Process, port: number): Listener {
    if (host.listeners.has(port)) throw new NetworkError('address-in-use', `${host.name}:${port}`);
    const queue = new Channel<Connection>(BACKLOG);
    host.listeners.set(port, {process, queue});
    return {
      address: `${host.name}:${port}`,
      accept: queue.receive,
      close: () => {
        host.listeners.delete(port);
        queue.close();
      },
    };
  }

  private *dial(from: Host, process: Process, address: string, timeoutUs: number): Fiber<Connection> {
    const {kernel} = this;
    const [name = '', port = ''] = (this.aliases.get(address) ?? address).split(':');
    const to = this.hosts.get(name);
    if (to === undefined) {
      // Nobody has that name: the resolver, or a host that listens to nothing, says so at once.
      yield* this.sleep(UNKNOWN_HOST_US);
      throw new NetworkError('refused', `${address}: no such host`);
    }
    const [there, back] = [this.link(from, to), this.link(to, from)];
    const deadlineUs = kernel.nowUs + timeoutUs;
    const delay = (link: Link) => link.drawDelayUs(60, () => this.trace.mark('network: frame retransmitted'));
    for (let retryUs = SYN_RETRY_US; ; retryUs *= 2) {
      const startedUs = kernel.nowUs;
      yield* this.sleep(delay(there));
      if (to.isUp && !this.isBlocked(there) && !this.isBlocked(back)) {
        const listener = to.listeners.get(Number(port));
        if (listener === undefined) {
          yield* this.sleep(delay(back));
          this.trace.mark('network: dial refused');
          throw new NetworkError('refused', address);
        }
        const side = this.open(from, to, process, listener.process, address);
        listener.queue.trySend(side.peer);
        yield* this.sleep(delay(back));
        return side;
      }
      const againUs = startedUs + retryUs;
      if (againUs >= deadlineUs) {
        yield* this.sleep(Math.max(0, deadlineUs - kernel.nowUs));
        this.trace.mark('network: dial timed out');
        throw new NetworkError('timeout', address);
      }
      yield* this.sleep(Math.max(0, againUs - kernel.nowUs));
    }
  }

  private open(from: Host, to: Host, dialler: Process, server: Process, address: string): Side {
    const local = `${from.name}:${40_000 + ++this.portCount}`;
    const near = new Side(this, dialler, this.link(to, from), local, address);
    const far = new Side(this, server, this.link(from, to), address, local);
    near.connect(far);
    far.connect(near);
    this.sides.get(from.name)?.add(near);
    this.sides.get(to.name)?.add(far);
    this.trace.event('net', `open ${local}>${address}`);
    return near;
  }

  private *sleep(delayUs: number): Fiber<void> {
    yield* until(atVirtualTime(this.kernel, this.kernel.nowUs + delayUs));
  }

  private link(from: Host, to: Host): Link {
    const name = `${from.name}>${to.name}`;
    let link = this.links.get(name);
    if (link === undefined) {
      link = new Link(from.index, to.index, this.random.stream(name), this.linkOptions);
      this.links.set(name, link);
    }
    return link;
  }

  private host(name: string): Host {
    return must(this.hosts.get(name), 'no host of that name', {name});
  }
}
