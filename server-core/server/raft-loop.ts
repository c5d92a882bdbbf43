// server-core/server/raft-loop.ts: takes Ready after Ready out of raft: hand over what is committed, store, send, in etcd's order.
// etcd 3.6: etcdserver/raft.go, raftNode.start. The ticks are taken in this loop too, so a slow disk delays them, as it does there.
// The leader sends before it stores (thesis 10.2.1); everybody else stores first.
import {InvariantError} from '../../base/assert.ts';
import type {MemberId} from '../../base/ids.ts';
import {NO_MEMBER} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber, Wait} from '../../env/fiber.ts';
import {after, Signal, select, until} from '../../env/fiber.ts';
import {Channel} from '../../env/sync.ts';
import {Ticker} from '../../env/ticker.ts';
import type {MemoryStorage} from '../raft/memory-storage.ts';
import type {RawNode} from '../raft/raw-node.ts';
import type {ReadState, Ready} from '../raft/types.ts';
import type {Entry, Message, Snapshot} from '../raftpb/types.ts';
import {draftMessage} from '../raftpb/types.ts';
import {ToApply} from './apply-queue.ts';
import {serverBehaviours} from './behaviours.ts';
import type {ServerConfig} from './config.ts';
import type {RaftDisk} from './raft-disk.ts';

/** How long a read state may wait for its reader. etcd: internalTimeout. */
const READ_STATE_TIMEOUT_US = 1_000_000;
/** maxInFlightMsgSnap. */
const SNAPSHOT_MESSAGES_MAX = 16;

/** What the loop tells the server. */
export interface RaftLoopHost {
  readonly leaderChanged: (leader: MemberId, isLeader: boolean, isNewLeader: boolean) => void;
  readonly committed: (index: number) => void;
  readonly isIdRemoved: (id: MemberId) => boolean;
  readonly send: (messages: readonly Message[]) => void;
}

export interface RaftLoopParts {
  readonly env: Env;
  readonly config: ServerConfig;
  readonly node: RawNode;
  readonly storage: MemoryStorage;
  readonly disk: RaftDisk;
  readonly applyQueue: Channel<ToApply>;
  readonly host: RaftLoopHost;
}

export class RaftLoop {
  readonly node: RawNode;
  readonly storage: MemoryStorage;
  /** Confirmed read indexes, for the read loop. */
  readonly readStates = new Channel<ReadState>(1);
  /** Snapshot messages that the apply loop completes with the database. */
  readonly snapshotMessages = new Channel<Message>(SNAPSHOT_MESSAGES_MAX);
  private readonly parts: RaftLoopParts;
  private readonly work = new Signal();
  private isLeader = false;
  private leader: MemberId = NO_MEMBER;
  private appliedIndex = 0;
  private latestTickUs = 0;
  private isStopping = false;
  private readonly commitsWhenAppended: boolean;

  constructor(parts: RaftLoopParts) {
    this.parts = parts;
    this.node = parts.node;
    this.commitsWhenAppended = serverBehaviours(parts.config.release).soleVoterCommits === 'when-appended';
    this.storage = parts.storage;
  }

  /** Raft took a message, a proposal or a report: tells the observer and wakes the loop if there is something to do. */
  stepped(): void {
    this.observe();
    if (this.node.hasReady()) this.work.notify();
  }

  private observe(): void {
    const {observer} = this.parts.config;
    if (observer !== undefined) observer.stepped(this.node, this.appliedIndex, this.node.takeChangedFrom());
  }

  /** The apply loop has applied so far. */
  applied(index: number): void {
    this.appliedIndex = index;
  }

  /** When raft last saw a tick, on the monotonic clock; etcd judges by it whether this member is still active. */
  get lastTickUs(): number {
    return this.latestTickUs;
  }

  /** The loop ends where it is about to take the next Ready: what it took is stored and sent before. etcd: raftNode.stop. */
  stop(): void {
    this.isStopping = true;
    this.work.notify();
  }

  /** The loop. */
  *run(): Fiber<void> {
    const {env, config} = this.parts;
    const ticker = new Ticker(env.clock, config.tickMs * 1000);
    const either: Wait = {
      park: (task) => {
        this.work.park(task);
        ticker.park(task);
      },
    };
    while (!this.isStopping) {
      const isTickDue = ticker.ready();
      const isWorkDue = this.node.hasReady();
      if (isTickDue && (!isWorkDue || env.choose(2) === 0)) {
        ticker.take();
        this.latestTickUs = env.clock.monotonicUs();
        this.node.tick();
        this.stepped();
      } else if (isWorkDue) {
        if (this.commitsWhenAppended) this.acknowledgeOwn();
        yield* this.handle(this.node.ready());
      } else yield either;
    }
  }

  /**
   * A lone voter's own log counts as a quorum before it is stored, so that one Ready both stores and applies an entry.
   * raft: appendEntry up to 3.5, maybeCommit behind it.
   */
  private acknowledgeOwn(): void {
    const {node} = this;
    const {voters, votersOutgoing} = node.config;
    if (node.role !== 'leader' || node.lastIndex <= node.committed) return;
    if (voters.length !== 1 || voters[0] !== node.id || votersOutgoing.length > 0) return;
    const message = draftMessage('MsgAppResp', node.id);
    message.from = node.id;
    message.term = node.term;
    message.index = node.lastIndex;
    node.step(message);
  }

