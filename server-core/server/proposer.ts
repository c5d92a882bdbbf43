// server-core/server/proposer.ts: a request into raft and its outcome back. etcd: v3_server.go processInternalRaftRequestOnce.
import type {ByteString} from '../../base/byte-string.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select} from '../../env/fiber.ts';
import type {Promised} from '../../env/sync.ts';
import type {RaftRequestBody} from '../etcdserverpb/raft-request.ts';
import {encodeInternalRaftRequest, raftRequest} from '../etcdserverpb/raft-request.ts';
import type {ResponseHeader} from '../etcdserverpb/types.ts';
import type {ServerBehaviours} from './behaviours.ts';
import type {ServerConfig} from './config.ts';
import {requestTimeoutUs} from './config.ts';
import type {ServerError} from './errors.ts';
import {ERR_PROPOSAL_DROPPED, ERR_REQUEST_TOO_LARGE, ERR_TIMEOUT, ERR_TOO_MANY_REQUESTS, refusal} from './errors.ts';
import type {RaftLoop} from './raft-loop.ts';
import type {RequestIds} from './request-ids.ts';
import type {Waiters} from './waiters.ts';

/** maxGapBetweenApplyAndCommitIndex. */
const APPLY_GAP_MAX = 5_000;
/** auth.ErrAuthOldRevision as long as no table maps it. */
const OLD_REVISION = 'auth: revision in header is old';

/** etcd: ReqTimeout; up to 3.0 maxV3RequestTimeout. */
function v3TimeoutUs(config: ServerConfig, {addsElectionsToTimeout}: ServerBehaviours): number {
  return addsElectionsToTimeout ? requestTimeoutUs(config) : 5_000_000;
}

/** A response or an error, as gRPC would carry it. */
export type Answer<Response> = {readonly kind: 'ok'; readonly response: Response} | ServerError;

/** Who asks, once a token was looked at. Without auth: no user. */
export interface Requester {
  readonly username: ByteString;
  readonly revision: number;
}

export interface ProposerHost {
  readonly env: Env;
  readonly config: ServerConfig;
  readonly behaviours: ServerBehaviours;
  readonly raft: RaftLoop;
  readonly waiters: Waiters;
  readonly requestIds: RequestIds;
  readonly appliedIndex: () => number;
  readonly committedIndex: () => number;
  readonly hasLeader: () => Fiber<boolean>;
  readonly timeoutError: (startedUs: number) => ServerError;
  readonly header: () => Omit<ResponseHeader, 'revision'>;
  readonly currentRevision: () => number;
  /** Who a token belongs to; undefined without auth. */
  readonly identify: (token: string | undefined) => Fiber<Requester | ServerError | undefined>;
}

export class Proposer {
  private readonly host: ProposerHost;

  constructor(host: ProposerHost) {
    this.host = host;
  }

  /** Proposes on behalf of the owner of a token, and waits until this member has applied the request. */
  *propose<Response>(body: RaftRequestBody, token?: string): Fiber<Answer<Response>> {
    const {env, config, behaviours} = this.host;
    const startedUs = env.clock.monotonicUs();
    for (;;) {
      const answer = yield* this.proposeOnce<Response>(body, token);
      const isOvertaken = answer.kind === 'error' && answer.message === OLD_REVISION;
      // etcd goes on as long as its client waits; here no longer than one request may take.
      const isLate = env.clock.monotonicUs() - startedUs > requestTimeoutUs(config);
      if (!isOvertaken || !behaviours.repeatsOnOldRevision || isLate) return answer;
      env.trace.mark('proposer: made again with the present permissions');
    }
  }

  private *proposeOnce<Response>(body: RaftRequestBody, token: string | undefined): Fiber<Answer<Response>> {
    const {committedIndex, appliedIndex, identify, behaviours} = this.host;
    if (behaviours.refusesBacklog && committedIndex() > appliedIndex() + APPLY_GAP_MAX) return ERR_TOO_MANY_REQUESTS;
    const requester = token === undefined ? undefined : yield* identify(token);
    if (requester !== undefined && 'kind' in requester) return requester;
    return yield* this.proposeAs<Response>(body, requester);
  }

  /** As propose(), by a requester who is known already: the server itself, as root, revoking a lease. */
  *proposeAs<Response>(body: RaftRequestBody, requester: Requester | undefined): Fiber<Answer<Response>> {
    const {env, config, raft, waiters, requestIds} = this.host;
    const id = requestIds.next();
    const header = {id, username: requester?.username ?? '', authRevision: requester?.revision ?? 0};
    const data = encodeInternalRaftRequest(raftRequest(header, body));
    if (data.length > config.maxRequestBytes) return ERR_REQUEST_TOO_LARGE;
    const result = waiters.register(id) as Promised<Answer<Response>>;
    const startedUs = env.clock.monotonicUs();
    const deadline = after(env.clock, v3TimeoutUs(config, this.host.behaviours));
    // raft's node takes no proposals while it knows no leader (node.run, propc).
    if (!(yield* this.host.hasLeader())) {
      waiters.forget(id);
      return this.undropped();
    }
    const dropped = raft.node.propose(data);
    raft.stepped();
    if (dropped !== undefined && this.host.behaviours.undroppedProposal !== 'timeout') {
      waiters.forget(id);
      return ERR_PROPOSAL_DROPPED;
    }
    const outcome = yield* select(env, {result, deadline});
    if (outcome.kind === 'deadline') {
      waiters.forget(id);
      return this.host.timeoutError(startedUs);
    }
    return this.withHeader(outcome.value);
  }

  /** The deadline passed while no leader was known, so the request never went anywhere. */
  private undropped(): ServerError {
    switch (this.host.behaviours.undroppedProposal) {
      case 'timeout':
        return {...ERR_TIMEOUT, effect: 'none'};
      case 'unknown':
        return refusal('Unknown', 'context deadline exceeded');
      case 'deadline-exceeded':
        return refusal('DeadlineExceeded', 'context deadline exceeded');
    }
  }

  /** Fills in what the store does not know; a revision that nobody has set is the current one. v3rpc/header.go. */
  withHeader<Response>(answer: Answer<Response>): Answer<Response> {
    if (answer.kind === 'error') return answer;
    const {header} = answer.response as {readonly header?: ResponseHeader | undefined};
    return {kind: 'ok', response: {...answer.response, header: this.header(header?.revision)}};
  }

  /** A header as of now. */
  header(revision = 0): ResponseHeader {
    return {...this.host.header(), revision: revision === 0 ? this.host.currentRevision() : revision};
  }
}
