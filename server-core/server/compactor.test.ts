// When each mode of the auto-compactor asks for a compaction, and for which revision: a host that is nothing but a record, and whole members.
import {describe, expect, test} from 'vitest';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {Signal, sleepUs} from '../../env/fiber.ts';
import {World} from '../../sim/world.ts';
import type {AutoCompaction} from './compactor.ts';
import {compactorBehaviours, runCompactor} from './compactor.ts';
import type {Answer} from './proposer.ts';
import {Lab} from './test-lab.ts';

const MINUTE_US = 60_000_000;
const COMPACTED = 'etcdserver: mvcc: required revision has been compacted';
const OK: Answer<object> = {kind: 'ok', response: {}};
const refused = (message: string): Answer<object> => ({kind: 'error', code: 'Unavailable', message, effect: 'none'});

interface Script {
  readonly release: string;
  readonly auto: AutoCompaction;
  readonly minutes: number;
  /** By the minute. */
  readonly revisionAt?: (minute: number) => number;
  readonly isLeaderAt?: (minute: number) => boolean;
  /** By the minute and the revision asked for. */
  readonly answerAt?: (minute: number, revision: number) => Answer<object>;
}

/** `minute:revision` of every compaction that was asked for. Without other words the revision is 100 and the minute. */
function askedFor(script: Script): string[] {
  const {release, auto, minutes, revisionAt = (m) => 100 + m, isLeaderAt = () => true, answerAt = () => OK} = script;
  const world = new World({seed: 1});
  const asked: string[] = [];
  const idle = new Signal();
  world.addMachine('m').start('etcd', function* (env: Env): Fiber<void> {
    const minute = () => Math.floor(env.clock.monotonicUs() / MINUTE_US);
    const startMinute = minute();
    const now = () => minute() - startMinute;
    const host = {
      env,
      isLeader: () => isLeaderAt(now()),
      currentRevision: () => revisionAt(now()),
      *compact(revision: number): Fiber<Answer<object>> {
        asked.push(`${now()}:${revision}`);
        yield* sleepUs(env.clock, 1000);
        return answerAt(now(), revision);
      },
    };
    env.spawn('compactor', runCompactor(host, auto, compactorBehaviours(release)));
    for (;;) yield idle;
  });
  // One second more, for the delays of the scheduler.
  const untilUs = minutes * MINUTE_US + 1_000_000;
  const {kernel} = world;
  while ((kernel.nextTimeUs() ?? untilUs + 1) <= untilUs) kernel.step();
  return asked;
}

const every = (mode: AutoCompaction['mode'], retention: number): AutoCompaction => ({mode, retention});
const tenMinutes = every('periodic', 10 * MINUTE_US);

describe('periodic', () => {
  const release = '3.5.16';

  // getRetentions counts eleven looks to a period, and the newest is as old as one look: from the second time on it is 11 minutes.
  test('nothing in the first period, then once in each, to the revision of eleven looks ago', () => {
    expect(askedFor({release, auto: tenMinutes, minutes: 35})).toEqual(['10:100', '20:109', '30:119']);
  });

  test('a period above an hour: looks every six minutes, the first after the period, then hourly', () => {
    const auto = every('periodic', 180 * MINUTE_US);
    expect(askedFor({release, auto, minutes: 310})).toEqual(['180:100', '240:154', '300:214']);
  });

  test('after a failure the next look tries again, with the revision of eleven looks before', () => {
    const answerAt = (minute: number) => (minute < 13 ? refused('etcdserver: request timed out') : OK);
    expect(askedFor({release, auto: tenMinutes, minutes: 25, answerAt})).toEqual([
      '10:100',
      '11:100',
      '12:101',
      '13:102',
      '23:112',
    ]);
  });

  test('what somebody else has compacted counts as done', () => {
    const answerAt = () => refused(COMPACTED);
    expect(askedFor({release, auto: tenMinutes, minutes: 35, answerAt})).toEqual(['10:100', '20:109', '30:119']);
  });

  test('a follower does nothing but watch; as leader it goes on at its next look', () => {
    const isLeaderAt = (minute: number) => minute >= 24;
    expect(askedFor({release, auto: tenMinutes, minutes: 40, isLeaderAt})).toEqual(['24:113', '34:123']);
    expect(askedFor({release, auto: tenMinutes, minutes: 40, isLeaderAt: () => false})).toEqual([]);
  });

  test.each([
    ['3.3.25', ['10:7', '20:7', '30:15', '40:25']],
    ['3.5.16', ['10:7', '20:7', '30:15', '40:25']],
    ['3.5.33', ['10:7', '20:7', '30:15', '40:25']],
    // Written to from minute 15 on: the look of minute 27 is the first whose revision is another.
    ['3.6.0', ['10:7', '27:12', '37:22']],
    ['3.7.0', ['10:7', '27:12', '37:22']],
  ])('%s: nothing was written since the last one', (observed, expected) => {
    const revisionAt = (minute: number) => (minute <= 15 ? 7 : minute - 4);
    const answerAt = (minute: number, revision: number) => (minute > 10 && revision === 7 ? refused(COMPACTED) : OK);
    expect(askedFor({release: observed, auto: tenMinutes, minutes: 45, revisionAt, answerAt})).toEqual(expected);
  });
});

