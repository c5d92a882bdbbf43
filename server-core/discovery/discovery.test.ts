// New members find each other through another cluster. Keys, ids and texts are those of real 3.6.0 members on the same addresses.
import {describe, expect, test} from 'vitest';
import {putRequest, rangeRequest} from '../etcdserverpb/types.ts';
import type {ServerConfigInput} from '../server/config.ts';
import type {MemberOptions} from '../server/test-lab.ts';
import {Lab} from '../server/test-lab.ts';

const member = (name: string, port: number): MemberOptions => ({
  name,
  peerUrl: `http://127.0.0.1:${port + 1}`,
  clientUrl: `http://127.0.0.1:${port}`,
});
const registry = {name: 's', peerUrl: 'http://s:2380', clientUrl: 'http://s:2379'};
const joiners = [member('a', 34110), member('b', 34120), member('c', 34130), member('d', 34140)];
const SIZE_KEY = '/_etcd/registry/tok/_config/size';

/** The registry's cluster runs; nobody has asked it for anything. */
function labWith(size: string | undefined, release = '3.6.0'): Lab {
  const lab = new Lab([registry, ...joiners]);
  lab.start('s', release, {initialCluster: [{name: 's', peerUrls: [registry.peerUrl]}]});
  lab.pass(4);
  if (size !== undefined) lab.run(() => lab.server('s').kv.put(putRequest(SIZE_KEY, size)));
  return lab;
}

function join(lab: Lab, name: string, options: Partial<ServerConfigInput> = {}, release = '3.6.0'): void {
  const {peerUrl = ''} = joiners.find((joiner) => joiner.name === name) ?? {};
  const discovery = {token: 'tok', endpoints: [registry.clientUrl]};
  lab.start(name, release, {initialCluster: [{name, peerUrls: [peerUrl]}], discovery, ...options});
}

function registered(lab: Lab): string[] {
  const range = rangeRequest('/_etcd/registry/tok/members', {rangeEnd: '/_etcd/registry/tok/membert'});
  const answer = lab.run(() => lab.server('s').kv.range(range));
  if (answer.kind === 'error') throw new Error(answer.message);
  return answer.response.kvs.map(({key, value}) => `${key} ${value}`);
}

const body = (lab: Lab, name: string): string => lab.server(name).clusterApi.membersBody();

