// What every release's leases do alike, and the answers of real servers (errata: table of errors equal on all four).
import {describe, expect, test} from 'vitest';
import type {LeaseId} from '../../base/ids.ts';
import {toId64} from '../../base/ids.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs} from '../../env/fiber.ts';
import {Channel} from '../../env/sync.ts';
import type {LeaseKeepAliveRequest, LeaseKeepAliveResponse} from '../etcdserverpb/lease-messages.ts';
import type {ServerStream} from '../etcdserverpb/server-stream.ts';
import {serveKeepAlive} from './lease-api.ts';
import {compareLeaseIds, leaseKey} from './lease-id.ts';
import {LEASE_TTL_MAX, minLeaseTtl} from './lessor.ts';
import {leaseId, SECOND, TestCluster} from './test-cluster.ts';

const RELEASES = ['3.3.25', '3.4.23', '3.5.16', '3.6.14', '3.7.1'];

describe('ids', () => {
  test('are ordered as int64 and stored as 8 bytes, big-endian', () => {
    const ids = [leaseId(5), leaseId(-77), leaseId(0), leaseId(-1), toId64('7fffffffffffffff') as LeaseId];
    expect([...ids].sort(compareLeaseIds)).toEqual([leaseId(-77), leaseId(-1), leaseId(0), leaseId(5), ids[4]]);
    expect(leaseKey(leaseId(-77))).toBe('\xff\xff\xff\xff\xff\xff\xff\xb3');
    expect(leaseKey(leaseId(0x0102))).toBe('\0\0\0\0\0\0\x01\x02');
  });
});

test.each([
  {electionTicks: 10, tickUs: 100_000, least: 2},
  {electionTicks: 10, tickUs: 500_000, least: 8},
  {electionTicks: 5, tickUs: 100_000, least: 1},
  {electionTicks: 3, tickUs: 250_000, least: 1},
])('the shortest TTL of $electionTicks ticks of $tickUs us is $least s', ({least, ...ticks}) => {
  expect(minLeaseTtl(ticks)).toBe(least);
});

