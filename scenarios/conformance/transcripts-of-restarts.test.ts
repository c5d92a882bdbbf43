// Reproductions of errata/confirmed-on-real-kv.md in which members are killed and started again, or left behind.
import {describe, expect, test} from 'vitest';
import type {KvStep} from '../../history/operation.ts';
import type {WatchLog} from '../../history/watch-log.ts';
import {serverBehaviours} from '../../server-core/server/behaviours.ts';
import {Experiment} from '../errata/experiment.ts';
import {compactionOf} from '../errata/requests.ts';

/** `D:d@3`: what a watch was told, event by event. */
const told = ({entries}: WatchLog): string[] =>
  entries.flatMap((entry) =>
    entry.kind === 'events'
      ? entry.events.map(({type, key, modRevision}) => `${type === 'put' ? 'P' : 'D'}:${key}@${modRevision}`)
      : [],
  );

test.each([
  ['3.3.25', false],
  ['3.4.23', false],
  ['3.4.34', false],
  ['3.4.36', true],
  ['3.5.16', false],
  ['3.5.30', true],
  ['3.6.0', true],
])(
  '19179 in %s: a watch from the revision of an interrupted compaction is told of the deletion there: %s',
  (release, isTold) => {
    const one = new Experiment({seed: 1, release, setting: {founderCount: 1}});
    one.startFounders();
    const {compactionBatch, compactionPauseUs} = serverBehaviours(release);
    // The put of p stands in the first batch, its deletion in the second.
    one.put(0, 'm1', 'p');
    let revision = 2;
    for (let left = compactionBatch; left > 0; revision++) {
      const count = Math.min(left, 128);
      left -= count;
      const success: KvStep[] = Array.from({length: count}, (_, i) => ({kind: 'put', key: `k${i}`, value: 'v'}));
      one.ask(0, 'm1', {kind: 'txn', compare: [], success, failure: []});
    }
    one.ask(0, 'm1', {kind: 'delete-range', key: 'p'});
    const deletedAt = revision + 1;
    one.put(0, 'm1', 'zz');
    one.pass(300_000);
    expect(compactionOf(one, 'm1', deletedAt)).toMatchObject({kind: 'ok'});
    one.pass(Math.floor(compactionPauseUs / 2));
    one.kill('m1');
    one.pass(100_000);
    one.start('m1');
    expect(one.until(() => one.isUp('m1'))).toBe(true);
    one.pass(2_500_000);
    const watch = one.watch(1, 'm1', {key: 'p', rangeEnd: 'q', startRevision: deletedAt});
    one.pass(1_000_000);
    expect(watch.entries[0]).toMatchObject({kind: 'created', revision: deletedAt + 1});
    expect(told(watch)).toEqual(isTold ? [`D:p@${deletedAt}`] : []);
  },
);

const OBSERVED = ['3.3.25', '3.4.23', '3.5.16', '3.5.30'];
const UNHEALTHY = {code: 'Unavailable', message: 'etcdserver: unhealthy cluster'};
const newMember = (isLearner: boolean) => ({peerUrls: ['http://nowhere:2380'], isLearner});

/** A cluster whose follower was down for 1.5 s, and has been up again for so long. */
function revived(release: string, founderCount: number, upUs: number): {lab: Experiment; leader: string} {
  const lab = new Experiment({seed: 1, release, setting: {founderCount}});
  lab.startFounders();
  lab.pass(10_000_000);
  const follower = lab.follower();
  lab.kill(follower);
  lab.pass(1_500_000);
  lab.start(follower);
  expect(lab.until(() => lab.isUp(follower))).toBe(true);
  lab.pass(upUs);
  return {lab, leader: lab.leader() ?? ''};
}

describe.each(OBSERVED)('21667: a member is added while one has been back for less than its due, %s', (release) => {
  test('three members, 3 s: refused', () => {
    const {lab, leader} = revived(release, 3, 3_000_000);
    const said = lab.call(3, leader, '/etcdserverpb.Cluster/MemberAdd', newMember(false));
    expect(said).toMatchObject(UNHEALTHY);
  });

  test('five members, 3 s: refused up to 3.5.16', () => {
    const {lab, leader} = revived(release, 5, 3_000_000);
    const said = lab.call(3, leader, '/etcdserverpb.Cluster/MemberAdd', newMember(false));
    expect(said).toMatchObject(release === '3.5.30' ? {kind: 'ok'} : UNHEALTHY);
  });

  test('a healthy one is removed while one of three is down: refused', () => {
    const lab = new Experiment({seed: 1, release, setting: {founderCount: 3}});
    lab.startFounders();
    lab.pass(10_000_000);
    const leader = lab.leader() ?? '';
    const [down = '', healthy = ''] = lab.founders.filter((name) => name !== leader);
    const {id} = lab.server(healthy);
    lab.kill(down);
    lab.pass(1_500_000);
    expect(lab.call(3, leader, '/etcdserverpb.Cluster/MemberRemove', {id})).toMatchObject(UNHEALTHY);
  });
});
