// scenarios/cluster-recording.ts: what becomes of the cluster's members during a run, written down for checkers/cluster: events as they
// happen, and from time to time what each running member holds. Taken from inside; nothing in the world changes by it.
// Left out: the backend's list of members where the release is known never to write a member's record again (issue 19557, 3.5.1 to
// 3.5.19). It is wrong there from the first name on and nobody reads it, until a newer release does: from then on it is compared.
// Left out too, for the rest of a run: what a snapshot restored by a tool of 3.4 or older leaves of the old cluster in the backend. Its
// `restore` means to delete them there, but deletes keys of users by those names instead (clientv3/snapshot: saveDB).
import type {MemberId} from '../base/ids.ts';
import type {ClusterEvent, ClusterLog, MemberList, MemberSnapshot, StorageSnapshot} from '../history/cluster-log.ts';
import type {TimelineEvent} from '../history/timeline.ts';
import {restoreBehaviours} from '../server-core/datadir/behaviours.ts';
import {isAffected} from '../server-core/errata/registry.ts';
import {readBackendMembers} from '../server-core/membership/backend-members.ts';
import type {Cluster} from '../server-core/membership/cluster.ts';
import type {Member as ListedMember} from '../server-core/membership/member.ts';
import {addressOf} from '../server-core/membership/member.ts';
import type {MembersAndRemoved} from '../server-core/membership/v2-members.ts';
import {peekV2Members} from '../server-core/membership/v2-members.ts';
import type {EtcdServer} from '../server-core/server/server.ts';

/** A member as far as it is looked at. */
export interface RecordedMember {
  readonly name: string;
  /** Of the process that runs. */
  readonly release: string;
  readonly server: EtcdServer | undefined;
}

/** What is known of the cluster since its log began. */
interface Era {
  /** The newest entry that anybody has applied. */
  appliedMax: number;
  appliedCount: number;
  readonly listed: Map<MemberId, string>;
  version: string | undefined;
  job: string;
  /** By member: what it had applied when it was seen last. */
  readonly appliedBy: Map<string, number>;
}

const newEra = (): Era => ({
  appliedMax: 0,
  appliedCount: 0,
  listed: new Map(),
  version: undefined,
  job: '',
  appliedBy: new Map(),
});

export class ClusterRecording {
  private readonly events: ClusterEvent[] = [];
  private readonly snapshots: MemberSnapshot[] = [];
  private readonly nowUs: () => number;
  private era = newEra();
  private eraCount = 0;
  private isCancelAsked = false;
  private hasLeftOvers = false;
  /** By incarnation: at which change its list was read last. */
  private readonly readAt = new WeakMap<Cluster, number>();

  constructor(nowUs: () => number) {
    this.nowUs = nowUs;
  }

  /** Something came onto the timeline. */
  timeline(event: TimelineEvent): void {
    const {atUs} = event;
    if (event.kind === 'start') this.events.push({kind: 'up', atUs, member: event.member, release: event.release});
    if (event.kind === 'role' && event.role === 'leader')
      this.events.push({kind: 'leader', atUs, member: event.member});
  }

  /** A process is gone. `isExplained`: a fault or the plan is why, and not what the cluster has committed. */
  ended(
    member: string,
    how: 'stop' | 'kill' | 'power-off' | 'panic',
    message: string | undefined,
    isExplained: boolean,
  ): void {
    const end = how === 'panic' && isExplained ? 'kill' : how;
    this.events.push({
      kind: 'down',
      atUs: this.nowUs(),
      member,
      how: end,
      ...(message === undefined ? {} : {message}),
    });
  }

  /** A member has applied an entry. Whoever is first tells what the entry has made of the cluster. */
  applied(member: string, index: number, cluster: Cluster | undefined): void {
    const {era} = this;
    era.appliedBy.set(member, Math.max(index, era.appliedBy.get(member) ?? 0));
    if (cluster === undefined || index <= era.appliedMax) return;
    era.appliedMax = index;
    const atUs = this.nowUs();
    // A log that goes on from another brings its version along: it was not decided by the members that are there now.
    const isInherited = era.appliedCount++ === 0 && this.eraCount > 0;
    if (isInherited) this.noteVersion(cluster, atUs);
    if (this.readAt.get(cluster) !== cluster.changeCount) {
      this.readAt.set(cluster, cluster.changeCount);
      this.noteMembers(cluster, atUs);
    }
    this.noteVersion(cluster, atUs);
    const {enabled, targetVersion} = cluster.downgrade;
    const job = enabled ? targetVersion : '';
    if (job === era.job) return;
    const target = enabled ? targetVersion : era.job;
    era.job = job;
    const by = enabled || this.isCancelAsked ? 'request' : 'leader';
    if (!enabled) this.isCancelAsked = false;
    this.events.push({kind: 'downgrade', atUs, enabled, target, by});
  }

