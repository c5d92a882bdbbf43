// What an operator waits for, one thing missing at a time.
import {describe, expect, test} from 'vitest';
import {lowestVersion, type MemberLook, missingIn, type Wanted} from './look.ts';

const look: MemberLook = {
  name: 'm1',
  state: 'running',
  server: '3.6.0',
  cluster: '3.6.0',
  storage: '3.6.0',
  status: '',
  health: '200 {"health":"true","reason":""}',
  memberList: 'cluster 1, member 2: 2 m1 http://a http://b; 3 m2 http://c http://d',
};
const wanted: Wanted = {
  running: new Map([['m1', '3.6.0']]),
  clusterVersion: '3.6.0',
  memberCount: 2,
  isPublished: true,
  hasJob: false,
  learners: new Set<string>(),
  unknownStorage: new Set(),
};
const missing = (seen: Partial<MemberLook>, given: Partial<Wanted> = {}): string | undefined =>
  missingIn([{...look, ...seen}], {...wanted, ...given});

test('nothing is missing', () => expect(missing({})).toBeUndefined());

describe('one thing is missing', () => {
  test.each<[Partial<MemberLook>, string]>([
    [{state: 'ended: invalid downgrade'}, 'm1 ended'],
    [{server: '3.5.16'}, "m1 says it is '3.5.16'"],
    [{health: '503 {"health":"false","reason":"RAFT NO LEADER"}'}, 'm1 is not healthy'],
    [{health: 'no answer'}, 'm1 is not healthy'],
    [{memberList: 'error 14: etcdserver: no leader'}, 'm1 lists no members'],
    [{memberList: 'cluster 1, member 2: 2 m1 http://a http://b'}, 'm1 does not list 2 members'],
    [{memberList: look.memberList.replace('m2', '(not started)')}, 'not published'],
    [{cluster: '3.5.0'}, "the cluster's version is 3.5.0, not 3.6.0"],
    [{storage: '3.5.0'}, 'storage version is 3.5.0'],
    [{status: '{"downgradeInfo":{"enabled":true,"targetVersion":"3.6.0"}}'}, 'still has a downgrade job'],
    [{storage: 'unknown'}, 'storage version is unknown'],
  ])('%o', (seen, words) => expect(missing(seen)).toContain(words));
});

test('versions are looked at only where they are waited for', () => {
  const early = {cluster: '3.5.0', storage: '3.5.0'};
  expect(missing(early, {clusterVersion: undefined})).toBeUndefined();
  expect(missing({...early, health: 'no answer'}, {clusterVersion: undefined})).toContain('not healthy');
});

test('a member that is not meant to run is not waited for', () => {
  expect(missing({state: 'down'}, {running: new Map()})).toBeUndefined();
});

test('a storage version that stays unknown is taken as it is', () => {
  expect(missing({storage: 'unknown'}, {unknownStorage: new Set(['m1'])})).toBeUndefined();
  expect(missing({storage: '3.5.0'}, {unknownStorage: new Set(['m1'])})).toContain('storage version');
});

test('the cluster speaks the version of its oldest minor', () => {
  expect(lowestVersion(['3.5.16', '3.4.23', '3.5.0'])).toBe('3.4.0');
  expect(lowestVersion(['3.7.0'])).toBe('3.7.0');
});
