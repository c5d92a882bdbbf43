// server-core/raft/lab/raft-lab.ts: members and the messages between them, moved one step at a time. etcd: rafttest.InteractionEnv.
// Nothing happens by itself: no clock, no delivery, no storage work but by a command. Commands are in lab-commands.ts.
import {InvariantError} from '../../../base/assert.ts';
import type {MemberId} from '../../../base/ids.ts';
import {toMemberId} from '../../../base/ids.ts';
import {InputError} from '../../../base/input-error.ts';
import type {Message, MessageType, Snapshot} from '../../raftpb/types.ts';
import {makeMessage} from '../../raftpb/types.ts';
import {isStorageThread} from '../config.ts';
import {describeEntries, describeMessage, describeReady} from '../describe.ts';
import {roleName} from '../node.ts';
import {describeProgress} from '../progress.ts';
import {NO_LIMIT, STEP_REFUSAL_TEXTS} from '../types.ts';
import type {MemberConfig} from './lab-member.ts';
import {LabMember} from './lab-member.ts';
import {LabOutput} from './lab-output.ts';

/** Something went wrong inside a command in a way that transcripts show, as the Go harness returns an error. */
export class LabError extends Error {
  override readonly name = 'LabError';
}

export class RaftLab {
  readonly output = new LabOutput();
  readonly members: LabMember[] = [];
  /** Under way; delivered by command, in this order for each receiver. */
  private messages: Message[] = [];

  /** Member by its number, counted from 1. Throws InputError. */
  member(number: number): LabMember {
    const member = this.members[number - 1];
    if (member === undefined) throw new InputError(`there is no member ${number}`);
    return member;
  }

  /** Adds members with the next free ids, all starting from the snapshot (index 0: from nothing). */
  addMembers(count: number, config: Omit<MemberConfig, 'id' | 'logger' | 'random'>, snapshot: Snapshot): void {
    for (let i = 0; i < count; i++) {
      const id = toMemberId(this.members.length + 1);
      // The shortest timeout always, so that transcripts do not depend on a draw; set-randomized-election-timeout changes it.
      const random = (): number => 0;
      this.members.push(new LabMember({...config, id, random, logger: this.output}, snapshot));
    }
  }

  /** Does what the member's Ready says; with storage by threads the work goes to its threads. */
  processReady(member: LabMember): void {
    const ready = member.raw.ready();
    this.output.print(describeReady(ready));
    const asyncStorage = member.config.asyncStorageWrites === true;
    if (!asyncStorage) {
      failOn(member.store(ready.hardState, ready.entries, ready.snapshot));
      member.apply(ready.committedEntries);
    }
    for (const message of ready.messages) {
      if (!isStorageThread(message.to)) this.messages.push(message);
      else if (message.type === 'MsgStorageAppend') member.appendWork.push(message);
      else member.applyWork.push(message);
    }
    if (!asyncStorage) member.raw.advance();
  }

  /** Lets the append thread finish its oldest piece of work. */
  processAppendThread(member: LabMember): void {
    const message = member.appendWork.shift();
    if (message === undefined) return this.output.print('no append work to perform');
    this.printWork(message);
    const {term, vote, commit} = message;
    failOn(member.store({term, vote, commit}, message.entries, message.snapshot));
    this.sendResponses(message);
  }

  /** Lets the apply thread finish its oldest piece of work. */
  processApplyThread(member: LabMember): void {
    const message = member.applyWork.shift();
    if (message === undefined) return this.output.print('no apply work to perform');
    this.printWork(message);
    member.apply(message.entries);
    this.sendResponses(message);
  }

  private printWork(message: Message): void {
    this.output.print(`Processing:\n${describeMessage(makeMessage({...message, responses: []}))}\n`);
  }

  private sendResponses({responses}: Message): void {
    this.output.print('Responses:\n');
    for (const response of responses) this.output.print(`${describeMessage(response)}\n`);
    this.messages.push(...responses);
  }

