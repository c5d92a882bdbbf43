// server-core/raft/lab/mini-cluster.ts: a few members under random loss, duplication, reordering, isolation and crashes.
// For raft alone, without servers: every act is drawn from one stream, and raft's promises are checked after each
// (cluster-checks.ts). What is handed out is frozen, so that whoever changes it fails on the spot. Storage is done at once
// (synchronous) or by threads that lag behind (asynchronous); a crash loses what was not stored.
import {InvariantError, must} from '../../../base/assert.ts';
import {toBytes} from '../../../base/byte-string.ts';
import type {MemberId} from '../../../base/ids.ts';
import {toMemberId} from '../../../base/ids.ts';
import type {Random} from '../../../base/random.ts';
import {confChangeOfEntry, makeConfChangeV2} from '../../raftpb/conf-change.ts';
import type {ConfState, Entry, Message, Snapshot} from '../../raftpb/types.ts';
import {isEmptyHardState, makeConfState} from '../../raftpb/types.ts';
import {isStorageThread} from '../config.ts';
import {RawNode} from '../raw-node.ts';
import type {Config, RaftDefects, ReadOnlyOption, Ready} from '../types.ts';
import {ClusterChecks} from './cluster-checks.ts';
import {LabStorage} from './lab-member.ts';

export interface MiniClusterOptions {
  readonly members: number;
  readonly asyncStorage: boolean;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly readOnlyOption: ReadOnlyOption;
  readonly membershipChanges: boolean;
  readonly defects: RaftDefects;
}

/** One member: the process that may die, and what it has stored. */
export interface MiniMember {
  readonly id: MemberId;
  readonly storage: LabStorage;
  raw: RawNode;
  /** Storage work handed out and not done (asynchronous only). */
  appendWork: Message[];
  applyWork: Message[];
  applied: number;
  confState: ConfState;
}

/** A message may be overtaken by the next few. */
const REORDER_COUNT_MAX = 6;

const ACTS = [
  {item: 'deliver', weight: 300},
  {item: 'ready', weight: 160},
  {item: 'storage', weight: 120},
  {item: 'tick', weight: 60},
  {item: 'propose', weight: 25},
  {item: 'drop', weight: 6},
  {item: 'duplicate', weight: 6},
  {item: 'read', weight: 10},
  {item: 'crash', weight: 1},
  {item: 'isolate', weight: 2},
  {item: 'transfer', weight: 1},
  {item: 'compact', weight: 2},
  {item: 'change', weight: 2},
] as const;

export class MiniCluster {
  readonly members: readonly MiniMember[];
  readonly checks = new ClusterChecks();
  private readonly options: MiniClusterOptions;
  private readonly random: Random;
  private network: Message[] = [];
  private isolated: MemberId | undefined;
  private nextRequest = 1;

  constructor(options: MiniClusterOptions, random: Random) {
    this.options = options;
    this.random = random;
    const ids = Array.from({length: options.members}, (_, i) => toMemberId(i + 1));
    const confState = makeConfState({voters: ids});
    this.members = ids.map((id) => this.startMember(id, confState));
  }

  private startMember(id: MemberId, confState: ConfState): MiniMember {
    const storage: LabStorage = new LabStorage(() => appliedSnapshot(member));
    storage.memory.applySnapshot({data: undefined, metadata: {confState, index: 1, term: 1}});
    const raw = new RawNode(this.configOf(id, storage));
    const member: MiniMember = {id, storage, raw, appendWork: [], applyWork: [], applied: 1, confState};
    return member;
  }

  private configOf(id: MemberId, storage: LabStorage): Config {
    const {asyncStorage, preVote, checkQuorum, readOnlyOption, defects} = this.options;
    return {
      id,
      storage,
      applied: storage.firstIndex() - 1,
      electionTicks: 5,
      heartbeatTicks: 1,
      maxSizePerMsg: 60,
      maxCommittedSizePerReady: 100,
      maxInflightMsgs: 4,
      asyncStorageWrites: asyncStorage,
      preVote,
      checkQuorum,
      readOnlyOption,
      // A leader that was removed and does not know when to stop refuses every proposal: etcd-io/raft issue 83.
      stepDownOnRemoval: true,
      random: (countMax) => this.random.below(countMax),
      defects,
    };
  }

