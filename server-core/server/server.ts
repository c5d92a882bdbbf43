// server-core/server/server.ts: one etcd member: makes its parts from what the disk holds and runs their loops.
// etcd 3.6: etcdserver.NewServer, Start, run. What belongs together lives in parts of its own; this file wires them.
import type {MemberId} from '../../base/ids.ts';
import {NO_MEMBER} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber, Waitable} from '../../env/fiber.ts';
import {select, until} from '../../env/fiber.ts';
import type {Channel} from '../../env/sync.ts';
import {Cell} from '../../env/sync.ts';
import type {CorruptionChecker} from '../corruption/checker.ts';
import {runLessor} from '../lease/lessor-loop.ts';
import type {LeaseHost} from '../lease/ports.ts';
import {runRevoker} from '../lease/revoker.ts';
import type {Cluster} from '../membership/cluster.ts';
import {addressOf} from '../membership/member.ts';
import {mvccBehaviours} from '../mvcc/behaviours.ts';
import type {RaftPort} from '../rafthttp/raft-port.ts';
import {Transport} from '../rafthttp/transport.ts';
import type {Message} from '../raftpb/types.ts';
import {isSince} from '../release/release.ts';
import {walVersionOf} from '../schema/wal-version.ts';
import {versionBehaviours} from '../version/behaviours.ts';
import {Applier} from './applier.ts';
import {ApplyLoop} from './apply-loop.ts';
import type {ToApply} from './apply-queue.ts';
import {makeApplyQueue} from './apply-queue.ts';
import type {ServerBehaviours} from './behaviours.ts';
import {serverBehaviours} from './behaviours.ts';
import type {Bootstrapped, DiscoveryReach} from './bootstrap.ts';
import {bootstrap} from './bootstrap.ts';
import {ClusterProposals} from './cluster-proposals.ts';
import {ClusterService} from './cluster-service.ts';
import {compactorBehaviours, runServerCompactor} from './compactor.ts';
import type {ServerConfig} from './config.ts';
import {requestTimeoutUs} from './config.ts';
import type {ConsistentIndex} from './consistent-index.ts';
import {KvApi} from './kv-api.ts';
import {handOn} from './leader-transfer.ts';
import {Leadership} from './leadership.ts';
import type {Caller} from './lease-host.ts';
import {answerPeers, makeLeaseHost} from './lease-host.ts';
import {MaintenanceApi} from './maintenance-api.ts';
import type {CheckedServer} from './make-corruption-checker.ts';
import {makeCorruptionChecker} from './make-corruption-checker.ts';
import {PeerHttp} from './peer-http.ts';
import {Proposer} from './proposer.ts';
import type {RaftDisk} from './raft-disk.ts';
import {spawnPurgeLoops} from './raft-files.ts';
import {RaftLoop} from './raft-loop.ts';
import {ReadLoop} from './read-loop.ts';
import {RequestIds} from './request-ids.ts';
import type {ApplyProgress} from './snapshots.ts';
import {entriesBehind, Snapshots, snapshotBehaviours} from './snapshots.ts';
import {StateParts} from './state-parts.ts';
import {MembershipData} from './v2-membership.ts';
import {Waiters} from './waiters.ts';

export class EtcdServer {
  readonly id: MemberId;
  readonly raft: RaftLoop;
  readonly kv: KvApi;
  readonly maintenance: MaintenanceApi;
  readonly clusterApi: ClusterService;
  readonly parts: StateParts;
  readonly leases: LeaseHost<Caller>;
  readonly corruption: CorruptionChecker;
  readonly proposer: Proposer;
  readonly applier: Applier;
  readonly peerHttp = new PeerHttp();
  readonly behaviours: ServerBehaviours;
  private readonly env: Env;
  private readonly disk: RaftDisk;
  private readonly config: ServerConfig;
  readonly cluster: Cluster;
  private readonly transport: Transport;
  private readonly leadership: Leadership;
  private readonly queue: Channel<ToApply> = makeApplyQueue();
  private readonly waiters = new Waiters();
  readonly reads: ReadLoop;
  private readonly snapshots: Snapshots;
  private readonly progress: ApplyProgress;
  private readonly appliedWait: Cell<number>;
  private readonly firstCommitEpoch = new Cell(0);
  private readonly stopped = new Cell(false);
  private readonly stopAsked = new Cell(false);
  private readonly isPublished = new Cell(false);
  readonly applyLoop: ApplyLoop;
  private consistentIndex: ConsistentIndex;
  private committed = 0;

