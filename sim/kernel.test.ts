// The kernel fires everything once, in order of time; ties are drawn; the same seed gives the same order and digest.
import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {Random} from '../base/random.ts';
import {MachineClock} from './clock.ts';
import {ProcessFailpoints} from './failpoints.ts';
import {Kernel} from './kernel.ts';
import {Bench} from './testing.ts';
import {firstDifference, formatTraceLine, TraceRecorder} from './trace.ts';

function fired(seed: number, times: readonly number[]): {readonly order: number[]; readonly digest: string} {
  const kernel = new Kernel(Random.fromSeed(seed).stream('schedule'));
  const order: number[] = [];
  const event = {traceId: kernel.nextTraceId(), fire: (argument: number) => order.push(argument)};
  for (const [i, time] of times.entries()) kernel.at(time, event, i);
  while (kernel.step());
  return {order, digest: kernel.digest.hex()};
}

describe('kernel', () => {
  test('everything fires once, in order of time', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.nat(50), {maxLength: 3_000}), (seed, times) => {
        const {order} = fired(seed, times);
        expect([...order].sort((a, b) => a - b)).toEqual(times.map((_, i) => i));
        for (let i = 1; i < order.length; i++) {
          expect(times[order[i - 1] ?? 0] ?? 0).toBeLessThanOrEqual(times[order[i] ?? 0] ?? 0);
        }
      }),
      {numRuns: 50},
    );
  });

  test('one seed gives one order; ties fall differently under others', () => {
    const times = [5, 5, 5, 5, 5];
    expect(fired(1, times)).toEqual(fired(1, times));
    expect(new Set(Array.from({length: 40}, (_, seed) => fired(seed, times).order.join())).size).toBeGreaterThan(20);
  });

  test('nothing happens in the past', () => {
    const kernel = new Kernel(Random.fromSeed(1));
    kernel.advanceTo(10);
    expect(() => kernel.at(9, {traceId: 1, fire: () => {}}, 0)).toThrow('an event in the past');
  });
});

describe('clock', () => {
  test('the monotonic clock never goes back, whatever drift and steps do, and timers are not early', () => {
    const change = fc.record({
      waitUs: fc.nat(10_000_000),
      drift: fc.integer({min: -100_000, max: 100_000}),
      step: fc.integer({min: -3_600_000_000, max: 3_600_000_000}),
      timer: fc.nat(10_000_000),
    });
    fc.assert(
      fc.property(fc.array(change, {maxLength: 20}), (changes) => {
        const kernel = new Kernel(Random.fromSeed(1));
        const clock = new MachineClock(kernel);
        let last = 0;
        for (const {waitUs, drift, step, timer} of changes) {
          kernel.advanceTo(kernel.nowUs + waitUs);
          expect(clock.monotonicUs()).toBeGreaterThanOrEqual(last);
          clock.setDrift(drift);
          clock.stepWall(step);
          last = clock.monotonicUs();
          const due = clock.virtualTimeOf(last + timer);
          const [before, at] = [new Kernel(Random.fromSeed(1)), kernel].map((k) => k.nowUs);
          expect(due).toBeGreaterThanOrEqual(at ?? 0);
          expect(before).toBe(0);
          kernel.advanceTo(due);
          expect(clock.monotonicUs()).toBeGreaterThanOrEqual(last + timer);
          expect(clock.monotonicUs()).toBeLessThan(last + timer + 3);
          last = clock.monotonicUs();
        }
      }),
    );
  });

  test('ten per cent fast is ten per cent fast, over days too', () => {
    const kernel = new Kernel(Random.fromSeed(1));
    const clock = new MachineClock(kernel);
    clock.setDrift(100_000);
    kernel.advanceTo(86_400_000_000 * 10);
    expect(clock.monotonicUs()).toBe(86_400_000_000 * 11);
  });

  test('a reboot starts the monotonic clock anew and keeps the wall clock', () => {
    const kernel = new Kernel(Random.fromSeed(1));
    const clock = new MachineClock(kernel);
    kernel.advanceTo(5_000_000);
    clock.stepWall(1_000);
    const wall = clock.wallUs();
    clock.reboot();
    expect([clock.monotonicUs(), clock.wallUs()]).toEqual([0, wall]);
  });
});

describe('failpoints', () => {
  test('unarmed nothing happens; armed it acts at its hit, so often as told', () => {
    const bench = new Bench();
    const crashes: string[] = [];
    const failpoints = new ProcessFailpoints(bench.clock, (how, name) => {
      crashes.push(`${how} at ${name}`);
      bench.process.finish({how});
    });
    expect(failpoints.armed).toBe(false);
    failpoints.arm('raftBeforeSave', {action: {kind: 'delay', delayUs: 500}, afterHits: 2});
    const hits: number[] = [];
    bench.finish(
      (function* () {
        for (let i = 0; i < 3; i++) {
          yield* failpoints.hit('raftBeforeSave');
          hits.push(bench.clock.monotonicUs() >= 500 ? 1 : 0);
        }
      })(),
    );
    expect([hits, failpoints.armed]).toEqual([[0, 1, 1], false]);
    failpoints.arm('raftAfterSave', {action: {kind: 'crash', how: 'kill'}});
    let reached = false;
    bench.spawn(
      (function* () {
        yield* failpoints.hit('raftAfterSave');
        reached = true;
      })(),
    );
    bench.run();
    expect([crashes, reached]).toEqual([['kill at raftAfterSave'], false]);
  });

  test('a failing one throws the error it was armed with', () => {
    const bench = new Bench();
    const failpoints = new ProcessFailpoints(bench.clock, () => {});
    failpoints.arm('defragdbFail', {action: {kind: 'fail', error: new Error('no')}});
    expect(() => bench.finish(failpoints.hit('defragdbFail'))).toThrow('no');
  });
});

describe('trace', () => {
  test('the first line that differs is found, also when one trace is longer', () => {
    const kernel = new Kernel(Random.fromSeed(1));
    const [a, b] = [new TraceRecorder(kernel, true), new TraceRecorder(kernel, true)];
    for (const recorder of [a, b]) recorder.event('m1', 'starts');
    expect(firstDifference(a.lines, b.lines)).toBeUndefined();
    a.event('m1', 'leads');
    expect(firstDifference(a.lines, b.lines)).toEqual({index: 1, first: '#0 0.000000s m1 leads', second: undefined});
    b.event('m2', 'leads');
    expect(firstDifference(a.lines, b.lines)?.second).toBe('#0 0.000000s m2 leads');
    expect(a.lines.map(formatTraceLine)[0]).toBe('#0 0.000000s m1 starts');
  });

  test('marks are counted whether or not lines are kept', () => {
    const recorder = new TraceRecorder(new Kernel(Random.fromSeed(1)), false);
    recorder.for('m1').mark('b');
    recorder.mark('a');
    recorder.mark('b');
    recorder.event('m1', 'nobody sees this');
    expect([recorder.marks(), recorder.lines]).toEqual([{a: 1, b: 2}, []]);
  });
});
