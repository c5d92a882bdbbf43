// server-core/server/apply-loop.ts: committed entries and received snapshots onto the state machine, in order, beside the raft loop.
// etcd 3.6: server.go applyAll, applySnapshot, applyEntries, apply, applyEntryNormal, applyConfChange.
import {assert} from '../../base/assert.ts';
import type {Id64, MemberId} from '../../base/ids.ts';
import {NO_MEMBER} from '../../base/ids.ts';
import {WireError} from '../../base/wire.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber, Wait} from '../../env/fiber.ts';
import {Signal, sleepUs, until} from '../../env/fiber.ts';
import type {Cell, Channel} from '../../env/sync.ts';
import type {InternalRaftRequest} from '../etcdserverpb/raft-request.ts';
import {requestIdOf} from '../etcdserverpb/raft-request.ts';
import {revisionHeader} from '../etcdserverpb/types.ts';
import type {EntryRequest, V2Request} from '../etcdserverpb/v2-request.ts';
import {decodeEntryRequest} from '../etcdserverpb/v2-request.ts';
import type {Cluster} from '../membership/cluster.ts';
import type {ClusterRequest} from '../membership/cluster-requests.ts';
import {
  applyClusterRequest,
  applyV2Request,
  clusterRequestOf,
  clusterRequestOfV2,
} from '../membership/cluster-requests.ts';
import type {ClusterErrorCode} from '../membership/conf-change-check.ts';
import {contextOf} from '../membership/conf-change-check.ts';
import type {Member} from '../membership/member.ts';
import {addressOf, decodeConfChangeContext, decodeMember} from '../membership/member.ts';
import {parsePeerUrls} from '../membership/peer-urls.ts';
import {ServerEnded} from '../membership/process-end.ts';
import type {Transport} from '../rafthttp/transport.ts';
import {confChangeOfEntry, isConfChangeV2} from '../raftpb/conf-change.ts';
import type {ConfChange, Entry, Snapshot} from '../raftpb/types.ts';
import type {Applier} from './applier.ts';
import type {ToApply} from './apply-queue.ts';
import {openServerBackend, snapshotDbPath} from './backend-files.ts';
import {serverBehaviours} from './behaviours.ts';
import {v2StoreOf} from './bootstrap.ts';
import type {ServerConfig} from './config.ts';
import type {ConsistentIndex} from './consistent-index.ts';
import {ERR_NO_SPACE} from './errors.ts';
import type {RaftLoop} from './raft-loop.ts';
import type {ApplyProgress, Snapshots} from './snapshots.ts';
import type {Waiters} from './waiters.ts';

/** One batch in so many lets others run between two of its entries, as the Go scheduler may. */
const YIELD_ONE_IN = 16;

/** How long a member that was removed goes on. */
const STOP_DELAY_US = 1_000_000;

/** What a membership change came to; the waiter's id is the change's. etcd: confChangeResponse. */
export interface ConfChangeOutcome {
  readonly members: readonly Member[];
  readonly error: ClusterErrorCode | undefined;
  /** Where to see that raft was told of it. */
  readonly toApply: ToApply;
}

/** Requests that write users and roles. auth store: saveConsistentIndex. */
const AUTH_WRITES: ReadonlySet<string> = new Set([
  'auth-enable',
  'auth-disable',
  'auth-user-add',
  'auth-user-delete',
  'auth-user-change-password',
  'auth-user-grant-role',
  'auth-user-revoke-role',
  'auth-role-add',
  'auth-role-delete',
  'auth-role-grant-permission',
  'auth-role-revoke-permission',
]);

export interface ApplyLoopParts {
  readonly env: Env;
  readonly config: ServerConfig;
  readonly id: MemberId;
  readonly raft: RaftLoop;
  readonly queue: Channel<ToApply>;
  readonly applier: Applier;
  readonly cluster: Cluster;
  readonly transport: Transport;
  readonly snapshots: Snapshots;
  readonly waiters: Waiters;
  readonly consistentIndex: () => ConsistentIndex;
  readonly replaceConsistentIndex: (index: ConsistentIndex) => void;
  readonly progress: ApplyProgress;
  readonly appliedWait: Cell<number>;
  readonly firstCommitEpoch: Cell<number>;
  /** The empty entry with which a leader begins its term was applied: everything of earlier terms is. */
  readonly termBegan: () => void;
  /** Raises the NOSPACE alarm in this member's name; returns when it is applied. */
  readonly raiseNoSpace: () => Fiber<void>;
  /** An applied change has removed this member. */
  readonly removedSelf: () => void;
}

