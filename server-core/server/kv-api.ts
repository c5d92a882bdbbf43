// server-core/server/kv-api.ts: the KV service behind the wire: checks, reads, proposals. etcd 3.6: v3rpc/key.go, v3_server.go.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select} from '../../env/fiber.ts';
import type {Promised} from '../../env/sync.ts';
import type {ClusterMemberAttrSetRequest} from '../etcdserverpb/membership-codec.ts';
import type {RaftRequestBody} from '../etcdserverpb/raft-request.ts';
import {encodeInternalRaftRequest, raftRequest, requestHeader} from '../etcdserverpb/raft-request.ts';
import type {
  CompactionRequest,
  CompactionResponse,
  DeleteRangeRequest,
  DeleteRangeResponse,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  ResponseHeader,
  TxnRequest,
  TxnResponse,
} from '../etcdserverpb/types.ts';
import {validateDeleteRange, validatePut, validateRange, validateTxn} from '../mvcc/validate.ts';
import type {Applier} from './applier.ts';
import type {ServerConfig} from './config.ts';
import {requestTimeoutUs} from './config.ts';
import type {ServerError} from './errors.ts';
import {ERR_PROPOSAL_DROPPED, ERR_REQUEST_TOO_LARGE, ERR_TOO_MANY_REQUESTS, refusal} from './errors.ts';
import type {RaftLoop} from './raft-loop.ts';
import type {ReadLoop} from './read-loop.ts';
import {isTxnReadOnly, isTxnSerializable} from './read-only.ts';
import type {RequestIds} from './request-ids.ts';
import type {Waiters} from './waiters.ts';

/** maxGapBetweenApplyAndCommitIndex. */
const APPLY_GAP_MAX = 5_000;

/** A response or an error, as gRPC would carry it. */
export type Answer<Response> = {readonly kind: 'ok'; readonly response: Response} | ServerError;

export interface KvApiHost {
  readonly env: Env;
  readonly config: ServerConfig;
  readonly raft: RaftLoop;
  readonly reads: ReadLoop;
  readonly applier: Applier;
  readonly waiters: Waiters;
  readonly requestIds: RequestIds;
  readonly appliedIndex: () => number;
  readonly committedIndex: () => number;
  readonly hasLeader: () => Fiber<boolean>;
  readonly timeoutError: (startedUs: number) => ServerError;
  readonly header: () => Omit<ResponseHeader, 'revision'>;
}

export class KvApi {
  private readonly host: KvApiHost;

  constructor(host: KvApiHost) {
    this.host = host;
  }

  /** KV.Range. */
  *range(request: RangeRequest): Fiber<Answer<RangeResponse>> {
    const refused = validateRange(request) ?? (yield* this.confirmRead(request.serializable));
    if (refused !== undefined) return refused;
    yield* this.host.applier.readable();
    return this.withHeader(this.host.applier.range(request));
  }

  /** KV.Put. */
  *put(request: PutRequest): Fiber<Answer<PutResponse>> {
    return validatePut(request) ?? (yield* this.propose({kind: 'put', request}));
  }

  /** KV.DeleteRange. */
  *deleteRange(request: DeleteRangeRequest): Fiber<Answer<DeleteRangeResponse>> {
    return validateDeleteRange(request) ?? (yield* this.propose({kind: 'delete-range', request}));
  }

  /** KV.Txn: one that only reads does not go through raft. */
  *txn(request: TxnRequest): Fiber<Answer<TxnResponse>> {
    const refused = validateTxn(request, this.host.config.maxTxnOps);
    if (refused !== undefined) return refused;
    if (!isTxnReadOnly(request)) return yield* this.propose({kind: 'txn', request});
    const unconfirmed = yield* this.confirmRead(isTxnSerializable(request));
    if (unconfirmed !== undefined) return unconfirmed;
    yield* this.host.applier.readable();
    return this.withHeader(this.host.applier.readOnlyTxn(request));
  }

  /** KV.Compact. */
  *compact(request: CompactionRequest): Fiber<Answer<CompactionResponse>> {
    return yield* this.propose({kind: 'compaction', request});
  }

  /** What a member tells of itself, through raft. etcd: publishV3. */
  *publish(request: ClusterMemberAttrSetRequest): Fiber<Answer<object>> {
    return yield* this.propose({kind: 'cluster-member-attr-set', request});
  }

  private *confirmRead(isSerializable: boolean): Fiber<ServerError | undefined> {
    const {reads, config} = this.host;
    if (isSerializable || config.defects.staleRead === true) return undefined;
    return yield* reads.confirm();
  }

  /** etcd: processInternalRaftRequestOnce. */
  private *propose<Response>(body: RaftRequestBody): Fiber<Answer<Response>> {
    const {env, config, raft, waiters, requestIds, appliedIndex, committedIndex} = this.host;
    if (committedIndex() > appliedIndex() + APPLY_GAP_MAX) return ERR_TOO_MANY_REQUESTS;
    const id = requestIds.next();
    const data = encodeInternalRaftRequest(raftRequest(requestHeader(id), body));
    if (data.length > config.maxRequestBytes) return ERR_REQUEST_TOO_LARGE;
    const result = waiters.register(id) as Promised<Answer<Response>>;
    const startedUs = env.clock.monotonicUs();
    const deadline = after(env.clock, requestTimeoutUs(config));
    // raft's node takes no proposals while it knows no leader (node.run, propc).
    if (!(yield* this.host.hasLeader())) {
      waiters.forget(id);
      return refusal('DeadlineExceeded', 'context deadline exceeded');
    }
    const dropped = raft.node.propose(data);
    raft.stepped();
    if (dropped !== undefined) {
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

  /** Fills in what the store does not know. v3rpc/header.go. */
  private withHeader<Response>(answer: Answer<Response>): Answer<Response> {
    if (answer.kind === 'error') return answer;
    const {header} = answer.response as {readonly header: ResponseHeader};
    return {kind: 'ok', response: {...answer.response, header: {...this.host.header(), revision: header.revision}}};
  }
}
