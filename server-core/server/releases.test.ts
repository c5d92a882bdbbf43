// What members of each release keep on disk and agree upon: schema, snapshots, members, cluster version; upgrades, downgrades,
// skipped minors. Texts, keys and hashes of .snap files are those that real 3.3.25, 3.4.23 and 3.5.16 were seen to write.
import {createHash} from 'node:crypto';
import {describe, expect, test} from 'vitest';
import {formatId, toMemberId} from '../../base/ids.ts';
import {alone, Lab, three} from './test-lab.ts';

const BUCKETS = [
  'alarm',
  'auth',
  'authRoles',
  'authUsers',
  'cluster',
  'key',
  'lease',
  'members',
  'members_removed',
  'meta',
];

describe('one member, 25 puts, a snapshot behind every ten entries', () => {
  const id3511 = '15670406708851140363';
  const plain = `{"id":${id3511},"peerURLs":["http://127.0.0.1:24031"],"name":"m1"}`;
  const published = `{"id":${id3511},"peerURLs":["http://127.0.0.1:24031"],"name":"m1","clientURLs":["http://127.0.0.1:24030"]}`;
  const confState = `{"voters":[${id3511}],"auto_leave":false}`;

  test.each([
    ['3.3.25', '3.3.0', published, {}],
    ['3.4.23', '3.4.0', published, {}],
    ['3.5.16', '3.5.0', plain, {'meta/confState': confState, 'meta/term': '0000000000000002'}],
    ['3.5.30', '3.5.0', published, {'meta/confState': confState, 'meta/term': '0000000000000002'}],
    [
      '3.6.0',
      '3.6.0',
      published,
      {'meta/confState': confState, 'meta/storageVersion': '3.6.0', 'meta/term': '0000000000000002'},
    ],
    [
      '3.7.0',
      '3.7.0',
      published,
      {'meta/confState': confState, 'meta/storageVersion': '3.7.0', 'meta/term': '0000000000000002'},
    ],
  ])('%s has the buckets and keys of the real one', (release, version, member, meta) => {
    const lab = new Lab(alone(24_030));
    lab.startAll(release, {snapshotCount: 10});
    lab.put(25);
    lab.pass(1);
    expect(lab.database('m1')).toEqual({
      ...Object.fromEntries(BUCKETS.map((bucket) => [bucket, ''])),
      'auth/authRevision': '0000000000000001',
      'cluster/clusterVersion': version,
      'members/d97877e056f8670b': member,
      'meta/consistent_index': '000000000000001d',
      ...meta,
    });
  });

  test.each([
    ['3.3.25', 24_010, '1725fec12c950e375f45357349b1a20ee85bd8ab51c6deec9cbb4ad4ed756fd7'],
    ['3.4.23', 24_020, '42dcb905f347762b75d58dd37bfc5879e2a381a0bf23971c144ea2d622fa46d7'],
    ['3.5.16', 24_030, '38a715d4a920144a3ea39924f666c304d6c452607475b7a14171a9cc4f8f88f9'],
    ['3.6.0', 24_080, '9743c94cbb1b689f2c899182cb17f757e2eee80f862d2ef6b2aee187a9f35301'],
  ])('%s writes the same .snap file as the real one, byte for byte', (release, port, sha) => {
    const lab = new Lab(alone(port));
    lab.startAll(release, {snapshotCount: 10});
    lab.put(25);
    lab.pass(1);
    const file = lab.file('m1', 'snap/0000000000000002-0000000000000016.snap');
    expect(createHash('sha256').update(file).digest('hex')).toBe(sha);
  });
});

