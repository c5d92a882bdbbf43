// live/generator/watch.ts: several watches on several streams: created in the past, now and in the future, with and without an
// id of one's own, cancelled, asked for progress, closed.
import * as fc from 'fast-check';
import type {GroupOp, Op, SendOp} from '../plan.ts';
import type {Plain} from '../rpc/codec.ts';
import {
  asOp,
  caller,
  type Features,
  fixedCall,
  key,
  memberOf,
  message,
  nextRevision,
  odds,
  one,
  pastRevision,
  rangeEnd,
  reference,
  slot,
} from './arbitraries.ts';
import {kvOp} from './kv.ts';

const STREAM_COUNT = 4;
const yes = fc.constant<Plain>(true);

const options = {
  range_end: [2, rangeEnd],
  prev_kv: [3, yes],
  progress_notify: [8, yes],
  fragment: [6, yes],
  filters: [5, one<Plain>(['NOPUT'], ['NODELETE'], ['NOPUT', 'NODELETE'], ['NOPUT', 'NOPUT'])],
  watch_id: [8, one<Plain>(1, 2, 3, 7, 40)],
} as const;

const create = odds<Plain>(
  [6, message({key}, options)],
  [3, message({key, start_revision: pastRevision}, options)],
  [2, message({key, start_revision: nextRevision}, options)],
  [
    1,
    message(
      {key: one<Plain>('\0', 'a'), range_end: one<Plain>('\0', '\xff')},
      {...options, start_revision: [3, pastRevision]},
    ),
  ],
);

const watchRequest = odds<Plain>(
  [10, create.map((create_request) => ({create_request}))],
  [4, one<Plain>(0, 1, 2, 3, 4, 7, 99).map((watch_id) => ({cancel_request: {watch_id}}))],
  [2, fc.constant<Plain>({progress_request: {}})],
  [1, fc.constant<Plain>({})],
);

/** A message on one of the watch streams. */
function send(features: Features): fc.Arbitrary<SendOp> {
  return fc
    .record({stream: slot(STREAM_COUNT), member: memberOf(features), as: caller, request: watchRequest})
    .map((drawn) => ({op: 'send', rpc: 'Watch/Watch', ...drawn}));
}

const close = fc
  .record({stream: slot(STREAM_COUNT), how: fc.constant<'cancel'>('cancel')})
  .map((drawn): Op => ({op: 'close', rpc: 'Watch/Watch', ...drawn}));

export function watchOp(features: Features): fc.Arbitrary<Op> {
  return odds<Op>([8, asOp(send(features))], [20, kvOp(features)], [1, close]);
}

/** A stream that no other operation uses. */
const LARGE_STREAM = 8;

/**
 * Responses over 2 MiB (the 1.5 MiB of a request and 512 KiB): cut into fragments for whoever asked for that, whole for others. Once
 * as the past of a watch, once as one deletion with what it deleted.
 */
export function largeResponseOp(features: Features): fc.Arbitrary<Op> {
  return fc
    .record({
      sizes: fc.array(fc.constantFrom(300_000, 700_000, 1_040_000, 1_048_450, 1_500_000), {
        minLength: 2,
        maxLength: 5,
        size: 'max',
      }),
      member: memberOf(features),
      fragment: fc.constantFrom(true, true, false),
      prevKv: fc.boolean(),
    })
    .map(({sizes, member, fragment, prevKv}): GroupOp => {
      const watch = {
        key: 'f',
        range_end: 'g',
        start_revision: reference({$: 'rev', from: 'head', plus: 1 - sizes.length}),
        ...(fragment ? {fragment} : {}),
        ...(prevKv ? {prev_kv: true} : {}),
      };
      const stream = {rpc: 'Watch/Watch', stream: LARGE_STREAM} as const;
      return {
        op: 'group',
        why: 'a response that is too large for one message',
        ops: [
          ...sizes.map((count, index) =>
            fixedCall('KV/Put', {key: `f${index}`, value: reference({$: 'repeat', text: 'F', count})}, {member}),
          ),
          {op: 'send', ...stream, member, as: 'auto', request: {create_request: watch}},
          fixedCall('KV/DeleteRange', {key: 'f', range_end: 'g'}, {member}),
          {op: 'close', ...stream, how: 'cancel'},
        ],
      };
    });
}
