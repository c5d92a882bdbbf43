// server-core/server/kv-api.ts: the KV service behind the wire: checks, reads, proposals. etcd 3.6: v3rpc/key.go, v3_server.go.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {until} from '../../env/fiber.ts';
import type {RangeChunk} from '../etcdserverpb/kv-messages.ts';
import type {
  CompactionRequest,
  CompactionResponse,
  DeleteRangeRequest,
  DeleteRangeResponse,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  TxnRequest,
  TxnResponse,
} from '../etcdserverpb/types.ts';
import {ServerEnded} from '../membership/process-end.ts';
import type {MvccBehaviours} from '../mvcc/behaviours.ts';
import {knownDeleteRange, knownPut, knownRange, knownTxn} from '../mvcc/known-fields.ts';
import {validateDeleteRange, validatePut, validateRange, validateTxn} from '../mvcc/validate.ts';
import {isSince} from '../release/release.ts';
import type {Applier} from './applier.ts';
import type {ServerBehaviours} from './behaviours.ts';
import type {ServerConfig} from './config.ts';
import type {ServerError} from './errors.ts';
import {ERR_NO_SPACE} from './errors.ts';
import type {Answer, Proposer} from './proposer.ts';
import {streamRange, validateRangeStream} from './range-stream.ts';
import type {ReadLoop} from './read-loop.ts';
import {isTxnReadOnly, isTxnSerializable} from './read-only.ts';

export type {Answer} from './proposer.ts';

export interface KvApiHost {
  readonly env: Env;
  readonly config: ServerConfig;
  readonly mvcc: MvccBehaviours;
  readonly proposer: Proposer;
  readonly reads: ReadLoop;
  readonly applier: Applier;
  /** The cluster's version; undefined before the first decision. */
  readonly clusterVersion: () => string | undefined;
  readonly behaviours: ServerBehaviours;
  /** Raises the alarm that a quota is used up; waits until it is applied. */
  readonly raiseNoSpace: () => Fiber<void>;
  /** May the owner of the token make the call? */
  readonly permit: (call: 'compact', token: string | undefined) => Fiber<ServerError | undefined>;
}

export class KvApi {
  private readonly host: KvApiHost;

  constructor(host: KvApiHost) {
    this.host = host;
  }

  /** KV.Range. */
  *range(asked: RangeRequest, token?: string): Fiber<Answer<RangeResponse>> {
    const request = knownRange(this.host.mvcc.knownFields, asked);
    return validateRange(request, this.host.mvcc) ?? (yield* this.rangeUnchecked(request, token));
  }

  /** As range(), for requests of the server itself, which may name the empty key. */
  *rangeUnchecked(request: RangeRequest, token?: string): Fiber<Answer<RangeResponse>> {
    const {applier, proposer} = this.host;
    if (!request.serializable && this.readsThroughLog())
      return yield* proposer.propose({kind: 'range', request}, token);
    const refused = yield* this.confirmRead(request.serializable);
    if (refused !== undefined) return refused;
    yield* applier.readable();
    const answer = yield* applier.serialize(token, {kind: 'range', request}, () => applier.range(request));
    return proposer.withHeader(answer);
  }

  /** KV.RangeStream: the permission is asked once, in front of all chunks. */
  *rangeStream(
    request: RangeRequest,
    send: (chunk: RangeChunk) => Fiber<boolean>,
    token?: string,
  ): Fiber<ServerError | undefined> {
    const {applier, proposer, config, mvcc, env} = this.host;
    const refused =
      validateRange(request, mvcc) ?? validateRangeStream(request) ?? (yield* this.confirmRead(request.serializable));
    if (refused !== undefined) return refused;
    yield* applier.readable();
    const permitted = yield* applier.serialize<object>(token, {kind: 'range', request}, () => ({
      kind: 'ok',
      response: {},
    }));
    if (permitted.kind === 'error') return permitted;
    const host = {
      env,
      maxRequestBytes: config.maxRequestBytes,
      read: (chunk: RangeRequest) => applier.range(chunk),
      header: (revision: number) => proposer.header(revision),
      send,
    };
    return yield* streamRange(host, request);
  }

