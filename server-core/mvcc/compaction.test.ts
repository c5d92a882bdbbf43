// Compaction in steps: what leaves the bucket and when, the marks, restarts in between, and hashes that agree between members.
import fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {concatBytes, fromBytes, toBytes} from '../../base/byte-string.ts';
import {crc32c} from '../../base/crc32c.ts';
import {deleteRangeRequest, putRequest, rangeRequest, txnRequest} from '../etcdserverpb/types.ts';
import {readCompactionMarks} from './compaction.ts';
import {ERR_COMPACTED, ERR_FUTURE_REVISION, isRefusal} from './errors.ts';
import type {HashKv} from './hash.ts';
import {revisionKey} from './revision.ts';
import {MvccStore} from './store.ts';
import {TestBatch} from './test-batch.ts';

type Change = {readonly put: string} | {readonly delete: string} | {readonly both: readonly [string, string]};

function change(store: MvccStore, what: Change): void {
  if ('put' in what) store.applyPut(putRequest(what.put, `v${store.currentRevision}`));
  else if ('delete' in what) store.applyDeleteRange(deleteRangeRequest(what.delete));
  else {
    const success = what.both.map((key) => ({kind: 'put', request: putRequest(key, 'both')}) as const);
    store.applyTxn(txnRequest({success}));
  }
}

/** Revisions 2 to 7: a, a, b, a and b gone in one, a again. */
function smallStore(): {store: MvccStore; batch: TestBatch} {
  const batch = new TestBatch();
  const store = MvccStore.open(batch);
  for (const what of [{put: 'a'}, {put: 'a'}, {put: 'b'}] as const) change(store, what);
  store.applyDeleteRange(deleteRangeRequest('a', {rangeEnd: 'c'}));
  change(store, {put: 'a'});
  return {store, batch};
}

function finish(store: MvccStore, limit: number): number {
  let removed = 0;
  for (let step = store.compactionStep(limit); step !== undefined; step = store.compactionStep(limit)) {
    removed += step.removedCount;
  }
  return removed;
}

const hashOf = (store: MvccStore, revision: number): HashKv => {
  const hash = store.hashKv(revision);
  if (isRefusal(hash)) throw new Error(hash.message);
  return hash;
};

describe('one compaction', () => {
  test('reads below it are refused at once, at it they are answered, and the marks tell how far it is', () => {
    const {store, batch} = smallStore();
    expect(store.compact(4)).toMatchObject({revision: 4, isFinished: false});
    expect(readCompactionMarks(batch)).toEqual({scheduled: 4, finished: undefined});
    expect(fromBytes(batch.get('meta', 'scheduledCompactRev') ?? new Uint8Array())).toBe(revisionKey(4, 0));
    expect(store.range(rangeRequest('a', {revision: 3}))).toBe(ERR_COMPACTED);
    expect(store.range(rangeRequest('a', {revision: 4}))).toMatchObject({count: 1, kvs: [{modRevision: 3}]});
    expect(finish(store, 100)).toBe(1);
    expect(readCompactionMarks(batch)).toEqual({scheduled: 4, finished: 4});
    expect(store.range(rangeRequest('a', {revision: 4}))).toMatchObject({count: 1, kvs: [{modRevision: 3}]});
  });

  test.each([
    // compact to, pairs left in the bucket of 6
    [1, 6],
    [2, 6],
    [3, 5],
    [4, 5],
    [5, 3], // both deletions stay: they are at the revision itself
    [6, 1],
  ])('to %i leaves %i pairs', (revision, left) => {
    const {store, batch} = smallStore();
    store.compact(revision);
    expect(finish(store, 2)).toBe(6 - left);
    expect(batch.size('key')).toBe(left);
  });

  test('not above the last one, not beyond the current revision; zero is accepted once, as in etcd', () => {
    const {store} = smallStore();
    expect(store.compact(7)).toBe(ERR_FUTURE_REVISION);
    expect(store.compact(-1)).toBe(ERR_COMPACTED);
    expect(isRefusal(store.compact(0))).toBe(false);
    expect(store.compact(0)).toBe(ERR_COMPACTED);
    expect(isRefusal(store.compact(6))).toBe(false);
    expect(store.compact(5)).toBe(ERR_COMPACTED);
    expect(store.compact(6)).toBe(ERR_COMPACTED);
    expect(store.applyCompaction({revision: 6, physical: false})).toBe(ERR_COMPACTED);
  });

  test('several that wait are carried out in order, and changes go on in between', () => {
    const {store, batch} = smallStore();
    const compactions = [store.compact(3), store.compact(5)];
    const states = (): boolean[] => compactions.map((one) => !isRefusal(one) && one.isFinished);
    expect(store.compactionStep(2)).toMatchObject({removedCount: 1});
    expect(states()).toEqual([false, false]);
    change(store, {put: 'c'});
    store.compactionStep(2);
    expect(states()).toEqual([true, false]);
    change(store, {put: 'c'});
    finish(store, 2);
    expect(states()).toEqual([true, true]);
    expect([store.hasCompaction, batch.size('key')]).toEqual([false, 5]);
    expect(store.range(rangeRequest('c'))).toMatchObject({kvs: [{version: 2}]});
  });

  test('a step of every length removes the same', () => {
    for (let limit = 1; limit <= 8; limit++) {
      const {store, batch} = smallStore();
      store.compact(5);
      expect(finish(store, limit)).toBe(3);
      expect(batch.size('key')).toBe(3);
    }
  });
});

