// server-core/server/config.ts: a server's options: partial in, complete and frozen out. etcd: server/config/config.go, embed defaults.
import {assert} from '../../base/assert.ts';
import type {DiscoveryOptions} from '../discovery/discovery.ts';
import {serverBehaviours} from './behaviours.ts';
import type {AutoCompaction} from './compactor.ts';
import type {ServerObserver} from './observer.ts';
import type {Flags} from './qualify-flags.ts';
import {qualifyFlags} from './qualify-flags.ts';
import type {V2Stage} from './start-flags.ts';
import {startBehaviours} from './start-flags.ts';

/** One entry of --initial-cluster. */
export interface InitialMember {
  readonly name: string;
  readonly peerUrls: readonly string[];
}

/** Deliberate defects, switched on by --plant to prove that the checks bite. Each is one small branch at a named seam. */
export interface ServerDefects {
  /** The WAL tells raft that entries are stored before they are. */
  readonly acknowledgeBeforeFsync?: boolean;
  /** The leader commits what it alone has appended. */
  readonly commitWithoutQuorum?: boolean;
  /** A vote is given to every candidate of a term. */
  readonly voteTwice?: boolean;
  /** Linearizable reads skip the ReadIndex round. */
  readonly staleRead?: boolean;
  /** One entry in `applyTwiceOneIn` is applied a second time. */
  readonly applyTwiceOneIn?: number;
  /** The first entry behind an installed snapshot is not applied. */
  readonly skipEntryAfterSnapshot?: boolean;
  /** Term and vote are not read back at a restart. */
  readonly forgetHardState?: boolean;
  /** The last save before a WAL segment is cut never reaches the disk. */
  readonly loseLastWriteOfSegment?: boolean;
}

export interface ServerConfig {
  readonly name: string;
  /** The release it plays, as in `3.6.0`. */
  readonly release: string;
  /**
   * Flags of etcd's command line by name, without dashes. They set the options below, where those are not given themselves;
   * those that the release refuses end the start.
   */
  readonly flags: Flags;
  readonly dataDir: string;
  readonly clusterToken: string;
  readonly initialCluster: readonly InitialMember[];
  /** --initial-cluster-state: a member without files founds the cluster, or joins one that runs. */
  readonly initialClusterState: 'new' | 'existing';
  /** v3 discovery, 3.6 on: the initial cluster names this member only, and the others are found. The token stands for the cluster's. */
  readonly discovery: DiscoveryOptions | undefined;
  readonly clientUrls: readonly string[];
  readonly peerPort: number;
  readonly clientPort: number;
  /** --heartbeat-interval. */
  readonly tickMs: number;
  /** --election-timeout in ticks. */
  readonly electionTicks: number;
  readonly preVote: boolean;
  /** --snapshot-count: applied entries between snapshots on disk. */
  readonly snapshotCount: number;
  /** Applied entries between snapshots in memory. etcd: memorySnapshotCount. */
  readonly memorySnapshotCount: number;
  /** --experimental-snapshot-catchup-entries: entries kept for slow followers. */
  readonly snapshotCatchUpEntries: number;
  readonly maxRequestBytes: number;
  readonly maxTxnOps: number;
  readonly walSegmentBytes: number;
  readonly backendBatchIntervalMs: number;
  readonly backendBatchLimit: number;
  /** --quota-backend-bytes: 0 for the default, below 0 for none. */
  readonly quotaBackendBytes: number;
  /** --auto-compaction-mode and -retention; undefined: off. */
  readonly autoCompaction: AutoCompaction | undefined;
  /** --auth-token: `simple`, or `jwt,` and its options; keys by the paths that the options name. */
  readonly authToken: string;
  readonly authKeys: ReadonlyMap<string, Uint8Array>;
  /** --auth-token-ttl in seconds. */
  readonly authTokenTtl: number;
  /** --bcrypt-cost. */
  readonly bcryptCost: number;
  /** Lease checkpoints on, and kept in the database: by flag or feature gate. */
  readonly leaseCheckpoint: boolean;
  readonly leaseCheckpointPersist: boolean;
  /** --…watch-progress-notify-interval in microseconds; 0: ten minutes. */
  readonly watchProgressNotifyUs: number;
  /** --strict-reconfig-check: membership changes that would cost the quorum are refused. */
  readonly strictReconfigCheck: boolean;
  /** --downgrade-check-time: how often the leader looks whether a downgrade is done; 0: never. */
  readonly downgradeCheckMs: number;
  /** --force-new-cluster: a member with files goes on alone, and its cluster is it. Ignored without files. */
  readonly forceNewCluster: boolean;
  /** --next-cluster-version-compatible of 3.4.31 and newer: goes along with a cluster of 3.5, and lowers the database. */
  readonly nextClusterVersionCompatible: boolean;
  /** --v2-deprecation: from `write-only` on content of the v2 API keeps a member from starting, unless the stage skips the check. */
  readonly v2Deprecation: V2Stage;
  /** --max-learners; releases before 3.6 know no more than one. */
  readonly maxLearners: number;
  /** --experimental-initial-corrupt-check, gate InitialCorruptCheck: hashes are compared with the peers' before anything is served. */
  readonly initialCorruptCheck: boolean;
  /** --experimental-corrupt-check-time, --corrupt-check-time: how often the leader compares hashes; 0: never. */
  readonly corruptCheckMs: number;
  /** --experimental-compact-hash-check-enabled, gate CompactHashCheck: hashes of compactions are compared; 3.5.5 on. */
  readonly compactHashCheck: boolean;
  /** --experimental-compact-hash-check-time. */
  readonly compactHashCheckMs: number;
  readonly defects: ServerDefects;
  /** Told of each step; for checkers. Never part of a decision. */
  readonly observer: ServerObserver | undefined;
}

