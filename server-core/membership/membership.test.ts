// Ids as real servers compute them; members as etcd writes them; a cluster that reads itself back.
import {expect, test} from 'vitest';
import {formatId, toMemberId} from '../../base/ids.ts';
import {TestBatch} from '../mvcc/test-batch.ts';
import {makeConfChange} from '../raftpb/conf-change.ts';
import type {ConfChange, ConfChangeType} from '../raftpb/types.ts';
import {createMembershipBuckets} from './backend-members.ts';
import {membershipBehaviours} from './behaviours.ts';
import {Cluster} from './cluster.ts';
import {clusterIdOf, memberIdOf} from './identity.ts';
import type {Member} from './member.ts';
import {decodeMember, encodeMember, encodePromotion, jsonBytes, jsonText} from './member.ts';
import {ServerEnded} from './process-end.ts';
import {hasForeignKeys, newServerV2Store} from './v2-members.ts';

test('ids are those that a real 3.5.16 gave itself', () => {
  const id = memberIdOf(['http://127.0.0.1:23800'], 'etcd-cluster');
  expect(id).toBe('2e1259d415f2a040');
  expect(BigInt(`0x${clusterIdOf([id])}`)).toBe(324952591200643719n);
});

test('ids do not depend on the order of URLs or members', () => {
  expect(memberIdOf(['http://b:1', 'http://a:1'], 't')).toBe(memberIdOf(['http://a:1', 'http://b:1'], 't'));
  const [a, b] = [toMemberId(7), toMemberId('ffffffffffffffff')];
  expect(clusterIdOf([a, b])).toBe(clusterIdOf([b, a]));
});

const member: Member = {
  id: toMemberId('8e9e05c52164694d'),
  peerUrls: ['http://m1:2380'],
  isLearner: false,
  name: 'm1',
  clientUrls: ['http://m1:2379'],
};

test('a member is the JSON that Go writes, and its 64-bit id comes back whole', () => {
  const text = encodeMember(member);
  expect(text).toBe(
    '{"id":10276657743932975437,"peerURLs":["http://m1:2380"],"name":"m1","clientURLs":["http://m1:2379"]}',
  );
  expect(decodeMember(text)).toEqual(member);
  expect(encodeMember({...member, isLearner: true, name: '', clientUrls: []})).toBe(
    '{"id":10276657743932975437,"peerURLs":["http://m1:2380"],"isLearner":true}',
  );
  expect(() => decodeMember('{}')).toThrow('member without an id');
});

const clusterId = clusterIdOf([member.id]);

function clusterOf(release: string, batch: TestBatch, v2Store = newServerV2Store(() => 0n)): Cluster {
  createMembershipBuckets(batch);
  const behaviours = membershipBehaviours(release);
  const kept = behaviours.keepsV2Store ? v2Store : undefined;
  return new Cluster({id: clusterId, localId: member.id, release, behaviours, batch, v2Store: kept});
}

test.each(['3.3.25', '3.4.23', '3.5.16', '3.6.0', '3.7.0'])(
  '%s reads back what was applied; a removed id stays removed',
  (release) => {
    const batch = new TestBatch();
    const cluster = clusterOf(release, batch);
    cluster.addMember({...member, name: '', clientUrls: []});
    cluster.updateAttributes(member.id, {name: 'm1', clientUrls: member.clientUrls});
    expect(() => cluster.updateAttributes(toMemberId(99), {name: 'nobody', clientUrls: []})).toThrow(ServerEnded);
    cluster.addMember({...member, id: toMemberId(5), peerUrls: ['http://m5:2380'], name: 'gone'});
    cluster.removeMember(toMemberId(5));
    cluster.updateAttributes(toMemberId(5), {name: 'late', clientUrls: []});
    cluster.setVersion('3.3.0');
    const again = clusterOf(release, batch);
    again.recover(batch, cluster.v2Store, 'at-start');
    expect(again.members()).toEqual([member]);
    expect([again.isRemoved(toMemberId(5)), again.isRemoved(member.id)]).toEqual([true, false]);
    expect(again.version).toBe('3.3.0');
  },
);

test('3.5.16 never writes over the record of a member in the backend (issue 19557); 3.5.30 and 3.4 do', () => {
  const recordIn = (release: string) => {
    const batch = new TestBatch();
    const cluster = clusterOf(release, batch);
    cluster.addMember({...member, isLearner: true, name: '', clientUrls: []});
    cluster.promoteMember(member.id);
    cluster.updateAttributes(member.id, member);
    expect(cluster.members()).toEqual([member]);
    return jsonText(batch.get('members', formatId(member.id)) ?? new Uint8Array(0));
  };
  const first = '{"id":10276657743932975437,"peerURLs":["http://m1:2380"],"isLearner":true}';
  expect(recordIn('3.5.16')).toBe(first);
  for (const release of ['3.4.23', '3.5.30', '3.6.0', '3.7.0']) expect(recordIn(release)).toBe(encodeMember(member));
});

