// server-core/client/watcher.ts: watches of a client. Watches with the same metadata share one stream. etcd: client/v3 watch.go.
import type {Client} from './client.ts';
import {WatchConnection} from './watch-connection.ts';
import type {WatchEvent, WatchHandle, WatchOptions} from './watch-subscription.ts';
import {WatchSubscription} from './watch-subscription.ts';

export type {WatchEnd, WatchEvent, WatchHandle, WatchOptions} from './watch-subscription.ts';

export class Watcher {
  private readonly client: Client;
  /** By whether a leader is required: the metadata that a watch's user can choose here. */
  private readonly connections = new Map<boolean, WatchConnection>();

  constructor(client: Client) {
    this.client = client;
  }

  /** Begins a watch; it goes on over broken connections until it ends or is cancelled. */
  watch(options: WatchOptions): WatchHandle {
    const subscription = new WatchSubscription(options, this.client.behaviours);
    const connection = this.connection(options.requiresLeader ?? false);
    connection.add(subscription);
    return {receive: subscription.receive, cancel: () => connection.cancel(subscription)};
  }

  /** Asks the server to tell all watches of one kind how far they are. */
  requestProgress(requiresLeader = false): void {
    this.connection(requiresLeader).requestProgress();
  }

  /** Ends all watches. */
  close(): void {
    for (const connection of [...this.connections.values()]) connection.close();
  }

  private connection(requiresLeader: boolean): WatchConnection {
    const known = this.connections.get(requiresLeader);
    if (known !== undefined) return known;
    const made = new WatchConnection(this.client, requiresLeader, () => this.connections.delete(requiresLeader));
    this.connections.set(requiresLeader, made);
    this.client.env.spawn('watch stream', made.run());
    return made;
  }
}

/** Tells the end of a watch from the rest. */
export const isEnd = (event: WatchEvent): event is Extract<WatchEvent, {kind: 'ended'}> => event.kind === 'ended';
