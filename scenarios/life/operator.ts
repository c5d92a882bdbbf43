// scenarios/life/operator.ts: carries out the steps of a plan, as an operator with etcdctl, curl and a shell on every machine would.
// A fiber on a machine of its own. Calls go over the network; processes and binaries are handled on the members' machines. A step that
// cannot be done within its time, or that was to be refused and was not, is a finding and ends the run.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, condition, select, sleepUs} from '../../env/fiber.ts';
import type {Finding} from '../../history/verdict.ts';
import type {Member, Members} from '../members.ts';
import type {Recorder} from '../recorder.ts';
import {ClusterChanges} from './cluster-changes.ts';
import {
  clusterVersionWanted,
  missingClusterVersion,
  missingHealth,
  missingMembers,
  missingReleases,
  missingStorageVersion,
} from './expectations.ts';
import {restoreFiles, saveSnapshot} from './operator-tools.ts';
import {spendRevisions} from './operator-writes.ts';
import type {Step, StepOf} from './steps.ts';
import {describeStep, nameInStep} from './steps.ts';

export interface OperatorOptions {
  readonly members: Members;
  readonly recorder: Recorder;
  readonly steps: readonly Step[];
  /** Faults happen meanwhile: everything may take longer, and bounds on the cluster's version do not hold. */
  readonly hasFaults: boolean;
  /** Who serves clients now, by name. */
  readonly tellClients: (members: readonly string[]) => void;
  readonly traffic: {readonly pause: () => void; readonly resume: () => void; readonly isQuiet: () => boolean};
  /** The log of before does not bind what comes: a restored cluster, or one that goes on by force. */
  readonly newEra: (begins: 'restored' | 'forced', restoredBy?: string) => void;
  /** The cluster is well: a good moment to look at what members hold. */
  readonly isWell: () => void;
  /** The end of the downgrade job is about to be asked for. */
  readonly cancelAsked: () => void;
  /** --wal-segment-bytes of the members, for directories that the operator makes. */
  readonly walSegmentBytes: number;
  readonly place: () => {readonly atUs: number; readonly atEvent: number};
}

/** Where members keep their files. */
const DATA_DIR = '/etcd';
/** How often the operator looks again. */
const LOOK_EVERY_US = 200_000;
/** How long a step may take, without and with faults around it. */
const STEP_US_MAX = 20_000_000;
const STEP_US_MAX_WITH_FAULTS = 90_000_000;
/** How long an operator waits for a member to stop in order, before SIGKILL. */
const STOP_US_MAX = 15_000_000;
/** The leader looks every 4 s (monitorVersionInterval); asking everybody and agreeing takes its time too. */
const VERSION_RISE_US_MAX = 6_500_000;

/** What went wrong with a step; undefined: nothing. */
type Trouble = string | undefined;

/** A member that is to end of itself, and what it is to say. */
interface Ending {
  readonly one: Member;
  readonly text: string;
}

export class Operator {
  readonly findings: Finding[] = [];
  private readonly options: OperatorOptions;
  private readonly changes: ClusterChanges;
  /** Member of the step before. */
  private same: Member | undefined;
  private snapshot: Uint8Array | undefined;
  /** The cluster's version as it was seen everywhere last. */
  private seenVersion: string | undefined;

  constructor(options: OperatorOptions) {
    this.options = options;
    this.changes = new ClusterChanges({members: options.members, stepUsMax: this.stepUsMax});
  }

  /** The program of the operator's machine. */
  *run(env: Env): Fiber<void> {
    const {steps, recorder} = this.options;
    for (const [index, step] of steps.entries()) {
      const aheadUs = (step.atUs ?? 0) - this.options.place().atUs;
      if (aheadUs > 0) yield* sleepUs(env.clock, aheadUs);
      const member = yield* this.resolve(env, step);
      const text = describeStep(step);
      env.trace.mark(`step: ${step.kind}`);
      recorder.event({kind: 'note', atUs: this.options.place().atUs, member: member?.name ?? 'operator', text});
      const trouble = yield* this.carryOut(env, step, member);
      if (trouble === undefined) continue;
      const message = `step ${index} (${text}): ${trouble}`;
      this.findings.push({check: 'cluster-life', kind: 'violation', message, ...this.options.place()});
      return;
    }
  }

