// live/upgrade/standing.ts: what an operator knows of the members without asking: which binary lies where, who is part of the cluster, who
// is to run, and whom clients may ask.
import {minorText} from '../../scenarios/life/expectations.ts';
import {lowestVersion, type MemberLook, UNKNOWN_STORAGE} from './look.ts';

export class Standing {
  /** The binary that lies there for each member's next start. Who has none was never part of the cluster. */
  readonly binaries = new Map<string, string>();
  /** Releases of the members that are to run. */
  readonly running = new Map<string, string>();
  /** Names on the member list. */
  readonly members = new Set<string>();
  readonly learners = new Set<string>();
  /** Added, and not started since. */
  readonly unstarted = new Set<string>();
  /** Who began the cluster, with its first start or as what a snapshot was restored into. */
  founders: readonly string[] = [];
  /** The target of the downgrade job that was enabled, `3.5`. */
  job: string | undefined;
  /** Member, cluster version and size with which it told no storage version. */
  private readonly longUnknown = new Set<string>();
  /** The cluster's version as all members showed it last. */
  seenVersion: string | undefined;

  /** A new cluster of these members; whoever was there before is no part of it. */
  found(names: readonly string[], release: string): void {
    this.forgetOthers([]);
    this.founders = names;
    for (const name of names) {
      this.members.add(name);
      this.binaries.set(name, release);
    }
  }

  /** Only these are left of the cluster. */
  forgetOthers(left: readonly string[]): void {
    for (const set of [this.members, this.learners, this.unstarted]) {
      for (const name of set) if (!left.includes(name)) set.delete(name);
    }
    [this.job, this.seenVersion] = [undefined, undefined];
  }

  add(name: string, release: string, isLearner: boolean): void {
    this.binaries.set(name, release);
    this.members.add(name);
    this.unstarted.add(name);
    if (isLearner) this.learners.add(name);
  }

  remove(name: string): void {
    for (const set of [this.members, this.learners, this.unstarted]) set.delete(name);
    this.running.delete(name);
  }

  /** Voters that run, in order of names: whom clients and the operator ask. */
  get serving(): readonly string[] {
    return [...this.running.keys()].filter((name) => this.isVoter(name)).sort(byNumber);
  }

  get hasQuorum(): boolean {
    const voterCount = [...this.members].filter((name) => this.isVoter(name)).length;
    return this.serving.length * 2 > voterCount;
  }

  get isComplete(): boolean {
    return [...this.members].every((name) => this.running.has(name));
  }

  /** A job ends of itself when all members have come down to its target. */
  endJobIfReached(): void {
    const hasCome = [...this.running.values()].every((release) => minorText(release) === this.job);
    if (hasCome && this.isComplete) this.job = undefined;
  }

  /** The lowest minor that runs, or a job's target. It rises only while every member answers: undefined where nothing was seen yet. */
  get clusterVersionWanted(): string | undefined {
    if (this.job !== undefined) return `${this.job}.0`;
    return this.isComplete ? lowestVersion(this.running.values()) : this.seenVersion;
  }

  /** Members that have told no storage version for long enough, in the cluster as it is now: `isLong` says so of those that do not. */
  unknownStorage(looks: readonly MemberLook[], clusterVersion: string, isLong: boolean): ReadonlySet<string> {
    const state = (name: string): string => `${name} ${clusterVersion} ${this.members.size}`;
    const untold = looks.filter(({storage}) => storage === UNKNOWN_STORAGE).map(({name}) => name);
    if (isLong) for (const name of untold) this.longUnknown.add(state(name));
    return new Set(untold.filter((name) => this.longUnknown.has(state(name))));
  }

  private isVoter(name: string): boolean {
    return this.members.has(name) && !this.learners.has(name);
  }
}

const byNumber = (a: string, b: string): number => Number(a.slice(1)) - Number(b.slice(1));