  /** Delivers, or drops, the messages to a member; says how many there were. What a member sends itself cannot be lost. */
  deliver(to: MemberId, drop: boolean, type: MessageType | undefined): number {
    const taken = this.messages.filter((message) => isDeliverable(message, to, drop, type));
    this.messages = this.messages.filter((message) => !isDeliverable(message, to, drop, type));
    for (const message of taken) {
      this.output.print(`${drop ? 'dropped: ' : ''}${describeMessage(message)}\n`);
      if (drop) continue;
      const refusal = this.memberById(to).raw.step(message);
      if (refusal !== undefined) this.output.print(`${STEP_REFUSAL_TEXTS[refusal]}\n`);
    }
    return taken.length;
  }

  private memberById(id: MemberId): LabMember {
    const member = this.members.find((candidate) => candidate.id === id);
    if (member === undefined) throw new InputError(`there is no member ${id}`);
    return member;
  }

  /** Puts a second copy of every message to the member under way, behind the rest. */
  duplicate(to: MemberId): void {
    this.messages.push(...this.messages.filter((message) => isDeliverable(message, to, true, undefined)));
  }

  /** Moves the members until none of them has anything to do. */
  stabilize(members: readonly LabMember[]): void {
    for (let busy = true; busy; ) {
      busy = false;
      for (const member of members) {
        if (!member.raw.hasReady()) continue;
        busy = true;
        this.section(member, 'handling Ready', () => this.processReady(member));
      }
      for (const member of members) {
        if (!this.messages.some((message) => message.to === member.id)) continue;
        busy = true;
        this.section(member, 'receiving messages', () => this.deliver(member.id, false, undefined));
      }
      for (const member of members) {
        if (member.appendWork.length === 0) continue;
        busy = true;
        this.output.print(`> ${this.numberOf(member)} processing append thread\n`);
        while (member.appendWork.length > 0) this.output.indented(() => this.processAppendThread(member));
      }
      for (const member of members) {
        if (member.applyWork.length === 0) continue;
        busy = true;
        this.output.print(`> ${this.numberOf(member)} processing apply thread\n`);
        while (member.applyWork.length > 0) this.output.indented(() => this.processApplyThread(member));
      }
    }
  }

  /** A headline with the member's number, and the work below it, set in. */
  section(member: LabMember, what: string, work: () => void): void {
    this.output.print(`> ${this.numberOf(member)} ${what}\n`);
    this.output.indented(work);
  }

  numberOf(member: LabMember): number {
    return this.members.indexOf(member) + 1;
  }

  /** Queues a snapshot of one member for another, past all rules. */
  sendSnapshot(from: LabMember, to: LabMember): void {
    const snapshot = from.latestSnapshot();
    const message = makeMessage({type: 'MsgSnap', term: from.raw.term, from: from.id, to: to.id, snapshot});
    this.messages.push(message);
    this.output.print(describeMessage(message));
  }

  /** What is stored of the member's log. */
  printLog({memory}: LabMember): void {
    const first = memory.firstIndex();
    const last = memory.lastIndex();
    if (last < first) return this.output.print(`log is empty: first index=${first}, last index=${last}`);
    const entries = memory.entries(first, last + 1, NO_LIMIT);
    if (typeof entries === 'string') throw new InvariantError(`log from ${first} to ${last} is ${entries}`);
    this.output.print(describeEntries(entries));
  }

  /** Everybody's role, each in its own view. */
  printStates(): void {
    for (const member of this.members) {
      const {raw} = member;
      const isVoter = raw.config.voters.includes(raw.id) || raw.config.votersOutgoing.includes(raw.id);
      const lead = Number.parseInt(raw.leader, 16);
      const voter = isVoter ? '(Voter)' : '(Non-Voter)';
      const state = `${roleName(raw.role)} ${voter} Term:${raw.term} Lead:${lead}`;
      this.output.print(`${this.numberOf(member)}: ${state}\n`);
    }
  }

  /** What a leader knows about the others; nothing for those who do not lead. */
  printStatus({raw}: LabMember): void {
    for (const progress of raw.status().progress) {
      this.output.print(`${Number.parseInt(progress.id, 16)}: ${describeProgress(progress)}\n`);
    }
  }
}

function isDeliverable(message: Message, to: MemberId, drop: boolean, type: MessageType | undefined): boolean {
  if (message.to !== to || (type !== undefined && message.type !== type)) return false;
  const local = message.from === message.to || isStorageThread(message.from) || isStorageThread(message.to);
  return !(drop && local);
}

function failOn(error: string | undefined): void {
  if (error !== undefined) throw new LabError(error);
}
