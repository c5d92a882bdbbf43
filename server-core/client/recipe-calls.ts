// server-core/client/recipe-calls.ts: the calls that locks and elections are made of. etcd: client/v3/concurrency key.go, op.go.
import type {ByteString} from '../../base/byte-string.ts';
import {prefixEnd} from '../../base/byte-string.ts';
import type {LeaseId} from '../../base/ids.ts';
import {formatId} from '../../base/ids.ts';
import type {Fiber} from '../../env/fiber.ts';
import {select} from '../../env/fiber.ts';
import type {
  DeleteRangeResponse,
  KeyValue,
  RangeRequest,
  RangeResponse,
  RequestOp,
  ResponseOp,
  TxnRequest,
  TxnResponse,
} from '../etcdserverpb/types.ts';
import {compare, deleteRangeRequest, putRequest, rangeRequest, txnRequest} from '../etcdserverpb/types.ts';
import type {CallContext} from './call-context.ts';
import type {Client, Failure, Success} from './client.ts';
import type {LeaseClient} from './lease-client.ts';
import type {WatchEvent, Watcher} from './watcher.ts';

/** What a recipe works with. */
export interface RecipeClient {
  readonly client: Client;
  readonly watcher: Watcher;
  readonly leases: LeaseClient;
}

/** The key of a session below a prefix: its lease in hex, as the signed number that it is in Go. */
export function sessionKey(prefix: ByteString, lease: LeaseId): ByteString {
  const value = BigInt.asIntN(64, BigInt(`0x${lease}`));
  return `${prefix}${value < 0n ? value.toString(16) : formatId(lease)}`;
}

/** A failure of the recipe itself, which no server gave. */
export const recipeFailure = (message: string): Failure => ({kind: 'error', code: 'Unknown', message, effect: 'none'});

export function* get(
  {client}: RecipeClient,
  request: RangeRequest,
  context: CallContext,
): Fiber<Success<RangeResponse> | Failure> {
  return yield* client.ask<RangeResponse>('/etcdserverpb.KV/Range', request, {within: context});
}

export function* deleteKey(
  {client}: RecipeClient,
  key: ByteString,
  context: CallContext,
): Fiber<Success<DeleteRangeResponse> | Failure> {
  return yield* client.ask<DeleteRangeResponse>('/etcdserverpb.KV/DeleteRange', deleteRangeRequest(key), {
    within: context,
  });
}

export function* transact(
  {client}: RecipeClient,
  request: TxnRequest,
  context: CallContext,
): Fiber<Success<TxnResponse> | Failure> {
  return yield* client.ask<TxnResponse>('/etcdserverpb.KV/Txn', request, {within: context});
}

/** If the key was created at that revision (0: is not there), then these, else those. */
export function ifCreatedAt(
  key: ByteString,
  revision: number,
  success: readonly RequestOp[],
  failure: readonly RequestOp[] = [],
): TxnRequest {
  return txnRequest({compare: [compare(key, 'equal', {kind: 'create', number: revision})], success, failure});
}

export const putOp = (key: ByteString, value: ByteString, lease: LeaseId): RequestOp => ({
  kind: 'put',
  request: putRequest(key, value, {lease}),
});
export const deleteOp = (key: ByteString): RequestOp => ({kind: 'delete-range', request: deleteRangeRequest(key)});
export const getOp = (request: RangeRequest): RequestOp => ({kind: 'range', request});

/** The pairs that a range inside a transaction found. */
export const pairsOf = (op: ResponseOp | undefined): readonly KeyValue[] =>
  op?.kind === 'range' ? op.response.kvs : [];

/** The key below a prefix that was created first. clientv3: WithFirstCreate. */
export const firstCreated = (prefix: ByteString): RangeRequest =>
  rangeRequest(prefix, {rangeEnd: prefixEnd(prefix), sortTarget: 'create', sortOrder: 'ascend', limit: 1});

/** Until no key below the prefix is left that was created at or before that revision. etcd: waitDeletes. */
export function* waitDeletes(
  recipe: RecipeClient,
  prefix: ByteString,
  maxCreateRevision: number,
  context: CallContext,
): Fiber<Success<RangeResponse> | Failure> {
  const request = rangeRequest(prefix, {
    rangeEnd: prefixEnd(prefix),
    sortTarget: 'create',
    sortOrder: 'descend',
    limit: 1,
    maxCreateRevision,
  });
  for (;;) {
    const found = yield* get(recipe, request, context);
    if (found.kind === 'error') return found;
    const last = found.response.kvs[0];
    if (last === undefined) return found;
    const failure = yield* waitDelete(recipe, last.key, found.response.header.revision, context);
    if (failure !== undefined) return failure;
  }
}

/** Until the key is deleted at that revision or behind it. etcd: waitDelete. */
function* waitDelete(
  {client, watcher}: RecipeClient,
  key: ByteString,
  startRevision: number,
  context: CallContext,
): Fiber<Failure | undefined> {
  const watch = watcher.watch({key, startRevision});
  try {
    for (;;) {
      const next = yield* select(client.env, {event: watch.receive, ended: context});
      if (next.kind === 'ended') return {kind: 'error', ...context.failure, effect: 'none'};
      const event = next.value;
      if (event.kind === 'ended') return lostWatch(event);
      if (event.kind === 'events' && event.events.some(({type}) => type === 'delete')) return undefined;
    }
  } finally {
    watch.cancel();
  }
}

function lostWatch({end}: Extract<WatchEvent, {kind: 'ended'}>): Failure {
  if (end.kind === 'failed') return {kind: 'error', code: end.code, message: end.message, effect: 'none'};
  if (end.kind === 'compacted') {
    const message = 'etcdserver: mvcc: required revision has been compacted';
    return {kind: 'error', code: 'OutOfRange', message, effect: 'none'};
  }
  return recipeFailure('lost watcher waiting for delete');
}
