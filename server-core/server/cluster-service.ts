// server-core/server/cluster-service.ts: everything of a member that has to do with the cluster itself, put together: the Cluster service,
// downgrades, the version monitor, publishing, and what is told of it over plain HTTP.
import {fromUtf8Text} from '../../base/byte-string.ts';
import type {ClusterId} from '../../base/ids.ts';
import {formatId} from '../../base/ids.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select, sleepUs} from '../../env/fiber.ts';
import type {Cell} from '../../env/sync.ts';
import type {DowngradeRequest, DowngradeResponse} from '../etcdserverpb/maintenance-messages.ts';
import type {ResponseHeader} from '../etcdserverpb/types.ts';
import type {DowngradeInfo} from '../membership/backend-members.ts';
import {reconfigBehaviours} from '../membership/reconfig-check.ts';
import {textReply} from '../rafthttp/peer-http.ts';
import {schemaBehaviours} from '../schema/behaviours.ts';
import type {VersionBehaviours} from '../version/behaviours.ts';
import {versionBehaviours} from '../version/behaviours.ts';
import {versionBody} from '../version/bodies.ts';
import type {Applier} from './applier.ts';
import {serverBehaviours} from './behaviours.ts';
import type {ClusterApiParts} from './cluster-api.ts';
import {ClusterApi} from './cluster-api.ts';
import type {ServerConfig} from './config.ts';
import {DowngradeApi} from './downgrade-api.ts';
import type {ServerError} from './errors.ts';
import {ERR_TIMEOUT_WAIT_APPLIED} from './errors.ts';
import {CLUSTER_ID_QUERY} from './join.ts';
import type {PeerHttp} from './peer-http.ts';
import type {Answer} from './proposer.ts';
import {VersionMonitor} from './version-monitor.ts';

/** applyTimeout: how long a member may lag behind what is committed. */
const APPLY_TIMEOUT_US = 1_000_000;
/** SyncTicker. */
const SYNC_INTERVAL_US = 500_000;

export interface ClusterServiceParts extends Omit<ClusterApiParts, 'behaviours' | 'waitApplied'> {
  readonly applier: Applier;
  readonly appliedWait: Cell<number>;
  readonly committedIndex: () => number;
  readonly firstCommitEpoch: Cell<number>;
  readonly walVersion: () => string;
  readonly fullHeader: () => ResponseHeader;
}

export class ClusterService {
  private readonly parts: ClusterServiceParts;
  private readonly versions: VersionBehaviours;
  private readonly members: ClusterApi;
  private readonly downgrades: DowngradeApi;
  private readonly monitor: VersionMonitor;

  constructor(parts: ClusterServiceParts) {
    const {config, cluster, proposals, id, leader} = parts;
    this.parts = parts;
    const versions = versionBehaviours(config.release);
    // With that flag 3.4 decides as 3.5 does: one minor down is all right.
    this.versions = config.nextClusterVersionCompatible ? {...versions, decision: 'raise-or-one-down'} : versions;
    this.members = new ClusterApi({
      ...parts,
      behaviours: reconfigBehaviours(config.release),
      waitApplied: () => this.waitApplied(),
    });
    this.downgrades = new DowngradeApi({...parts, behaviours: this.versions});
    this.monitor = new VersionMonitor({
      env: parts.env,
      config,
      id,
      behaviours: this.versions,
      schema: schemaBehaviours(config.release),
      cluster,
      applier: parts.applier,
      proposals,
      isLeader: () => leader.value === id,
      firstCommitEpoch: parts.firstCommitEpoch,
      walVersion: parts.walVersion,
    });
  }

  /** Starts the version monitor's loops, and the v2 store's clock where it never stands still. */
  start(): void {
    const {env, config} = this.parts;
    this.monitor.start();
    if (serverBehaviours(config.release).syncsAlways) env.spawn('v2-sync', this.sync());
  }

  private *sync(): Fiber<never> {
    const {env, id, leader, proposals} = this.parts;
    for (;;) {
      yield* sleepUs(env.clock, SYNC_INTERVAL_US);
      if (leader.value === id) proposals.sync();
    }
  }

