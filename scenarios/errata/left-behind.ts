// scenarios/errata/left-behind.ts: a follower is cut off from its peers, though not from its clients, until the log it lacks is gone;
// then it gets a snapshot. What its watches are told around that is the matter of two bugs.
import type {WatchLogRequest} from '../../history/watch-log.ts';
import type {Experiment, Setting} from './experiment.ts';

/** Snapshots are frequent and little of the log is kept behind them. */
export const LEFT_BEHIND: Setting = {
  founderCount: 3,
  options: {snapshotCount: 20, memorySnapshotCount: 20, snapshotCatchUpEntries: 5},
};

export interface LeftBehind {
  /** Puts before the watch, between watch and cut, and while the follower is cut off. */
  readonly putsBefore: number;
  readonly putsSeen: number;
  readonly putsMissed: number;
  readonly putsAfter: number;
  /** Made when `putsBefore` are there, at this revision. */
  readonly watch: (revision: number) => WatchLogRequest;
}

/** Plays it. */
export function leaveBehind(lab: Experiment, {putsBefore, putsSeen, putsMissed, putsAfter, watch}: LeftBehind): void {
  lab.startFounders();
  const put = (member: string, count: number) => {
    for (let i = 0; i < count; i++) lab.put(0, member, `k${lab.random.below(5)}`);
  };
  const follower = lab.follower();
  const others = lab.founders.filter((name) => name !== follower);
  const writesAt = lab.random.pick(others);
  put(writesAt, putsBefore);
  lab.mustCome(() => lab.settle(), 'the members did not come to rest');
  lab.watch(1, follower, watch(lab.server(follower).applier.store.currentRevision));
  lab.pass(lab.random.between(200_000, 500_000));
  put(writesAt, putsSeen);
  lab.pass(lab.random.between(200_000, 500_000));
  const cut = lab.isolate(follower);
  // What is under way to the follower would reach it later; connections that are gone leave it really behind.
  for (const name of others) lab.world.network.resetAll(name);
  put(writesAt, putsMissed);
  lab.pass(lab.random.between(100_000, 1_000_000));
  cut.lift();
  lab.mustCome(() => lab.settle(), 'the member that was left behind did not catch up');
  put(writesAt, putsAfter);
  lab.pass(1_000_000);
}
