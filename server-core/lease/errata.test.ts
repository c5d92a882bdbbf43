// Each difference between releases with the answers that real servers gave (confirmed-on-real-kv.md), or, where none was run, with
// what the source says.
import {describe, expect, test} from 'vitest';
import {must} from '../../base/assert.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs} from '../../env/fiber.ts';
import {leaseRevokeRequest} from '../etcdserverpb/lease-messages.ts';
import {leaseBehavioursOf} from './behaviours.ts';
import {FOREVER_TTL} from './lease.ts';
import {handlePeerLease} from './peer-lease.ts';
import {ERR_DENIED, ERR_LATE, ERR_NO_USER, leaseId, SECOND, TestCluster} from './test-cluster.ts';

test('the first releases of each change are those of the catalogue', () => {
  const first = (name: keyof ReturnType<typeof leaseBehavioursOf>, releases: readonly string[]) =>
    releases.map((release) => leaseBehavioursOf(release)[name]);
  expect(first('recoversNegativeIds', ['3.3.25', '3.4.19', '3.4.20', '3.5.2', '3.5.3', '3.6.0'])).toEqual([
    false,
    false,
    true,
    false,
    true,
    true,
  ]);
  expect(first('waitsForApply', ['3.3.25', '3.4.19', '3.4.20', '3.5.2', '3.5.3', '3.6.0'])).toEqual([
    false,
    false,
    true,
    false,
    true,
    true,
  ]);
  expect(
    first('leadershipCheck', ['3.3.25', '3.4.30', '3.4.31', '3.4.34', '3.5.12', '3.5.13', '3.5.16', '3.6.0']),
  ).toEqual([
    'none',
    'none',
    'quorum',
    'quorum-unless-ticked',
    'none',
    'quorum',
    'quorum-unless-ticked',
    'quorum-unless-ticked',
  ]);
  expect(first('renewalLooksTwice', ['3.4.37', '3.4.38', '3.5.22', '3.5.23', '3.6.4', '3.6.5', '3.7.0'])).toEqual([
    false,
    true,
    false,
    true,
    false,
    true,
    true,
  ]);
  expect(first('refusesDemotedTtl', ['3.4.31', '3.4.32', '3.5.13', '3.5.14', '3.6.0'])).toEqual([
    false,
    true,
    false,
    true,
    true,
  ]);
  expect(first('queueClock', ['3.3.25', '3.4.0', '3.4.45', '3.5.0'])).toEqual([
    'monotonic',
    'wall',
    'wall',
    'monotonic',
  ]);
  expect(first('promotionSchedulesCheckpoints', ['3.4.19', '3.4.20', '3.5.1', '3.5.2'])).toEqual([
    false,
    true,
    false,
    true,
  ]);
});

describe('12535: negative ids after a restart', () => {
  test.each([
    {release: '3.3.25', found: false},
    {release: '3.4.23', found: true},
    {release: '3.5.16', found: true},
  ])('$release: found $found', ({release, found}) => {
    const cluster = new TestCluster({release, members: 2});
    cluster.pass(SECOND);
    cluster.grant(-77, 500);
    cluster.put('nk', -77);
    cluster.pass(SECOND);
    cluster.member(1).restart();
    const list = cluster.finish(cluster.member(1).api.leases('root'));
    expect(list).toMatchObject({kind: 'ok', response: {leases: found ? [{id: leaseId(-77)}] : []}});
    expect(cluster.put('nk2', -77, 0)).toMatchObject({kind: 'ok'});
    cluster.pass(SECOND);
    const hashes = () => cluster.members.map(({store}) => store.hashKv(0));
    const before = found ? 3858263431 : 2761764640;
    expect(hashes()).toMatchObject([{hash: 3858263431}, {hash: before}]);
    expect(cluster.put('nk3', -77, 1)).toMatchObject(
      found ? {kind: 'ok'} : {message: 'etcdserver: requested lease not found'},
    );
    cluster.pass(SECOND);
    expect(cluster.members.map(({store}) => store.currentRevision)).toEqual(found ? [4, 4] : [4, 2]);
    expect(hashes()).toMatchObject([{hash: 1981984428}, {hash: found ? 1981984428 : 2761764640}]);
  });

  test('3.3.25 loses the highest id, too: its scan ends before it', () => {
    const cluster = new TestCluster({release: '3.3.25'});
    cluster.pass(SECOND);
    const highest = '7fffffffffffffff' as ReturnType<typeof leaseId>;
    cluster.finish(cluster.member(0).api.grant({id: highest, ttl: 60}, 'root'));
    cluster.grant(1, 60);
    cluster.member(0).restart();
    expect(
      cluster
        .member(0)
        .lessor.list()
        .map(({id}) => id),
    ).toEqual([leaseId(1)]);
  });
});