  /** Opens or makes the data directory and wires the parts; run() does the rest. Throws what makes etcd refuse to start. */
  static *start(env: Env, config: ServerConfig, reach?: DiscoveryReach): Fiber<EtcdServer> {
    const boot = yield* bootstrap(env, config, reach);
    const server = new EtcdServer(env, config, boot);
    server.raft.applied(server.appliedIndex);
    config.observer?.restored(boot.node, server.appliedIndex);
    if (config.initialCorruptCheck && boot.isRestarted) yield* server.corruption.initialCheck();
    return server;
  }

  private constructor(env: Env, config: ServerConfig, boot: Bootstrapped) {
    this.env = env;
    this.config = config;
    this.id = boot.id;
    this.consistentIndex = boot.consistentIndex;
    this.disk = boot.disk;
    this.cluster = boot.cluster;
    this.behaviours = serverBehaviours(config.release);
    this.parts = this.makeParts(boot);
    this.applier = new Applier({
      env,
      id: boot.id,
      backend: boot.backend,
      cluster: this.cluster,
      behaviours: this.behaviours,
      mvcc: mvccBehaviours(config.release),
      quotaBytes: config.quotaBackendBytes,
      auth: this.parts.authPort,
      leases: this.parts.leasePort,
      watches: this.parts.watchPort,
    });
    this.parts.lessor.setStore(this.applier.store);
    this.leadership = new Leadership(env, config, boot.id);
    const {metadata} = boot.storage.snapshot();
    this.progress = {
      confState: boot.confState,
      diskSnapshotIndex: metadata.index,
      memorySnapshotIndex: metadata.index,
      appliedTerm: metadata.term,
      appliedIndex: metadata.index,
    };
    this.appliedWait = new Cell(metadata.index);
    this.transport = new Transport({
      env,
      raft: this.makePort(boot),
      id: boot.id,
      clusterId: boot.cluster.id,
      serverVersion: config.release,
      minClusterVersion: versionBehaviours(config.release).minClusterVersion,
      dialTimeoutUs: 1_000_000 + config.electionTicks * config.tickMs * 1000,
    });
    this.raft = this.makeRaftLoop(boot);
    const membershipData = new MembershipData(boot.cluster, boot.cluster.behaviours);
    this.snapshots = new Snapshots({
      env,
      config,
      storage: boot.storage,
      disk: boot.disk,
      applier: this.applier,
      transport: this.transport,
      consistentIndex: () => this.consistentIndex,
      membershipData: () => membershipData.bytes(),
      behaviours: snapshotBehaviours(config.release),
    });
    const requestIds = new RequestIds(boot.id, env.clock.wallUs());
    this.reads = this.makeReadLoop(requestIds);
    this.proposer = this.makeProposer(requestIds);
    this.clusterApi = this.makeClusterService(requestIds, boot);
    this.maintenance = this.makeMaintenance();
    this.leases = this.makeLeases(requestIds);
    this.applyLoop = this.makeApplyLoop();
    this.corruption = makeCorruptionChecker(this.checked(), this.peerHttp);
    this.kv = new KvApi({
      env,
      config,
      mvcc: mvccBehaviours(config.release),
      proposer: this.proposer,
      reads: this.reads,
      applier: this.applier,
      clusterVersion: () => this.cluster.version,
      behaviours: this.behaviours,
      raiseNoSpace: () => this.maintenance.raiseNoSpace(),
      permit: (call, token) => this.parts.permit(call, token),
    });
  }

