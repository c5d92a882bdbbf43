// Lives of correct clusters give no finding; each rule broken is found, and named by its own check.
import {describe, expect, test} from 'vitest';
import {
  type ClusterEvent,
  type ClusterLog,
  clusterLogSchema,
  type ListedMember,
  type MemberList,
  type MemberSnapshot,
  type StorageSnapshot,
} from '../../history/cluster-log.ts';
import {checkCluster} from './check-cluster.ts';
import {randomLife} from './testing/random-life.ts';
import {describeMinor, isMinorVersion, parseMinor} from './versions.ts';

const lives = Array.from({length: 400}, (_, seed) => randomLife(seed));

describe('lives of correct clusters', () => {
  test('give no finding', () => {
    for (const [seed, life] of lives.entries()) expect(checkCluster(life), `seed ${seed}`).toEqual([]);
  });

  test('are varied enough to say something', () => {
    const moves = new Set<string>();
    for (const {events} of lives) {
      let version = '';
      for (const event of events) {
        if (event.kind === 'downgrade') moves.add(`${event.enabled}/${event.by}`);
        if (event.kind !== 'cluster-version') continue;
        if (version !== '') moves.add(`${version}>${event.version}`);
        version = event.version;
      }
    }
    const wanted = ['3.3.0>3.4.0', '3.4.0>3.5.0', '3.5.0>3.6.0', '3.6.0>3.7.0', '3.6.0>3.5.0', '3.7.0>3.6.0'];
    for (const move of [...wanted, 'true/request', 'false/request', 'false/leader']) expect([...moves]).toContain(move);
  });

  test('are read back equal', () => {
    for (const life of lives.slice(0, 20))
      expect(clusterLogSchema.parse(JSON.parse(JSON.stringify(life)))).toEqual(life);
  });
});

const S = 1_000_000;
const up = (second: number, member: string, release: string): ClusterEvent => ({
  kind: 'up',
  atUs: second * S,
  member,
  release,
});
const added = (second: number, member: string): ClusterEvent => ({kind: 'added', atUs: second * S, member});
const stopped = (second: number, member: string): ClusterEvent => ({
  kind: 'down',
  atUs: second * S,
  member,
  how: 'stop',
});
const died = (second: number, member: string, message = 'nil pointer', entry = 7): ClusterEvent => {
  return {kind: 'down', atUs: second * S, member, how: 'panic', message, entry};
};
const version = (second: number, text: string): ClusterEvent => ({
  kind: 'cluster-version',
  atUs: second * S,
  version: text,
});
const leader = (second: number, member: string): ClusterEvent => ({kind: 'leader', atUs: second * S, member});
const job = (second: number, enabled: boolean, target: string, by: 'request' | 'leader' = 'request'): ClusterEvent => {
  return {kind: 'downgrade', atUs: second * S, enabled, target, by};
};

/** A cluster of a, b and c on these releases since second 0, led by a. */
const cluster = (a: string, b = a, c = a): ClusterEvent[] => [
  ...['a', 'b', 'c'].map((name) => added(0, name)),
  up(0, 'a', a),
  up(0, 'b', b),
  up(0, 'c', c),
  leader(0, 'a'),
];

const lifeOf = (events: readonly ClusterEvent[], calmSecond?: number, endSecond = 60): ClusterLog => {
  return {
    events,
    snapshots: [],
    endUs: endSecond * S,
    ...(calmSecond === undefined ? {} : {calmFromUs: calmSecond * S}),
  };
};
const checksOf = (log: ClusterLog) => checkCluster(log).map(({check}) => check);