  private *handle(ready: Ready): Fiber<void> {
    const {env, disk, storage, applyQueue} = this.parts;
    const {failpoints} = env;
    this.takeSoftState(ready);
    if (ready.readStates.length > 0) yield* this.passReadState(ready.readStates.at(-1));
    const toApply = new ToApply(ready.committedEntries, ready.snapshot);
    this.tellCommitted(ready);
    yield* applyQueue.send(toApply);

    if (this.isLeader) {
      if (failpoints.armed) yield* failpoints.hit('raftBeforeLeaderSend');
      this.send(this.processMessages(ready.messages));
    }
    if (ready.snapshot !== undefined) {
      if (failpoints.armed) yield* failpoints.hit('raftBeforeSaveSnap');
      yield* disk.saveSnapshot(ready.snapshot);
      if (failpoints.armed) yield* failpoints.hit('raftAfterSaveSnap');
    }
    if (failpoints.armed) yield* failpoints.hit('raftBeforeSave');
    yield* disk.save(ready.hardState, ready.entries);
    if (failpoints.armed) yield* failpoints.hit('raftAfterSave');
    if (ready.snapshot !== undefined) yield* this.takeSnapshot(ready.snapshot, toApply);
    storage.append(ready.entries);
    if (ready.hardState !== undefined) storage.setHardState(ready.hardState);

    const hasConfChange = ready.committedEntries.some(isConfChange);
    if (this.isLeader) toApply.mark('entriesSaved');
    else {
      const messages = this.processMessages(ready.messages);
      toApply.mark('entriesSaved');
      // A candidate or follower must have applied membership changes before it says anything: votes would be counted wrong.
      if (hasConfChange) yield* until(toApply.happened('applied'));
      if (failpoints.armed) yield* failpoints.hit('raftBeforeFollowerSend');
      this.send(messages);
    }
    if (failpoints.armed) yield* failpoints.hit('raftBeforeAdvance');
    this.node.advance();
    this.observe();
    toApply.mark('advanced');
  }

  private takeSoftState({softState}: Ready): void {
    if (softState === undefined) return;
    const isNewLeader = softState.leader !== NO_MEMBER && this.leader !== softState.leader;
    this.leader = softState.leader;
    this.isLeader = softState.role === 'leader';
    this.parts.host.leaderChanged(softState.leader, this.isLeader, isNewLeader);
  }

  private *passReadState(state: ReadState | undefined): Fiber<void> {
    if (state === undefined || this.readStates.trySend(state)) return;
    const {env} = this.parts;
    const outcome = yield* select(env, {
      sent: this.readStates.sending(state),
      timeout: after(env.clock, READ_STATE_TIMEOUT_US),
    });
    if (outcome.kind === 'timeout') env.trace.mark('raft loop: read state dropped');
  }

  private tellCommitted({committedEntries, snapshot}: Ready): void {
    const index = Math.max(committedEntries.at(-1)?.index ?? 0, snapshot?.metadata.index ?? 0);
    if (index > 0) this.parts.host.committed(index);
  }

  private *takeSnapshot(snapshot: Snapshot, toApply: ToApply): Fiber<void> {
    const {env, disk, storage} = this.parts;
    const {failpoints} = env;
    // The hard state must be durable before old segments go. etcd issue 10219.
    yield* disk.sync();
    toApply.mark('snapshotSaved');
    if (failpoints.armed) yield* failpoints.hit('raftBeforeApplySnap');
    storage.applySnapshot(snapshot);
    if (failpoints.armed) yield* failpoints.hit('raftAfterApplySnap');
    yield* disk.release(snapshot);
    if (failpoints.armed) yield* failpoints.hit('raftAfterWALRelease');
  }

  /** Drops what must not be sent: to removed members, all but the newest append answer, snapshots (the apply loop completes those). */
  private processMessages(messages: readonly Message[]): readonly Message[] {
    const {host, env} = this.parts;
    let sentAppendAnswer = false;
    const kept: Message[] = [];
    for (let i = messages.length - 1; i >= 0; i--) {
      const message = messages[i];
      if (message === undefined) throw new InvariantError('messages changed while they were processed');
      if (host.isIdRemoved(message.to)) continue;
      if (message.type === 'MsgAppResp') {
        if (sentAppendAnswer) continue;
        sentAppendAnswer = true;
      }
      if (message.type === 'MsgSnap') {
        if (!this.snapshotMessages.trySend(message)) env.trace.mark('raft loop: snapshot message dropped');
        continue;
      }
      kept.push(message);
    }
    return kept.reverse();
  }

  private send(messages: readonly Message[]): void {
    if (messages.length === 0) return;
    this.parts.config.observer?.sent(messages);
    this.parts.host.send(messages);
  }
}

const isConfChange = (entry: Entry): boolean => entry.type !== 'EntryNormal';
