// Random grants, renewals, revokes, puts, leader changes and restarts on three members against a plain model.
// Laws: a lease never goes before its TTL has passed since the last renewal that was answered began; under a stable leader it is
// gone soon after; keys and leases name each other; members with one log are alike; what is stored is what is there.
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import type {ByteString} from '../../base/byte-string.ts';
import {compareByteStrings} from '../../base/byte-string.ts';
import {MvccStore} from '../mvcc/store.ts';
import {Lessor} from './lessor.ts';
import {ELECTION_US, leaseId, SECOND, TestCluster, type TestMember} from './test-cluster.ts';

type Op =
  | {readonly kind: 'grant'; readonly id: number; readonly ttl: number; readonly at: number}
  | {readonly kind: 'renew' | 'revoke'; readonly id: number; readonly at: number}
  | {readonly kind: 'put'; readonly key: ByteString; readonly id: number; readonly at: number}
  | {readonly kind: 'elect' | 'restart' | 'lag'; readonly at: number}
  | {readonly kind: 'pass'; readonly slots: number};

const ids = fc.integer({min: -2, max: 4}).filter((id) => id !== 0);
const at = fc.integer({min: 0, max: 2});
const ops = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({kind: fc.constant('grant' as const), id: ids, ttl: fc.integer({min: 1, max: 9}), at}),
    },
    {weight: 8, arbitrary: fc.record({kind: fc.constant('renew' as const), id: ids, at})},
    {weight: 1, arbitrary: fc.record({kind: fc.constant('revoke' as const), id: ids, at})},
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('put' as const),
        key: fc.constantFrom('a', 'b', 'c', 'd'),
        id: fc.integer({min: -2, max: 4}),
        at,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({kind: fc.constantFrom('elect' as const, 'restart' as const, 'lag' as const), at}),
    },
    {weight: 12, arbitrary: fc.record({kind: fc.constant('pass' as const), slots: fc.integer({min: 1, max: 40})})},
  ),
  {minLength: 20, maxLength: 80},
);

/** What the test knows of a lease. */
interface Known {
  readonly ttl: number;
  /** When the last answered grant or renewal began: it must not end before a TTL from here. */
  sinceUs: number;
  /** The latest time at which a term can have begun: it must end within a TTL, an election and some slack. */
  latestUs: number;
}

/** A look, and the log's way to the slowest member. */
const SLACK_US = 500_000 + 200_000;

class Model {
  readonly known = new Map<number, Known>();
  readonly cluster: TestCluster;
  expiredCount = 0;
  renewedCount = 0;

  constructor(cluster: TestCluster) {
    this.cluster = cluster;
  }

  act(op: Op): void {
    const {cluster} = this;
    const startUs = cluster.nowUs();
    switch (op.kind) {
      case 'grant': {
        const answer = cluster.grant(op.id, op.ttl, op.at);
        if (answer.kind === 'ok') {
          this.mustBeGone(op.id);
          this.known.set(op.id, {ttl: answer.response.ttl, sinceUs: startUs, latestUs: cluster.nowUs()});
        } else expect(this.known.has(op.id)).toBe(true);
        return;
      }
      case 'renew': {
        const answer = cluster.renew(op.id, op.at);
        const known = this.known.get(op.id);
        if (answer.kind === 'ok') {
          expect(answer.response).toBe(known?.ttl);
          if (known !== undefined) Object.assign(known, {sinceUs: startUs, latestUs: cluster.nowUs()});
          this.renewedCount++;
        } else {
          expect(answer.code).toBe('NotFound');
          this.mustBeGone(op.id);
        }
        return;
      }
      case 'revoke': {
        const answer = cluster.revoke(op.id, op.at);
        if (answer.kind === 'ok') expect(this.known.delete(op.id)).toBe(true);
        else this.mustBeGone(op.id);
        return;
      }
      case 'put': {
        const answer = cluster.put(op.key, op.id, op.at);
        if (answer.kind === 'ok') expect(op.id === 0 || this.known.has(op.id)).toBe(true);
        else this.mustBeGone(op.id);
        return;
      }
      case 'elect':
        return this.elect(op.at);
      case 'restart':
        cluster.member(op.at).restart();
        if (cluster.leader === undefined) this.elect((op.at + 1) % 3);
        return;
      case 'lag':
        // Slow, but faster than what the laws allow for.
        cluster.member(op.at).applyDelayUs = cluster.member(op.at).applyDelayUs === 200 ? 5_000 : 200;
        return;
      default:
        cluster.pass(op.slots * 50_000);
    }
  }

