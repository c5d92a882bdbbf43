// server-core/server/apply-queue.ts: what the raft loop hands to the apply loop, and how the two wait for each other.
// etcd: toApply with its notifyc and raftAdvancedC.
import type {Task, Waitable} from '../../env/fiber.ts';
import {Signal} from '../../env/fiber.ts';
import {Channel} from '../../env/sync.ts';
import type {Entry, Snapshot} from '../raftpb/types.ts';

/** Each step happens once; steps do not go back. */
type Step = 'snapshotSaved' | 'entriesSaved' | 'applied' | 'advanced';

/** One Ready's share for the state machine. */
export class ToApply {
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
  private readonly done = {snapshotSaved: false, entriesSaved: false, applied: false, advanced: false};
  private readonly changes = new Signal();

  constructor(entries: readonly Entry[], snapshot: Snapshot | undefined) {
    this.entries = entries;
    this.snapshot = snapshot;
  }

  mark(step: Step): void {
    this.done[step] = true;
    this.changes.notify();
  }

  /** Ready once the step has happened. */
  happened(step: Step): Waitable<void> {
    return {
      ready: () => this.done[step],
      take: () => undefined,
      park: (task: Task) => this.changes.park(task),
    };
  }
}

/** etcd schedules applies on an unbounded FIFO; this bound is only there to notice a runaway. */
const QUEUE_MAX = 1_000_000;

/** Raft loop to apply loop, in order. */
export const makeApplyQueue = (): Channel<ToApply> => new Channel<ToApply>(QUEUE_MAX);
