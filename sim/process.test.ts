// Fibers, their waits and the process that runs them: nothing is lost, everything ends, kill and pause do what they say.
import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import type {Fiber} from '../env/fiber.ts';
import {after, select, sleepUs, until} from '../env/fiber.ts';
import {Cell, Channel, Mutex, Promised, ReadWriteLock} from '../env/sync.ts';
import {Ticker} from '../env/ticker.ts';
import {Bench} from './testing.ts';

describe('channel', () => {
  test.each([0, 1, 3, 100])(
    'capacity %i: every value arrives once, in order of its sender, whatever the schedule',
    (capacity) => {
      fc.assert(
        fc.property(
          fc.nat(10_000),
          fc.integer({min: 1, max: 4}),
          fc.integer({min: 1, max: 3}),
          (seed, senders, receivers) => {
            const bench = new Bench(seed, {starvedOneIn: 5, starvedUsMax: 100});
            const channel = new Channel<[number, number]>(capacity);
            const got: [number, number][] = [];
            let open = senders;
            function* send(sender: number): Fiber<void> {
              for (let i = 0; i < 20; i++) yield* channel.send([sender, i]);
              if (--open === 0) channel.close();
            }
            function* receive(): Fiber<void> {
              for (;;) {
                const value = yield* until(channel.receive);
                if (value === undefined) return;
                got.push(value);
              }
            }
            for (let s = 0; s < senders; s++) bench.spawn(send(s));
            for (let r = 0; r < receivers; r++) bench.spawn(receive());
            bench.run();
            expect(bench.end).toBeUndefined();
            for (let s = 0; s < senders; s++) {
              expect(got.filter(([sender]) => sender === s).map(([, i]) => i)).toEqual(
                Array.from({length: 20}, (_, i) => i),
              );
            }
          },
        ),
        {numRuns: 40},
      );
    },
  );

  test('a sender on capacity 0 goes on only when its value was taken', () => {
    const bench = new Bench();
    const channel = new Channel<number>(0);
    const events: string[] = [];
    bench.spawn(
      (function* (): Fiber<void> {
        yield* channel.send(1);
        events.push('sent');
      })(),
    );
    bench.spawn(
      (function* (): Fiber<void> {
        yield* sleepUs(bench.clock, 1_000);
        events.push('receives');
        yield* until(channel.receive);
      })(),
    );
    bench.run();
    expect(events).toEqual(['receives', 'sent']);
  });

  test('trySend says no when full, and send on a closed channel is our bug', () => {
    const channel = new Channel<number>(1);
    expect([channel.trySend(1), channel.trySend(2)]).toEqual([true, false]);
    channel.close();
    expect(() => channel.trySend(3)).toThrow('send on a closed channel');
    expect(channel.tryReceive()).toBe(1);
    expect(channel.receive.ready()).toBe(true);
    expect(channel.receive.take()).toBeUndefined();
  });
});

describe('locks', () => {
  test('a mutex lets one in at a time', () => {
    const bench = new Bench(3);
    const mutex = new Mutex();
    let inside = 0;
    let most = 0;
    function* worker(): Fiber<void> {
      for (let i = 0; i < 10; i++) {
        yield* mutex.lock();
        most = Math.max(most, ++inside);
        yield* sleepUs(bench.clock, 10);
        inside--;
        mutex.unlock();
      }
    }
    for (let i = 0; i < 5; i++) bench.spawn(worker());
    bench.run();
    expect([most, inside, mutex.isLocked]).toEqual([1, 0, false]);
  });

  test('a read-write lock has many readers or one writer, and a waiting writer is not starved', () => {
    const bench = new Bench(4);
    const lock = new ReadWriteLock();
    let readers = 0;
    let mostReaders = 0;
    let writes = 0;
    function* reader(): Fiber<void> {
      for (let i = 0; i < 20; i++) {
        yield* lock.lockRead();
        mostReaders = Math.max(mostReaders, ++readers);
        yield* sleepUs(bench.clock, 50);
        readers--;
        lock.unlockRead();
      }
    }
    function* writer(): Fiber<void> {
      for (let i = 0; i < 5; i++) {
        yield* lock.lockWrite();
        expect(readers).toBe(0);
        writes++;
        lock.unlockWrite();
        yield* sleepUs(bench.clock, 100);
      }
    }
    for (let i = 0; i < 4; i++) bench.spawn(reader());
    bench.spawn(writer());
    bench.run();
    expect(bench.end).toBeUndefined();
    expect([mostReaders > 1, writes]).toEqual([true, 5]);
  });
});

