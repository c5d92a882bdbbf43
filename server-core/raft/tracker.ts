// server-core/raft/tracker.ts: the configuration in force and what is known about each of its members.
// Every member keeps this, not only the leader: whether a member may campaign and whose answers count follows from it.
// Invariant: there is progress for exactly the voters (of both majorities) and learners. etcd: tracker.ProgressTracker.
import type {MemberId} from '../../base/ids.ts';
import {formatId} from '../../base/ids.ts';
import type {ConfState} from '../raftpb/types.ts';
import {EMPTY_CONF_STATE} from '../raftpb/types.ts';
import type {Progress} from './progress.ts';
import type {AckedIndexes, VoteResult} from './quorum.ts';
import {compareMemberIds, jointCommitted, jointVote, unionOfVoters} from './quorum.ts';

/** Limits of the window of appends to each member. */
export interface InflightLimits {
  readonly countMax: number;
  /** 0 for none. */
  readonly bytesMax: number;
}

/** A configuration with its members, as a membership change hands it over. */
export interface TrackedConfig {
  readonly config: ConfState;
  readonly progress: ReadonlyMap<MemberId, Progress>;
}

/** The configuration in force. Lists in `config` are sorted. */
export class Tracker implements AckedIndexes, TrackedConfig {
  readonly limits: InflightLimits;
  config: ConfState = EMPTY_CONF_STATE;
  progress: ReadonlyMap<MemberId, Progress> = new Map<MemberId, Progress>();
  /** The same progress by rising id: the order in which a leader sends. */
  members: readonly Progress[] = [];

  constructor(limits: InflightLimits) {
    this.limits = limits;
  }

  /** Puts a configuration in force. */
  adopt({config, progress}: TrackedConfig): void {
    this.config = config;
    this.progress = progress;
    this.members = [...progress.values()].sort((a, b) => compareMemberIds(a.id, b.id));
  }

  /** quorum.AckedIndexer over the match indexes. */
  ackedIndex(id: MemberId): number | undefined {
    const progress = this.progress.get(id);
    return progress === undefined ? undefined : progress.match;
  }

  /** The highest index that the configuration's quorum is known to have. */
  committed(): number {
    return jointCommitted(this.config.voters, this.config.votersOutgoing, this);
  }

  voteResult(votes: ReadonlyMap<MemberId, boolean>): VoteResult {
    return jointVote(this.config.voters, this.config.votersOutgoing, votes);
  }

  /** Was a quorum heard from since the last check? */
  quorumActive(): boolean {
    const active = new Map<MemberId, boolean>();
    for (const progress of this.members) if (!progress.isLearner) active.set(progress.id, progress.recentActive);
    return this.voteResult(active) === 'won';
  }

  /** Is there one voter only? */
  isSingleton(): boolean {
    return this.config.voters.length === 1 && this.config.votersOutgoing.length === 0;
  }

  /** The voters of both majorities by rising id. */
  voters(): readonly MemberId[] {
    return unionOfVoters(this.config.voters, this.config.votersOutgoing);
  }

  isVoter(id: MemberId): boolean {
    return this.config.voters.includes(id) || this.config.votersOutgoing.includes(id);
  }
}

/** A set of ids as quorum.MajorityConfig prints it: '(1 2 a)'. */
export function describeIds(ids: readonly MemberId[]): string {
  return `(${ids.map(formatId).join(' ')})`;
}

/** A configuration as tracker.Config prints it: 'voters=(1 2)&&(1 3) learners=(4) autoleave'. */
export function describeConfig(config: ConfState): string {
  let text = `voters=${describeIds(config.voters)}`;
  if (config.votersOutgoing.length > 0) text += `&&${describeIds(config.votersOutgoing)}`;
  if (config.learners.length > 0) text += ` learners=${describeIds(config.learners)}`;
  if (config.learnersNext.length > 0) text += ` learners_next=${describeIds(config.learnersNext)}`;
  if (config.autoLeave) text += ' autoleave';
  return text;
}