test.each(['3.3.25', '3.4.23', '3.5.16', '3.6.0', '3.7.0'])(
  '%s: three members come back from kill -9 with what they had',
  (release) => {
    const lab = new Lab(three);
    lab.startAll(release, {snapshotCount: 20});
    lab.put(45);
    const before = lab.versions();
    const digest = lab.server('m1').applier.store.stateDigest();
    const members = lab.server('m1').clusterApi.membersBody();
    for (const {name} of three) lab.kill(name);
    lab.startAll(release, {snapshotCount: 20});
    expect(lab.versions()).toEqual(before);
    for (const {name} of three) {
      expect(lab.server(name).applier.store.stateDigest()).toBe(digest);
      expect(lab.server(name).clusterApi.membersBody()).toBe(members);
    }
    lab.put(5);
    expect(lab.deaths).toEqual([]);
  },
);

describe('members of two releases', () => {
  test('the cluster speaks the older version until the last old member is replaced', () => {
    const lab = new Lab(three);
    lab.startAll('3.4.23');
    lab.put(5);
    lab.swap('m1', '3.5.16');
    lab.swap('m2', '3.5.16');
    lab.pass(10);
    for (const body of lab.versions()) expect(body).toContain('"etcdcluster":"3.4.0"');
    lab.swap('m3', '3.5.16');
    lab.pass(5);
    expect(lab.versions()).toEqual(Array(3).fill('{"etcdserver":"3.5.16","etcdcluster":"3.5.0"}'));
    expect(lab.deaths).toEqual([]);
  });

  test('from 3.5 to 3.6 each store follows the cluster version, and only then', () => {
    const lab = new Lab(three);
    lab.startAll('3.5.30');
    for (const name of ['m1', 'm2']) lab.swap(name, '3.6.0');
    expect(lab.server('m1').clusterApi.versionBody()).toBe(
      '{"etcdserver":"3.6.0","etcdcluster":"3.5.0","storage":"3.5.0"}',
    );
    lab.swap('m3', '3.6.0');
    lab.pass(5);
    expect(lab.versions()).toEqual(Array(3).fill('{"etcdserver":"3.6.0","etcdcluster":"3.6.0","storage":"3.6.0"}'));
    expect(lab.deaths).toEqual([]);
  });

  test('a member that is down keeps the cluster version where it is', () => {
    const lab = new Lab(three);
    lab.startAll('3.5.30');
    lab.swap('m1', '3.6.0');
    lab.swap('m2', '3.6.0');
    lab.kill('m3');
    lab.pass(30);
    expect(lab.server('m1').clusterApi.versionBody()).toContain('"etcdcluster":"3.5.0"');
  });

  test('a downgrade job lowers version and stores; then binaries are swapped, and the job ends of itself', () => {
    const lab = new Lab(three);
    lab.startAll('3.6.0');
    lab.put(5);
    const {clusterApi} = lab.server('m1');
    const ask = (action: 'validate' | 'enable' | 'cancel', version: string) =>
      lab.run(() => clusterApi.downgrade({action, version}));
    expect(ask('validate', '3.4')).toMatchObject({message: 'etcdserver: invalid downgrade target version'});
    expect(ask('validate', 'x')).toMatchObject({message: 'etcdserver: wrong downgrade target version format'});
    expect(ask('validate', '3.5')).toMatchObject({kind: 'ok', response: {version: '3.6'}});
    expect(ask('enable', '3.5.7')).toMatchObject({kind: 'ok', response: {version: '3.6'}});
    expect(ask('enable', '3.5')).toMatchObject({message: 'etcdserver: cluster has a downgrade job in progress'});
    lab.pass(8);
    expect(lab.versions()).toEqual(Array(3).fill('{"etcdserver":"3.6.0","etcdcluster":"3.5.0","storage":"3.5.0"}'));
    for (const {name} of three) expect(lab.notes).toContain(`${name} The server is ready to downgrade`);
    expect(lab.database('m2')).not.toHaveProperty('meta/storageVersion');
    for (const {name} of three) lab.swap(name, '3.5.30');
    lab.pass(6);
    expect(lab.versions()).toEqual(Array(3).fill('{"etcdserver":"3.5.30","etcdcluster":"3.5.0"}'));
    expect(lab.deaths).toEqual([]);
    expect(lab.server('m3').clusterApi.downgradeInfo.enabled).toBe(false);
  });

  test('3.5 stores a downgrade job but never tells its proposer; a restart dies of it, and cancelling works the same way', () => {
    const lab = new Lab(alone(24_100));
    lab.startAll('3.5.16');
    const {clusterApi} = lab.server('m1');
    const ask = (action: 'validate' | 'enable' | 'cancel', version: string) =>
      lab.run(() => clusterApi.downgrade({action, version}));
    expect(ask('validate', '3.4')).toMatchObject({kind: 'ok', response: {version: '3.5.0', header: {revision: 1}}});
    expect(ask('cancel', '')).toMatchObject({
      code: 'FailedPrecondition',
      message: 'etcdserver: no inflight downgrade job',
    });
    expect(ask('enable', '3.4')).toMatchObject({code: 'Unavailable', message: 'etcdserver: request timed out'});
    expect(ask('enable', '3.4')).toMatchObject({message: 'etcdserver: cluster has a downgrade job in progress'});
    expect(ask('cancel', '')).toMatchObject({code: 'Unavailable', message: 'etcdserver: request timed out'});
    expect(clusterApi.downgradeInfo.enabled).toBe(false);
    expect(ask('enable', '3.4')).toMatchObject({message: 'etcdserver: request timed out'});
    lab.swap('m1', '3.5.16');
    expect(lab.deaths).toEqual([
      expect.stringContaining('invalid downgrade; server version is not allowed to join when downgrade is enabled'),
    ]);
  });

  test.each([
    [
      '3.5.16',
      '3.4.23',
      'cluster cannot be downgraded (current version: 3.4.23 is lower than determined cluster version: 3.5).',
    ],
    ['3.6.0', '3.5.16', 'invalid downgrade; server version is lower than determined cluster version'],
    ['3.7.0', '3.6.0', 'version "3.7.0" is not supported'],
  ])('a member of %s does not start as %s', (newer, older, text) => {
    const lab = new Lab(alone(24_030));
    lab.startAll(newer, {snapshotCount: 10});
    lab.put(25);
    lab.pass(1);
    lab.swap('m1', older);
    expect(lab.deaths).toEqual([expect.stringContaining(text)]);
  });

  test('3.4 members beside one of 3.6 die of the first entry that only 3.5 knows', () => {
    const lab = new Lab(three);
    lab.startAll('3.4.23');
    lab.put(5);
    lab.swap('m1', '3.6.0');
    expect(lab.deaths.length).toBeGreaterThan(0);
    for (const death of lab.deaths) expect(death).toMatch(/^m[23] apply: ServerEnded: not implemented/);
  });

  test('3.6 cannot begin on what a 3.4 member without any keys has left: it takes its members for known already', () => {
    // 3.4 stores the applied index with changes of keys only, but members at once; 3.6 believes both. Seen on the real 3.4.23 and 3.6.0.
    const lab = new Lab(alone(24_030));
    lab.startAll('3.4.23');
    lab.swap('m1', '3.6.0');
    expect(lab.deaths).toEqual([expect.stringContaining('removed all voters')]);
  });

  test('3.7 cannot read what 3.5 has left in the log', () => {
    const lab = new Lab(alone(24_030));
    lab.startAll('3.5.16');
    lab.put(3);
    lab.swap('m1', '3.7.0');
    expect(lab.deaths).toEqual([expect.stringContaining('unmarshal should never fail')]);
  });
});

