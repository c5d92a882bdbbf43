// server-core/server/cluster-proposals.ts: what a member proposes about the cluster: its own attributes, the version, a downgrade job, and
// membership changes. Up to 3.5 the first two go as v2 requests. etcd: publish, publishV3, updateClusterVersion, configure.
import type {Id64} from '../../base/ids.ts';
import {toId64} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select, until} from '../../env/fiber.ts';
import type {Promised} from '../../env/sync.ts';
import {encodeV2Request, v2Request} from '../etcdserverpb/v2-request.ts';
import type {MembershipBehaviours} from '../membership/behaviours.ts';
import type {ClusterRequest} from '../membership/cluster-requests.ts';
import {bodyOf, v2RequestOf} from '../membership/cluster-requests.ts';
import type {ConfChange} from '../raftpb/types.ts';
import type {ConfChangeOutcome} from './apply-loop.ts';
import type {ServerConfig} from './config.ts';
import {requestTimeoutUs} from './config.ts';
import type {ServerError} from './errors.ts';
import {ERR_PROPOSAL_DROPPED} from './errors.ts';
import type {Answer, Proposer} from './proposer.ts';
import type {RaftLoop} from './raft-loop.ts';
import type {RequestIds} from './request-ids.ts';
import type {Waiters} from './waiters.ts';

export interface ClusterProposalParts {
  readonly env: Env;
  readonly config: ServerConfig;
  readonly behaviours: MembershipBehaviours;
  readonly proposer: Proposer;
  readonly raft: RaftLoop;
  readonly waiters: Waiters;
  readonly requestIds: RequestIds;
  readonly hasLeader: () => Fiber<boolean>;
  readonly timeoutError: (startedUs: number) => ServerError;
}

export class ClusterProposals {
  private readonly parts: ClusterProposalParts;

  constructor(parts: ClusterProposalParts) {
    this.parts = parts;
  }

  /** Proposes and waits until this member has applied it, as long as a request may take. */
  *propose(request: Exclude<ClusterRequest, {kind: 'nothing'}>): Fiber<Answer<object>> {
    const {behaviours, proposer, requestIds} = this.parts;
    if (behaviours.proposesClusterRequests === 'raft' || request.kind === 'downgrade') {
      return yield* proposer.proposeAs<object>(bodyOf(request), undefined);
    }
    const id = requestIds.next();
    const data = encodeV2Request(v2RequestOf(id, request));
    return yield* this.proposeV2(id, data);
  }

  /**
   * Proposes a membership change under an id of its own and waits for it as long as its client does: etcd has no limit of its own
   * here, neither for a leader to appear nor for the change to be applied.
   */
  *proposeChange(change: Omit<ConfChange, 'id'>): Fiber<ConfChangeOutcome | ServerError> {
    const {requestIds, raft, behaviours, waiters, hasLeader} = this.parts;
    const id = requestIds.next();
    const result = waiters.register(id) as Promised<ConfChangeOutcome>;
    let isKnown = false;
    while (!isKnown) isKnown = yield* hasLeader();
    const wasDropped = raft.node.proposeConfChange({...change, id}) !== undefined;
    raft.stepped();
    if (wasDropped) {
      waiters.forget(id);
      return ERR_PROPOSAL_DROPPED;
    }
    const outcome = yield* until(result);
    if (behaviours.answersAfterAdvance) yield* until(outcome.toApply.happened('advanced'));
    return outcome;
  }

  /** A read of the v2 store's root, which goes through the log. etcd: Do with QGET. */
  *readV2(): Fiber<Answer<object>> {
    const id = this.parts.requestIds.next();
    return yield* this.proposeV2(id, encodeV2Request(v2Request({id, method: 'QGET'})));
  }

  /** The v2 store's keys expire as of now. Nobody waits for it. etcd: sync. */
  sync(): void {
    const {env, raft, requestIds} = this.parts;
    const timeNs = toId64((BigInt(env.clock.wallUs()) * 1000n).toString(16));
    raft.node.propose(encodeV2Request(v2Request({id: requestIds.next(), method: 'SYNC', timeNs})));
    raft.stepped();
  }

  private *proposeV2(id: Id64, data: Uint8Array): Fiber<Answer<object>> {
    const {env, config, raft, waiters, hasLeader, timeoutError} = this.parts;
    const result = waiters.register(id) as Promised<Answer<object>>;
    const startedUs = env.clock.monotonicUs();
    const deadline = after(env.clock, requestTimeoutUs(config));
    // raft's node takes no proposals while it knows no leader (node.run, propc).
    const wasDropped = !(yield* hasLeader()) || raft.node.propose(data) !== undefined;
    raft.stepped();
    if (wasDropped) {
      waiters.forget(id);
      return ERR_PROPOSAL_DROPPED;
    }
    const outcome = yield* select(env, {result, deadline});
    if (outcome.kind === 'result') return outcome.value;
    waiters.forget(id);
    return timeoutError(startedUs);
  }
}
