// server-core/server/server.ts: one etcd member: makes its parts from what the disk holds and runs their loops.
// etcd 3.6: etcdserver.NewServer, Start, run. Modelled: the v3 key-value core. Not yet: watch, lease, auth, alarms, version monitors.
import type {MemberId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber, Waitable} from '../../env/fiber.ts';
import {sleepUs, until} from '../../env/fiber.ts';
import type {Channel} from '../../env/sync.ts';
import {Cell} from '../../env/sync.ts';
import {Cluster} from '../membership/cluster.ts';
import {addressOf} from '../membership/member.ts';
import type {RaftPort} from '../rafthttp/raft-port.ts';
import {Transport} from '../rafthttp/transport.ts';
import type {Message} from '../raftpb/types.ts';
import {Applier} from './applier.ts';
import {ApplyLoop} from './apply-loop.ts';
import type {ToApply} from './apply-queue.ts';
import {makeApplyQueue} from './apply-queue.ts';
import type {Bootstrapped} from './bootstrap.ts';
import {bootstrap} from './bootstrap.ts';
import type {ServerConfig} from './config.ts';
import {requestTimeoutUs} from './config.ts';
import type {ConsistentIndex} from './consistent-index.ts';
import {KvApi} from './kv-api.ts';
import {Leadership} from './leadership.ts';
import {RaftLoop} from './raft-loop.ts';
import {ReadLoop} from './read-loop.ts';
import {RequestIds} from './request-ids.ts';
import type {ApplyProgress} from './snapshots.ts';
import {Snapshots} from './snapshots.ts';
import {membershipSnapshot} from './v2-membership.ts';
import {Waiters} from './waiters.ts';

export class EtcdServer {
  readonly id: MemberId;
  readonly raft: RaftLoop;
  readonly kv: KvApi;
  readonly applier: Applier;
  private readonly env: Env;
  private readonly config: ServerConfig;
  private readonly cluster: Cluster;
  private readonly transport: Transport;
  private readonly leadership: Leadership;
  private readonly queue: Channel<ToApply> = makeApplyQueue();
  private readonly waiters = new Waiters();
  private readonly reads: ReadLoop;
  private readonly snapshots: Snapshots;
  private readonly progress: ApplyProgress;
  private readonly appliedWait: Cell<number>;
  private readonly firstCommitEpoch = new Cell(0);
  private readonly stopped = new Cell(false);
  private readonly isPublished = new Cell(false);
  private consistentIndex: ConsistentIndex;
  private committed = 0;

  /** Opens or makes the data directory and wires the parts; run() does the rest. Throws what makes etcd refuse to start. */
  static *start(env: Env, config: ServerConfig): Fiber<EtcdServer> {
    const boot = yield* bootstrap(env, config);
    const server = new EtcdServer(env, config, boot);
    server.raft.applied(server.appliedIndex);
    config.observer?.restored(boot.node, server.appliedIndex);
    return server;
  }

  private constructor(env: Env, config: ServerConfig, boot: Bootstrapped) {
    this.env = env;
    this.config = config;
    this.id = boot.id;
    this.consistentIndex = boot.consistentIndex;
    this.cluster = new Cluster(boot.clusterId, boot.backend.batch, boot.initialMembers);
    this.applier = new Applier(env, boot.backend, this.cluster);
    this.leadership = new Leadership(env, config, boot.id);
    const {metadata} = boot.storage.snapshot();
    this.progress = {
      confState: metadata.confState,
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
      clusterId: boot.clusterId,
      serverVersion: config.release,
      minClusterVersion: '3.0.0',
      dialTimeoutUs: 1_000_000 + config.electionTicks * config.tickMs * 1000,
    });
    this.raft = this.makeRaftLoop(boot);
    this.snapshots = new Snapshots({
      env,
      config,
      storage: boot.storage,
      disk: boot.disk,
      applier: this.applier,
      transport: this.transport,
      membershipData: () => membershipSnapshot(this.cluster.members()),
    });
    const requestIds = new RequestIds(boot.id, env.clock.wallUs());
    this.reads = this.makeReadLoop(requestIds);
    this.kv = this.makeKvApi(requestIds);
  }

  /** Up to which entry the store has applied. */
  get appliedIndex(): number {
    return this.progress.appliedIndex;
  }

  /** Ready once this member has published itself through raft; etcd serves no client before. etcd: ReadyNotify. */
  get published(): Waitable<boolean> {
    return this.isPublished.satisfies((isPublished) => isPublished);
  }

  /** Runs until the member is removed from its cluster; a process that dies does not come back here. */
  *run(): Fiber<void> {
    const {env, config, transport} = this;
    transport.listen(config.peerPort);
    for (const member of this.knownPeers()) transport.addPeer(member.id, member.address);
    env.spawn('raft', this.raft.run());
    env.spawn('apply', this.makeApplyLoop().run());
    env.spawn('read-index', this.reads.run());
    env.spawn('publish', this.publish());
    yield* until(this.stopped.satisfies((isStopped) => isStopped));
    transport.stop();
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
    const {env, config} = this;
    if (env.failpoints.armed) yield* env.failpoints.hit('beforePublishing');
    const attributes = {memberId: this.id, name: config.name, clientUrls: config.clientUrls};
    for (;;) {
      const answer = yield* this.kv.publish(attributes);
      if (answer.kind === 'ok') break;
      env.trace.mark('server: published again');
      // A refusal that comes at once must not make this a busy loop; etcd's own calls take time.
      yield* sleepUs(env.clock, config.tickMs * 1000);
    }
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
      memberRemoved: () => this.stopped.set(true),
    };
  }

  /** etcd: EtcdServer.Process. */
  private process(message: Message): boolean {
    if (this.cluster.isRemoved(message.from) || message.to !== this.id) return false;
    this.raft.node.step(message);
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
        leaderChanged: (...change) => this.leadership.changed(...change),
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
      appliedIndex: () => this.appliedIndex,
      appliedWait: this.appliedWait,
      leaderEpoch: this.leadership.epoch,
      firstCommitEpoch: this.firstCommitEpoch,
    });
  }

  private makeKvApi(requestIds: RequestIds): KvApi {
    const {cluster, transport, leadership} = this;
    return new KvApi({
      env: this.env,
      config: this.config,
      raft: this.raft,
      reads: this.reads,
      applier: this.applier,
      waiters: this.waiters,
      requestIds,
      appliedIndex: () => this.appliedIndex,
      committedIndex: () => this.committed,
      hasLeader: () => leadership.wait(),
      timeoutError: (startedUs) => leadership.timeoutError(startedUs, cluster, transport),
      header: () => ({clusterId: cluster.id, memberId: this.id, raftTerm: this.raft.node.term}),
    });
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
    });
  }
}
