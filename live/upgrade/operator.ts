// live/upgrade/operator.ts: carries out the steps of a plan in one world, as an operator with a shell, curl and etcdctl would, and notes what
// the cluster shows after each. It waits as the upgrade guides say: health, then versions; what is still missing after that is noted.
import {assert} from '../../base/assert.ts';
import {Random} from '../../base/random.ts';
import type {Operation} from '../../history/operation.ts';
import type {WatchLog} from '../../history/watch-log.ts';
import type {StepOf} from '../../scenarios/life/steps.ts';
import type {Codec} from '../rpc/codec.ts';
import {Changes} from './changes.ts';
import {Etcdctl} from './etcdctl.ts';
import {LightTraffic, type Pace} from './light-traffic.ts';
import {lookAround, type MemberLook, missingIn} from './look.ts';
import {Standing} from './standing.ts';
import {describeUpgradeStep, type OutageStep, type UpgradePlan, type UpgradeStep} from './upgrade-plan.ts';
import type {UpgradeWorld} from './upgrade-world.ts';
import {WatchingClient} from './watching-client.ts';

/** What one world shows after one step. */
export interface SeenStep {
  readonly text: string;
  /** How the step itself went: `done`, `refused: <reason>`, or what was still missing when the wait was over. */
  readonly outcome: string;
  readonly members: readonly MemberLook[];
}

/** One world's way through the plan. */
export interface UpgradeRun {
  readonly world: string;
  readonly steps: readonly SeenStep[];
  readonly operations: readonly Operation[];
  readonly watches: readonly WatchLog[];
  /** Everything up to this revision was written when all watches had come to rest. */
  readonly restRevision: number;
  /** Last words of members that were refused, as they stand in the log. */
  readonly refusals: readonly string[];
  /** Who led, each time that a step was about the leader or a follower. */
  readonly leaders: readonly string[];
  readonly tookMs: number;
}

/** Between two looks; clients are looked after more often. */
const POLL_MS = 50;
const PUMP_MS = 10;
const WRITE_PUMP_MS = 2;
/** So many operations are answered before a cluster counts as well again: it is to be seen under traffic in every state. */
const ANSWERED_COUNT_MIN = 8;
const WATCHING_COUNT = 2;
const WAIT_MS_MAX = 30_000;
/** Members look after their storage version every 5 s (etcd: monitorStorageVersion). */
const STORAGE_MS_MAX = 12_000;
const REFUSAL_MS_MAX = 30_000;

/** Did a step go as the plan says? */
export const isFine = (outcome: string): boolean => outcome === 'done' || outcome.startsWith('refused: ');

export interface OperateOptions {
  readonly world: UpgradeWorld;
  readonly plan: UpgradePlan;
  readonly codec: Codec;
  /** Where the other world was led when a step was about the leader: this one is led there first, so that both mean the same member. */
  readonly leaders?: readonly string[];
  readonly progress?: (what: string) => void;
}

/** Founds the cluster and carries out every step. Traffic goes on until a step says otherwise. The world is left open. */
export async function operate(options: OperateOptions): Promise<UpgradeRun> {
  const operator = new Operator(options);
  return operator.run();
}

/** What a step comes to; undefined: nothing that could be waited for, or that does not depend on when it is looked at. */
type Outcome = string | undefined;

class Operator {
  private readonly options: OperateOptions;
  private readonly standing = new Standing();
  private readonly changes: Changes;
  private readonly ctl: Etcdctl;
  private readonly traffic: LightTraffic;
  private readonly watching: WatchingClient[];
  /** For outages of any so many members. */
  private readonly random: Random;
  private readonly seen: SeenStep[] = [];
  private readonly refusals: string[] = [];
  private readonly leaders: string[] = [];
  /** Member of the step before. */
  private same = '';
  private snapshot: Uint8Array | undefined;

