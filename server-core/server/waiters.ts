// server-core/server/waiters.ts: who waits for which request to be applied. etcd: pkg/wait.
import type {Id64} from '../../base/ids.ts';
import {Promised} from '../../env/sync.ts';

export class Waiters {
  private readonly byId = new Map<Id64, Promised<unknown>>();

  /** The promise that trigger() keeps. */
  register(id: Id64): Promised<unknown> {
    const promised = new Promised<unknown>();
    this.byId.set(id, promised);
    return promised;
  }

  /** Does somebody here wait for the outcome? */
  isRegistered(id: Id64): boolean {
    return this.byId.has(id);
  }

  /** The request was applied with this outcome. */
  trigger(id: Id64, outcome: unknown): void {
    const promised = this.byId.get(id);
    this.byId.delete(id);
    promised?.resolve(outcome);
  }

  /** Nobody waits any more. */
  forget(id: Id64): void {
    this.byId.delete(id);
  }
}