describe.each(RELEASES)('%s', (release) => {
  test('answers what real servers answer', () => {
    const cluster = new TestCluster({release});
    cluster.pass(SECOND);
    expect(cluster.grant(7, 100)).toMatchObject({kind: 'ok', response: {id: leaseId(7), ttl: 100, error: ''}});
    expect(cluster.grant(7, 100)).toMatchObject({
      code: 'FailedPrecondition',
      message: 'etcdserver: lease already exists',
    });
    expect(cluster.grant(8, LEASE_TTL_MAX + 1)).toMatchObject({
      code: 'OutOfRange',
      message: 'etcdserver: too large lease TTL',
    });
    expect(cluster.grant(8, LEASE_TTL_MAX)).toMatchObject({kind: 'ok', response: {ttl: LEASE_TTL_MAX}});
    for (const [id, ttl] of [
      [9, 0],
      [10, -5],
      [11, 1],
    ] as const) {
      expect(cluster.grant(id, ttl)).toMatchObject({kind: 'ok', response: {ttl: 2}});
    }
    expect(cluster.revoke(404)).toMatchObject({
      code: 'NotFound',
      message: 'etcdserver: requested lease not found',
      effect: 'none',
    });
    expect(cluster.put('a', 404)).toMatchObject({code: 'NotFound'});
    expect(cluster.ttl(404)).toBe(-1);
    expect(cluster.renew(404)).toMatchObject({code: 'NotFound'});
    expect(cluster.renew(7)).toEqual({kind: 'ok', response: 100});
  });

  test('a time-to-live shows whole seconds, the TTL granted and the keys where asked', () => {
    const cluster = new TestCluster({release, members: 2});
    cluster.pass(SECOND);
    cluster.grant(7, 100);
    cluster.put('b', 7);
    cluster.put('a', 7);
    cluster.pass(10 * SECOND);
    for (const member of cluster.members) {
      const answer = cluster.finish(member.api.timeToLive({id: leaseId(7), keys: true}, 'root'));
      expect(answer).toMatchObject({
        kind: 'ok',
        response: {id: leaseId(7), ttl: 89, grantedTtl: 100, keys: ['a', 'b'], header: {revision: 3, raftTerm: 2}},
      });
    }
  });

  test('the server chooses an id where none is given', () => {
    const cluster = new TestCluster({release});
    const answer = cluster.grant(0, 60);
    expect(answer).toMatchObject({kind: 'ok', response: {id: leaseId(0x694d0000)}});
  });

  test('an expired lease goes with its keys, in key order, within a look and a round of the log', () => {
    const cluster = new TestCluster({release, members: 3});
    cluster.pass(SECOND);
    cluster.grant(7, 5);
    const grantedUs = cluster.nowUs();
    for (const key of ['c', 'a', 'b']) cluster.put(key, 7);
    cluster.put('stays', 0);
    cluster.pass(grantedUs + 5 * SECOND - cluster.nowUs() - 1_000);
    expect(cluster.member(0).keyCount()).toBe(4);
    cluster.pass(SECOND);
    for (const member of cluster.members) {
      expect(member.keyCount()).toBe(1);
      expect(member.lessor.leaseCount).toBe(0);
      expect(member.store.currentRevision).toBe(6);
      member.lessor.check();
    }
    expect(cluster.member(0).store.stateDigest()).toBe(cluster.member(2).store.stateDigest());
    expect(cluster.ttl(7)).toBe(-1);
  });

  test('renewals keep a lease; through a follower they go to the leader', () => {
    const cluster = new TestCluster({release, members: 2});
    cluster.pass(SECOND);
    cluster.grant(7, 4);
    cluster.put('a', 7);
    for (let i = 0; i < 10; i++) {
      cluster.pass(3 * SECOND);
      expect(cluster.renew(7, i % 2)).toEqual({kind: 'ok', response: 4});
    }
    expect(cluster.member(1).keyCount()).toBe(1);
    cluster.pass(6 * SECOND);
    expect(cluster.member(1).keyCount()).toBe(0);
    expect(cluster.renew(7, 1)).toMatchObject({code: 'NotFound'});
  });

  test('a new leader gives every lease its whole TTL and an election timeout more', () => {
    const cluster = new TestCluster({release, members: 2});
    cluster.pass(SECOND);
    cluster.grant(7, 10);
    cluster.pass(9 * SECOND);
    cluster.elect(1);
    cluster.pass(10 * SECOND);
    expect(cluster.member(1).lessor.exists(leaseId(7))).toBe(true);
    cluster.pass(2 * SECOND);
    expect(cluster.member(0).lessor.exists(leaseId(7))).toBe(false);
  });

  test('a renewal of an expired lease waits for what becomes of it', () => {
    const cluster = new TestCluster({release, members: 2});
    cluster.pass(SECOND);
    cluster.grant(7, 2);
    cluster.grant(8, 2);
    cluster.member(0).isCutOff = true;
    cluster.pass(4 * SECOND);
    expect(cluster.ttl(7)).toBe(-2); // still there, overdue by 2 s and a bit
    const waiting = cluster.member(0).lessor.renew(leaseId(7));
    const revoked = cluster.member(0).lessor.renew(leaseId(8));
    const later = function* (): Fiber<unknown> {
      yield* cluster.member(1).propose({kind: 'lease-revoke', request: {id: leaseId(8)}});
      yield* sleepUs(cluster.bench.clock, 10_000);
      cluster.elect(1);
      return undefined;
    };
    const [first, second] = cluster.finishAll<unknown>([waiting, revoked, later()]);
    expect(first).toMatchObject({message: 'not a primary lessor', code: 'Unknown'});
    expect(second).toMatchObject({code: 'NotFound'});
  });

  test('the listing is in the order in which leases end; where none ends here, by id', () => {
    const cluster = new TestCluster({release, members: 2});
    cluster.pass(SECOND);
    for (const [id, ttl] of [
      [1, 300],
      [-2, 100],
      [3, 200],
    ] as const)
      cluster.grant(id, ttl);
    const list = (at: number) => {
      const answer = cluster.finish(cluster.member(at).api.leases('root'));
      return answer.kind === 'ok' ? answer.response.leases.map(({id}) => id) : [];
    };
    expect(list(0)).toEqual([leaseId(-2), leaseId(3), leaseId(1)]);
    expect(list(1)).toEqual([leaseId(-2), leaseId(1), leaseId(3)]);
  });

  test('without leases, and on followers, nothing runs', () => {
    const cluster = new TestCluster({release, members: 3});
    cluster.pass(SECOND);
    cluster.grant(7, 3600);
    cluster.revoke(7);
    cluster.pass(4000 * SECOND);
    let events = 0;
    while (cluster.bench.kernel.step()) events++;
    expect(events).toBe(0);
  });

  test('the keep-alive stream answers in order with headers from before the renewal, 0 for what is not there', () => {
    const cluster = new TestCluster({release, members: 2});
    cluster.pass(SECOND);
    cluster.grant(7, 60);
    const stream = new TestStream([leaseId(7), leaseId(404), leaseId(7)]);
    const end = cluster.finish(serveKeepAlive(cluster.member(1).host, stream, 'root'));
    expect(end).toBeUndefined();
    expect(stream.sent.map(({id, ttl}) => [id, ttl])).toEqual([
      [leaseId(7), 60],
      [leaseId(404), 0],
      [leaseId(7), 60],
    ]);
    expect(stream.sent[0]?.header).toMatchObject({revision: 1, raftTerm: 2});
  });

  test('with no leader the stream ends with an error', () => {
    const cluster = new TestCluster({release, members: 2});
    cluster.pass(SECOND);
    cluster.grant(7, 60);
    cluster.member(0).stepDown();
    cluster.leader = undefined;
    const stream = new TestStream([leaseId(7)]);
    const startedUs = cluster.nowUs();
    const end = cluster.finish(serveKeepAlive(cluster.member(1).host, stream, 'root'));
    expect(end).toMatchObject({code: 'Unavailable', message: 'etcdserver: no leader'});
    expect(stream.sent).toEqual([]);
    expect(cluster.nowUs() - startedUs).toBeGreaterThanOrEqual(7 * SECOND);
  });

  test('a leader whose answers never come means a timeout of unknown effect', () => {
    const cluster = new TestCluster({release, members: 2});
    cluster.pass(SECOND);
    cluster.grant(7, 60);
    cluster.member(0).isStuck = true;
    cluster.append('x');
    expect(cluster.renew(7, 1)).toMatchObject({message: 'etcdserver: request timed out', effect: 'unknown'});
  });
});