describe('moves of the cluster version', () => {
  test.each<[string, readonly ClusterEvent[], readonly string[]]>([
    ['first 3.0, then the lowest', [...cluster('3.5.16'), version(1, '3.0.0'), version(4, '3.5.0')], []],
    ['at once the lowest', [...cluster('3.5.16', '3.4.23'), version(1, '3.4.0')], []],
    [
      'several minors up',
      [
        ...cluster('3.3.25'),
        version(1, '3.3.0'),
        up(9, 'a', '3.6.4'),
        up(9, 'b', '3.6.4'),
        up(9, 'c', '3.6.4'),
        version(20, '3.6.0'),
      ],
      [],
    ],
    ['begins above a member', [...cluster('3.5.16', '3.4.23'), version(1, '3.5.0')], ['cluster-version']],
    ['begins below all', [...cluster('3.5.16'), version(1, '3.4.0')], ['cluster-version']],
    [
      '3.0 begins as 2.3 and rises over the major',
      [...cluster('3.0.17'), version(1, '2.3.0'), version(5, '3.0.0')],
      [],
    ],
    ['3.1 does not begin as 2.3', [...cluster('3.1.20'), version(1, '2.3.0')], ['cluster-version']],
    [
      'rises above a member',
      [...cluster('3.4.23'), version(1, '3.4.0'), up(9, 'a', '3.5.16'), up(10, 'b', '3.5.16'), version(20, '3.5.0')],
      ['cluster-version'],
    ],
    [
      'rises while one has never started',
      [
        ...cluster('3.4.23'),
        version(1, '3.4.0'),
        added(5, 'd'),
        up(9, 'a', '3.5.16'),
        up(9, 'b', '3.5.16'),
        up(9, 'c', '3.5.16'),
        version(20, '3.5.0'),
      ],
      ['cluster-version'],
    ],
    [
      'rises with one that is just being added',
      [
        ...cluster('3.4.23'),
        version(1, '3.4.0'),
        up(9, 'a', '3.5.16'),
        up(9, 'b', '3.5.16'),
        up(9, 'c', '3.5.16'),
        added(13, 'd'),
        version(14, '3.5.0'),
      ],
      [],
    ],
    ['rises, but not far enough', [...cluster('3.6.4'), version(1, '3.0.0'), version(4, '3.5.0')], ['cluster-version']],
    ['falls for nothing', [...cluster('3.6.4'), version(1, '3.6.0'), version(9, '3.5.0')], ['cluster-version']],
    ['falls for a job', [...cluster('3.6.4'), version(1, '3.6.0'), job(8, true, '3.5.0'), version(9, '3.5.0')], []],
    [
      'falls for a job to elsewhere',
      [...cluster('3.6.4'), version(1, '3.6.0'), job(8, true, '3.4.0'), version(9, '3.5.0')],
      ['downgrade-job', 'cluster-version'],
    ],
    [
      'falls by two',
      [...cluster('3.6.4'), version(1, '3.6.0'), job(8, true, '3.5.0'), version(9, '3.4.0')],
      ['cluster-version'],
    ],
    [
      '3.5 follows an older member',
      [...cluster('3.5.16'), version(1, '3.5.0'), up(8, 'b', '3.4.33'), version(9, '3.4.0')],
      [],
    ],
    ['3.6 does not', [...cluster('3.6.4'), version(1, '3.6.0'), up(8, 'b', '3.5.16'), version(9, '3.5.0')], []],
    [
      '3.4 does not',
      [...cluster('3.4.23'), version(1, '3.4.0'), up(8, 'b', '3.3.25'), version(9, '3.3.0')],
      ['cluster-version'],
    ],
    [
      'a new cluster begins anew',
      [
        ...cluster('3.5.16'),
        version(1, '3.5.0'),
        {kind: 'recovered', atUs: 5 * S},
        added(5, 'a'),
        up(5, 'a', '3.5.16'),
        version(6, '3.0.0'),
        version(9, '3.5.0'),
      ],
      [],
    ],
  ])('%s', (_name, events, want) => {
    expect(checksOf(lifeOf(events))).toEqual(want);
  });

  test.each<[string, Partial<MemberSnapshot>, readonly string[]]>([
    ['at its own version', {clusterVersion: '3.5.0'}, []],
    ['below its own', {clusterVersion: '3.4.0'}, []],
    ['undecided', {clusterVersion: null}, []],
    ['above its own', {clusterVersion: '3.6.0'}, ['cluster-version']],
    [
      'above its own, during a job that leads to it',
      {clusterVersion: '3.6.0', downgrade: {enabled: true, target: '3.5.0'}},
      [],
    ],
    [
      'above its own, during another job',
      {clusterVersion: '3.7.0', downgrade: {enabled: true, target: '3.6.0'}},
      ['cluster-version'],
    ],
  ])('a 3.5 member runs %s', (_name, part, want) => {
    expect(checksOf({...lifeOf([]), snapshots: [snapshot('a', part)]})).toEqual(want);
  });
});

