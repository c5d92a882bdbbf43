// server-core/server/bootstrap.ts: a member from nothing, or from what its disk holds. etcd 3.6: bootstrap.go; NewServer before.
// Modelled: a new cluster from --initial-cluster, joining one that runs, and the restart from WAL, snapshot and database, with repair
// of a torn WAL and the checks that make a release refuse another one's files. Not modelled: discovery, force-new-cluster, the question
// whether this member was bootstrapped before.
import {must} from '../../base/assert.ts';
import {fromUtf8Text} from '../../base/byte-string.ts';
import type {ClusterId, Id64, MemberId} from '../../base/ids.ts';
import {formatId, NO_MEMBER} from '../../base/ids.ts';
import {WIRE_VARINT, WireReader, WireWriter, wireTag} from '../../base/wire.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {Backend} from '../backend/backend.ts';
import type {DiscoveryOptions, DiscoveryService} from '../discovery/discovery.ts';
import {discoverCluster} from '../discovery/discovery.ts';
import type {MembershipBehaviours} from '../membership/behaviours.ts';
import {membershipBehaviours} from '../membership/behaviours.ts';
import {Cluster} from '../membership/cluster.ts';
import {clusterIdOf, memberIdOf} from '../membership/identity.ts';
import type {Member} from '../membership/member.ts';
import {encodeMember, jsonBytes} from '../membership/member.ts';
import {ServerEnded} from '../membership/process-end.ts';
import {hasForeignKeys, newServerV2Store} from '../membership/v2-members.ts';
import {MemoryStorage} from '../raft/memory-storage.ts';
import {RawNode} from '../raft/raw-node.ts';
import type {Config} from '../raft/types.ts';
import {makeConfChange} from '../raftpb/conf-change.ts';
import type {ConfState, Entry, HardState, Snapshot} from '../raftpb/types.ts';
import {EMPTY_CONF_STATE} from '../raftpb/types.ts';
import {flagNamed, hasFlag} from '../release/flags.ts';
import {schemaBehaviours} from '../schema/behaviours.ts';
import {validateSchema} from '../schema/storage-version.ts';
import {recoverV2Store} from '../v2store/save.ts';
import type {V2Store} from '../v2store/store.ts';
import type {WalContent} from '../wal/read-all.ts';
import type {OpenedBackend} from './backend-files.ts';
import {databasePath, openServerBackend, snapDirectory, snapshotDbPath} from './backend-files.ts';
import type {ServerConfig} from './config.ts';
import type {ConsistentIndex} from './consistent-index.ts';
import {forceBehaviours, forceNewCluster} from './force-new-cluster.ts';
import {checkLearnerCount, isBootstrapped, joinCluster} from './join.ts';
import {qualifyFlags} from './qualify-flags.ts';
import type {RaftDisk} from './raft-disk.ts';
import {RaftFiles} from './raft-files.ts';
import {startBehaviours} from './start-flags.ts';

/** maxSizePerMsg, maxInflightMsgs of etcdserver. */
const SIZE_PER_MESSAGE_MAX = 1024 * 1024;
const INFLIGHT_MESSAGES_MAX = 4096 / 8;

/** Makes the way to a discovery service. */
export type DiscoveryReach = (env: Env, options: DiscoveryOptions) => DiscoveryService;

/** The parts that a server is wired from. */
export interface Bootstrapped {
  readonly id: MemberId;
  readonly cluster: Cluster;
  readonly node: RawNode;
  readonly storage: MemoryStorage;
  readonly disk: RaftDisk;
  readonly backend: Backend;
  readonly consistentIndex: ConsistentIndex;
  /** Raft's configuration as of the snapshot, or as of the backend where the release takes it from there. */
  readonly confState: ConfState;
  /** There was a WAL: this member has been here before. */
  readonly isRestarted: boolean;
}

/** Reads the data directory, or makes it. Throws what makes etcd refuse to start: WalError, BackendError, DiskFault. */
export function* bootstrap(env: Env, config: ServerConfig, reach?: DiscoveryReach): Fiber<Bootstrapped> {
  checkFlags(config);
  yield* env.disk.makeDirectory(snapDirectory(config));
  const files = new RaftFiles(env, config);
  if (yield* files.exist()) return yield* restart(env, config, files);
  return config.initialClusterState === 'new'
    ? yield* startNewCluster(env, config, files, reach)
    : yield* joinRunningCluster(env, config, files);
}