test.each([
  ['3.5.16', false],
  ['3.5.31', true],
  ['3.6.11', false],
  ['3.6.12', true],
])('an update of URLs on %s leaves a learner one: %s (issue 21694)', (release, isLearner) => {
  const cluster = clusterOf(release, new TestBatch());
  cluster.addMember({...member, isLearner: true});
  cluster.updateRaftAttributes(member.id, {peerUrls: ['http://new:2380'], isLearner: false});
  expect(cluster.member(member.id)).toEqual({...member, peerUrls: ['http://new:2380'], isLearner});
});

function change(type: ConfChangeType, id: number, context?: string): ConfChange {
  return makeConfChange(type, toMemberId(id), context === undefined ? undefined : jsonBytes(context));
}

test('a conf change is refused for what is in the cluster when it is applied', () => {
  const cluster = clusterOf('3.5.16', new TestBatch());
  const text = (id: number, url: string, isLearner = false) =>
    encodeMember({id: toMemberId(id), peerUrls: [url], isLearner, name: '', clientUrls: []});
  cluster.addMember({...member, id: toMemberId(1), peerUrls: ['http://a:1']});
  cluster.addMember({...member, id: toMemberId(2), peerUrls: ['http://b:1'], isLearner: true});
  cluster.addMember({...member, id: toMemberId(3), peerUrls: ['http://c:1']});
  cluster.removeMember(toMemberId(3));
  const errorOf = (given: ConfChange) => cluster.confChangeError(given, true);
  expect(errorOf(change('ConfChangeAddNode', 3, text(3, 'http://c:1')))).toBe('id-removed');
  expect(errorOf(change('ConfChangeAddNode', 1, text(1, 'http://d:1')))).toBe('id-exists');
  expect(errorOf(change('ConfChangeAddNode', 4, text(4, 'http://a:1')))).toBe('peer-url-exists');
  expect(errorOf(change('ConfChangeAddNode', 4, text(4, 'http://d:1')))).toBeUndefined();
  expect(errorOf(change('ConfChangeAddLearnerNode', 4, text(4, 'http://d:1', true)))).toBe('too-many-learners');
  expect(errorOf(change('ConfChangeAddNode', 1, encodePromotion(toMemberId(1))))).toBe('member-not-learner');
  expect(errorOf(change('ConfChangeAddNode', 9, encodePromotion(toMemberId(9))))).toBe('id-not-found');
  expect(errorOf(change('ConfChangeAddNode', 2, encodePromotion(toMemberId(2))))).toBeUndefined();
  expect(errorOf(change('ConfChangeRemoveNode', 9))).toBe('id-not-found');
  expect(errorOf(change('ConfChangeUpdateNode', 1, text(1, 'http://b:1')))).toBe('peer-url-exists');
  expect(errorOf(change('ConfChangeUpdateNode', 1, text(1, 'http://a:1')))).toBeUndefined();
  const old = clusterOf('3.3.25', new TestBatch());
  expect(() => old.confChangeError(change('ConfChangeAddLearnerNode', 4, text(4, 'http://d:1')), true)).toThrow(
    'ConfChange type should be either AddNode, RemoveNode or UpdateNode',
  );
});

test.each([
  ['3.3.25', 'cluster cannot be downgraded (current version: 3.3.25 is lower than determined cluster version: 3.7).'],
  ['3.4.23', 'cluster cannot be downgraded (current version: 3.4.23 is lower than determined cluster version: 3.7).'],
  ['3.4.32', 'invalid downgrade; (current version: 3.4.32 is lower than determined cluster version: 3.7).'],
  ['3.5.16', 'invalid downgrade; server version is lower than determined cluster version'],
  ['3.6.0', 'invalid downgrade; server version is lower than determined cluster version'],
])('%s ends where the cluster speaks a newer version', (release, text) => {
  expect(() => clusterOf(release, new TestBatch()).setVersion('3.7.0')).toThrow(text);
});

test('a downgrade job lets a 3.5 server in that is its target, and no other', () => {
  const job = {enabled: true, targetVersion: '3.5.0'};
  const cluster = clusterOf('3.5.16', new TestBatch());
  cluster.setDowngrade(job);
  cluster.setVersion('3.6.0');
  cluster.setDowngrade({enabled: true, targetVersion: '3.4.0'});
  expect(() => cluster.setVersion('3.5.0')).toThrow(
    'invalid downgrade; server version is not allowed to join when downgrade is enabled',
  );
});

test('empty auth placeholders of the v2 API do not count as content where that is tolerated; a user does', () => {
  const store = newServerV2Store(() => 0n);
  const isForeign = () =>
    [true, false].map((toleratesAuthPlaceholders) => hasForeignKeys(store, {toleratesAuthPlaceholders}));
  expect(isForeign()).toEqual([false, false]);
  for (const path of ['/2/users', '/2/roles']) store.create(path, {dir: true, value: '', unique: false});
  store.create('/2/enabled', {dir: false, value: 'false', unique: false});
  expect(isForeign()).toEqual([false, true]);
  store.create('/2/users/root', {dir: false, value: '{}', unique: false});
  expect(isForeign()).toEqual([true, true]);
});