  private get stepUsMax(): number {
    return this.options.hasFaults ? STEP_US_MAX_WITH_FAULTS : STEP_US_MAX;
  }

  /** The member that a step is about. */
  private *resolve(env: Env, step: Step): Fiber<Member | undefined> {
    const name = nameInStep(step);
    if (name === undefined) return undefined;
    const {members} = this.options;
    if (name === 'leader' || name === 'follower') {
      const leader = yield* this.changes.leaderName(env);
      const follower = members.all.find((one) => one.isWanted && one.standing === 'voter' && one.name !== leader);
      this.same = name === 'follower' ? follower : leader === undefined ? undefined : members.named(leader);
    } else if (name !== 'same') this.same = members.named(name);
    return this.same;
  }

  private *carryOut(env: Env, step: Step, member: Member | undefined): Fiber<Trouble> {
    switch (step.kind) {
      case 'compact':
        return yield* this.changes.compact(env, step.physical);
      case 'downgrade':
        if (step.action === 'cancel') this.options.cancelAsked();
        return yield* this.changes.downgrade(env, step);
      case 'wait-downgrade-ready':
        return yield* this.waitDowngradeReady(env);
      case 'wait-healthy':
        return yield* this.waitHealthy(env);
      case 'wait':
        yield* sleepUs(env.clock, step.us);
        return undefined;
      case 'traffic':
        return yield* this.turnTraffic(env, step.flow);
      case 'snapshot-restore':
        return yield* this.restore(env, step);
      case 'spend-revisions': {
        const {recorder} = this.options;
        const {count} = step;
        return yield* spendRevisions(env, {
          recorder,
          endpoints: this.changes.endpoints,
          count,
          limitUs: this.stepUsMax,
        });
      }
      default:
        if (member === undefined) return 'nobody leads the cluster';
        return yield* this.withMember(env, step, member);
    }
  }

  private *withMember(
    env: Env,
    step: Extract<Step, {member: string} | {to: string; kind: 'move-leader'}>,
    member: Member,
  ): Fiber<Trouble> {
    const {members} = this.options;
    switch (step.kind) {
      case 'stop':
      case 'kill':
        return yield* this.takeDown(env, step.kind, member);
      case 'replace-binary':
        if (member.isUp) return `${member.name} runs; its binary cannot be replaced`;
        member.release = step.release;
        return undefined;
      case 'start':
        return yield* this.start(env, step, member);
      case 'restart':
        yield* this.takeDown(env, 'stop', member);
        return this.letRun(member);
      case 'snapshot-save': {
        const saved = yield* saveSnapshot(env, member.name);
        if (typeof saved === 'string') return saved;
        this.snapshot = saved;
        return undefined;
      }
      case 'force-new-cluster':
        return this.forceNewCluster(member);
      case 'add': {
        const endings = this.expectEnds(step.ends);
        const trouble = yield* this.changes.add(env, member, step);
        this.tellClients();
        return trouble ?? (yield* this.waitForEnds(env, endings));
      }
      case 'promote': {
        const trouble = yield* this.changes.promote(env, member, step.refused);
        this.tellClients();
        return trouble;
      }
      case 'remove':
        return yield* this.remove(env, member, step.refused);
      case 'replace-member':
        return yield* this.replace(env, member, members.named(step.by), step);
      case 'move-leader':
        return yield* this.changes.moveLeader(env, member);
      case 'defragment':
        return yield* this.changes.defragment(env, member);
    }
  }