/** Ends the start over flags that the release refuses, and over options that stand for a flag it does not have. */
function checkFlags({release, flags, discovery, nextClusterVersionCompatible}: ServerConfig): void {
  const outcome = qualifyFlags(release, flags);
  if (outcome.kind === 'refused') throw new ServerEnded(outcome.message);
  const options = {
    'discovery-token': discovery !== undefined,
    'next-cluster-version-compatible': nextClusterVersionCompatible,
  };
  for (const [name, isSet] of Object.entries(options)) {
    const flag = must(flagNamed(name), 'an option stands for a flag that there is');
    if (isSet && !hasFlag(release, flag)) throw new ServerEnded(`flag provided but not defined: -${name}`);
  }
}

/** Raft begins with nothing: the leader sends what this member is to know. etcd: bootstrapExistingClusterNoWAL. */
function* joinRunningCluster(env: Env, config: ServerConfig, files: RaftFiles): Fiber<Bootstrapped> {
  const named = initialMembers(config);
  const opened = yield* openServerBackend(env, config);
  const running = yield* joinCluster(env, config, membershipBehaviours(config.release), named);
  const self = must(
    running.members.find(({name}) => name === config.name),
    'the initial cluster does not name this member',
  );
  const disk = yield* files.create(encodeMetadata(self.id, running.clusterId));
  const storage = new MemoryStorage();
  const node = new RawNode(raftConfig(env, config, self.id, storage));
  const cluster = makeCluster(env, config, {id: running.clusterId, localId: self.id, backend: opened.backend});
  cluster.setInitial(running.members);
  env.trace.mark('bootstrap: joined a running cluster');
  return {id: self.id, cluster, node, storage, disk, ...opened, confState: EMPTY_CONF_STATE, isRestarted: false};
}

/** etcd: bootstrapNewClusterNoWAL, bootstrapRaftFromCluster. */
function* startNewCluster(
  env: Env,
  config: ServerConfig,
  files: RaftFiles,
  reach: DiscoveryReach | undefined,
): Fiber<Bootstrapped> {
  const named = initialMembers(config);
  const self = must(
    named.find(({name}) => name === config.name),
    'the initial cluster does not name this member',
  );
  if (yield* isBootstrapped(env, named, self)) {
    throw new ServerEnded(`member ${formatId(self.id)} has already been bootstrapped`);
  }
  const members = config.discovery === undefined ? named : yield* discoveredMembers(env, config, self, reach);
  const clusterId = clusterIdOf(members.map(({id}) => id));
  const {backend, consistentIndex} = yield* openServerBackend(env, config);
  const disk = yield* files.create(encodeMetadata(self.id, clusterId));
  const storage = new MemoryStorage();
  const node = new RawNode(raftConfig(env, config, self.id, storage));
  node.bootstrap(members.map((member) => ({id: member.id, context: jsonBytes(encodeMember(member))})));
  const cluster = makeCluster(env, config, {id: clusterId, localId: self.id, backend});
  cluster.setInitial(members);
  return {
    id: self.id,
    cluster,
    node,
    storage,
    disk,
    backend,
    consistentIndex,
    confState: EMPTY_CONF_STATE,
    isRestarted: false,
  };
}

/** Asks the discovery service who else there is. */
function* discoveredMembers(
  env: Env,
  config: ServerConfig,
  {id}: Member,
  reach: DiscoveryReach | undefined,
): Fiber<Member[]> {
  const options = must(config.discovery, 'there is a discovery service');
  const service = must(reach, 'there is a way to a discovery service')(env, options);
  const self = must(config.initialCluster[0], 'the initial cluster names this member');
  const note = (text: string) => config.observer?.noted(text);
  const found = yield* discoverCluster({clock: env.clock, service, token: options.token, id, note}, self);
  env.trace.mark('bootstrap: found the cluster by discovery');
  return initialMembers(config, found);
}

/** What a server is told of its cluster before it knows anything; the v2 store is empty. */
function makeCluster(
  env: Env,
  config: ServerConfig,
  {id, localId, backend}: {readonly id: ClusterId; readonly localId: MemberId; readonly backend: Backend},
): Cluster {
  const behaviours = membershipBehaviours(config.release);
  const {release, observer} = config;
  return new Cluster({
    id,
    localId,
    release,
    behaviours,
    batch: backend.batch,
    v2Store: emptyV2Store(env, behaviours),
    learnersMax: learnersMax(config),
    admitsNextMinor: config.nextClusterVersionCompatible,
    note: (text) => observer?.noted(text),
  });
}