  /** Up to which entry the store has applied. */
  get appliedIndex(): number {
    return this.progress.appliedIndex;
  }

  /** Ready once this member has published itself through raft; etcd serves no client before. etcd: ReadyNotify. */
  get published(): Waitable<boolean> {
    return this.isPublished.satisfies((isPublished) => isPublished);
  }

  /** Asks for an orderly end, as SIGTERM does: run() hands leadership on, closes the files and returns. etcd: Etcd.Close. */
  stop(): void {
    this.stopAsked.set(true);
  }

  /**
   * Runs until the member is removed from its cluster or stop() is called; a process that dies does not come back here.
   * `drain` lets clients finish first. etcd: run, Stop, HardStop.
   */
  *run(drain?: () => Fiber<void>): Fiber<void> {
    const {env, config, transport, raft, cluster} = this;
    transport.listen(config.peerPort);
    for (const member of this.knownPeers()) transport.addPeer(member.id, member.address);
    const stepping = env.spawn('raft', raft.run());
    const applying = env.spawn('apply', this.applyLoop.run());
    env.spawn('read-index', this.reads.run());
    env.spawn('lessor', runLessor(env, this.parts.lessor));
    env.spawn('lease-revoker', runRevoker(this.leases));
    env.spawn('watch', this.parts.watchable.run());
    env.spawn('publish', this.publish());
    spawnPurgeLoops(env, config);
    this.clusterApi.start();
    if (config.autoCompaction !== undefined)
      env.spawn('compactor', runServerCompactor(this, env, config.autoCompaction, compactorBehaviours(config.release)));
    this.corruption.start();
    const cause = yield* select(env, {
      removed: this.stopped.satisfies((isStopped) => isStopped),
      asked: this.stopAsked.satisfies((isAsked) => isAsked),
    });
    if (cause.kind === 'asked') {
      if (drain !== undefined) yield* drain();
      if (this.behaviours.handsLeadershipOn)
        yield* handOn({env, config, raft, cluster, transport, leader: () => this.leadership.leader.value});
      this.applyLoop.stop();
      yield* until(applying.ended);
      raft.stop();
      yield* until(stepping.ended);
    }
    transport.stop();
    yield* this.disk.close();
    if (cause.kind === 'asked') yield* this.applier.backend.close();
  }

  /** The others of the applied configuration; in a new cluster, of the initial one. */
  private knownPeers(): {readonly id: MemberId; readonly address: string}[] {
    return this.cluster
      .members()
      .filter(({id}) => id !== this.id)
      .map(({id, peerUrls}) => ({id, address: addressOf(peerUrls[0] ?? '')}));
  }

  /** Tells the cluster this member's name and client URLs, again and again until it is applied. etcd: publishV3. */
  private *publish(): Fiber<void> {
    const {env} = this;
    if (env.failpoints.armed) yield* env.failpoints.hit('beforePublishing');
    yield* this.clusterApi.publish();
    this.isPublished.set(true);
  }

  private makePort(boot: Bootstrapped): RaftPort {
    return {
      process: (message) => this.process(message),
      processProposal: (message) => this.processProposal(message),
      isIdRemoved: (id) => this.cluster.isRemoved(id),
      reportUnreachable: (id) => {
        this.raft.node.reportUnreachable(id);
        this.raft.stepped();
      },
      reportSnapshot: (id, outcome) => {
        this.raft.node.reportSnapshot(id, outcome === 'finish' ? 'finished' : 'failed');
        this.raft.stepped();
      },
      saveSnapshotDb: (index, db) => boot.disk.saveSnapshotDb(index, db),
      http: (request) => this.peerHttp.handle(request),
      memberRemoved: () => this.stopped.set(true),
    };
  }

