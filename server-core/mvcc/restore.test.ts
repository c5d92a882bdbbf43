// What restore makes of a bucket: the very index that wrote it, deletions whose puts are compacted included.
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {putRequest, rangeRequest} from '../etcdserverpb/types.ts';
import {mvccBehaviours} from './behaviours.ts';
import {CompactionQueue} from './compaction.ts';
import {executePut} from './execute.ts';
import {HashStorage} from './hash.ts';
import {restoreState} from './restore.ts';
import {endOfMain, mainOf, revisionKey} from './revision.ts';
import {MvccStore} from './store.ts';
import {emptyState, type StoreState} from './store-state.ts';
import {TestBatch} from './test-batch.ts';
import {WriteTxn} from './write-txn.ts';

function generations(state: StoreState): string[] {
  const lines: string[] = [];
  state.index.forEach((index) => void lines.push(`${index.key} ${index.describe()}`));
  return lines;
}

const steps = fc.oneof(
  {weight: 6, arbitrary: fc.record({kind: fc.constantFrom('put', 'delete'), key: fc.constantFrom('a', 'b', 'c')})},
  {weight: 1, arbitrary: fc.record({kind: fc.constant('compact'), key: fc.constantFrom('0', '1', '2', '3')})},
);

test('every generation comes back', () => {
  let tombstoneFirst = 0;
  fc.assert(
    fc.property(fc.array(steps, {maxLength: 40, size: 'max'}), (list) => {
      const batch = new TestBatch();
      batch.createBucket('key');
      batch.createBucket('meta');
      const state = emptyState(batch, {});
      const queue = new CompactionQueue();
      for (const {kind, key} of list) {
        if (kind === 'compact') {
          queue.begin(state, state.currentRevision - Number(key));
          while (!queue.isEmpty) queue.step(state, new HashStorage(), 3);
          continue;
        }
        const txn = new WriteTxn(state);
        if (kind === 'put') executePut(txn, putRequest(key, 'v'));
        else txn.deleteRange(key, '');
        txn.end();
      }
      const restored = emptyState(batch.copy(), {});
      expect(restoreState(restored)).toBeUndefined();
      expect(generations(restored)).toEqual(generations(state));
      expect([restored.currentRevision, restored.compactRevision]).toEqual([
        state.currentRevision,
        state.compactRevision,
      ]);
      tombstoneFirst += generations(restored).filter((line) => /^. \{\S+t\}/.test(line)).length;
    }),
    {numRuns: 200},
  );
  expect(tombstoneFirst).toBeGreaterThan(10);
});

/** The steps of errata/confirmed-on-real-kv.md, 19179: 200 keys put and deleted, a compaction in batches of 50 that is cut short. */
function cutShort(): TestBatch {
  const batch = new TestBatch();
  const store = MvccStore.open(batch);
  const keys = Array.from({length: 200}, (_, i) => `p${String(i).padStart(3, '0')}`);
  for (const key of keys) store.applyPut(putRequest(key, 'v'));
  for (const key of keys) store.applyDeleteRange({key, rangeEnd: '', prevKv: false});
  store.applyPut(putRequest('zz', 'v'));
  store.compact(401);
  for (let step = 0; step < 5; step++) store.compactionStep(50);
  return batch.copy();
}

test.each([
  ['3.4.33', false],
  ['3.4.34', false],
  ['3.4.35', false],
  ['3.4.36', true],
  ['3.5.16', false],
  ['3.5.17', false],
  ['3.5.18', true],
  ['3.5.30', true],
  ['3.6.0', true],
])(
  '19179: a compaction that goes on after a restart of %s keeps the deletion at its revision: %s',
  (release, keeps) => {
    const batch = cutShort();
    expect(batch.range('key', revisionKey(401, 0), endOfMain(401), 0)).toHaveLength(1);
    const store = MvccStore.open(batch, {behaviours: mvccBehaviours(release)});
    expect([store.currentRevision, store.compactRevision, store.hasCompaction]).toEqual([402, 401, true]);
    while (store.hasCompaction) store.compactionStep(50);
    const left: number[] = [];
    batch.forEach('key', (key) => void left.push(mainOf(key)));
    // 18089: up to 3.4.33 the deletion is not kept by any compaction, interrupted or not.
    expect(left).toEqual(keeps ? [401, 402] : [402]);
  },
);

test('19179: a key whose lone deletion was passed over is created anew', () => {
  const store = MvccStore.open(cutShort(), {behaviours: mvccBehaviours('3.5.16')});
  expect(store.applyPut(putRequest('p199', 'again'))).toMatchObject({header: {revision: 403}});
  expect(store.range(rangeRequest('p199', {}))).toMatchObject({
    count: 1,
    kvs: [{createRevision: 403, modRevision: 403, version: 1}],
  });
});