  private noteVersion({version}: Cluster, atUs: number): void {
    if (version === undefined || version === this.era.version) return;
    this.era.version = version;
    this.events.push({kind: 'cluster-version', atUs, version});
  }

  private noteMembers(cluster: Cluster, atUs: number): void {
    const {listed} = this.era;
    const members = cluster.members();
    for (const {id, peerUrls} of members) {
      if (listed.has(id)) continue;
      const member = nameOf(peerUrls);
      listed.set(id, member);
      this.events.push({kind: 'added', atUs, member});
    }
    if (listed.size === members.length) return;
    for (const [id, member] of listed) {
      if (cluster.member(id) !== undefined) continue;
      listed.delete(id);
      this.events.push({kind: 'removed', atUs, member});
    }
  }

  /** Somebody is about to ask for the end of the downgrade job. */
  cancelAsked(): void {
    this.isCancelAsked = true;
  }

  /** A new log begins, by force or with a snapshot that the tool of `restoredBy` restored. */
  recovered(restoredBy: string | undefined): void {
    if (restoredBy !== undefined && restoreBehaviours(restoredBy).membershipBuckets !== 'replaced')
      this.hasLeftOvers = true;
    this.era = newEra();
    this.eraCount++;
    this.events.push({kind: 'recovered', atUs: this.nowUs()});
  }

  /** Takes a snapshot of each member that runs and is not in the middle of an entry. */
  look(members: readonly RecordedMember[]): void {
    for (const {name, release, server} of members) {
      if (server === undefined || server.applyLoop.isApplying) continue;
      this.snapshots.push({
        atUs: this.nowUs(),
        member: name,
        epoch: this.eraCount,
        isCaughtUp: server.appliedIndex >= (this.era.appliedBy.get(name) ?? 0),
        ...snapshotOf(server, release, this.hasLeftOvers),
      });
    }
  }

  /** Everything so far. `calmFromUs`: since when there was neither fault nor step. */
  log(endUs: number, calmFromUs: number | undefined, undocumented: string | undefined): ClusterLog {
    return {
      events: this.events,
      snapshots: this.snapshots,
      endUs,
      ...(calmFromUs === undefined ? {} : {calmFromUs}),
      ...(undocumented === undefined ? {} : {undocumented}),
    };
  }
}

function snapshotOf(
  server: EtcdServer,
  release: string,
  hasLeftOvers: boolean,
): Omit<MemberSnapshot, 'atUs' | 'member' | 'epoch' | 'isCaughtUp'> {
  const {cluster, applier, raft} = server;
  const {batch} = applier.backend;
  const hashed = applier.store.hashKv(0);
  const {config} = raft.node;
  const {enabled, targetVersion} = cluster.downgrade;
  const readsBackend = !hasLeftOvers && !isAffected('19557', release);
  const v2Members = cluster.v2Store && listOf(peekV2Members(cluster.v2Store));
  return {
    release,
    appliedIndex: server.appliedIndex,
    ...('hash' in hashed
      ? {
          hash: {
            revision: applier.store.currentRevision,
            compactRevision: hashed.compactRevision,
            hash: hashed.hash,
          },
        }
      : {}),
    storage: storageOf(server),
    clusterVersion: cluster.version ?? null,
    ...(cluster.behaviours.downgradeJob === 'unknown' ? {} : {downgrade: {enabled, target: targetVersion}}),
    ...(v2Members === undefined ? {} : {v2Members: hasLeftOvers ? {...v2Members, removed: []} : v2Members}),
    ...(readsBackend ? {backendMembers: listOf(readBackendMembers(batch))} : {}),
    raft: {voters: [...config.voters], learners: [...config.learners]},
  };
}

function storageOf({applier}: EtcdServer): StorageSnapshot {
  const {backend} = applier;
  const {batch} = backend;
  const keysOf = (bucket: 'meta' | 'cluster'): string[] => {
    const keys: string[] = [];
    batch.forEach(bucket, (key) => keys.push(key));
    return keys;
  };
  const version = batch.get('meta', 'storageVersion');
  const term = batch.get('meta', 'term');
  return {
    buckets: [...backend.bucketNames()],
    metaKeys: keysOf('meta'),
    clusterKeys: keysOf('cluster'),
    // Eight bytes; terms of a simulated life fit into the last four.
    term: term === undefined ? 0 : new DataView(term.buffer, term.byteOffset).getUint32(4),
    ...(version === undefined ? {} : {storageVersion: String.fromCharCode(...version)}),
  };
}

const listOf = ({members, removed}: MembersAndRemoved): MemberList => ({
  members: [...members.values()].map(({id, name, peerUrls, clientUrls, isLearner}: ListedMember) => ({
    id,
    name,
    peerUrls,
    clientUrls,
    isLearner,
  })),
  removed: [...removed],
});

/** Members are added by URL, before they have a name; a URL's host is the machine, which is called like the member. */
const nameOf = (peerUrls: readonly string[]): string => addressOf(peerUrls[0] ?? '').split(':')[0] ?? '';
