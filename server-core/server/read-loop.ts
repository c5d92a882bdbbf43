// server-core/server/read-loop.ts: linearizable reads by ReadIndex. etcd 3.6: v3_server.go, linearizableReadLoop. Thesis 6.4.
// One round answers every read that waits when it begins; a read that arrives later joins the next round.

import {equalBytes} from '../../base/byte-string.ts';
import type {Id64} from '../../base/ids.ts';
import {idToWords} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber, Waitable} from '../../env/fiber.ts';
import {after, Signal, select, until} from '../../env/fiber.ts';
import type {Cell} from '../../env/sync.ts';
import {Promised} from '../../env/sync.ts';
import type {ServerBehaviours} from './behaviours.ts';
import type {ServerError} from './errors.ts';
import {ERR_LEADER_CHANGED, ERR_TIMEOUT} from './errors.ts';
import type {RaftLoop} from './raft-loop.ts';
import type {RequestIds} from './request-ids.ts';

/** readIndexRetryTime. */
const RETRY_US = 500_000;

/** What the loop needs to see of the server. */
export interface ReadLoopHost {
  readonly env: Env;
  readonly raft: RaftLoop;
  readonly requestIds: RequestIds;
  readonly requestTimeoutUs: number;
  readonly behaviours: ServerBehaviours;
  readonly appliedIndex: () => number;
  /** Grows when a batch of entries has been applied. */
  readonly appliedWait: Cell<number>;
  /** Counts changes of the leader. */
  readonly leaderEpoch: Cell<number>;
  /** Counts first commits in a term: raft answers no ReadIndex before. */
  readonly firstCommitEpoch: Cell<number>;
}

const NEVER: Waitable<unknown> = {ready: () => false, take: () => undefined, park: () => undefined};

type Round = Promised<ServerError | undefined>;

export class ReadLoop {
  private readonly host: ReadLoopHost;
  private round: Round = new Promised();
  private isWanted = false;
  private readonly wanted = new Signal();

  constructor(host: ReadLoopHost) {
    this.host = host;
  }

  /** Returns once a read may be served; an error when it may not. */
  *confirm(): Fiber<ServerError | undefined> {
    const {round} = this;
    this.isWanted = true;
    this.wanted.notify();
    return yield* until(round);
  }

  /** The loop. */
  *run(): Fiber<never> {
    const {env, appliedIndex, appliedWait, leaderEpoch} = this.host;
    const wanted: Waitable<void> = {
      ready: () => this.isWanted,
      take: () => {
        this.isWanted = false;
      },
      park: (task) => this.wanted.park(task),
    };
    for (;;) {
      const epoch = leaderEpoch.value;
      const leaderChanged = leaderEpoch.satisfies((now) => now !== epoch);
      const event = yield* select(env, {wanted, leaderChanged});
      if (event.kind === 'leaderChanged') continue;
      const {round} = this;
      this.round = new Promised();
      const confirmed = yield* this.requestIndex(leaderChanged);
      if (typeof confirmed !== 'number') {
        round.resolve(confirmed);
        continue;
      }
      if (appliedIndex() < confirmed) yield* until(appliedWait.satisfies((index) => index >= confirmed));
      round.resolve(undefined);
    }
  }

  private *requestIndex(changed: Waitable<unknown>): Fiber<number | ServerError> {
    const {env, raft, requestTimeoutUs, firstCommitEpoch, behaviours} = this.host;
    const deadline = after(env.clock, requestTimeoutUs);
    const leaderChanged = behaviours.readsEndWithLeader ? changed : NEVER;
    // Any attempt's answer will do: each began after the reads that wait for it.
    const attempts = [this.ask(undefined)];
    const mayRetry = behaviours.readIndexRetry !== 'none';
    let retry = after(env.clock, mayRetry ? RETRY_US : requestTimeoutUs);
    let epoch = firstCommitEpoch.value;
    for (;;) {
      const event = yield* select(env, {
        state: raft.readStates.receive,
        leaderChanged,
        firstCommit: firstCommitEpoch.satisfies((now) => mayRetry && now !== epoch),
        retry,
        deadline,
      });
      switch (event.kind) {
        case 'state': {
          if (behaviours.readIndexChecksLeader && leaderChanged.ready()) return ERR_LEADER_CHANGED;
          const answered = event.value?.requestContext;
          if (event.value !== undefined && answered !== undefined && isAmong(attempts, answered))
            return event.value.index;
          env.trace.mark('read loop: out-of-date answer ignored'); // of a round that timed out
          break;
        }
        case 'leaderChanged':
          return ERR_LEADER_CHANGED;
        case 'firstCommit':
        case 'retry':
          if (!mayRetry) return ERR_TIMEOUT;
          env.trace.mark(`read loop: asked again after ${event.kind}`);
          epoch = firstCommitEpoch.value;
          attempts.push(this.ask(behaviours.readIndexRetry === 'same-id' ? attempts[0] : undefined));
          retry = after(env.clock, RETRY_US);
          break;
        case 'deadline':
          return ERR_TIMEOUT;
      }
    }
  }

  /** Asks raft for an index, under a new id unless one is given; returns the id as it goes round. */
  private ask(earlier: Uint8Array | undefined): Uint8Array {
    const {raft, requestIds} = this.host;
    const context = earlier ?? bigEndian(requestIds.next());
    raft.node.readIndex(context);
    raft.stepped();
    return context;
  }
}

function isAmong(contexts: readonly Uint8Array[], context: Uint8Array): boolean {
  for (const known of contexts) if (equalBytes(known, context)) return true;
  return false;
}

function bigEndian(id: Id64): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  const {high, low} = idToWords(id);
  view.setUint32(0, high);
  view.setUint32(4, low);
  return bytes;
}
