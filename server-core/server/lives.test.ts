// Beginnings and ends of members: an orderly stop, a cluster forced into one member, a member that was here before.
import {describe, expect, test} from 'vitest';
import {toMemberId} from '../../base/ids.ts';
import {until} from '../../env/fiber.ts';
import {clientFrame} from '../api/payloads.ts';
import {putRequest, rangeRequest} from '../etcdserverpb/types.ts';
import {watchCreateRequest, watchRequest} from '../etcdserverpb/watch-messages.ts';
import {Lab, three} from './test-lab.ts';

const RELEASES = ['3.3.25', '3.4.23', '3.5.16', '3.6.0', '3.7.0'];

const leaderOf = (lab: Lab): string =>
  three.map(({name}) => name).find((name) => lab.servers.get(name)?.isLeader) ?? '';

describe.each(RELEASES)('%s', (release) => {
  test('a leader that stops hands leadership on at once and loses nothing', () => {
    const lab = new Lab(three);
    lab.startAll(release);
    lab.put(30);
    const leader = leaderOf(lab);
    const term = lab.server(leader).raft.node.term;
    const digest = lab.server(leader).applier.store.stateDigest();
    lab.server(leader).stop();
    lab.pass(1);
    expect(lab.servers.has(leader)).toBe(false);
    const next = leaderOf(lab);
    expect([next === '', next === leader]).toEqual([false, false]);
    expect(lab.server(next).raft.node.term).toBe(term + 1);
    expect(lab.notes.filter((note) => note.includes('leadership transfer failed'))).toEqual([]);
    // What is committed at an end is in the file: nothing has to be gone through again.
    lab.start(leader, release);
    lab.pass(3);
    expect(lab.server(leader).applier.store.stateDigest()).toBe(digest);
    expect(lab.deaths).toEqual([]);
  });

  test('a follower and a member that is alone just stop', () => {
    const lab = new Lab(three);
    lab.startAll(release);
    const [follower = ''] = three.map(({name}) => name).filter((name) => name !== leaderOf(lab));
    const term = lab.server(follower).raft.node.term;
    lab.server(follower).stop();
    lab.pass(1);
    expect(lab.servers.has(follower)).toBe(false);
    expect(lab.server(leaderOf(lab)).raft.node.term).toBe(term);
    expect(lab.deaths).toEqual([]);
  });
});

describe.each(['3.3.25', '3.4.23', '3.5.22', '3.6.1', '3.7.0'])('%s', (release) => {
  test('--force-new-cluster goes on alone with what was committed', () => {
    const lab = new Lab(three);
    lab.startAll(release);
    lab.put(20);
    lab.pass(1);
    const digest = lab.server('m2').applier.store.stateDigest();
    const id = lab.server('m2').id;
    for (const {name} of three) lab.kill(name);
    lab.start('m2', release, {forceNewCluster: true});
    lab.pass(5);
    expect(lab.deaths).toEqual([]);
    const server = lab.server('m2');
    expect(server.isLeader).toBe(true);
    expect(server.applier.store.stateDigest()).toBe(digest);
    const members = server.clusterApi.membersBody();
    expect(members.match(/"id"/g)).toHaveLength(1);
    expect(server.id).toBe(id);
    expect(lab.run(() => server.kv.put(putRequest('k', 'v')))).toMatchObject({kind: 'ok'});
    // And again without the flag.
    lab.kill('m2');
    lab.start('m2', release);
    lab.pass(5);
    expect(lab.server('m2').clusterApi.membersBody()).toBe(members);
    expect(lab.run(() => lab.server('m2').kv.range(rangeRequest('k')))).toMatchObject({
      kind: 'ok',
      response: {count: 1},
    });
  });
});

describe.each(RELEASES)('%s', (release) => {
  test('a member of a new cluster that has lost its files is told that it was here before', () => {
    const lab = new Lab(three);
    lab.startAll(release);
    const {id} = lab.server('m3');
    lab.kill('m3');
    lab.start('m3', release, {dataDir: '/elsewhere'});
    lab.pass(3);
    const shown = id.replace(/^0+/, '');
    expect(lab.deaths).toEqual([expect.stringContaining(`member ${shown} has already been bootstrapped`)]);
    expect(id).not.toBe(toMemberId(0));
  });
});