describe('membership calls', () => {
  const added = (url: string, isLearner = false) => ({peerUrls: [url], isLearner});

  test.each(['3.3.25', '3.4.23', '3.5.16', '3.6.0'])('%s answers as the real ones were seen to', (release) => {
    const lab = new Lab(alone(24_050));
    lab.startAll(release);
    const {clusterApi} = lab.server('m1');
    const hasLearners = release !== '3.3.25';
    for (const url of ['x', 'http://a', 'http://127.0.0.1:1/p', 'ftp://127.0.0.1:1', 'http:///127.0.0.1:1']) {
      expect(lab.run(() => clusterApi.memberAdd(added(url)))).toMatchObject({
        code: 'InvalidArgument',
        message: 'etcdserver: given member URLs are invalid',
      });
    }
    const notFound = {code: 'NotFound', message: 'etcdserver: member not found'};
    expect(lab.run(() => clusterApi.memberUpdate({id: toMemberId(77), peerUrls: ['zz']}))).toMatchObject(notFound);
    if (!hasLearners) return;
    expect(lab.run(() => clusterApi.memberPromote({id: toMemberId(77)}))).toMatchObject(notFound);
    const learner = lab.run(() => clusterApi.memberAdd(added(' http://127.0.0.1:1 ', true)));
    expect(learner).toMatchObject({
      kind: 'ok',
      response: {member: {peerUrls: ['http://127.0.0.1:1'], isLearner: true}},
    });
    expect(lab.run(() => clusterApi.memberAdd(added('http://127.0.0.1:24051')))).toMatchObject({
      code: 'FailedPrecondition',
      message: 'etcdserver: Peer URLs already exists',
    });
    expect(lab.run(() => clusterApi.memberAdd(added('http://127.0.0.1:4', true)))).toMatchObject({
      message: 'etcdserver: too many learner members in cluster',
    });
    const learnerId = learner.kind === 'ok' ? (learner.response.member?.id ?? toMemberId(0)) : toMemberId(0);
    expect(lab.run(() => clusterApi.memberPromote({id: learnerId}))).toMatchObject({
      code: 'FailedPrecondition',
      message: 'etcdserver: can only promote a learner member which is in sync with leader',
    });
    expect(lab.run(() => clusterApi.memberPromote({id: lab.server('m1').id}))).toMatchObject({
      code: 'FailedPrecondition',
      message: 'etcdserver: can only promote a learner member',
    });
    expect(lab.run(() => clusterApi.memberRemove({id: learnerId}))).toMatchObject({
      kind: 'ok',
      response: {members: [{}]},
    });
    expect(lab.run(() => clusterApi.memberRemove({id: learnerId}))).toMatchObject(notFound);
  });

  test('a second voter that never started stops further changes', () => {
    const lab = new Lab(alone(24_050));
    lab.startAll('3.5.16');
    const {clusterApi} = lab.server('m1');
    expect(lab.run(() => clusterApi.memberAdd(added('http://127.0.0.1:5')))).toMatchObject({kind: 'ok'});
    expect(lab.run(() => clusterApi.memberAdd(added('http://127.0.0.1:6')))).toMatchObject({
      code: 'Unknown',
      message: 'etcdserver: re-configuration failed due to not enough started members',
    });
  });

  test('a removed member stops, and its record stays in members_removed', () => {
    const lab = new Lab(three);
    lab.startAll('3.6.0');
    const id = lab.server('m3').id;
    const {clusterApi} = lab.server('m1');
    const answer = lab.run(() => clusterApi.memberRemove({id}));
    expect(answer).toMatchObject({kind: 'ok', response: {members: [{}, {}]}});
    lab.pass(3);
    expect([...lab.servers.keys()].sort()).toEqual(['m1', 'm2']);
    expect(Object.keys(lab.database('m1'))).toContain(`members_removed/${formatId(id)}`);
    expect(lab.deaths).toEqual([]);
  });

  test('a member that lost its peers is not healthy enough to add another', () => {
    const lab = new Lab(three);
    lab.startAll('3.6.0');
    lab.kill('m3');
    lab.pass(2);
    const {clusterApi} = lab.server('m1');
    expect(lab.run(() => clusterApi.memberAdd(added('http://m4:2380')))).toMatchObject({
      code: 'Unavailable',
      message: 'etcdserver: unhealthy cluster',
    });
    const healed = new Lab(three);
    healed.startAll('3.6.11');
    healed.kill('m3');
    healed.pass(2);
    const api = healed.server('m1').clusterApi;
    expect(healed.run(() => api.memberAdd(added('http://m4:2380')))).toMatchObject({
      message: 'etcdserver: unhealthy cluster',
    });
  });
});
