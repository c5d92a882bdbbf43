// server-core/lease/promotion.ts: how a new leader spreads the expiries of its leases. etcd: lessor.Promote.
// All leases begin a new term at once; when there are more of them than can be revoked in a second, those that would expire in
// one window are delayed so that a window holds three quarters of the rate.
import type {Lease} from './lease.ts';
import {SECOND_US} from './lease.ts';

/** A lease that is to begin its term later than the others. */
export interface Delay {
  readonly lease: Lease;
  readonly delayUs: number;
}

/** The delays of leases that all run already, ordered by expiry. `revokeRate` is in leases a second. */
export function spreadExpiries(leases: readonly Lease[], nowUs: number, revokeRate: number): Delay[] {
  const first = leases[0];
  if (first === undefined || leases.length < revokeRate) return [];
  const perWindow = Math.floor((3 * revokeRate) / 4);
  const delays: Delay[] = [];
  let windowStartUs = first.expiryUs - nowUs;
  let windowEndUs = windowStartUs + SECOND_US;
  let inWindow = 0;
  for (const lease of leases) {
    const remainingUs = lease.expiryUs - nowUs;
    if (remainingUs > windowEndUs) {
      windowStartUs = remainingUs;
      windowEndUs = windowStartUs + SECOND_US;
      inWindow = 1;
      continue;
    }
    inWindow++;
    if (inWindow <= perWindow) continue;
    // What the lease lies ahead of its window's start is part of the delay already.
    const delayUs = Math.floor((SECOND_US * inWindow) / perWindow) - (remainingUs - windowStartUs);
    windowEndUs = windowStartUs + delayUs;
    delays.push({lease, delayUs});
  }
  return delays;
}