describe('downgrade jobs', () => {
  const start = [...cluster('3.6.4'), version(1, '3.6.0')];
  const swapped = [up(20, 'a', '3.5.16'), up(21, 'b', '3.5.16'), up(22, 'c', '3.5.16')];
  test.each<[string, readonly ClusterEvent[], readonly string[]]>([
    [
      'one minor down',
      [...start, job(8, true, '3.5.0'), version(9, '3.5.0'), ...swapped, job(25, false, '3.5.0', 'leader')],
      [],
    ],
    ['asked for twice', [...start, job(8, true, '3.5.0'), job(8, true, '3.5.0')], []],
    ['cancelled', [...start, job(8, true, '3.5.0'), job(9, false, '3.5.0')], []],
    ['two minors down', [...start, job(8, true, '3.4.0')], ['downgrade-job']],
    ['to where it is', [...start, job(8, true, '3.6.0')], ['downgrade-job']],
    ['before there is a version', [...cluster('3.6.4'), job(1, true, '3.5.0')], ['downgrade-job']],
    [
      'to something else during one',
      [...start, job(8, true, '3.5.0'), version(9, '3.5.0'), job(10, true, '3.4.0')],
      ['downgrade-job'],
    ],
    [
      'ended with newer members left',
      [...start, job(8, true, '3.5.0'), job(9, false, '3.5.0', 'leader')],
      ['downgrade-job'],
    ],
    [
      'ended by a 3.5 leader with newer members left',
      [...start, job(8, true, '3.5.0'), version(9, '3.5.0'), up(20, 'a', '3.5.16'), job(25, false, '3.5.0', 'leader')],
      [],
    ],
  ])('%s', (_name, events, want) => {
    expect(checksOf(lifeOf(events))).toEqual(want);
  });
});

describe('progress', () => {
  const upgraded = [
    ...cluster('3.5.16'),
    version(1, '3.5.0'),
    up(9, 'a', '3.6.4'),
    up(10, 'b', '3.6.4'),
    up(11, 'c', '3.6.4'),
  ];
  const jobOn = [...cluster('3.6.4'), version(1, '3.6.0'), job(10, true, '3.5.0')];
  const jobDone = [...jobOn, version(12, '3.5.0'), up(20, 'a', '3.5.16'), up(21, 'b', '3.5.16'), up(22, 'c', '3.5.16')];
  test.each<[string, ClusterLog, readonly string[]]>([
    ['the version has risen', lifeOf([...upgraded, version(12, '3.6.0')], 0), []],
    ['the version has not risen', lifeOf(upgraded, 0), ['version-progress']],
    ['it was never decided', lifeOf(cluster('3.6.4'), 0), ['version-progress']],
    ['it was not calm', lifeOf(upgraded), []],
    ['it was not calm for long enough', lifeOf(upgraded, 0, 18), []],
    ['one is down', lifeOf([...upgraded, stopped(12, 'c')], 0), []],
    ['one is old', lifeOf(upgraded.slice(0, -1), 0), []],
    ['a job has not lowered it', lifeOf(jobOn, 0), ['version-progress']],
    ['a job has lowered it', lifeOf([...jobOn, version(12, '3.5.0')], 0), []],
    ['a job has not ended', lifeOf(jobDone, 0), ['downgrade-progress']],
    ['a job has ended', lifeOf([...jobDone, job(25, false, '3.5.0', 'leader')], 0), []],
    [
      'a 3.5 leader has not followed',
      lifeOf([...cluster('3.5.16'), version(1, '3.5.0'), up(9, 'b', '3.4.33')], 0),
      ['version-progress'],
    ],
  ])('%s', (_name, log, want) => {
    expect(checksOf(log)).toEqual(want);
  });

  test('stores follow the cluster version', () => {
    const log = lifeOf([...upgraded, version(12, '3.6.0')], 0);
    const at = (second: number, storageVersion?: string, release = '3.6.4') =>
      checksOf({...log, snapshots: [snapshot('a', {atUs: second * S, release, storage: storage(storageVersion)})]});
    expect(at(50, '3.6.0')).toEqual([]);
    expect(at(50)).toEqual(['storage-progress']);
    expect(at(19)).toEqual([]);
    expect(at(50, undefined, '3.5.16')).toEqual([]);
  });
});