/** --max-learners is a flag of 3.6. */
function learnersMax({release, maxLearners}: ServerConfig): number {
  return startBehaviours(release).hasMaxLearners ? maxLearners : 1;
}

/** The v2 store before anything was applied; none where the release keeps none. */
function emptyV2Store(env: Env, behaviours: MembershipBehaviours): V2Store | undefined {
  const {keepsV2Store, v2UpdatesDirectories: updatesDirectories} = behaviours;
  return keepsV2Store ? newServerV2Store(() => BigInt(env.clock.wallUs()) * 1000n, {updatesDirectories}) : undefined;
}

/** The v2 store that a snapshot carries. Throws ServerEnded where the release takes none with keys of the v2 API. */
export function v2StoreOf(env: Env, config: ServerConfig, snapshot: Snapshot | undefined): V2Store | undefined {
  const behaviours = membershipBehaviours(config.release);
  const store = emptyV2Store(env, behaviours);
  const data = snapshot?.data;
  if (store === undefined || data === undefined || data.length === 0) return store;
  recoverV2Store(store, data);
  checkV2Content(config, store);
  return store;
}

/** Throws ServerEnded over content that the stage does not allow. etcd: AssertNoV2StoreContent. */
function checkV2Content({release, v2Deprecation}: ServerConfig, store: V2Store): void {
  if (v2Deprecation === 'not-yet' || v2Deprecation === 'write-only-skip-check') return;
  const {toleratesAuthPlaceholders} = startBehaviours(release);
  if (!hasForeignKeys(store, {toleratesAuthPlaceholders})) return;
  throw new ServerEnded(`detected disallowed custom content in v2store for stage --v2-deprecation=${v2Deprecation}`);
}

/** etcd: bootstrapWithWAL, recoverSnapshot, openWALFromSnapshot, bootstrapRaftFromWAL. */
function* restart(env: Env, config: ServerConfig, files: RaftFiles): Fiber<Bootstrapped> {
  const snapshot = yield* files.newestSnapshot();
  let opened = yield* openServerBackend(env, config);
  const snapshotIndex = snapshot?.metadata.index ?? 0;
  if (opened.consistentIndex.index < snapshotIndex) {
    // A snapshot was received and its raft part stored, but its database was not yet put in place.
    env.trace.mark('bootstrap: database taken from a received snapshot');
    yield* opened.backend.close();
    opened = yield* openServerBackend(env, config, snapshotDbPath(config, snapshotIndex));
  }
  checkDatabase(config, opened, snapshotIndex);
  const recovered = yield* files.open(snapshot);
  const {id, clusterId} = decodeMetadata(recovered.metadata);
  const storage = new MemoryStorage();
  if (snapshot !== undefined) storage.applySnapshot(snapshot);
  const {hardState, entries} = yield* logToBeginWith(config, id, snapshot, recovered, opened.consistentIndex.index);
  storage.setHardState(config.defects.forgetHardState === true ? forgotten(hardState) : hardState);
  storage.append(entries);
  const node = new RawNode(raftConfig(env, config, id, storage));
  const cluster = makeCluster(env, config, {id: clusterId, localId: id, backend: opened.backend});
  cluster.recover(opened.backend.batch, v2StoreOf(env, config, snapshot), 'at-start');
  checkLearnerCount(config, cluster.behaviours, cluster.members());
  const confState = takeConfiguration(node, cluster) ?? storage.snapshot().metadata.confState;
  env.trace.mark('bootstrap: restarted from disk');
  return {id, cluster, node, storage, disk: recovered.disk, ...opened, confState, isRestarted: true};
}

