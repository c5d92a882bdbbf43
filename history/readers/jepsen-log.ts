// history/readers/jepsen-log.ts: what Jepsen's etcd test printed: reads, writes and compare-and-sets of one register.
// A line is `INFO  jepsen.util - <process>  :<type>  :<f>  <value>`. Types, as Jepsen defines them: invoke begins, ok
// ends with an answer, fail certainly did not take place (for a cas with its arguments: the compare failed), info may or
// may not have. Lines of the nemesis and of other loggers are passed over.
import {InputError} from '../../base/input-error.ts';
import {type HistoryReader, LineSplitter, quoteLine} from './lines.ts';
import {OpenCalls} from './open-calls.ts';
import type {RecordedCall} from './recorded-call.ts';

export type RegisterInput =
  | {readonly kind: 'read'}
  | {readonly kind: 'write'; readonly value: number}
  | {readonly kind: 'cas'; readonly from: number; readonly to: number};

export type RegisterOutput =
  /** Null: nil, never written. */
  | {readonly kind: 'read'; readonly value: number | null}
  | {readonly kind: 'write'}
  /** done false: the register held something else. */
  | {readonly kind: 'cas'; readonly done: boolean};

export type RegisterCall = RecordedCall<RegisterInput, RegisterOutput>;

const OPERATION_LINE = /^INFO\s+jepsen\.util\s+-\s+(\d{1,9})\s+:(invoke|ok|fail|info)\s+:(\S+)\s+(\S.*)$/;
const NEMESIS_LINE = /^(?:INFO|WARN)\s+jepsen\.util\s+-\s+:nemesis\s/;
const OTHER_LOGGER_LINE = /^(?:TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s+(?!jepsen\.util\s)[\w$.-]+\s+-\s/;
const NUMBER = /^-?\d{1,15}$/;
const PAIR = /^\[(-?\d{1,15})\s+(-?\d{1,15})\]$/;

const READ: RegisterInput = {kind: 'read'};
const WRITTEN: RegisterOutput = {kind: 'write'};
const CAS_DONE: RegisterOutput = {kind: 'cas', done: true};
const CAS_FAILED: RegisterOutput = {kind: 'cas', done: false};

/** A reader of one Jepsen log; `place` (a path) goes into errors. */
export function createJepsenLogReader(place: string): HistoryReader<RegisterCall[]> {
  const calls = new OpenCalls<RegisterInput, RegisterOutput>();
  const lines = new LineSplitter(place, (line, number) => {
    const reason = takeLine(calls, line);
    if (reason !== undefined) throw lines.error(number, reason);
  });
  return {
    push: (chunk) => lines.push(chunk),
    finish() {
      // A number that ends the file without a line end may have lost digits.
      lines.finish('needs-end');
      if (calls.count() === 0) throw new InputError(`${place}: line 1: no operation in the whole file`);
      return calls.finish();
    },
  };
}

/** Does this line look like one of Jepsen's? For telling formats apart. */
export function isJepsenLine(line: string): boolean {
  return OPERATION_LINE.test(line) || NEMESIS_LINE.test(line) || OTHER_LOGGER_LINE.test(line);
}

/** Takes one line; answers with what is wrong with it. */
function takeLine(calls: OpenCalls<RegisterInput, RegisterOutput>, line: string): string | undefined {
  const match = OPERATION_LINE.exec(line);
  if (match === null) {
    if (NEMESIS_LINE.test(line) || OTHER_LOGGER_LINE.test(line)) return undefined;
    return `not a line of a Jepsen log: ${quoteLine(line)}`;
  }
  const process = Number(match[1]);
  const type = match[2] as string;
  const f = match[3] as string;
  const value = (match[4] as string).trimEnd();
  if (f !== 'read' && f !== 'write' && f !== 'cas') return `:${f} is not an operation of a register (read, write, cas)`;
  if (type === 'invoke') {
    const input = parseInput(f, value);
    if (input === undefined) return `:${f} cannot take ${quoteLine(value)}`;
    return calls.begin(process, input);
  }
  const input = calls.openInput(process);
  if (input === undefined) return `:${type} of process ${process} without an :invoke before it`;
  if (input.kind !== f) return `:${type} :${f} of process ${process} ends its :${input.kind}`;
  return takeEnd(calls, process, input, type, value);
}

function takeEnd(
  calls: OpenCalls<RegisterInput, RegisterOutput>,
  process: number,
  input: RegisterInput,
  type: string,
  value: string,
): string | undefined {
  if (type === 'info') {
    if (input.kind === 'read') calls.drop(process);
    else calls.abandon(process);
    return undefined;
  }
  if (type === 'fail' && (input.kind !== 'cas' || value.startsWith(':'))) {
    if (!value.startsWith(':') && !isSameInput(input, value))
      return `:fail :${input.kind} cannot give ${quoteLine(value)}`;
    calls.drop(process);
    return undefined;
  }
  if (input.kind === 'read') {
    if (value !== 'nil' && !NUMBER.test(value)) return `:${type} :read cannot give ${quoteLine(value)}`;
    calls.answer(process, {kind: 'read', value: value === 'nil' ? null : Number(value)});
    return undefined;
  }
  if (!isSameInput(input, value))
    return `:${type} :${input.kind} gives ${quoteLine(value)}, which is not what was asked`;
  calls.answer(process, input.kind === 'write' ? WRITTEN : type === 'ok' ? CAS_DONE : CAS_FAILED);
  return undefined;
}

function parseInput(f: 'read' | 'write' | 'cas', value: string): RegisterInput | undefined {
  if (f === 'read') return value === 'nil' ? READ : undefined;
  if (f === 'write') return NUMBER.test(value) ? {kind: 'write', value: Number(value)} : undefined;
  const pair = PAIR.exec(value);
  return pair === null ? undefined : {kind: 'cas', from: Number(pair[1]), to: Number(pair[2])};
}

function isSameInput(input: RegisterInput, value: string): boolean {
  const again = parseInput(input.kind, value);
  if (again === undefined) return false;
  switch (again.kind) {
    case 'read':
      return true;
    case 'write':
      return input.kind === 'write' && input.value === again.value;
    case 'cas':
      return input.kind === 'cas' && input.from === again.from && input.to === again.to;
  }
}