export type ServerConfigInput = Partial<ServerConfig> & Pick<ServerConfig, 'name' | 'release' | 'initialCluster'>;

/** The complete configuration; what is not given is the release's default. */
export function qualifyServerConfig(input: ServerConfigInput): ServerConfig {
  const behaviours = serverBehaviours(input.release);
  const config: ServerConfig = {
    flags: {},
    dataDir: '/etcd',
    clusterToken: 'etcd-cluster',
    initialClusterState: 'new',
    discovery: undefined,
    clientUrls: [`http://${input.name}:2379`],
    peerPort: 2380,
    clientPort: 2379,
    tickMs: 100,
    electionTicks: 10,
    preVote: behaviours.preVoteByDefault,
    snapshotCount: behaviours.snapshotCountDefault,
    memorySnapshotCount: 100,
    snapshotCatchUpEntries: 5_000,
    maxRequestBytes: 1.5 * 1024 * 1024,
    maxTxnOps: 128,
    walSegmentBytes: 64_000_000,
    backendBatchIntervalMs: 100,
    backendBatchLimit: 10_000,
    quotaBackendBytes: 0,
    autoCompaction: undefined,
    authToken: 'simple',
    authKeys: new Map(),
    authTokenTtl: 300,
    bcryptCost: 10,
    leaseCheckpoint: false,
    leaseCheckpointPersist: false,
    watchProgressNotifyUs: 0,
    strictReconfigCheck: behaviours.strictReconfigByDefault,
    downgradeCheckMs: 5_000,
    forceNewCluster: false,
    nextClusterVersionCompatible: false,
    v2Deprecation: startBehaviours(input.release).v2StageByDefault,
    maxLearners: 1,
    initialCorruptCheck: false,
    corruptCheckMs: 0,
    compactHashCheck: false,
    compactHashCheckMs: 60_000,
    defects: {},
    observer: undefined,
    ...settingsOf(input),
    ...input,
  };
  assert(config.electionTicks > 1, 'the election timeout must be longer than a tick', {ticks: config.electionTicks});
  assert(
    config.initialCluster.some(({name}) => name === config.name),
    'the initial cluster does not name this member',
    {name: config.name},
  );
  assert(
    config.discovery === undefined || (config.initialCluster.length === 1 && config.discovery.endpoints.length > 0),
    'with discovery the initial cluster names this member only, and there is somebody to ask',
  );
  return Object.freeze(config);
}

/** What the flags set; nothing when the release refuses them: bootstrap ends the start then. */
function settingsOf({release, flags}: ServerConfigInput): Partial<ServerConfig> {
  if (flags === undefined) return {};
  const outcome = qualifyFlags(release, flags);
  return outcome.kind === 'ok' ? outcome.settings : {};
}

/** etcd: ServerConfig.ReqTimeout: 5 s for queue, computation and disk, and twice the election timeout. */
export function requestTimeoutUs(config: ServerConfig): number {
  return 5_000_000 + 2 * config.electionTicks * config.tickMs * 1000;
}