describe('deaths', () => {
  const mixed = [...cluster('3.5.16', '3.6.4'), version(1, '3.5.0')];
  test.each<[string, readonly ClusterEvent[], readonly string[]]>([
    ['of an entry beside the next minor', [...mixed, died(5, 'b')], ['member-death']],
    ['once for each message', [...mixed, died(5, 'b'), up(6, 'b', '3.6.4'), died(7, 'b')], ['member-death']],
    ['in one minor', [...cluster('3.5.16'), died(5, 'a')], ['member-death']],
    ['beside the minor but one', [...cluster('3.4.23', '3.6.4'), died(5, 'a')], []],
    ['below the cluster version', [...cluster('3.6.4'), version(1, '3.6.0'), up(5, 'b', '3.5.16'), died(6, 'b')], []],
    [
      'of a downgrade that leads elsewhere',
      [...cluster('3.5.16'), version(1, '3.5.0'), job(4, true, '3.4.0'), died(5, 'a')],
      [],
    ],
    [
      'of a learner on 3.3',
      [...cluster('3.4.23', '3.3.25'), died(5, 'b', 'ConfChange type should be either AddNode, …')],
      [],
    ],
    [
      'of a learner on 3.4',
      [...cluster('3.4.23', '3.5.16'), died(5, 'a', 'ConfChange type should be either AddNode, …')],
      ['member-death'],
    ],
    ['none when it was killed', [...mixed, stopped(5, 'b')], []],
  ])('%s', (_name, events, want) => {
    expect(checksOf(lifeOf(events))).toEqual(want);
  });

  test('do not count where something undocumented was done', () => {
    expect(checksOf({...lifeOf([...mixed, died(5, 'b')]), undocumented: 'auth stayed on from 3.4 to 3.5'})).toEqual([]);
  });

  test('are told with the entry and who else was there', () => {
    expect(checkCluster(lifeOf([...mixed, died(5, 'b', 'boom', 42)]))).toEqual([
      {
        check: 'member-death',
        kind: 'violation',
        message: 'b (3.6.4) died of the committed entry 42 among 3.5.16, 3.6.4 at cluster version 3.5: boom',
        atUs: 5 * S,
      },
    ]);
  });
});

const BUCKETS = 'key meta lease alarm cluster members members_removed auth authUsers authRoles'.split(' ');

function storage(storageVersion?: string, part: Partial<StorageSnapshot> = {}): StorageSnapshot {
  const metaKeys = [
    'consistent_index',
    'term',
    'confState',
    ...(storageVersion === undefined ? [] : ['storageVersion']),
  ];
  return {buckets: BUCKETS, metaKeys, clusterKeys: ['clusterVersion', 'downgrade'], term: 2, storageVersion, ...part};
}

