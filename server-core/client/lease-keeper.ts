// server-core/client/lease-keeper.ts: one lease that is kept alive, and those who want to hear of it. etcd: client/v3 lease.go
// (keepAlive). Several users of one lease share its keep-alives; each has a buffer of its own.
import {must} from '../../base/assert.ts';
import type {LeaseId} from '../../base/ids.ts';
import type {Waitable} from '../../env/fiber.ts';
import {Signal} from '../../env/fiber.ts';
import type {LeaseKeepAliveResponse} from '../etcdserverpb/lease-messages.ts';

/** Answers that a listener may leave unread; more are dropped. LeaseResponseChSize. */
const BUFFER_MAX = 16;
const SECOND_US = 1_000_000;
/** A lease is renewed when a third of its time has passed. */
const RENEWALS_PER_TTL = 3;

/**
 * Why a lease is kept alive no more. cancelled: the user gave up. expired: a server said that the lease is gone. silent: no
 * answer came before the lease's end. no-leader: its user required one. closed: the client is closed.
 */
export type KeepAliveEnd = 'cancelled' | 'expired' | 'silent' | 'no-leader' | 'closed';

export type KeepAliveEvent =
  | {readonly kind: 'alive'; readonly response: LeaseKeepAliveResponse}
  /** The last one. */
  | {readonly kind: 'ended'; readonly reason: KeepAliveEnd};

/** A lease that is kept alive, in its user's hands. */
export interface KeepAliveHandle {
  /** Ready with what comes next; behind the end it is ready with the end for ever. */
  readonly receive: Waitable<KeepAliveEvent>;
  cancel(): void;
}

export class KeepAliveListener {
  readonly requiresLeader: boolean;
  private readonly queue: LeaseKeepAliveResponse[] = [];
  private reason: KeepAliveEnd | undefined;
  private readonly changed = new Signal();

  constructor(requiresLeader: boolean) {
    this.requiresLeader = requiresLeader;
  }

  readonly receive: Waitable<KeepAliveEvent> = {
    ready: () => this.queue.length > 0 || this.reason !== undefined,
    take: () => {
      const response = this.queue.shift();
      if (response !== undefined) return {kind: 'alive', response};
      return {kind: 'ended', reason: must(this.reason, 'nothing to take')};
    },
    park: (task) => this.changed.park(task),
  };

  /** False: its buffer is full and the answer is dropped. */
  tell(response: LeaseKeepAliveResponse): boolean {
    if (this.queue.length >= BUFFER_MAX) return false;
    this.queue.push(response);
    this.changed.notify();
    return true;
  }

  end(reason: KeepAliveEnd): void {
    this.reason ??= reason;
    this.changed.notify();
  }
}

export class LeaseKeeper {
  readonly id: LeaseId;
  private listeners: KeepAliveListener[] = [];
  private deadlineUs: number;
  private nextRenewalUs: number;

  /** Times are monotonic microseconds; the first deadline is a guess, as the TTL is not known yet. */
  constructor(id: LeaseId, nowUs: number, firstTimeoutUs: number) {
    this.id = id;
    this.deadlineUs = nowUs + firstTimeoutUs;
    this.nextRenewalUs = nowUs;
  }

  add(listener: KeepAliveListener): void {
    this.listeners.push(listener);
  }

  /** True: nobody listens any more. */
  remove(listener: KeepAliveListener): boolean {
    this.listeners = this.listeners.filter((other) => other !== listener);
    return this.listeners.length === 0;
  }

  isDue(nowUs: number): boolean {
    return this.nextRenewalUs < nowUs;
  }

  isSilent(nowUs: number): boolean {
    return this.deadlineUs < nowUs;
  }

  /** The server renewed the lease. Counts the answers dropped. A lease without listeners is due at once again, as in etcd. */
  renewed(response: LeaseKeepAliveResponse, nowUs: number): number {
    const ttlUs = response.ttl * SECOND_US;
    this.deadlineUs = nowUs + ttlUs;
    let dropped = 0;
    for (const listener of this.listeners) {
      if (!listener.tell(response)) dropped++;
      this.nextRenewalUs = nowUs + Math.floor(ttlUs / RENEWALS_PER_TTL);
    }
    return dropped;
  }

  /** Ends those who required a leader; the lease itself stays, even with nobody left. etcd: closeRequireLeader. */
  leaderLost(): void {
    for (const listener of this.listeners) if (listener.requiresLeader) listener.end('no-leader');
    this.listeners = this.listeners.filter(({requiresLeader}) => !requiresLeader);
  }

  end(reason: KeepAliveEnd): void {
    for (const listener of this.listeners) listener.end(reason);
  }
}