  /** What members are told on the peer port. etcd: newPeerHandler. */
  answerPeers(http: PeerHttp): void {
    http.handles('/version', () => textFiber(this.versionBody()));
    http.handles('/members', ({path}) =>
      textFiber(path.endsWith(CLUSTER_ID_QUERY) ? formatId(this.parts.cluster.id) : this.membersBody()),
    );
    http.handles('/members/promote/', (request) => this.members.handlePromote(request));
    if (this.versions.answersDowngradeEnabled)
      http.handles('/downgrade/enabled', () => this.downgrades.handleEnabled());
  }

  memberList = (...args: Parameters<ClusterApi['memberList']>) => this.members.memberList(...args);
  memberAdd = (...args: Parameters<ClusterApi['memberAdd']>) => this.members.memberAdd(...args);
  memberRemove = (...args: Parameters<ClusterApi['memberRemove']>) => this.members.memberRemove(...args);
  memberUpdate = (...args: Parameters<ClusterApi['memberUpdate']>) => this.members.memberUpdate(...args);
  memberPromote = (...args: Parameters<ClusterApi['memberPromote']>) => this.members.memberPromote(...args);

  /** Maintenance.Downgrade. */
  *downgrade(request: DowngradeRequest, token?: string): Fiber<Answer<DowngradeResponse>> {
    return (yield* this.parts.permit('downgrade', token)) ?? (yield* this.downgrades.handle(request));
  }

  /** Does a read of the v2 store come through? Health checks of old ask so. */
  *readsV2(): Fiber<boolean> {
    return (yield* this.parts.proposals.readV2()).kind === 'ok';
  }

  /** GET /version, on either port. */
  versionBody(): string {
    const {config, cluster} = this.parts;
    const storage = this.versions.tellsStorageVersion ? {version: this.monitor.storageVersion()} : undefined;
    return versionBody(config.release, cluster.version, storage);
  }

  /** GET /members on the peer port. */
  membersBody(): string {
    return this.members.membersBody();
  }

  /** The store's version as Status tells it; empty where it cannot be told. */
  storageVersion(): string {
    return this.monitor.storageVersion() ?? '';
  }

  /** The downgrade job as Status tells it. */
  get downgradeInfo(): DowngradeInfo {
    return this.parts.cluster.downgrade;
  }

  /** Tells the cluster this member's name and client URLs, again and again until it is applied. etcd: publish, publishV3. */
  *publish(): Fiber<void> {
    const {env, config, id, proposals, cluster} = this.parts;
    const attributes = {name: fromUtf8Text(config.name), clientUrls: config.clientUrls.map(fromUtf8Text)};
    for (;;) {
      const answer = yield* proposals.propose({kind: 'attributes', memberId: id, attributes});
      if (answer.kind === 'ok') {
        if (cluster.behaviours.logger === 'capnslog') config.observer?.noted(publishedLine(config, cluster.id));
        return;
      }
      env.trace.mark('server: published again');
      // A refusal that comes at once must not make this a busy loop; etcd's own calls take time.
      yield* sleepUs(env.clock, config.tickMs * 1000);
    }
  }

  /** etcd: waitAppliedIndex. */
  private *waitApplied(): Fiber<ServerError | undefined> {
    const {env, appliedWait, committedIndex} = this.parts;
    const committed = committedIndex();
    if (appliedWait.value >= committed) return undefined;
    const outcome = yield* select(env, {
      applied: appliedWait.satisfies((index) => index >= committed),
      deadline: after(env.clock, APPLY_TIMEOUT_US),
    });
    return outcome.kind === 'applied' ? undefined : ERR_TIMEOUT_WAIT_APPLIED;
  }
}

/** As Go prints the attributes. */
function publishedLine({name, clientUrls}: ServerConfig, clusterId: ClusterId): string {
  return `published {Name:${name} ClientURLs:[${clientUrls.join(' ')}]} to cluster ${formatId(clusterId)}`;
}

/** Answers at once. */
// biome-ignore lint/correctness/useYield: a handler is a fiber, and this one has nothing to wait for.
function* textFiber(text: string): ReturnType<ClusterApi['handlePromote']> {
  return textReply(200, text);
}
