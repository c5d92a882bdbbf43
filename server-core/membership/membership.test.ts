// Ids as real servers compute them; members as etcd writes them; a cluster that reads itself back.
import {expect, test} from 'vitest';
import {toMemberId} from '../../base/ids.ts';
import {TestBatch} from '../mvcc/test-batch.ts';
import {Cluster} from './cluster.ts';
import {clusterIdOf, memberIdOf} from './identity.ts';
import type {Member} from './member.ts';
import {decodeMember, encodeMember} from './member.ts';

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

test('what was applied is read back from the buckets; a removed id stays removed', () => {
  const batch = new TestBatch();
  for (const bucket of ['members', 'members_removed'] as const) batch.createBucket(bucket);
  const clusterId = clusterIdOf([member.id]);
  const cluster = new Cluster(clusterId, batch, []);
  cluster.addMember({...member, name: '', clientUrls: []});
  cluster.setAttributes({memberId: member.id, name: 'm1', clientUrls: member.clientUrls});
  cluster.setAttributes({memberId: toMemberId(99), name: 'nobody', clientUrls: []});
  cluster.addMember({...member, id: toMemberId(5), name: 'gone'});
  cluster.removeMember(toMemberId(5));
  const again = new Cluster(clusterId, batch, []);
  expect(again.members()).toEqual([member]);
  expect([again.isRemoved(toMemberId(5)), again.isRemoved(member.id)]).toEqual([true, false]);
});
