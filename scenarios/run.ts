// scenarios/run.ts: executes a plan: safety under faults, then everything is healed and progress is demanded, then judgement.
// Promise: the record is a pure function of plan, seed, plant and code; tracing changes nothing in it.
import {CODE_VERSION} from '../base/code-version.ts';
import {Digest} from '../base/digest.ts';
import {StateAgreement} from '../checkers/kv/state-agreement.ts';
import {RaftInvariants} from '../checkers/raft-invariants.ts';
import type {Env} from '../env/env.ts';
import type {Fiber} from '../env/fiber.ts';
import type {KvStep, Operation} from '../history/operation.ts';
import {isReadOnly} from '../history/operation.ts';
import type {RunRecord} from '../history/run-record.ts';
import {RUN_RECORD_FORMAT, RUN_RECORD_VERSION} from '../history/run-record.ts';
import type {Finding} from '../history/verdict.ts';
import {verdictOf} from '../history/verdict.ts';
import type {WatchLogRequest} from '../history/watch-log.ts';
import {Client} from '../server-core/client/client.ts';
import {knownFieldsOf} from '../server-core/mvcc/known-fields.ts';
import {qualifyServerConfig} from '../server-core/server/config.ts';
import type {Process} from '../sim/process.ts';
import type {TraceLine} from '../sim/trace.ts';
import {World} from '../sim/world.ts';
import {AppliedLog} from './applied-log.ts';
import {leaseHolderProgram, watcherProgram} from './background-traffic.ts';
import {ClusterRecording} from './cluster-recording.ts';
import {diskOptionsOf, linkOptionsOf} from './conditions.ts';
import {discoveryOf, runDiscoveryCluster} from './discovery-cluster.ts';
import type {WatchRecording} from './errata/evidence.ts';
import {finalStatesOf} from './final-state.ts';
import {judgeHistory} from './judge.ts';
import {Operator} from './life/operator.ts';
import {clientAddress, peerUrl} from './life/operator-tools.ts';
import {joiningNames} from './life/steps.ts';
import type {Member} from './members.ts';
import {Members} from './members.ts';
import {Nemesis} from './nemesis.ts';
import type {PlanOverride} from './overrides.ts';
import type {Plan} from './plan.ts';
import {founderNames, oldestReleaseOf, releasesOf} from './plan.ts';
import {findPlant} from './plants.ts';
import {EntryHashes, raftWatch} from './raft-watch.ts';
import {Recorder} from './recorder.ts';
import {trafficClient} from './traffic.ts';

export interface RunOptions {
  readonly seed: number;
  readonly plant?: string | undefined;
  /** How the plan differs from the drawn one; only noted in the record. */
  readonly overrides?: readonly PlanOverride[] | undefined;
  /** Keep the full trace. */
  readonly traced?: boolean;
  /** Stop behind this kernel event, whatever is open then. */
  readonly untilEvent?: number | undefined;
  /** Sees the world as it is at the end, before everything is let go; for measuring. */
  readonly inspect?: (world: World) => void;
}

export interface RunOutcome {
  readonly record: RunRecord;
  /** Empty unless traced. */
  readonly trace: readonly TraceLine[];
}

/** What is watched as long as one log goes on. */
interface Era {
  readonly invariants: RaftInvariants;
  readonly agreement: StateAgreement;
  readonly log: AppliedLog;
  readonly hashes: EntryHashes;
}

const eraOf = (place: () => {readonly atUs: number; readonly atEvent: number}, log: AppliedLog): Era => ({
  invariants: new RaftInvariants(place),
  agreement: new StateAgreement(place),
  log,
  hashes: new EntryHashes(),
});

type Mode = 'draw' | 'probe' | 'stop';

/** Members and clients come to rest this long after the last operation at most. */
const REST_US = 20_000_000;
const LOOK_EVERY_US = 50_000;

class Run {
  readonly world: World;
  readonly recorder: Recorder;
  readonly members: Members;
  readonly nemesis: Nemesis;
  readonly operator: Operator;
  readonly watches: WatchRecording[] = [];
  readonly cluster: ClusterRecording;
  /** The last one is now. */
  readonly eras: Era[] = [];
  readonly findings: Finding[] = [];
  mode: Mode = 'draw';
  /** The operator wants no traffic for a while. */
  private isPaused = false;
  private readonly plan: Plan;
  private readonly options: RunOptions;
  private healedUs = 0;