/** What the WAL holds, or what --force-new-cluster makes of it. */
function* logToBeginWith(
  config: ServerConfig,
  self: MemberId,
  snapshot: Snapshot | undefined,
  {hardState, entries, disk}: WalContent & {readonly disk: RaftDisk},
  consistentIndex: number,
): Fiber<{readonly hardState: HardState; readonly entries: readonly Entry[]}> {
  if (!config.forceNewCluster) return {hardState, entries};
  const confState = snapshot?.metadata.confState;
  const forced = forceNewCluster(forceBehaviours(config.release), {
    self,
    hardState,
    entries,
    confState,
    consistentIndex,
  });
  yield* disk.save(undefined, forced.added);
  config.observer?.noted(`forcing restart member ${formatId(self)} at commit index ${forced.hardState.commit}`);
  return forced;
}

/**
 * 3.7 does not go through old membership changes again: raft begins with the members that the backend has. Undefined in releases
 * that do. etcd: buildConfStateFromV3store.
 */
function takeConfiguration(node: RawNode, cluster: Cluster): ConfState | undefined {
  if (cluster.behaviours.validatesAgainst !== 'backend-only') return undefined;
  let confState: ConfState | undefined;
  for (const {id, isLearner} of cluster.members()) {
    confState = node.applyConfChange(makeConfChange(isLearner ? 'ConfChangeAddLearnerNode' : 'ConfChangeAddNode', id));
  }
  for (const id of [...node.config.voters, ...node.config.learners]) {
    if (cluster.member(id) === undefined) confState = node.applyConfChange(makeConfChange('ConfChangeRemoveNode', id));
  }
  return confState;
}

/** What makes a release refuse a database. Throws ServerEnded. etcd: recoverSnapshot, schema.Validate. */
function checkDatabase(config: ServerConfig, opened: OpenedBackend, snapshotIndex: number): void {
  const {index} = opened.consistentIndex;
  if (index !== 0 && index < snapshotIndex) {
    throw new ServerEnded(
      `database file (${databasePath(config)} index ${index}) does not match with snapshot (index ${snapshotIndex})`,
    );
  }
  const behaviours = schemaBehaviours(config.release);
  if (!behaviours.keepsStorageVersion) return;
  const {error, warning} = validateSchema(opened.backend.batch, behaviours, config.release);
  if (error !== undefined) throw new ServerEnded(error.message);
  if (warning !== undefined) config.observer?.noted(`Failed to detect storage schema version: ${warning.message}`);
}

/** The plant: term and vote as if never written; the commit index stays, or raft itself would refuse. */
function forgotten(state: HardState): HardState {
  return {term: 0, vote: NO_MEMBER, commit: state.commit};
}

function initialMembers(config: ServerConfig, named = config.initialCluster): Member[] {
  const token = config.discovery?.token ?? config.clusterToken;
  return named
    .map(({name, peerUrls}) => ({
      id: memberIdOf(peerUrls, token),
      peerUrls: [...peerUrls].sort().map(fromUtf8Text),
      isLearner: false,
      name: fromUtf8Text(name),
      clientUrls: [],
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** etcd: raftConfig. */
function raftConfig(env: Env, config: ServerConfig, id: MemberId, storage: MemoryStorage): Config {
  const {defects} = config;
  return {
    id,
    electionTicks: config.electionTicks,
    heartbeatTicks: 1,
    storage,
    maxSizePerMsg: SIZE_PER_MESSAGE_MAX,
    maxInflightMsgs: INFLIGHT_MESSAGES_MAX,
    checkQuorum: true,
    preVote: config.preVote,
    random: (countMax) => env.random.below(countMax),
    defects: {
      commitWithoutQuorum: defects.commitWithoutQuorum === true,
      voteTwice: defects.voteTwice === true,
    },
  };
}

/** etcdserverpb.Metadata: what a WAL says of itself. */
function encodeMetadata(id: MemberId, clusterId: ClusterId): Uint8Array {
  const writer = new WireWriter(24);
  writer.id(1, id);
  writer.id(2, clusterId);
  return writer.finish();
}

function decodeMetadata(bytes: Uint8Array): {readonly id: MemberId; readonly clusterId: ClusterId} {
  const reader = new WireReader(bytes);
  let id: Id64 = NO_MEMBER;
  let clusterId: Id64 = NO_MEMBER;
  while (reader.more()) {
    const tag = reader.tag();
    if (tag === wireTag(1, WIRE_VARINT)) id = reader.varintId();
    else if (tag === wireTag(2, WIRE_VARINT)) clusterId = reader.varintId();
    else reader.skip(tag);
  }
  return {id: id as MemberId, clusterId: clusterId as ClusterId};
}
