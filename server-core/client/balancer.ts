// server-core/client/balancer.ts: which of the ready servers gets the next call. gRPC: round_robin; etcd 3.3, 3.4: clientv3/balancer.
// Every endpoint is dialled at once. Whenever the set of ready ones is another, a new picker begins at a random place of a random
// order: in both balancers the order comes out of a Go map.
import type {Env} from '../../env/env.ts';
import {Signal} from '../../env/fiber.ts';
import type {KeepAliveOptions} from './endpoint.ts';
import {Endpoint} from './endpoint.ts';

export class Balancer {
  private readonly env: Env;
  private readonly keepAlive: KeepAliveOptions | undefined;
  private endpoints: Endpoint[] = [];
  private isStarted = false;
  private order: Endpoint[] = [];
  private generations: number[] = [];
  private next = 0;
  /** Notified whenever an endpoint's state is another. */
  readonly changed = new Signal();

  constructor(env: Env, keepAlive: KeepAliveOptions | undefined) {
    this.env = env;
    this.keepAlive = keepAlive;
  }

  get addresses(): string[] {
    return this.endpoints.map(({address}) => address);
  }

  /** Connects to new addresses; those left out take no new calls. */
  setAddresses(addresses: readonly string[]): void {
    const kept = new Map(this.endpoints.map((endpoint) => [endpoint.address, endpoint]));
    const wanted = new Set(addresses);
    for (const endpoint of this.endpoints) if (!wanted.has(endpoint.address)) endpoint.remove();
    this.endpoints = [...wanted].map((address) => kept.get(address) ?? this.dial(address));
    this.changed.notify();
  }

  /** Begins to connect. */
  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    for (const endpoint of this.endpoints) this.spawn(endpoint);
  }

  /** Ends all connections and what is open on them. */
  close(): void {
    for (const endpoint of this.endpoints) endpoint.close();
  }

  /** The ready endpoint whose turn it is. */
  pick(): Endpoint | undefined {
    if (this.hasChanged()) this.newPicker();
    const {order} = this;
    if (order.length === 0) return undefined;
    const picked = order[this.next];
    this.next = (this.next + 1) % order.length;
    return picked;
  }

  /** That endpoint, if it is ready. */
  at(address: string): Endpoint | undefined {
    return this.endpoints.find((endpoint) => endpoint.address === address && endpoint.state === 'ready');
  }

  private hasChanged(): boolean {
    const {order, generations} = this;
    let readyCount = 0;
    for (const endpoint of this.endpoints) if (endpoint.state === 'ready') readyCount++;
    if (readyCount !== order.length) return true;
    for (let i = 0; i < order.length; i++) {
      const endpoint = order[i];
      if (endpoint?.state !== 'ready' || endpoint.generation !== generations[i]) return true;
    }
    return false;
  }

  private newPicker(): void {
    this.order = this.env.random.shuffle(this.endpoints.filter(({state}) => state === 'ready'));
    this.generations = this.order.map(({generation}) => generation);
    this.next = 0;
  }

  private dial(address: string): Endpoint {
    const endpoint = new Endpoint(this.env, address, this.changed, this.keepAlive);
    if (this.isStarted) this.spawn(endpoint);
    return endpoint;
  }

  private spawn(endpoint: Endpoint): void {
    this.env.spawn(`endpoint ${endpoint.address}`, endpoint.run());
  }
}
