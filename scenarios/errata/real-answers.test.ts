// The known bugs as real servers showed them (shared/errata/confirmed-on-real-kv.md): the same steps, the same revisions and errors.
import {describe, expect, test} from 'vitest';
import type {KvStep} from '../../history/operation.ts';
import type {WatchLog} from '../../history/watch-log.ts';
import {serverBehaviours} from '../../server-core/server/behaviours.ts';
import type {Setting} from './experiment.ts';
import {Experiment} from './experiment.ts';
import {LEFT_BEHIND} from './left-behind.ts';
import {compactionOf} from './requests.ts';

const lab = (release: string, setting: Setting): Experiment => {
  const made = new Experiment({seed: 1, release, setting});
  made.startFounders();
  return made;
};

/** `D:d@3`: what a watch was told, event by event. */
const told = ({entries}: WatchLog): string[] =>
  entries.flatMap((entry) =>
    entry.kind === 'events'
      ? entry.events.map(({type, key, modRevision}) => `${type === 'put' ? 'P' : 'D'}:${key}@${modRevision}`)
      : [],
  );

describe.each([
  ['3.3.25', true],
  ['3.4.23', false],
  ['3.5.16', false],
])('14370 in %s', (release, isAffected) => {
  test(`a put whose log is held back is ${isAffected ? 'acknowledged and lost' : 'not acknowledged'}`, () => {
    const one = lab(release, {founderCount: 1});
    for (let i = 0; i < 5; i++) one.put(0, 'm1', 'k');
    one.pass(300_000);
    one.world.machine('m1').failpoints?.arm('raftBeforeSave', {action: {kind: 'delay', delayUs: 1_500_000}});
    const begun = one.begin(0, 'm1', {kind: 'put', key: 'lost', value: 'acked'});
    one.until(() => begun.outcome !== undefined, 900_000);
    expect(begun.outcome).toEqual(
      isAffected ? {kind: 'ok', response: {kind: 'put', revision: 7, member: 'm1'}} : undefined,
    );
    one.kill('m1');
    one.pass(100_000);
    one.start('m1');
    expect(one.until(() => one.isUp('m1'))).toBe(true);
    expect(one.ask(1, 'm1', {kind: 'range', key: 'lost'})).toMatchObject({
      kind: 'ok',
      response: {count: 0, revision: 6},
    });
  });
});

describe.each([
  ['3.3.25', []],
  ['3.4.23', []],
  ['3.5.16', ['D:d@3']],
  ['3.5.30', ['D:d@3']],
])('18089 in %s', (release, expected) => {
  test(`a watch from the compacted revision is told ${expected.length === 0 ? 'nothing' : 'of the deletion'}`, () => {
    const one = lab(release, {founderCount: 1});
    one.put(0, 'm1', 'd');
    one.ask(0, 'm1', {kind: 'delete-range', key: 'd'});
    one.put(0, 'm1', 'other');
    compactionOf(one, 'm1', 3);
    one.pass(1_000_000);
    const watch = one.watch(1, 'm1', {key: 'd', startRevision: 3});
    one.pass(1_000_000);
    expect(watch.entries[0]).toMatchObject({kind: 'created', revision: 4});
    expect(told(watch)).toEqual(expected);
  });
});