  /** One random act, and the checks behind it. Throws InvariantError when a promise of raft is broken. */
  act(): void {
    const member = this.random.pick(this.members);
    switch (this.random.pickWeighted(ACTS)) {
      case 'deliver':
        return this.deliver(this.takeRandomMessage());
      case 'ready':
        return this.processReady(member);
      case 'storage':
        return this.doStorageWork(member);
      case 'tick':
        member.raw.tick();
        break;
      case 'propose':
        member.raw.propose(toBytes(`p${this.nextRequest++}`));
        break;
      case 'drop':
        return this.reportSnapshot(this.takeRandomMessage(), 'failed');
      case 'duplicate':
        if (this.network.length > 0) this.network.push(this.random.pick(this.network));
        return;
      case 'read':
        this.read(member);
        break;
      case 'crash':
        this.crash(member);
        break;
      case 'isolate':
        // Long enough for the others to elect a leader, mostly.
        if (this.isolated === undefined) this.isolated = this.pickVictim(member);
        else if (this.random.below(4) === 0) this.isolated = undefined;
        return;
      case 'transfer':
        member.raw.transferLeader(this.random.pick(this.members).id);
        break;
      case 'compact':
        compactLog(member);
        break;
      case 'change':
        this.changeMembership(member);
        break;
    }
    this.checks.observe(member.raw);
  }

  /** Every other time a leader, if there is one: that is where it hurts. */
  private pickVictim(otherwise: MiniMember): MemberId {
    const leader = this.latestLeader();
    return leader !== undefined && this.random.below(2) === 0 ? leader.id : otherwise.id;
  }

  private read(member: MiniMember): void {
    const request = `r${this.nextRequest++}`;
    this.checks.noteRead(request);
    member.raw.readIndex(toBytes(request));
  }

  private changeMembership({raw}: MiniMember): void {
    if (!this.options.membershipChanges || raw.role !== 'leader') return;
    const nodeId = this.random.pick(this.members).id;
    const type = this.random.pick([
      'ConfChangeAddNode',
      'ConfChangeAddNode',
      'ConfChangeRemoveNode',
      'ConfChangeAddLearnerNode',
    ] as const);
    // With fewer than three voters the last one could go, which raft leaves to its user to prevent.
    if (type !== 'ConfChangeAddNode' && raw.config.voters.length <= 2) return;
    const other = this.random.pick(this.members).id;
    const second = {type: 'ConfChangeAddNode', nodeId: other} as const;
    raw.proposeConfChange(makeConfChangeV2(this.random.below(2) === 0 ? [{type, nodeId}] : [{type, nodeId}, second]));
  }

  /** One of the oldest messages: what is under way is reordered, but does not stay there for ever. */
  private takeRandomMessage(): Message | undefined {
    if (this.network.length === 0) return undefined;
    const at = this.random.below(Math.min(this.network.length, REORDER_COUNT_MAX));
    return this.network.splice(at, 1)[0];
  }

  private deliver(message: Message | undefined): void {
    if (message === undefined) return;
    if (message.from === this.isolated || message.to === this.isolated) {
      // What a member sends itself does not cross the network.
      if (message.from !== message.to) return this.reportSnapshot(message, 'failed');
    }
    const member = must(
      this.members.find(({id}) => id === message.to),
      'message to nobody',
      message,
    );
    member.raw.step(message);
    this.checks.observe(member.raw);
    this.reportSnapshot(message, 'finished');
  }

  /** The sender of a snapshot must hear how that went, or it waits for ever. */
  private reportSnapshot(message: Message | undefined, outcome: 'finished' | 'failed'): void {
    if (message?.type !== 'MsgSnap') return;
    this.members.find(({id}) => id === message.from)?.raw.reportSnapshot(message.to, outcome);
  }

  /** Does what the Ready says, or dies before or in the middle of it. */
  processReady(member: MiniMember): void {
    if (!member.raw.hasReady()) return;
    const ready = freezeReady(member.raw.ready());
    this.checks.checkReads(ready.readStates);
    if (this.options.asyncStorage) {
      for (const message of ready.messages) {
        if (message.type === 'MsgStorageAppend') member.appendWork.push(message);
        else if (message.type === 'MsgStorageApply') member.applyWork.push(message);
        else this.send(message);
      }
    } else {
      const dies = this.random.below(100);
      if (dies === 0) return this.crash(member);
      this.store(member, ready.hardState ?? undefined, ready.entries, ready.snapshot);
      if (dies === 1) return this.crash(member);
      for (const message of ready.messages) this.send(message);
      this.apply(member, ready.committedEntries);
      member.raw.advance();
    }
    this.checks.observe(member.raw);
  }

  private send(message: Message): void {
    this.checks.noteSent(message);
    this.network.push(message);
  }

  /** The oldest work of one of the threads; its responses go out, those to the member itself at once. */
  doStorageWork(member: MiniMember): void {
    const apply = this.random.below(2) === 0;
    const message = (apply ? member.applyWork : member.appendWork).shift();
    if (message === undefined) return;
    if (apply) this.apply(member, message.entries);
    else {
      const {term, vote, commit} = message;
      this.store(member, {term, vote, commit}, message.entries, message.snapshot);
    }
    for (const response of message.responses) {
      if (response.to === member.id) member.raw.step(response);
      else this.send(response);
    }
    this.checks.observe(member.raw);
  }

