// server-core/raft/lab/lab-commands.ts: the commands of transcripts. etcd: rafttest's interaction_env_handler_*.
// Beyond etcd's: tick, read-index, report-snapshot, transfer by a follower, propose-batch, restart, duplicate-msgs,
// apply-refused (see each), and more options of add-nodes.
import {InvariantError} from '../../../base/assert.ts';
import {fromUtf8Text, toBytes} from '../../../base/byte-string.ts';
import {toMemberId} from '../../../base/ids.ts';
import {InputError} from '../../../base/input-error.ts';
import {makeConfChange, makeConfChangeV2, parseConfChanges} from '../../raftpb/conf-change.ts';
import type {ConfChangeTransition, MessageType, Snapshot} from '../../raftpb/types.ts';
import {MESSAGE_TYPES, makeConfState, makeEntry} from '../../raftpb/types.ts';
import type {StepRefusal} from '../types.ts';
import {NO_LIMIT, STEP_REFUSAL_TEXTS} from '../types.ts';
import type {Command} from './data-driven.ts';
import {argNumber, argValue, argValues, bareNumbers, parseNumber} from './data-driven.ts';
import type {LabMember, MemberConfig} from './lab-member.ts';
import {LabError, RaftLab} from './raft-lab.ts';

type Handler = (lab: RaftLab, command: Command) => void;

/** A fresh lab behind a function that runs one command and returns what was said. */
export function makeInteractionRunner(): (command: Command) => string {
  const lab = new RaftLab();
  return (command) => runInteraction(lab, command);
}

function runInteraction(lab: RaftLab, command: Command): string {
  lab.output.take();
  const handler = HANDLERS.get(command.name);
  try {
    if (handler === undefined) throw new LabError('unknown command');
    handler(lab, command);
  } catch (error) {
    // Errors show at every level. A member that panics is shown as well, so that transcripts can tell of it.
    const text = textOfError(error);
    if (lab.output.quiet()) return text;
    lab.output.print(text);
  }
  const text = lab.output.take();
  return text === '' ? 'ok' : text;
}

function textOfError(error: unknown): string {
  if (error instanceof LabError) return error.message;
  if (error instanceof InvariantError) return `panic: ${error.message}`;
  throw error;
}

function firstMember(lab: RaftLab, command: Command): LabMember {
  return lab.member(parseNumber(command, command.args[0]?.key ?? '', 'member'));
}

function bareMembers(lab: RaftLab, command: Command): LabMember[] {
  return bareNumbers(command).map((number) => lab.member(number));
}

function failOn(refusal: StepRefusal | undefined): void {
  if (refusal !== undefined) throw new LabError(STEP_REFUSAL_TEXTS[refusal]);
}

const bytesOf = (text: string): Uint8Array => toBytes(fromUtf8Text(text));

/** For commands on several members: each in a section of its own, if there is more than one. */
function eachMember(lab: RaftLab, command: Command, what: string, work: (member: LabMember) => void): void {
  const members = bareMembers(lab, command);
  for (const member of members) {
    if (members.length > 1) lab.section(member, what, () => work(member));
    else work(member);
  }
}

/** add-nodes 3 voters=(1,2,3) learners=(4) index=10 content=foo, and options of the configuration. */
function addNodes(lab: RaftLab, command: Command): void {
  const ids = (key: string) => argValues(command, key).map((text) => toMemberId(parseNumber(command, text, key)));
  const content = argValue(command, 'content');
  const index = argValue(command, 'index') === undefined ? 0 : argNumber(command, 'index');
  const voters = ids('voters');
  const learners = ids('learners');
  const bootstraps = index > 0 || voters.length > 0 || learners.length > 0 || content !== undefined;
  if (bootstraps && index <= 1) throw new LabError('index must be specified as > 1 due to bootstrap');
  const snapshot: Snapshot = {
    data: content === undefined ? undefined : bytesOf(content),
    metadata: {confState: makeConfState({voters, learners}), index, term: bootstraps ? 1 : 0},
  };
  const count = parseNumber(command, command.args[0]?.key ?? '', 'count');
  lab.addMembers(count, {...memberConfig(command), applied: index}, snapshot);
}

