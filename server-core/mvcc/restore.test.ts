// What restore makes of a bucket: the very index that wrote it, deletions whose puts are compacted included.
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {putRequest} from '../etcdserverpb/types.ts';
import {CompactionQueue} from './compaction.ts';
import {executePut} from './execute.ts';
import {HashStorage} from './hash.ts';
import {restoreState} from './restore.ts';
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
