// server-core/server/version-monitor.ts: the leader finds the version that the cluster can speak, and ends a downgrade job that is done;
// every member of 3.6 brings its store to the cluster's version. etcd: monitorVersions, monitorDowngrade, monitorStorageVersion.
// The loops run on every member and do nothing where there is nothing to do.
import type {MemberId} from '../../base/ids.ts';
import {formatId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select, sleepUs} from '../../env/fiber.ts';
import type {Cell} from '../../env/sync.ts';
import {NO_DOWNGRADE} from '../membership/backend-members.ts';
import type {Cluster} from '../membership/cluster.ts';
import {clusterVersionOf} from '../membership/lower-check.ts';
import type {Member} from '../membership/member.ts';
import {addressOf} from '../membership/member.ts';
import {askPeer} from '../rafthttp/peer-http.ts';
import {compareReleases, parseRelease, releaseOf} from '../release/release.ts';
import type {SchemaBehaviours} from '../schema/behaviours.ts';
import {detectStorageVersion, isSchemaError, migrateSchema} from '../schema/storage-version.ts';
import type {VersionBehaviours} from '../version/behaviours.ts';
import {parseVersionBody} from '../version/bodies.ts';
import type {MemberVersions} from '../version/decide.ts';
import {
  decideClusterVersion,
  isJobDone,
  MIN_CLUSTER_VERSION,
  minimalServerVersion,
  NOT_DECIDED,
} from '../version/decide.ts';
import type {Applier} from './applier.ts';
import type {ClusterProposals} from './cluster-proposals.ts';
import type {ServerConfig} from './config.ts';
import {requestTimeoutUs} from './config.ts';

/** monitorVersionInterval: rafthttp's write timeout less a second. */
const INTERVAL_US = 4_000_000;

export interface VersionMonitorParts {
  readonly env: Env;
  readonly config: ServerConfig;
  readonly id: MemberId;
  readonly behaviours: VersionBehaviours;
  readonly schema: SchemaBehaviours;
  readonly cluster: Cluster;
  readonly applier: Applier;
  readonly proposals: ClusterProposals;
  readonly isLeader: () => boolean;
  /** Counts the first entries of terms as they are applied: a new leader looks at once. */
  readonly firstCommitEpoch: Cell<number>;
  /** The lowest release that could read what the log holds behind its last snapshot. */
  readonly walVersion: () => string;
}

/** Asks a member for its versions; the first URL that answers wins. */
export function* askVersions(env: Env, member: Member, timeoutUs: number): Fiber<MemberVersions | undefined> {
  for (const url of member.peerUrls) {
    const reply = yield* askPeer(env, addressOf(url), {path: '/version'}, timeoutUs);
    // A member that serves no such path is older than 3.5 wants to know of.
    const versions = reply?.status === 200 ? parseVersionBody(reply.body) : undefined;
    if (versions !== undefined) return versions;
  }
  return undefined;
}

export class VersionMonitor {
  private readonly parts: VersionMonitorParts;

  constructor(parts: VersionMonitorParts) {
    this.parts = parts;
  }

  /** Starts the loops that the release has. */
  start(): void {
    const {env, behaviours, config} = this.parts;
    env.spawn('cluster-version', this.runClusterMonitor());
    if (behaviours.endsJobBy !== 'never' && config.downgradeCheckMs > 0) env.spawn('downgrade', this.runJobMonitor());
    if (behaviours.followsWithStorage) env.spawn('storage-version', this.runStorageMonitor());
  }

  /** The store's version; undefined when it cannot be told, or where a release does not ask. */
  storageVersion(): string | undefined {
    const {applier, schema} = this.parts;
    if (!schema.keepsStorageVersion) return undefined;
    const found = detectStorageVersion(applier.backend.batch, schema);
    return isSchemaError(found) ? undefined : found;
  }

  private *runClusterMonitor(): Fiber<never> {
    const {env, firstCommitEpoch} = this.parts;
    for (;;) {
      const seen = firstCommitEpoch.value;
      yield* select(env, {
        firstCommit: firstCommitEpoch.satisfies((epoch) => epoch !== seen),
        interval: after(env.clock, INTERVAL_US),
      });
      if (this.parts.isLeader()) yield* this.updateClusterVersion();
    }
  }

