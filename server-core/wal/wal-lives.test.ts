// A member that dies again and again, by kills and power cuts, finds at each start all that it was told is stored.
import * as fc from 'fast-check';
import {expect, test} from 'vitest';
import {toMemberId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {Entry} from '../raftpb/types.ts';
import type {WalContent} from './read-all.ts';
import {NO_SNAPSHOT} from './record.ts';
import {repairWal} from './repair.ts';
import {TEST_METADATA, testEntry, testOptions, testState, testWorld} from './test-wal.ts';
import {Wal, walExists} from './wal.ts';
import {WalError} from './wal-error.ts';

/** One life: how it ends, after how many events of the world, and what it saves until then. */
interface Life {
  readonly end: 'kill' | 'power';
  readonly events: number;
  readonly sizes: readonly number[];
}

const lives: fc.Arbitrary<Life[]> = fc.array(
  fc.record({
    end: fc.constantFrom('kill' as const, 'power' as const),
    events: fc.integer({min: 1, max: 120}),
    sizes: fc.array(fc.integer({min: 0, max: 1_500}), {minLength: 1, maxLength: 20}),
  }),
  {minLength: 2, maxLength: 6},
);

/** What the member was told: `stored` entries are to be found again, `begun` may be. */
interface Told {
  stored: Entry[];
  begun: Entry[];
  term: number;
}

function* opened(env: Env, segmentBytes: number): Fiber<{wal: Wal; content: WalContent | undefined}> {
  const options = testOptions(segmentBytes);
  if (!(yield* walExists(env.disk, options.directory))) {
    return {wal: yield* Wal.create(env, options, TEST_METADATA), content: undefined};
  }
  for (let isRepaired = false; ; isRepaired = true) {
    try {
      return yield* Wal.open(env, options, NO_SNAPSHOT);
    } catch (error) {
      if (!(error instanceof WalError) || error.code !== 'unexpected-eof' || isRepaired) throw error;
      expect(yield* repairWal(env.disk, options)).toBe(true);
    }
  }
}

/** A life: looks at what is there, then saves one entry after the other. */
function* live(env: Env, sizes: readonly number[], segmentBytes: number, told: Told): Fiber<void> {
  const {wal, content} = yield* opened(env, segmentBytes);
  const found = content?.entries ?? [];
  const begun = new Map(told.begun.map((entry) => [entry.index, entry]));
  expect(found.length).toBeGreaterThanOrEqual(told.stored.length);
  for (const [i, entry] of found.entries()) expect(entry).toEqual(told.stored[i] ?? begun.get(i + 1));
  expect(content?.hardState.term ?? 0).toBeGreaterThanOrEqual(
    told.stored.length > 0 ? (told.stored.at(-1)?.term ?? 0) : 0,
  );
  // What the last life had written and not synced was found, but a power cut may still take it until the next sync.
  const log = [...found];
  told.term++;
  for (const size of sizes) {
    const entry = testEntry(log.length + 1, told.term, size);
    log.push(entry);
    told.begun = [...log];
    yield* wal.save(testState(told.term, told.stored.length, toMemberId(3)), [entry]);
    told.stored = [...log];
  }
}

test('what was stored in any life is there in every later one', () => {
  const seen = {lives: 0, stored: 0};
  fc.assert(
    fc.property(fc.nat(1_000), fc.constantFrom(1_024, 4_096), lives, (seed, segmentBytes, all) => {
      const world = testWorld(seed);
      const machine = world.machine('m');
      let failure: unknown;
      world.onProcessEnd((_machine, _process, end) => {
        if (end.how === 'panic') failure ??= end.error;
      });
      const told: Told = {stored: [], begun: [], term: 0};
      for (const {end, events, sizes} of [...all, {end: 'kill' as const, events: 5_000, sizes: [1]}]) {
        machine.start('member', (env) => live(env, sizes, segmentBytes, told));
        for (let i = 0; i < events && machine.process !== undefined; i++) world.step();
        if (end === 'power') machine.powerOff();
        else if (machine.process !== undefined) machine.kill();
        if (failure !== undefined) throw failure;
        seen.lives++;
      }
      seen.stored += told.stored.length;
    }),
    {numRuns: 200},
  );
  expect(seen.lives).toBeGreaterThan(500);
  expect(seen.stored).toBeGreaterThan(500);
});