describe.each([
  ['3.3.25', true],
  ['3.4.23', true],
  ['3.5.16', false],
])('17780 in %s', (release, isAffected) => {
  test(`the head ${isAffected ? 'goes back by one and is used again' : 'stays'}`, () => {
    const one = lab(release, {founderCount: 1});
    const {compactionBatch, compactionPauseUs} = serverBehaviours(release);
    let revision = 1;
    for (let left = compactionBatch - 1; left > 0; revision++) {
      const count = Math.min(left, 128);
      left -= count;
      const success: KvStep[] = Array.from({length: count}, (_, i) => ({kind: 'put', key: `k${i}`, value: 'v'}));
      one.ask(0, 'm1', {kind: 'txn', compare: [], success, failure: []});
    }
    one.ask(0, 'm1', {kind: 'delete-range', key: 'k1'});
    const head = revision + 1;
    one.pass(300_000);
    expect(compactionOf(one, 'm1', head)).toMatchObject({kind: 'ok'});
    one.pass(Math.floor(compactionPauseUs / 5));
    one.kill('m1');
    one.pass(100_000);
    one.start('m1');
    expect(one.until(() => one.isUp('m1'))).toBe(true);
    const now = isAffected ? head - 1 : head;
    expect(one.ask(1, 'm1', {kind: 'range', key: 'k0', countOnly: true})).toMatchObject({
      response: {revision: now},
    });
    expect(compactionOf(one, 'm1', head)).toMatchObject({
      code: 'OutOfRange',
      message: isAffected
        ? 'etcdserver: mvcc: required revision is a future revision'
        : 'etcdserver: mvcc: required revision has been compacted',
    });
    expect(one.put(1, 'm1', 'k0')).toMatchObject({response: {revision: now + 1}});
  });
});

describe.each([
  ['3.3.25', true, true],
  ['3.4.23', true, true],
  ['3.5.16', false, true],
  ['3.5.30', false, false],
])('15271 and 20221-events in %s', (release, replays, hurries) => {
  test('two watches at a follower that gets a snapshot', () => {
    const three = lab(release, LEFT_BEHIND);
    const follower = three.follower();
    const leader = three.leader() ?? '';
    const present = three.watch(1, follower, {key: 'w'});
    three.pass(300_000);
    for (let i = 0; i < 5; i++) three.put(0, leader, 'w');
    const future = three.watch(2, follower, {key: 'w', startRevision: 7506});
    three.pass(300_000);
    const cut = three.isolate(follower);
    for (const name of three.founders) if (name !== follower) three.world.network.resetAll(name);
    for (let i = 0; i < 60; i++) three.put(0, leader, i % 10 === 0 ? 'w' : 'q');
    cut.lift();
    expect(three.settle()).toBe(true);
    three.pass(300_000); // the loop that serves the unsynced runs every 100 ms
    for (let i = 0; i < 10; i++) three.put(0, leader, 'w');
    three.pass(1_000_000);
    const revisions = told(present).map((event) => Number(event.slice(4)));
    const once = [2, 3, 4, 5, 6, 7, 17, 27, 37, 47, 57, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76];
    // Before the cut it was told at least the first five; the one behind may still have come.
    const again = revisions.indexOf(2, 1);
    expect(again).toBe(replays ? revisions.length - once.length : -1);
    expect(revisions.slice(Math.max(again, 0))).toEqual(once);
    expect(future.entries[0]).toMatchObject({kind: 'created', revision: 6});
    const early = told(future).map((event) => Number(event.slice(4)));
    expect(early).toEqual(early.length === 0 ? [] : once.slice(-early.length));
    expect(early.length >= 10).toBe(hurries);
    expect(early.length > 0).toBe(hurries);
  });
});

describe.each(['3.3.25', '3.4.23', '3.5.16', '3.6.14'])('18667 in %s', (release) => {
  test('a restart turns the refused member round, unless a later write has stored its index', () => {
    const three = lab(release, {founderCount: 3});
    const revisions = () => three.founders.map((name) => three.server(name).applier.store.currentRevision);
    const divide = () =>
      three.ask(0, 'm1', {
        kind: 'txn',
        compare: [],
        success: [
          {kind: 'put', key: 'foo', value: 'bar'},
          {kind: 'range', key: 'a', revision: 100},
        ],
        failure: [],
      });
    three.put(0, 'm1', 'a');
    expect(divide()).toMatchObject({
      kind: 'error',
      error: expect.stringContaining('required revision is a future revision'),
    });
    three.put(0, 'm1', 'later');
    three.pass(500_000);
    expect(revisions()).toEqual([3, 4, 4]);
    three.kill('m1');
    three.pass(100_000);
    three.start('m1');
    expect(three.settle()).toBe(true);
    expect(revisions()).toEqual([3, 4, 4]);
  });
});
