// server-core/raft/progress.ts: what a leader knows about one member, and how it may send to it.
// probe: the end of the follower's log is not known; at most one append a heartbeat. replicate: appends follow each other
// without waiting, up to the inflights' limits. snapshot: nothing is sent until the snapshot has arrived or failed.
// etcd: tracker.Progress.
import {assert} from '../../base/assert.ts';
import type {MemberId} from '../../base/ids.ts';
import type {Inflights} from './inflights.ts';

export type ProgressState = 'probe' | 'replicate' | 'snapshot';

const STATE_NAMES: Readonly<Record<ProgressState, string>> = {
  probe: 'StateProbe',
  replicate: 'StateReplicate',
  snapshot: 'StateSnapshot',
};

/** One member in the eyes of the leader. Invariant: 0 <= match < next. */
export class Progress {
  readonly id: MemberId;
  /** Highest index known to be in the member's log, equal to ours. */
  match = 0;
  /** The next index to send. Everything between match and next is under way. */
  next: number;
  state: ProgressState = 'probe';
  /** In state snapshot: the index of the snapshot sent. */
  pendingSnapshot = 0;
  /** Heard from since the last check of the quorum. */
  recentActive: boolean;
  /** Appends wait for the next heartbeat's answer (a probe is out, or the window was full). */
  appendsPaused = false;
  isLearner: boolean;
  readonly inflights: Inflights;
  /** The highest commit index under way to the member. */
  private sentCommit = 0;

  constructor(
    id: MemberId,
    fields: {
      readonly next: number;
      readonly isLearner: boolean;
      readonly recentActive: boolean;
      readonly inflights: Inflights;
    },
  ) {
    this.id = id;
    this.next = fields.next;
    this.isLearner = fields.isLearner;
    this.recentActive = fields.recentActive;
    this.inflights = fields.inflights;
  }

  /** Another one with the same content, sharing the inflights: a membership change is worked out on copies. */
  copy(): Progress {
    const copy = new Progress(this.id, this);
    copy.match = this.match;
    copy.state = this.state;
    copy.pendingSnapshot = this.pendingSnapshot;
    copy.appendsPaused = this.appendsPaused;
    copy.sentCommit = this.sentCommit;
    return copy;
  }

  /** For a change of term or role: nothing is known any more but that the member is there. raft.reset. */
  restart(match: number, next: number): void {
    this.enter('probe');
    this.match = match;
    this.next = next;
    this.recentActive = false;
    this.sentCommit = 0;
  }

  private enter(state: ProgressState): void {
    this.appendsPaused = false;
    this.pendingSnapshot = 0;
    this.state = state;
    this.inflights.reset();
  }

  /** To probe; after a snapshot, from behind the snapshot. Progress.BecomeProbe. */
  becomeProbe(): void {
    const fromSnapshot = this.state === 'snapshot' ? this.pendingSnapshot : 0;
    this.enter('probe');
    this.next = Math.max(this.match, fromSnapshot) + 1;
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
  }

  becomeReplicate(): void {
    this.enter('replicate');
    this.next = this.match + 1;
  }

  becomeSnapshot(snapshotIndex: number): void {
    this.enter('snapshot');
    this.pendingSnapshot = snapshotIndex;
    this.next = snapshotIndex + 1;
    this.sentCommit = snapshotIndex;
  }

  /** An append with so many entries and bytes of payload goes out. Progress.SentEntries. */
  noteSentEntries(count: number, bytes: number): void {
    if (this.state === 'replicate') {
      if (count > 0) {
        this.next += count;
        this.inflights.add(this.next - 1, bytes);
      }
      // With a full window every append is a probe: the next one waits for an answer.
      this.appendsPaused = this.inflights.full();
      return;
    }
    assert(this.state === 'probe', 'sending append in unhandled state', {state: this.state});
    if (count > 0) this.appendsPaused = true;
  }

  noteSentCommit(commit: number): void {
    this.sentCommit = commit;
  }

  /** Could sending this commit index move the member's commit? Not if one up to next-1 is already under way. */
  canBumpCommit(commit: number): boolean {
    return commit > this.sentCommit && this.sentCommit < this.next - 1;
  }

  /** The member acknowledged `index`; false if that is old news. Progress.MaybeUpdate. */
  maybeUpdate(index: number): boolean {
    if (index <= this.match) return false;
    this.match = index;
    if (this.next <= index) this.next = index + 1;
    this.appendsPaused = false;
    return true;
  }

  /**
   * The member refused an append at `rejected` and hints where its log may match ours. False if that is old news: below
   * what it had acknowledged, or (not replicating) not the append that is out. Progress.MaybeDecrTo.
   */
  maybeDecreaseTo(rejected: number, matchHint: number): boolean {
    if (this.state === 'replicate') {
      if (rejected <= this.match) return false;
      this.next = this.match + 1;
      this.sentCommit = Math.min(this.sentCommit, this.next - 1);
      return true;
    }
    if (this.next - 1 !== rejected) return false;
    this.next = Math.max(Math.min(rejected, matchHint + 1), this.match + 1);
    this.sentCommit = Math.min(this.sentCommit, this.next - 1);
    this.appendsPaused = false;
    return true;
  }

  /** Must appends wait? Progress.IsPaused. */
  isPaused(): boolean {
    return this.state === 'snapshot' || this.appendsPaused;
  }
}

/** As Progress.String prints it. */
export function describeProgress(progress: Progress): string {
  let text = `${STATE_NAMES[progress.state]} match=${progress.match} next=${progress.next}`;
  if (progress.isLearner) text += ' learner';
  if (progress.isPaused()) text += ' paused';
  if (progress.pendingSnapshot > 0) text += ` pendingSnap=${progress.pendingSnapshot}`;
  if (!progress.recentActive) text += ' inactive';
  if (progress.inflights.count > 0) {
    text += ` inflight=${progress.inflights.count}`;
    if (progress.inflights.full()) text += '[full]';
  }
  return text;
}
