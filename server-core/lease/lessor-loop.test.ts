// The loop that sleeps over empty looks, against one that looks every 500 ms: the same reports at the same times.
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs} from '../../env/fiber.ts';
import {Bench} from '../../sim/testing.ts';
import type {LeaseCheckpoint, LeaseCheckpointRequest} from '../etcdserverpb/lease-messages.ts';
import {MvccStore} from '../mvcc/store.ts';
import {TestBatch} from '../mvcc/test-batch.ts';
import {leaseBehavioursOf} from './behaviours.ts';
import {Lessor, LOOK_INTERVAL_US, qualifyLessorOptions} from './lessor.ts';
import {runLessor} from './lessor-loop.ts';
import {leaseId, SECOND} from './test-cluster.ts';

type Op =
  | {readonly kind: 'grant' | 'renew'; readonly id: number; readonly ttl: number}
  | {readonly kind: 'revoke'; readonly id: number}
  | {readonly kind: 'promote' | 'demote' | 'drain'}
  | {readonly kind: 'step-wall'; readonly by: number}
  | {readonly kind: 'pass'; readonly slots: number};

const ids = fc.integer({min: 1, max: 6});
const ops = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({kind: fc.constant('grant' as const), id: ids, ttl: fc.integer({min: 1, max: 30})}),
    },
    {weight: 3, arbitrary: fc.record({kind: fc.constant('renew' as const), id: ids, ttl: fc.constant(0)})},
    {weight: 1, arbitrary: fc.record({kind: fc.constant('revoke' as const), id: ids})},
    {
      weight: 1,
      arbitrary: fc.record({kind: fc.constantFrom('promote' as const, 'promote' as const, 'demote' as const)}),
    },
    {weight: 4, arbitrary: fc.record({kind: fc.constant('drain' as const)})},
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('pass' as const),
        slots: fc.oneof(fc.integer({min: 1, max: 60}), fc.integer({min: 100, max: 2_000})),
      }),
    },
  ),
  {minLength: 5, maxLength: 60},
);

interface Subject {
  readonly lessor: Lessor;
  readonly seen: string[];
}

function subject(bench: Bench, release: string, loop: (lessor: Lessor) => Fiber<never>): Subject {
  const seen: string[] = [];
  const behaviours = leaseBehavioursOf(release);
  const env = {
    clock: bench.clock,
    choose: (countMax: number) => bench.choose(countMax),
    failpoints: {armed: false, *hit(): Fiber<void> {}},
    trace: {enabled: false, event: () => undefined, mark: () => undefined},
  };
  const batch = new TestBatch();
  const options = {behaviours, minTtl: 1, expiredRetryUs: 3 * SECOND, checkpointIntervalUs: 7 * SECOND};
  const lessor = new Lessor(env, batch, qualifyLessorOptions(options));
  lessor.setStore(MvccStore.open(batch, {lessor}));
  // Recording takes its time, so that looks are missed now and then.
  const record = function* (request: LeaseCheckpointRequest): Fiber<undefined> {
    seen.push(`${bench.clock.monotonicUs()} checkpoint ${describeBatch(request.checkpoints)}`);
    yield* sleepUs(bench.clock, request.checkpoints.length * 390_000);
    for (const {id, remainingTtl} of request.checkpoints) lessor.checkpoint(id, remainingTtl);
    return undefined;
  };
  if (behaviours.hasCheckpoints) lessor.setCheckpointer(record);
  bench.spawn(loop(lessor));
  return {lessor, seen};
}

const describeBatch = (batch: readonly LeaseCheckpoint[]) =>
  batch.map(({id, remainingTtl}) => `${id}:${remainingTtl}`).join();

/** The loop as etcd has it. */
function* lookAlways(bench: Bench, lessor: Lessor): Fiber<never> {
  const isTicker = lessor.options.behaviours.lookPacing === 'ticker';
  const baseUs = bench.clock.monotonicUs();
  let ticks = 0;
  for (;;) {
    const expired = lessor.findExpired();
    if (expired.length > 0) lessor.expired.trySend(expired);
    const due = lessor.findDueCheckpoints(1_000);
    if (due.length > 0) yield* lessor.sendCheckpoints?.({checkpoints: due}) ?? [];
    if (!isTicker) yield* sleepUs(bench.clock, LOOK_INTERVAL_US);
    else {
      const passed = Math.floor((bench.clock.monotonicUs() - baseUs) / LOOK_INTERVAL_US);
      if (passed > ticks) ticks = passed;
      else yield* sleepUs(bench.clock, baseUs + ++ticks * LOOK_INTERVAL_US - bench.clock.monotonicUs());
    }
  }
}

