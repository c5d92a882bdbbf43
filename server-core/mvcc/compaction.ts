// server-core/mvcc/compaction.ts: forgetting old revisions, in two marks. etcd: kvstore.go (updateCompactRev), kvstore_compaction.go.
// Asking writes the mark `scheduledCompactRev` and refuses reads below from then on; removing goes on in steps, so that other
// transactions run in between, and ends with the mark `finishedCompactRev`. A crash in between is seen from the marks.
// Commits are the caller's: after begin(), and after each step that is not the last (etcd: ForceCommit, then a pause of 10 ms).
import type {ByteString} from '../../base/byte-string.ts';
import {fromBytes} from '../../base/byte-string.ts';
import type {BatchTx} from '../backend/types.ts';
import {decodeKeyValue} from '../etcdserverpb/kv-codec.ts';
import {ERR_COMPACTED, ERR_FUTURE_REVISION, type Refusal} from './errors.ts';
import {type HashStorage, KvHasher} from './hash.ts';
import {
  encodeMainRevision,
  endOfMain,
  isTombstoneKey,
  mainOf,
  type RevisionSet,
  revisionKey,
  subOf,
} from './revision.ts';
import type {StoreState} from './store-state.ts';
import {behavioursOf} from './store-state.ts';

const SCHEDULED_MARK = 'scheduledCompactRev';
const FINISHED_MARK = 'finishedCompactRev';

/** etcd: defaultCompactionBatchLimit. */
export const COMPACTION_BATCH_COUNT = 1000;

function readMark(batch: BatchTx, name: string): number | undefined {
  const bytes = batch.get('meta', name);
  return bytes === undefined ? undefined : mainOf(fromBytes(bytes));
}

/** The marks as the backend has them; undefined: never written. */
export function readCompactionMarks(batch: BatchTx): {
  readonly scheduled: number | undefined;
  readonly finished: number | undefined;
} {
  return {scheduled: readMark(batch, SCHEDULED_MARK), finished: readMark(batch, FINISHED_MARK)};
}

/** One compaction that was asked for. */
export interface Compaction {
  readonly revision: number;
  /** Nothing up to it is left in the backend. */
  readonly isFinished: boolean;
}

class Job implements Compaction {
  readonly revision: number;
  isFinished = false;
  /** Where the one before it ended. */
  readonly previousRevision: number;
  /** Only then does the hash cover everything since the last compaction. etcd issue 15919. */
  readonly isPreviousFinished: boolean;
  keep: RevisionSet | undefined;
  hasher: KvHasher | undefined;
  /** The first bucket key not yet looked at. */
  next: ByteString = revisionKey(0, 0);

  constructor(revision: number, previousRevision: number, isPreviousFinished: boolean) {
    this.revision = revision;
    this.previousRevision = previousRevision;
    this.isPreviousFinished = isPreviousFinished;
  }
}

/** What one step did. */
export interface CompactionStep {
  readonly compaction: Compaction;
  readonly removedCount: number;
}

/** The compactions not yet finished, in the order they were asked for. etcd: fifoSched. */
export class CompactionQueue {
  private readonly jobs: Job[] = [];

  get isEmpty(): boolean {
    return this.jobs.length === 0;
  }

  /** No compaction up to that revision is left. */
  isDoneTo(revision: number): boolean {
    return this.jobs.every((job) => job.revision > revision);
  }

  /** Moves the compact revision and queues the removal. */
  begin(state: StoreState, revision: number): Compaction | Refusal {
    const {scheduled, finished} = readCompactionMarks(state.batch);
    if (revision <= state.compactRevision) return ERR_COMPACTED;
    if (revision > state.currentRevision) return ERR_FUTURE_REVISION;
    const job = new Job(revision, state.compactRevision, scheduled === finished);
    state.compactRevision = revision;
    state.batch.put('meta', SCHEDULED_MARK, encodeMainRevision(revision));
    this.jobs.push(job);
    return job;
  }

  /** Looks at up to `limit` bucket keys of the first compaction; undefined when there is none. */
  step(state: StoreState, hashes: HashStorage, limit: number): CompactionStep | undefined {
    const [job] = this.jobs;
    if (job === undefined) return undefined;
    const {batch} = state;
    const keep = job.keep ?? state.index.compact(job.revision, behavioursOf(state.options).keepsTombstoneAtCompaction);
    job.keep = keep;
    job.hasher ??= new KvHasher(job.previousRevision, job.revision, keep);
    const pairs = batch.range('key', job.next, endOfMain(job.revision), limit);
    let removedCount = 0;
    for (const {key, value} of pairs) {
      job.hasher.add(key, value);
      if (keep.has(mainOf(key), subOf(key))) continue;
      batch.delete('key', key);
      removedCount++;
      if (mainOf(key) === job.revision && !isTombstoneKey(key)) markLost(state, key, value);
    }
    state.counts.compactedKeys += removedCount;
    const last = pairs[pairs.length - 1];
    if (last === undefined || pairs.length < limit) this.finish(state, hashes, job);
    else job.next = revisionKey(mainOf(last.key), subOf(last.key) + 1);
    return {compaction: job, removedCount};
  }

  private finish(state: StoreState, hashes: HashStorage, job: Job): void {
    state.batch.put('meta', FINISHED_MARK, encodeMainRevision(job.revision));
    if (job.isPreviousFinished && job.hasher !== undefined) hashes.store(job.hasher.result());
    job.keep = undefined;
    job.isFinished = true;
    this.jobs.shift();
  }
}

/** What is removed at the compact revision itself may still be what its key shows: see StoreState.lost. */
function markLost(state: StoreState, bucketKey: ByteString, value: Uint8Array): void {
  const main = mainOf(bucketKey);
  const shown = state.index.get(decodeKeyValue(value).key, main);
  if (shown?.main !== main || shown.sub !== subOf(bucketKey)) return;
  state.lost ??= new Set();
  state.lost.add(shown);
}
