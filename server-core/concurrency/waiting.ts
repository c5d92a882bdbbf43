// server-core/concurrency/waiting.ts: what locks and elections are built from: a session's lease, and waiting for keys to go.
// etcd: client/v3/concurrency session.go, key.go, as the servers' own client runs them inside the member.
import type {ByteString} from '../../base/byte-string.ts';
import {prefixEnd} from '../../base/byte-string.ts';
import type {LeaseId} from '../../base/ids.ts';
import {formatId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber, Waitable} from '../../env/fiber.ts';
import {select} from '../../env/fiber.ts';
import type {LeaseGrantResponse} from '../etcdserverpb/lease-messages.ts';
import type {KeyValue, RangeRequest, RangeResponse, ResponseHeader} from '../etcdserverpb/types.ts';
import {NO_LEASE, rangeRequest} from '../etcdserverpb/types.ts';
import type {KvApi} from '../server/kv-api.ts';
import type {Answer} from '../server/proposer.ts';
import type {WatchStream} from '../watch/watch-stream.ts';
import type {StoreResponse} from '../watch/watcher.ts';

/** defaultSessionTTL, in seconds. */
const SESSION_TTL = 60;

/** The member that locks and elections live in. */
export interface ConcurrencyHost {
  readonly env: Env;
  readonly kv: KvApi;
  readonly grant: (ttl: number, token: string | undefined) => Fiber<Answer<LeaseGrantResponse>>;
  readonly newWatchStream: () => WatchStream;
  /** Why the owner of the token may not watch the range, in the words of a cancelled watch. */
  readonly watchRefusal: (
    key: ByteString,
    rangeEnd: ByteString,
    token: string | undefined,
  ) => Fiber<string | undefined>;
  readonly watchCarrier: WatchCarrier;
  readonly header: () => ResponseHeader;
}

/**
 * The server's own client has one Watch call for all its watches, opened by whoever is first and closed with the last; every watch
 * on it is made with the first one's token. clientv3: watcher.streams, keyed by outgoing metadata, of which there is none.
 */
export class WatchCarrier {
  private watchCount = 0;
  private openedWith: string | undefined;

  /** A watch begins; the token that it is made with. */
  begin(token: string | undefined): string | undefined {
    if (this.watchCount++ === 0) this.openedWith = token;
    return this.openedWith;
  }

  end(): void {
    this.watchCount--;
  }
}

/** Who asks, and how to see that they gave up. */
export interface Asker {
  readonly token: string | undefined;
  readonly ended: Waitable<void>;
}

/** Why something did not come to pass: an answer of the server, or a text of the recipe's own. */
export interface Failure {
  readonly kind: 'error';
  readonly code: 'Unknown' | 'Canceled';
  readonly message: string;
  readonly effect: 'unknown';
}

/**
 * The server's client hands errors on as values of its own type, which gRPC does not know: whatever the code was, it leaves as
 * Unknown. clientv3 toErr, rpctypes.EtcdError.
 */
export const failure = (message: string): Failure => ({kind: 'error', code: 'Unknown', message, effect: 'unknown'});
export const CANCELED: Failure = {kind: 'error', code: 'Canceled', message: 'context canceled', effect: 'unknown'};

/** Lease 0: a new one of 60 s is granted; any other is taken as it is. */
export function* sessionLease(host: ConcurrencyHost, lease: LeaseId, asker: Asker): Fiber<LeaseId | Failure> {
  if (lease !== NO_LEASE) return lease;
  const granted = yield* host.grant(SESSION_TTL, asker.token);
  return granted.kind === 'ok' ? granted.response.id : failure(granted.message);
}

/** The key of a session below a name: the prefix and the lease in hex, as a signed number. */
export function sessionKey(prefix: ByteString, lease: LeaseId): ByteString {
  const value = BigInt.asIntN(64, BigInt(`0x${lease}`));
  return `${prefix}${value < 0n ? value.toString(16) : formatId(lease)}`;
}

