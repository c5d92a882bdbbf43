// server-core/raft/raw-node.ts: one raft member as its user sees it. etcd: raft.RawNode.
// Give it ticks, messages and proposals; after each, while hasReady(), take ready(), do what it says in the order it says, and
// advance() (or, with asyncStorageWrites, deliver the storage threads' responses). Not for use by two at a time.
// The getters are for checks from outside on every step: they allocate nothing and change nothing.
import {InvariantError} from '../../base/assert.ts';
import type {MemberId} from '../../base/ids.ts';
import {NO_MEMBER} from '../../base/ids.ts';
import type {AnyConfChange} from '../raftpb/conf-change.ts';
import {confChangeProposal, makeConfChange} from '../raftpb/conf-change.ts';
import type {ConfState, Entry, Message, MessageType} from '../raftpb/types.ts';
import {draftMessage, EMPTY_HARD_STATE, makeEntry} from '../raftpb/types.ts';
import {isStorageThread} from './config.ts';
import {applyConfChange} from './configuration.ts';
import {raftPanic} from './logging.ts';
import type {RaftNode} from './node.ts';
import {hardStateOf, leaderOf} from './node.ts';
import type {Progress} from './progress.ts';
import type {HandedOut} from './ready.ts';
import {hasReady, takeReady} from './ready.ts';
import {becomeFollower} from './roles.ts';
import {startNode} from './start.ts';
import {stepNode, tickNode} from './step.ts';
import type {BasicStatus, Config, Peer, Ready, RoleKind, StepRefusal} from './types.ts';

/** BasicStatus with the configuration and, on a leader, a copy of what it knows about each member, by rising id. */
export interface Status extends BasicStatus {
  readonly config: ConfState;
  readonly progress: readonly Progress[];
}

/** Messages a member only ever sends to itself. raft.IsLocalMsg. */
const LOCAL_MESSAGES: ReadonlySet<MessageType> = new Set<MessageType>([
  'MsgHup',
  'MsgBeat',
  'MsgUnreachable',
  'MsgSnapStatus',
  'MsgCheckQuorum',
  'MsgStorageAppend',
  'MsgStorageAppendResp',
  'MsgStorageApply',
  'MsgStorageApplyResp',
]);

/** Answers, which only a member of the configuration may give. raft.IsResponseMsg. */
const RESPONSE_MESSAGES: ReadonlySet<MessageType> = new Set<MessageType>([
  'MsgAppResp',
  'MsgVoteResp',
  'MsgHeartbeatResp',
  'MsgUnreachable',
  'MsgReadIndexResp',
  'MsgPreVoteResp',
  'MsgStorageAppendResp',
  'MsgStorageApplyResp',
]);

export class RawNode {
  private readonly node: RaftNode;
  private readonly handedOut: HandedOut;
  /** What the member hears on advance(); empty between advance() and the next ready(). */
  private stepsOnAdvance: Message[] = [];

  /** Starts a member from what its storage remembers. */
  constructor(config: Config) {
    this.node = startNode(config);
    this.handedOut = {
      softState: {leader: leaderOf(this.node), role: this.node.role.kind},
      hardState: hardStateOf(this.node),
    };
  }

  get id(): MemberId {
    return this.node.id;
  }

  get term(): number {
    return this.node.term;
  }

  /** Whom this member voted for in its term. */
  get vote(): MemberId {
    return this.node.vote;
  }

  get role(): RoleKind {
    return this.node.role.kind;
  }

  /** The leader of the term as far as this member knows. */
  get leader(): MemberId {
    return leaderOf(this.node);
  }

  get isLearner(): boolean {
    return this.node.isLearner;
  }

  get committed(): number {
    return this.node.log.committed;
  }

  /** The highest index known (through advance or the apply thread's response) to be applied. */
  get applied(): number {
    return this.node.log.applied;
  }

  get firstIndex(): number {
    return this.node.log.firstIndex();
  }

  get lastIndex(): number {
    return this.node.log.lastIndex();
  }

  /** The target of a leadership transfer under way; NO_MEMBER if none. */
  get leadTransferee(): MemberId {
    const {role} = this.node;
    return role.kind === 'leader' ? role.transferee : NO_MEMBER;
  }

  /** The configuration in force. */
  get config(): ConfState {
    return this.node.tracker.config;
  }

  /** The term of the entry at an index; 0 where it is not known (compacted, or past the end). */
  termAt(index: number): number {
    return this.node.log.termOrZero(index);
  }

  /** The entry at firstIndex <= index <= lastIndex; undefined elsewhere. */
  entryAt(index: number): Entry | undefined {
    return this.node.log.entryAt(index);
  }

  /** The lowest log index that was appended or replaced since the last call; 0 when none was. For observers. */
  takeChangedFrom(): number {
    return this.node.log.takeChangedFrom();
  }

  /** One tick of the clock. */
  tick(): void {
    tickNode(this.node);
  }

  /** Campaigns now. */
  campaign(): void {
    stepNode(this.node, draftMessage('MsgHup', NO_MEMBER));
  }

  /** Takes a message from the network or from the member's own storage threads. */
  step(message: Message): StepRefusal | undefined {
    const fromThread = isStorageThread(message.from);
    if (!fromThread) {
      if (LOCAL_MESSAGES.has(message.type)) return 'local-message';
      if (RESPONSE_MESSAGES.has(message.type) && !this.node.tracker.progress.has(message.from)) {
        return 'peer-not-found';
      }
    }
    return stepNode(this.node, message);
  }