describe('a restart in between', () => {
  test('goes on with what was asked for, from any step', () => {
    for (let steps = 0; steps <= 6; steps++) {
      const {store, batch} = smallStore();
      store.compact(2);
      finish(store, 1);
      store.compact(5);
      for (let i = 0; i < steps; i++) store.compactionStep(1);
      const later = MvccStore.open(batch.copy());
      expect(later.hasCompaction).toBe(store.hasCompaction);
      expect(later.compactRevision).toBe(5);
      expect(later.stateDigest()).toBe(store.stateDigest());
      expect(later.range(rangeRequest('a', {revision: 4}))).toBe(ERR_COMPACTED);
      finish(later, 1);
      finish(store, 1);
      expect(later.hashKv(6)).toEqual(store.hashKv(6));
      // The interrupted one's hash does not cover everything since the last, so it is not kept.
      expect(later.compactionHashes()).toEqual([]);
    }
  });

  test('the revision does not go back when compaction has removed the newest of all', () => {
    // etcd issue 17780: releases before 3.5.16 remove a deletion at the compact revision, and crash before the last mark.
    const {store, batch} = smallStore();
    store.applyDeleteRange(deleteRangeRequest('a'));
    store.compact(7);
    const crashed = batch.copy();
    for (const {key} of crashed.range('key', '', '\xff', 0)) crashed.delete('key', key);
    const later = MvccStore.open(crashed);
    expect([later.currentRevision, later.compactRevision, later.hasCompaction]).toEqual([7, 7, true]);
    finish(later, 10);
    const again = MvccStore.open(crashed.copy());
    expect([again.currentRevision, again.compactRevision, again.hasCompaction]).toEqual([7, 7, false]);
    expect(again.stateDigest()).toBe(later.stateDigest());
  });

  test('another backend takes the place of this one', () => {
    const {store} = smallStore();
    store.compact(5);
    const other = smallStore();
    change(other.store, {put: 'z'});
    store.restore(other.batch.copy());
    expect(store.stateDigest()).toBe(other.store.stateDigest());
    expect([store.currentRevision, store.compactRevision, store.hasCompaction]).toEqual([7, -1, false]);
    change(store, {put: 'y'});
    change(other.store, {put: 'y'});
    expect(store.hashKv(0)).toEqual(other.store.hashKv(0));
  });
});

const changes: fc.Arbitrary<Change> = fc.oneof(
  fc.record({put: fc.constantFrom('a', 'b', 'c', 'd')}),
  fc.record({put: fc.constantFrom('a', 'b', 'c', 'd')}),
  fc.record({delete: fc.constantFrom('a', 'b', 'c', 'd')}),
  fc.constantFrom({both: ['a', 'c'] as const}, {both: ['d', 'b'] as const}),
);