  private *updateClusterVersion(): Fiber<void> {
    const {env, config, cluster, behaviours, proposals} = this.parts;
    const versions = yield* this.membersVersions();
    this.noteHigherVersions(versions);
    const minimal = minimalServerVersion(versions);
    const decision = decideClusterVersion(behaviours, {current: cluster.version, minimal, job: cluster.downgrade});
    if (decision.kind === 'error') config.observer?.noted(`failed to monitor cluster version: ${decision.message}`);
    if (decision.kind !== 'propose') return;
    env.trace.mark('version: proposed');
    env.spawn('set-cluster-version', ended(proposals.propose({kind: 'version', version: decision.version})));
  }

  /** A leader that is older than others says so at every look. etcd: decideClusterVersion, up to 3.4. */
  private noteHigherVersions(versions: readonly (MemberVersions | undefined)[]): void {
    const {config, cluster} = this.parts;
    const {observer, release} = config;
    if (observer === undefined || cluster.behaviours.logger !== 'capnslog') return;
    for (const [index, {id}] of cluster.members().entries()) {
      const server = versions[index]?.server;
      const numbers = server === undefined ? undefined : parseRelease(server);
      if (numbers === undefined || compareReleases(numbers, releaseOf(release)) <= 0) continue;
      observer.noted(`the local etcd version ${release} is not up-to-date`);
      observer.noted(`member ${formatId(id)} has a higher version ${server}`);
    }
  }

  /** One after the other, learners too; this member knows its own. */
  private *membersVersions(): Fiber<(MemberVersions | undefined)[]> {
    const {env, config, cluster, id} = this.parts;
    const found: (MemberVersions | undefined)[] = [];
    for (const member of cluster.members()) {
      if (member.id === id) found.push({server: config.release, cluster: cluster.version ?? NOT_DECIDED});
      else found.push(yield* askVersions(env, member, requestTimeoutUs(config)));
    }
    return found;
  }

  private *runJobMonitor(): Fiber<never> {
    const {env, config, cluster, behaviours, proposals, isLeader} = this.parts;
    for (;;) {
      yield* sleepUs(env.clock, config.downgradeCheckMs * 1000);
      const {enabled, targetVersion} = cluster.downgrade;
      if (!isLeader() || !enabled) continue;
      if (!isJobDone(behaviours, targetVersion, yield* this.membersVersions())) continue;
      env.trace.mark('version: downgrade job is done');
      config.observer?.noted('the cluster has been downgraded');
      yield* proposals.propose({kind: 'downgrade', job: NO_DOWNGRADE});
    }
  }

  private *runStorageMonitor(): Fiber<never> {
    const {env, cluster} = this.parts;
    let seen = cluster.versionEpoch.value;
    for (;;) {
      yield* select(env, {
        changed: cluster.versionEpoch.satisfies((epoch) => epoch !== seen),
        interval: after(env.clock, INTERVAL_US),
      });
      seen = cluster.versionEpoch.value;
      yield* this.updateStorageVersion();
    }
  }

  private *updateStorageVersion(): Fiber<void> {
    const {env, config, cluster, schema, applier, walVersion} = this.parts;
    const target = cluster.version;
    if (target === undefined || target === MIN_CLUSTER_VERSION) return;
    const current = this.storageVersion();
    if (current !== undefined && clusterVersionOf(current) === clusterVersionOf(target)) return;
    const {backend} = applier;
    const batch = yield* backend.lockOutsideApply();
    const options = {target: clusterVersionOf(target), release: config.release, walVersion: walVersion()};
    const refused = migrateSchema(batch, schema, options);
    yield* backend.unlock();
    if (refused !== undefined) {
      env.trace.mark('version: storage version not updated');
      config.observer?.noted(`failed to update storage version: ${refused.message}`);
    } else if (cluster.downgrade.enabled) config.observer?.noted('The server is ready to downgrade');
  }
}

/** Runs it for what it does; the next look at the members sees whether it has helped. */
function* ended(fiber: Fiber<unknown>): Fiber<void> {
  yield* fiber;
}