describe('13932: a keep-alive at a leader whose apply is behind', () => {
  const stalled = (release: string, stallUs: number) => {
    const cluster = new TestCluster({release, members: 2});
    cluster.pass(SECOND);
    cluster.member(0).setStuck(true);
    expect(cluster.grant(4711, 60, 1)).toMatchObject({kind: 'ok'});
    const later = function* (): Fiber<unknown> {
      yield* sleepUs(cluster.bench.clock, stallUs);
      cluster.member(0).setStuck(false);
      return undefined;
    };
    return cluster.finishAll<unknown>([cluster.member(0).api.renew(leaseId(4711), 'root'), later()])[0];
  };
  test('3.3.25 says that the lease is gone', () => {
    expect(stalled('3.3.25', 400_000)).toMatchObject({code: 'NotFound'});
  });
  test.each(['3.4.23', '3.5.16', '3.6.14', '3.7.1'])('%s waits', (release) => {
    expect(stalled(release, 400_000)).toEqual({kind: 'ok', response: 60});
  });
  test.each(['3.4.23', '3.5.16', '3.6.14', '3.7.1'])('%s gives up after a second', (release) => {
    expect(stalled(release, 1_400_000)).toEqual(ERR_LATE);
  });

  test.each([
    {release: '3.6.14', fast: true, waits: true},
    {release: '3.7.1', fast: true, waits: false},
    {release: '3.7.1', fast: false, waits: true},
  ])('$release with FastLeaseKeepAlive $fast: a lease that is known waits $waits', ({release, fast, waits}) => {
    const cluster = new TestCluster({release, members: 2});
    cluster.member(0).fastKeepAlive = fast;
    cluster.member(0).restart();
    cluster.elect(0);
    cluster.pass(SECOND);
    cluster.grant(1, 60);
    cluster.member(0).setStuck(true);
    cluster.append('x');
    expect(cluster.renew(1)).toEqual(waits ? ERR_LATE : {kind: 'ok', response: 60});
  });
});

describe('15247: a leader that was deposed and does not know', () => {
  const scene = (release: string, hasTicked: boolean) => {
    const cluster = new TestCluster({release, members: 3});
    cluster.pass(SECOND);
    for (let id = 1; id <= 200; id++) {
      cluster.grant(id, 6);
      cluster.put(`k${id}`, id);
    }
    cluster.member(0).hasTicked = hasTicked;
    cluster.electUnheard(1);
    for (let round = 0; round < 15; round++) {
      cluster.pass(600_000);
      for (let id = 1; id <= 200; id++) if (cluster.member(1).lessor.exists(leaseId(id))) cluster.renew(id, 1);
    }
    return {cluster, keyCount: cluster.member(1).keyCount()};
  };
  test.each([
    {release: '3.3.25', hasTicked: false, left: 0},
    {release: '3.4.23', hasTicked: false, left: 0},
    {release: '3.4.31', hasTicked: true, left: 200},
    {release: '3.5.13', hasTicked: true, left: 200},
    {release: '3.5.16', hasTicked: true, left: 0},
    {release: '3.5.16', hasTicked: false, left: 200},
    {release: '3.7.1', hasTicked: false, left: 200},
  ])('$release, tick fresh $hasTicked: $left keys of 200 are left', ({release, hasTicked, left}) => {
    const {cluster, keyCount} = scene(release, hasTicked);
    expect(keyCount).toBe(left);
    if (left > 0) expect(cluster.member(0).marks.has('lease: expired leases left to the new leader')).toBe(true);
    const renewed = cluster.renew(1, 0);
    if (left === 0) expect(renewed).toMatchObject({code: 'NotFound'});
    else expect(renewed).toMatchObject({code: 'Unknown', message: 'not a primary lessor'});
  });
});