describe('hashes', () => {
  test('agree between members that compacted at other times, in other steps, or not yet', () => {
    let compared = 0;
    fc.assert(
      fc.property(
        fc.array(changes, {minLength: 1, maxLength: 40, size: 'max'}),
        fc.array(fc.nat(100), {maxLength: 4}),
        fc.integer({min: 1, max: 5}),
        (list, extra, limit) => {
          const batches = [new TestBatch(), new TestBatch(), new TestBatch()] as const;
          const [often, once, asked] = batches.map((batch) => MvccStore.open(batch)) as [
            MvccStore,
            MvccStore,
            MvccStore,
          ];
          list.forEach((what, place) => {
            for (const store of [often, once, asked]) change(store, what);
            if (extra.includes(place)) {
              often.compact(often.currentRevision - 1);
              finish(often, limit);
            }
          });
          const current = often.currentRevision;
          const target = Math.max(often.compactRevision, current - (extra[0] ?? 1), 1);
          for (const store of [often, once, asked]) store.compact(target);
          finish(often, 3);
          finish(once, limit);
          asked.compactionStep(1);
          for (let revision = target + 1; revision <= current; revision++) {
            const want = hashOf(once, revision);
            expect(want).toMatchObject({compactRevision: target, revision});
            expect(hashOf(often, revision)).toEqual(want);
            // With nothing to keep, etcd's rule cannot tell a removal that is still to come from one that never was.
            const isEmpty = once.range(rangeRequest('\0', {rangeEnd: '\0', revision, countOnly: true}));
            if (isRefusal(isEmpty) || isEmpty.count === 0) continue;
            expect(hashOf(asked, revision)).toEqual(want);
            compared++;
          }
        },
      ),
      {numRuns: 300},
    );
    expect(compared).toBeGreaterThan(100);
  });

  test('change with a key, a value, a revision and a lease, and know their limits', () => {
    const {store} = smallStore();
    const hashes = [1, 2, 3, 4, 5, 6].map((revision) => hashOf(store, revision).hash);
    expect(new Set(hashes).size).toBe(6);
    expect(hashOf(store, 0)).toEqual({hash: hashes[5], compactRevision: -1, revision: 6});
    expect(store.hashKv(7)).toBe(ERR_FUTURE_REVISION);
    store.compact(4);
    expect(store.hashKv(3)).toBe(ERR_COMPACTED);
  });

  test('are CRC-32C over the name of the bucket and its pairs', () => {
    const pair = (main: number, text: string): Uint8Array[] => [toBytes(revisionKey(main, 0)), toBytes(text)];
    const crcOf = (...parts: Uint8Array[]): number => crc32c(0, concatBytes([toBytes('key'), ...parts]));
    const store = MvccStore.open(new TestBatch());
    expect(hashOf(store, 0).hash).toBe(crcOf());
    store.applyPut(putRequest('a', 'x'));
    const first = pair(2, '\x0a\x01a\x10\x02\x18\x02\x20\x01\x2a\x01x');
    expect(hashOf(store, 0).hash).toBe(crcOf(...first));
    store.applyDeleteRange(deleteRangeRequest('a'));
    const tombstone = [toBytes(`${revisionKey(3, 0)}t`), toBytes('\x0a\x01a')];
    expect(hashOf(store, 0).hash).toBe(crcOf(...first, ...tombstone));
    expect(hashOf(store, 2).hash).toBe(crcOf(...first));
    // Nothing is to be kept at the deletion: what is still there counts, as in etcd, but for the deletion itself.
    store.compact(3);
    expect(hashOf(store, 0)).toEqual({hash: crcOf(...first), compactRevision: 3, revision: 3});
    finish(store, 10);
    store.applyPut(putRequest('b', 'y'));
    const second = pair(4, '\x0a\x01b\x10\x04\x18\x04\x20\x01\x2a\x01y');
    expect(hashOf(store, 0)).toEqual({hash: crcOf(...second), compactRevision: 3, revision: 4});
    expect(store.compactionHashes()).toEqual([{hash: crcOf(...first, ...tombstone), compactRevision: -1, revision: 3}]);
    store.applyDeleteRange(deleteRangeRequest('b'));
    store.compact(4);
    finish(store, 10);
    // The deletion at 3, which this compaction begins behind, is not in its hash.
    expect(hashOf(store, 4)).toEqual({hash: crcOf(...second), compactRevision: 3, revision: 4});
  });

  test('of finished compactions are kept, ten of them, each covering what lies since the one before', () => {
    const batch = new TestBatch();
    const store = MvccStore.open(batch);
    for (let i = 0; i < 12; i++) {
      change(store, {put: 'a'});
      store.compact(store.currentRevision);
      finish(store, 1);
    }
    const kept = store.compactionHashes();
    expect(kept.map(({compactRevision, revision}) => [compactRevision, revision])).toEqual(
      [4, 5, 6, 7, 8, 9, 10, 11, 12, 13].map((revision) => [revision - 1, revision]),
    );
    expect(store.hashKv(13)).toBe(kept[9]);
    store.compact(14);
    expect(store.compact(14)).toBe(ERR_FUTURE_REVISION);
  });
});