function memberConfig(command: Command): Omit<MemberConfig, 'id' | 'logger' | 'random'> {
  const flag = (key: string): boolean => argValue(command, key) === 'true';
  const number = (key: string, otherwise: number): number =>
    argValue(command, key) === undefined ? otherwise : argNumber(command, key);
  const readOnly = argValue(command, 'read-only') ?? 'safe';
  if (readOnly !== 'safe' && readOnly !== 'lease-based') {
    throw new LabError(`invalid read-only option "${readOnly}"`);
  }
  return {
    electionTicks: number('election-ticks', 3),
    heartbeatTicks: 1,
    maxSizePerMsg: number('max-size-per-msg', NO_LIMIT),
    maxCommittedSizePerReady: number('max-committed-size-per-ready', 0),
    maxUncommittedEntriesSize: number('max-uncommitted-size', 0),
    maxInflightMsgs: number('inflight', 0x7fff_ffff),
    maxInflightBytes: number('max-inflight-bytes', 0),
    asyncStorageWrites: flag('async-storage-writes'),
    preVote: flag('prevote'),
    checkQuorum: flag('checkquorum'),
    readOnlyOption: readOnly,
    disableConfChangeValidation: flag('disable-conf-change-validation'),
    disableProposalForwarding: flag('disable-proposal-forwarding'),
    stepDownOnRemoval: flag('step-down-on-removal'),
  };
}

/** deliver-msgs 1 2 drop=(3) type=MsgApp: in the order of the arguments. */
function deliverMessages(lab: RaftLab, command: Command): void {
  const type = messageType(argValue(command, 'type'));
  let count = 0;
  for (const {key, values} of command.args) {
    if (values.length === 0) count += lab.deliver(toMemberId(parseNumber(command, key, 'member')), false, type);
    if (key !== 'drop') continue;
    for (const value of values) count += lab.deliver(toMemberId(parseNumber(command, value, 'drop')), true, type);
  }
  if (count === 0) lab.output.print('no messages\n');
}

function messageType(name: string | undefined): MessageType | undefined {
  if (name === undefined) return undefined;
  const type = MESSAGE_TYPES.find((known) => known === name);
  if (type === undefined) throw new InputError(`unknown message type ${name}`);
  return type;
}

/** stabilize 1 2 log-level=none: until nothing more happens; all members if none is named. */
function stabilize(lab: RaftLab, command: Command): void {
  const members = bareMembers(lab, command);
  const before = lab.output.level;
  const level = argValue(command, 'log-level');
  if (level !== undefined) setLevel(lab, level);
  try {
    lab.stabilize(members.length === 0 ? lab.members : members);
  } finally {
    lab.output.level = before;
  }
}

function setLevel(lab: RaftLab, name: string): void {
  const error = lab.output.setLevel(name);
  if (error !== undefined) throw new LabError(error);
}

const TRANSITIONS: ReadonlyMap<string, ConfChangeTransition> = new Map([
  ['auto', 'ConfChangeTransitionAuto'],
  ['implicit', 'ConfChangeTransitionJointImplicit'],
  ['explicit', 'ConfChangeTransitionJointExplicit'],
]);

/** propose-conf-change 1 v1=true transition=explicit, with 'v1 l2 r3 u4' as input. */
function proposeConfChange(lab: RaftLab, command: Command): void {
  for (const {key, values} of command.args.slice(1)) {
    if (values.length > 0 && key !== 'v1' && key !== 'transition') throw new LabError(`unknown command ${key}`);
  }
  const name = argValue(command, 'transition') ?? 'auto';
  const transition = TRANSITIONS.get(name);
  if (transition === undefined) throw new LabError(`unknown transition ${name}`);
  const changes = parseConfChanges(command.input);
  if (typeof changes === 'string') throw new LabError(changes);
  const {raw} = firstMember(lab, command);
  if (argValue(command, 'v1') !== 'true') {
    return failOn(raw.proposeConfChange(makeConfChangeV2(changes, {transition})));
  }
  const [only] = changes;
  if (changes.length > 1 || transition !== 'ConfChangeTransitionAuto') {
    throw new LabError('v1 conf change can only have one operation and no transition');
  }
  if (only === undefined) throw new InputError(`line ${command.line}: a v1 conf change needs an operation`);
  failOn(raw.proposeConfChange(makeConfChange(only.type, only.nodeId)));
}

