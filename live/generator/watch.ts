// live/generator/watch.ts: several watches on several streams: created in the past, now and in the future, with and without an
// id of one's own, cancelled, asked for progress, closed.
import * as fc from 'fast-check';
import type {Op, SendOp} from '../plan.ts';
import type {Plain} from '../rpc/codec.ts';
import {
  asOp,
  caller,
  type Features,
  key,
  memberOf,
  message,
  nextRevision,
  odds,
  one,
  pastRevision,
  rangeEnd,
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
