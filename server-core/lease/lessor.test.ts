// The lessor's finer points: checkpoints, the spread after a promotion, recovery, what a keep-alive's header says.
import {describe, expect, test} from 'vitest';
import type {LeaseId} from '../../base/ids.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs} from '../../env/fiber.ts';
import {Channel} from '../../env/sync.ts';
import type {LeaseKeepAliveRequest, LeaseKeepAliveResponse} from '../etcdserverpb/lease-messages.ts';
import {MvccStore} from '../mvcc/store.ts';
import {TestBatch} from '../mvcc/test-batch.ts';
import {leaseBehavioursOf} from './behaviours.ts';
import {serveKeepAlive} from './lease-api.ts';
import {Lessor, qualifyLessorOptions} from './lessor.ts';
import {PENDING_REVOKES_MAX} from './revoker.ts';
import {leaseId, SECOND, TestCluster} from './test-cluster.ts';

const checkpointsOf = (cluster: TestCluster, at = 0) =>
  cluster.member(at).proposed.flatMap((entry) => (entry.kind === 'lease-checkpoint' ? entry.request.checkpoints : []));

describe('checkpoints', () => {
  test('only a TTL above five minutes is recorded, every five minutes', () => {
    const cluster = new TestCluster({release: '3.6.14', checkpoints: true});
    cluster.pass(SECOND);
    cluster.grant(1, 300);
    cluster.grant(2, 301);
    cluster.grant(3, 1_000);
    cluster.pass(905 * SECOND);
    expect(checkpointsOf(cluster)).toEqual([
      {id: leaseId(2), remainingTtl: 1},
      {id: leaseId(3), remainingTtl: 700},
      {id: leaseId(3), remainingTtl: 400},
      {id: leaseId(3), remainingTtl: 99},
    ]);
  });

  test('a lease that was renewed has its remaining time counted from there', () => {
    const cluster = new TestCluster({release: '3.6.14', checkpoints: true});
    cluster.pass(SECOND);
    cluster.grant(1, 1_000);
    cluster.pass(100 * SECOND);
    expect(cluster.renew(1)).toEqual({kind: 'ok', response: 1_000});
    cluster.pass(201 * SECOND);
    expect(checkpointsOf(cluster)).toEqual([{id: leaseId(1), remainingTtl: 800}]);
  });

  test('one that was renewed in the very second is passed over, and not looked at again', () => {
    const cluster = new TestCluster({release: '3.6.14', checkpoints: true});
    cluster.grant(1, 1_000);
    cluster.pass(300_200_000 - cluster.nowUs());
    cluster.renew(1);
    cluster.pass(600 * SECOND);
    expect(checkpointsOf(cluster)).toEqual([]);
  });

  test('a new term as leader begins its own five minutes', () => {
    const cluster = new TestCluster({release: '3.6.14', checkpoints: true, members: 2});
    cluster.pass(SECOND);
    cluster.grant(1, 1_000);
    cluster.pass(200 * SECOND);
    cluster.elect(1);
    cluster.pass(50 * SECOND);
    cluster.elect(0);
    cluster.pass(290 * SECOND);
    expect(checkpointsOf(cluster)).toEqual([]);
    cluster.pass(15 * SECOND);
    expect(checkpointsOf(cluster)).toEqual([{id: leaseId(1), remainingTtl: 701}]);
    expect(checkpointsOf(cluster, 1)).toEqual([]);
  });

  test('a member that does not lead for sure records none and renews none', () => {
    const cluster = new TestCluster({release: '3.6.14', checkpoints: true, members: 2});
    cluster.pass(SECOND);
    cluster.grant(1, 1_000);
    cluster.member(0).hasTicked = false;
    cluster.electUnheard(1);
    cluster.pass(400 * SECOND);
    expect(checkpointsOf(cluster)).toEqual([]);
    expect(cluster.member(0).confirmations).toBe(1);
  });
});