describe('13508: remaining times', () => {
  const checkpointed = (release: string, options: {members: number; storesCheckpoints?: boolean}) => {
    const cluster = new TestCluster({release, checkpoints: true, ...options});
    cluster.pass(SECOND);
    cluster.grant(1, 3600);
    const startUs = cluster.nowUs();
    cluster.pass(315_200_000);
    expect(cluster.ttl(1)).toBe(3284);
    return {cluster, startUs};
  };
  test.each(['3.4.23', '3.5.16', '3.6.14'])('%s records them after each of two leader changes', (release) => {
    const {cluster, startUs} = checkpointed(release, {members: 3});
    cluster.elect(1);
    cluster.pass(1_500_000);
    expect(cluster.ttl(1, 1)).toBe(3299);
    cluster.pass(startUs + 629 * SECOND - cluster.nowUs());
    expect(cluster.ttl(1, 2)).toBe(2987);
    cluster.elect(2);
    cluster.pass(1_500_000);
    expect(cluster.ttl(1, 2)).toBe(3000);
  });
  test('3.4.18 records nothing after the first leader change', () => {
    const {cluster} = checkpointed('3.4.18', {members: 3});
    cluster.elect(1);
    cluster.pass(400 * SECOND);
    cluster.elect(2);
    cluster.pass(1_500_000);
    expect(cluster.ttl(1, 2)).toBe(3299);
  });
  test.each([
    {release: '3.4.23', storesCheckpoints: true, replays: false, ttl: 3300},
    {release: '3.5.16', storesCheckpoints: true, replays: false, ttl: 3300},
    {release: '3.4.23', storesCheckpoints: false, replays: true, ttl: 3300},
    {release: '3.4.23', storesCheckpoints: false, replays: false, ttl: 3600},
    {release: '3.5.16', storesCheckpoints: false, replays: false, ttl: 3600},
    {release: '3.4.18', storesCheckpoints: true, replays: false, ttl: 3600},
  ])(
    '$release, stored $storesCheckpoints, entry replayed $replays: a restart finds $ttl',
    ({release, storesCheckpoints, replays, ttl}) => {
      const {cluster} = checkpointed(release, {members: 1, storesCheckpoints});
      cluster.member(0).restart(replays ? cluster.log.length - 1 : cluster.log.length);
      cluster.elect(0);
      cluster.pass(900_000);
      expect(cluster.ttl(1)).toBe(ttl);
    },
  );
  test('a renewal clears the remaining time through the log', () => {
    const {cluster} = checkpointed('3.6.14', {members: 2});
    expect(cluster.renew(1)).toEqual({kind: 'ok', response: 3600});
    expect(cluster.member(0).proposed.at(-1)).toEqual({
      kind: 'lease-checkpoint',
      request: {checkpoints: [{id: leaseId(1), remainingTtl: 0}]},
    });
    cluster.pass(SECOND);
    cluster.elect(1);
    cluster.pass(10_000);
    expect(cluster.ttl(1, 1)).toBe(3600);
  });
  test('3.3.25 has none', () => {
    expect(leaseBehavioursOf('3.3.25').hasCheckpoints).toBe(false);
    expect(() => new TestCluster({release: '3.3.25', checkpoints: true})).toThrow('no lease checkpoints');
  });
});