describe('found', () => {
  test('two members become the cluster that two real ones became', () => {
    const lab = labWith('2');
    join(lab, 'a');
    lab.pass(2);
    expect(lab.servers.has('a')).toBe(false);
    join(lab, 'b');
    lab.pass(5);
    expect(registered(lab)).toEqual([
      '/_etcd/registry/tok/members/3d92b13be4043e6f a=http://127.0.0.1:34111',
      '/_etcd/registry/tok/members/7e35b02b4f8d12e2 b=http://127.0.0.1:34121',
    ]);
    expect(body(lab, 'a').trim()).toBe(
      '[{"id":4436803453700030063,"peerURLs":["http://127.0.0.1:34111"],"name":"a","clientURLs":["http://127.0.0.1:34110"]},' +
        '{"id":9094368722609312482,"peerURLs":["http://127.0.0.1:34121"],"name":"b","clientURLs":["http://127.0.0.1:34120"]}]',
    );
    expect(body(lab, 'b')).toBe(body(lab, 'a'));
    expect(lab.deaths).toEqual([]);
  });

  test.each(['3.6.0', '3.7.0'])('%s: three at once are one cluster, and a restart does not ask again', (release) => {
    const lab = labWith('3', release);
    for (const name of ['a', 'b', 'c']) join(lab, name, {}, release);
    lab.pass(6);
    const members = body(lab, 'a');
    expect(members.match(/"name"/g)).toHaveLength(3);
    lab.kill('s');
    for (const name of ['a', 'b', 'c']) {
      expect(body(lab, name)).toBe(members);
      lab.kill(name);
      join(lab, name, {}, release);
    }
    lab.pass(5);
    expect(body(lab, 'b')).toBe(members);
    expect(lab.deaths).toEqual([]);
  });

  test('who begins again before the others have come keeps its place', () => {
    const lab = labWith('2');
    join(lab, 'a');
    lab.pass(2);
    lab.kill('a');
    join(lab, 'a');
    lab.pass(1);
    join(lab, 'b');
    lab.pass(5);
    expect(registered(lab)).toHaveLength(2);
    expect(body(lab, 'a').match(/"name"/g)).toHaveLength(2);
  });

  test('the service is down at first: the next try comes after 2 s, then after 4', () => {
    const lab = labWith('1');
    lab.kill('s');
    join(lab, 'a', {discovery: {token: 'tok', endpoints: [registry.clientUrl], requestTimeoutMs: 1_000}});
    lab.pass(4.5);
    expect(lab.notes.filter((note) => note.includes('backoff'))).toEqual([
      'a retry connecting to discovery service: cluster status check, backoff 2s',
      'a retry connecting to discovery service: cluster status check, backoff 4s',
    ]);
    lab.start('s', '3.6.0', {initialCluster: [{name: 's', peerUrls: [registry.peerUrl]}]});
    lab.pass(10);
    expect(lab.server('a').isLeader).toBe(true);
  });

  test('another endpoint is asked when one cannot be reached', () => {
    const lab = labWith('1');
    join(lab, 'a', {discovery: {token: 'tok', endpoints: ['http://c9:2379', registry.clientUrl]}});
    lab.pass(8);
    expect(lab.server('a').isLeader).toBe(true);
    expect(lab.notes.filter((note) => note.includes('backoff'))).toEqual([]);
  });

  test('values that name nobody are passed over, and a value may name several URLs', () => {
    const lab = labWith('2');
    lab.run(() => lab.server('s').kv.put(putRequest('/_etcd/registry/tok/members/zz', 'nobody')));
    join(lab, 'a', {initialCluster: [{name: 'a', peerUrls: ['http://127.0.0.1:34111', 'http://a2:2380']}]});
    lab.pass(2);
    join(lab, 'b');
    lab.pass(5);
    expect(body(lab, 'b')).toContain('"peerURLs":["http://127.0.0.1:34111","http://a2:2380"]');
  });
});

describe('refused', () => {
  test.each([
    [undefined, 'discovery: size key not found'],
    ['x', 'discovery: size key is bad'],
    ['0', 'discovery: size key is bad'],
    ['-1', 'discovery: size key is bad'],
    ['', 'discovery: size key is bad'],
  ])('size %j', (size, text) => {
    const lab = labWith(size);
    join(lab, 'a');
    lab.pass(2);
    expect(lab.deaths).toEqual([expect.stringContaining(`failed to join discovery cluster (${text})`)]);
  });

  test('the cluster is full, also for one that put itself in between', () => {
    const lab = labWith('2');
    for (const name of ['a', 'b']) join(lab, name);
    lab.pass(5);
    join(lab, 'c');
    lab.pass(2);
    const full = expect.stringContaining('failed to join discovery cluster (discovery: cluster is full)');
    expect(lab.deaths).toEqual([full]);
    expect(registered(lab)).toHaveLength(2);
    const raced = labWith('2');
    for (const name of ['a', 'b', 'c', 'd']) join(raced, name);
    raced.pass(5);
    expect(raced.deaths).toEqual([full, full]);
    expect([...raced.servers.keys()]).toHaveLength(3);
  });

  test('what is registered is no URL, or one that somebody has already', () => {
    const lab = labWith('2');
    lab.run(() => lab.server('s').kv.put(putRequest('/_etcd/registry/tok/members/zz', 'z=nowhere')));
    join(lab, 'a');
    lab.pass(2);
    expect(lab.deaths[0]).toContain('failed to join discovery cluster (discovery: invalid peer URL)');
    const twice = labWith('2');
    twice.run(() => twice.server('s').kv.put(putRequest('/_etcd/registry/tok/members/zz', 'z=http://127.0.0.1:34111')));
    join(twice, 'a');
    twice.pass(2);
    expect(twice.deaths[0]).toContain('has duplicate url');
  });

  test('3.5 has no such flag', () => {
    const lab = labWith('1');
    join(lab, 'a', {}, '3.5.16');
    lab.pass(1);
    expect(lab.deaths[0]).toContain('flag provided but not defined: -discovery-token');
  });
});