function snapshot(member: string, part: Partial<MemberSnapshot> = {}): MemberSnapshot {
  return {atUs: 9, member, release: '3.5.16', appliedIndex: 10, isCaughtUp: true, ...part};
}

describe('schemas', () => {
  test.each<[string, string, StorageSnapshot, number]>([
    ['3.5', '3.5.16', storage(), 0],
    ['3.6', '3.6.4', storage('3.6.0'), 0],
    ['3.6 under an older cluster version', '3.6.4', storage(), 0],
    ['3.7 ready for 3.6', '3.7.1', storage('3.6.0'), 0],
    ['3.4 with what a 3.5 snapshot brought', '3.4.23', storage(), 0],
    [
      '3.4 alone',
      '3.4.23',
      storage(undefined, {metaKeys: ['consistent_index'], clusterKeys: ['clusterVersion'], term: 0}),
      0,
    ],
    ['a bucket short', '3.5.16', storage(undefined, {buckets: BUCKETS.slice(1)}), 1],
    ['a bucket too many', '3.5.16', storage(undefined, {buckets: [...BUCKETS, 'test']}), 1],
    ['an unknown key in meta', '3.5.16', storage(undefined, {metaKeys: ['consistent_index', 'terms']}), 1],
    ['an unknown key in cluster', '3.5.16', storage(undefined, {clusterKeys: ['version']}), 1],
    ['a storage version on 3.5', '3.5.16', storage('3.6.0'), 2],
    ['a storage version that has no key', '3.6.4', storage('3.5.0'), 1],
    ['a newer storage version', '3.6.4', storage('3.7.0'), 1],
    ['a storage version that is none', '3.6.4', storage('3.6'), 1],
    ['a storage version without a term', '3.6.4', storage('3.6.0', {term: 0}), 1],
    ['a storage version that was not read', '3.6.4', storage(undefined, {metaKeys: ['term', 'storageVersion']}), 1],
  ])('%s', (_name, release, stored, count) => {
    const found = checksOf({...lifeOf([]), snapshots: [snapshot('a', {release, storage: stored})]});
    expect(found).toEqual(Array.from({length: count}, () => 'schema-conformance'));
  });
});

const member = (id: string, part: Partial<ListedMember> = {}): ListedMember => {
  return {id, name: `m${id}`, peerUrls: [`http://${id}:2380`], clientUrls: [], isLearner: false, ...part};
};
const list = (members: readonly ListedMember[], removed: readonly string[] = ['f']): MemberList => ({members, removed});
const THREE = list([member('1'), member('2'), member('3', {isLearner: true})]);
const RAFT = {voters: ['1', '2'], learners: ['3']};

const OTHER_LISTS: readonly (readonly [string, MemberList])[] = [
  ['a member less', list([member('1'), member('3', {isLearner: true})])],
  ['a member more', list([...THREE.members, member('4')])],
  ['a learner that is none (#19557)', list([member('1'), member('2'), member('3')])],
  ['another name', list([member('1'), member('2', {name: ''}), member('3', {isLearner: true})])],
  ['other peer URLs', list([member('1'), member('2', {peerUrls: []}), member('3', {isLearner: true})])],
  ['other client URLs', list([member('1'), member('2', {clientUrls: ['http://x']}), member('3', {isLearner: true})])],
  ['one not removed', list(THREE.members, [])],
  ['one more removed', list(THREE.members, ['e', 'f'])],
];