describe('the revokes of expired leases', () => {
  test('go out sixteen at a time', () => {
    const cluster = new TestCluster({release: '3.6.14'});
    cluster.pass(SECOND);
    for (let id = 1; id <= 40; id++) cluster.grant(id, 2);
    const member = cluster.member(0);
    member.applyDelayUs = 100_000;
    while (member.proposed.filter(({kind}) => kind === 'lease-revoke').length === 0) cluster.pass(50_000);
    expect(member.proposed.filter(({kind}) => kind === 'lease-revoke').length).toBe(PENDING_REVOKES_MAX);
    cluster.pass(10 * SECOND);
    expect(member.lessor.leaseCount).toBe(0);
    expect(member.proposed.filter(({kind}) => kind === 'lease-revoke').length).toBe(40);
  });

  test('half the rate is reported by one look', () => {
    const cluster = new TestCluster({release: '3.6.14', revokeRate: 20});
    cluster.pass(5_000);
    for (let id = 1; id <= 25; id++) cluster.member(0).lessor.grant(leaseId(id), 2);
    for (const [at, left] of [
      [2_400_000, 25],
      [2_900_000, 15],
      [3_400_000, 5],
      [3_900_000, 0],
    ] as const) {
      cluster.pass(at - cluster.nowUs());
      expect(cluster.member(0).lessor.leaseCount, `at ${at}`).toBe(left);
    }
  });

  test('after a promotion crowded ends are spread', () => {
    const cluster = new TestCluster({release: '3.6.14', members: 2, revokeRate: 8});
    for (let id = 1; id <= 40; id++) cluster.grant(id, 10);
    cluster.pass(SECOND);
    const startUs = cluster.nowUs();
    cluster.elect(1);
    const counts: number[] = [];
    for (let second = 11; second <= 20; second++) {
      cluster.pass(startUs + second * SECOND + 600_000 - cluster.nowUs());
      counts.push(cluster.member(1).lessor.leaseCount);
    }
    // Six end at once, of which one look takes four; from then on the n-th is late by n sixths of a second.
    expect(counts).toEqual([36, 32, 26, 20, 14, 8, 2, 0, 0, 0]);
  });
});

test('a snapshot brings other leases, and the store their keys', () => {
  const source = new TestCluster({release: '3.6.14'});
  source.grant(1, 60);
  source.grant(-2, 70);
  source.put('a', 1);
  source.put('b', -2);
  const target = new TestCluster({release: '3.6.14'});
  target.grant(3, 50);
  target.put('c', 3);
  const member = target.member(0);
  member.stepDown();
  member.lessor.recover(source.member(0).batch);
  member.store.restore(source.member(0).batch);
  expect(member.lessor.list().map(({id, ttl}) => [id, ttl])).toEqual([
    [leaseId(-2), 70],
    [leaseId(1), 60],
  ]);
  expect(member.lessor.lookup(leaseId(-2))?.keys()).toEqual(['b']);
  expect(member.lessor.leaseOf('c')).toBe(leaseId(0));
  member.lessor.check();
});

test('a stored TTL below the minimum is raised to it', () => {
  const batch = new TestBatch();
  const cluster = new TestCluster({release: '3.6.14'});
  const {env} = cluster.member(0).host;
  const behaviours = leaseBehavioursOf('3.6.14');
  const first = new Lessor(env, batch, qualifyLessorOptions({behaviours, minTtl: 1}));
  first.grant(leaseId(1), 1);
  const second = new Lessor(env, batch, qualifyLessorOptions({behaviours, minTtl: 8}));
  MvccStore.open(batch, {lessor: second});
  expect(second.lookup(leaseId(1))?.ttl).toBe(8);
});

test('a lease that nobody may be granted', () => {
  const cluster = new TestCluster({release: '3.6.14'});
  expect(cluster.member(0).lessor.grant(leaseId(0), 60)).toMatchObject({code: 'NotFound'});
});

test('a stopped lessor lets renewals go', () => {
  const cluster = new TestCluster({release: '3.6.14'});
  cluster.grant(1, 2);
  cluster.member(0).isCutOff = true;
  cluster.pass(4 * SECOND);
  const {lessor} = cluster.member(0);
  const stop = function* (): Fiber<unknown> {
    yield* sleepUs(cluster.bench.clock, 1_000);
    lessor.stop();
    return undefined;
  };
  const [answer] = cluster.finishAll<unknown>([lessor.renew(leaseId(1)), stop()]);
  expect(answer).toMatchObject({message: 'not a primary lessor'});
});

test('a keep-alive tells the revision from before its renewal', () => {
  const cluster = new TestCluster({release: '3.6.14', members: 2});
  cluster.pass(SECOND);
  cluster.grant(1, 60);
  const sent: LeaseKeepAliveResponse[] = [];
  const requests = new Channel<LeaseKeepAliveRequest>(1);
  requests.trySend({id: leaseId(1) as LeaseId});
  requests.close();
  const stream = {
    receive: requests.receive,
    ended: {ready: () => false, take: () => undefined, park: () => undefined},
    // biome-ignore lint/correctness/useYield: nothing is waited for here
    *send(response: LeaseKeepAliveResponse): Fiber<boolean> {
      sent.push(response);
      return true;
    },
  };
  cluster.member(0).setStuck(true);
  cluster.append('during');
  const later = function* (): Fiber<undefined> {
    yield* sleepUs(cluster.bench.clock, 100_000);
    cluster.member(0).setStuck(false);
    return undefined;
  };
  const {host} = cluster.member(0);
  cluster.finishAll([serveKeepAlive(host, stream, 'root'), later()]);
  expect(sent).toMatchObject([{ttl: 60, header: {revision: 1}}]);
  expect(cluster.member(0).store.currentRevision).toBe(2);
});