  constructor(options: OperateOptions) {
    const {world, plan, codec} = options;
    const {standing} = this;
    this.options = options;
    this.ctl = new Etcdctl(world, codec);
    this.changes = new Changes({world, ctl: this.ctl, standing, pass: () => this.pass()});
    this.traffic = new LightTraffic(world, codec, plan.seed);
    this.watching = Array.from({length: WATCHING_COUNT}, (_, id) => new WatchingClient({world, codec, id}));
    this.random = Random.fromSeed(plan.seed).stream('outages');
  }

  async run(): Promise<UpgradeRun> {
    const {world, plan} = this.options;
    const [first = ''] = plan.path;
    this.standing.found(plan.founders, first);
    for (const name of plan.founders) this.startProcess(name);
    const founding = await this.settle('all');
    await this.see(`found the cluster with ${first}`, founding ?? 'done');
    if (founding === 'done') await this.followPlan();
    const operations = await this.traffic.finish();
    await this.watchesRest();
    const watches = this.watching.map((client) => client.finish());
    const {seen: steps, refusals, leaders} = this;
    const {revision: restRevision} = this.traffic;
    const tookMs = Math.round(world.nowMs());
    return {world: world.name, steps, operations, watches, restRevision, refusals, leaders, tookMs};
  }

  /** Step by step, up to the first that does not go as it should: nothing that follows would mean what the plan says. */
  private async followPlan(): Promise<void> {
    const {world, plan, progress} = this.options;
    for (const given of plan.steps) {
      while ('atUs' in given && given.atUs !== undefined && world.nowMs() < given.atUs / 1000) await this.pass();
      const step = await this.resolve(given);
      const text = describeUpgradeStep(step);
      progress?.(`${world.name}: ${text}`);
      const outcome = await this.carryOut(step);
      if (outcome === undefined) continue;
      await this.see(text, outcome);
      if (!isFine(outcome)) return;
    }
  }

  /** Waits until the watches were told everything that the last answers spoke of. */
  private async watchesRest(): Promise<void> {
    const {world} = this.options;
    const deadlineMs = world.nowMs() + WAIT_MS_MAX;
    const isBehind = (): boolean => this.watching.some((client) => client.isBehind(this.traffic.revision));
    while (isBehind() && this.standing.running.size > 0 && world.nowMs() < deadlineMs) {
      await world.sleep(PUMP_MS);
      this.pumpWatches();
    }
  }

  private async see(text: string, outcome: string): Promise<void> {
    const {world, codec} = this.options;
    const looks = await lookAround(world, codec, this.changes.drawnIds);
    const members = looks.filter(({name}) => this.standing.binaries.has(name));
    this.seen.push({text, outcome, members});
  }

  /** The step with its member's name: who leads is found out now, `same` is the member of the step before. */
  private async resolve(step: UpgradeStep): Promise<UpgradeStep> {
    if (step.kind === 'move-leader') return {...step, to: await this.resolveName(step.to)};
    if (!('member' in step)) return step;
    this.same = await this.resolveName(step.member);
    return {...step, member: this.same};
  }

  private async resolveName(name: string): Promise<string> {
    if (name === 'same') return this.same;
    if (name !== 'leader' && name !== 'follower') return name;
    const leader = await this.leaderOfBoth();
    return name === 'leader' ? leader : (this.standing.serving.find((one) => one !== leader) ?? '');
  }

  /** Who leads. Where the other world has been here before, its leader is made this one's. */
  private async leaderOfBoth(): Promise<string> {
    const other = this.options.leaders?.[this.leaders.length];
    if (other !== undefined && this.standing.serving.includes(other)) await this.changes.moveLeader(other);
    const leader = (await this.changes.leaderName()) ?? '';
    this.leaders.push(leader);
    return leader;
  }

  private async carryOut(step: UpgradeStep): Promise<Outcome> {
    if ('member' in step && this.indexOf(step.member) < 0) return 'nobody leads the cluster, or nobody follows';
    switch (step.kind) {
      case 'wait-healthy':
        return this.settle('all');
      case 'write':
        return this.write(step.count);
      case 'wait-downgrade-ready':
        return this.settle('versions');
      case 'wait':
        return this.waitFor(step.us / 1000);
      case 'traffic':
        return this.turnTraffic(step.flow);
      case 'spend-revisions':
        return this.spend(step.count);
      case 'outage':
        return this.outage(step);
      case 'snapshot-restore':
        return this.restore(step);
      case 'move-leader':
        return this.after(await this.changes.moveLeader(step.to), 'health');
      case 'compact':
        return this.after(await this.changes.compact(step.physical), 'health');
      case 'downgrade':
        return this.after(await this.changes.downgrade(step), 'versions');
      default:
        assert('member' in step, 'the plan has a step that real clusters do not know', {step});
        return this.withMember(step);
    }
  }