describe('member lists', () => {
  const judge = (...snapshots: readonly MemberSnapshot[]) => checksOf({...lifeOf([]), snapshots});

  test('in any order, they are equal', () => {
    const turned = list([...THREE.members].reverse());
    expect(judge(snapshot('a', {v2Members: THREE, backendMembers: turned, raft: RAFT}))).toEqual([]);
    expect(judge(snapshot('a', {v2Members: THREE}), snapshot('b', {backendMembers: turned}))).toEqual([]);
  });

  test.each(OTHER_LISTS)('%s', (_name, other) => {
    expect(judge(snapshot('a', {v2Members: THREE, backendMembers: other}))).toEqual(['membership-equality']);
    expect(judge(snapshot('a', {v2Members: other, backendMembers: THREE}))).toEqual(['membership-equality']);
    expect(judge(snapshot('a', {v2Members: THREE, backendMembers: other, isCaughtUp: false}))).toEqual([]);
    expect(judge(snapshot('a', {v2Members: THREE}), snapshot('b', {v2Members: other}))).toEqual([
      'membership-agreement',
    ]);
    expect(judge(snapshot('a', {v2Members: THREE}), snapshot('b', {v2Members: other, appliedIndex: 11}))).toEqual([]);
    expect(judge(snapshot('a', {v2Members: THREE}), snapshot('b', {v2Members: other, epoch: 1}))).toEqual([]);
  });

  test.each([
    ['a voter less', {voters: ['1'], learners: ['3']}],
    ['a voter more', {voters: ['1', '2', '4'], learners: ['3']}],
    ['a learner that votes', {voters: ['1', '2', '3'], learners: []}],
  ])('raft has %s', (_name, raft) => {
    expect(judge(snapshot('a', {backendMembers: THREE, raft}))).toEqual(['raft-membership']);
  });
});

describe('agreement of members', () => {
  const hashed = (name: string, hash: number, revision = 5, compactRevision = 2, part: Partial<MemberSnapshot> = {}) =>
    snapshot(name, {hash: {revision, compactRevision, hash}, ...part});
  test.each<[string, readonly MemberSnapshot[], readonly string[]]>([
    ['equal hashes', [hashed('a', 1), hashed('b', 1)], []],
    ['hashes of other revisions', [hashed('a', 1), hashed('b', 2, 6)], []],
    ['hashes after other compactions', [hashed('a', 1), hashed('b', 2, 5, 3)], []],
    ['hashes of another cluster', [hashed('a', 1), hashed('b', 2, 5, 2, {epoch: 1})], []],
    ['other hashes', [hashed('a', 1), hashed('b', 2), hashed('b', 2)], ['hash-equality']],
    ['a hash that changed', [hashed('a', 1), hashed('a', 2)], ['hash-equality']],
    [
      'other cluster versions',
      [snapshot('a', {clusterVersion: '3.4.0'}), snapshot('b', {clusterVersion: '3.5.0'})],
      ['cluster-version-agreement'],
    ],
    [
      'a cluster version decided and not',
      [snapshot('a', {clusterVersion: null}), snapshot('b', {clusterVersion: '3.5.0'})],
      ['cluster-version-agreement'],
    ],
    [
      'other jobs',
      [
        snapshot('a', {downgrade: {enabled: true, target: '3.4.0'}}),
        snapshot('b', {downgrade: {enabled: false, target: ''}}),
      ],
      ['downgrade-agreement'],
    ],
    [
      'jobs that are off',
      [
        snapshot('a', {downgrade: {enabled: false, target: '3.4.0'}}),
        snapshot('b', {downgrade: {enabled: false, target: ''}}),
      ],
      [],
    ],
  ])('%s', (_name, snapshots, want) => {
    expect(checksOf({...lifeOf([]), snapshots})).toEqual(want);
  });
});

test('versions are read as etcd writes them', () => {
  expect(['3.5.16', '3.5', '3.10.0', '3.6.0-rc.1', '3', 'x', ''].map(parseMinor)).toEqual([
    305,
    305,
    310,
    306,
    undefined,
    undefined,
    undefined,
  ]);
  expect(['3.5.0', '3.5', '3.5.1'].map(isMinorVersion)).toEqual([true, false, false]);
  expect(describeMinor(310)).toBe('3.10');
});
