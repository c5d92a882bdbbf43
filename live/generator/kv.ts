// live/generator/kv.ts: put, range, delete, transactions and compaction, with every option, valid, borderline and invalid.
import * as fc from 'fast-check';
import type {Op} from '../plan.ts';
import type {Plain} from '../rpc/codec.ts';
import {
  asOp,
  call,
  compact,
  type Features,
  key,
  lease,
  message,
  odds,
  one,
  rangeEnd,
  reference,
  revision,
  value,
} from './arbitraries.ts';

const yes = fc.constant<Plain>(true);

const putRequest = message(
  {key},
  {value: [1, value], lease: [4, lease], prev_kv: [3, yes], ignore_value: [25, yes], ignore_lease: [25, yes]},
);
/** Puts that can only fail or be without effect by their own options. */
const oddPut = odds<Plain>(
  [1, message({key, ignore_value: yes}, {lease: [3, lease], prev_kv: [2, yes], value: [6, value]})],
  [1, message({key, value, ignore_lease: yes}, {lease: [6, lease], prev_kv: [2, yes]})],
);

export const rangeRequest = message(
  {key},
  {
    range_end: [2, rangeEnd],
    limit: [4, one<Plain>(1, 2, 3, 10, 0, -1)],
    revision: [4, revision],
    sort_order: [3, one<Plain>('ASCEND', 'DESCEND', 'NONE')],
    sort_target: [3, one<Plain>('KEY', 'VERSION', 'CREATE', 'MOD', 'VALUE')],
    serializable: [4, yes],
    keys_only: [8, yes],
    count_only: [8, yes],
    min_mod_revision: [15, revision],
    max_mod_revision: [15, revision],
    min_create_revision: [15, revision],
    max_create_revision: [15, revision],
  },
);
/** Wide ranges, so that sorting and limits have something to do. */
const wideRange = message(
  {key: one<Plain>('\0', 'a', 'k'), range_end: one<Plain>('\0', 'l', '\xff')},
  {
    limit: [3, one<Plain>(1, 2, 5, 20)],
    revision: [4, revision],
    sort_order: [2, one<Plain>('ASCEND', 'DESCEND')],
    sort_target: [2, one<Plain>('KEY', 'VERSION', 'CREATE', 'MOD', 'VALUE')],
    keys_only: [6, yes],
    count_only: [8, yes],
    min_mod_revision: [8, revision],
    max_mod_revision: [8, revision],
    min_create_revision: [8, revision],
    max_create_revision: [8, revision],
  },
);

const deleteRequest = message({key}, {range_end: [5, rangeEnd], prev_kv: [2, yes]});

const small = one<Plain>(0, 1, 2, 3, -1);
const comparison = odds<Plain>(
  [3, message({target: one<Plain>('VERSION'), key, version: small})],
  [2, message({target: one<Plain>('CREATE'), key, create_revision: revision})],
  [2, message({target: one<Plain>('MOD'), key, mod_revision: revision})],
  [2, message({target: one<Plain>('VALUE'), key, value})],
  [1, message({target: one<Plain>('LEASE'), key, lease})],
  [1, message({target: one<Plain>('VERSION', 'MOD'), key}, {value: [2, value], range_end: [2, rangeEnd]})],
).chain((drawn) =>
  message({}, {result: [1, one<Plain>('EQUAL', 'GREATER', 'LESS', 'NOT_EQUAL')], range_end: [5, rangeEnd]}).map(
    (more) => ({
      ...(drawn as object),
      ...(more as object),
    }),
  ),
);

/** Requests inside a transaction, down to a nesting of `depth`. */
function txnOps(depth: number): fc.Arbitrary<Plain> {
  const single: fc.Arbitrary<Plain> = odds<Plain>(
    [5, putRequest.map((request_put) => ({request_put}))],
    [4, rangeRequest.map((request_range) => ({request_range}))],
    [3, deleteRequest.map((request_delete_range) => ({request_delete_range}))],
    ...(depth > 0 ? [[1, txnRequest(depth - 1).map((request_txn) => ({request_txn}))] as const] : []),
  );
  return fc.array(odds<Plain>([60, single], [1, fc.constant<Plain>({})]), {maxLength: 4, size: 'max'});
}

