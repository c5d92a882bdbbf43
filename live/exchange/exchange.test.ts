// Exchanges with real etcd where its binaries are, and the comparison itself on observations made by hand and on simulated clusters.
import {describe, expect, test} from 'vitest';
import {findEtcd} from '../real/etcd-binary.ts';
import {loadCodec} from '../rpc/codec.ts';
import {findRealBinaries} from '../testing/real-binaries.ts';
import type {DataDirs} from './data-files.ts';
import {beginRounds, drive, learnMembers, startDriving} from './drive.ts';
import {compareServed, exchangeSeed, mayLoseAcknowledged} from './exchange.ts';
import {type Observation, observe} from './observe.ts';
import {DIRECTIONS, drawSequence} from './sequence.ts';
import {startSimMembers} from './sim-members.ts';

const observation: Observation = {
  current: {revision: 9, member0: {hash: 1}},
  history: {r8: {hash: 1}},
  leases: {list: ['5']},
  members: {},
  alarms: {},
  auth: {},
  permissions: {},
  afterwards: {},
  ttls: new Map([['5', 600]]),
  revision: 9,
  compactRevision: 3,
  counts: {keys: 1, revisions: 1, leases: 1, users: 0, members: 1, learners: 0, alarms: 0, authEnabled: false},
};
const exact = {acknowledgedRevision: 9, isExact: true};

describe('two observations', () => {
  const differenceTo = (changed: Partial<Observation>, look = exact) =>
    compareServed({observation}, {observation: {...observation, ...changed}}, look);

  test('that are equal', () => expect(differenceTo({})).toBeUndefined());
  test.each<[string, Partial<Observation>]>([
    ['history.r8.hash', {history: {r8: {hash: 2}}}],
    ['leases.list[0]', {leases: {list: ['6']}}],
    ['auth.users', {auth: {users: {}}}],
    ['afterwards.put', {afterwards: {put: 'error'}}],
    ['leases.lease5.TTL', {ttls: new Map([['5', 590]])}],
    ['leases.lease5.TTL', {ttls: new Map()}],
  ])('that differ in %s', (field, changed) => {
    expect(differenceTo(changed)).toMatchObject({field});
  });
  test('leases may have been renewed some seconds apart', () =>
    expect(differenceTo({ttls: new Map([['5', 596]])})).toBeUndefined());
  test('a revision that somebody was told is not lost, even by both', () =>
    expect(differenceTo({}, {...exact, acknowledgedRevision: 10})).toMatchObject({real: 9, simulated: 9}));
  test('with several members the election may keep more of the last writes', () => {
    const longer = {revision: 11, current: {revision: 11, member0: {hash: 2}}};
    expect(differenceTo(longer, {...exact, isExact: false})).toBeUndefined();
    expect(differenceTo(longer)).toMatchObject({field: 'current.revision'});
  });
  test('a cluster that does not start is a difference', () => {
    const dead = {death: 'panic: no such thing'};
    expect(compareServed(dead, {observation}, exact)).toEqual({
      field: 'start',
      real: 'panic: no such thing',
      simulated: 'serves',
    });
    expect(compareServed({observation}, dead, exact)).toMatchObject({field: 'start', real: 'serves'});
  });
});

test('a single member of some releases may lose what it has acknowledged', () => {
  const losing = ['3.3.25', '3.4.20', '3.4.21', '3.4.23', '3.5.4', '3.5.5', '3.5.16', '3.6.0'];
  expect(losing.filter((release) => mayLoseAcknowledged(release, 1))).toEqual(['3.3.25', '3.4.20', '3.5.4']);
  expect(losing.filter((release) => mayLoseAcknowledged(release, 3))).toEqual([]);
});

const codec = loadCodec();
const members = [{name: 'm0', peerUrl: 'http://127.0.0.1:2380', clientUrl: 'http://127.0.0.1:2379'}];

