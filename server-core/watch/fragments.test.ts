// A cut response is the whole one in pieces, none too large.
import fc from 'fast-check';
import {expect, test} from 'vitest';
import type {ClusterId, LeaseId, MemberId} from '../../base/ids.ts';
import {toId64} from '../../base/ids.ts';
import type {Event, KeyValue} from '../etcdserverpb/types.ts';
import {watchResponse} from '../etcdserverpb/watch-messages.ts';
import {fragmentsOf, sizeWatchResponse} from './fragments.ts';

const sizes = fc.oneof(fc.nat(20), fc.constantFrom(100, 127, 128, 300, 16_383, 16_384));
const numbers = fc.oneof(fc.nat(300), fc.constantFrom(0, 2 ** 31, 2 ** 40));
const ids = fc.constantFrom(toId64(0), toId64(77), toId64('ffffffffffffffff'));
const kvs: fc.Arbitrary<KeyValue> = fc.record({
  key: fc.constantFrom('', 'k', 'key'),
  createRevision: numbers,
  modRevision: numbers,
  version: numbers,
  value: sizes.map((size) => 'v'.repeat(size)),
  lease: ids.map((id) => id as LeaseId),
});
const events: fc.Arbitrary<Event> = fc.record({
  type: fc.constantFrom('put', 'delete'),
  kv: kvs,
  prevKv: fc.option(kvs, {nil: undefined}),
});
const responses = fc
  .record({
    header: fc.record({
      clusterId: ids.map((id) => id as ClusterId),
      memberId: ids.map((id) => id as MemberId),
      revision: numbers,
      raftTerm: numbers,
    }),
    watchId: fc.constantFrom(0, 1, 300, -1),
    created: fc.boolean(),
    canceled: fc.boolean(),
    compactRevision: numbers,
    cancelReason: fc.constantFrom('', 'because'),
    fragment: fc.boolean(),
    events: fc.array(events, {maxLength: 12}),
  })
  .map((fields) => watchResponse.make(fields));

test('the size is that of the encoded message', () => {
  fc.assert(
    fc.property(responses, (response) => {
      expect(sizeWatchResponse(response)).toBe(watchResponse.encode(response).length);
    }),
  );
});

test('pieces are as long as they may be, the last one ends it, and together they are the whole', () => {
  fc.assert(
    fc.property(responses, fc.integer({min: 1, max: 2000}), (given, limit) => {
      const response = {...given, fragment: false};
      const pieces = fragmentsOf(response, limit);
      expect(pieces.flatMap((piece) => piece.events)).toEqual(response.events);
      expect(pieces.map(({fragment}) => fragment)).toEqual(pieces.map((_, i) => i < pieces.length - 1));
      for (const [i, piece] of pieces.entries()) {
        expect({...piece, events: [], fragment: false}).toEqual({...response, events: []});
        if (piece.events.length > 1) expect(sizeWatchResponse({...piece, fragment: true})).toBeLessThan(limit + 2);
        const next = pieces[i + 1]?.events[0];
        // One event more, and the piece would have been too large.
        if (next !== undefined) {
          expect(sizeWatchResponse({...piece, events: [...piece.events, next]})).toBeGreaterThanOrEqual(limit);
        }
      }
    }),
  );
});

test('a single event is never cut, and what is small enough goes out as it is', () => {
  const kv = {
    key: 'k',
    createRevision: 2,
    modRevision: 2,
    version: 1,
    value: 'v'.repeat(500),
    lease: toId64(0) as LeaseId,
  };
  const event: Event = {type: 'put', kv, prevKv: undefined};
  const one = watchResponse.make({events: [event]});
  expect(fragmentsOf(one, 10)).toEqual([one]);
  const two = watchResponse.make({events: [event, event]});
  const size = sizeWatchResponse(two);
  expect(fragmentsOf(two, size + 1)).toEqual([two]);
  expect(fragmentsOf(two, size).map(({events: part, fragment}) => [part.length, fragment])).toEqual([
    [1, true],
    [1, false],
  ]);
});