  constructor(plan: Plan, options: RunOptions) {
    this.plan = plan;
    this.options = options;
    const {cluster, traffic} = plan;
    this.world = new World({
      seed: options.seed,
      traced: options.traced ?? false,
      scheduling: {
        delayUsMax: plan.world.schedulingDelayUsMax,
        starvedOneIn: plan.world.starvedOneIn,
        starvedUsMax: plan.world.starvedUsMax,
      },
      link: linkOptionsOf(plan.world),
    });
    const {world} = this;
    const recording = new ClusterRecording(() => world.nowUs);
    this.cluster = recording;
    this.recorder = new Recorder(
      () => world.nowUs,
      (event) => recording.timeline(event),
    );
    const place = () => ({atUs: world.nowUs, atEvent: world.kernel.eventCount});
    this.eras.push(eraOf(place, new AppliedLog()));
    const names = founderNames(plan);
    this.members = new Members({
      world,
      recorder: this.recorder,
      names,
      joining: joiningNames(plan.steps),
      release: cluster.release,
      disk: diskOptionsOf(plan.world),
      configure: (member) => this.configure(member, names),
      ended: ({name}, {how, message}, isExplained) => recording.ended(name, how, message, isExplained),
    });
    const clientHosts = Array.from({length: traffic.clientCount}, (_, i) => `c${i + 1}`);
    this.nemesis = new Nemesis({
      world,
      members: this.members,
      clientHosts,
      recorder: this.recorder,
      random: world.random.stream('nemesis'),
    });
    const clients: Client[] = [];
    for (const [index, host] of clientHosts.entries()) this.startClient(index, host, names, clients);
    this.startBackground(names, clients);
    this.operator = new Operator({
      members: this.members,
      recorder: this.recorder,
      steps: plan.steps,
      hasFaults: plan.faults.length > 0,
      tellClients: (serving) => {
        for (const client of clients) client.setEndpoints(serving.map(clientAddress));
      },
      traffic: {
        pause: () => {
          this.isPaused = true;
        },
        resume: () => {
          this.isPaused = false;
        },
        isQuiet: () => this.recorder.operations.every(({outcome}) => outcome.kind !== 'open'),
      },
      newEra: (begins, restoredBy) => {
        const before = begins === 'forced' ? this.eras.at(-1)?.log : undefined;
        this.eras.push(eraOf(place, new AppliedLog(before)));
        this.cluster.recovered(restoredBy);
      },
      isWell: () => this.lookAtCluster(),
      cancelAsked: () => this.cluster.cancelAsked(),
      walSegmentBytes: cluster.walSegmentBytes,
      place,
    });
  }

  private configure(member: Member, names: readonly string[]) {
    const {cluster} = this.plan;
    const known = names.includes(member.name) ? names : this.members.all.map(({name}) => name);
    // An operator takes the flags of discovery away with the binary that they were for.
    const asksAround = member.isFounder && names.includes(member.name) && member.release === cluster.release;
    const discovery = asksAround ? discoveryOf(this.plan) : undefined;
    const named = discovery === undefined ? known : [member.name];
    return qualifyServerConfig({
      name: member.name,
      release: member.release,
      flags: cluster.flags,
      discovery,
      initialCluster: named.map((name) => ({name, peerUrls: [peerUrl(name)]})),
      forceNewCluster: member.isForced,
      initialClusterState: member.isFounder ? 'new' : 'existing',
      tickMs: cluster.tickMs,
      electionTicks: cluster.electionTicks,
      snapshotCount: cluster.snapshotCount,
      snapshotCatchUpEntries: cluster.snapshotCatchUpEntries,
      walSegmentBytes: cluster.walSegmentBytes,
      backendBatchLimit: cluster.backendBatchLimit,
      defects: this.options.plant === undefined ? {} : findPlant(this.options.plant).defects,
      observer: raftWatch({
        member: member.name,
        ...(this.eras.at(-1) as Era),
        recorder: this.recorder,
        nowUs: () => this.world.nowUs,
        release: member.ranBefore ?? member.release,
        applied: (index) => this.cluster.applied(member.name, index, member.server?.cluster),
      }),
    });
  }

  private startClient(index: number, host: string, servers: readonly string[], clients: Client[]): void {
    const {traffic} = this.plan;
    this.world.addMachine(host).start('client', (env) => {
      const {requestTimeoutUs} = traffic;
      const client = new Client(env, {endpoints: servers.map(clientAddress), requestTimeoutUs});
      clients.push(client);
      const {recorder} = this;
      const known = knownFieldsOf(oldestReleaseOf(this.plan));
      return trafficClient(env, {index, plan: traffic, client, recorder, switch: {mode: () => this.clientMode}, known});
    });
  }

  /** What each member that runs holds now; `ranBefore` is the binary that runs. */
  lookAtCluster(): void {
    const running = this.members.all.map(({name, release, ranBefore = release, server}) => ({
      name,
      release: ranBefore,
      server,
    }));
    this.cluster.look(running);
  }

