// live/generator/lease.ts: leases granted with a given or a drawn id, attached, renewed, asked about, listed, revoked; and, in
// groups that wait for it, expired.
import * as fc from 'fast-check';
import type {GroupOp, Op, SendOp, SingleOp} from '../plan.ts';
import type {Plain} from '../rpc/codec.ts';
import {
  asOp,
  call,
  caller,
  type Features,
  fixedCall,
  key,
  lease,
  memberOf,
  message,
  odds,
  one,
  reference,
  slot,
} from './arbitraries.ts';
import {kvOp} from './kv.ts';

const SLOT_COUNT = 6;
/** The slot of leases that expire. */
const SHORT_SLOT = 9;

/** Long enough that no run lives to see them expire. Too long ones are refused. */
const ttl = odds<Plain>(
  [10, one<Plain>(600, 601, 1000, 3600, 86_400)],
  [1, one<Plain>(9_000_000_000, 9_000_000_001, 9_007_199_254_740_991)],
);

const grant = (features: Features): fc.Arbitrary<Op> =>
  slot(SLOT_COUNT).chain((index) =>
    asOp(
      call(
        features,
        'Lease/LeaseGrant',
        message({TTL: ttl}, {ID: [features.drawnIds ? 2 : 1, one<Plain>(100 + index, 100 + index, 100, -77)]}),
        {
          bind: {kind: 'lease', slot: index},
        },
      ),
    ),
  );

const renew = (features: Features): fc.Arbitrary<Op> =>
  fc
    .record({stream: slot(2), member: memberOf(features), as: caller, request: message({ID: lease})})
    .map((drawn): SendOp => ({op: 'send', rpc: 'Lease/LeaseKeepAlive', ...drawn}));

const closeStream = fc
  .record({stream: slot(2), how: fc.constantFrom<('half' | 'cancel')[]>('half', 'cancel')})
  .map((drawn): Op => ({op: 'close', rpc: 'Lease/LeaseKeepAlive', ...drawn}));

/** A lease that lives for the minimum of two seconds, seen from before its end to after it. */
const expiry = (features: Features): fc.Arbitrary<Op> =>
  fc
    .record({ttlSeconds: fc.constantFrom(1, 2, 0, -3), member: memberOf(features), heldKey: key, renewed: fc.boolean()})
    .map(({ttlSeconds, member, heldKey, renewed}): GroupOp => {
      const ID = reference({$: 'lease', slot: SHORT_SLOT});
      const about = (keys: boolean): SingleOp => fixedCall('Lease/LeaseTimeToLive', {ID, keys}, {member});
      const held = heldKey === '' ? 'held' : heldKey;
      const renewal: SendOp = {op: 'send', rpc: 'Lease/LeaseKeepAlive', stream: 5, member, as: 'auto', request: {ID}};
      return {
        op: 'group',
        why: 'a lease expires',
        ops: [
          fixedCall(
            'Lease/LeaseGrant',
            {TTL: ttlSeconds, ...(features.drawnIds ? {} : {ID: 190})},
            {member, bind: {kind: 'lease', slot: SHORT_SLOT}},
          ),
          fixedCall('KV/Put', {key: held, value: 'held', lease: ID}, {member}),
          fixedCall('KV/Put', {key: 'held2', value: 'held', lease: ID}, {member}),
          about(true),
          ...(renewed ? [renewal] : []),
          {op: 'sleep', ms: 3_500},
          about(true),
          fixedCall('KV/Range', {key: held}, {member}),
          fixedCall('KV/Put', {key: 'held3', value: 'late', lease: ID}, {member}),
          fixedCall('Lease/LeaseLeases', {}, {member}),
          ...(renewed ? [renewal] : []),
          fixedCall('Lease/LeaseRevoke', {ID}, {member}),
        ],
      };
    });

export function leaseOp(features: Features): fc.Arbitrary<Op> {
  return odds<Op>(
    [30, grant(features)],
    [12, asOp(call(features, 'Lease/LeaseRevoke', message({ID: lease})))],
    [25, asOp(call(features, 'Lease/LeaseTimeToLive', message({ID: lease}, {keys: [2, fc.constant<Plain>(true)]})))],
    [12, asOp(call(features, 'Lease/LeaseLeases', fc.constant<Plain>({})))],
    [15, renew(features)],
    [2, closeStream],
    [100, kvOp(features)],
    [50, asOp(call(features, 'KV/Put', message({key, value: one<Plain>('l0', 'l1'), lease})))],
  );
}

/** Costs seconds of real time, so it is drawn alone and seldom. */
export function expiryOp(features: Features): fc.Arbitrary<Op> {
  return expiry(features);
}