  private async withMember(step: Extract<UpgradeStep, {member: string}>): Promise<Outcome> {
    const {changes, standing} = this;
    switch (step.kind) {
      case 'stop':
      case 'kill':
        return this.after(await this.takeDown(step.member, step.kind), 'health');
      case 'replace-binary':
        standing.binaries.set(step.member, step.release);
        return undefined;
      case 'start':
        return this.start(step);
      case 'restart': {
        const outcome = await this.takeDown(step.member, 'stop');
        this.startProcess(step.member);
        return this.after(outcome, 'versions');
      }
      case 'add':
        return this.add(step);
      case 'promote':
        return this.after(await changes.promote(step), 'versions');
      case 'remove':
        return this.after(await changes.remove(step.member, step.refused), 'versions');
      case 'replace-member':
        return this.replace(step);
      case 'defragment':
        return this.after(await changes.defragment(step.member), 'health');
      case 'snapshot-save':
        return this.save(step.member);
      case 'force-new-cluster':
        return this.forceNewCluster(step.member);
      default:
        assert(false, 'the plan has a step that nobody knows', {step});
    }
  }

  private indexOf(name: string): number {
    return this.options.world.members.findIndex((member) => member.name === name);
  }

  private startProcess(name: string, forceNewCluster = false): void {
    const {world, plan} = this.options;
    const {binaries, running, unstarted, founders, members} = this.standing;
    const release = binaries.get(name) ?? '';
    const isFounder = founders.includes(name);
    const listed = isFounder ? new Set([...founders, name]) : new Set([...members, name]);
    running.set(name, release);
    unstarted.delete(name);
    world.start(this.indexOf(name), {
      release,
      initialClusterState: isFounder ? 'new' : 'existing',
      initialCluster: world.members.filter((member) => listed.has(member.name)),
      snapshotCount: plan.snapshotCount,
      flags: plan.flags,
      forceNewCluster,
    });
  }

  private async takeDown(member: string, how: 'stop' | 'kill'): Promise<string> {
    const {world} = this.options;
    const index = this.indexOf(member);
    this.standing.running.delete(member);
    this.pump();
    if (how === 'kill') await world.kill(index);
    else if (!(await world.stop(index))) return 'did not stop and was killed';
    return 'done';
  }

  /** What was done has to show before the next step. A refusal changes nothing, and what failed is the outcome. */
  private async after(outcome: string, what: 'health' | 'versions' | 'all'): Promise<Outcome> {
    return outcome === 'done' ? this.settle(what) : outcome;
  }

  /** Waits for what members that run should show: health; versions as well; all of it, published members and served clients included. */
  private async settle(what: 'health' | 'versions' | 'all'): Promise<Outcome> {
    const {world, codec} = this.options;
    const {standing, traffic} = this;
    if (standing.running.size === 0) return 'done';
    // Without a quorum what members show depends on when they are asked.
    if (!standing.hasQuorum) return undefined;
    standing.endJobIfReached();
    const clusterVersion = what === 'health' ? undefined : standing.clusterVersionWanted;
    const answeredWanted = what === 'all' ? traffic.answeredCount + ANSWERED_COUNT_MIN : 0;
    const startMs = world.nowMs();
    for (;;) {
      const ended = this.endedOfItself();
      if (ended !== undefined) return `still missing: ${ended}`;
      const looks = await lookAround(world, codec, this.changes.drawnIds);
      const passedMs = world.nowMs() - startMs;
      const wanted = {
        running: standing.running,
        learners: standing.learners,
        clusterVersion,
        memberCount: standing.members.size,
        isPublished: what === 'all' && standing.unstarted.size === 0,
        hasJob: standing.job !== undefined,
        unknownStorage: standing.unknownStorage(looks, clusterVersion ?? '', passedMs > STORAGE_MS_MAX),
      };
      const isServed = traffic.isPaused || traffic.answeredCount >= answeredWanted;
      const missing = missingIn(looks, wanted) ?? (isServed ? undefined : 'clients are not served');
      if (missing === undefined) {
        if (standing.isComplete) standing.seenVersion = clusterVersion ?? standing.seenVersion;
        return 'done';
      }
      if (passedMs > WAIT_MS_MAX) return `still missing: ${missing}`;
      await this.pass();
    }
  }

