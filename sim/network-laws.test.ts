// What a connection promises, whatever the links, cuts, clogs and deaths do; and what each of these does.
import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import type {Env} from '../env/env.ts';
import {sleepUs, until} from '../env/fiber.ts';
import type {Connection} from '../env/network.ts';
import {NetworkError} from '../env/network.ts';
import type {LinkOptions} from './link.ts';
import type {Direction} from './network.ts';
import {World} from './world.ts';

interface Seen {
  readonly got: number[];
  ended: 'closed' | 'reset' | undefined;
  server: Connection | undefined;
}

/** A server on b that notes what arrives; reading stops while `reads` says no. */
function receiver(world: World, reads: () => boolean = () => true): Seen {
  const seen: Seen = {got: [], ended: undefined, server: undefined};
  world.machine('b').start('server', function* (env) {
    const listener = env.network.listen(1);
    for (;;) {
      const connection = yield* until(listener.accept);
      if (connection === undefined) return;
      seen.server = connection;
      seen.ended = undefined;
      for (;;) {
        while (!reads()) yield* sleepUs(env.clock, 1_000);
        const frame = yield* until(connection.receive);
        if (frame === undefined) break;
        seen.got.push((frame.payload as {n: number}).n);
      }
      seen.ended = connection.ending;
    }
  });
  return seen;
}

function makeWorld(seed: number, link: Partial<LinkOptions> = {}): World {
  const world = new World({seed, link});
  for (const name of ['a', 'b', 'c']) world.addMachine(name);
  return world;
}

const frame = (n: number, sizeBytes = 100) => ({payload: {n}, sizeBytes});

/** A client on a that sends `count` frames and then does what `last` says. */
function sender(world: World, count: number, last: (connection: Connection, env: Env) => void, pauseUs = 500) {
  const state: {error: string | undefined; sent: number} = {error: undefined, sent: 0};
  world.machine('a').start('client', function* (env) {
    try {
      const connection = yield* env.network.dial('b:1', 30_000_000);
      for (let n = 0; n < count; n++) {
        yield* connection.send(frame(n));
        state.sent++;
        yield* sleepUs(env.clock, pauseUs);
      }
      last(connection, env);
      yield* sleepUs(env.clock, 600_000_000);
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      state.error = error.code;
      yield* sleepUs(env.clock, 600_000_000);
    }
  });
  return state;
}

const BOTH: readonly Direction[] = [
  ['a', 'b'],
  ['b', 'a'],
];

describe('laws', () => {
  const trouble = fc.record({
    kind: fc.constantFrom('cut', 'clog', 'cut-one-way', 'slow'),
    atUs: fc.nat(60_000),
    forUs: fc.nat(3_000_000),
  });

  test('frames arrive once, in order, all of them when the connection is closed in good order', () => {
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.array(trouble, {maxLength: 4}),
        fc.constantFrom(0, 3, 50),
        (seed, troubles, lossOneIn) => {
          const world = makeWorld(seed, {lossOneIn});
          const seen = receiver(world);
          sender(world, 60, (connection) => connection.close());
          for (const {kind, atUs, forUs} of [...troubles].sort((x, y) => x.atUs - y.atUs)) {
            world.runUntil(Math.max(world.nowUs, atUs));
            const {network} = world;
            const handle =
              kind === 'cut'
                ? network.cut(BOTH)
                : kind === 'clog'
                  ? network.clog([['a', 'b']])
                  : kind === 'slow'
                    ? network.trouble(BOTH, {latencyUs: 5_000, lossOneIn: 4})
                    : network.cut([['b', 'a']]);
            world.runUntil(world.nowUs + forUs);
            handle.lift();
          }
          world.runUntil(world.nowUs + 120_000_000);
          expect(seen.got).toEqual(Array.from({length: 60}, (_, n) => n));
          expect(seen.ended).toBe('closed');
        },
      ),
      {numRuns: 60},
    );
  });

  test('a kill or a reset loses a tail at most', () => {
    fc.assert(
      fc.property(fc.nat(10_000), fc.nat(40_000), fc.boolean(), (seed, atUs, isKill) => {
        const world = makeWorld(seed);
        const seen = receiver(world);
        sender(world, 60, () => undefined);
        world.runUntil(atUs);
        const isOpen = seen.server !== undefined;
        if (isKill) world.machine('a').kill();
        else world.network.resetAll('a');
        world.runUntil(10_000_000);
        expect(seen.got).toEqual(Array.from({length: seen.got.length}, (_, n) => n));
        if (isOpen) expect([seen.ended, seen.server?.ending]).toContain('reset');
      }),
      {numRuns: 60},
    );
  });

  test('one seed gives one outcome', () => {
    const run = () => {
      const world = makeWorld(9, {lossOneIn: 5});
      const seen = receiver(world);
      sender(world, 50, (connection) => connection.close());
      world.runUntil(50_000_000);
      return [world.digest(), seen.got.length];
    };
    expect(run()).toEqual(run());
  });
});