describe('14087: a full batch of checkpoints', () => {
  test.each([
    {release: '3.4.18', entries: 500},
    {release: '3.4.19', entries: 1},
  ])('$release sends it $entries times once it no longer leads', ({release, entries}) => {
    const cluster = new TestCluster({release, members: 2, checkpoints: true, revokeRate: 100_000});
    cluster.pass(SECOND);
    const member = cluster.member(0);
    for (let id = 1; id <= 1_000; id++) member.lessor.grant(leaseId(id), 3600);
    const startUs = cluster.nowUs();
    // The first batch is under way when the member steps down.
    member.applyDelayUs = 5 * SECOND;
    cluster.pass(startUs + 302 * SECOND - cluster.nowUs());
    cluster.elect(1);
    member.applyDelayUs = 200;
    cluster.pass(100 * SECOND);
    expect(member.proposed.length).toBe(entries);
  });
});

describe('20547: a revoke in the middle of a renewal', () => {
  test.each([
    {release: '3.4.23', answer: {kind: 'ok', response: 3600}},
    {release: '3.5.16', answer: {kind: 'ok', response: 3600}},
    {release: '3.5.23', answer: {code: 'NotFound'}},
    {release: '3.6.5', answer: {code: 'NotFound'}},
  ])('$release', ({release, answer}) => {
    const cluster = new TestCluster({release, checkpoints: true});
    cluster.pass(SECOND);
    cluster.grant(1, 3600);
    cluster.put('k', 1);
    cluster.pass(317 * SECOND);
    const {api, failpoints} = cluster.member(0);
    failpoints.arm('beforeCheckpointInLeaseRenew', {action: {kind: 'delay', delayUs: 2_000}});
    const revoke = function* (): Fiber<unknown> {
      yield* sleepUs(cluster.bench.clock, 500);
      return yield* api.revoke(leaseRevokeRequest.make({id: leaseId(1)}), 'root');
    };
    const [renewed, revoked] = cluster.finishAll<unknown>([api.renew(leaseId(1), 'root'), revoke()]);
    expect(revoked).toMatchObject({kind: 'ok'});
    expect(renewed).toMatchObject(answer);
    expect(cluster.ttl(1)).toBe(-1);
    // Whatever was said: the lease and its key are gone, and the orphan in the queue harms nobody.
    expect(cluster.member(0).keyCount()).toBe(0);
    cluster.grant(1, 5);
    cluster.pass(7 * SECOND);
    expect(cluster.ttl(1)).toBe(-1);
  });
});

describe('17506: a time-to-live where leases have no end', () => {
  test.each([
    {release: '3.3.25', refuses: false},
    {release: '3.4.23', refuses: false},
    {release: '3.5.16', refuses: true},
    {release: '3.7.1', refuses: true},
  ])('$release refuses $refuses', ({release, refuses}) => {
    const cluster = new TestCluster({release, members: 3});
    cluster.pass(SECOND);
    cluster.grant(1, 600);
    cluster.pass(SECOND);
    // Demoted behind the look at who leads: it still believes to lead.
    cluster.member(0).lessor.demote();
    const own = cluster.finish(cluster.member(0).api.timeToLive({id: leaseId(1), keys: false}, 'root'));
    if (refuses) expect(own).toMatchObject({code: 'Unavailable', message: 'etcdserver: leader changed'});
    else expect(own).toMatchObject({response: {ttl: FOREVER_TTL, grantedTtl: 600}});
    const later = function* (): Fiber<unknown> {
      yield* sleepUs(cluster.bench.clock, 300_000);
      cluster.elect(1);
      return undefined;
    };
    const forwarded = cluster.member(2).api.timeToLive({id: leaseId(1), keys: false}, 'root');
    const [answer] = cluster.finishAll<unknown>([forwarded, later()]);
    expect(answer).toMatchObject({response: {ttl: refuses ? 600 : FOREVER_TTL, grantedTtl: 600}});
  });
});