  private *takeDown(env: Env, how: 'stop' | 'kill', member: Member): Fiber<Trouble> {
    const {members} = this.options;
    member.isHeld = true;
    if (how === 'stop' && member.isUp) {
      members.stop(member);
      const gone = condition(members.ended, () => !member.isUp);
      yield* select(env, {gone, deadline: after(env.clock, STOP_US_MAX)});
    }
    member.machine.kill();
    return undefined;
  }

  private *turnTraffic(env: Env, flow: 'pause' | 'resume'): Fiber<Trouble> {
    const {traffic} = this.options;
    traffic[flow]();
    if (flow === 'resume') return undefined;
    const endUs = env.clock.monotonicUs() + this.stepUsMax;
    while (!traffic.isQuiet()) {
      if (env.clock.monotonicUs() >= endUs) return 'clients still wait for answers';
      yield* sleepUs(env.clock, LOOK_EVERY_US);
    }
    return undefined;
  }

  /** etcdutl snapshot restore on every new machine, and the new cluster is started. */
  private *restore(env: Env, step: StepOf<'snapshot-restore'>): Fiber<Trouble> {
    const {members: names, release, bumpRevision = 0, markCompacted = false, refused} = step;
    const {members, walSegmentBytes} = this.options;
    const {snapshot} = this;
    if (snapshot === undefined) return 'no snapshot was saved';
    const options = {release, dataDir: DATA_DIR, walSegmentBytes, bumpRevision, markCompacted};
    const restored = restoreFiles(names, snapshot, options);
    if (refused !== undefined) {
      if (typeof restored !== 'string') return `was not refused with '${refused}'`;
      return restored.includes(refused) ? undefined : `was refused with '${restored}' instead of '${refused}'`;
    }
    if (typeof restored === 'string') return restored;
    for (const old of members.all) this.retire(old);
    this.options.newEra('restored', release);
    for (const [name, files] of restored) {
      const member = members.named(name);
      for (const [path, bytes] of files) member.machine.disk.importFile(path, bytes);
      [member.release, member.standing, member.isFounder] = [release, 'voter', true];
    }
    const endings = this.expectEnds(step.ends);
    for (const name of names) this.letRun(members.named(name));
    this.tellClients();
    return yield* this.waitForEnds(env, endings);
  }

  private retire(member: Member): void {
    member.isHeld = true;
    member.machine.kill();
    member.standing = 'outside';
  }

  private forceNewCluster(member: Member): Trouble {
    const {members, newEra} = this.options;
    if (member.isUp) return `${member.name} runs already`;
    for (const other of members.all) if (other !== member) this.retire(other);
    newEra('forced');
    member.isForced = true;
    this.letRun(member);
    member.isForced = false;
    this.tellClients();
    return undefined;
  }

  private letRun(member: Member): Trouble {
    member.isHeld = false;
    this.options.members.startIfFree(member);
    return undefined;
  }

  /** Starts a member and, where etcd is to refuse or others are to end of it, waits for that. */
  private *start(env: Env, {refused, ends = [], endsCountMin}: StepOf<'start'>, member: Member): Fiber<Trouble> {
    if (member.isUp) return `${member.name} runs already`;
    [member.expectedEnd, member.endedWith] = [undefined, undefined];
    const own = refused === undefined ? [] : [{member: member.name, text: refused}];
    const endings = this.expectEnds([...ends, ...own]);
    this.letRun(member);
    return yield* this.waitForEnds(env, endings, endsCountMin);
  }

  /** From here on these members may end of themselves, with these words. */
  private expectEnds(ends: readonly {readonly member: string; readonly text: string}[] = []): readonly Ending[] {
    const endings = ends.map(({member, text}) => ({one: this.options.members.named(member), text}));
    for (const {one, text} of endings) [one.expectedEnd, one.endedWith] = [text, undefined];
    return endings;
  }