describe('dialling', () => {
  const dialled = (world: World, timeoutUs = 3_000_000) => {
    const result: {code: string | undefined; atUs: number} = {code: undefined, atUs: 0};
    world.machine('a').start('client', function* (env) {
      try {
        yield* env.network.dial('b:1', timeoutUs);
        result.code = 'connected';
      } catch (error) {
        if (!(error instanceof NetworkError)) throw error;
        result.code = error.code;
      }
      result.atUs = world.nowUs;
    });
    world.runUntil(60_000_000);
    return result;
  };

  test('a host that is up without a listener refuses after one round trip', () => {
    const world = makeWorld(1);
    world.machine('b').start('idle', (env) => sleepUs(env.clock, 100_000_000));
    const {code, atUs} = dialled(world);
    expect(code).toBe('refused');
    expect(atUs).toBeLessThan(50_000);
  });

  test.each(['off', 'cut', 'answers cut'])('a host that is %s lets the dial run into its timeout', (how) => {
    const world = makeWorld(1);
    if (how !== 'off') receiver(world);
    if (how === 'cut') world.network.cut([['a', 'b']]);
    if (how === 'answers cut') world.network.cut([['b', 'a']]);
    const {code, atUs} = dialled(world);
    expect(code).toBe('timeout');
    expect(atUs).toBeGreaterThanOrEqual(3_000_000);
  });

  test('a cut that heals in time lets the next SYN through', () => {
    const world = makeWorld(1);
    receiver(world);
    const {lift} = world.network.cut(BOTH);
    world.runUntil(500_000);
    lift();
    expect(dialled(world).code).toBe('connected');
  });

  test('a port is taken once', () => {
    const world = makeWorld(1);
    let code: string | undefined;
    // biome-ignore lint/correctness/useYield: it fails before it waits
    world.machine('a').start('twice', function* (env) {
      env.network.listen(7);
      try {
        env.network.listen(7);
      } catch (error) {
        code = (error as NetworkError).code;
      }
    });
    world.runUntil(1_000);
    expect(code).toBe('address-in-use');
  });
});

describe('half-open connections', () => {
  test('a power cut is silence; the peer learns of it when it sends to the host that is up again', () => {
    const world = makeWorld(3);
    const seen = receiver(world);
    const state = sender(world, 1_000_000, () => undefined, 100_000);
    world.runUntil(1_000_000);
    world.machine('b').powerOff();
    world.runUntil(20_000_000);
    expect(state.error).toBeUndefined(); // it goes on sending into the void
    const before = seen.got.length;
    receiver(world);
    world.runUntil(21_000_000);
    expect([state.error, seen.got.length]).toEqual(['reset', before]);
  });

  test('a cut that outlasts the patience of TCP ends the connection for the sender', () => {
    const world = makeWorld(3);
    receiver(world);
    const state = sender(world, 1_000_000, () => undefined, 1_000_000);
    world.runUntil(1_000_000);
    world.network.cut(BOTH);
    world.runUntil(1_200_000_000);
    expect(state.error).toBe('reset');
  });
});

test('a receiver that does not read fills the buffer and stops the sender; nothing is lost when it reads again', () => {
  const world = makeWorld(4);
  let isReading = false;
  const seen = receiver(world, () => isReading);
  const state = {sent: 0, refused: false};
  world.machine('a').start('client', function* (env) {
    const connection = yield* env.network.dial('b:1', 1_000_000);
    for (let n = 0; n < 100; n++) {
      if (!connection.trySend(frame(n, 100_000))) {
        state.refused = true;
        yield* connection.send(frame(n, 100_000));
      }
      state.sent++;
    }
    connection.close();
    yield* sleepUs(env.clock, 600_000_000);
  });
  world.runUntil(20_000_000);
  expect([state.refused, state.sent < 30]).toEqual([true, true]);
  isReading = true;
  world.runUntil(60_000_000);
  expect(seen.got).toEqual(Array.from({length: 100}, (_, n) => n));
});

test('a paused process still accepts what its kernel takes; it reads when it goes on', () => {
  const world = makeWorld(5);
  const seen = receiver(world);
  world.runUntil(1_000);
  world.machine('b').pause();
  sender(world, 10, () => undefined);
  world.runUntil(5_000_000);
  expect(seen.got).toEqual([]);
  world.machine('b').resume();
  world.runUntil(6_000_000);
  expect(seen.got.length).toBe(10);
});

test('a clog lets go in one burst, a cut after retransmission', () => {
  const arrivals = (kind: 'clog' | 'cut') => {
    const world = makeWorld(6);
    const seen = receiver(world);
    sender(world, 20, () => undefined);
    world.runUntil(2_000);
    const handle = kind === 'clog' ? world.network.clog([['a', 'b']]) : world.network.cut([['a', 'b']]);
    world.runUntil(3_000_000);
    const before = seen.got.length;
    handle.lift();
    world.runUntil(3_000_200);
    return [before, seen.got.length];
  };
  expect(arrivals('clog')).toEqual([expect.any(Number), 20]);
  const [before, after] = arrivals('cut');
  expect(after).toBe(before);
});

test('the name of a host on one machine reaches itself whatever is cut elsewhere', () => {
  const world = makeWorld(7);
  let got = 0;
  world.machine('c').start('both', function* (env) {
    const listener = env.network.listen(1);
    const near = yield* env.network.dial('c:1', 1_000_000);
    const far = yield* until(listener.accept);
    yield* near.send(frame(1));
    const arrived = yield* until((far as Connection).receive);
    got = (arrived?.payload as {n: number} | undefined)?.n ?? 0;
  });
  world.network.cut([
    ['a', 'c'],
    ['c', 'a'],
    ['b', 'c'],
    ['c', 'b'],
  ]);
  world.runUntil(1_000_000);
  expect(got).toBe(1);
});
