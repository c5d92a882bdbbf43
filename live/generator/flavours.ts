// live/generator/flavours.ts: what a stretch of a plan is mostly about. Every flavour also touches keys.
import type * as fc from 'fast-check';
import type {Op} from '../plan.ts';
import {type Features, odds} from './arbitraries.ts';
import {authAdminOp, authUseOp} from './auth.ts';
import {clusterOp} from './cluster.ts';
import {concurrencyOp} from './concurrency.ts';
import {kvOp} from './kv.ts';
import {expiryOp, leaseOp} from './lease.ts';
import {maintenanceOp, moveLeaderOp} from './maintenance.ts';
import {largeResponseOp, watchOp} from './watch.ts';

export interface Flavour {
  readonly name: string;
  readonly weight: number;
  readonly arbitrary: fc.Arbitrary<Op>;
  /** Comes between the others once in a while, from a source of its own. */
  readonly seldom?: fc.Arbitrary<Op>;
}

/** How often something that costs seconds of real time comes, once in so many operations. */
const EXPIRY_ONE_IN = 1_500;
const MOVE_ONE_IN = 250;

/** All flavours with their weights. */
export function flavours(features: Features): Flavour[] {
  const flavour = (name: string, weight: number, arbitrary: fc.Arbitrary<Op>): Flavour => ({
    name,
    weight,
    arbitrary: odds<Op>(
      [EXPIRY_ONE_IN * MOVE_ONE_IN, arbitrary],
      [MOVE_ONE_IN, expiryOp(features)],
      [EXPIRY_ONE_IN, moveLeaderOp(features)],
    ),
  });
  return [
    flavour('keys', 10, kvOp(features)),
    {...flavour('watches', 10, watchOp(features)), seldom: largeResponseOp(features)},
    flavour('leases', 8, leaseOp(features)),
    flavour('administration of users', 3, authAdminOp(features)),
    flavour('authentication', 6, authUseOp(features)),
    flavour('maintenance', 5, maintenanceOp(features)),
    flavour('members', 3, clusterOp(features)),
    flavour('locks and elections', 6, concurrencyOp(features)),
  ];
}

/** The names of the flavours, and one of them alone: for looking closely at one part. */
export function onlyFlavour(features: Features, name: string): Flavour | undefined {
  return flavours(features).find((flavour) => flavour.name === name);
}