  /** Waits until so many of them have ended; default: all. */
  private *waitForEnds(env: Env, endings: readonly Ending[], countMin = endings.length): Fiber<Trouble> {
    const hasEnded = ({one}: Ending) => one.endedWith !== undefined;
    const deadline = after(env.clock, this.stepUsMax);
    const ended = condition(this.options.members.ended, () => endings.filter(hasEnded).length >= countMin);
    yield* select(env, {ended, deadline});
    if (endings.filter(hasEnded).length >= countMin) return undefined;
    const alive = endings.find((one) => !hasEnded(one));
    return `${alive?.one.name} (${alive?.one.release}) did not end with '${alive?.text}'`;
  }

  private *remove(env: Env, member: Member, refused: string | undefined): Fiber<Trouble> {
    const {members} = this.options;
    const trouble = yield* this.changes.remove(env, member, refused);
    if (trouble !== undefined || refused !== undefined) return trouble;
    this.tellClients();
    // It ends of itself once it hears of it; an operator does not wait for that for long.
    const gone = condition(members.ended, () => !member.isUp);
    yield* select(env, {gone, deadline: after(env.clock, 5_000_000)});
    if (member.isUp) member.machine.kill();
    return undefined;
  }

  private *replace(env: Env, old: Member, by: Member, step: StepOf<'replace-member'>): Fiber<Trouble> {
    const {release} = step;
    const removed = yield* this.remove(env, old, undefined);
    if (removed !== undefined) return removed;
    const added = yield* this.changes.add(env, by, {release, learner: false});
    if (added !== undefined) return added;
    this.letRun(by);
    this.tellClients();
    return undefined;
  }

  private tellClients(): void {
    const serving = this.options.members.all.filter(({standing}) => standing === 'voter');
    this.options.tellClients(serving.map(({name}) => name));
  }

  private *waitHealthy(env: Env): Fiber<Trouble> {
    const {members, hasFaults} = this.options;
    const cluster = members.all;
    const look = function* (): Fiber<Trouble> {
      return (
        (yield* missingHealth(env, cluster)) ??
        (yield* missingReleases(env, cluster)) ??
        (yield* missingMembers(env, cluster))
      );
    };
    const trouble = yield* this.wait(env, look, this.stepUsMax);
    if (trouble !== undefined) return trouble;
    // The version rises only while every member of the list answers.
    const isComplete = cluster.every(({isWanted}) => isWanted);
    const wanted = isComplete ? clusterVersionWanted(cluster, this.changes.job) : this.seenVersion;
    if (wanted === undefined) {
      this.options.isWell();
      return undefined;
    }
    const boundUs = hasFaults ? this.stepUsMax : VERSION_RISE_US_MAX;
    const late = yield* this.wait(env, () => missingClusterVersion(env, cluster, wanted), boundUs);
    if (late !== undefined) return late;
    this.seenVersion = wanted;
    this.options.isWell();
    return undefined;
  }

  private *waitDowngradeReady(env: Env): Fiber<Trouble> {
    const {job} = this.changes;
    if (job === undefined) return 'no downgrade was enabled';
    const cluster = this.options.members.all;
    const wanted = `${job}.0`;
    const look = function* (): Fiber<Trouble> {
      return (
        (yield* missingClusterVersion(env, cluster, wanted)) ?? (yield* missingStorageVersion(env, cluster, wanted))
      );
    };
    return yield* this.wait(env, look, this.stepUsMax);
  }

  /** Looks again and again until nothing is missing; what is still missing when the time is over. */
  private *wait(env: Env, look: () => Fiber<Trouble>, limitUs: number): Fiber<Trouble> {
    const endUs = env.clock.monotonicUs() + limitUs;
    for (;;) {
      const missing = yield* look();
      if (missing === undefined) return undefined;
      if (env.clock.monotonicUs() >= endUs) return `after ${limitUs / 1_000_000} s: ${missing}`;
      yield* sleepUs(env.clock, LOOK_EVERY_US);
    }
  }
}