describe('periodic as it was', () => {
  test('3.3.0 to 3.3.2: at every tenth of the period, once one has passed', () => {
    const expected = ['10:100', '11:101', '12:102', '13:103'];
    expect(askedFor({release: '3.3.0', auto: tenMinutes, minutes: 13})).toEqual(expected);
    expect(askedFor({release: '3.3.2', auto: tenMinutes, minutes: 13})).toEqual(expected);
    expect(askedFor({release: '3.3.3', auto: tenMinutes, minutes: 13})).toEqual(['10:100']);
  });

  test('3.2: hourly, to the revision of so many hours ago, whatever the mode says', () => {
    const auto = every('revision', 120 * MINUTE_US);
    expect(askedFor({release: '3.2.32', auto, minutes: 245})).toEqual(['120:100', '180:160', '240:220']);
  });

  test('3.2: after a failure again in five minutes', () => {
    const answerAt = (minute: number) => (minute < 70 ? refused('etcdserver: request timed out') : OK);
    const auto = every('periodic', 60 * MINUTE_US);
    expect(askedFor({release: '3.1.20', auto, minutes: 135, answerAt})).toEqual([
      '60:100',
      '65:105',
      '70:110',
      '130:170',
    ]);
  });
});

describe('revision', () => {
  const release = '3.4.23';
  const keepTen = every('revision', 10);

  test('every five minutes, to so many below the head', () => {
    expect(askedFor({release, auto: keepTen, minutes: 16})).toEqual(['5:95', '10:100', '15:105']);
  });

  test('not to a revision that is none, nor to the same again', () => {
    const revisionAt = (minute: number) => (minute < 10 ? 10 : minute < 25 ? 15 : 16);
    expect(askedFor({release, auto: keepTen, minutes: 31, revisionAt})).toEqual(['10:5', '25:6']);
  });

  test('after a failure again in five minutes; what is compacted already counts as done', () => {
    const revisionAt = () => 50;
    const answerAt = (minute: number) => refused(minute < 10 ? 'etcdserver: request timed out' : COMPACTED);
    expect(askedFor({release, auto: keepTen, minutes: 21, revisionAt, answerAt})).toEqual(['5:40', '10:40']);
  });

  test('a follower does nothing', () => {
    expect(askedFor({release, auto: keepTen, minutes: 21, isLeaderAt: (m) => m >= 15})).toEqual(['15:105', '20:110']);
  });
});

describe.each(['3.3.25', '3.4.23', '3.5.16', '3.7.0'])('whole members, %s', (release) => {
  test.each([
    ['revision', 4, 310, 17],
    ['periodic', 60_000_000, 200, 21],
  ] as const)('%s: every member carries out what the leader asks for', (mode, retention, seconds, compacted) => {
    const names = ['m1', 'm2', 'm3'];
    const lab = new Lab(
      names.map((name) => ({name, peerUrl: `http://${name}:2380`, clientUrl: `http://${name}:2379`})),
    );
    lab.startAll(release, {autoCompaction: {mode, retention}});
    lab.put(20);
    lab.pass(seconds);
    const revisions = names.map((name) => {
      const {currentRevision, compactRevision} = lab.server(name).applier.store;
      return [currentRevision, compactRevision];
    });
    expect(revisions).toEqual([
      [21, compacted],
      [21, compacted],
      [21, compacted],
    ]);
    expect(lab.deaths).toEqual([]);
  });
});
