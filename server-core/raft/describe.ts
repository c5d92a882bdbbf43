// server-core/raft/describe.ts: messages, entries and Ready in raft's own short form, for transcripts and traces.
// Promise: letter for letter what the Go Describe functions print. etcd: util.go.
import {fromBytes} from '../../base/byte-string.ts';
import type {MemberId} from '../../base/ids.ts';
import {formatId, NO_MEMBER} from '../../base/ids.ts';
import {WireError} from '../../base/wire.ts';
import type {AnyConfChange} from '../raftpb/conf-change.ts';
import {asConfChangeV2, confChangeOfEntry, formatConfChanges} from '../raftpb/conf-change.ts';
import {formatDecimalId} from '../raftpb/decimal-id.ts';
import type {ConfState, Entry, HardState, Message, Snapshot} from '../raftpb/types.ts';
import {isEmptySnapshot, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD} from '../raftpb/types.ts';
import {roleName} from './node.ts';
import type {ReadState, Ready, SoftState} from './types.ts';

const NO_DATA = new Uint8Array(0);
const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};

/** Bytes as Go's %q prints them, ASCII only: every other byte as \xNN (Go would keep printable UTF-8). */
export function quoteBytes(data: Uint8Array | undefined): string {
  let text = '"';
  for (const char of fromBytes(data ?? NO_DATA)) {
    const escaped = ESCAPES[char];
    const code = char.charCodeAt(0);
    if (escaped !== undefined) text += escaped;
    else if (code >= 0x20 && code < 0x7f) text += char;
    else text += `\\x${code.toString(16).padStart(2, '0')}`;
  }
  return `${text}"`;
}

export function describeHardState(state: HardState): string {
  const vote = state.vote === NO_MEMBER ? '' : ` Vote:${formatDecimalId(state.vote)}`;
  return `Term:${state.term}${vote} Commit:${state.commit}`;
}

export function describeSoftState(state: SoftState): string {
  return `Lead:${formatDecimalId(state.leader)} State:${roleName(state.role)}`;
}

const idList = (ids: readonly MemberId[]): string => `[${ids.map(formatDecimalId).join(' ')}]`;

export function describeConfState(state: ConfState): string {
  return (
    `Voters:${idList(state.voters)} VotersOutgoing:${idList(state.votersOutgoing)} ` +
    `Learners:${idList(state.learners)} LearnersNext:${idList(state.learnersNext)} AutoLeave:${state.autoLeave}`
  );
}

export function describeSnapshot({metadata}: Snapshot): string {
  return `Index:${metadata.index} Term:${metadata.term} ConfState:${describeConfState(metadata.confState)}`;
}

/** A membership change as v3.7.0's DescribeConfChange prints it (v3.6.0 prints the bare Go struct). */
export function describeConfChange(change: AnyConfChange): string {
  const {transition, changes, context} = asConfChangeV2(change);
  let text = `transition:${transition}`;
  for (const {type, nodeId} of changes) text += ` changes:{type:${type} node_id:${formatDecimalId(nodeId)}}`;
  if (context !== undefined && context.length > 0) text += ` context:${quoteBytes(context)}`;
  return text;
}

/** 'term/index type data': data quoted, a membership change as 'v1 r2'. */
export function describeEntry(entry: Entry): string {
  const content = describeEntryContent(entry);
  return `${entry.term}/${entry.index} ${entry.type}${content === '' ? '' : ` ${content}`}`;
}

function describeEntryContent(entry: Entry): string {
  try {
    const change = confChangeOfEntry(entry);
    return change === undefined ? quoteBytes(entry.data) : formatConfChanges(asConfChangeV2(change).changes);
  } catch (error) {
    if (error instanceof WireError) return error.message;
    throw error;
  }
}

/** One line each, every line ended. */
export function describeEntries(entries: readonly Entry[]): string {
  return entries.map((entry) => `${describeEntry(entry)}\n`).join('');
}

function describeTarget(id: MemberId): string {
  if (id === NO_MEMBER) return 'None';
  if (id === LOCAL_APPEND_THREAD) return 'AppendThread';
  return id === LOCAL_APPLY_THREAD ? 'ApplyThread' : formatId(id);
}

/** 'from->to type Term:t Log:term/index …', over several lines where it carries a list. */
export function describeMessage(message: Message, indent = ''): string {
  const {from, to, type, term, logTerm, index} = message;
  let text = `${indent}${describeTarget(from)}->${describeTarget(to)} ${type} Term:${term} Log:${logTerm}/${index}`;
  if (message.reject) text += ` Rejected (Hint: ${message.rejectHint})`;
  if (message.commit !== 0) text += ` Commit:${message.commit}`;
  if (message.vote !== NO_MEMBER) text += ` Vote:${formatDecimalId(message.vote)}`;
  const [first] = message.entries;
  if (first !== undefined && message.entries.length === 1) text += ` Entries:[${describeEntry(first)}]`;
  else if (first !== undefined) {
    const lines = message.entries.map((entry) => `\n${indent}  ${describeEntry(entry)}`);
    text += ` Entries:[${lines.join('')}\n${indent}]`;
  }
  if (message.snapshot !== undefined && !isEmptySnapshot(message.snapshot)) {
    text += `\n${indent}  Snapshot: ${describeSnapshot(message.snapshot)}`;
  }
  if (message.responses.length > 0) {
    const lines = message.responses.map((response) => `\n${describeMessage(response, `${indent}  `)}`);
    text += ` Responses:[${lines.join('')}\n${indent}]`;
  }
  return text;
}

/** As Go prints the struct: {index [bytes]}. */
export function describeReadState(state: ReadState): string {
  return `{${state.index} [${[...(state.requestContext ?? NO_DATA)].join(' ')}]}`;
}

/** Everything in a Ready, a part a line; '<empty Ready>' (no line end) if there is nothing. */
export function describeReady(ready: Ready): string {
  let text = '';
  if (ready.softState !== undefined) text += `${describeSoftState(ready.softState)}\n`;
  if (ready.hardState !== undefined) text += `HardState ${describeHardState(ready.hardState)}\n`;
  if (ready.readStates.length > 0) text += `ReadStates [${ready.readStates.map(describeReadState).join(' ')}]\n`;
  if (ready.entries.length > 0) text += `Entries:\n${describeEntries(ready.entries)}`;
  if (ready.snapshot !== undefined) text += `Snapshot ${describeSnapshot(ready.snapshot)}\n`;
  if (ready.committedEntries.length > 0) text += `CommittedEntries:\n${describeEntries(ready.committedEntries)}`;
  if (ready.messages.length > 0) {
    text += `Messages:\n${ready.messages.map((message) => `${describeMessage(message)}\n`).join('')}`;
  }
  return text === '' ? '<empty Ready>' : `Ready MustSync=${ready.mustSync}:\n${text}`;
}