  private elect(at: number): void {
    this.cluster.elect(at);
    // Promoted once the log is applied.
    this.cluster.pass(500_000);
    for (const known of this.known.values()) known.latestUs = this.cluster.nowUs();
  }

  /** The lease is not there, or no longer: was that allowed? */
  private mustBeGone(id: number): void {
    const known = this.known.get(id);
    if (known === undefined) return;
    const {sinceUs, ttl} = known;
    expect(this.cluster.nowUs(), `lease ${id} went too early`).toBeGreaterThanOrEqual(sinceUs + ttl * SECOND);
    this.known.delete(id);
    this.expiredCount++;
  }

  /** What has gone since the last look, and whether it was allowed to go or had to. */
  look(): void {
    this.cluster.settle();
    const nowUs = this.cluster.nowUs();
    for (const [id, {ttl, latestUs}] of this.known) {
      if (this.cluster.leader?.lessor.exists(leaseId(id)) !== true) this.mustBeGone(id);
      else expect(nowUs, `lease ${id} is still there`).toBeLessThan(latestUs + ttl * SECOND + ELECTION_US + SLACK_US);
    }
  }
}

/** Keys and leases name each other; nothing is under a lease that is gone. */
function checkMember(member: TestMember): void {
  member.lessor.check();
  const keys = member.keysByLease();
  for (const [id, attached] of keys) {
    if (id === leaseId(0)) continue;
    expect(member.lessor.lookup(id)?.keys()).toEqual(attached.sort(compareByteStrings));
    for (const key of attached) expect(member.lessor.leaseOf(key)).toBe(id);
  }
  for (const lease of member.lessor.list()) expect(keys.get(lease.id) ?? []).toEqual(lease.keys());
  expect(describeLeases(recovered(member))).toEqual(describeLeases(member.lessor));
}

/** A lessor and a store made anew from what the member has stored. */
function recovered(member: TestMember): Lessor {
  const lessor = new Lessor(member.host.env, member.batch, member.lessor.options);
  MvccStore.open(member.batch, {lessor});
  return lessor;
}

const describeLeases = (lessor: Lessor) =>
  lessor
    .list()
    .map((lease) => `${lease.id} ${lease.ttl} ${lease.keys()}`)
    .sort(compareByteStrings);

/** Without negative ids, which 3.3 loses on a restart. */
const withPositiveId = (op: Op): Op => ('id' in op ? {...op, id: Math.abs(op.id)} : op);

describe.each(['3.3.25', '3.4.23', '3.5.16', '3.6.14', '3.7.1'])('%s', (release) => {
  const isOld = release === '3.3.25';
  test('the laws hold', () => {
    let expiredCount = 0;
    let renewedCount = 0;
    fc.assert(
      fc.property(ops, fc.nat(1_000), (steps, seed) => {
        const cluster = new TestCluster({release, members: 3, seed});
        cluster.pass(SECOND);
        const model = new Model(cluster);
        for (const op of steps) {
          // 3.3's leader does not wait for its apply: look() waits before each step for the step before.
          model.act(isOld ? withPositiveId(op) : op);
          model.look();
        }
        for (const member of cluster.members) checkMember(member);
        const digests = cluster.members.map(
          (member) => `${member.store.stateDigest()} ${describeLeases(member.lessor)}`,
        );
        expect(new Set(digests).size).toBe(1);
        cluster.pass(12 * SECOND);
        model.look();
        expect([...model.known]).toEqual([]);
        for (const member of cluster.members)
          expect([...member.keysByLease().keys()].filter((id) => id !== leaseId(0))).toEqual([]);
        expiredCount += model.expiredCount;
        renewedCount += model.renewedCount;
      }),
      {numRuns: 60, seed: 11},
    );
    expect(expiredCount).toBeGreaterThan(60);
    expect(renewedCount).toBeGreaterThan(60);
  });
});