  private startOperator(): Process {
    return this.world.addMachine('operator').start('operator', (env) => this.operator.run(env));
  }

  private get clientMode(): Mode | 'pause' {
    return this.mode === 'draw' && this.isPaused ? 'pause' : this.mode;
  }

  /** What was watched while it ran, and found. */
  get watched(): Finding[] {
    const {eras, members, operator} = this;
    const seen = eras.flatMap(({invariants, agreement}) => [...invariants.findings, ...agreement.findings]);
    return [...members.findings, ...seen, ...operator.findings];
  }

  /** Watchers and lease holders. */
  private startBackground(servers: readonly string[], clients: Client[]): void {
    const {world, watches} = this;
    const {watcherCount, leaseHolderCount, keyCount, requestTimeoutUs} = this.plan.traffic;
    const known = knownFieldsOf(oldestReleaseOf(this.plan));
    const isOver = () => this.mode === 'stop';
    const nowUs = () => world.nowUs;
    const begin = (host: string, program: (env: Env, client: Client) => Fiber<void>) =>
      world.addMachine(host).start('client', (env) => {
        const client = new Client(env, {endpoints: servers.map(clientAddress), requestTimeoutUs});
        clients.push(client);
        return program(env, client);
      });
    for (let index = 0; index < watcherCount; index++) {
      const open = (request: WatchLogRequest): WatchRecording => {
        const recording = {id: watches.length, client: index, request, openedUs: world.nowUs, entries: []};
        watches.push(recording);
        return recording;
      };
      begin(`w${index + 1}`, (env, client) => watcherProgram(env, {client, keyCount, nowUs, open, isOver, known}));
    }
    for (let index = 0; index < leaseHolderCount; index++) {
      begin(`l${index + 1}`, (env, client) => leaseHolderProgram(env, client, isOver));
    }
  }

  /** Every write that was applied, in order; a log that another goes on from is part of that one. */
  writes(): readonly KvStep[] {
    const logs = this.eras.map(({log}) => log);
    return logs.filter((log, index) => logs[index + 1]?.before !== log).flatMap((log) => log.writes());
  }

  /** Since when there was no fault; undefined: they were not over. What steps do shows in the cluster's log itself. */
  get calmFromUs(): number | undefined {
    if (this.plan.faults.length === 0) return 0;
    return this.healedUs > 0 ? this.healedUs : undefined;
  }

  /** Runs all phases; findings of what was watched stop it at once. */
  execute(): void {
    const {plan, world, recorder, members, nemesis} = this;
    recorder.event({kind: 'phase', atUs: 0, phase: 'safety'});
    if (plan.cluster.bootstrap === 'discovery') runDiscoveryCluster(world, plan);
    members.startAll();
    nemesis.schedule(plan.faults);
    const operating = plan.steps.length === 0 ? undefined : this.startOperator();
    if (!this.runUntil(plan.safetyUs)) return;
    while (operating?.isAlive === true) if (!this.runUntil(world.nowUs + LOOK_EVERY_US)) return;
    if (operating?.ended?.how === 'panic') throw operating.ended.error;
    recorder.event({kind: 'phase', atUs: world.nowUs, phase: 'heal'});
    this.mode = 'probe';
    this.healedUs = world.nowUs;
    nemesis.heal();
    recorder.event({kind: 'phase', atUs: world.nowUs, phase: 'liveness'});
    const deadlineUs = world.nowUs + plan.livenessUs;
    while (this.missingProgress() !== undefined) {
      if (world.nowUs >= deadlineUs) return this.reportStandstill(deadlineUs);
      if (!this.runUntil(world.nowUs + LOOK_EVERY_US)) return;
    }
    this.mode = 'stop';
    this.comeToRest();
  }

  /** Goes on to that time; false when the run is over before: a finding, or --until-event. */
  private runUntil(timeUs: number): boolean {
    const {kernel} = this.world;
    const untilEvent = this.options.untilEvent ?? Number.POSITIVE_INFINITY;
    let goesOn = true;
    this.world.runUntil(timeUs, () => {
      goesOn = !this.hasFinding() && kernel.eventCount < untilEvent;
      return goesOn;
    });
    return goesOn;
  }

  private hasFinding(): boolean {
    const {eras, members, operator} = this;
    if (members.findings.length > 0 || operator.findings.length > 0) return true;
    return eras.some(({invariants, agreement}) => invariants.findings.length > 0 || agreement.findings.length > 0);
  }