describe('select', () => {
  test('of several ready cases each is chosen in some seed, never one that is not ready', () => {
    const chosen = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      const bench = new Bench(seed);
      const [a, b] = [new Promised<number>(), new Promised<number>()];
      a.resolve(1);
      b.resolve(2);
      const never = new Promised<number>();
      const got = bench.finish(select(bench, {a, b, never}));
      chosen.add(got.kind);
      expect(got.value).toBe(got.kind === 'a' ? 1 : 2);
    }
    expect([...chosen].sort()).toEqual(['a', 'b']);
  });

  test('a deadline ends it, not before its time and soon after', () => {
    const bench = new Bench();
    const got = bench.finish(select(bench, {never: new Promised<number>(), deadline: after(bench.clock, 5_000)}));
    expect(got.kind).toBe('deadline');
    expect(bench.kernel.nowUs).toBeGreaterThanOrEqual(5_000);
    expect(bench.kernel.nowUs).toBeLessThan(5_100);
  });

  test('waiting again and again with a long deadline keeps one timer in the heap', () => {
    const bench = new Bench(1, {starvedOneIn: 0});
    const channel = new Channel<number>(1);
    bench.spawn(
      (function* (): Fiber<void> {
        for (let i = 0; i < 500; i++)
          yield* select(bench, {value: channel.receive, late: after(bench.clock, 10_000_000)});
      })(),
    );
    let most = 0;
    bench.spawn(
      (function* (): Fiber<void> {
        for (let i = 0; i < 500; i++) {
          yield* channel.send(i);
          yield* sleepUs(bench.clock, 100);
          most = Math.max(most, bench.kernel.pendingCount);
        }
      })(),
    );
    bench.run();
    expect(most).toBeLessThan(6);
  });
});

describe('cell and ticker', () => {
  test('a wait on a cell ends when its value satisfies', () => {
    const bench = new Bench();
    const cell = new Cell(0);
    const waiting = bench.spawn(until(cell.satisfies((value) => value >= 3)));
    bench.spawn(
      (function* (): Fiber<void> {
        for (let i = 1; i <= 5; i++) {
          yield* sleepUs(bench.clock, 100);
          cell.set(i);
        }
      })(),
    );
    bench.run();
    expect(waiting.ended.take()).toEqual({kind: 'returned', value: 3});
  });

  test('a ticker keeps its rhythm and keeps one missed beat only', () => {
    const bench = new Bench(1, {starvedOneIn: 0, delayUsMax: 1});
    const ticker = new Ticker(bench.clock, 1_000);
    const beats: number[] = [];
    bench.finish(
      (function* (): Fiber<void> {
        for (let i = 0; i < 5; i++) {
          yield* until(ticker);
          beats.push(Math.floor(bench.clock.monotonicUs() / 1_000));
          if (i === 1) yield* sleepUs(bench.clock, 3_500);
        }
      })(),
    );
    expect(beats).toEqual([1, 2, 5, 6, 7]);
  });
});

describe('process', () => {
  const forever = function* (bench: Bench, count: {value: number}): Fiber<never> {
    for (;;) {
      count.value++;
      yield* sleepUs(bench.clock, 100);
    }
  };

  test('killed, nothing of it runs again, not even finally', () => {
    const bench = new Bench();
    const count = {value: 0};
    let cleaned = false;
    bench.spawn(
      (function* (): Fiber<void> {
        try {
          yield* forever(bench, count);
        } finally {
          cleaned = true;
        }
      })(),
    );
    for (let i = 0; i < 10; i++) bench.kernel.step();
    const before = count.value;
    bench.process.finish({how: 'kill'});
    bench.run();
    expect([count.value, cleaned, bench.end?.how]).toEqual([before, false, 'kill']);
  });

  test('paused, time passes it by; resumed, it goes on', () => {
    const bench = new Bench();
    const count = {value: 0};
    bench.spawn(forever(bench, count));
    for (let i = 0; i < 10; i++) bench.kernel.step();
    bench.process.pause();
    const before = count.value;
    for (let i = 0; i < 10; i++) bench.kernel.step();
    bench.kernel.advanceTo(1_000_000);
    expect(count.value).toBe(before);
    bench.process.resume();
    bench.kernel.step();
    expect(count.value).toBe(before + 1);
    expect(bench.kernel.nowUs).toBeGreaterThanOrEqual(1_000_000);
  });

  test('an error thrown out of a fiber is a panic that names fiber and reason', () => {
    const bench = new Bench();
    bench.process.spawn(
      'apply',
      // biome-ignore lint/correctness/useYield: it fails before it waits
      (function* (): Fiber<void> {
        throw new Error('out of range');
      })(),
    );
    bench.run();
    expect(bench.end).toMatchObject({how: 'panic', message: 'apply: Error: out of range'});
  });

  test('a cancelled fiber runs its finally blocks and its end is known', () => {
    const bench = new Bench();
    let cleaned = false;
    const handle = bench.spawn(
      (function* (): Fiber<void> {
        try {
          yield* sleepUs(bench.clock, 1_000_000);
        } finally {
          cleaned = true;
        }
      })(),
    );
    bench.kernel.step();
    handle.cancel();
    bench.run();
    expect([cleaned, handle.ended.take()]).toEqual([true, {kind: 'cancelled'}]);
  });
});