  private store(
    member: MiniMember,
    hardState: Ready['hardState'],
    entries: readonly Entry[],
    snapshot: Snapshot | undefined,
  ): void {
    if (snapshot !== undefined && member.storage.memory.applySnapshot(snapshot)) {
      member.applied = snapshot.metadata.index;
      member.confState = snapshot.metadata.confState;
    }
    member.storage.memory.append(entries);
    if (hardState !== undefined && !isEmptyHardState(hardState)) member.storage.memory.setHardState(hardState);
  }

  private apply(member: MiniMember, entries: readonly Entry[]): void {
    for (const entry of entries) {
      // Entries that the snapshot taken meanwhile covers.
      if (entry.index <= member.applied) continue;
      if (entry.index !== member.applied + 1) {
        throw new InvariantError('applied out of order', {index: entry.index, applied: member.applied});
      }
      this.checks.noteApplied(member.id, entry);
      const change = confChangeOfEntry(entry);
      if (change !== undefined) member.confState = member.raw.applyConfChange(change);
      member.applied = entry.index;
    }
  }

  private crash(member: MiniMember): void {
    member.appendWork = [];
    member.applyWork = [];
    this.network = this.network.filter(({from, to}) => !(to === member.id && (from === to || isStorageThread(from))));
    const {metadata} = member.storage.memory.snapshot();
    // The state machine starts over from its snapshot and applies what follows again.
    member.applied = metadata.index;
    member.confState = metadata.confState;
    member.raw = new RawNode({...this.configOf(member.id, member.storage), applied: metadata.index});
  }

  /** No more faults: rounds of ticks and full delivery until every voter has applied a new proposal, or InvariantError. */
  settle(roundsMax: number): void {
    this.isolated = undefined;
    const marker = toBytes(`final${this.nextRequest++}`);
    for (let round = 0; round < roundsMax; round++) {
      for (const member of this.members) member.raw.tick();
      for (let work = 0; work < 20; work++) this.runEverything();
      const leader = this.latestLeader();
      if (leader === undefined) continue;
      if (round % 5 === 0) leader.raw.propose(marker);
      const voters = new Set(leader.raw.config.voters);
      const waiting = this.members.filter(({id}) => voters.has(id));
      if (waiting.every(({id}) => this.checks.hasApplied(id, marker))) return;
    }
    throw new InvariantError('no progress after all faults ended', {
      members: this.members.map(({raw}) => raw.basicStatus()),
    });
  }

  /** The leader of the highest term: one that was removed or cut off may still believe in its own. */
  private latestLeader(): MiniMember | undefined {
    let latest: MiniMember | undefined;
    for (const member of this.members) {
      if (member.raw.role === 'leader' && (latest === undefined || member.raw.term > latest.raw.term)) latest = member;
    }
    return latest;
  }

  private runEverything(): void {
    for (const member of this.members) {
      this.processReady(member);
      for (let work = member.appendWork.length + member.applyWork.length; work > 0; work--) this.doStorageWork(member);
    }
    const messages = this.network;
    this.network = [];
    for (const message of messages) this.deliver(message);
  }
}

/**
 * Keeps what is applied as a snapshot and drops most of the log below it. Only the present configuration is known, so the
 * snapshot is taken at the applied index; and the stored commit index must have reached it, or a restart would find its log
 * beginning behind what it knows to be committed.
 */
function compactLog({storage, applied, raw, confState}: MiniMember): void {
  const {memory} = storage;
  const storedCommit = memory.initialState().hardState.commit;
  if (applied > Math.min(memory.lastIndex(), raw.applied, storedCommit)) return;
  if (memory.createSnapshot(applied, confState, undefined) === undefined) return;
  const compactTo = Math.max(memory.firstIndex(), applied - 3);
  if (compactTo < applied) memory.compact(compactTo);
}

/** The state of now, with the configuration of now: an older one may not know the member it is sent to. */
function appliedSnapshot({storage, applied, confState}: MiniMember): Snapshot {
  const term = storage.term(applied);
  if (typeof term !== 'number') throw new InvariantError('an applied entry is not in the log', {applied, term});
  return {data: undefined, metadata: {confState, index: applied, term}};
}

function freezeReady(ready: Ready): Ready {
  ready.messages.forEach(freezeMessage);
  freezeEntries(ready.entries);
  freezeEntries(ready.committedEntries);
  Object.freeze(ready.messages);
  Object.freeze(ready.readStates);
  return Object.freeze(ready);
}

function freezeMessage(message: Message): void {
  freezeEntries(message.entries);
  message.responses.forEach(freezeMessage);
  Object.freeze(message.responses);
  Object.freeze(message);
}

function freezeEntries(entries: readonly Entry[]): void {
  for (const entry of entries) Object.freeze(entry);
  Object.freeze(entries);
}