  private async waitFor(ms: number): Promise<undefined> {
    const {world} = this.options;
    const endMs = world.nowMs() + ms;
    while (world.nowMs() < endMs) await this.pass();
  }

  private endedOfItself(): string | undefined {
    for (const name of this.standing.running.keys()) {
      const state = this.options.world.stateOf(this.indexOf(name));
      if (state.kind === 'ended') return `${name} ended: ${state.reason}`;
    }
    return undefined;
  }

  private async write(count: number): Promise<Outcome> {
    const {world} = this.options;
    const deadlineMs = world.nowMs() + WAIT_MS_MAX;
    const wanted = this.traffic.writtenCount + count;
    while (this.traffic.writtenCount < wanted) {
      if (world.nowMs() > deadlineMs) return `still missing: ${wanted - this.traffic.writtenCount} writes`;
      this.pump('writes');
      await world.sleep(WRITE_PUMP_MS);
    }
    return this.settle('all');
  }

  private async spend(count: number): Promise<Outcome> {
    const trouble = await this.traffic.spend(count, () => this.serving[0], WAIT_MS_MAX);
    return trouble ?? this.settle('health');
  }

  /** A pause is over when all answers are there. */
  private async turnTraffic(flow: 'pause' | 'resume'): Promise<Outcome> {
    const {world} = this.options;
    this.traffic.isPaused = flow === 'pause';
    const deadlineMs = world.nowMs() + WAIT_MS_MAX;
    while (flow === 'pause' && !this.traffic.isQuiet) {
      if (world.nowMs() > deadlineMs) return 'still missing: answers to clients';
      await this.pass();
    }
    return this.settle('health');
  }

  /** Members are killed and started again while the rest of the plan waits. */
  private async outage({target, us}: OutageStep): Promise<Outcome> {
    const names = await this.hit(target);
    for (const name of names) await this.takeDown(name, 'kill');
    await this.waitFor(us / 1000);
    for (const name of names) this.startProcess(name);
    return this.settle('all');
  }

  private async hit(target: OutageStep['target']): Promise<readonly string[]> {
    const running = [...this.standing.running.keys()].sort();
    if (target.who === 'all' || running.length === 0) return running;
    if (target.who === 'members') {
      const drawn: string[] = [];
      while (drawn.length < target.count && running.length > 0)
        drawn.push(...running.splice(this.random.below(running.length), 1));
      return drawn;
    }
    if (!this.standing.hasQuorum) return [];
    const leader = await this.leaderOfBoth();
    if (target.who === 'leader') return leader === '' ? [] : [leader];
    return this.standing.serving.filter((name) => name !== leader).slice(0, target.count);
  }

  private async pass(): Promise<void> {
    for (let passedMs = 0; passedMs < POLL_MS; passedMs += PUMP_MS) {
      this.pump();
      await this.options.world.sleep(PUMP_MS);
    }
    this.pump();
  }

  private get serving(): readonly number[] {
    return this.standing.serving.map((name) => this.indexOf(name));
  }

  private pump(pace: Pace = 'calm'): void {
    this.traffic.pump(this.serving, pace);
    this.pumpWatches();
  }

  /** Whose watch was compacted away begins another one at the first revision that there is. */
  private pumpWatches(): void {
    const {world, codec} = this.options;
    for (const client of [...this.watching]) {
      client.pump(this.serving);
      const startRevision = client.takeCompacted();
      if (startRevision === undefined) continue;
      this.watching.push(new WatchingClient({world, codec, id: this.watching.length, startRevision}));
    }
  }

