// server-core/concurrency/lock-api.ts: the Lock service. etcd: server/etcdserver/api/v3lock, client/v3/concurrency/mutex.go.
// Whoever created the oldest key below the name holds the lock; the others wait for older keys to go.
import type {ByteString} from '../../base/byte-string.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {LockRequest, LockResponse, UnlockRequest} from '../etcdserverpb/concurrency-messages.ts';
import type {ResponseHeader, TxnResponse} from '../etcdserverpb/types.ts';
import {compare, deleteRangeRequest, putRequest, rangeRequest, txnRequest} from '../etcdserverpb/types.ts';
import type {Answer} from '../server/proposer.ts';
import type {ConcurrencyBehaviours} from './behaviours.ts';
import type {Asker, ConcurrencyHost} from './waiting.ts';
import {byCreation, failure, firstOf, isFailure, read, sessionKey, sessionLease, waitDeletes} from './waiting.ts';

export class LockApi {
  private readonly host: ConcurrencyHost;
  private readonly behaviours: ConcurrencyBehaviours;

  constructor(host: ConcurrencyHost, behaviours: ConcurrencyBehaviours) {
    this.host = host;
    this.behaviours = behaviours;
  }

  /** Lock.Lock: waits until the lock is held. A caller that gives up leaves no key behind. */
  *lock({name, lease}: LockRequest, asker: Asker): Fiber<Answer<LockResponse>> {
    const {host} = this;
    const session = yield* sessionLease(host, lease, asker);
    if (typeof session !== 'string') return session;
    const prefix = `${name}/`;
    const key = sessionKey(prefix, session);
    const owners = {kind: 'range', request: byCreation(prefix, 'ascend')} as const;
    const answer = yield* host.kv.txn(
      txnRequest({
        compare: [compare(key, 'equal', {kind: 'create', number: 0})],
        success: [{kind: 'put', request: putRequest(key, '', {lease: session})}, owners],
        failure: [{kind: 'range', request: rangeRequest(key)}, owners],
      }),
      asker.token,
    );
    if (answer.kind === 'error') return failure(answer.message);
    const {response} = answer;
    const ownRevision = response.succeeded ? response.header.revision : createRevisionAt(response, 0);
    const oldest = createRevisionAt(response, 1);
    if (oldest === undefined || oldest === ownRevision) return held(response.header, key);
    const waited = yield* waitDeletes(host, prefix, (ownRevision ?? 0) - 1, asker);
    if (isFailure(waited)) {
      // Cleaned up in the client's own name, which carries no token.
      yield* host.kv.deleteRange(deleteRangeRequest(key), undefined);
      return waited;
    }
    return yield* this.confirm(key, waited.header, asker);
  }

  /** The session may have ended while its key waited. Issue 11456. */
  private *confirm(key: ByteString, header: ResponseHeader, asker: Asker): Fiber<Answer<LockResponse>> {
    const {host, behaviours} = this;
    if (!behaviours.locksConfirmTheirKey) return held(header, key);
    const own = yield* read(host, rangeRequest(key), asker);
    if (isFailure(own)) {
      yield* host.kv.deleteRange(deleteRangeRequest(key), undefined);
      return own;
    }
    return firstOf(own) === undefined ? failure('mutex: session is expired') : held(own.header, key);
  }

  /** Lock.Unlock: the key is deleted, whether it is a lock's or not. */
  *unlock({key}: UnlockRequest, asker: Asker): Fiber<Answer<{readonly header: ResponseHeader}>> {
    const answer = yield* this.host.kv.deleteRange(deleteRangeRequest(key), asker.token);
    if (answer.kind === 'error') return failure(answer.message);
    return {kind: 'ok', response: {header: answer.response.header}};
  }
}

function createRevisionAt({responses}: TxnResponse, index: number): number | undefined {
  const op = responses[index];
  return op?.kind === 'range' ? op.response.kvs[0]?.createRevision : undefined;
}

const held = (header: ResponseHeader, key: ByteString): Answer<LockResponse> => ({
  kind: 'ok',
  response: {header, key},
});