function* act(bench: Bench, subjects: readonly Subject[], steps: readonly Op[]): Fiber<void> {
  // Off the grid: what happens exactly at a look may be seen by it or not.
  yield* sleepUs(bench.clock, 3_000);
  for (const op of steps) {
    if (op.kind === 'pass') yield* sleepUs(bench.clock, op.slots * 10_000);
    else if (op.kind === 'step-wall') bench.clock.stepWall(op.by * SECOND);
    else for (const {lessor, seen} of subjects) actOn(bench, lessor, seen, op);
  }
}

function actOn(bench: Bench, lessor: Lessor, seen: string[], op: Exclude<Op, {kind: 'pass' | 'step-wall'}>): void {
  switch (op.kind) {
    case 'grant':
      lessor.grant(leaseId(op.id), op.ttl);
      return;
    case 'renew':
      bench.spawn(lessor.renew(leaseId(op.id)));
      return;
    case 'revoke':
      lessor.revoke(leaseId(op.id));
      return;
    case 'promote':
      lessor.promote(SECOND);
      return;
    case 'demote':
      lessor.demote();
      return;
    default:
      for (let batch = lessor.expired.tryReceive(); batch !== undefined; batch = lessor.expired.tryReceive()) {
        seen.push(`${bench.clock.monotonicUs()} expired ${batch.join()}`);
        // Every other revoke takes place, the others are lost.
        for (const [at, id] of batch.entries()) if (at % 2 === 0) lessor.revoke(id);
      }
  }
}

const drainEverySecond: readonly Op[] = Array.from({length: 80}, (_, at) =>
  at % 2 === 0 ? {kind: 'pass', slots: 100} : {kind: 'drain'},
);

describe.each(['3.3.25', '3.4.23', '3.5.16', '3.6.14'])('%s', (release) => {
  test('sleeping is not seen', () => {
    let reportCount = 0;
    fc.assert(
      fc.property(ops, fc.boolean(), (steps, isLeader) => {
        const bench = new Bench(1, {delayUsMax: 0, starvedOneIn: 0});
        const sleeper = subject(bench, release, (lessor) => runLessor(bench, lessor));
        const looker = subject(bench, release, (lessor) => lookAlways(bench, lessor));
        const first: Op = {kind: isLeader ? 'promote' : 'demote'};
        const {ended} = bench.spawn(act(bench, [sleeper, looker], [first, ...steps, ...drainEverySecond]));
        while (!ended.ready() && bench.kernel.step());
        if (bench.end?.how === 'panic') throw bench.end.error;
        expect(sleeper.seen).toEqual(looker.seen);
        reportCount += sleeper.seen.length;
        sleeper.lessor.check();
      }),
      {numRuns: 120, seed: 7},
    );
    expect(reportCount).toBeGreaterThan(200);
  });

  test('a look comes within half a second of the end of a lease, never before it', () => {
    const bench = new Bench(1, {delayUsMax: 0, starvedOneIn: 0});
    const {lessor, seen} = subject(bench, release, (own) => runLessor(bench, own));
    lessor.promote(0);
    const steps: Op[] = [
      {kind: 'pass', slots: 21},
      {kind: 'grant', id: 1, ttl: 3},
    ];
    for (let at = 0; at < 400; at++) steps.push({kind: 'pass', slots: 1}, {kind: 'drain'});
    const {ended} = bench.spawn(act(bench, [{lessor, seen}], steps));
    while (!ended.ready() && bench.kernel.step());
    // Granted at 0.213 s: the looks are at whole and half seconds, the drains every 10 ms.
    expect(seen).toEqual(['3503000 expired 0000000000000001']);
  });
});

test('3.4 looks on as long as there are leases, because its wall clock may jump', () => {
  const bench = new Bench(1, {delayUsMax: 0, starvedOneIn: 0});
  const [sleeper, looker] = [
    subject(bench, '3.4.23', (lessor) => runLessor(bench, lessor)),
    subject(bench, '3.4.23', (lessor) => lookAlways(bench, lessor)),
  ];
  const steps: Op[] = [
    {kind: 'promote'},
    {kind: 'grant', id: 1, ttl: 20},
    {kind: 'grant', id: 2, ttl: 4},
    {kind: 'pass', slots: 200},
    {kind: 'step-wall', by: 12},
    {kind: 'pass', slots: 100},
    {kind: 'step-wall', by: -9},
    ...drainEverySecond,
  ];
  const {ended} = bench.spawn(act(bench, [sleeper, looker], steps));
  while (!ended.ready() && bench.kernel.step());
  expect(sleeper.seen).toEqual(looker.seen);
  expect(sleeper.seen.filter((text) => text.includes('expired')).length).toBe(2);
});
