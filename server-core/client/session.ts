// server-core/client/session.ts: a lease that lives as long as its client looks after it. etcd: client/v3/concurrency session.go.
import type {LeaseId} from '../../base/ids.ts';
import type {Fiber, Waitable} from '../../env/fiber.ts';
import {until} from '../../env/fiber.ts';
import {Promised} from '../../env/sync.ts';
import type {LeaseRevokeResponse} from '../etcdserverpb/lease-messages.ts';
import type {CallContext} from './call-context.ts';
import type {Failure, Success} from './client.ts';
import type {KeepAliveEnd, KeepAliveHandle} from './lease-keeper.ts';
import type {RecipeClient} from './recipe-calls.ts';

/** defaultSessionTTL, in seconds. */
const DEFAULT_TTL = 60;
const SECOND_US = 1_000_000;

export interface SessionOptions {
  /** Whole seconds, above 0; 60 without. */
  readonly ttl?: number;
  /** Look after this lease and grant none. */
  readonly lease?: LeaseId;
}

export class Session {
  readonly recipe: RecipeClient;
  readonly lease: LeaseId;
  private readonly ttl: number;
  private readonly handle: KeepAliveHandle;
  private readonly over = new Promised<KeepAliveEnd>();

  constructor(recipe: RecipeClient, lease: LeaseId, ttl: number) {
    this.recipe = recipe;
    this.lease = lease;
    this.ttl = ttl;
    this.handle = recipe.leases.keepAlive(lease);
    recipe.client.env.spawn('session', this.listen());
  }

  /** Ready once the lease is orphaned, expired, or otherwise no longer kept alive. */
  get done(): Waitable<KeepAliveEnd> {
    return this.over;
  }

  /** Keeps the lease alive no more; it is left to expire. */
  orphan(): void {
    this.handle.cancel();
  }

  /** Orphans the session and revokes its lease. */
  *close(): Fiber<Success<LeaseRevokeResponse> | Failure> {
    this.orphan();
    return yield* this.recipe.leases.revoke(this.lease, {timeoutUs: this.ttl * SECOND_US});
  }

  private *listen(): Fiber<void> {
    for (;;) {
      const event = yield* until(this.handle.receive);
      if (event.kind === 'alive') continue;
      this.over.resolve(event.reason);
      return;
    }
  }
}

/** A session on a lease of its own, or on the one given. etcd: NewSession. */
export function* newSession(
  recipe: RecipeClient,
  context: CallContext,
  options: SessionOptions = {},
): Fiber<Session | Failure> {
  const {ttl = DEFAULT_TTL, lease} = options;
  if (lease !== undefined) return new Session(recipe, lease, ttl);
  const granted = yield* recipe.leases.grant(ttl, {within: context});
  return granted.kind === 'error' ? granted : new Session(recipe, granted.response.id, ttl);
}