test('a restart in the middle finds the leases with their keys, without ends', () => {
  const cluster = new TestCluster({release: '3.6.14', members: 2});
  cluster.pass(SECOND);
  cluster.grant(7, 600);
  cluster.grant(8, 1);
  cluster.put('a', 7);
  cluster.put('b', 7);
  cluster.put('b', 8);
  cluster.member(1).restart();
  const lease = cluster.member(1).lessor.lookup(leaseId(7));
  expect(lease?.keys()).toEqual(['a']);
  expect(lease?.ttl).toBe(600);
  expect(lease?.isDemoted).toBe(true);
  expect(cluster.member(1).lessor.leaseOf('b')).toBe(leaseId(8));
  cluster.member(1).lessor.check();
});

/** A keep-alive call whose requests are all there already. */
class TestStream implements ServerStream<LeaseKeepAliveRequest, LeaseKeepAliveResponse> {
  readonly sent: LeaseKeepAliveResponse[] = [];
  readonly receive;
  readonly ended = {ready: () => false, take: () => undefined, park: () => undefined};

  constructor(ids: readonly LeaseId[]) {
    const requests = new Channel<LeaseKeepAliveRequest>(ids.length);
    for (const id of ids) requests.trySend({id});
    requests.close();
    this.receive = requests.receive;
  }

  // biome-ignore lint/correctness/useYield: nothing is waited for here
  *send(response: LeaseKeepAliveResponse): Fiber<boolean> {
    this.sent.push(response);
    return true;
  }
}