  /** etcd: EtcdServer.Process. */
  private process(message: Message): boolean {
    if (this.cluster.isRemoved(message.from) || message.to !== this.id) return false;
    const isHeard = this.behaviours.answersReadIndex || message.type !== 'MsgReadIndex';
    if (isHeard) this.raft.node.step(message);
    this.raft.stepped();
    return true;
  }

  /** A proposal that a follower sends on waits here for a leader, as one of our own would. */
  private *processProposal(message: Message): Fiber<void> {
    if (yield* this.leadership.wait()) this.process(message);
  }

  private makeRaftLoop(boot: Bootstrapped): RaftLoop {
    return new RaftLoop({
      env: this.env,
      config: this.config,
      node: boot.node,
      storage: boot.storage,
      disk: boot.disk,
      applyQueue: this.queue,
      host: {
        leaderChanged: (...change) => {
          this.leadership.changed(...change);
          if (!this.leadership.isLeader) this.parts.lessor.demote();
          else if (this.behaviours.promotesLessorAtOnce) this.leadsFromNow();
        },
        committed: (index) => {
          this.committed = Math.max(this.committed, index);
        },
        isIdRemoved: (id) => this.cluster.isRemoved(id),
        send: (messages) => this.transport.send(messages),
      },
    });
  }

  private makeReadLoop(requestIds: RequestIds): ReadLoop {
    return new ReadLoop({
      env: this.env,
      raft: this.raft,
      requestIds,
      requestTimeoutUs: requestTimeoutUs(this.config),
      behaviours: this.behaviours,
      appliedIndex: () => this.appliedIndex,
      appliedWait: this.appliedWait,
      leaderEpoch: this.leadership.epoch,
      firstCommitEpoch: this.firstCommitEpoch,
    });
  }

  private makeProposer(requestIds: RequestIds): Proposer {
    const {cluster, transport, leadership} = this;
    return new Proposer({
      env: this.env,
      config: this.config,
      behaviours: this.behaviours,
      raft: this.raft,
      waiters: this.waiters,
      requestIds,
      appliedIndex: () => this.appliedIndex,
      committedIndex: () => this.committed,
      hasLeader: () => leadership.wait(),
      timeoutError: (startedUs) => leadership.timeoutError(startedUs, cluster, transport),
      header: () => ({clusterId: cluster.id, memberId: this.id, raftTerm: this.raft.node.term}),
      currentRevision: () => this.applier.store.currentRevision,
      identify: (token) => this.parts.identify(token),
    });
  }

  private makeClusterService(requestIds: RequestIds, boot: Bootstrapped): ClusterService {
    const {env, config, id, cluster, proposer, raft, waiters, leadership, transport, reads} = this;
    const proposals = new ClusterProposals({
      env,
      config,
      behaviours: cluster.behaviours,
      proposer,
      raft,
      waiters,
      requestIds,
      hasLeader: () => leadership.wait(),
      timeoutError: (startedUs) => leadership.timeoutError(startedUs, cluster, transport),
    });
    const service = new ClusterService({
      env,
      config,
      id,
      cluster,
      proposals,
      raft,
      applier: this.applier,
      leader: leadership.leader,
      activeSinceUs: (peer) => transport.activeSinceUs(peer),
      confirmRead: () => reads.confirm(),
      permit: (call, token) => this.parts.permit(call, token),
      header: () => ({clusterId: cluster.id, memberId: id, raftTerm: raft.node.term}),
      fullHeader: () => proposer.header(),
      appliedWait: this.appliedWait,
      committedIndex: () => this.committed,
      firstCommitEpoch: this.firstCommitEpoch,
      walVersion: () => walVersionOf(entriesBehind(boot.storage, this.progress.diskSnapshotIndex)),
    });
    service.answerPeers(this.peerHttp);
    return service;
  }

  private checked(): CheckedServer {
    const {env, config, id, cluster, applier, reads, proposer} = this;
    return {env, config, id, cluster, applier, reads, proposer, isLeader: () => this.isLeader};
  }

