// server-core/concurrency/election-api.ts: the Election service. etcd: server/etcdserver/api/v3election, client/v3/concurrency/election.go.
// Candidates put a key each below the election's name; the oldest is the leader's, and its value what it proclaims.
import type {ByteString} from '../../base/byte-string.ts';
import {prefixEnd} from '../../base/byte-string.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {
  CampaignRequest,
  CampaignResponse,
  LeaderKey,
  LeaderRequest,
  LeaderResponse,
  ProclaimRequest,
  ResignRequest,
} from '../etcdserverpb/concurrency-messages.ts';
import type {KeyValue, ResponseHeader} from '../etcdserverpb/types.ts';
import {compare, deleteRangeRequest, putRequest, rangeRequest, txnRequest} from '../etcdserverpb/types.ts';
import type {Answer} from '../server/proposer.ts';
import type {Asker, ConcurrencyHost, Failure} from './waiting.ts';
import {
  byCreation,
  failure,
  firstOf,
  isFailure,
  KeyEvents,
  read,
  sessionKey,
  sessionLease,
  waitDeletes,
} from './waiting.ts';

const NOT_LEADER = failure('election: not leader');
const NO_LEADER = failure('election: no leader');
const MISSING_LEADER_KEY = failure('"leader" field must be provided');

interface HeaderAnswer {
  readonly header: ResponseHeader | undefined;
}

export class ElectionApi {
  private readonly host: ConcurrencyHost;

  constructor(host: ConcurrencyHost) {
    this.host = host;
  }

  /** Election.Campaign: waits until elected. */
  *campaign({name, lease, value}: CampaignRequest, asker: Asker): Fiber<Answer<CampaignResponse>> {
    const {host} = this;
    const session = yield* sessionLease(host, lease, asker);
    if (typeof session !== 'string') return session;
    const prefix = `${name}/`;
    const key = sessionKey(prefix, session);
    const entered = yield* host.kv.txn(
      txnRequest({
        compare: [compare(key, 'equal', {kind: 'create', number: 0})],
        success: [{kind: 'put', request: putRequest(key, value, {lease: session})}],
        failure: [{kind: 'range', request: rangeRequest(key)}],
      }),
      asker.token,
    );
    if (entered.kind === 'error') return failure(entered.message);
    const {succeeded, responses, header} = entered.response;
    let candidate: LeaderKey = {name, key, revision: header.revision, lease: session};
    if (!succeeded) {
      const [op] = responses;
      const own = op?.kind === 'range' ? op.response.kvs[0] : undefined;
      candidate = {...candidate, revision: own?.createRevision ?? 0};
      if (own?.value !== value) {
        const proclaimed = yield* this.proclaim({leader: candidate, value}, asker);
        if (proclaimed.kind === 'error') {
          yield* this.resign({leader: candidate}, asker);
          return proclaimed;
        }
      }
    }
    const waited = yield* waitDeletes(host, prefix, candidate.revision - 1, asker);
    if (isFailure(waited)) {
      // Only a candidate that gave up takes its key back; after any other error the key stays.
      if (asker.ended.ready()) yield* this.resign({leader: candidate}, {...asker, token: undefined});
      return waited;
    }
    return {kind: 'ok', response: {header, leader: candidate}};
  }

  /** Election.Proclaim: another value for the key that the leader holds. */
  *proclaim({leader, value}: ProclaimRequest, asker: Asker): Fiber<Answer<HeaderAnswer>> {
    if (leader === undefined) return MISSING_LEADER_KEY;
    const session = yield* sessionLease(this.host, leader.lease, asker);
    if (typeof session !== 'string') return session;
    const {key, revision} = leader;
    const answer = yield* this.host.kv.txn(
      txnRequest({
        compare: [compare(key, 'equal', {kind: 'create', number: revision})],
        success: [{kind: 'put', request: putRequest(key, value, {lease: session})}],
      }),
      asker.token,
    );
    if (answer.kind === 'error') return failure(answer.message);
    if (!answer.response.succeeded) return NOT_LEADER;
    return {kind: 'ok', response: {header: answer.response.header}};
  }

  /** Election.Resign: the key goes, if it is still the leader's. */
  *resign({leader}: ResignRequest, asker: Asker): Fiber<Answer<HeaderAnswer>> {
    if (leader === undefined) return MISSING_LEADER_KEY;
    const session = yield* sessionLease(this.host, leader.lease, asker);
    if (typeof session !== 'string') return session;
    const {key, revision} = leader;
    const answer = yield* this.host.kv.txn(
      txnRequest({
        compare: [compare(key, 'equal', {kind: 'create', number: revision})],
        success: [{kind: 'delete-range', request: deleteRangeRequest(key)}],
      }),
      asker.token,
    );
    if (answer.kind === 'error') return failure(answer.message);
    return {kind: 'ok', response: {header: answer.response.header}};
  }

  /** Election.Leader. */
  *leader({name}: LeaderRequest, asker: Asker): Fiber<Answer<LeaderResponse>> {
    const found = yield* read(this.host, byCreation(`${name}/`, 'ascend'), asker);
    if (isFailure(found)) return found;
    const kv = firstOf(found);
    return kv === undefined ? NO_LEADER : {kind: 'ok', response: {header: found.header, kv}};
  }

  /** Election.Observe: each leader, and each of its proclamations, until the caller gives up or a watch breaks. */
  *observe(
    {name}: LeaderRequest,
    asker: Asker,
    send: (response: LeaderResponse) => Fiber<boolean>,
  ): Fiber<Failure | undefined> {
    const prefix = `${name}/`;
    for (;;) {
      const found = yield* read(this.host, byCreation(prefix, 'ascend'), asker);
      if (isFailure(found)) return undefined;
      const kv = firstOf(found);
      const leader =
        kv === undefined ? yield* this.firstPut(prefix, found.header.revision, asker) : {header: found.header, kv};
      if (leader === undefined || !(yield* send(leader))) return undefined;
      if (!(yield* this.follow(leader, asker, send))) return undefined;
    }
  }

  /** The first candidate to come. */
  private *firstPut(
    prefix: ByteString,
    revision: number,
    asker: Asker,
  ): Fiber<{readonly header: ResponseHeader; readonly kv: KeyValue} | undefined> {
    const events = new KeyEvents(this.host, {key: prefix, rangeEnd: prefixEnd(prefix), startRevision: revision});
    try {
      for (;;) {
        const next = yield* events.next(asker);
        if (isFailure(next)) return undefined;
        const put = next.events.find(({type}) => type === 'put');
        if (put !== undefined) return {header: {...this.host.header(), revision: put.kv.modRevision}, kv: put.kv};
      }
    } finally {
      events.close();
    }
  }

  /** Tells of each change of the leader's key until it is deleted; false: the stream is over. */
  private *follow(
    {header, kv}: {readonly header: ResponseHeader; readonly kv: KeyValue},
    asker: Asker,
    send: (response: LeaderResponse) => Fiber<boolean>,
  ): Fiber<boolean> {
    const events = new KeyEvents(this.host, {key: kv.key, rangeEnd: '', startRevision: header.revision + 1});
    try {
      for (;;) {
        const next = yield* events.next(asker);
        if (isFailure(next)) return false;
        for (const event of next.events) {
          if (event.type === 'delete') return true;
          const response = {header: {...this.host.header(), revision: next.revision}, kv: event.kv};
          if (!(yield* send(response))) return false;
        }
      }
    } finally {
      events.close();
    }
  }
}