describe('13172: the token of the server itself is refused', () => {
  test('3.3.25: the lease stays, overdue', () => {
    const cluster = new TestCluster({release: '3.3.25', members: 3});
    cluster.member(0).auth.refusesInternalToken = true;
    cluster.pass(SECOND);
    cluster.grant(700, 2);
    const grantedUs = cluster.nowUs();
    cluster.put('leased', 700);
    cluster.pass(grantedUs + 9 * SECOND + 100_000 - cluster.nowUs());
    expect(cluster.ttl(700)).toBe(-7);
    expect(cluster.member(1).keyCount()).toBe(1);
    cluster.elect(1);
    cluster.pass(5 * SECOND);
    expect(cluster.member(0).keyCount()).toBe(0);
  });
});

describe('12291: the wall clock steps back', () => {
  test.each([
    {release: '3.3.25', outlives: false},
    {release: '3.4.45', outlives: true},
    {release: '3.5.0', outlives: false},
  ])('$release: leases outlive it $outlives', ({release, outlives}) => {
    const cluster = new TestCluster({release});
    cluster.pass(SECOND);
    cluster.grant(1, 10);
    const grantedUs = cluster.nowUs();
    cluster.bench.clock.stepWall(-60 * SECOND);
    cluster.pass(grantedUs + 50 * SECOND - 10_000 - cluster.nowUs());
    expect(cluster.ttl(1)).toBe(outlives ? -39 : -1);
    cluster.pass(25 * SECOND);
    expect(cluster.ttl(1)).toBe(-1);
  });
  test('a step forward ends none early, and delays at most by a retry interval', () => {
    const cluster = new TestCluster({release: '3.4.23'});
    cluster.pass(SECOND);
    cluster.grant(1, 10);
    const grantedUs = cluster.nowUs();
    cluster.bench.clock.stepWall(3600 * SECOND);
    cluster.pass(grantedUs + 10 * SECOND - 10_000 - cluster.nowUs());
    expect(cluster.ttl(1)).toBe(0);
    cluster.pass(7 * SECOND + 600_000);
    expect(cluster.ttl(1)).toBe(-1);
  });
});

describe('a revoke that is lost', () => {
  test.each([
    {release: '3.3.25', proposals: 16},
    {release: '3.4.23', proposals: 2},
    {release: '3.6.14', proposals: 2},
  ])('$release: proposed $proposals times in 8 s', ({release, proposals}) => {
    const cluster = new TestCluster({release});
    cluster.grant(1, 2);
    cluster.member(0).isCutOff = true;
    // Looks come at 2.5, 3.0 … 10.0 s: on each of them, or 7 s after the first, rounded up to the next.
    cluster.pass(10_400_000);
    const revokes = cluster.member(0).proposed.filter(({kind}) => kind === 'lease-revoke');
    expect(revokes.length).toBe(proposals);
  });
});

