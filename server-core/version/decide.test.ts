// Which version a cluster comes to, member by member and release by release.
import {expect, test} from 'vitest';
import {versionBehaviours} from './behaviours.ts';
import {membersBody, parseMembersBody, parseVersionBody, versionBody} from './bodies.ts';
import type {MemberVersions} from './decide.ts';
import {
  decideClusterVersion,
  isCompatible,
  isJobDone,
  minimalServerVersion,
  NOT_DECIDED,
  targetVersionOf,
} from './decide.ts';

const server = (version: string, cluster = NOT_DECIDED): MemberVersions => ({server: version, cluster});
const NO_JOB = {enabled: false, targetVersion: ''};
const jobTo = (targetVersion: string) => ({enabled: true, targetVersion});

test('the lowest server version, and nothing while one member is silent or speaks nonsense', () => {
  expect(minimalServerVersion([server('3.5.16'), server('3.4.23'), server('3.6.1')])).toBe('3.4.0');
  expect(minimalServerVersion([server('3.5.16'), undefined])).toBeUndefined();
  expect(minimalServerVersion([server('3.5.16'), server('')])).toBeUndefined();
  expect(minimalServerVersion([])).toBeUndefined();
});

test.each([
  ['3.3.25', undefined, undefined, NO_JOB, {kind: 'propose', version: '3.0.0'}],
  ['3.5.16', undefined, '3.5.0', NO_JOB, {kind: 'propose', version: '3.5.0'}],
  ['3.4.23', '3.0.0', '3.4.0', NO_JOB, {kind: 'propose', version: '3.4.0'}],
  ['3.4.23', '3.4.0', '3.3.0', NO_JOB, {kind: 'leave'}],
  ['3.4.23', '3.4.0', undefined, NO_JOB, {kind: 'leave'}],
  ['3.5.16', '3.5.0', '3.4.0', NO_JOB, {kind: 'propose', version: '3.4.0'}],
  ['3.5.16', '3.5.0', '3.3.0', NO_JOB, {kind: 'leave'}],
  ['3.5.16', '3.5.0', '3.5.0', jobTo('3.4.0'), {kind: 'leave'}],
  ['3.6.0', '3.6.0', '3.5.0', NO_JOB, {kind: 'leave'}],
  ['3.6.0', '3.0.0', '3.6.0', NO_JOB, {kind: 'propose', version: '3.6.0'}],
  ['3.6.0', '3.6.0', '3.6.0', jobTo('3.5.0'), {kind: 'propose', version: '3.5.0'}],
  ['3.6.0', '3.5.0', '3.6.0', jobTo('3.5.0'), {kind: 'leave'}],
  ['3.6.0', '3.6.0', undefined, jobTo('3.5.0'), {kind: 'leave'}],
  ['3.6.0', '3.6.0', '3.5.0', jobTo('3.5.0'), {kind: 'error', message: 'invalid downgrade target'}],
  ['3.6.0', '3.5.0', '3.6.0', jobTo('3.4.0'), {kind: 'error', message: 'invalid downgrade target'}],
] as const)('%s at %s with servers from %s decides', (release, current, minimal, job, decision) => {
  expect(decideClusterVersion(versionBehaviours(release), {current, minimal, job})).toEqual(decision);
});

test('a job is done for 3.6 when all servers have its target, for 3.5 when all know the lower cluster version', () => {
  const members = [server('3.6.0', '3.5.0'), server('3.5.16', '3.5.0')];
  expect(isJobDone(versionBehaviours('3.5.16'), '3.5.0', members)).toBe(true);
  expect(isJobDone(versionBehaviours('3.6.0'), '3.5.0', members)).toBe(false);
  expect(isJobDone(versionBehaviours('3.6.0'), '3.5.0', [server('3.5.1'), server('3.5.16')])).toBe(true);
  expect(isJobDone(versionBehaviours('3.6.0'), '3.5.0', [server('3.5.1'), undefined])).toBe(false);
});

test.each([
  ['3.5.16', false, ['3.5.0', '3.5.0'], true],
  ['3.5.16', false, ['3.4.0', undefined], true],
  ['3.5.16', false, ['3.6.0'], false],
  ['3.5.16', false, ['3.5.0', '3.6.0'], false],
  ['3.5.16', false, [NOT_DECIDED, undefined], false],
  ['3.5.16', true, ['3.5.0'], false],
  ['3.5.16', true, ['3.6.0'], true],
] as const)('%s may join (downgrade %s) a cluster that speaks %j: %s', (release, isDowngrading, clusters, expected) => {
  const others = clusters.map((cluster) => (cluster === undefined ? undefined : server('3.5.0', cluster)));
  expect(isCompatible(release, isDowngrading, others)).toBe(expected);
});

test('targets with and without a patch', () => {
  expect(['3.5', '3.5.7', '3', 'a.b', ''].map(targetVersionOf)).toEqual([
    '3.5.0',
    '3.5.0',
    undefined,
    undefined,
    undefined,
  ]);
});

test('the bodies of /version and /members', () => {
  expect(versionBody('3.5.16', undefined)).toBe('{"etcdserver":"3.5.16","etcdcluster":"not_decided"}');
  const body = versionBody('3.6.0', '3.6.0', {version: undefined});
  expect(body).toBe('{"etcdserver":"3.6.0","etcdcluster":"3.6.0","storage":"unknown"}');
  const bytes = (text: string) => new TextEncoder().encode(text);
  expect(parseVersionBody(bytes(body))).toEqual({server: '3.6.0', cluster: '3.6.0'});
  expect(parseVersionBody(bytes('etcd 2.0.13'))).toBeUndefined();
  // As a 3.3.25 answered.
  const members =
    '[{"id":5603253467132692370,"peerURLs":["http://127.0.0.1:24011"],"name":"m{\\"1","clientURLs":["http://127.0.0.1:24010"]}]\n';
  const parsed = parseMembersBody(bytes(members));
  expect(parsed).toMatchObject([{id: '4dc2c1574eeb8792', name: 'm{"1'}]);
  expect(membersBody(parsed ?? [])).toBe(members);
  expect(parseMembersBody(bytes('404 page not found\n'))).toBeUndefined();
});