export class ApplyLoop {
  private readonly parts: ApplyLoopParts;
  private skipNext = false;
  private isStopping = false;
  private isBusy = false;
  private readonly forgetsConfChange: boolean;
  private readonly stopAsked = new Signal();

  constructor(parts: ApplyLoopParts) {
    this.parts = parts;
    this.forgetsConfChange = serverBehaviours(parts.config.release).nextConfChange === 'when-carried-out';
  }

  /** Something is being applied: what the parts hold now is of no one entry. For who looks in from outside. */
  get isApplying(): boolean {
    return this.isBusy;
  }

  /** The loop ends when nothing waits in its queue. etcd: the FIFO scheduler's Stop carries out what is pending. */
  stop(): void {
    this.isStopping = true;
    this.stopAsked.notify();
  }

  /** The loop. */
  *run(): Fiber<void> {
    const {queue, progress, appliedWait, snapshots, raft} = this.parts;
    const either: Wait = {
      park: (task) => {
        queue.receive.park(task);
        this.stopAsked.park(task);
      },
    };
    for (;;) {
      while (!this.isStopping && !queue.receive.ready()) yield either;
      if (!queue.receive.ready()) return;
      const toApply = queue.receive.take();
      if (toApply === undefined) continue;
      this.isBusy = true;
      if (toApply.snapshot !== undefined) yield* this.applySnapshot(toApply.snapshot, toApply);
      yield* this.applyEntries(toApply.entries, toApply);
      appliedWait.set(progress.appliedIndex);
      this.isBusy = false;
      toApply.mark('applied');
      // Raft's storage must hold what a snapshot is about to be made of.
      yield* until(toApply.happened('entriesSaved'));
      yield* snapshots.makeIfDue(progress);
      const message = raft.snapshotMessages.tryReceive();
      if (message !== undefined) yield* snapshots.send(message, progress);
    }
  }

  private *applyEntries(entries: readonly Entry[], toApply: ToApply): Fiber<void> {
    const {progress, env, raft, config, applier} = this.parts;
    const first = entries[0];
    if (first === undefined) return;
    assert(first.index <= progress.appliedIndex + 1, 'unexpected committed entry index', {
      first: first.index,
      applied: progress.appliedIndex,
    });
    for (const entry of entries) {
      if (entry.index <= progress.appliedIndex) continue;
      if (env.failpoints.armed) {
        yield* env.failpoints.hit(
          entry.type === 'EntryNormal' ? 'beforeApplyOneEntryNormal' : 'beforeApplyOneConfChange',
        );
      }
      yield* this.applyOne(entry, toApply);
      progress.appliedIndex = entry.index;
      progress.appliedTerm = entry.term;
      raft.applied(entry.index);
      // After a restart the store may be ahead of the entries that are gone through again.
      if (entry.index >= this.parts.consistentIndex().index) {
        config.observer?.applied(entry, () => applier.store.stateDigest(), applier.store.currentRevision);
      }
      if (entries.length > 1 && env.choose(YIELD_ONE_IN) === 0) yield* sleepUs(env.clock, 1);
    }
  }

  private *applyOne(entry: Entry, toApply: ToApply): Fiber<void> {
    const consistentIndex = this.parts.consistentIndex();
    // The backend may be ahead of the log after a restart: what it holds is not applied to it again.
    const isNew = entry.index > consistentIndex.index;
    if (entry.type !== 'EntryNormal') {
      yield* this.applyConfChange(entry, isNew, toApply);
      return;
    }
    if (entry.data === undefined || entry.data.length === 0) {
      const {firstCommitEpoch, termBegan} = this.parts;
      firstCommitEpoch.set(firstCommitEpoch.value + 1);
      termBegan();
      if (isNew) consistentIndex.advance(entry.index, entry.term);
      return;
    }
    const request = this.decode(entry.data);
    if (request.kind === 'v2') yield* this.applyV2(request.request, entry, isNew);
    else yield* this.applyV3(request.request, entry, isNew);
  }

  private decode(data: Uint8Array): EntryRequest {
    const {behaviours} = this.parts.cluster;
    try {
      return decodeEntryRequest(data, {takesV2: behaviours.v2Entries !== 'unreadable'});
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      throw new ServerEnded(`unmarshal should never fail (${error.message})`);
    }
  }

