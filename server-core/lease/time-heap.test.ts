// The heap against a sorted list, and the spread of a new leader's leases.
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {Lease, SECOND_US} from './lease.ts';
import {compareLeaseIds} from './lease-id.ts';
import {spreadExpiries} from './promotion.ts';
import {leaseId} from './test-cluster.ts';
import {ExpiryQueue, TimeHeap} from './time-heap.ts';

test('the queue hands out leases in the order of their last times, equal times by id', () => {
  const steps = fc.array(fc.record({id: fc.integer({min: -4, max: 4}), atUs: fc.option(fc.nat(9), {nil: undefined})}), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, (list) => {
      const queue = new ExpiryQueue();
      const model = new Map<number, number>();
      for (const {id, atUs} of list) {
        if (atUs === undefined) {
          queue.delete(leaseId(id));
          model.delete(id);
        } else {
          queue.set(leaseId(id), atUs);
          model.set(id, atUs);
        }
        const first = [...model].sort(([a, aUs], [b, bUs]) => aUs - bUs || compareLeaseIds(leaseId(a), leaseId(b)))[0];
        expect(queue.length).toBe(model.size);
        const head = queue.peek();
        expect(head && [head.id, head.atUs]).toEqual(first && [leaseId(first[0]), first[1]]);
      }
    }),
    {numRuns: 300, seed: 1},
  );
});

test('a heap takes one lease any number of times', () => {
  const heap = new TimeHeap();
  for (const atUs of [5, 1, 3, 1, 4]) heap.push(leaseId(1), atUs);
  const order: (number | undefined)[] = [];
  while (heap.length > 0) order.push(heap.pop()?.atUs);
  expect(order).toEqual([1, 1, 3, 4, 5]);
  expect(heap.pop()).toBeUndefined();
});

const leasesOf = (ttls: readonly number[]) =>
  ttls.map((ttl, at) => {
    const lease = new Lease(leaseId(at + 1), ttl);
    lease.refresh(0, 0);
    return lease;
  });

test('fewer leases than the rate are not spread', () => {
  expect(spreadExpiries(leasesOf(Array.from({length: 7}, () => 10)), 0, 8)).toEqual([]);
  expect(spreadExpiries([], 0, 0)).toEqual([]);
});

test('of leases that end together three quarters of the rate go in each second', () => {
  const leases = leasesOf(Array.from({length: 40}, () => 10));
  const delays = spreadExpiries(leases, 0, 8);
  // 6 in the first window; then the n-th is delayed by n sixths of a second.
  expect(delays.length).toBe(34);
  expect(delays[0]).toEqual({lease: leases[6], delayUs: Math.floor((7 * SECOND_US) / 6)});
  expect(delays.at(-1)).toEqual({lease: leases[39], delayUs: Math.floor((40 * SECOND_US) / 6)});
  const ends = leases.map((lease) => lease.expiryUs + (delays.find((delay) => delay.lease === lease)?.delayUs ?? 0));
  for (const end of ends) {
    const inWindow = ends.filter((other) => other >= end && other < end + SECOND_US).length;
    expect(inWindow).toBeLessThanOrEqual(7);
  }
});

test('a gap begins a new window', () => {
  const leases = leasesOf([...Array.from({length: 7}, () => 10), ...Array.from({length: 7}, () => 20)]);
  const delays = spreadExpiries(leases, 0, 8);
  expect(delays.map(({lease}) => leases.indexOf(lease))).toEqual([6, 13]);
});