  /** What is still missing of progress since everything was healed; undefined when nothing is. */
  private missingProgress(): string | undefined {
    if (this.members.leader() === undefined) return 'there is no leader';
    const {clientCount} = this.plan.traffic;
    const wrote = new Set<number>();
    const read = new Set<number>();
    for (const {client, callUs, request, outcome} of this.recorder.operations) {
      if (callUs < this.healedUs || outcome.kind !== 'ok') continue;
      (isReadOnly(request) ? read : wrote).add(client);
    }
    if (wrote.size < clientCount) return `${clientCount - wrote.size} of ${clientCount} clients could not write`;
    return read.size < clientCount ? `${clientCount - read.size} of ${clientCount} clients could not read` : undefined;
  }

  private reportStandstill(deadlineUs: number): void {
    const seconds = Math.floor((deadlineUs - this.healedUs) / 1_000_000);
    this.findings.push({
      check: 'liveness',
      kind: 'violation',
      message: `${seconds} s after everything was healed ${this.missingProgress() ?? 'progress came too late'}`,
      atUs: this.world.nowUs,
      atEvent: this.world.kernel.eventCount,
    });
  }

  /** Clients finish what is open; members apply what is committed. */
  private comeToRest(): void {
    const deadlineUs = this.world.nowUs + REST_US;
    while (this.world.nowUs < deadlineUs) {
      if (this.isAtRest()) return;
      if (!this.runUntil(this.world.nowUs + LOOK_EVERY_US)) return;
    }
    this.findings.push({
      check: 'liveness',
      kind: 'violation',
      message: `members did not come to one applied index within ${REST_US / 1_000_000} s after the last operation`,
      atUs: this.world.nowUs,
      atEvent: this.world.kernel.eventCount,
    });
  }

  /** Clients have their answers and every member has applied all that is committed. */
  isAtRest(): boolean {
    const open = this.recorder.operations.some(
      ({callUs, outcome}) => callUs >= this.healedUs && outcome.kind === 'open',
    );
    if (open) return false;
    const wanted = this.members.all.filter(({isWanted}) => isWanted);
    const indexes = wanted.map(({server}) => server?.appliedIndex ?? -1);
    const committed = this.members.leader()?.server?.raft.node.committed;
    return indexes.every((index) => index === committed);
  }
}

/** What a plan does on purpose that no guide allows; undefined: nothing. */
function undocumentedIn({scenario}: Plan): string | undefined {
  return scenario === 'skip-minor' ? 'members skip a minor' : undefined;
}

/** Runs a plan to its end and judges it. */
export function runPlan(plan: Plan, options: RunOptions): RunOutcome {
  const run = new Run(plan, options);
  run.execute();
  const {operations, timeline} = run.recorder;
  const {members, world} = run;
  run.lookAtCluster();
  const evidence = {
    operations,
    timeline,
    finalStates: finalStatesOf(members),
    isAtRest: run.isAtRest(),
    persisted: () => run.writes(),
    watches: run.watches,
    cluster: run.cluster.log(world.nowUs, run.calmFromUs, undocumentedIn(plan)),
  };
  const judged = options.untilEvent === undefined ? judgeHistory(evidence) : [];
  const findings = [...run.watched, ...run.findings, ...judged];
  options.inspect?.(world);
  const record: RunRecord = {
    format: RUN_RECORD_FORMAT,
    formatVersion: RUN_RECORD_VERSION,
    codeVersion: CODE_VERSION,
    scenario: plan.scenario,
    seed: options.seed,
    members: members.everyone.map(({name}) => name),
    releases: releasesOf(plan),
    ...(options.plant === undefined ? {} : {plant: options.plant}),
    ...(options.overrides === undefined || options.overrides.length === 0 ? {} : {overrides: [...options.overrides]}),
    plan,
    verdict: verdictOf(findings),
    findings,
    operations,
    timeline,
    ...(run.watches.length === 0 ? {} : {watches: run.watches}),
    cluster: evidence.cluster,
    statistics: {
      simulatedUs: world.nowUs,
      eventCount: world.kernel.eventCount,
      operationCount: operations.length,
      operationOkCount: operations.filter(({outcome}) => outcome.kind === 'ok').length,
      operationUnknownCount: operations.filter(
        ({outcome}) => outcome.kind === 'open' || (outcome.kind === 'error' && outcome.effect === 'unknown'),
      ).length,
      marks: world.trace.marks(),
    },
    digest: digestOf(world, operations),
  };
  return {record, trace: world.trace.lines};
}

/** Every event of the world, and what the clients were told. */
function digestOf(world: World, operations: readonly Operation[]): string {
  const digest = new Digest();
  digest.text(world.digest());
  for (const {callUs, returnUs, outcome} of operations) {
    digest.integer(callUs);
    digest.integer(returnUs ?? 0);
    digest.text(outcome.kind === 'error' ? outcome.error : outcome.kind);
    if (outcome.kind === 'ok') digest.integer(outcome.response.revision);
  }
  return digest.hex();
}