  private *applyV2(request: V2Request, entry: Entry, isNew: boolean): Fiber<void> {
    const {cluster, waiters} = this.parts;
    const asked = clusterRequestOfV2(request);
    if (asked !== undefined) yield* this.applyToCluster(asked, entry, isNew);
    else {
      applyV2Request(cluster.v2Store, cluster.behaviours, request);
      if (isNew) this.parts.consistentIndex().advance(entry.index, entry.term);
    }
    waiters.trigger(request.id, {kind: 'ok', response: {}});
  }

  private *applyV3(request: InternalRaftRequest, entry: Entry, isNew: boolean): Fiber<void> {
    const {config, env, cluster, waiters, applier} = this.parts;
    const asked = clusterRequestOf(request.body);
    if (asked !== undefined) {
      const known = cluster.behaviours.raftClusterRequests;
      // A field that a release does not know leaves a request without a body.
      if (known === 'unknown') throw new ServerEnded('not implemented');
      yield* this.applyToCluster(asked, entry, isNew);
      const response = {header: revisionHeader(applier.store.currentRevision)};
      if (isNew && known === 'answered') waiters.trigger(requestIdOf(request), {kind: 'ok', response});
      return;
    }
    if (!isNew) return;
    if (this.skipNext) {
      this.skipNext = false;
      env.trace.mark('plant: entry behind a snapshot skipped');
      this.parts.consistentIndex().advance(entry.index, entry.term);
      return;
    }
    yield* this.applyRequest(request, entry);
    const oneIn = config.defects.applyTwiceOneIn;
    if (oneIn !== undefined && entry.index % oneIn === 0 && env.choose(2) === 0) {
      env.trace.mark('plant: entry applied twice');
      yield* this.applyRequest(request, entry);
    }
  }

  private *applyToCluster(request: ClusterRequest, entry: Entry, isNew: boolean): Fiber<void> {
    const {cluster, applier, snapshots} = this.parts;
    const {backend} = applier;
    const before = cluster.version;
    if (isNew) yield* this.announce(entry);
    yield* backend.lockInsideApply();
    applyClusterRequest(cluster, request, isNew);
    if (isNew) this.parts.consistentIndex().advance(entry.index, entry.term);
    yield* backend.unlock();
    if (request.kind === 'version' && cluster.isLowered(before)) snapshots.force();
  }

  private *applyRequest(request: InternalRaftRequest, entry: Entry): Fiber<void> {
    const {applier, waiters} = this.parts;
    const {backend, store} = applier;
    yield* this.announce(entry);
    const batch = yield* backend.lockInsideApply();
    const before = store.currentRevision;
    const answer = applier.apply(request, waiters.isRegistered(requestIdOf(request)));
    const consistentIndex = this.parts.consistentIndex();
    consistentIndex.advance(entry.index, entry.term);
    if (store.currentRevision !== before || (answer?.kind === 'ok' && AUTH_WRITES.has(request.body.kind))) {
      consistentIndex.afterWrite(batch);
    }
    yield* backend.unlock();
    if (answer === undefined) return;
    if (answer === ERR_NO_SPACE && !applier.alarms.has('nospace')) {
      // The first to find the quota used up tells everybody, and answers when they know.
      this.parts.env.spawn('raise-nospace', this.answerNoSpace(requestIdOf(request)));
    } else waiters.trigger(requestIdOf(request), answer);
  }

  /** Where the release tells of an entry before it has the lock, others may run in between. */
  private *announce({index, term}: Entry): Fiber<void> {
    const {env} = this.parts;
    if (!this.parts.consistentIndex().announce(index, term)) return;
    if (env.choose(YIELD_ONE_IN) === 0) yield* sleepUs(env.clock, 1);
  }

  private *answerNoSpace(id: Id64): Fiber<void> {
    yield* this.parts.raiseNoSpace();
    this.parts.waiters.trigger(id, ERR_NO_SPACE);
  }

  private *applyConfChange(entry: Entry, isNew: boolean, toApply: ToApply): Fiber<void> {
    const {raft, cluster, waiters, progress, applier} = this.parts;
    const change = confChangeOfEntry(entry);
    assert(change !== undefined && !isConfChangeV2(change), 'etcd proposes single membership changes only', {
      index: entry.index,
    });
    const error = cluster.confChangeError(change, isNew);
    const consistentIndex = this.parts.consistentIndex();
    if (error !== undefined) {
      // Raft is told of a change that changes nothing, or it would wait for this one.
      raft.node.applyConfChange({...change, nodeId: NO_MEMBER});
      if (isNew) consistentIndex.advance(entry.index, entry.term);
    } else {
      // 3.7 begins with the configuration as the backend has it, so a replayed change is in it already.
      if (isNew || cluster.behaviours.validatesAgainst !== 'backend-only') {
        progress.confState = raft.node.applyConfChange(change);
      }
      raft.stepped();
      const {backend} = applier;
      if (isNew) yield* this.announce(entry);
      yield* backend.lockInsideApply();
      this.changeMembership(change, isNew);
      consistentIndex.confState = progress.confState;
      if (isNew) {
        consistentIndex.advance(entry.index, entry.term);
        cluster.removeZombies();
      }
      yield* backend.unlock();
    }
    if (this.forgetsConfChange) raft.node.forgetPendingConfChange();
    const outcome: ConfChangeOutcome = {members: cluster.members(), error, toApply};
    waiters.trigger(change.id, outcome);
  }

