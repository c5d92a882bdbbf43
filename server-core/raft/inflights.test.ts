// The window of appends against a plain list.
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {Inflights} from './inflights.ts';

test('behaves as a list of (index, bytes) with two limits', () => {
  const action = fc.oneof(
    fc.record({
      kind: fc.constant('add' as const),
      step: fc.integer({min: 0, max: 3}),
      bytes: fc.integer({min: 0, max: 9}),
    }),
    fc.record({kind: fc.constant('free' as const), back: fc.integer({min: -1, max: 6})}),
    fc.record({kind: fc.constant('reset' as const)}),
  );
  const limits = fc.record({countMax: fc.integer({min: 1, max: 9}), bytesMax: fc.integer({min: 0, max: 30})});
  fc.assert(
    fc.property(limits, fc.array(action, {maxLength: 60}), ({countMax, bytesMax}, actions) => {
      const inflights = new Inflights(countMax, bytesMax);
      let list: {readonly index: number; readonly bytes: number}[] = [];
      let index = 1;
      for (const next of actions) {
        const total = list.reduce((sum, {bytes}) => sum + bytes, 0);
        const full = list.length === countMax || (bytesMax > 0 && total >= bytesMax);
        expect(inflights.full()).toBe(full);
        expect(inflights.count).toBe(list.length);
        if (next.kind === 'add') {
          if (full) {
            expect(() => inflights.add(index, next.bytes)).toThrow('Full');
            continue;
          }
          index += next.step;
          inflights.add(index, next.bytes);
          list.push({index, bytes: next.bytes});
        } else if (next.kind === 'free') {
          inflights.freeUpTo(index - next.back);
          list = list.filter((message) => message.index > index - next.back);
        } else {
          inflights.reset();
          list = [];
        }
      }
    }),
    {seed: 5, numRuns: 500},
  );
});