test('UM-29: 3.6.0 cuts off what the database has already applied, and a removal that takes its place is passed over', () => {
  const lab = new Lab(three);
  lab.startAll('3.6.0');
  lab.put(20);
  lab.pass(1);
  for (const {name} of three) lab.kill(name);
  lab.start('m2', '3.6.0', {forceNewCluster: true});
  lab.pass(5);
  expect(lab.deaths).toEqual([]);
  expect(lab.server('m2').isLeader).toBe(true);
  expect(lab.server('m2').clusterApi.membersBody().match(/"id"/g)).toHaveLength(2);
});

describe('--next-cluster-version-compatible of 3.4.32', () => {
  const flag = {nextClusterVersionCompatible: true};

  test('a cluster of 3.5 goes back to 3.4 with it, member by member, and not without', () => {
    const lab = new Lab(three);
    lab.startAll('3.5.16');
    lab.put(20);
    lab.kill('m1');
    lab.start('m1', '3.4.32');
    lab.pass(2);
    expect(lab.deaths).toEqual([
      expect.stringContaining('(current version: 3.4.32 is lower than determined cluster version: 3.5)'),
    ]);
    for (const {name} of three) {
      lab.kill(name);
      lab.start(name, '3.4.32', flag);
      lab.pass(8);
    }
    expect(lab.deaths).toHaveLength(1);
    expect(lab.versions()).toEqual(Array(3).fill('{"etcdserver":"3.4.32","etcdcluster":"3.4.0"}'));
    const stored = Object.keys(lab.database('m2'));
    expect(stored.filter((key) => key === 'meta/term' || key === 'meta/confState')).toEqual([]);
    // The flag has to stay: the log, which no snapshot has shortened yet, still tells of 3.5.
    lab.swap('m3', '3.4.32');
    expect(lab.deaths[1]).toContain('lower than determined cluster version: 3.5');
  });

  test('a new member of 3.4 joins a cluster of 3.5', () => {
    const m4 = {name: 'm4', peerUrl: 'http://m4:2380', clientUrl: 'http://m4:2379'};
    const lab = new Lab([...three, m4]);
    const initialCluster = three.map(({name, peerUrl}) => ({name, peerUrls: [peerUrl]}));
    for (const {name} of three) lab.start(name, '3.5.16', {initialCluster});
    lab.pass(12);
    lab.run(() => lab.server('m1').clusterApi.memberAdd({peerUrls: [m4.peerUrl], isLearner: false}));
    lab.start('m4', '3.4.32', {initialClusterState: 'existing', ...flag});
    lab.pass(8);
    expect(lab.deaths).toEqual([]);
    expect(lab.server('m4').applier.store.stateDigest()).toBe(lab.server('m1').applier.store.stateDigest());
  });

  test('other releases do not know it, and none starts on a database of 3.6', () => {
    const lab = new Lab(three);
    lab.start('m1', '3.4.23', flag);
    lab.pass(1);
    expect(lab.deaths).toEqual([
      expect.stringContaining('flag provided but not defined: -next-cluster-version-compatible'),
    ]);
    const newer = new Lab(three);
    newer.startAll('3.6.0');
    newer.pass(8);
    newer.server('m1').stop();
    newer.pass(1);
    newer.start('m1', '3.4.32', flag);
    newer.pass(1);
    expect(newer.deaths).toEqual([expect.stringContaining('unsupported storage version: 3.6.0')]);
  });
});

test.each([
  ['3.3.25', 0],
  ['3.5.16', 0],
  ['3.6.0', 7],
  ['3.7.0', 7],
])('%s stops %i seconds later when a watch is open', (release, seconds) => {
  for (const isWatched of [false, true]) {
    const lab = new Lab(three);
    lab.startAll(release);
    if (isWatched) {
      lab.world.machine('c19').start('watcher', function* (env) {
        const connection = yield* env.network.dial('m1:2379', 1e6);
        const create = watchCreateRequest.make({key: 'k'});
        yield* connection.send(clientFrame({kind: 'open', id: 1, method: '/etcdserverpb.Watch/Watch'}, 0));
        yield* connection.send(clientFrame({kind: 'message', id: 1, message: watchRequest.make({create})}, 0));
        yield* until(connection.ended);
      });
      lab.pass(1);
    }
    lab.server('m1').stop();
    if (isWatched && seconds > 0) {
      lab.pass(seconds - 0.1);
      expect(lab.servers.has('m1')).toBe(true);
    }
    lab.pass(0.5);
    expect(lab.servers.has('m1')).toBe(false);
    expect(lab.deaths).toEqual([]);
  }
});