  private async start({member, refused, ends = []}: StepOf<'start'>): Promise<Outcome> {
    this.startProcess(member);
    if (refused !== undefined) return this.awaitEnd(member, refused);
    return ends.length === 0 ? undefined : this.awaitEnds(ends);
  }

  /** Members that end of what was done; undefined: none was to, or clients cannot be served without them. */
  private async awaitEnds(ends: StepOf<'start'>['ends'] = []): Promise<Outcome> {
    for (const {member, text} of ends) {
      const outcome = await this.awaitEnd(member, text);
      if (!isFine(outcome)) return outcome;
    }
    return this.settle('health');
  }

  private async add(step: StepOf<'add'>): Promise<Outcome> {
    const {ends = []} = step;
    if (ends.length === 0) return this.after(await this.changes.add(step), 'versions');
    // Who has applied it ends of it, before or behind the answer.
    const outcome = await this.changes.add(step);
    return outcome === 'done' ? this.awaitEnds(ends) : outcome;
  }

  /** Waits until a member has ended of itself, with these words. */
  private async awaitEnd(member: string, words: string): Promise<string> {
    const {world} = this.options;
    const index = this.indexOf(member);
    const deadlineMs = world.nowMs() + REFUSAL_MS_MAX;
    this.standing.running.delete(member);
    while (world.stateOf(index).kind === 'running' && world.nowMs() < deadlineMs) await this.pass();
    const state = world.stateOf(index);
    if (state.kind !== 'ended') {
      await world.kill(index);
      return `not refused; '${words}' is what etcd says`;
    }
    this.refusals.push(`${member} (${this.standing.binaries.get(member)}): ${state.lastWords}`);
    return state.reason.includes(words) ? `refused: ${state.reason}` : `ended with other words: ${state.reason}`;
  }

  private async replace({member, by, release}: StepOf<'replace-member'>): Promise<Outcome> {
    const removed = await this.changes.remove(member);
    if (removed !== 'done') return removed;
    const settled = await this.settle('health');
    if (settled !== undefined && settled !== 'done') return settled;
    const added = await this.changes.add({member: by, release, learner: false});
    if (added !== 'done') return added;
    this.startProcess(by);
    return this.settle('all');
  }

  private async save(member: string): Promise<Outcome> {
    const saved = await this.ctl.saveSnapshot(this.indexOf(member));
    if (typeof saved === 'string') return saved;
    this.snapshot = saved;
    return this.settle('health');
  }

  private async killAllBut(left: string | undefined): Promise<void> {
    const {running} = this.standing;
    for (const name of [...running.keys()]) if (name !== left) await this.takeDown(name, 'kill');
  }

  /** Each new member gets its directory from the tool. Then all members go for good, and the new ones are started. */
  private async restore(step: StepOf<'snapshot-restore'>): Promise<Outcome> {
    const {world} = this.options;
    const {snapshot, standing} = this;
    const {members: names, release, bumpRevision, markCompacted, refused} = step;
    if (snapshot === undefined) return 'no snapshot was saved';
    const initialCluster = world.members.filter(({name}) => names.includes(name));
    const request = {release, snapshot, initialCluster, bumpRevision, markCompacted};
    for (const name of names) {
      const trouble = await world.restore(this.indexOf(name), request);
      if (trouble === undefined) continue;
      return refused !== undefined && trouble.includes(refused)
        ? `refused: ${trouble}`
        : `restore of ${name}: ${trouble}`;
    }
    if (refused !== undefined) return `not refused; '${refused}' is what the tool says`;
    await this.killAllBut(undefined);
    standing.found(names, release);
    for (const name of names) this.startProcess(name);
    return step.ends === undefined ? this.settle('all') : this.awaitEnds(step.ends);
  }

  private async forceNewCluster(member: string): Promise<Outcome> {
    await this.killAllBut(member);
    this.standing.forgetOthers([member]);
    this.startProcess(member, true);
    return this.settle('all');
  }
}
