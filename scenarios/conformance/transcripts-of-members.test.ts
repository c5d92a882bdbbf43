// Reproductions of errata/confirmed-on-real-kv.md about changes of the membership, with the answers and times that real servers gave.
import {expect, test} from 'vitest';
import {Talk} from './talk.ts';

test.each(['3.4.23', '3.5.16'])(
  '20792 in %s: with authentication a promotion through a follower times out',
  (release) => {
    const talk = new Talk({release, memberCount: 2});
    talk.ok('Auth/UserAdd', {name: 'root', password: 'root'});
    talk.ok('Auth/RoleAdd', {name: 'root'});
    talk.ok('Auth/UserGrantRole', {user: 'root', role: 'root'});
    const statuses = [0, 1].map(
      (m) => talk.ok('Maintenance/Status', {}, m) as {leader: string; header: {memberId: string}},
    );
    const leader = statuses.findIndex(({leader: id, header}) => id === header.memberId);
    talk.ok('Auth/AuthEnable');
    talk.token = (talk.ok('Auth/Authenticate', {name: 'root', password: 'root'}) as {token: string}).token;
    talk.cluster.advance(10_000_000);
    const request = {peerUrls: ['http://127.0.0.1:22999'], isLearner: true};
    const {member} = talk.ok('Cluster/MemberAdd', request, leader) as {member: {id: string}};
    const startUs = talk.cluster.nowUs;
    expect(talk.say('Cluster/MemberPromote', {id: member.id}, 1 - leader)).toBe('14 etcdserver: request timed out');
    expect(Math.round((talk.cluster.nowUs - startUs) / 1_000_000)).toBe(7);
    // There the learner ran, and the leader promoted it; here it does not.
    expect(talk.say('Cluster/MemberPromote', {id: member.id}, leader)).toBe(
      '9 etcdserver: can only promote a learner member which is in sync with leader',
    );
  },
);