  private makeMaintenance(): MaintenanceApi {
    const {leadership, cluster} = this;
    return new MaintenanceApi({
      env: this.env,
      config: this.config,
      behaviours: this.behaviours,
      applier: this.applier,
      proposer: this.proposer,
      raft: this.raft,
      cluster,
      id: this.id,
      leader: () => leadership.leader.value,
      appliedIndex: () => this.appliedIndex,
      committedIndex: () => this.committed,
      isLearner: () => this.isLearner,
      storageVersion: () => this.clusterApi.storageVersion(),
      downgrade: () => this.clusterApi.downgradeInfo,
      permit: (call, token) => this.parts.permit(call, token),
    });
  }

  private makeParts(boot: Bootstrapped): StateParts {
    const {env, config} = this;
    const host = {
      env,
      config,
      // The auth store commits while it is made, before there is an applier.
      backend: () => this.applier?.backend ?? boot.backend,
      store: () => this.applier.store,
      untilApplied: (index: number) => this.untilApplied(index),
      applyingIndex: () => this.progress.appliedIndex + 1,
      storesCheckpoints: () => config.leaseCheckpointPersist || this.isClusterAtLeast('3.6.0'),
    };
    return new StateParts(host, boot.backend);
  }

  private *untilApplied(index: number): Fiber<void> {
    if (this.appliedIndex < index) yield* until(this.appliedWait.satisfies((applied) => applied >= index));
  }

  private makeLeases(requestIds: RequestIds): LeaseHost<Caller> {
    const {env, config, id, parts, proposer, raft, reads, cluster, leadership, appliedWait} = this;
    const leases = makeLeaseHost({
      env,
      config,
      id,
      parts,
      proposer,
      raft,
      reads,
      requestIds,
      cluster,
      leader: leadership.leader,
      appliedWait,
      committedIndex: () => this.committed,
    });
    answerPeers(this.peerHttp, leases);
    return leases;
  }

  /** The leader lets leases expire, and nobody else. etcd: applyEntryNormal's empty entry, updateLeadership. */
  private leadsFromNow(): void {
    if (this.leadership.isLeader) this.parts.lessor.promote(this.config.electionTicks * this.config.tickMs * 1000);
  }

  /** Has the cluster decided on that version or a later one? */
  isClusterAtLeast(release: string): boolean {
    const {version} = this.cluster;
    return version !== undefined && isSince(version, release);
  }

  /** Is this member a learner, as far as it knows? */
  get isLearner(): boolean {
    return this.cluster.members().some(({id, isLearner}) => id === this.id && isLearner);
  }

  /** Does this member lead? */
  get isLeader(): boolean {
    return this.leadership.isLeader;
  }

  /** New leaders that this member has seen in this life. */
  get leaderChanges(): number {
    return this.leadership.epoch.value;
  }

  /** Up to which entry the log is committed, as far as this member knows. */
  get committedIndex(): number {
    return this.committed;
  }

  /** Does this member know a leader? */
  get hasLeader(): boolean {
    return this.leadership.leader.value !== NO_MEMBER;
  }

  private makeApplyLoop(): ApplyLoop {
    return new ApplyLoop({
      env: this.env,
      config: this.config,
      id: this.id,
      raft: this.raft,
      queue: this.queue,
      applier: this.applier,
      cluster: this.cluster,
      transport: this.transport,
      snapshots: this.snapshots,
      waiters: this.waiters,
      consistentIndex: () => this.consistentIndex,
      replaceConsistentIndex: (index) => {
        this.consistentIndex = index;
      },
      progress: this.progress,
      appliedWait: this.appliedWait,
      firstCommitEpoch: this.firstCommitEpoch,
      termBegan: () => {
        if (!this.behaviours.promotesLessorAtOnce) this.leadsFromNow();
      },
      raiseNoSpace: () => this.maintenance.raiseNoSpace(),
      removedSelf: () => this.stopped.set(true),
    });
  }
}
