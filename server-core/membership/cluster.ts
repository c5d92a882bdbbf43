// server-core/membership/cluster.ts: who is in the cluster and which version it speaks, as this member has applied it.
// etcd: membership.RaftCluster. Three copies: the list in memory, the backend's buckets, and up to 3.6 the v2 store; which of
// them a start believes and which are changed by a replayed entry is the release's (behaviours.ts). `isNew` tells an entry that
// the backend does not hold yet: etcd's ShouldApplyV3. Whoever changes something holds the batch lock.
import {must} from '../../base/assert.ts';
import type {ClusterId, MemberId} from '../../base/ids.ts';
import {formatId} from '../../base/ids.ts';
import {Cell} from '../../env/sync.ts';
import type {BatchTx} from '../backend/types.ts';
import type {ConfChange} from '../raftpb/types.ts';
import {minorOf} from '../release/release.ts';
import type {V2Store} from '../v2store/store.ts';
import type {DowngradeInfo} from './backend-members.ts';
import {
  backendHasMember,
  deleteBackendMember,
  NO_DOWNGRADE,
  readBackendMembers,
  readBackendVersion,
  readDowngrade,
  saveBackendMember,
  saveBackendVersion,
  saveDowngrade,
} from './backend-members.ts';
import type {MembershipBehaviours} from './behaviours.ts';
import type {ClusterErrorCode} from './conf-change-check.ts';
import {confChangeError} from './conf-change-check.ts';
import {checkNotLower, compareVersions, mustVersion} from './lower-check.ts';
import type {Attributes, Member, RaftAttributes} from './member.ts';
import {ServerEnded} from './process-end.ts';
import type {MembersAndRemoved} from './v2-members.ts';
import {
  deleteV2Member,
  readV2ClusterVersion,
  readV2Members,
  saveV2Member,
  setV2Attributes,
  setV2ClusterVersion,
  updateV2RaftAttributes,
} from './v2-members.ts';

/** maxLearners, --max-learners from 3.6. */
const LEARNERS_MAX = 1;

export interface ClusterParts {
  readonly id: ClusterId;
  /** The release that the local server plays. */
  readonly release: string;
  readonly behaviours: MembershipBehaviours;
  readonly localId: MemberId;
  readonly batch: BatchTx;
  /** Undefined where the release keeps none. */
  readonly v2Store: V2Store | undefined;
  readonly learnersMax?: number;
  /** A cluster version one minor above this release is all right: --next-cluster-version-compatible. */
  readonly admitsNextMinor?: boolean;
  /** Something for the run's timeline. */
  readonly note?: (text: string) => void;
}

export class Cluster {
  readonly id: ClusterId;
  /** Counts applied cluster versions. */
  readonly versionEpoch = new Cell(0);
  private readonly parts: ClusterParts;
  private batch: BatchTx;
  private store: V2Store | undefined;
  private byId = new Map<MemberId, Member>();
  private removed = new Set<MemberId>();
  private clusterVersion: string | undefined;
  private job: DowngradeInfo = NO_DOWNGRADE;
  private changes = 0;

  constructor(parts: ClusterParts) {
    this.id = parts.id;
    this.parts = parts;
    this.batch = parts.batch;
    this.store = parts.v2Store;
  }

  /** The members that a new cluster begins with, or those of a running one that a new member was told of. Memory only. */
  setInitial(members: readonly Member[]): void {
    this.byId = new Map(members.map((member) => [member.id, member]));
    this.changes++;
  }

  /** Reads everything from where the release keeps it, at a restart or behind a received snapshot. Throws ServerEnded. */
  recover(batch: BatchTx, v2Store: V2Store | undefined, when: 'at-start' | 'behind-snapshot'): void {
    const {behaviours, release} = this.parts;
    this.batch = batch;
    this.store = v2Store;
    if (when === 'behind-snapshot') this.removeZombies();
    if (behaviours.syncsPromotion === when) this.syncPromotions();
    if (behaviours.recoversFrom === 'v2store' && v2Store !== undefined) {
      this.clusterVersion = readV2ClusterVersion(v2Store);
      this.take(readV2Members(v2Store));
    } else {
      this.clusterVersion = readBackendVersion(batch);
      this.take(readBackendMembers(batch));
    }
    if (behaviours.downgradeJob !== 'unknown') this.job = readDowngrade(batch) ?? NO_DOWNGRADE;
    checkNotLower(release, behaviours, this.clusterVersion, this.job, this.parts.admitsNextMinor);
  }