  /** Proposes an entry with this data; a follower sends it on to its leader. No promise that it will be committed. */
  propose(data: Uint8Array): StepRefusal | undefined {
    return this.proposeEntries([makeEntry({data})]);
  }

  /** Proposes several entries, which will follow each other in the log. */
  proposeEntries(entries: readonly Entry[]): StepRefusal | undefined {
    const message = draftMessage('MsgProp', NO_MEMBER);
    message.from = this.node.id;
    message.entries = entries;
    return stepNode(this.node, message);
  }

  /** Proposes a membership change; undefined leaves a joint configuration. */
  proposeConfChange(change: AnyConfChange | undefined): StepRefusal | undefined {
    const message = draftMessage('MsgProp', NO_MEMBER);
    message.entries = [confChangeProposal(change)];
    return stepNode(this.node, message);
  }

  /** To be called for each committed change when it is applied, unless the user decides against it. */
  applyConfChange(change: AnyConfChange): ConfState {
    return applyConfChange(this.node, change);
  }

  /** A leader takes the next change of the configuration from now on, not only when this one counts as applied. raft of 3.3: resetPendingConf. */
  forgetPendingConfChange(): void {
    const {role} = this.node;
    if (role.kind === 'leader') role.pendingConfIndex = 0;
  }

  hasReady(): boolean {
    return hasReady(this.node, this.handedOut);
  }

  /** What must happen next. In synchronous mode advance() must follow before the next one. */
  ready(): Ready {
    if (this.stepsOnAdvance.length > 0) {
      raftPanic(this.node.logger, 'two accepted Ready structs without call to Advance');
    }
    return takeReady(this.node, this.handedOut, this.stepsOnAdvance);
  }

  /** Everything in the last Ready is stored and applied. */
  advance(): void {
    if (this.node.config.asyncStorageWrites) {
      raftPanic(this.node.logger, 'Advance must not be called when using AsyncStorageWrites');
    }
    const steps = this.stepsOnAdvance;
    if (steps.length === 0) return;
    this.stepsOnAdvance = [];
    for (let i = 0; i < steps.length; i++) stepNode(this.node, steps[i] as Message);
  }

  /** Asks for an index at which reads are linearizable; answered by a ReadState with the same context, or not at all. */
  readIndex(requestContext: Uint8Array): void {
    const message = draftMessage('MsgReadIndex', NO_MEMBER);
    message.entries = [makeEntry({data: requestContext})];
    stepNode(this.node, message);
  }

  /** Asks the leader (through us, if we are not) to hand leadership to a member. */
  transferLeader(to: MemberId): void {
    this.stepFrom('MsgTransferLeader', to);
  }

  /** A follower forgets its leader, so that it may vote for another although it has heard from the leader lately. */
  forgetLeader(): void {
    this.stepFrom('MsgForgetLeader', NO_MEMBER);
  }

  /** The last message to that member could not be sent. */
  reportUnreachable(id: MemberId): void {
    this.stepFrom('MsgUnreachable', id);
  }

  /** How sending a snapshot to that member went. Must be told for every MsgSnap. */
  reportSnapshot(id: MemberId, outcome: 'finished' | 'failed'): void {
    const message = draftMessage('MsgSnapStatus', NO_MEMBER);
    message.from = id;
    message.reject = outcome === 'failed';
    stepNode(this.node, message);
  }

  private stepFrom(type: MessageType, from: MemberId): void {
    const message = draftMessage(type, NO_MEMBER);
    message.from = from;
    stepNode(this.node, message);
  }

  /**
   * The first start of a new cluster: every peer's addition as a committed entry of term 1. The user sees these entries in
   * Ready and applies them again, which changes nothing. RawNode.Bootstrap.
   */
  bootstrap(peers: readonly Peer[]): void {
    const {node} = this;
    if (peers.length === 0) throw new InvariantError('must provide at least one peer to Bootstrap');
    if (node.config.storage.lastIndex() !== 0) throw new InvariantError("can't bootstrap a nonempty Storage");
    // Nothing is stored yet: the first Ready must bring the hard state.
    this.handedOut.hardState = EMPTY_HARD_STATE;
    becomeFollower(node, 1, NO_MEMBER);
    const changes = peers.map((peer) => makeConfChange('ConfChangeAddNode', peer.id, peer.context));
    const entries = changes.map((change, i) => ({...confChangeProposal(change), term: 1, index: i + 1}));
    node.log.append(entries);
    node.log.committed = entries.length;
    for (const change of changes) applyConfChange(node, change);
  }

  basicStatus(): BasicStatus {
    const {id, term, vote, committed, leader, role, applied, leadTransferee} = this;
    return {id, term, vote, commit: committed, leader, role, applied, leadTransferee};
  }

  status(): Status {
    const progress = this.role === 'leader' ? this.node.tracker.members.map((member) => member.copy()) : [];
    return {...this.basicStatus(), config: this.config, progress};
  }

  /** For tests: the election timeout of this term, in ticks, instead of the one drawn. */
  setRandomizedElectionTicks(ticks: number): void {
    this.node.randomizedElectionTicks = ticks;
  }
}