  /** etcd: applyConfChange behind the validation. */
  private changeMembership(change: ConfChange, isNew: boolean): void {
    const {cluster, transport, id} = this.parts;
    switch (change.type) {
      case 'ConfChangeAddNode':
      case 'ConfChangeAddLearnerNode': {
        const {member, isPromote} = decodeConfChangeContext(contextOf(change));
        assert(member.id === change.nodeId, 'got different member ID', {entry: change.nodeId, message: member.id});
        if (isPromote) cluster.promoteMember(member.id, isNew);
        else {
          cluster.addMember(member, isNew);
          if (member.id !== id) transport.addPeer(member.id, addressOf(member.peerUrls[0] ?? ''));
        }
        break;
      }
      case 'ConfChangeRemoveNode':
        cluster.removeMember(change.nodeId, isNew);
        if (change.nodeId === id) this.parts.env.spawn('stop', this.stopLater());
        else transport.removePeer(change.nodeId);
        break;
      case 'ConfChangeUpdateNode': {
        const member = decodeMember(contextOf(change));
        cluster.updateRaftAttributes(member.id, member, isNew);
        if (member.id === id) break;
        // MemberUpdate lets any URLs through; the transport of every other member ends its process over bad ones.
        if (parsePeerUrls(member.peerUrls) === undefined) throw new ServerEnded('failed NewURLs');
        transport.updatePeer(member.id, addressOf(member.peerUrls[0] ?? ''));
      }
    }
  }

  /** A removed member goes on for a second, so that others hear of its removal. etcd: stopWithDelay. */
  private *stopLater(): Fiber<void> {
    yield* sleepUs(this.parts.env.clock, STOP_DELAY_US);
    this.parts.removedSelf();
  }

  /** Takes the place of everything this member had. etcd: applySnapshot. */
  private *applySnapshot(snapshot: Snapshot, toApply: ToApply): Fiber<void> {
    const {env, config, applier, cluster, transport, progress, id, raft} = this.parts;
    const {index, term, confState} = snapshot.metadata;
    assert(index > progress.appliedIndex, 'unexpected leader snapshot from outdated index', {index});
    yield* until(toApply.happened('snapshotSaved'));
    if (env.failpoints.armed) yield* env.failpoints.hit('applyBeforeOpenSnapshot');
    const old = applier.backend;
    const {backend, consistentIndex} = yield* openServerBackend(env, config, snapshotDbPath(config, index));
    if (env.failpoints.armed) yield* env.failpoints.hit('applyAfterOpenSnapshot');
    // A sender that was just restarted may be ahead with its database; what it holds is not applied to it again.
    if (consistentIndex.index > index) env.trace.mark('snapshot: database ahead of its index');
    assert(consistentIndex.index >= index, 'the database is older than its snapshot', {
      index,
      database: consistentIndex.index,
    });
    this.parts.replaceConsistentIndex(consistentIndex);
    applier.replace(backend);
    env.spawn('close-old-backend', old.close());
    cluster.recover(backend.batch, v2StoreOf(env, config, snapshot), 'behind-snapshot');
    transport.removeAllPeers();
    for (const member of cluster.members()) {
      if (member.id !== id) transport.addPeer(member.id, addressOf(member.peerUrls[0] ?? ''));
    }
    progress.appliedTerm = term;
    progress.appliedIndex = index;
    progress.diskSnapshotIndex = index;
    progress.memorySnapshotIndex = index;
    progress.confState = confState;
    raft.applied(index);
    env.trace.mark('snapshot: installed');
    this.skipNext = config.defects.skipEntryAfterSnapshot === true;
    if (consistentIndex.index === index) {
      config.observer?.installed(index, () => applier.store.stateDigest(), applier.store.currentRevision);
    }
    config.observer?.noted(`installed a snapshot at index ${index}`);
  }
}
