// live/upgrade/operator.ts: carries out the steps of a plan in one world, as an operator with a shell, curl and etcdctl would, and notes what
// the cluster shows after each. It waits as the upgrade guides say: health, then versions; what is still missing after that is noted.
import {assert} from '../../base/assert.ts';
import type {Operation} from '../../history/operation.ts';
import type {WatchLog} from '../../history/watch-log.ts';
import {minorText} from '../../scenarios/life/expectations.ts';
import type {StepOf} from '../../scenarios/life/steps.ts';
import {fieldsOf, textOf} from '../compare/book.ts';
import type {Codec, Plain} from '../rpc/codec.ts';
import {LightTraffic, type Pace} from './light-traffic.ts';
import {lookAround, lowestVersion, type MemberLook, missingIn, UNKNOWN_STORAGE} from './look.ts';
import {describeUpgradeStep, type UpgradePlan, type UpgradeStep} from './upgrade-plan.ts';
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
  readonly tookMs: number;
}

/** Between two looks; clients are looked after more often. */
const POLL_MS = 50;
const PUMP_MS = 10;
const WRITE_PUMP_MS = 2;
/** So many operations are answered before a cluster counts as well again: it is to be seen under traffic in every state. */
const ANSWERED_COUNT_MIN = 8;
const WATCHING_COUNT = 2;
/** Membership changes are refused until the connections to all members have lasted for 5 s (etcdserver: HealthInterval). */
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
  readonly progress?: (what: string) => void;
}

/** Founds the cluster and carries out every step. Traffic goes on throughout. The world is left open. */
export async function operate(options: OperateOptions): Promise<UpgradeRun> {
  const operator = new Operator(options);
  return operator.run();
}

class Operator {
  private readonly options: OperateOptions;
  private readonly traffic: LightTraffic;
  private readonly watching: readonly WatchingClient[];
  /** The binary that lies there for each member's next start. */
  private readonly binaries = new Map<string, string>();
  /** Releases of the members that are to run. */
  private readonly running = new Map<string, string>();
  /** Ids of members that were added, and names that stand for them. */
  private readonly drawnIds = new Map<string, string>();
  /** Member, cluster version and size with which it told no storage version. */
  private readonly longUnknown = new Set<string>();
  private readonly seen: SeenStep[] = [];
  private readonly refusals: string[] = [];
  /** The target of the downgrade job that was enabled, `3.5`. */
  private job: string | undefined;
  /** Members that were added and never ran are members too. */
  private memberCount: number;

  constructor(options: OperateOptions) {
    const {world, plan, codec} = options;
    this.options = options;
    this.traffic = new LightTraffic(world, codec, plan.seed);
    this.watching = Array.from({length: WATCHING_COUNT}, (_, id) => new WatchingClient({world, codec, id}));
    this.memberCount = plan.founders.length;
  }

  async run(): Promise<UpgradeRun> {
    const {world, plan} = this.options;
    const [first = ''] = plan.path;
    for (const name of plan.founders) {
      this.binaries.set(name, first);
      this.startProcess(name);
    }
    const founding = await this.settle('all');
    await this.see(`found the cluster with ${first}`, founding);
    if (isFine(founding)) await this.followPlan();
    const operations = await this.traffic.finish();
    await this.watchesRest();
    const watches = this.watching.map((client) => client.finish());
    const {seen: steps, refusals} = this;
    const {revision: restRevision} = this.traffic;
    return {
      world: world.name,
      steps,
      operations,
      watches,
      restRevision,
      refusals,
      tookMs: Math.round(world.nowMs()),
    };
  }

  /** Step by step, up to the first that does not go as it should: nothing that follows would mean what the plan says. */
  private async followPlan(): Promise<void> {
    const {world, plan, progress} = this.options;
    for (const step of plan.steps) {
      const text = describeUpgradeStep(step);
      progress?.(`${world.name}: ${text}`);
      const outcome = await this.carryOut(step);
      // A binary that was put there, and a member that is on its way, show nothing that could be waited for.
      if (outcome === undefined) continue;
      await this.see(text, outcome);
      if (!isFine(outcome)) return;
    }
  }

  /** Waits until the watches were told everything that the last answers spoke of. */
  private async watchesRest(): Promise<void> {
    const {world} = this.options;
    const deadlineMs = world.nowMs() + WAIT_MS_MAX;
    const isBehind = (): boolean => this.watching.some(({toldThrough}) => toldThrough < this.traffic.revision);
    while (isBehind() && this.running.size > 0 && world.nowMs() < deadlineMs) {
      await world.sleep(PUMP_MS);
      for (const client of this.watching) client.pump(this.serving);
    }
  }