  /** KV.Put. */
  *put(asked: PutRequest, token?: string): Fiber<Answer<PutResponse>> {
    const request = knownPut(this.host.mvcc.knownFields, asked);
    // The quota stands in front of the validation: v3rpc/quota.go wraps the KV server.
    if (!this.host.applier.quota.hasRoomForPut(request)) return yield* this.outOfSpace();
    return validatePut(request) ?? (yield* this.host.proposer.propose({kind: 'put', request}, token));
  }

  /** KV.DeleteRange. */
  *deleteRange(asked: DeleteRangeRequest, token?: string): Fiber<Answer<DeleteRangeResponse>> {
    const request = knownDeleteRange(this.host.mvcc.knownFields, asked);
    return validateDeleteRange(request) ?? (yield* this.host.proposer.propose({kind: 'delete-range', request}, token));
  }

  /** KV.Txn: one that only reads does not go through raft. */
  *txn(asked: TxnRequest, token?: string): Fiber<Answer<TxnResponse>> {
    const {applier, config, mvcc} = this.host;
    const request = knownTxn(mvcc.knownFields, asked);
    if (!applier.quota.hasRoomForTxn(request)) return yield* this.outOfSpace();
    const refused = validateTxn(request, config.maxTxnOps, mvcc);
    if (refused !== undefined) return refused;
    const answer = yield* this.txnUnchecked(request, token);
    if (answer.kind === 'ok' && !mvcc.refusesEmptyOps && answer.response.responses.some(({kind}) => kind === 'none')) {
      throw new ServerEnded('panic: runtime error: invalid memory address or nil pointer dereference');
    }
    return answer;
  }

  private *txnUnchecked(request: TxnRequest, token: string | undefined): Fiber<Answer<TxnResponse>> {
    const {applier, proposer} = this.host;
    const isSerializable = isTxnSerializable(request);
    const goesThroughLog = this.readsThroughLog() ? !isSerializable : !isTxnReadOnly(request);
    if (goesThroughLog) return yield* proposer.propose({kind: 'txn', request}, token);
    const unconfirmed = yield* this.confirmRead(isSerializable);
    if (unconfirmed !== undefined) return unconfirmed;
    yield* applier.readable();
    const answer = yield* applier.serialize(token, {kind: 'txn', request}, () => applier.readOnlyTxn(request));
    return proposer.withHeader(answer);
  }

  /** KV.Compact: a physical one answers when the compacted revisions are gone and that is committed. */
  *compact(request: CompactionRequest, token?: string): Fiber<Answer<CompactionResponse>> {
    const {applier, proposer, permit} = this.host;
    const refused = yield* permit('compact', token);
    if (refused !== undefined) return refused;
    const answer = yield* proposer.propose<CompactionResponse>({kind: 'compaction', request}, token);
    if (answer.kind === 'error') return answer;
    if (request.physical) {
      yield* until(applier.compactedTo(request.revision));
      yield* applier.backend.commit();
    }
    // The revision is the one that holds when the answer leaves, not when the request was applied.
    return {kind: 'ok', response: {header: proposer.header()}};
  }

  /** Does a linearizable read take the way of a write? */
  private readsThroughLog(): boolean {
    const {reads} = this.host.behaviours;
    if (reads === 'read-index') return false;
    const version = reads === 'consensus' ? undefined : this.host.clusterVersion();
    return version === undefined || !isSince(version, '3.1.0');
  }

  private *outOfSpace(): Fiber<ServerError> {
    yield* this.host.raiseNoSpace();
    return ERR_NO_SPACE;
  }

  private *confirmRead(isSerializable: boolean): Fiber<ServerError | undefined> {
    const {reads, config} = this.host;
    if (isSerializable || config.defects.staleRead === true) return undefined;
    return yield* reads.confirm();
  }
}