/** A simulated member on these files, observed. */
async function observeFiles(dataDirs: DataDirs, acknowledgedRevision: number): Promise<Observation> {
  const base = {members, clusterToken: 'test', release: '3.5.16', seed: 2, snapshotCount: 50};
  const {world} = startSimMembers({...base, dataDirs});
  return observe(world, codec, {acknowledgedRevision, isExact: true});
}

test('a simulated member that was killed mid-write serves what it had, and one put more is seen', async () => {
  const {calls, rounds, snapshotCount} = drawSequence(1, '3.5.16', 'simulated -> real');
  const sim = startSimMembers({members, clusterToken: 'test', release: '3.5.16', seed: 1, snapshotCount});
  const driven = startDriving(sim.world, codec);
  await learnMembers(driven);
  await drive(driven, calls);
  const inFlight = await beginRounds(driven, rounds);
  const dataDirs = sim.crash(['kill']);
  expect(inFlight.settle()).toBeLessThan(inFlight.count);
  const acknowledgedRevision = driven.shared.headRevision;
  expect(acknowledgedRevision).toBeGreaterThan(50);
  const once = await observeFiles(dataDirs, acknowledgedRevision);
  const twice = await observeFiles(dataDirs, acknowledgedRevision);
  expect(once.counts.keys).toBeGreaterThan(5);
  expect(once.counts.revisions).toBeGreaterThan(5);
  expect(once.compactRevision).toBeGreaterThan(0);
  const look = {acknowledgedRevision, isExact: true};
  expect(compareServed({observation: once}, {observation: twice}, look)).toBeUndefined();

  const again = startSimMembers({members, clusterToken: 'test', release: '3.5.16', seed: 3, snapshotCount, dataDirs});
  const more = startDriving(again.world, codec);
  await drive(more, [{op: 'call', rpc: 'Lease/LeaseGrant', member: 0, as: 'auto', request: {TTL: 900, ID: 31}}]);
  const other = await observe(again.world, codec, look);
  expect(compareServed({observation: once}, {observation: other}, look)).toMatchObject({field: /^leases/});
});

/** The value of a key as the database of the real member has it, changed behind etcd's back. */
function tampered(dataDirs: DataDirs): DataDirs {
  return new Map(
    [...dataDirs].map(([name, files]) => [
      name,
      new Map(
        [...files].map(([path, bytes]) => [
          path,
          path === 'member/snap/db' ? withOtherValue(Buffer.from(bytes)) : bytes,
        ]),
      ),
    ]),
  );
}

function withOtherValue(db: Buffer): Buffer {
  for (let at = db.indexOf('for alice'); at >= 0; at = db.indexOf('for alice', at + 1)) db.write('for malic', at);
  return db;
}

/** One member in both directions, with authentication on. */
const SEED = 19;

describe.each([...findRealBinaries()])('etcd %s', (release, path) => {
  test.each(DIRECTIONS)('%s: both serve the same', async (direction) => {
    const etcd = await findEtcd(path, release);
    const result = await exchangeSeed({etcd, direction, seed: SEED});
    expect(result.difference).toBeUndefined();
    expect(result.served?.authEnabled).toBe(true);
    expect(result.served?.keys).toBeGreaterThan(5);
    expect(result.served?.leases).toBeGreaterThan(1);
    expect(result.served?.compactRevision).toBeGreaterThan(0);
    expect(result.served?.revision).toBeGreaterThanOrEqual(result.acknowledgedRevision);
    expect(result.calls.inFlight).toBeGreaterThan(1);
  });
});

// One release will do: this is about our own eyes.
test.runIf(findRealBinaries().has('3.5.16'))('a value that was changed in the database is found', async () => {
  const etcd = await findEtcd(findRealBinaries().get('3.5.16') ?? '', '3.5.16');
  const {difference} = await exchangeSeed({etcd, direction: 'simulated -> real', seed: SEED, tamper: tampered});
  expect(difference?.field).toMatch(/^current\.member0\.keys\.kvs\[\d+\]\.value$/);
  expect(difference).toMatchObject({real: 'for malic', simulated: 'for alice'});
});