function compact(lab: RaftLab, command: Command): void {
  const member = firstMember(lab, command);
  const refused = member.memory.compact(parseNumber(command, command.args[1]?.key ?? '', 'index'));
  if (refused !== undefined) throw new LabError('requested index is unavailable due to compaction');
  lab.printLog(member);
}

function twoMembers(lab: RaftLab, command: Command): readonly [LabMember, LabMember] {
  const [first, second, ...more] = bareMembers(lab, command);
  if (first === undefined || second === undefined || more.length > 0) {
    throw new LabError('must specify exactly two node indexes: node on which to report, and reported node');
  }
  return [first, second];
}

function tick(member: LabMember, count: number): void {
  for (let i = 0; i < count; i++) member.raw.tick();
}

const HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['_breakpoint', () => {}],
  ['add-nodes', addNodes],
  ['campaign', (lab, command) => firstMember(lab, command).raw.campaign()],
  ['compact', compact],
  ['deliver-msgs', deliverMessages],
  ['process-ready', (lab, command) => eachMember(lab, command, 'handling Ready', (m) => lab.processReady(m))],
  [
    'process-append-thread',
    (lab, command) => eachMember(lab, command, 'processing append thread', (m) => lab.processAppendThread(m)),
  ],
  [
    'process-apply-thread',
    (lab, command) => eachMember(lab, command, 'processing apply thread', (m) => lab.processApplyThread(m)),
  ],
  ['log-level', (lab, command) => setLevel(lab, command.args[0]?.key ?? '')],
  ['raft-log', (lab, command) => lab.printLog(firstMember(lab, command))],
  ['raft-state', (lab) => lab.printStates()],
  [
    'set-randomized-election-timeout',
    (lab, command) => firstMember(lab, command).raw.setRandomizedElectionTicks(argNumber(command, 'timeout')),
  ],
  ['stabilize', stabilize],
  ['status', (lab, command) => lab.printStatus(firstMember(lab, command))],
  [
    'tick-election',
    (lab, command) => {
      const member = firstMember(lab, command);
      tick(member, member.config.electionTicks);
    },
  ],
  [
    'tick-heartbeat',
    (lab, command) => {
      const member = firstMember(lab, command);
      tick(member, member.config.heartbeatTicks);
    },
  ],
  // tick 1 count=5
  ['tick', (lab, command) => tick(firstMember(lab, command), argNumber(command, 'count'))],
  [
    'transfer-leadership',
    (lab, command) =>
      lab.member(argNumber(command, 'from')).raw.transferLeader(lab.member(argNumber(command, 'to')).id),
  ],
  ['forget-leader', (lab, command) => firstMember(lab, command).raw.forgetLeader()],
  ['send-snapshot', (lab, command) => lab.sendSnapshot(...twoMembers(lab, command))],
  [
    'propose',
    (lab, command) => {
      if (command.args.length !== 2) throw new InputError(`line ${command.line}: propose takes a member and a text`);
      failOn(firstMember(lab, command).raw.propose(bytesOf(command.args[1]?.key ?? '')));
    },
  ],
  // propose-batch 1 a b c: several entries in one proposal.
  [
    'propose-batch',
    (lab, command) => {
      const entries = command.args.slice(1).map(({key}) => makeEntry({data: bytesOf(key)}));
      failOn(firstMember(lab, command).raw.proposeEntries(entries));
    },
  ],
  ['propose-conf-change', proposeConfChange],
  // read-index 1 context
  ['read-index', (lab, command) => firstMember(lab, command).raw.readIndex(bytesOf(command.args[1]?.key ?? ''))],
  [
    'report-unreachable',
    (lab, command) => {
      const [on, of] = twoMembers(lab, command);
      on.raw.reportUnreachable(of.id);
    },
  ],
  // report-snapshot 1 3 outcome=failed
  [
    'report-snapshot',
    (lab, command) => {
      const [on, of] = twoMembers(lab, command);
      on.raw.reportSnapshot(of.id, argValue(command, 'outcome') === 'failed' ? 'failed' : 'finished');
    },
  ],
  // restart 2: the process dies and starts again on what is stored.
  ['restart', (lab, command) => firstMember(lab, command).restart()],
  // duplicate-msgs 2: every message under way to the member arrives once more.
  ['duplicate-msgs', (lab, command) => lab.duplicate(firstMember(lab, command).id)],
]);
