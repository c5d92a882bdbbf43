// server-core/server/range-stream.ts: KV.RangeStream: a range in chunks, all of one revision. etcd 3.7: v3_server.go rangeStream.
// The first chunk has ten pairs; the next ones grow and shrink so that each comes near to --max-request-bytes.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {RangeChunk} from '../etcdserverpb/kv-messages.ts';
import {rangeResponseMessage} from '../etcdserverpb/kv-messages.ts';
import type {RangeRequest, RangeResponse, ResponseHeader} from '../etcdserverpb/types.ts';
import type {ServerError} from './errors.ts';
import {refusal} from './errors.ts';
import type {Answer} from './proposer.ts';

/** initialStreamChunkLimit. */
const FIRST_CHUNK_COUNT = 10;

export interface RangeStreamHost {
  readonly env: Env;
  readonly maxRequestBytes: number;
  /** Reads at once, without another round of raft. */
  readonly read: (request: RangeRequest) => Answer<RangeResponse>;
  /** A header of that revision. */
  readonly header: (revision: number) => ResponseHeader;
  /** Sends a chunk; false: the client is gone. */
  readonly send: (chunk: RangeChunk) => Fiber<boolean>;
}

/** What the service refuses beside what it refuses of a range. */
export function validateRangeStream(request: RangeRequest): ServerError | undefined {
  const {sortOrder, sortTarget} = request;
  const isInOrder = sortOrder === 'none' || (sortTarget === 'key' && sortOrder === 'ascend');
  if (!isInOrder) return refusal('Unimplemented', 'RangeStream does not support custom sort orders');
  const {minModRevision, maxModRevision, minCreateRevision, maxCreateRevision} = request;
  if (minModRevision !== 0 || maxModRevision !== 0 || minCreateRevision !== 0 || maxCreateRevision !== 0) {
    return refusal('Unimplemented', 'RangeStream does not support revision filters');
  }
  return undefined;
}

/** Sends the chunks; undefined when all are sent or nobody takes them any more. */
export function* streamRange(host: RangeStreamHost, request: RangeRequest): Fiber<ServerError | undefined> {
  const {env, read, send, header} = host;
  if (request.countOnly) {
    const answer = read(request);
    if (answer.kind === 'error') return answer;
    const {count, header: at} = answer.response;
    yield* send({header: header(at.revision), kvs: [], more: false, count});
    return undefined;
  }
  const total = request.limit === 0 ? Number.MAX_SAFE_INTEGER : request.limit;
  let chunk = {...request, limit: Math.min(FIRST_CHUNK_COUNT, total)};
  let sent = 0;
  // Told at the end, and read at from the second chunk on, whatever is written meanwhile.
  let headerRevision = 0;
  for (;;) {
    if (env.failpoints.armed) yield* env.failpoints.hit('beforeRangeStreamChunk');
    const answer = read(chunk);
    if (answer.kind === 'error') return answer;
    const {kvs, more, header: at} = answer.response;
    if (headerRevision === 0) headerRevision = at.revision;
    if (chunk.revision === 0) chunk = {...chunk, revision: headerRevision};
    sent += kvs.length;
    const nextKey = `${kvs.at(-1)?.key ?? ''}\0`;
    if (!more || sent === total) {
      const rest = more ? read({...chunk, key: nextKey, limit: 0, countOnly: true}) : undefined;
      if (rest?.kind === 'error') return rest;
      const count = sent + (rest?.response.count ?? 0);
      yield* send({header: header(headerRevision), kvs, more, count});
      return undefined;
    }
    if (!(yield* send({header: undefined, kvs, more: false, count: 0}))) return undefined;
    const size = rangeResponseMessage.encode(answer.response).length;
    const limit = Math.min(nextLimit(chunk.limit, size, host.maxRequestBytes), total - sent);
    chunk = {...chunk, key: nextKey, limit};
  }
}

/** etcd: adjustChunkLimit. */
function nextLimit(limit: number, sizeBytes: number, targetBytes: number): number {
  if (sizeBytes < Math.floor(targetBytes / 2)) return limit * 2;
  return sizeBytes > targetBytes * 2 ? Math.max(1, Math.floor(limit / 2)) : limit;
}