  private async see(text: string, outcome: string): Promise<void> {
    const {world, codec} = this.options;
    const members = (await lookAround(world, codec, this.drawnIds)).filter(({name}) => this.binaries.has(name));
    this.seen.push({text, outcome, members});
  }

  private async carryOut(step: UpgradeStep): Promise<string | undefined> {
    const {world} = this.options;
    switch (step.kind) {
      case 'stop':
      case 'kill':
        return this.takeDown(step);
      case 'replace-binary':
        this.binaries.set(step.member, step.release);
        return undefined;
      case 'start':
        this.startProcess(step.member);
        return step.refused === undefined ? undefined : this.awaitRefusal(step);
      case 'wait-healthy':
        return this.settle('all');
      case 'write':
        return this.write(step.count);
      case 'downgrade':
        return this.downgrade(step);
      case 'wait-downgrade-ready':
        return this.settle('versions');
      case 'wait':
        return this.waitFor(step.us / 1000);
      case 'add':
        return this.add(step);
      case 'remove':
        return this.remove(step);
      default:
        assert(false, 'the plan has a step that real clusters do not know', {world: world.name, kind: step.kind});
    }
  }

  private indexOf(name: string): number {
    const index = this.options.world.members.findIndex((member) => member.name === name);
    assert(index >= 0, 'no member of that name', {name});
    return index;
  }

  private startProcess(name: string): void {
    const {world, plan} = this.options;
    const isFounder = plan.founders.includes(name);
    const release = this.binaries.get(name) ?? '';
    const initialCluster = world.members.filter(
      (member) => plan.founders.includes(member.name) || member.name === name,
    );
    this.running.set(name, release);
    world.start(this.indexOf(name), {
      release,
      initialClusterState: isFounder ? 'new' : 'existing',
      initialCluster,
      snapshotCount: plan.snapshotCount,
    });
  }

  private async takeDown({kind, member}: StepOf<'stop' | 'kill'>): Promise<string> {
    const {world} = this.options;
    const index = this.indexOf(member);
    this.running.delete(member);
    this.pump();
    if (kind === 'kill') await world.kill(index);
    else if (!(await world.stop(index))) return 'did not stop and was killed';
    return this.settle('health');
  }

  /** Waits for what members that run should show: health; versions as well; all of it, published members and served clients included. */
  private async settle(what: 'health' | 'versions' | 'all'): Promise<string> {
    const {world, codec} = this.options;
    const {running, memberCount, traffic} = this;
    if (running.size === 0) return 'done';
    const hasCome = [...running.values()].every((release) => minorText(release) === this.job);
    if (hasCome && running.size === memberCount) this.job = undefined;
    const clusterVersion = what === 'health' ? undefined : this.clusterVersionWanted();
    const answeredWanted = what === 'all' ? traffic.answeredCount + ANSWERED_COUNT_MIN : 0;
    const startMs = world.nowMs();
    for (;;) {
      const ended = this.endedOfItself();
      if (ended !== undefined) return `still missing: ${ended}`;
      const looks = await lookAround(world, codec, this.drawnIds);
      const passedMs = world.nowMs() - startMs;
      const unknownStorage = this.unknownStorage(looks, clusterVersion ?? '', passedMs > STORAGE_MS_MAX);
      const wanted = {
        running,
        clusterVersion,
        memberCount,
        isPublished: what === 'all',
        hasJob: this.job !== undefined,
        unknownStorage,
      };
      const isServed = traffic.answeredCount >= answeredWanted;
      const missing = missingIn(looks, wanted) ?? (isServed ? undefined : 'clients are not served');
      if (missing === undefined) return 'done';
      if (passedMs > WAIT_MS_MAX) return `still missing: ${missing}`;
      await this.pass();
    }
  }

  /** Members that have told no storage version for long enough, in the cluster as it is now: `isLong` says so of those that do not. */
  private unknownStorage(looks: readonly MemberLook[], clusterVersion: string, isLong: boolean): ReadonlySet<string> {
    const state = (name: string): string => `${name} ${clusterVersion} ${this.memberCount}`;
    const untold = looks.filter(({storage}) => storage === UNKNOWN_STORAGE).map(({name}) => name);
    if (isLong) for (const name of untold) this.longUnknown.add(state(name));
    return new Set(untold.filter((name) => this.longUnknown.has(state(name))));
  }

