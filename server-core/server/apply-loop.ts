// server-core/server/apply-loop.ts: committed entries and received snapshots onto the state machine, in order, beside the raft loop.
// etcd 3.6: server.go applyAll, applySnapshot, applyEntries, apply, applyEntryNormal, applyConfChange.
import {assert} from '../../base/assert.ts';
import {fromBytes} from '../../base/byte-string.ts';
import type {MemberId} from '../../base/ids.ts';
import {NO_MEMBER} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs, until} from '../../env/fiber.ts';
import type {Cell, Channel} from '../../env/sync.ts';
import type {InternalRaftRequest} from '../etcdserverpb/raft-request.ts';
import {decodeInternalRaftRequest, requestIdOf} from '../etcdserverpb/raft-request.ts';
import type {Cluster} from '../membership/cluster.ts';
import {addressOf, decodeMember} from '../membership/member.ts';
import type {Transport} from '../rafthttp/transport.ts';
import {confChangeOfEntry, isConfChangeV2} from '../raftpb/conf-change.ts';
import type {Entry, Snapshot} from '../raftpb/types.ts';
import type {Applier} from './applier.ts';
import type {ToApply} from './apply-queue.ts';
import {openServerBackend, snapshotDbPath} from './backend-files.ts';
import type {ServerConfig} from './config.ts';
import type {ConsistentIndex} from './consistent-index.ts';
import type {RaftLoop} from './raft-loop.ts';
import type {ApplyProgress, Snapshots} from './snapshots.ts';
import type {Waiters} from './waiters.ts';

/** One batch in so many lets others run between two of its entries, as the Go scheduler may. */
const YIELD_ONE_IN = 16;

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
}

export class ApplyLoop {
  private readonly parts: ApplyLoopParts;
  private skipNext = false;

  constructor(parts: ApplyLoopParts) {
    this.parts = parts;
  }

  /** The loop. */
  *run(): Fiber<never> {
    const {queue, progress, appliedWait, snapshots, raft} = this.parts;
    for (;;) {
      while (!queue.receive.ready()) yield queue.receive;
      const toApply = queue.receive.take();
      if (toApply === undefined) continue;
      if (toApply.snapshot !== undefined) yield* this.applySnapshot(toApply.snapshot, toApply);
      yield* this.applyEntries(toApply.entries);
      appliedWait.set(progress.appliedIndex);
      toApply.mark('applied');
      // Raft's storage must hold what a snapshot is about to be made of.
      yield* until(toApply.happened('entriesSaved'));
      yield* snapshots.makeIfDue(progress);
      const message = raft.snapshotMessages.tryReceive();
      if (message !== undefined) yield* snapshots.send(message, progress);
    }
  }

  private *applyEntries(entries: readonly Entry[]): Fiber<void> {
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
      yield* this.applyOne(entry);
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

  private *applyOne(entry: Entry): Fiber<void> {
    const {config, env} = this.parts;
    const consistentIndex = this.parts.consistentIndex();
    // The backend may be ahead of the log after a restart: what it holds is not applied to it again.
    const isNew = entry.index > consistentIndex.index;
    if (entry.type !== 'EntryNormal') {
      yield* this.applyConfChange(entry, isNew);
      return;
    }
    if (entry.data === undefined || entry.data.length === 0) {
      const {firstCommitEpoch} = this.parts;
      firstCommitEpoch.set(firstCommitEpoch.value + 1);
      if (isNew) consistentIndex.advance(entry.index, entry.term);
      return;
    }
    if (!isNew) return;
    const request = decodeInternalRaftRequest(entry.data);
    if (this.skipNext) {
      this.skipNext = false;
      env.trace.mark('plant: entry behind a snapshot skipped');
      consistentIndex.advance(entry.index, entry.term);
      return;
    }
    yield* this.applyRequest(request, entry);
    const oneIn = config.defects.applyTwiceOneIn;
    if (oneIn !== undefined && entry.index % oneIn === 0 && env.choose(2) === 0) {
      env.trace.mark('plant: entry applied twice');
      yield* this.applyRequest(request, entry);
    }
  }

  private *applyRequest(request: InternalRaftRequest, entry: Entry): Fiber<void> {
    const {applier, waiters} = this.parts;
    const {backend} = applier;
    yield* backend.lockInsideApply();
    const answer = applier.apply(request, waiters.isRegistered(requestIdOf(request)));
    this.parts.consistentIndex().advance(entry.index, entry.term);
    yield* backend.unlock();
    if (answer !== undefined) waiters.trigger(requestIdOf(request), answer);
  }

  private *applyConfChange(entry: Entry, isNew: boolean): Fiber<void> {
    const {raft, cluster, transport, progress, id, applier} = this.parts;
    const change = confChangeOfEntry(entry);
    assert(change !== undefined && !isConfChangeV2(change), 'etcd proposes single membership changes only', {
      index: entry.index,
    });
    if (cluster.isRemoved(change.nodeId)) {
      // Validation failed: raft is told of a change that changes nothing.
      raft.node.applyConfChange({...change, nodeId: NO_MEMBER});
      if (isNew) this.parts.consistentIndex().advance(entry.index, entry.term);
      return;
    }
    progress.confState = raft.node.applyConfChange(change);
    raft.stepped();
    const {backend} = applier;
    yield* backend.lockInsideApply();
    if (change.type === 'ConfChangeAddNode' || change.type === 'ConfChangeAddLearnerNode') {
      const member = decodeMember(fromBytes(change.context ?? new Uint8Array(0)));
      if (isNew) cluster.addMember(member);
      if (member.id !== id) transport.addPeer(member.id, addressOf(member.peerUrls[0] ?? ''));
    } else if (change.type === 'ConfChangeRemoveNode') {
      if (isNew) cluster.removeMember(change.nodeId);
      transport.removePeer(change.nodeId);
    }
    const consistentIndex = this.parts.consistentIndex();
    consistentIndex.confState = progress.confState;
    if (isNew) consistentIndex.advance(entry.index, entry.term);
    yield* backend.unlock();
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
    cluster.recover(backend.batch);
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