function txnRequest(depth: number): fc.Arbitrary<Plain> {
  return fc
    .record({compare: fc.array(comparison, {maxLength: 2}), success: txnOps(depth), failure: txnOps(depth)})
    .map((drawn) => compact(drawn as Record<string, Plain>));
}

/** See LEFT_OUT: a delete of [a, \0) beside a put gets an end that a server survives. */
function withoutOpenDeletes(request: Plain): Plain {
  if (!JSON.stringify(request).includes('"request_put"')) return request;
  return closeDeletes(request);
}

function closeDeletes(given: Plain): Plain {
  if (given === null || typeof given !== 'object') return given;
  if (Array.isArray(given)) return given.map(closeDeletes);
  return Object.fromEntries(
    Object.entries(given).map(([name, inner]) => {
      if (name !== 'request_delete_range') return [name, closeDeletes(inner)];
      const fields = inner as {readonly [field: string]: Plain};
      return [name, fields['range_end'] === '\0' ? {...fields, range_end: '\xff'} : fields];
    }),
  );
}

/** See LEFT_OUT: where nothing and what is nested end the server's process, a read takes its place. */
function withoutEmptyOps(request: Plain): Plain {
  const fields = request as {readonly [field: string]: Plain};
  const kept = (ops: Plain | undefined): Plain =>
    ((ops ?? []) as readonly Plain[]).map((op) => {
      const names = Object.keys(op as object);
      return names.length === 0 || names.includes('request_txn') ? {request_range: {key: 'a'}} : op;
    });
  return {...fields, success: kept(fields['success']), failure: kept(fields['failure'])};
}

/** The limit of 128 operations, met and passed; in nested form they are counted apart. */
const manyOps = fc
  .record({count: fc.constantFrom(127, 128, 129), kind: fc.constantFrom('put', 'range', 'compare', 'nested')})
  .map(({count, kind}): Plain => {
    const each = (make: (index: number) => Plain): Plain[] => Array.from({length: count}, (_, index) => make(index));
    const puts = each((index) => ({request_put: {key: `n${index}`, value: `${index % 7}`}}));
    if (kind === 'put') return {success: puts};
    if (kind === 'nested') return {success: [{request_txn: {success: puts}}]};
    if (kind === 'range') return {success: each(() => ({request_range: {key: 'a'}}))};
    return {compare: each(() => ({key: 'a', target: 'VERSION', result: 'GREATER', version: -1}))};
  });

/** Below and above 1.5 MiB (the server's own limit) and 2 MiB (that of gRPC). */
const bigPut = fc
  .constantFrom(1_200_000, 1_572_840, 1_573_000, 1_700_000, 2_200_000)
  .map((count): Plain => ({key: 'big', value: reference({$: 'repeat', text: 'B', count})}));

const compaction = message({revision: odds<Plain>([4, revision], [1, one<Plain>(0)])}, {physical: [2, yes]});

/** Any KV operation. */
export function kvOp(features: Features): fc.Arbitrary<Op> {
  const survived = (request: Plain): Plain => (features.refusesEmptyOps ? request : withoutEmptyOps(request));
  const txn = txnRequest(2).map(withoutOpenDeletes).map(survived);
  return odds<Op>(
    [300, asOp(call(features, 'KV/Put', putRequest))],
    [20, asOp(call(features, 'KV/Put', oddPut))],
    [160, asOp(call(features, 'KV/Range', rangeRequest))],
    [80, asOp(call(features, 'KV/Range', wideRange))],
    [70, asOp(call(features, 'KV/DeleteRange', deleteRequest))],
    [160, asOp(call(features, 'KV/Txn', txn))],
    [5, asOp(call(features, 'KV/Txn', manyOps.map(survived)))],
    [14, asOp(call(features, 'KV/Compact', compaction))],
    [2, asOp(call(features, 'KV/Put', bigPut))],
  );
}
