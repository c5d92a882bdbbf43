// A learner that was promoted must be a voter in every list of members, also after an upgrade.
import type {MemberAddResponse} from '../../server-core/etcdserverpb/cluster-messages.ts';
import {newestOf} from '../../server-core/release/released.ts';
import type {Experiment} from './experiment.ts';
import {peerUrlOf} from './experiment.ts';
import type {ErratumSearch} from './search.ts';

export const search19557: ErratumSearch = {
  id: '19557',
  checks: ['panic', 'member-lists', 'membership-equality', 'raft-membership'],
  firstMinor: '3.5',
  lesson: 'members join as learners, are promoted, and every member is upgraded to 3.6 before its next snapshot',
  // The upgrade goes to 3.6.
  lastMinor: '3.5',
  setting: () => ({founderCount: 1, joinerCount: 2}),
  script: (lab) => {
    lab.startFounders();
    lab.put(0, 'm1', 'k0');
    for (const [index, name] of ['m2', 'm3'].entries())
      joinAndPromote(lab, name, ['m1', 'm2', 'm3'].slice(0, index + 2));
    for (let i = 0; i < 20; i++) lab.put(0, 'm1', `k${lab.random.below(5)}`);
    lab.mustCome(() => lab.settle(), 'the members did not come to rest');
    const target = newestOf('3.6');
    for (const name of lab.random.shuffle([...lab.names])) {
      lab.kill(name);
      lab.pass(lab.random.between(50_000, 500_000));
      lab.start(name, {release: target, ...joining(lab.names)});
      lab.mustCome(() => lab.isUp(name), `${name} did not come up with ${target}`);
      lab.put(1, name, 'k0');
    }
  },
};

const joining = (names: readonly string[]) =>
  ({
    initialCluster: names.map((member) => ({name: member, peerUrls: [peerUrlOf(member)]})),
    initialClusterState: 'existing',
  }) as const;

function joinAndPromote(lab: Experiment, name: string, names: readonly string[]): void {
  const request = {peerUrls: [peerUrlOf(name)], isLearner: true};
  let member: MemberAddResponse['member'] | undefined;
  // A cluster is healthy, and takes another member, once its members have been connected for five seconds.
  lab.mustCome(() => {
    const added = lab.call(3, 'm1', '/etcdserverpb.Cluster/MemberAdd', request);
    if (added.kind === 'ok') member = (added.response as MemberAddResponse).member;
    return member !== undefined;
  }, `${name} was not added`);
  lab.start(name, joining(names));
  lab.mustCome(() => lab.isUp(name), `${name} did not join`);
  lab.mustCome(() => {
    const promoted = lab.call(3, 'm1', '/etcdserverpb.Cluster/MemberPromote', {id: member?.id});
    return promoted.kind === 'ok';
  }, `${name} was not promoted`);
}
