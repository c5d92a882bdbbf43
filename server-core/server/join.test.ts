// New members of a running cluster: what they ask before they begin, what refuses them, and a learner's way to a vote.
import {describe, expect, test} from 'vitest';
import type {MemberId} from '../../base/ids.ts';
import {toMemberId} from '../../base/ids.ts';
import type {ServerConfigInput} from './config.ts';
import type {MemberOptions} from './test-lab.ts';
import {Lab, three} from './test-lab.ts';

const m4: MemberOptions = {name: 'm4', peerUrl: 'http://m4:2380', clientUrl: 'http://m4:2379'};
const four = [...three, m4];
const clusterOf = (members: readonly MemberOptions[]) =>
  members.map(({name, peerUrl}) => ({name, peerUrls: [peerUrl]}));

/** m1 to m3 run and m4 has a machine. */
function runningThree(release: string, options: Partial<ServerConfigInput> = {}): Lab {
  const lab = new Lab(four);
  for (const {name} of three) lab.start(name, release, {initialCluster: clusterOf(three), ...options});
  lab.pass(12);
  return lab;
}

function add(lab: Lab, isLearner: boolean): MemberId {
  const {clusterApi} = lab.server('m1');
  const answer = lab.run(() => clusterApi.memberAdd({peerUrls: [m4.peerUrl], isLearner}));
  if (answer.kind === 'error') throw new Error(answer.message);
  return answer.response.member?.id ?? toMemberId(0);
}

const join = (lab: Lab, release: string, members = four) => {
  lab.start('m4', release, {initialCluster: clusterOf(members), initialClusterState: 'existing'});
  lab.pass(5);
};

const LEARNING = ['3.4.23', '3.5.16', '3.6.0', '3.7.0'];

describe.each(['3.3.25', ...LEARNING])('%s', (release) => {
  test.each([
    ['from the log', {}],
    ['by snapshot', {snapshotCount: 20, snapshotCatchUpEntries: 5}],
  ])('a member that was added comes to the same state %s, and survives a restart', (_how, options) => {
    const lab = runningThree(release, options);
    lab.put(60);
    const id = add(lab, false);
    join(lab, release);
    expect(lab.deaths).toEqual([]);
    expect(lab.server('m4').id).toBe(id);
    const members = lab.server('m1').clusterApi.membersBody();
    expect(members).toContain('"name":"m4"');
    for (const again of [false, true]) {
      if (again) {
        lab.kill('m4');
        lab.start('m4', release, {initialCluster: clusterOf(four), initialClusterState: 'existing'});
        lab.pass(5);
      }
      expect(lab.server('m4').clusterApi.membersBody()).toBe(members);
      expect(lab.server('m4').applier.store.stateDigest()).toBe(lab.server('m1').applier.store.stateDigest());
    }
  });
});

describe.each(LEARNING)('%s', (release) => {
  test('a learner catches up and is promoted, asked of any member', () => {
    const lab = runningThree(release);
    lab.put(10);
    const id = add(lab, true);
    join(lab, release);
    expect(lab.server('m4').isLearner).toBe(true);
    const follower = three.map(({name}) => lab.server(name)).find(({isLeader}) => !isLeader);
    const api = follower?.clusterApi ?? lab.server('m1').clusterApi;
    expect(lab.run(() => api.memberPromote({id}))).toMatchObject({kind: 'ok', response: {members: [{}, {}, {}, {}]}});
    lab.pass(1);
    expect(lab.server('m4').isLearner).toBe(false);
    expect(lab.run(() => api.memberPromote({id}))).toMatchObject({
      code: 'FailedPrecondition',
      message: 'etcdserver: can only promote a learner member',
    });
    expect(lab.run(() => api.memberPromote({id: toMemberId(99)}))).toMatchObject({
      code: 'NotFound',
      message: 'etcdserver: member not found',
    });
    const record = lab.server('m1').clusterApi.membersBody();
    expect(record).not.toContain('isLearner');
    expect(lab.deaths).toEqual([]);
  });
});

describe('refused', () => {
  test('nobody answers', () => {
    const lab = new Lab(four);
    join(lab, '3.5.16');
    lab.pass(40);
    expect(lab.deaths).toEqual([
      expect.stringContaining(
        'cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs',
      ),
    ]);
  });

  test('the flags name more members than there are, or other URLs', () => {
    const lab = runningThree('3.5.16');
    join(lab, '3.5.16');
    expect(lab.deaths).toEqual([expect.stringContaining('member count is unequal')]);
    add(lab, false);
    const elsewhere = [...three, {...m4, peerUrl: 'http://m5:2380'}];
    join(lab, '3.5.16', elsewhere);
    expect(lab.deaths[1]).toContain('PeerURLs: no match found for existing member');
  });

  test.each([
    ['3.5.16', '3.4.23'],
    ['3.6.0', '3.5.30'],
  ])('a cluster of %s takes no member of %s', (release, older) => {
    const lab = runningThree(release);
    add(lab, false);
    join(lab, older);
    expect(lab.deaths).toEqual([expect.stringContaining('incompatible with current running cluster')]);
  });

  test('a newer member joins, and the cluster goes on at the version of the others', () => {
    const lab = runningThree('3.5.30');
    add(lab, false);
    join(lab, '3.6.0');
    expect(lab.deaths).toEqual([]);
    lab.pass(5);
    expect(lab.server('m4').clusterApi.versionBody()).toBe(
      '{"etcdserver":"3.6.0","etcdcluster":"3.5.0","storage":"3.5.0"}',
    );
  });

  test('during a downgrade job nobody of either release joins', () => {
    const lab = runningThree('3.6.0');
    const {clusterApi} = lab.server('m1');
    expect(lab.run(() => clusterApi.downgrade({action: 'enable', version: '3.5'}))).toMatchObject({kind: 'ok'});
    lab.pass(6);
    expect(clusterApi.versionBody()).toContain('"etcdcluster":"3.5.0"');
    add(lab, false);
    for (const release of ['3.6.0', '3.5.30']) join(lab, release);
    expect(lab.deaths).toEqual(Array(2).fill(expect.stringContaining('incompatible with current running cluster')));
  });
});
