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
  readonly appliedIndex: () => number;
  /** Grows when a batch of entries has been applied. */
  readonly appliedWait: Cell<number>;
  /** Counts changes of the leader. */
  readonly leaderEpoch: Cell<number>;
  /** Counts first commits in a term: raft answers no ReadIndex before. */
  readonly firstCommitEpoch: Cell<number>;
}

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
    const {env, requestIds, appliedIndex, appliedWait, leaderEpoch} = this.host;
    const wanted: Waitable<void> = {
      ready: () => this.isWanted,
      take: () => {
        this.isWanted = false;
      },
      park: (task) => this.wanted.park(task),
    };
    for (;;) {
      const requestId = requestIds.next();
      const epoch = leaderEpoch.value;
      const leaderChanged = leaderEpoch.satisfies((now) => now !== epoch);
      const event = yield* select(env, {wanted, leaderChanged});
      if (event.kind === 'leaderChanged') continue;
      const {round} = this;
      this.round = new Promised();
      const confirmed = yield* this.requestIndex(requestId, leaderChanged);
      if (typeof confirmed !== 'number') {
        round.resolve(confirmed);
        continue;
      }
      if (appliedIndex() < confirmed) yield* until(appliedWait.satisfies((index) => index >= confirmed));
      round.resolve(undefined);
    }
  }

  private *requestIndex(requestId: Id64, leaderChanged: Waitable<unknown>): Fiber<number | ServerError> {
    const {env, raft, requestTimeoutUs, firstCommitEpoch} = this.host;
    const context = bigEndian(requestId);
    const deadline = after(env.clock, requestTimeoutUs);
    this.ask(context);
    let retry = after(env.clock, RETRY_US);
    let epoch = firstCommitEpoch.value;
    for (;;) {
      const event = yield* select(env, {
        state: raft.readStates.receive,
        leaderChanged,
        firstCommit: firstCommitEpoch.satisfies((now) => now !== epoch),
        retry,
        deadline,
      });
      switch (event.kind) {
        case 'state': {
          const answered = event.value?.requestContext;
          if (event.value !== undefined && answered !== undefined && equalBytes(answered, context))
            return event.value.index;
          env.trace.mark('read loop: out-of-date answer ignored'); // of a round that timed out
          break;
        }
        case 'leaderChanged':
          return ERR_LEADER_CHANGED;
        case 'firstCommit':
        case 'retry':
          env.trace.mark(`read loop: asked again after ${event.kind}`);
          epoch = firstCommitEpoch.value;
          this.ask(context);
          retry = after(env.clock, RETRY_US);
          break;
        case 'deadline':
          return ERR_TIMEOUT;
      }
    }
  }

  private ask(context: Uint8Array): void {
    const {raft} = this.host;
    raft.node.readIndex(context);
    raft.stepped();
  }
}

function bigEndian(id: Id64): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  const {high, low} = idToWords(id);
  view.setUint32(0, high);
  view.setUint32(4, low);
  return bytes;
}