  private take({members, removed}: MembersAndRemoved): void {
    this.byId = new Map(members);
    this.removed = new Set(removed);
    this.changes++;
  }

  /** Undefined where the release keeps none. */
  get v2Store(): V2Store | undefined {
    return this.store;
  }

  get behaviours(): MembershipBehaviours {
    return this.parts.behaviours;
  }

  /** Changes whenever anything here did: for who keeps something made of it. */
  get changeCount(): number {
    return this.changes;
  }

  /** Sorted by id. */
  members(): Member[] {
    return [...this.byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Without learners; sorted by id. */
  votingMembers(): Member[] {
    return this.members().filter(({isLearner}) => !isLearner);
  }

  /** Sorted. */
  removedIds(): MemberId[] {
    return [...this.removed].sort();
  }

  member(id: MemberId): Member | undefined {
    return this.byId.get(id);
  }

  isRemoved(id: MemberId): boolean {
    return this.removed.has(id);
  }

  /** `3.5.0`; undefined until one was applied. */
  get version(): string | undefined {
    return this.clusterVersion;
  }

  /** Has the version gone below that one, on a release that then takes a snapshot? etcd 3.6: newClusterVersion lower, forceDiskSnapshot. */
  isLowered(before: string | undefined): boolean {
    const {version} = this;
    if (before === undefined || version === undefined || !this.parts.behaviours.snapshotsWhenLowered) return false;
    return compareVersions(version, before) < 0;
  }

  get downgrade(): DowngradeInfo {
    return this.job;
  }

  /** Why a conf change is refused now. Replayed entries of 3.7 are not looked at. */
  confChangeError(change: ConfChange, isNew: boolean): ClusterErrorCode | undefined {
    const {behaviours, learnersMax = LEARNERS_MAX} = this.parts;
    if (behaviours.validatesAgainst === 'backend-only' && !isNew) return undefined;
    const fromBackend = behaviours.validatesAgainst !== 'v2store' && isNew;
    const known =
      fromBackend || this.v2Store === undefined ? readBackendMembers(this.batch) : readV2Members(this.v2Store);
    return confChangeError(change, known, {behaviours, learnersMax});
  }

  private writesBackend(isNew: boolean): boolean {
    return isNew || this.parts.behaviours.replayWritesBackend;
  }

  private writesMemory(isNew: boolean): boolean {
    return isNew || this.parts.behaviours.memoryFollowsReplay;
  }

  /** Applied through a conf change. */
  addMember(member: Member, isNew = true): void {
    const {behaviours} = this.parts;
    const inV2 = this.v2Store !== undefined && saveV2Member(this.v2Store, member);
    let inBackend = false;
    if (this.writesBackend(isNew)) {
      inBackend = behaviours.toleratesOneStoreAhead && backendHasMember(this.batch, member.id);
      this.saveToBackend(member);
    }
    // 3.5 panics only where both stores have it; the others at the first.
    if (inV2 && (inBackend || !behaviours.toleratesOneStoreAhead)) {
      throw new ServerEnded('failed to save member to store', {'member-id': formatId(member.id)});
    }
    if (this.writesMemory(isNew)) this.byId.set(member.id, member);
    this.changes++;
  }

  /** Applied through a conf change; the id never comes back. */
  removeMember(id: MemberId, isNew = true): void {
    const {behaviours} = this.parts;
    const notInV2 = this.v2Store !== undefined && deleteV2Member(this.v2Store, id);
    let notInBackend = false;
    if (this.writesBackend(isNew)) {
      notInBackend = behaviours.toleratesOneStoreAhead && !backendHasMember(this.batch, id);
      deleteBackendMember(this.batch, id);
    }
    if (notInV2 && (notInBackend || !behaviours.toleratesOneStoreAhead)) {
      throw new ServerEnded('failed to delete member from store', {'member-id': formatId(id)});
    }
    if (this.writesMemory(isNew)) {
      this.byId.delete(id);
      this.removed.add(id);
    }
    this.changes++;
  }

  /** A learner becomes a voter. */
  promoteMember(id: MemberId, isNew = true): void {
    const member = this.byId.get(id);
    if (member === undefined) return;
    const voter = {...member, isLearner: false};
    if (this.v2Store !== undefined) updateV2RaftAttributes(this.v2Store, id, voter);
    // A replayed promotion that the backend of 3.5 has lost is made good by 3.6 (#19557).
    const heals = this.parts.behaviours.syncsPromotion === 'at-start' && member.isLearner;
    if (this.writesMemory(isNew) || heals) this.byId.set(id, voter);
    if (this.writesBackend(isNew) || heals) this.saveToBackend(voter);
    this.changes++;
  }

  /** New peer URLs, through a conf change. */
  updateRaftAttributes(id: MemberId, attributes: RaftAttributes, isNew = true): void {
    const member = this.byId.get(id);
    if (member === undefined) return;
    const isLearner = this.parts.behaviours.updateKeepsLearner ? member.isLearner : attributes.isLearner;
    const updated = {...member, peerUrls: attributes.peerUrls, isLearner};
    if (this.v2Store !== undefined) updateV2RaftAttributes(this.v2Store, id, updated);
    if (this.writesMemory(isNew)) this.byId.set(id, updated);
    if (this.writesBackend(isNew)) this.saveToBackend(updated);
    this.changes++;
  }

  /** A member has published itself. Removed ones are passed over; an unknown one is a panic. */
  updateAttributes(id: MemberId, {name, clientUrls}: Attributes, isNew = true): void {
    const member = this.byId.get(id);
    if (member === undefined) {
      if (this.removed.has(id)) return;
      throw new ServerEnded('failed to update; member unknown', {'unknown-remote-peer-id': formatId(id)});
    }
    const updated = {...member, name, clientUrls};
    this.byId.set(id, updated);
    if (this.v2Store !== undefined) setV2Attributes(this.v2Store, id, updated);
    if (this.writesBackend(isNew)) {
      this.saveToBackend(updated);
      if (isNew && id === this.parts.localId) this.removeZombies();
    }
    this.changes++;
  }

  /** updateAttributes() of a published member as its raft request names it. */
  setAttributes({memberId, ...attributes}: Attributes & {readonly memberId: MemberId}): void {
    this.updateAttributes(memberId, attributes);
  }

  private saveToBackend(member: Member): void {
    if (this.parts.behaviours.backendKeepsFirstRecord && backendHasMember(this.batch, member.id)) return;
    saveBackendMember(this.batch, member);
  }

  /** A cluster version was applied. Throws ServerEnded where this release is too old for it. */
  setVersion(version: string, isNew = true): void {
    const {behaviours, release, note} = this.parts;
    const before = this.clusterVersion;
    const text = mustVersion(version);
    if (note !== undefined) for (const line of versionLines(behaviours.logger, before, text)) note(line);
    this.clusterVersion = text;
    checkNotLower(release, behaviours, text, this.job, this.parts.admitsNextMinor);
    if (this.v2Store !== undefined) setV2ClusterVersion(this.v2Store, text);
    if (this.writesBackend(isNew)) saveBackendVersion(this.batch, text);
    this.changes++;
    this.versionEpoch.set(this.versionEpoch.value + 1);
  }

  /** A downgrade job began or ended. */
  setDowngrade(job: DowngradeInfo, isNew = true): void {
    if (isNew) saveDowngrade(this.batch, job);
    this.job = job;
  }

  /** Members that only the backend has are removed from it (#20967), where the release does that. */
  removeZombies(): void {
    if (!this.parts.behaviours.removesZombies || this.v2Store === undefined) return;
    const {members} = readV2Members(this.v2Store);
    for (const id of readBackendMembers(this.batch).members.keys()) {
      if (!members.has(id)) deleteBackendMember(this.batch, id);
    }
  }

  /** Learners of the backend that the v2 store knows as voters are put right in the backend (#19557). */
  private syncPromotions(): void {
    const {members} = readV2Members(must(this.v2Store, 'there is a v2 store to compare with'));
    for (const member of readBackendMembers(this.batch).members.values()) {
      if (member.isLearner && members.get(member.id)?.isLearner === false) {
        saveBackendMember(this.batch, {...member, isLearner: false});
      }
    }
  }
}

/** What a member logs when the cluster's version changes. etcd: RaftCluster.SetVersion, api.UpdateCapability. */
function versionLines(logger: MembershipBehaviours['logger'], before: string | undefined, after: string): string[] {
  if (logger === 'zap') {
    return [
      before === undefined
        ? `set initial cluster version ${after}`
        : `updated cluster version from ${before} to ${after}`,
    ];
  }
  const to = minorOf(after);
  const change =
    before === undefined
      ? `set the initial cluster version to ${to}`
      : `updated the cluster version from ${minorOf(before)} to ${to}`;
  return [change, `enabled capabilities for version ${to}`];
}
