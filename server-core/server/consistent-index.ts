// server-core/server/consistent-index.ts: up to which entry the backend holds everything, in memory and as it is stored beside what it
// speaks of. etcd: cindex, backend hooks; mvcc saveIndex up to 3.4. When it is stored is the release's: SchemaBehaviours.storesIndex.
import type {Fiber} from '../../env/fiber.ts';
import type {Backend} from '../backend/backend.ts';
import type {BatchTx} from '../backend/types.ts';
import type {ConfState} from '../raftpb/types.ts';
import type {SchemaBehaviours} from '../schema/behaviours.ts';
import {readConsistentIndex, readTerm, writeConfState, writeConsistentIndex, writeTerm} from '../schema/meta.ts';

export class ConsistentIndex {
  index = 0;
  term = 0;
  /** Set once a membership change was applied in this life. */
  confState: ConfState | undefined;
  private readonly behaviours: SchemaBehaviours;

  private constructor(behaviours: SchemaBehaviours) {
    this.behaviours = behaviours;
  }

  /** Reads what the backend holds. */
  static load(batch: BatchTx, behaviours: SchemaBehaviours): ConsistentIndex {
    const loaded = new ConsistentIndex(behaviours);
    loaded.index = readConsistentIndex(batch);
    if (behaviours.keepsTermAndConfState) loaded.term = readTerm(batch);
    return loaded;
  }

  /**
   * An entry is about to be applied, and the lock not yet held; true where the release tells the hook of it already, with the
   * next commit of anybody. etcd 3.5.0 to 3.5.2: applyEntryNormal (issue 13766).
   */
  announce(index: number, term: number): boolean {
    if (this.behaviours.publishesIndex === 'under-lock') return false;
    this.advance(index, term);
    return true;
  }

  /** An entry was applied. */
  advance(index: number, term: number): void {
    this.index = index;
    this.term = term;
  }

  /** The pre-commit hook, where the release has one. backend hooks: OnPreCommitUnsafe. */
  beforeCommit(batch: BatchTx): void {
    if (this.behaviours.storesIndex === 'before-commits') this.save(batch);
  }

  /** A transaction that changed keys or users ends. Up to 3.4 the index is stored then. mvcc: saveIndex. */
  afterWrite(batch: BatchTx): void {
    if (this.behaviours.storesIndex === 'within-writes') this.save(batch);
  }

  /** Stores the index and commits. etcd: KV().Commit(). */
  *commit(backend: Backend): Fiber<void> {
    if (this.behaviours.storesIndex === 'within-writes') {
      const batch = yield* backend.lockOutsideApply();
      this.save(batch);
      yield* backend.unlock();
    }
    yield* backend.commit();
  }

  private save(batch: BatchTx): void {
    if (this.index === 0) return;
    writeConsistentIndex(batch, this.index);
    if (!this.behaviours.keepsTermAndConfState) return;
    if (this.term > 0) writeTerm(batch, this.term);
    if (this.confState !== undefined) writeConfState(batch, this.confState);
  }
}
