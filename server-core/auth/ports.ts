// server-core/auth/ports.ts: what this part and the server around it say to each other.
// Layers forbid importing server/ from here, so the shapes of its errors and answers are written once more; they are equal, and
// the compiler says so where the two meet.
import type {ByteString} from '../../base/byte-string.ts';
import type {LeaseId} from '../../base/ids.ts';
import type {Random} from '../../base/random.ts';
import type {Clock} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {BatchTx} from '../backend/types.ts';
import type {TableBody} from '../etcdserverpb/raft-bodies.ts';

/** gRPC codes that answers of this part carry; each is a GrpcCode of server/errors.ts. */
export type AuthGrpcCode =
  | 'Unknown'
  | 'InvalidArgument'
  | 'PermissionDenied'
  | 'FailedPrecondition'
  | 'Unimplemented'
  | 'Unauthenticated';

/** A refusal of this part. Assignable to the server's ServerError. */
export interface AuthError {
  readonly kind: 'error';
  readonly code: AuthGrpcCode;
  /** What a client of a call sees whose errors are mapped (v3rpc/util.go togRPCError). */
  readonly message: string;
  /** Nothing was done. */
  readonly effect: 'none';
  /** The text of the auth store's own error, which some calls let through unmapped, with code Unknown. */
  readonly plainText: string;
}

/** An error of the server around us: timeouts, a lost leader. Structurally server/errors.ts ServerError. */
export interface HostError {
  readonly kind: 'error';
  readonly code:
    | AuthGrpcCode
    | 'Canceled'
    | 'DeadlineExceeded'
    | 'NotFound'
    | 'AlreadyExists'
    | 'ResourceExhausted'
    | 'Aborted'
    | 'OutOfRange'
    | 'Internal'
    | 'Unavailable'
    | 'DataLoss';
  readonly message: string;
  readonly effect: 'none' | 'unknown';
}

/** A response, or why there is none. */
export type Answer<Response> = {readonly kind: 'ok'; readonly response: Response} | HostError;

/** Who asks, and at which auth revision it was found out. Go: auth.AuthInfo; absent without a token. */
export interface AuthInfo {
  readonly username: ByteString;
  /** 0 only where nobody is named. */
  readonly revision: number;
}

/** The part of a process's Env that the auth store uses. */
export interface AuthEnv {
  readonly clock: Clock;
  /** Draws salts and the letters of simple tokens; hand over a stream of its own. */
  readonly random: Random;
}

/** What the auth store asks of the server when it writes. */
export interface AuthStoreHost {
  /** The batch is to be committed as soon as the entry is applied. etcd: ForceCommit in AuthEnable and AuthDisable. */
  forceCommit(): void;
  /** Stores the consistent index with the auth write; only called in releases that did so (see AuthBehaviours). */
  saveConsistentIndex(batch: BatchTx): void;
}

/** One of the Auth service's requests as it goes through raft. */
export type AuthBody = Extract<TableBody, {readonly kind: `auth-${string}` | 'authenticate'}>;

/** What the Auth service asks of its server. */
export interface AuthHost {
  /**
   * Puts the request through raft and waits for what apply() answered: the server's processInternalRaftRequestOnce. The header
   * names whoever `token` belongs to; no token, nobody.
   */
  propose(body: AuthBody, token: string | undefined): Fiber<Answer<object>>;
  /** Until this member has applied all that was committed; undefined when it has. etcd: linearizableReadNotify. */
  linearizableReadNotify(): Fiber<HostError | undefined>;
}

/** Waiting for tokens that this member has not heard of yet. */
export interface TokenHost {
  /** Until the entry of that index is applied here. etcd: applyWait.Wait. */
  untilApplied(index: number): Fiber<void>;
}

/** The lessor, as permission checks see it. */
export interface LeaseKeys {
  /** The keys under a lease; undefined when there is no such lease. */
  keysOf(lease: LeaseId): Iterable<ByteString> | undefined;
}