describe('who may ask (CVE-2023-32082, CVE-2026-33413)', () => {
  const scene = (release: string) => {
    const cluster = new TestCluster({release});
    cluster.pass(SECOND);
    cluster.grant(555, 1000);
    cluster.put('secret2', 555);
    const {auth, api} = cluster.member(0);
    auth.enabled = true;
    auth.users.set('alice', {range: ['a'], put: ['a']});
    return {cluster, auth, api};
  };
  test.each([
    {release: '3.3.25', ttlKeys: 'ok', guarded: false},
    {release: '3.4.23', ttlKeys: 'ok', guarded: false},
    {release: '3.5.16', ttlKeys: 'denied', guarded: false},
    {release: '3.5.30', ttlKeys: 'denied', guarded: true},
  ])('$release', ({release, ttlKeys, guarded}) => {
    const {cluster, api} = scene(release);
    const ask = (caller: string, keys: boolean) => cluster.finish(api.timeToLive({id: leaseId(555), keys}, caller));
    expect(ask('alice', true)).toMatchObject(ttlKeys === 'ok' ? {response: {keys: ['secret2']}} : ERR_DENIED);
    expect(ask('alice', false)).toMatchObject({kind: 'ok'});
    expect(ask('root', true)).toMatchObject({response: {keys: ['secret2']}});
    const grant = (caller: string) => cluster.finish(api.grant({id: leaseId(0), ttl: 60}, caller));
    const renew = (caller: string) => cluster.finish(api.renew(leaseId(555), caller));
    const list = (caller: string) => cluster.finish(api.leases(caller));
    expect(grant('alice')).toMatchObject({kind: 'ok'});
    for (const answer of [grant(''), renew(''), list(''), ask('', false)]) {
      expect(answer).toMatchObject(guarded ? ERR_NO_USER : {kind: 'ok'});
    }
    for (const answer of [renew('alice'), list('alice')])
      expect(answer).toMatchObject(guarded ? ERR_DENIED : {kind: 'ok'});
    for (const answer of [renew('root'), list('root')]) expect(answer).toMatchObject({kind: 'ok'});
  });

  test('a change of users during the question makes it void', () => {
    const {cluster, auth, api} = scene('3.5.16');
    auth.users.set('bob', {range: ['secret2'], put: []});
    cluster.append('x');
    const change = function* (): Fiber<unknown> {
      yield* sleepUs(cluster.bench.clock, 50);
      auth.revisionNow++;
      return undefined;
    };
    const [answer] = cluster.finishAll<unknown>([api.timeToLive({id: leaseId(555), keys: true}, 'bob'), change()]);
    expect(answer).toMatchObject({code: 'InvalidArgument', message: 'etcdserver: revision of auth store is old'});
  });
});

describe('questions between members', () => {
  const ask = (release: string, path: string, body: Uint8Array) => {
    const cluster = new TestCluster({release});
    cluster.pass(SECOND);
    const {status, body: answer} = cluster.finish(handlePeerLease(cluster.member(0).host, path, body));
    return `${status} ${must(new TextDecoder().decode(answer), 'text')}`;
  };
  test('what cannot be understood is refused', () => {
    expect(ask('3.6.14', '/leases/other', new Uint8Array(0))).toBe('400 unknown request path "/leases/other"\n');
    expect(ask('3.6.14', '/leases', Uint8Array.of(0x08))).toBe('400 error unmarshalling request\n');
    expect(ask('3.6.14', '/leases', Uint8Array.of(0x08, 0x05))).toBe('404 lease not found\n');
  });
  test.each([
    {release: '3.6.13', answer: '404'},
    {release: '3.6.14', answer: '413'},
    {release: '3.5.33', answer: '413'},
    {release: '3.7.0', answer: '404'},
  ])('$release answers $answer to 64 KiB and a byte', ({release, answer}) => {
    // Padded with a field that nobody knows: 3, length-delimited, 65,532 bytes.
    const body = new Uint8Array(65_537);
    body.set([0x08, 0x01, 0x1a, 0xfb, 0xff, 0x03]);
    expect(ask(release, '/leases', body.subarray(0, 6 + 65_531))).toMatch(answer);
  });
  test('a member that is not the primary refuses to renew', () => {
    const cluster = new TestCluster({release: '3.6.14', members: 2});
    cluster.pass(SECOND);
    cluster.grant(5, 60);
    cluster.pass(SECOND);
    const answer = cluster.finish(handlePeerLease(cluster.member(1).host, '/leases', Uint8Array.of(0x08, 0x05)));
    expect(`${answer.status} ${new TextDecoder().decode(answer.body)}`).toBe('400 not a primary lessor\n');
  });
});