  /** The lowest minor that runs, or the target of a job, which ends of itself when all members have come down to it. */
  private clusterVersionWanted(): string {
    const {job, running} = this;
    return job === undefined ? lowestVersion(running.values()) : `${job}.0`;
  }

  private async waitFor(ms: number): Promise<undefined> {
    const {world} = this.options;
    const endMs = world.nowMs() + ms;
    while (world.nowMs() < endMs) await this.pass();
  }

  private async downgrade({action, to, refused}: StepOf<'downgrade'>): Promise<string> {
    const answer = await this.change('Maintenance/Downgrade', {action: action.toUpperCase(), version: to});
    if (typeof answer === 'string') {
      return refused !== undefined && answer.endsWith(refused) ? `refused: ${answer}` : answer;
    }
    if (refused !== undefined) return `not refused; '${refused}' is what etcd says`;
    if (action !== 'validate') this.job = action === 'enable' ? to : undefined;
    return this.settle('versions');
  }

  private endedOfItself(): string | undefined {
    for (const name of this.running.keys()) {
      const state = this.options.world.stateOf(this.indexOf(name));
      if (state.kind === 'ended') return `${name} ended: ${state.reason}`;
    }
    return undefined;
  }

  private async write(count: number): Promise<string> {
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

  private async pass(): Promise<void> {
    for (let passedMs = 0; passedMs < POLL_MS; passedMs += PUMP_MS) {
      this.pump();
      await this.options.world.sleep(PUMP_MS);
    }
    this.pump();
  }

  /** Clients use the members that are founders and meant to run. */
  private get serving(): readonly number[] {
    const {plan} = this.options;
    const names = [...this.running.keys()].filter((name) => plan.founders.includes(name));
    return names.map((name) => this.indexOf(name)).sort((a, b) => a - b);
  }

  private pump(pace: Pace = 'calm'): void {
    this.traffic.pump(this.serving, pace);
    for (const client of this.watching) client.pump(this.serving);
  }

  private async awaitRefusal({member, refused = ''}: StepOf<'start'>): Promise<string> {
    const {world} = this.options;
    const index = this.indexOf(member);
    const deadlineMs = world.nowMs() + REFUSAL_MS_MAX;
    this.running.delete(member);
    while (world.stateOf(index).kind === 'running' && world.nowMs() < deadlineMs) await this.pass();
    const state = world.stateOf(index);
    if (state.kind !== 'ended') {
      await world.kill(index);
      return `not refused; '${refused}' is what etcd says`;
    }
    this.refusals.push(`${member} (${this.binaries.get(member)}): ${state.lastWords}`);
    return state.reason.includes(refused) ? `refused: ${state.reason}` : `ended with other words: ${state.reason}`;
  }

  private async add({member, release, learner}: StepOf<'add'>): Promise<string> {
    const {world} = this.options;
    const peerURLs = [world.members[this.indexOf(member)]?.peerUrl ?? ''];
    const answer = await this.change('Cluster/MemberAdd', {peerURLs, isLearner: learner});
    if (typeof answer === 'string') return answer;
    this.drawnIds.set(textOf(fieldsOf(answer['member'])?.['ID']), `(id of ${member})`);
    this.binaries.set(member, release);
    this.memberCount++;
    return this.settle('versions');
  }

  private async remove({member}: StepOf<'remove'>): Promise<string> {
    const shown = `(id of ${member})`;
    const [ID = '0'] = [...this.drawnIds].findLast(([, name]) => name === shown) ?? [];
    const answer = await this.change('Cluster/MemberRemove', {ID});
    if (typeof answer === 'string') return answer;
    this.memberCount--;
    return this.settle('versions');
  }

  /** A membership change by the first member that runs, asked again while the cluster says it is not well; else the error. */
  private async change(name: string, request: Plain): Promise<{readonly [field: string]: Plain} | string> {
    const {world, codec} = this.options;
    const rpc = codec.rpc(name);
    const [asked = ''] = [...this.running.keys()].sort();
    const deadlineMs = world.nowMs() + WAIT_MS_MAX;
    for (;;) {
      const reply = await world.call(this.indexOf(asked), rpc.path, codec.encode(rpc, request), {});
      if (reply.kind === 'ok') return fieldsOf(codec.decode(rpc, reply.response)) ?? {};
      const error = reply.kind === 'silence' ? 'no answer' : `error ${reply.code}: ${reply.message}`;
      const isTooEarly = reply.kind === 'error' && reply.message === 'etcdserver: unhealthy cluster';
      if (!isTooEarly || world.nowMs() > deadlineMs) return error;
      await this.pass();
    }
  }
}
