// live/generator/concurrency.ts: elections and locks. Whoever must wait is held open as a pending call, and looked at again after
// every later operation.
import * as fc from 'fast-check';
import type {BeginOp, Binding, GroupOp, Op, SendOp} from '../plan.ts';
import type {Plain} from '../rpc/codec.ts';
import {asOp, call, type Features, fixedCall, memberOf, message, odds, one, reference, slot} from './arbitraries.ts';
import {kvOp} from './kv.ts';

const SLOT_COUNT = 4;
const LEASE_COUNT = 4;
const name = one<Plain>('e0', 'e1', 'x/y');
const lockName = one<Plain>('l0', 'l1', '');
const heldLease = slot(LEASE_COUNT).map((index) => reference({$: 'lease', slot: index}));
const value = one<Plain>('first', 'second', '');

function begin(features: Features, rpc: string, request: fc.Arbitrary<Plain>, kind: Binding['kind']): fc.Arbitrary<Op> {
  return fc.record({pending: slot(SLOT_COUNT), member: memberOf(features), request, bound: slot(SLOT_COUNT)}).map(
    ({pending, member, request: drawn, bound}): BeginOp => ({
      op: 'begin',
      slot: pending,
      rpc,
      member,
      as: 'auto',
      request: drawn,
      bind: {kind, slot: bound},
    }),
  );
}

const grant = (features: Features): fc.Arbitrary<Op> =>
  slot(LEASE_COUNT).chain((index) =>
    asOp(
      call(
        features,
        'Lease/LeaseGrant',
        message({TTL: one<Plain>(800, 900)}, features.drawnIds ? {} : {ID: [1, one<Plain>(100 + index)]}),
        {bind: {kind: 'lease', slot: index}},
      ),
    ),
  );

const leader = slot(SLOT_COUNT).map((index) => reference({$: 'leader', slot: index}));

const observe = (features: Features): fc.Arbitrary<Op> =>
  fc
    .record({stream: slot(2), member: memberOf(features), request: message({name})})
    .map((drawn): SendOp => ({op: 'send', rpc: 'Election/Observe', as: 'auto', ...drawn}));

const closeObserve = slot(2).map((stream): Op => ({op: 'close', rpc: 'Election/Observe', stream, how: 'cancel'}));

/** The server makes a lease of its own for whoever brings none; it is revoked here before its minute is over. */
const ownLease = (features: Features): fc.Arbitrary<GroupOp> =>
  fc.record({member: memberOf(features), campaign: fc.boolean()}).map(({member, campaign}): GroupOp => {
    const bind: Binding = {kind: campaign ? 'leader' : 'lock', slot: 8};
    return {
      op: 'group',
      why: 'a lock or election without a lease',
      ops: [
        campaign
          ? {
              op: 'begin',
              slot: 8,
              rpc: 'Election/Campaign',
              member,
              as: 'auto',
              request: {name: 'own', value: 'v'},
              bind,
            }
          : {op: 'begin', slot: 8, rpc: 'Lock/Lock', member, as: 'auto', request: {name: 'own'}, bind},
        {op: 'sleep', ms: 30},
        fixedCall('KV/Range', {key: 'own/', range_end: 'own0'}, {member}),
        fixedCall('Lease/LeaseLeases', {}, {member}),
        fixedCall('Lease/LeaseRevoke', {ID: reference({$: 'lease', slot: 8})}, {member}),
        {op: 'cancel', slot: 8},
        {op: 'sleep', ms: 30},
      ],
    };
  });

export function concurrencyOp(features: Features): fc.Arbitrary<Op> {
  const ask = (rpc: string, request: fc.Arbitrary<Plain>): fc.Arbitrary<Op> => asOp(call(features, rpc, request));
  return odds<Op>(
    [10, grant(features)],
    [2, ask('Lease/LeaseRevoke', message({ID: heldLease}))],
    [10, begin(features, 'Lock/Lock', message({name: lockName, lease: heldLease}), 'lock')],
    [10, ask('Lock/Unlock', message({key: slot(SLOT_COUNT).map((index) => reference({$: 'lock', slot: index}))}))],
    [10, begin(features, 'Election/Campaign', message({name, lease: heldLease}, {value: [1, value]}), 'leader')],
    [6, ask('Election/Proclaim', message({leader}, {value: [1, value]}))],
    [8, ask('Election/Resign', message({leader}))],
    [6, ask('Election/Leader', message({name}))],
    [4, observe(features)],
    [1, closeObserve],
    ...(features.drawnIds ? [[1, asOp(ownLease(features))] as const] : []),
    [2, slot(SLOT_COUNT).map((pending): Op => ({op: 'cancel', slot: pending}))],
    [15, kvOp(features)],
  );
}