/** The first or last created key below a prefix. clientv3: withTop. */
export function byCreation(prefix: ByteString, order: 'ascend' | 'descend', maxCreateRevision = 0): RangeRequest {
  const rangeEnd = prefixEnd(prefix);
  return rangeRequest(prefix, {rangeEnd, sortTarget: 'create', sortOrder: order, limit: 1, maxCreateRevision});
}

/** A linearizable read in the asker's name. */
export function* read(host: ConcurrencyHost, request: RangeRequest, asker: Asker): Fiber<RangeResponse | Failure> {
  const answer = yield* host.kv.range(request, asker.token);
  return answer.kind === 'ok' ? answer.response : failure(answer.message);
}

/** Tells a failure from a result. */
export const isFailure = <T extends object>(result: T | Failure): result is Failure =>
  'kind' in result && result.kind === 'error';

/** Until no key below the prefix is older than that; the header of the read that found none. etcd: waitDeletes. */
export function* waitDeletes(
  host: ConcurrencyHost,
  prefix: ByteString,
  maxCreateRevision: number,
  asker: Asker,
): Fiber<{readonly header: ResponseHeader} | Failure> {
  for (;;) {
    const found = yield* read(host, byCreation(prefix, 'descend', maxCreateRevision), asker);
    if (isFailure(found)) return found;
    const [last] = found.kvs;
    if (last === undefined) return {header: found.header};
    const failed = yield* waitDelete(host, last.key, found.header.revision, asker);
    if (failed !== undefined) return failed;
  }
}

/** Until the key is deleted, at that revision or later. */
function* waitDelete(
  host: ConcurrencyHost,
  key: ByteString,
  revision: number,
  asker: Asker,
): Fiber<Failure | undefined> {
  const events = new KeyEvents(host, {key, rangeEnd: '', startRevision: revision});
  try {
    for (;;) {
      const next = yield* events.next(asker);
      if (isFailure(next)) return next;
      if (next.events.some(({type}) => type === 'delete')) return undefined;
    }
  } finally {
    events.close();
  }
}

/** A key or a range from a revision on. */
export interface WatchedRange {
  readonly key: ByteString;
  readonly rangeEnd: ByteString;
  readonly startRevision: number;
}

/** The events of a key or a prefix from a revision on. */
export class KeyEvents {
  private readonly host: ConcurrencyHost;
  private readonly range: WatchedRange;
  private stream: WatchStream | undefined;

  constructor(host: ConcurrencyHost, range: WatchedRange) {
    this.host = host;
    this.range = range;
  }

  /** Begins to watch, or tells why that may not be. */
  private *open(asker: Asker): Fiber<WatchStream | Failure> {
    const {host, range} = this;
    const token = host.watchCarrier.begin(asker.token);
    const stream = host.newWatchStream();
    this.stream = stream;
    const refused = yield* host.watchRefusal(range.key, range.rangeEnd, token);
    if (refused !== undefined) return failure(refused);
    stream.watch({...range, watchId: 0, filter: {noPut: false, noDelete: false}});
    return stream;
  }

  /** The next response with events; a failure when the asker gave up or the past is compacted. */
  *next(asker: Asker): Fiber<StoreResponse | Failure> {
    const stream = this.stream ?? (yield* this.open(asker));
    if ('kind' in stream) return stream;
    for (;;) {
      const event = yield* select(this.host.env, {response: stream.receive, ended: asker.ended});
      if (event.kind === 'ended' || event.value === undefined) return CANCELED;
      const {compactRevision, events} = event.value;
      if (compactRevision > 0) return failure('etcdserver: mvcc: required revision has been compacted');
      if (events.length > 0) return event.value;
    }
  }

  close(): void {
    if (this.stream === undefined) return;
    this.host.watchCarrier.end();
    this.stream.close();
  }
}

/** The pair that a read found first. */
export const firstOf = ({kvs}: RangeResponse): KeyValue | undefined => kvs[0];
